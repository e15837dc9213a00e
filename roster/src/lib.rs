//! Reads a list as it arrived and says of every row what it is: kept, merged, rejected, or no person at all.
//!
//! A pure library: no database, no async, no network, no clock. What it implements is the import contract
//! (`IMPORT-SPEC` v1); section numbers in the documentation of the items are sections of that contract.
//!
//! ```
//! let options = roster::Options::new(
//!     roster::Profile::Event,
//!     chrono::NaiveDate::from_ymd_opt(2019, 11, 1).unwrap(),
//! );
//! let list = "姓名,单位,职务,手机\n麻　欢,温州市仿川厂,厂长,169 5452 4383\n";
//! let report = roster::read(list.as_bytes(), "list.csv", &options).unwrap();
//! assert_eq!(report.kept().next().unwrap().record.name.as_deref(), Some("麻欢"));
//! ```
#![forbid(unsafe_code)]

mod cell;
pub mod clean;
mod code;
mod columns;
mod delimited;
mod field;
mod fill;
mod format;
mod header;
mod identity;
mod json;
mod kind;
mod label;
mod person;
mod record;
mod refuse;
mod report;
mod rows;
mod workbook;

pub use code::Code;
pub use field::Field;
pub use kind::Kind;
pub use record::{Gender, Moment, Month, Record};
pub use refuse::{Lang, Unreadable};
pub use report::{Counts, Ignored, Outcome, Report, Row, Skipped, Source};

use chrono::NaiveDate;
use serde::Serialize;

/// The most bytes a file may have: 20 MB.
pub const MAX_BYTES: usize = 20 * 1024 * 1024;
/// The most rows a list may have below its header, blank ones between them included.
pub const MAX_ROWS: u32 = 50_000;
/// The most columns that may hold anything.
pub const MAX_COLUMNS: usize = 200;

/// What kind of list is read; it decides how rows of the same person are joined (§4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// The returns of an event: the first row of a person stays and later ones fill it.
    Event,
    /// The roll of a class: as an event.
    Class,
    /// The export of a form: the latest submission of a person wins whole.
    Form,
}

/// The context an import is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What kind of list it is.
    pub profile: Profile,
    /// The day a date without a year is near to.
    pub event_date: NaiveDate,
    /// The area code of a landline number written without one, with its leading zero: `0577`.
    pub default_area_code: String,
}

impl Options {
    /// Options with Wenzhou's area code.
    #[must_use]
    pub fn new(profile: Profile, event_date: NaiveDate) -> Self {
        Self { profile, event_date, default_area_code: "0577".to_owned() }
    }
}

/// Reads a list of people from a workbook (xlsx) or delimited text (csv).
///
/// What the bytes are is decided by looking at them; `file_name` is only repeated in the report.
///
/// # Errors
/// [`Unreadable`] when the file as a whole cannot be taken; a bad row is no error but a rejected row.
pub fn read(bytes: &[u8], file_name: &str, options: &Options) -> Result<Report, Unreadable> {
    // The readers below are written not to panic on any bytes; what they stand on is not ours.
    // A panic there must cost this one list, not the server.
    let parts = std::panic::catch_unwind(|| format::read(bytes, options))
        .unwrap_or(Err(Unreadable::Damaged))?;
    Ok(report::assemble(parts, file_name, options))
}

/// Whether bytes can be a list at all: a workbook, or text. It is asked before they are kept; only [`read`] says whether
/// they are one.
#[must_use]
pub fn may_be_list(bytes: &[u8]) -> bool {
    format::may_be_list(bytes)
}
