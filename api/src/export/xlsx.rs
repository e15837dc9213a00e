//! Rows into an XLSX workbook in constant memory: every row goes to a temporary file as it comes. It knows nothing
//! of what the rows mean.
//!
//! A phone, a code or an identity number is a text cell, so that Excel neither rounds nor runs it; text never
//! becomes a formula. Rows are written in order and cannot be changed afterwards.
//!
//! Everything here blocks: call it on a blocking thread. The library beneath panics when the temporary directory
//! is full, which reaches the caller as a failed task and must be answered as a failed export.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{Seek, Write};
use std::path::Path;

use chrono::{DateTime, NaiveDate, Utc};
use rust_xlsxwriter::{
    Color, ConditionalFormatFormula, DocProperties, Format, FormatAlign, FormatBorder, IgnoreError,
    Worksheet, XlsxError,
};

use super::cell::Cell;

/// Rows of a sheet that Excel can hold.
const ROWS: u32 = 1_048_576;
/// UTF-16 units that a cell can hold.
const UNITS: usize = 32_767;
/// Rows whose height is set, at most: the library remembers each, at some 300 bytes.
const HEIGHTS: u32 = 20_000;
/// The rows of the title and of the column headings.
const TITLE: u32 = 0;
const HEADER: u32 = 1;

/// A column of a sheet. Its width is in characters of the normal font, as Excel counts; a Han character takes two.
#[derive(Debug, Clone)]
pub struct Column {
    pub title: String,
    pub width: f64,
}

impl Column {
    #[must_use]
    pub fn new(title: impl Into<String>, width: f64) -> Self {
        Self { title: title.into(), width }
    }
}

/// What the file says of itself. `at` is when it was made; the library's own clock is not asked.
#[derive(Debug, Clone)]
pub struct About {
    pub title: String,
    pub author: String,
    pub at: DateTime<Utc>,
    /// Stands below the rows of each sheet, an empty row between, where filters do not take it for one of them.
    pub note: Option<String>,
}

/// A workbook being written, sheet after sheet.
pub struct Workbook {
    book: rust_xlsxwriter::Workbook,
    formats: Formats,
    names: HashSet<String>,
    open: Option<Sheet>,
    note: Option<String>,
    limit: u32,
    /// How many rows may still have their height set.
    heights: u32,
}

struct Sheet {
    worksheet: Worksheet,
    /// As it was asked for, for the sheets that continue this one.
    name: String,
    title: String,
    columns: Vec<Column>,
    /// The next row to write.
    next: u32,
}

struct Formats {
    title: Format,
    header: Format,
    text: Format,
    instant: Format,
    day: Format,
    number: Format,
    share: Format,
    note: Format,
    /// The lines of the table. A format that each cell names costs more than what it holds, empty ones had to be written
    /// too, and with a column's the lines would go on below the list.
    grid: ConditionalFormatFormula,
}

impl Workbook {
    /// Begins a workbook whose temporary files go to `tempdir`. They are deleted when it is saved or dropped.
    ///
    /// # Errors
    /// When the directory cannot be written to.
    pub fn new(tempdir: &Path, about: &About) -> Result<Self, XlsxError> {
        let mut book = rust_xlsxwriter::Workbook::new();
        book.set_tempdir(tempdir)?;
        let title = clean(&about.title, 255);
        let author = clean(&about.author, 255);
        let properties = DocProperties::new().set_title(&*title).set_author(&*author);
        book.set_properties(&properties.set_creation_datetime(&about.at));
        Ok(Self {
            book,
            formats: Formats::new(),
            names: HashSet::new(),
            open: None,
            note: about.note.clone(),
            // Room for the note.
            limit: ROWS - 2,
            heights: HEIGHTS,
        })
    }

    /// Begins a sheet and ends the one before it. The name is made one that Excel takes and that no other sheet
    /// has; the title stands in a merged row above the headings. Returns the name that the sheet got.
    ///
    /// # Errors
    /// When a temporary file cannot be made, or there are more columns than Excel has.
    pub fn sheet(
        &mut self,
        name: &str,
        title: &str,
        columns: Vec<Column>,
    ) -> Result<String, XlsxError> {
        self.close()?;
        self.begin(name.to_owned(), title.to_owned(), columns)
    }

