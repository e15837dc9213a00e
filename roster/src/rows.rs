//! Goes through the rows below a header and sorts them: people, headings, totals, blanks.

use crate::cell::Line;
use crate::columns::Columns;
use crate::fill::{Fill, Merge};
use crate::kind::{self, Sort};
use crate::person::{self, Context};
use crate::report::{Outcome, Row, Skipped};
use crate::{Code, Kind, MAX_COLUMNS, MAX_ROWS, Options, Unreadable};

/// The rows of a list, sorted; nothing compared yet.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) rows: Vec<Row>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) blank: Vec<u32>,
    /// Whether a heading gave districts to rows.
    pub(crate) has_sections: bool,
}

/// Sorts rows as they are pushed, in the order of the file.
pub(crate) struct Sorter<'a> {
    context: Context<'a>,
    fill: Fill,
    section: Option<String>,
    header: u32,
    /// The last row with any content.
    last: u32,
    /// Rows that are not blank.
    taken: Vec<u32>,
    sorted: Sorted,
}

impl<'a> Sorter<'a> {
    pub(crate) fn new(
        columns: &'a Columns,
        merges: &[Merge],
        options: &'a Options,
        is_1904: bool,
    ) -> Self {
        let header = columns.rows.last().copied().unwrap_or(0);
        Self {
            context: Context { options, is_1904, columns },
            fill: Fill::below(header, merges),
            section: None,
            header,
            last: header,
            taken: Vec::new(),
            sorted: Sorted::default(),
        }
    }

    /// Takes the next row. Rows of the header and above it are passed over.
    pub(crate) fn push(&mut self, mut line: Line) -> Result<(), Unreadable> {
        let has_content = |cell: &crate::cell::Cell| cell.note().is_some();
        if line.cells.iter().skip(MAX_COLUMNS).any(has_content) {
            return Err(Unreadable::TooManyColumns);
        }
        if line.number <= self.header {
            return Ok(());
        }
        if !line.cells.iter().any(has_content) {
            return Ok(());
        }
        if line.number - self.header > MAX_ROWS {
            return Err(Unreadable::TooManyRows);
        }
        if line.cells.iter().any(|cell| cell.text().is_some()) {
            self.last = self.last.max(line.number);
        }
        self.fill.apply(&mut line);
        match kind::sort(&line, self.context.columns) {
            Sort::Blank => return Ok(()),
            Sort::Skipped(kind) => self.sorted.skipped.push(Skipped { row: line.number, kind }),
            Sort::Section(heading) => {
                self.sorted.skipped.push(Skipped { row: line.number, kind: Kind::Section });
                self.sorted.has_sections = true;
                self.section = Some(heading);
            }
            Sort::Data => self.read(&line),
        }
        self.last = self.last.max(line.number);
        self.taken.push(line.number);
        Ok(())
    }

    fn read(&mut self, line: &Line) {
        let (record, mut codes) = person::read(line, self.section.as_deref(), self.context);
        let rejected = codes.iter().any(|code| code.rejects());
        if rejected {
            codes.retain(|code| code.rejects());
        }
        let outcome =
            if rejected { Outcome::Rejected } else { Outcome::Kept { merged: Vec::new() } };
        if line.hidden {
            codes.insert(Code::HiddenRow);
        }
        self.sorted.rows.push(Row { number: line.number, outcome, codes, record });
    }

    /// Every row sorted; blank are those up to the last content that hold nothing else.
    pub(crate) fn finish(mut self) -> Sorted {
        self.taken.sort_unstable();
        self.sorted.blank = (self.header + 1..=self.last)
            .filter(|row| self.taken.binary_search(row).is_err())
            .collect();
        self.sorted
    }
}
