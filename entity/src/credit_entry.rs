//! Credit hours on record for a registration: derived from its attendance, or put down by hand.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, CreditEntryId, MakeUpId, RegistrationId, SessionId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "credit_entry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CreditEntryId,
    pub registration_id: RegistrationId,
    /// The session that earned it, or the missed one that was made up; none for an adjustment.
    pub session_id: Option<SessionId>,
    pub make_up_id: Option<MakeUpId>,
    pub kind: Kind,
    /// Hundredths of a credit hour; below zero only for an adjustment.
    pub centihours: i32,
    /// The day by which it belongs to a year, in the zone of the activity where it was earned.
    pub earned_on: Date,
    /// The version of the rule that it was derived by; none for an adjustment.
    pub rule: Option<i32>,
    /// Of an adjustment.
    pub reason: Option<String>,
    pub account_id: Option<AccountId>,
    pub posted_at: DateTimeUtc,
}

/// What an entry is for.
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
    /// The whole session.
    Attended,
    /// Came late.
    Late,
    /// Was there for a part of it, or left early.
    Partial,
    /// A missed session, by another one or an online unit.
    MakeUp,
    /// By hand, for a reason.
    Adjustment,
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
