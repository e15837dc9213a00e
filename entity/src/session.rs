//! A span of time at a place, at which attendance is taken.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{ActivityId, SessionId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    pub activity_id: ActivityId,
    pub title: String,
    pub venue: Option<String>,
    pub starts_at: DateTimeUtc,
    pub ends_at: DateTimeUtc,
    /// From when the door takes scans.
    pub opens_at: DateTimeUtc,
    /// Whoever comes at this instant or later is late.
    pub late_at: DateTimeUtc,
    /// From when the door takes none any more.
    pub closes_at: DateTimeUtc,
    /// Hundredths of a credit hour (学时).
    pub credit_centihours: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
