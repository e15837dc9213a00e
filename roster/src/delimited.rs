//! Lists as delimited text: UTF-8 or GB18030, divided by `,`, `;` or tabs, quoted as RFC 4180 says (§1).

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, UTF_8};

use crate::cell::{Cell, Line};
use crate::columns::Columns;
use crate::header::{self, SEARCHED_ROWS};
use crate::report::{Parts, Source};
use crate::rows::Sorter;
use crate::{MAX_COLUMNS, Options, Unreadable};

const DELIMITERS: [char; 3] = [',', ';', '\t'];

/// Reads a list from text.
pub(crate) fn read(bytes: &[u8], options: &Options) -> Result<Parts, Unreadable> {
    let (encoding, text) = decode(bytes)?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    if text.chars().all(char::is_whitespace) {
        return Err(Unreadable::Empty);
    }
    let (delimiter, columns) = best_header(text).ok_or(Unreadable::NoHeader)?;
    let mut list = Sorter::new(&columns, &[], options, false);
    for line in Records::new(text, delimiter) {
        list.push(line)?;
    }
    let sorted = list.finish();
    Ok(Parts { source: Source::Text { encoding, delimiter }, columns, sorted })
}

/// The delimiter under which a header is found best; of equals the first.
fn best_header(text: &str) -> Option<(char, Columns)> {
    let mut best: Option<(char, Columns)> = None;
    for delimiter in DELIMITERS {
        let first: Vec<Line> =
            Records::new(text, delimiter).take(SEARCHED_ROWS as usize + 1).collect();
        if let Some(found) = header::find(&first, &[])
            && best.as_ref().is_none_or(|(_, best)| found.known_labels() > best.known_labels())
        {
            best = Some((delimiter, found));
        }
    }
    best
}

/// The text, and the name of its encoding.
fn decode(bytes: &[u8]) -> Result<(&'static str, Cow<'_, str>), Unreadable> {
    let (encoding, text) = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => (encoding, encoding.decode(bytes).0),
        None => match std::str::from_utf8(bytes) {
            Ok(text) => (UTF_8, Cow::Borrowed(text)),
            Err(_) => (GB18030, GB18030.decode_without_bom_handling(bytes).0),
        },
    };
    if is_junk(&text) {
        return Err(Unreadable::NotText);
    }
    let name = match encoding.name() {
        "UTF-8" => "utf-8",
        "UTF-16LE" => "utf-16le",
        "UTF-16BE" => "utf-16be",
        _ => "gb18030",
    };
    Ok((name, text))
}

/// Whether this never was text: it holds a NUL, or a good part of it is undecodable or control characters.
fn is_junk(text: &str) -> bool {
    let mut bad = 0;
    let mut all = 0;
    for c in text.chars() {
        if c == '\0' {
            return true;
        }
        all += 1;
        bad += usize::from(c == '\u{FFFD}' || (c.is_control() && !c.is_whitespace()));
    }
    bad * 20 > all
}

/// The records of a text. An empty line is a record without content, for it has a number in Excel.
struct Records<'t> {
    rest: &'t str,
    delimiter: char,
    number: u32,
    /// How often a quote that never ends may still be taken for a plain character.
    second_chances: u8,
}

impl<'t> Records<'t> {
    fn new(text: &'t str, delimiter: char) -> Self {
        Self { rest: text, delimiter, number: 0, second_chances: 8 }
    }

    /// Takes a field off the front, up to the delimiter or line break that ends it.
    fn field(&mut self) -> Cow<'t, str> {
        if let Some(quoted) = self.rest.strip_prefix('"')
            && self.second_chances > 0
        {
            if let Some((value, rest)) = unquote(quoted) {
                return Cow::Owned(value + self.plain(rest));
            }
            // The quote is never closed. Rather than have it swallow every row below, it is a character.
            self.second_chances -= 1;
        }
        Cow::Borrowed(self.plain(self.rest))
    }

    fn plain(&mut self, text: &'t str) -> &'t str {
        let end = text.find([self.delimiter, '\n', '\r']).unwrap_or(text.len());
        let (field, rest) = text.split_at(end);
        self.rest = rest;
        field
    }

    /// Passes the line break; whether there was one.
    fn line_break(&mut self) -> bool {
        let after = ["\r\n", "\n", "\r"].iter().find_map(|b| self.rest.strip_prefix(b));
        if let Some(after) = after {
            self.rest = after;
        }
        after.is_some()
    }
}

