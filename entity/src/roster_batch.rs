//! An uploaded list under review: a decision for every row, and one undo.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, ActivityId, RosterBatchId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "roster_batch")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RosterBatchId,
    pub activity_id: ActivityId,
    pub account_id: AccountId,
    pub file_name: String,
    /// The sheet that was read; none for a CSV.
    pub sheet: Option<String>,
    pub profile: Profile,
    pub event_date: Date,
    pub status: Status,
    /// The report of IMPORT-SPEC §5 without its rows.
    #[sea_orm(column_type = "JsonBinary")]
    pub report: serde_json::Value,
    /// New registrations that hold a seat.
    pub registered: i32,
    /// New registrations that wait for one.
    pub waitlisted: i32,
    /// New registrations of people who said that they are not coming.
    pub declined: i32,
    pub updated: i32,
    pub unchanged: i32,
    pub created_at: DateTimeUtc,
    pub committed_at: Option<DateTimeUtc>,
}

/// How far an import is.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Read and under review; nobody is registered by it.
    Staged,
    /// Its rows are registrations.
    Committed,
    /// Undone but for what was checked in since.
    PartlyUndone,
    /// All that it alone brought is gone again.
    Undone,
}

/// What kind of list it is; see the import specification.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Profile {
    /// The reply list of an event (回执).
    Event,
    /// The register of a class (学员名册).
    Class,
    /// The answers of an online form.
    Form,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
