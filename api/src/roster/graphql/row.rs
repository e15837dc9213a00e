//! One row of an uploaded list.

use async_graphql::Object;
use entity::roster_row;

use super::RosterOutcome;
use crate::mask;

pub struct RosterRow {
    pub(super) row: roster_row::Model,
    /// Whether the viewer brought the list, and looks it over.
    pub(super) is_open: bool,
}

/// One row of an uploaded list, and what becomes of it.
#[Object]
impl RosterRow {
    /// The row as the spreadsheet program shows it; of a CSV, the number of the record.
    async fn row(&self) -> i32 {
        self.row.row
    }

    /// As things stood when the list was read, or, once committed, as it was done.
    async fn outcome(&self) -> RosterOutcome {
        self.row.outcome.into()
    }

    /// Why a row is rejected, or what to look at though it is taken; the codes of the import specification.
    async fn codes(&self) -> Vec<String> {
        serde_json::from_value(self.row.codes.clone()).unwrap_or_default()
    }

    /// As it was read and cleaned.
    async fn name(&self) -> Option<&str> {
        self.row.name.as_deref()
    }

    /// As it was read and cleaned: whole for who staged the list and has still to commit it, who compares it with the file;
    /// otherwise with its middle hidden.
    async fn phone(&self) -> Option<String> {
        if self.is_open {
            self.row.phone.clone()
        } else {
            self.row.phone.as_deref().map(mask::phone)
        }
    }

    /// The employer.
    async fn organisation(&self) -> Option<&str> {
        self.row.organisation.as_deref()
    }

    /// The title there.
    async fn title(&self) -> Option<&str> {
        self.row.title.as_deref()
    }

    /// The row that this one was merged into.
    async fn merged_into(&self) -> Option<i32> {
        self.row.merged_into
    }
}