/// What stands between quotes, after the first one: with its doubled quotes halved, and what follows.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"')?;
        value.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                value.push('"');
                rest = more;
            }
            None => return Some((value, after)),
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        if self.rest.is_empty() {
            return None;
        }
        self.number = self.number.saturating_add(1);
        let mut line = Line { number: self.number, ..Line::default() };
        for column in 0.. {
            let field = self.field();
            let value = unwrap(&field);
            // Beyond the last column one cell is enough to refuse the list.
            if !value.trim().is_empty() {
                line.set(MAX_COLUMNS.min(column), Cell::Text(value.to_owned()));
            }
            if let Some(rest) = self.rest.strip_prefix(self.delimiter) {
                self.rest = rest;
            } else {
                self.line_break();
                break;
            }
        }
        Some(line)
    }
}

/// Takes off what protects digits from Excel: `="…"` around them, or `'` before.
fn unwrap(field: &str) -> &str {
    let bare = field.trim();
    if let Some(inside) = bare.strip_prefix("=\"").and_then(|open| open.strip_suffix('"')) {
        return inside;
    }
    bare.strip_prefix('\'').unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str, delimiter: char) -> Vec<Vec<String>> {
        Records::new(text, delimiter)
            .map(|line| line.cells.iter().map(|cell| cell.raw().into_owned()).collect())
            .collect()
    }

    #[test]
    fn records_are_divided_as_rfc_4180_says() {
        for (text, delimiter, expected) in [
            ("a,b\r\nc,d", ',', vec![vec!["a", "b"], vec!["c", "d"]]),
            ("a;b\nc;d\n", ';', vec![vec!["a", "b"], vec!["c", "d"]]),
            ("a\t\"b\nc\"\rd", '\t', vec![vec!["a", "b\nc"], vec!["d"]]),
            ("\"a,\"\"b\"\"\",c", ',', vec![vec!["a,\"b\"", "c"]]),
            ("\"=\"\"007\"\"\",=\"008\",'009", ',', vec![vec!["007", "008", "009"]]),
            ("a\n\n,,b\n", ',', vec![vec!["a"], vec![], vec!["", "", "b"]]),
            ("\"a\"b,c", ',', vec![vec!["ab", "c"]]),
            ("a\"b\",c", ',', vec![vec!["a\"b\"", "c"]]),
            ("\"a,b\nc,d", ',', vec![vec!["\"a", "b"], vec!["c", "d"]]),
        ] {
            assert_eq!(records(text, delimiter), expected, "{text:?}");
        }
    }

    #[test]
    fn a_file_of_stray_quotes_is_read_in_linear_time() {
        let text = "\"a\n".repeat(300_001);
        assert!(Records::new(&text, ',').count() > 0);
    }

    #[test]
    fn encodings_are_told_apart() {
        for (bytes, name, text) in [
            ("姓名".as_bytes(), "utf-8", "姓名"),
            (b"\xEF\xBB\xBFa".as_slice(), "utf-8", "a"),
            (b"\xD0\xD5\xC3\xFB\x95\x32\x82\x36".as_slice(), "gb18030", "姓名\u{20000}"),
            (b"\xFF\xFEa\0".as_slice(), "utf-16le", "a"),
        ] {
            let (found, decoded) = decode(bytes).unwrap();
            assert_eq!((found, decoded.trim_start_matches('\u{FEFF}')), (name, text));
        }
        assert_eq!(decode(b"a\0b"), Err(Unreadable::NotText));
        assert_eq!(decode(&[1, 2, 3, 4, 5, 6]), Err(Unreadable::NotText));
    }
}
