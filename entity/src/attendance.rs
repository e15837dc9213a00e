//! What is known of one registration at one session: derived from its scans, its leave and its corrections.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AttendanceId, RegistrationId, ScanId, SessionId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "attendance")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AttendanceId,
    pub session_id: SessionId,
    pub registration_id: RegistrationId,
    /// The correction's, where there is one, and otherwise `by_scans`; whoever was expected and did not come is absent.
    pub status: Status,
    /// What the scans and the leave say; none where they say nothing.
    pub by_scans: Option<Status>,
    pub first_in_at: Option<DateTimeUtc>,
    pub first_gate: Option<String>,
    /// The scan that `first_in_at` and `first_gate` come from.
    pub first_scan_id: Option<ScanId>,
    pub last_in_at: Option<DateTimeUtc>,
    pub last_out_at: Option<DateTimeUtc>,
    /// Came in and, as far as the scans say, did not leave.
    pub is_inside: bool,
    /// Whole minutes inside between the session's start and end; none where its exits are not scanned.
    pub minutes: Option<i32>,
    pub is_corrected: bool,
    /// Two gates let the same code in.
    pub has_conflict: bool,
    /// Whether the registration was on the list when the session was closed; none while it is not.
    pub expected: Option<bool>,
    /// When it last changed after the session had been closed.
    pub amended_at: Option<DateTimeUtc>,
}

/// How someone attended.
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
    /// Came in time.
    Present,
    /// Came after the session counted as begun.
    Late,
    /// Left before the session counted as over.
    LeftEarly,
    /// Was excused.
    Excused,
    /// Did not come.
    Absent,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::registration::Entity",
        from = "Column::RegistrationId",
        to = "super::registration::Column::Id"
    )]
    Registration,
}

impl Related<super::registration::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Registration.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