    /// Adds a row to the sheet begun last, and goes on to another sheet when that one is full. Cells beyond the
    /// columns are written too; missing ones are empty.
    ///
    /// # Errors
    /// When no sheet was begun, or a temporary file cannot be made.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), XlsxError> {
        if self.open.as_ref().is_some_and(|sheet| sheet.next >= self.limit)
            && let Some(full) = self.close()?
        {
            self.begin(full.name, full.title, full.columns)?;
        }
        let Some(sheet) = &mut self.open else {
            return Err(XlsxError::ParameterError("a row before the first sheet".to_owned()));
        };
        let row = sheet.next;
        let texts = cells.iter().zip(&sheet.columns).map(|(cell, column)| match cell {
            Cell::Text(text) => lines(text, column.width),
            _ => 1,
        });
        if let lines @ 2.. = texts.max().unwrap_or(1)
            && self.heights > 0
        {
            // Excel finds the height of wrapped text by itself; LibreOffice does not.
            sheet.worksheet.set_row_height(row, f64::from(lines * 15))?;
            self.heights -= 1;
        }
        for (col, cell) in (0u16..).zip(cells) {
            self.formats.write(&mut sheet.worksheet, row, col, *cell)?;
        }
        sheet.next += 1;
        Ok(())
    }

    /// Ends the workbook and writes it to a file.
    ///
    /// # Errors
    /// When the file cannot be written. A workbook without sheets gets an empty one.
    pub fn save(mut self, path: &Path) -> Result<(), XlsxError> {
        self.close()?;
        self.book.save(path)
    }

    /// Ends the workbook and writes it elsewhere.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn save_to(mut self, writer: impl Write + Seek + Send) -> Result<(), XlsxError> {
        self.close()?;
        self.book.save_to_writer(writer)
    }

    fn begin(
        &mut self,
        name: String,
        title: String,
        columns: Vec<Column>,
    ) -> Result<String, XlsxError> {
        let free = self.free_name(&name);
        let mut worksheet = self.book.new_worksheet_with_constant_memory()?;
        worksheet.set_name(&free)?;
        worksheet
            .set_paper_size(9)
            .set_landscape()
            .set_print_fit_to_pages(1, 0)
            .set_print_center_horizontally(true);
        worksheet.set_margins(0.4, 0.4, 0.5, 0.6, 0.3, 0.3).set_footer("&C第 &P 页，共 &N 页");
        worksheet.set_repeat_rows(TITLE, HEADER)?.set_freeze_panes(HEADER + 1, 0)?;
        for (col, column) in (0u16..).zip(&columns) {
            worksheet.set_column_width(col, column.width)?;
            worksheet.set_column_format(col, &self.formats.text)?;
        }
        let heading = clean(&title, UNITS);
        worksheet.set_row_height(TITLE, 30)?.set_row_height(HEADER, 22)?;
        match u16::try_from(columns.len().saturating_sub(1)) {
            Ok(last @ 1..) => {
                worksheet.merge_range(TITLE, 0, TITLE, last, &heading, &self.formats.title)?
            }
            _ => worksheet.write_string_with_format(TITLE, 0, &*heading, &self.formats.title)?,
        };
        for (col, column) in (0u16..).zip(&columns) {
            worksheet.write_string_with_format(
                HEADER,
                col,
                &*clean(&column.title, UNITS),
                &self.formats.header,
            )?;
        }
        self.open = Some(Sheet { worksheet, name, title, columns, next: HEADER + 1 });
        Ok(free)
    }

    fn close(&mut self) -> Result<Option<Sheet>, XlsxError> {
        let Some(mut sheet) = self.open.take() else { return Ok(None) };
        if let Ok(width @ 1..) = u16::try_from(sheet.columns.len()) {
            let (last, worksheet) = (sheet.next - 1, &mut sheet.worksheet);
            worksheet.autofilter(HEADER, 0, last, width - 1)?;
            worksheet.add_conditional_format(HEADER, 0, last, width - 1, &self.formats.grid)?;
            // Otherwise Excel marks every phone with a green corner.
            worksheet.ignore_error_range(
                HEADER,
                0,
                last,
                width - 1,
                IgnoreError::NumberStoredAsText,
            )?;
            if let Some(note) = &self.note {
                let (row, note) = (last + 2, clean(note, UNITS));
                worksheet.set_row_height(row, 30)?;
                if width > 1 {
                    worksheet.merge_range(row, 0, row, width - 1, &note, &self.formats.note)?;
                } else {
                    worksheet.write_string_with_format(row, 0, &*note, &self.formats.note)?;
                }
            }
        }
        let full = std::mem::replace(&mut sheet.worksheet, Worksheet::new());
        self.book.push_worksheet(full);
        Ok(Some(sheet))
    }

    /// A name that Excel takes and no sheet has: at most 31 UTF-16 units, without `[ ] : * ? / \` and control
    /// characters, not within apostrophes, not the reserved "History", told apart without regard to case.
    fn free_name(&mut self, wanted: &str) -> String {
        let is_bad = |c: char| {
            c.is_control()
                || "[]:*?/\\：？＊／＼［］".contains(c)
                || matches!(c, '\u{fffe}' | '\u{ffff}')
        };
        let safe: String = wanted.chars().map(|c| if is_bad(c) { ' ' } else { c }).collect();
        let safe = safe.split_whitespace().collect::<Vec<_>>().join(" ");
        let edge = |c: char| c == '\'' || c.is_whitespace();
        let mut base = safe.trim_matches(edge);
        if base.is_empty() || base.eq_ignore_ascii_case("history") {
            base = "名单";
        }
        for n in 1.. {
            let suffix = if n == 1 { String::new() } else { format!(" ({n})") };
            let name = format!("{}{suffix}", fit(base, 31 - suffix.len()).trim_end_matches(edge));
            if self.names.insert(name.to_lowercase()) {
                return name;
            }
        }
        base.to_owned()
    }
}

