//! Which column of the list is which field.

use std::collections::BTreeSet;

use crate::Field;
use crate::cell::{Cell, Line};
use crate::label::{Meaning, meaning, normalise};

/// The header of a list, read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    /// Rows the header stands in.
    pub(crate) rows: Vec<u32>,
    /// Columns of a field, leftmost first.
    known: Vec<(Field, Vec<usize>)>,
    /// Columns that are one option of the topics.
    pub(crate) topics: Vec<(usize, String)>,
    /// Columns of running numbers.
    pub(crate) running: Vec<usize>,
    /// Labels whose columns are not stored, left to right.
    pub(crate) unmapped: Vec<String>,
    /// By column: what a repeated header says there, normalised.
    labels: Vec<BTreeSet<String>>,
}

impl Columns {
    /// Reads the cleaned labels, one for each column, of a header that stands in `rows`.
    pub(crate) fn of(rows: Vec<u32>, labels: &[String]) -> Self {
        let mut columns = Self { rows, ..Self::default() };
        for (at, label) in labels.iter().enumerate().filter(|(_, label)| !label.is_empty()) {
            match meaning(label) {
                Meaning::Known(field) => {
                    match columns.known.iter_mut().find(|(known, _)| *known == field) {
                        Some((_, places)) => places.push(at),
                        None => columns.known.push((field, vec![at])),
                    }
                }
                Meaning::Topic(option) => columns.topics.push((at, option)),
                Meaning::Running => columns.running.push(at),
                Meaning::Unknown => columns.unmapped.push(label.clone()),
            }
        }
        columns
    }

    /// Remembers the rows of the header, to know them when they are repeated.
    pub(crate) fn remember(&mut self, lines: &[&Line]) {
        let width = lines.iter().map(|line| line.cells.len()).max().unwrap_or(0);
        self.labels = (0..width)
            .map(|at| {
                lines.iter().filter_map(|l| l.cell(at).text()).map(|t| normalise(&t)).collect()
            })
            .collect();
    }

    /// Whether the header says this in this column.
    pub(crate) fn says(&self, column: usize, text: &str) -> bool {
        self.labels.get(column).is_some_and(|labels| labels.contains(&normalise(text)))
    }

    /// How many columns have a known label.
    pub(crate) fn known_labels(&self) -> usize {
        self.known.iter().map(|(_, places)| places.len()).sum()
    }

    /// The columns of a field; none when it is not in the list.
    pub(crate) fn places(&self, field: Field) -> &[usize] {
        self.known.iter().find(|(known, _)| *known == field).map_or(&[], |(_, places)| places)
    }

    pub(crate) fn has(&self, field: Field) -> bool {
        !self.places(field).is_empty()
    }

    /// The cell of a field: of several columns the leftmost that holds something.
    pub(crate) fn cell<'l>(&self, line: &'l Line, field: Field) -> &'l Cell {
        let places = self.places(field);
        places
            .iter()
            .map(|&at| line.cell(at))
            .find(|cell| if field == Field::Note { cell.note() } else { cell.text() }.is_some())
            .or_else(|| places.first().map(|&at| line.cell(at)))
            .unwrap_or(&Cell::Empty)
    }

    /// Whether a cell of any mapped column is an error.
    pub(crate) fn has_error(&self, line: &Line) -> bool {
        let known = self.known.iter().flat_map(|(_, places)| places);
        known
            .chain(self.topics.iter().map(|(at, _)| at))
            .any(|&at| matches!(line.cell(at), Cell::Error))
    }

    /// The fields records of this list have.
    pub(crate) fn fields(&self) -> BTreeSet<Field> {
        let mut fields: BTreeSet<Field> = self.known.iter().map(|(field, _)| *field).collect();
        if fields.remove(&Field::OrgTitle) {
            fields.extend([Field::Org, Field::Title]);
        }
        if fields.contains(&Field::Phone) {
            fields.insert(Field::PhoneAlt);
        }
        if !self.topics.is_empty() {
            fields.insert(Field::Topics);
        }
        fields
    }
}
