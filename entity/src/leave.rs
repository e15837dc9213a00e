//! A trainee asks to be excused for some half-days of a class (请假).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, ActivityId, LeaveId, RegistrationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "leave")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LeaveId,
    pub registration_id: RegistrationId,
    /// The registration's.
    pub activity_id: ActivityId,
    pub kind: Kind,
    pub reason: Option<String>,
    /// 00:00 or 12:00 of a day, in the activity's zone.
    pub starts_at: DateTimeUtc,
    /// 12:00 of a day or 00:00 of the next, in the activity's zone.
    pub ends_at: DateTimeUtc,
    /// How many half-days that are.
    pub half_days: i32,
    /// Who has the say, by the length and the ladder as it was when it was asked for.
    pub rung: Rung,
    pub status: Status,
    pub asked_at: DateTimeUtc,
    /// Who asked for the trainee; none where the trainee did.
    pub asked_by: Option<AccountId>,
    pub decided_at: Option<DateTimeUtc>,
    pub decided_by: Option<AccountId>,
    /// Why it was decided so.
    pub decision_reason: Option<String>,
    /// When the trainee was back before `ends_at` (销假).
    pub returned_at: Option<DateTimeUtc>,
}

/// What it is asked for.
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
pub enum Kind {
    /// 公假
    Official,
    /// 病假
    Sick,
    /// 事假
    Personal,
}

/// Who has the say, from the lowest to the highest.
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
pub enum Rung {
    /// 班主任
    Teacher,
    /// 教务
    Academic,
    /// 校领导 or 选派单位
    Head,
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
pub enum Status {
    /// Waits for a decision.
    Asked,
    /// Excuses from the sessions in it.
    Approved,
    Declined,
    /// Taken back.
    Withdrawn,
}

impl Status {
    /// The statuses in which it keeps other leave of the same days out.
    pub const STANDING: [Self; 2] = [Self::Asked, Self::Approved];
}

impl Model {
    /// Until when it excuses.
    #[must_use]
    pub fn lasts_until(&self) -> DateTimeUtc {
        self.returned_at.unwrap_or(self.ends_at)
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