impl Formats {
    fn new() -> Self {
        let cell = Format::new().set_align(FormatAlign::VerticalCenter);
        let lines = Format::new().set_border(FormatBorder::Thin);
        Self {
            title: cell.clone().set_bold().set_font_size(16).set_align(FormatAlign::Center),
            header: cell
                .clone()
                .set_bold()
                .set_align(FormatAlign::Center)
                .set_text_wrap()
                .set_background_color(Color::RGB(0x00E7_EEF7))
                .set_border(FormatBorder::Thin),
            text: cell.clone().set_num_format("@").set_text_wrap(),
            instant: cell.clone().set_num_format("yyyy-mm-dd hh:mm"),
            day: cell.clone().set_num_format("yyyy-mm-dd"),
            share: cell.clone().set_num_format("0.0%"),
            note: Format::new().set_font_color(Color::Gray).set_text_wrap(),
            number: cell,
            grid: ConditionalFormatFormula::new().set_rule("TRUE").set_format(lines),
        }
    }

    fn write(
        &self,
        sheet: &mut Worksheet,
        row: u32,
        col: u16,
        cell: Cell<'_>,
    ) -> Result<(), XlsxError> {
        match cell {
            Cell::Text(text) => sheet.write_string(row, col, &*clean(text, UNITS))?,
            Cell::Number(number) if number.is_finite() => {
                sheet.write_number_with_format(row, col, number, &self.number)?
            }
            Cell::Share(share) if share.is_finite() => {
                sheet.write_number_with_format(row, col, share, &self.share)?
            }
            Cell::Number(_) | Cell::Share(_) | Cell::Empty => sheet,
            Cell::Instant(at) if in_range(at.date()) => {
                sheet.write_datetime_with_format(row, col, at, &self.instant)?
            }
            Cell::Day(day) if in_range(day) => {
                sheet.write_datetime_with_format(row, col, day, &self.day)?
            }
            Cell::Instant(at) => {
                sheet.write_string(row, col, at.format("%Y-%m-%d %H:%M").to_string())?
            }
            Cell::Day(day) => sheet.write_string(row, col, day.to_string())?,
        };
        Ok(())
    }
}

/// Excel knows no day before March 1900 that other programs agree on, and none after 9999; such a one is text.
fn in_range(day: NaiveDate) -> bool {
    use chrono::Datelike;
    (1901..=9999).contains(&day.year())
}

/// Text as a cell can hold it: lines end in LF, and what XML has no way to say is dropped (the library would write
/// it as `_x0001_`, which other programs show as it stands). Too long a text ends in `…`.
fn clean(text: &str, units: usize) -> Cow<'_, str> {
    let is_bad =
        |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    let mut text = Cow::Borrowed(text);
    if text.contains(is_bad) {
        text = Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n").replace(is_bad, ""));
    }
    // A text of so few bytes has as few units, and need not be counted.
    if text.len() > units && text.encode_utf16().count() > units {
        text = Cow::Owned(format!("{}…", fit(&text, units - 1)));
    }
    text
}

/// How many lines a text takes in a column, about, and no more than the highest row can show: a Han character is as wide as two others and a bit.
fn lines(text: &str, width: f64) -> u32 {
    let needed = |line: &str| {
        // Most texts are short, and no byte is wider than this.
        if u32::try_from(line.len()).is_ok_and(|bytes| f64::from(bytes) * 1.08 <= width) {
            return 1;
        }
        let used: f64 = line.chars().map(|c| if c.is_ascii() { 1.0 } else { 2.15 }).sum();
        (1..27).find(|&n| used <= f64::from(n) * width.max(1.0)).unwrap_or(27)
    };
    text.lines().take(27).map(needed).sum::<u32>().clamp(1, 27)
}

/// The longest beginning of at most so many UTF-16 units.
fn fit(text: &str, units: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += c.len_utf16();
        used > units
    });
    end.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests;
