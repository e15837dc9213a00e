//! Who did what, to what, when and why. Never changed, and removed only by age, from the beginning of its chain.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, AuditEventId, DeviceId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "audit_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEventId,
    pub at: DateTimeUtc,
    pub account_id: Option<AccountId>,
    /// Where a device did it.
    pub device_id: Option<DeviceId>,
    pub action: String,
    /// What it was done to: the prefix of its id, and the id.
    pub subject_kind: String,
    pub subject_id: Option<Uuid>,
    /// What came of it, where that is another thing.
    pub result_kind: Option<String>,
    pub result_id: Option<Uuid>,
    pub reason: Option<String>,
    pub request_id: Uuid,
    /// Where the request came from, as far as the server can tell.
    pub address: Option<String>,
    pub outcome: Outcome,
    /// JSON: what changed, and what else it was about. A text, so that it stays byte by byte as it was written.
    pub details: Option<String>,
    /// The chain that it is part of, and its place there, from 1.
    pub chain: i32,
    pub place: i64,
    /// Of all of it and the hash before it; none of an event from before there were chains, until that is sealed.
    pub hash: Option<Vec<u8>>,
}

/// What came of an act.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was asked for and not done.
    Refused,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
