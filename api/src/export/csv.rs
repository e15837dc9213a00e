//! Rows into CSV that a Chinese Excel opens rightly: UTF-8 with its mark, CRLF, quoted by RFC 4180, and no cell that
//! a spreadsheet would run. It knows nothing of what the rows mean, and cannot keep long digits from being read as
//! numbers: that needs XLSX.
//!
//! A cell that would be taken for a formula is made harmless by an apostrophe before it and never by leaving
//! anything out, so `+8613…` keeps its plus. OWASP's page on CSV injection names `=` `+` `-` `@`, tab, CR and LF at
//! the start of a cell; a spreadsheet of an East Asian locale also takes the full-width `＝` `＋` `－` `＠`. Spaces
//! before them do not help, since some programs trim, so the first character that is seen decides. What OWASP says
//! of separators and quotes within a cell is met by RFC 4180, as long as the reader separates by commas.

use std::{borrow::Cow, fmt::Write};

use super::cell::{Cell, write_day, write_instant};

/// Excel takes a file without this for GBK.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Turns rows into bytes, piece by piece, so that a response body can stream them in bounded memory: write some
/// rows, [`take`](Self::take) what has gathered, send it, go on.
pub struct Csv {
    writer: csv::Writer<Vec<u8>>,
    /// Where numbers and times are written before they become cells.
    scratch: String,
}

impl Default for Csv {
    fn default() -> Self {
        Self::new()
    }
}

impl Csv {
    #[must_use]
    pub fn new() -> Self {
        Self { writer: writer(MARK.to_vec()), scratch: String::new() }
    }

    /// Adds a row of cells of any kind.
    ///
    /// # Errors
    /// None that is known, since it writes to memory.
    pub fn cells<'a>(
        &mut self,
        cells: impl IntoIterator<Item = Cell<'a>>,
    ) -> Result<(), csv::Error> {
        for cell in cells {
            self.scratch.clear();
            let out = &mut self.scratch;
            // Writing to a text does not fail.
            match cell {
                Cell::Text(text) => {
                    self.writer.write_field(harmless(text).as_ref())?;
                    continue;
                }
                Cell::Instant(at) => write_instant(at, out),
                Cell::Day(day) => write_day(day, out),
                Cell::Number(number) if number.is_finite() => {
                    let _ = write!(out, "{number}");
                }
                Cell::Share(share) if share.is_finite() => {
                    let _ = write!(out, "{:.1}%", share * 100.0);
                }
                Cell::Number(_) | Cell::Share(_) | Cell::Empty => {}
            }
            self.writer.write_field(self.scratch.as_bytes())?;
        }
        self.writer.write_record(None::<&[u8]>)
    }

    /// Adds a row. Rows may differ in length.
    ///
    /// # Errors
    /// None that is known, since it writes to memory.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) -> Result<(), csv::Error> {
        for cell in cells {
            self.writer.write_field(harmless(cell).as_ref())?;
        }
        self.writer.write_record(None::<&[u8]>)
    }

    /// How many bytes [`take`](Self::take) would give at least; the last few rows may not be counted yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.writer.get_ref().len()
    }

    /// Whether no bytes are counted yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives what was written since the last time. The first piece begins with the byte order mark.
    ///
    /// # Errors
    /// None that is known, since it writes to memory.
    pub fn take(&mut self) -> Result<Vec<u8>, csv::Error> {
        let full = std::mem::replace(&mut self.writer, writer(Vec::new()));
        full.into_inner().map_err(|e| e.into_error().into())
    }
}

fn writer(buffer: Vec<u8>) -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).flexible(true).from_writer(buffer)
}

/// The cell as it can be written, with an apostrophe before it if a spreadsheet might run it.
#[must_use]
pub fn harmless(cell: &str) -> Cow<'_, str> {
    let seen =
        cell.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c));
    if cell.starts_with(char::is_control) || seen.starts_with(is_trigger) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

/// The signs that begin a formula, with their full-width and small forms and the typographic minus.
fn is_trigger(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫' | '−')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(rows: &[&[&str]]) -> String {
        let mut csv = Csv::new();
        for row in rows {
            csv.row(row.iter().copied()).unwrap();
        }
        String::from_utf8(csv.take().unwrap()).unwrap()
    }

    #[test]
    fn what_might_run_is_prefixed_and_kept_whole() {
        for cell in [
            "=1+1",
            "+8613800138000",
            "-1",
            "@x",
            "\tx",
            "\rx",
            "\nx",
            "\0=1",
            "＝1",
            "＋1",
            "－1",
            "＠a",
            " =1",
            "\u{3000}=1",
            "\u{a0}@a",
            "\u{feff}=1",
            "−1",
        ] {
            assert_eq!(harmless(cell), format!("'{cell}"));
        }
        for cell in [
            "",
            "张伟",
            "a=b",
            "1-2",
            "'=1",
            "　张",
            " ",
            "https://例.cn",
            "330302199001011234",
            "·",
        ] {
            assert_eq!(harmless(cell), cell);
        }
    }

    #[test]
    fn the_bytes_are_what_excel_expects() {
        let got = text(&[
            &["姓名", "备注"],
            &["张,伟", "说\"好\"\r\n再见"],
            &["", "𠅤䶮"],
            &["+86", "only; this"],
            &[""],
        ]);
        let expected = "\u{feff}姓名,备注\r\n\"张,伟\",\"说\"\"好\"\"\r\n再见\"\r\n,𠅤䶮\r\n'+86,only; this\r\n\"\"\r\n";
        assert_eq!(got, expected);
    }

    #[test]
    fn cells_of_every_kind_are_written() {
        let at = chrono::NaiveDate::from_ymd_opt(2026, 11, 25).unwrap();
        let mut csv = Csv::new();
        csv.cells([
            Cell::Text("=1"),
            Cell::Instant(at.and_hms_opt(18, 0, 9).unwrap()),
            Cell::Day(at),
            Cell::Number(12.0),
            Cell::Number(f64::NAN),
            Cell::Share(2.0 / 3.0),
            Cell::Empty,
        ])
        .unwrap();
        let got = String::from_utf8(csv.take().unwrap()).unwrap();
        assert_eq!(got, "\u{feff}'=1,2026-11-25 18:00:09,2026-11-25,12,,66.7%,\r\n");
    }

    #[test]
    fn pieces_make_the_whole() {
        let mut csv = Csv::new();
        let mut pieces = Vec::new();
        for n in 0..1000 {
            csv.row([n.to_string().as_str(), "张伟"]).unwrap();
            if n % 7 == 0 {
                pieces.extend(csv.take().unwrap());
                assert!(csv.is_empty());
            }
        }
        pieces.extend(csv.take().unwrap());
        let whole = String::from_utf8(pieces).unwrap();
        assert_eq!(whole.matches('\u{feff}').count(), 1);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(whole.trim_start_matches('\u{feff}').as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!((rows.len(), &rows[999][0], &rows[999][1]), (1000, "999", "张伟"));
    }
}
