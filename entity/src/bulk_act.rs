//! An act on many registrations of one activity.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, ActivityId, BulkActId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "bulk_act")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BulkActId,
    pub activity_id: ActivityId,
    /// Who asked for it; their rights are asked again when it is done.
    pub account_id: AccountId,
    /// What is done to each.
    #[sea_orm(column_type = "JsonBinary")]
    pub act: Json,
    /// Whether one refusal undoes it all.
    pub all_or_nothing: bool,
    pub state: State,
    pub total: i32,
    pub done: i32,
    pub refused: i32,
    pub created_at: DateTimeUtc,
    pub finished_at: Option<DateTimeUtc>,
}

/// How far it is.
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
pub enum State {
    /// Goes on in the background.
    Running,
    /// Every row has its outcome.
    Done,
    /// All or nothing was asked for, and a row was refused: nothing was done.
    Refused,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
