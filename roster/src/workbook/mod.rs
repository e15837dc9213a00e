//! Lists as xlsx workbooks: which sheet is the list, and its rows (§1).
//!
//! Sheets are read with passes of our own over their XML, row by row, and not with calamine: it does not
//! tell hidden rows, so a pass is needed anyway; it reserves as many strings as the file claims to have,
//! and an absurd claim ends the process; and it gives up a whole sheet over one error it does not know
//! (`#SPILL!`). A test holds that it and we see the same names in the samples.

mod package;
mod sheet;
mod strings;
mod styles;
mod xml;

use package::Package;
use sheet::{Opening, Shared};

use crate::columns::Columns;
use crate::report::{Ignored, Parts, Source};
use crate::rows::Sorter;
use crate::{Options, Unreadable, header};

/// Reads the list out of a workbook.
pub(crate) fn read(bytes: &[u8], options: &Options) -> Result<Parts, Unreadable> {
    let mut package = Package::open(bytes)?;
    let book = package.book()?;
    let strings = strings::read(package.part(book.strings.as_deref())?)?;
    let date_styles = styles::read(package.part(book.styles.as_deref())?)?;
    let shared = Shared { strings, date_styles, is_1904: book.is_1904 };

    let mut best: Option<(usize, Columns, Opening)> = None;
    let mut reasons = Vec::new();
    for (at, sheet) in book.sheets.iter().enumerate() {
        if !sheet.is_visible {
            reasons.push("hidden");
            continue;
        }
        let found = match package.part(sheet.path.as_deref())? {
            Some(part) => {
                let opening = sheet::opening(part, &shared)?;
                header::find(&opening.lines, &opening.merges).map(|columns| (columns, opening))
            }
            None => None,
        };
        reasons.push(if found.is_some() { "weaker header" } else { "no header" });
        if let Some((columns, opening)) = found
            && best.as_ref().is_none_or(|(_, b, _)| columns.known_labels() > b.known_labels())
        {
            best = Some((at, columns, opening));
        }
    }
    let (chosen, columns, opening) = best.ok_or(Unreadable::NoHeader)?;

    let mut list = Sorter::new(&columns, &opening.merges, options, shared.is_1904);
    if let Some(part) = package.part(book.sheets[chosen].path.as_deref())? {
        let mut rows = sheet::Rows::new(part, &shared);
        while let Some(line) = rows.next_line()? {
            list.push(line)?;
        }
    }
    let sorted = list.finish();
    let ignored = book.sheets.iter().zip(reasons).enumerate().filter(|(at, _)| *at != chosen);
    let sheets_ignored =
        ignored.map(|(_, (sheet, reason))| Ignored { sheet: sheet.name.clone(), reason }).collect();
    let sheet = book.sheets[chosen].name.clone();
    Ok(Parts { source: Source::Workbook { sheet, sheets_ignored }, columns, sorted })
}
