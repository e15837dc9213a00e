//! A span of time at a place, at which attendance is taken.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, ActivityId, SessionId};

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
    /// Whether the door takes exits too, and whoever left may come in again.
    pub tracks_exit: bool,
    pub walk_ins: WalkIns,
    /// Whether people may check themselves in by the code that is shown.
    pub self_check_in: bool,
    /// Whoever leaves before this instant left early; none where exits are not taken.
    pub early_at: Option<DateTimeUtc>,
    /// When it is closed without anybody's doing; none where never.
    pub closes_itself_at: Option<DateTimeUtc>,
    /// Since when the list of who was expected is frozen.
    pub closed_at: Option<DateTimeUtc>,
    /// Who closed it; none where it closed by itself.
    pub closed_by: Option<AccountId>,
    /// How many were expected when it was closed.
    pub expected_count: Option<i32>,
}

/// What is done with whoever comes without being registered.
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
pub enum WalkIns {
    Refuse,
    /// Somebody at the door has to say yes.
    Ask,
    /// Let in, and marked.
    Accept,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::activity::Entity",
        from = "Column::ActivityId",
        to = "super::activity::Column::Id"
    )]
    Activity,
}

impl ActiveModelBehavior for ActiveModel {}
