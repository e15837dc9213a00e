//! The rows of a sheet, read one after the other; the used range it declares is not believed.

use std::io::{BufReader, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::strings::Strings;
use super::xml;
use crate::cell::{Cell, DAYS_1904, Line};
use crate::fill::Merge;
use crate::header::SEARCHED_ROWS;
use crate::{MAX_COLUMNS, MAX_ROWS, Unreadable};

/// The last row a sheet can have.
const LAST_ROW: u32 = 1_048_576;
/// More merges than a list of people has use for; further ones are not applied.
const MAX_MERGES: usize = 500_000;

/// What the sheets of a workbook have in common.
pub(super) struct Shared {
    pub(super) strings: Strings,
    pub(super) date_styles: Vec<bool>,
    pub(super) is_1904: bool,
}

/// What is needed to find a header.
pub(super) struct Opening {
    pub(super) lines: Vec<Line>,
    pub(super) merges: Vec<Merge>,
}

/// The rows a header can stand in, and the merges, which come last in the part.
pub(super) fn opening<R: Read>(part: R, shared: &Shared) -> Result<Opening, Unreadable> {
    let mut rows = Rows::new(part, shared);
    let mut lines = Vec::new();
    while let Some(line) = rows.next_line()? {
        if line.number > SEARCHED_ROWS + 1 {
            break;
        }
        lines.push(line);
    }
    let mut merges = Vec::new();
    loop {
        match xml::next(&mut rows.xml, &mut rows.buffer)? {
            Event::Start(element) if element.local_name().into_inner() == "mergeCell" => {
                let merge = xml::attribute(&element, "ref").and_then(|range| merge(&range));
                if merges.len() < MAX_MERGES {
                    merges.extend(merge);
                }
            }
            Event::Eof => return Ok(Opening { lines, merges }),
            _ => {}
        }
    }
}

/// The rows of a sheet in the order of its part.
pub(super) struct Rows<'s, R: Read> {
    xml: Reader<BufReader<R>>,
    buffer: Vec<u8>,
    shared: &'s Shared,
    row: u32,
    text: String,
}

/// Where a cell stands and how its value is meant.
struct Head {
    column: usize,
    style: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Shared,
    Number,
    Text,
    Flag,
    Error,
}

impl<'s, R: Read> Rows<'s, R> {
    pub(super) fn new(part: R, shared: &'s Shared) -> Self {
        Self { xml: xml::reader(part), buffer: Vec::new(), shared, row: 0, text: String::new() }
    }

    /// The next row that the part has, be it empty.
    pub(super) fn next_line(&mut self) -> Result<Option<Line>, Unreadable> {
        loop {
            match xml::next(&mut self.xml, &mut self.buffer)? {
                Event::Start(element) if element.local_name().into_inner() == "row" => {
                    let mut line = Line { number: self.row + 1, ..Line::default() };
                    for (name, value) in xml::attributes(&element) {
                        match name {
                            "r" => line.number = row_number(&value).unwrap_or(line.number),
                            "hidden" => line.hidden = xml::says_yes(&value),
                            _ => {}
                        }
                    }
                    self.row = line.number;
                    if line.number > LAST_ROW {
                        return Err(Unreadable::Damaged);
                    }
                    self.cells(&mut line)?;
                    return Ok(Some(line));
                }
                Event::End(element) if element.local_name().into_inner() == "sheetData" => {
                    return Ok(None);
                }
                // A part without rows is no worksheet, but no damage either.
                Event::Eof if self.row == 0 => return Ok(None),
                Event::Eof => return Err(Unreadable::Damaged),
                _ => {}
            }
        }
    }

    /// Reads cells to the end of the row.
    fn cells(&mut self, line: &mut Line) -> Result<(), Unreadable> {
        let mut next_column = 0;
        loop {
            match xml::next(&mut self.xml, &mut self.buffer)? {
                Event::Start(element) if element.local_name().into_inner() == "c" => {
                    let head = head(&element, next_column);
                    next_column = head.column + 1;
                    let cell = self.cell(&head)?;
                    if cell != Cell::Empty {
                        // Beyond the last column one cell is enough to refuse the list.
                        line.set(head.column.min(MAX_COLUMNS), cell);
                    }
                }
                Event::End(element) if element.local_name().into_inner() == "row" => return Ok(()),
                Event::Eof => return Err(Unreadable::Damaged),
                _ => {}
            }
        }
    }

