//! A cell and a row of cells, whatever the file was.

use std::borrow::Cow;

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};

use crate::clean;

/// What a cell holds. Formulas are their cached values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Cell {
    #[default]
    Empty,
    Text(String),
    /// A number with no date format.
    Number(f64),
    /// A number with a date format: days, of the 1900 system whatever the workbook's system is.
    Date(f64),
    Flag(bool),
    /// `#N/A`, `#REF!` and their like.
    Error,
}

/// Days between the first days of the two date systems.
pub(crate) const DAYS_1904: f64 = 1462.0;

impl Cell {
    /// The text of the cell before any cleaning; numbers are plain digits.
    pub(crate) fn raw(&self) -> Cow<'_, str> {
        match self {
            Self::Empty | Self::Error => Cow::Borrowed(""),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Date(serial) => Cow::Owned(match from_serial(*serial) {
                Some(at) if at.time() == NaiveTime::MIN => at.date().to_string(),
                Some(at) => at.format("%Y-%m-%d %H:%M:%S").to_string(),
                None => serial.to_string(),
            }),
            Self::Flag(flag) => Cow::Borrowed(if *flag { "TRUE" } else { "FALSE" }),
        }
    }

    /// The digits of the cell, for fields that are numbers in name only: a date format means nothing there.
    pub(crate) fn digits(&self) -> Cow<'_, str> {
        match self {
            Self::Date(number) => Cow::Owned(number.to_string()),
            other => other.raw(),
        }
    }

    /// The cleaned text; `None` is empty (§3).
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::Empty | Self::Error => None,
            cell => clean::text(&cell.raw()),
        }
    }

    /// The cleaned text of a note, where `无` and `/` are words like any other.
    pub(crate) fn note(&self) -> Option<String> {
        match self {
            Self::Empty | Self::Error => None,
            cell => clean::note(&cell.raw()),
        }
    }
}

/// The instant an Excel serial number of the 1900 system stands for, to the second.
pub(crate) fn from_serial(serial: f64) -> Option<NaiveDateTime> {
    if !(1.0..2_958_466.0).contains(&serial) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounded just above"
    )]
    let seconds = (serial * 86_400.0).round() as u64;
    let day =
        NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_days(Days::new(seconds / 86_400))?;
    let second = u32::try_from(seconds % 86_400).ok()?;
    Some(day.and_time(NaiveTime::from_num_seconds_from_midnight_opt(second, 0)?))
}

/// A row as it stands in the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// The number Excel shows, or of the csv record; from 1.
    pub(crate) number: u32,
    pub(crate) hidden: bool,
    /// By column from 0; shorter than the sheet when the rest is empty.
    pub(crate) cells: Vec<Cell>,
    /// Columns whose value was filled down from a merge: nothing of the row's own.
    pub(crate) inherited: Vec<usize>,
}

impl Line {
    pub(crate) fn cell(&self, column: usize) -> &Cell {
        self.cells.get(column).unwrap_or(&Cell::Empty)
    }

    pub(crate) fn set(&mut self, column: usize, cell: Cell) {
        if self.cells.len() <= column {
            self.cells.resize(column + 1, Cell::Empty);
        }
        self.cells[column] = cell;
    }
}
