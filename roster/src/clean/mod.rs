//! Cleaning of one value at a time (§3): what an import does to a cell, and a form to what is typed.
//!
//! Every cleaner takes text as it was typed and says what it made of it and which codes that earns.

mod birth;
mod choice;
mod date;
mod district;
mod id_no;
mod name;
mod phone;
mod plate;
mod political;
mod position;
mod text;
mod topics;
mod uscc;

pub use birth::birth;
pub(crate) use birth::birth_cell;
pub use choice::{attending, consent, flag, gender};
pub use date::moment;
pub(crate) use date::moment_cell;
pub use district::district;
pub use id_no::{IdNo, id_no};
pub use name::{Name, name};
pub use phone::{Phone, phone};
pub use plate::plate;
pub use political::{ethnicity, political};
pub use position::{Position, position};
pub use text::{half_width, note, text};
pub use topics::topics;
pub use uscc::uscc;

use crate::Code;

/// A cleaned value and what was found on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned<T> {
    /// `None` when there was nothing, or nothing of use.
    pub value: Option<T>,
    /// At most one finding.
    pub code: Option<Code>,
}

impl<T> Cleaned<T> {
    pub(crate) const EMPTY: Self = Self { value: None, code: None };

    pub(crate) const fn ok(value: T) -> Self {
        Self { value: Some(value), code: None }
    }

    pub(crate) const fn dropped(code: Code) -> Self {
        Self { value: None, code: Some(code) }
    }
}
