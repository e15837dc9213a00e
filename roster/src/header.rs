//! Finds the header: one row, or two rows joined by merges (§1).

use std::cmp::Reverse;

use crate::Field;
use crate::cell::Line;
use crate::columns::Columns;
use crate::fill::Merge;

/// A header stands in the first 30 rows; its second row may be one further.
pub(crate) const SEARCHED_ROWS: u32 = 30;
/// How many known labels besides the name a header needs.
const NEEDED_BESIDES_NAME: usize = 3;

/// The best header among the first rows: the one with most known labels, and of equals the first.
///
/// `lines` are the rows with content up to [`SEARCHED_ROWS`] + 1, in order.
pub(crate) fn find(lines: &[Line], merges: &[Merge]) -> Option<Columns> {
    let mut best: Option<Columns> = None;
    for (at, line) in lines.iter().enumerate().filter(|(_, l)| l.number <= SEARCHED_ROWS) {
        let below = lines.get(at + 1).filter(|next| next.number == line.number + 1);
        let joined: Vec<&Merge> = merges.iter().filter(|m| m.first_row == line.number).collect();
        for columns in candidates(line, below, &joined) {
            let enough = columns.has(Field::Name)
                && columns.known_labels() - columns.places(Field::Name).len()
                    >= NEEDED_BESIDES_NAME;
            // A merged title above joins nothing to the header: of equals the one with fewer rows.
            let rank = |c: &Columns| (c.known_labels(), Reverse(c.rows.len()));
            let better = best.as_ref().is_none_or(|best| rank(&columns) > rank(best));
            if enough && better {
                best = Some(columns);
            }
        }
    }
    best
}

/// The row read as a header of its own, and read together with the row below when merges join the two.
fn candidates(line: &Line, below: Option<&Line>, joined: &[&Merge]) -> Vec<Columns> {
    let spans_both = |m: &&&Merge| m.last_row == line.number + 1;
    let spans_columns = |m: &&&Merge| m.last_row == line.number && m.last_column > m.first_column;

    // A label that is merged with the row below leaves no doubt: the header has two rows.
    let certain = joined.iter().filter(spans_both).any(|m| {
        crate::label::meaning(&label(line, m.first_column)) != crate::label::Meaning::Unknown
    });
    let mut found = Vec::new();
    if !certain {
        let labels: Vec<String> = (0..line.cells.len()).map(|at| label(line, at)).collect();
        let mut columns = Columns::of(vec![line.number], &labels);
        columns.remember(&[line]);
        found.push(columns);
    }
    if certain || joined.iter().any(|m| spans_both(&m) || spans_columns(&m)) {
        let nothing = Line::default();
        let child = below.unwrap_or(&nothing);
        let labels: Vec<String> = (0..line.cells.len().max(child.cells.len()))
            .map(|at| {
                let own = label(child, at);
                if own.is_empty() { parent(line, at, joined) } else { own }
            })
            .collect();
        let mut columns = Columns::of(vec![line.number, line.number + 1], &labels);
        columns.remember(&[line, child]);
        found.push(columns);
    }
    found
}

fn label(line: &Line, column: usize) -> String {
    line.cell(column).text().unwrap_or_default()
}

/// The label above a column: its own cell's, or that of the merge which covers it.
fn parent(line: &Line, column: usize, joined: &[&Merge]) -> String {
    let covers = |m: &&&Merge| (m.first_column..=m.last_column).contains(&column);
    match joined.iter().find(covers) {
        Some(merge) => label(line, merge.first_column),
        None => label(line, column),
    }
}