    /// Reads to the end of a cell. Of a formula only its cached value counts.
    fn cell(&mut self, head: &Head) -> Result<Cell, Unreadable> {
        self.text.clear();
        let mut in_value = false;
        loop {
            match xml::next(&mut self.xml, &mut self.buffer)? {
                Event::Start(element) => match element.local_name().into_inner() {
                    "v" => in_value = true,
                    "is" => {
                        self.text.clear();
                        xml::rich_text(&mut self.xml, &mut self.buffer, "is", &mut self.text)?;
                    }
                    _ => {}
                },
                Event::End(element) => match element.local_name().into_inner() {
                    "v" => in_value = false,
                    "c" => return Ok(value(&self.text, head, self.shared)),
                    _ => {}
                },
                Event::Eof => return Err(Unreadable::Damaged),
                event if in_value => xml::push_text(&event, &mut self.text),
                _ => {}
            }
        }
    }
}

fn head(element: &BytesStart<'_>, next_column: usize) -> Head {
    let mut head = Head { column: next_column, style: 0, kind: Kind::Number };
    for (name, value) in xml::attributes(element) {
        match name {
            "r" => head.column = place(&value).map_or(next_column, |(column, _)| column),
            "s" => head.style = value.parse().unwrap_or(0),
            "t" => {
                head.kind = match value.as_ref() {
                    "s" => Kind::Shared,
                    "b" => Kind::Flag,
                    "e" => Kind::Error,
                    // ISO dates are text to us: they are read as dates where a date belongs.
                    "str" | "inlineStr" | "d" => Kind::Text,
                    _ => Kind::Number,
                }
            }
            _ => {}
        }
    }
    head
}

fn value(text: &str, head: &Head, shared: &Shared) -> Cell {
    let of_text = |text: &str| match xml::resolve_escapes(text) {
        text if text.is_empty() => Cell::Empty,
        text => Cell::Text(text.into_owned()),
    };
    match head.kind {
        _ if text.is_empty() => Cell::Empty,
        Kind::Text => of_text(text),
        Kind::Error => Cell::Error,
        Kind::Flag => Cell::Flag(xml::says_yes(text.trim())),
        Kind::Shared => {
            let index = text.trim().parse().ok();
            index.and_then(|index| shared.strings.get(index)).map_or(Cell::Empty, of_text)
        }
        Kind::Number => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => {
                if shared.date_styles.get(head.style) == Some(&true) {
                    Cell::Date(number + if shared.is_1904 { DAYS_1904 } else { 0.0 })
                } else {
                    Cell::Number(number)
                }
            }
            _ => of_text(text),
        },
    }
}

/// A merge, cut to what a list can have; `None` when nothing of it is left.
fn merge(range: &str) -> Option<Merge> {
    let (first, last) = range.split_once(':')?;
    let (first_column, first_row) = place(first)?;
    let (last_column, last_row) = place(last)?;
    let merge = Merge {
        first_row,
        last_row: last_row.min(SEARCHED_ROWS + 1 + MAX_ROWS),
        first_column,
        last_column: last_column.min(MAX_COLUMNS),
    };
    let is_some = merge.first_column < MAX_COLUMNS
        && merge.first_row <= merge.last_row
        && merge.first_column <= merge.last_column;
    is_some.then_some(merge)
}

/// Column from 0 and row from 1 of a reference like `AB12`.
fn place(reference: &str) -> Option<(usize, u32)> {
    let reference = reference.trim_start_matches('$');
    let letters = reference.bytes().take_while(u8::is_ascii_alphabetic).count();
    if !(1..=3).contains(&letters) {
        return None;
    }
    let (letters, digits) = reference.split_at(letters);
    let column =
        letters.bytes().fold(0, |sum, b| sum * 26 + usize::from(b.to_ascii_uppercase() - b'A') + 1);
    Some((column - 1, row_number(digits.trim_start_matches('$'))?))
}

fn row_number(digits: &str) -> Option<u32> {
    digits.parse().ok().filter(|row| (1..=LAST_ROW).contains(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_a_column_and_a_row() {
        assert_eq!(place("A1"), Some((0, 1)));
        assert_eq!(place("xfd1048576"), Some((16_383, 1_048_576)));
        assert_eq!(place("$B$7"), Some((1, 7)));
        for wrong in ["", "1", "A", "A0", "A1048577", "ABCD1", "甲1"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}
