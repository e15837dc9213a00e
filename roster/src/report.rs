//! What an import says: of the list, and of each of its rows (§5).

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;

use crate::columns::Columns;
use crate::rows::Sorted;
use crate::{Code, Field, Kind, Options, Profile, Record, identity};

/// What was read, and what became of every row.
///
/// Its `Serialize` is the report of the contract; `rows` is for what goes on with the people.
#[derive(Clone, Debug)]
pub struct Report {
    /// Name of the file, as given.
    pub file: String,
    /// What kind of list it was read as.
    pub profile: Profile,
    /// The day dates without a year were taken near to.
    pub event_date: NaiveDate,
    /// Where in the file the list stood.
    pub source: Source,
    /// Rows of the header.
    pub header_rows: Vec<u32>,
    /// Fields the list has columns for.
    pub fields: BTreeSet<Field>,
    /// Labels of columns that are not stored.
    pub unmapped_columns: Vec<String>,
    /// Every data row, in the order of the list.
    pub rows: Vec<Row>,
    /// Rows that are no data and not blank.
    pub skipped: Vec<Skipped>,
    /// Blank rows between the header and the last row with any content.
    pub blank_rows: Vec<u32>,
}

/// Where in the file the list stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Source {
    /// A sheet of a workbook.
    Workbook {
        /// The sheet that was read.
        sheet: String,
        /// The sheets that were not.
        sheets_ignored: Vec<Ignored>,
    },
    /// Delimited text.
    Text {
        /// `utf-8`, `gb18030`, or `utf-16le`, `utf-16be`.
        encoding: &'static str,
        /// `,`, `;` or a tab.
        delimiter: char,
    },
}

/// A sheet that was not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// Its name.
    pub sheet: String,
    /// `hidden`, `no header`, or `weaker header` when another sheet's header matches better.
    pub reason: &'static str,
}

/// A row that is neither data nor blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its number.
    pub row: u32,
    /// What it is.
    pub kind: Kind,
}

/// A data row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The number Excel shows; in text the number of the record.
    pub number: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// Warnings of a kept row, reasons of a rejected one; a hidden row always has `HIDDEN_ROW`.
    pub codes: BTreeSet<Code>,
    /// What could be read. Of a rejected row that is whatever was clean, to show to the organiser.
    pub record: Record,
}

/// What became of a data row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted and kept; stands for the merged rows too.
    Kept {
        /// Numbers of the rows of the same person.
        merged: Vec<u32>,
    },
    /// Accepted, but another row of the same person is kept.
    Merged {
        /// Number of the row kept.
        into: u32,
    },
    /// Not accepted; the row's codes say why.
    Rejected,
}

/// How many rows became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Accepted and rejected ones.
    pub data_rows: usize,
    /// Kept and merged ones.
    pub accepted_rows: usize,
    /// Rejected ones.
    pub rejected_rows: usize,
    /// Accepted ones another row stands for.
    pub merged_rows: usize,
    /// Kept ones.
    pub persons: usize,
}

impl Row {
    /// Whether this row stands for a person.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        matches!(self.outcome, Outcome::Kept { .. })
    }

    /// Whether this row was not accepted.
    #[must_use]
    pub const fn is_rejected(&self) -> bool {
        matches!(self.outcome, Outcome::Rejected)
    }
}

impl Report {
    /// The rows that stand for a person each.
    pub fn kept(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.is_kept())
    }

    /// The rows that were not accepted.
    pub fn rejected(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.is_rejected())
    }

    /// The warnings, by row and code: those of kept rows, and `HIDDEN_ROW` of any.
    pub fn warnings(&self) -> impl Iterator<Item = (u32, Code)> {
        self.rows.iter().flat_map(|row| {
            row.codes.iter().filter(|code| !code.rejects()).map(|code| (row.number, *code))
        })
    }

    /// How many rows became what.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let data_rows = self.rows.len();
        let rejected_rows = self.rejected().count();
        let persons = self.kept().count();
        let accepted_rows = data_rows - rejected_rows;
        let merged_rows = accepted_rows - persons;
        Counts { data_rows, accepted_rows, rejected_rows, merged_rows, persons }
    }

    /// How many rejected rows have each code.
    #[must_use]
    pub fn by_code(&self) -> BTreeMap<Code, usize> {
        let codes = self.rejected().flat_map(|row| &row.codes).copied();
        tally(codes.filter(|code| code.rejects()))
    }

    /// How many warnings there are of each code.
    #[must_use]
    pub fn by_warning(&self) -> BTreeMap<Code, usize> {
        tally(self.warnings().map(|(_, code)| code))
    }

    /// How many persons have each gender; `None` when it is not known.
    #[must_use]
    pub fn by_gender(&self) -> BTreeMap<&str, usize> {
        tally(self.kept().map(|row| row.record.gender.map_or("None", crate::Gender::as_str)))
    }

    /// How many persons come from each district, by code; `None` when it is not known.
    #[must_use]
    pub fn by_district(&self) -> BTreeMap<&str, usize> {
        tally(self.kept().map(|row| row.record.district.as_deref().unwrap_or("None")))
    }
}

fn tally<T: Ord>(items: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

/// A list as it was read, before its rows are compared.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) source: Source,
    pub(crate) columns: Columns,
    pub(crate) sorted: Sorted,
}

/// Compares the rows and says what became of each.
pub(crate) fn assemble(parts: Parts, file_name: &str, options: &Options) -> Report {
    let Parts { source, columns, mut sorted } = parts;
    identity::join(&mut sorted.rows, options.profile);
    let mut fields = columns.fields();
    if sorted.has_sections {
        fields.insert(Field::District);
    }
    Report {
        file: file_name.to_owned(),
        profile: options.profile,
        event_date: options.event_date,
        source,
        header_rows: columns.rows,
        fields,
        unmapped_columns: columns.unmapped,
        rows: sorted.rows,
        skipped: sorted.skipped,
        blank_rows: sorted.blank,
    }
}
