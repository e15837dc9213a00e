//! One registration of an act on many, and what came of it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{BulkActId, RegistrationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "bulk_row")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub bulk_id: BulkActId,
    /// From 1, in the order asked for.
    #[sea_orm(primary_key, auto_increment = false)]
    pub row: i32,
    pub registration_id: RegistrationId,
    pub outcome: Outcome,
    /// Why it was refused: a code of `RegistrationErrorCode`.
    pub code: Option<String>,
    /// The registration that came of it, where that is another one.
    pub result_id: Option<RegistrationId>,
}

/// What came of it.
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
    /// Not looked at yet.
    Waiting,
    Done,
    /// A rule stood against it; nothing was changed.
    Refused,
    /// Would have been done, but another row was refused and all or nothing was asked for.
    Undone,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
