//! One row of an uploaded list, and what becomes of it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{RegistrationId, RosterBatchId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "roster_row")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub batch_id: RosterBatchId,
    /// The row as the spreadsheet program shows it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub row: i32,
    pub outcome: Outcome,
    /// Codes of the import specification, sorted.
    #[sea_orm(column_type = "JsonBinary")]
    pub codes: serde_json::Value,
    pub name: Option<String>,
    pub phone: Option<String>,
    pub organisation: Option<String>,
    pub title: Option<String>,
    /// The cleaned record; null for a rejected or merged row.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub record: Option<serde_json::Value>,
    /// The row that this one was merged into.
    pub merged_into: Option<i32>,
    /// What the row became, once committed.
    pub registration_id: Option<RegistrationId>,
    /// What it changed, for the undo.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub undo: Option<serde_json::Value>,
}

/// What a row does.
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
pub enum Outcome {
    /// Registers a person.
    New,
    /// Changes a registration that is there.
    Updates,
    /// Says what is known.
    Unchanged,
    /// Says the same person again, and was merged into another row.
    Merged,
    /// Cannot be taken; its codes say why.
    Rejected,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
