//! What a row below the header is: a person, or something else that lists hold (§2).

use serde::Serialize;

use crate::Field;
use crate::cell::Line;
use crate::clean::{self, half_width};
use crate::columns::Columns;

/// The kind of a row that is neither data nor blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A sum of the rows above.
    Total,
    /// A remark below the list, or who filled it in.
    Footnote,
    /// A heading that says the district of the rows below.
    Section,
    /// The header once more.
    Header,
}

/// What a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Blank,
    Skipped(Kind),
    /// A heading, with the text that names the district.
    Section(String),
    Data,
}

const TOTALS: [&str; 4] = ["合计", "总计", "小计", "共计"];
const FOOTNOTES: [&str; 6] = ["注:", "说明:", "填表人", "制表人", "审核人", "备注:"];
const NUMERALS: &str = "一二三四五六七八九十百零〇";

/// Sorts a row. Only what stands in the row itself counts, not what a merge filled down.
pub(crate) fn sort(line: &Line, columns: &Columns) -> Sort {
    let own = own_texts(line, columns);
    let Some((first_at, first)) = own.first() else { return Sort::Blank };
    let name = columns.places(Field::Name).iter().find_map(|&at| line.cell(at).text());

    if is_total(first) || name.is_some_and(|name| is_total(&name)) {
        return Sort::Skipped(Kind::Total);
    }
    let opening: String = half_width(first).chars().filter(|c| !c.is_whitespace()).collect();
    if FOOTNOTES.iter().any(|note| opening.starts_with(note)) {
        return Sort::Skipped(Kind::Footnote);
    }
    if own.len() == 1 {
        let in_district = columns.places(Field::District).contains(first_at);
        if let Some(heading) = section(&opening, in_district) {
            return Sort::Section(heading);
        }
    }
    if repeats_header(&own, columns) {
        return Sort::Skipped(Kind::Header);
    }
    if own.iter().all(|(at, text)| columns.running.contains(at) && is_running_number(text)) {
        return Sort::Blank;
    }
    Sort::Data
}

/// The columns of the row that hold something of its own, with their cleaned texts.
fn own_texts(line: &Line, columns: &Columns) -> Vec<(usize, String)> {
    let notes = columns.places(Field::Note);
    line.cells
        .iter()
        .enumerate()
        .filter(|(at, _)| !line.inherited.contains(at))
        .filter_map(|(at, cell)| {
            let text = if notes.contains(&at) { cell.note() } else { cell.text() };
            text.map(|text| (at, text))
        })
        .collect()
}

fn is_total(text: &str) -> bool {
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    TOTALS.contains(&plain.as_str())
}

/// The district part of a heading like `一、鹿城区（35人）`, or of a district that stands alone outside
/// the column of districts. `text` is half width and without spaces.
fn section(text: &str, in_district_column: bool) -> Option<String> {
    let listed = strip_number(text);
    let rest = listed.unwrap_or(text);
    let counted = rest.strip_suffix("人)").and_then(|open| {
        let (heading, count) = open.rsplit_once('(')?;
        let count = count.strip_prefix('共').unwrap_or(count);
        (!count.is_empty() && count.chars().all(|c| c.is_ascii_digit())).then_some(heading)
    });
    let heading = counted.unwrap_or(rest);
    let is_heading = text.starts_with(|c| NUMERALS.contains(c)) && listed.is_some();
    let may_be = listed.is_some() || counted.is_some() || !in_district_column;
    let is_section = is_heading || (may_be && clean::district(heading).value.is_some());
    (is_section && !heading.is_empty()).then(|| heading.to_owned())
}

/// What follows `一、`, `（一）` or `1、`.
fn strip_number(text: &str) -> Option<&str> {
    let is_numeral = |c: char| NUMERALS.contains(c) || c.is_ascii_digit();
    let (open, close) = match text.strip_prefix('(') {
        Some(open) => (open, ')'),
        None => (text, '、'),
    };
    let rest = open.trim_start_matches(is_numeral);
    if rest.len() == open.len() { None } else { rest.strip_prefix(close) }
}

/// Whether the row says in its columns what the header says there.
fn repeats_header(own: &[(usize, String)], columns: &Columns) -> bool {
    let same = own.iter().filter(|(at, text)| columns.says(*at, text)).count();
    same >= 2 && same * 2 > own.len()
}

/// Whether this is what stands in a column of running numbers: `12`, `A-3`, `①`, `十二`, `第3号`.
fn is_running_number(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii() || NUMERALS.contains(c) || "第号序、".contains(c) || c.is_numeric())
}
