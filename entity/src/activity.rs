//! What people register for.

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::id::{ActivityId, OrganisationId, ProgrammeId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "activity")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ActivityId,
    pub programme_id: ProgrammeId,
    /// The programme's kind, which never changes.
    pub kind: super::programme::Kind,
    /// The organisation that holds it: the programme's owner or one below it.
    pub host_id: OrganisationId,
    pub title: String,
    pub venue: Option<String>,
    pub status: Status,
    /// A name of the IANA time zone database; a day of this activity begins at 00:00 there.
    pub time_zone: String,
    /// The first session's start.
    pub starts_at: Option<DateTimeUtc>,
    /// The last session's end.
    pub ends_at: Option<DateTimeUtc>,
    pub cancel_reason: Option<String>,
    pub created_at: DateTimeUtc,
    /// The steps by which a recommended registration is approved, in their order; none where none is needed.
    #[sea_orm(column_type = "JsonBinary")]
    pub approval: Approval,
    /// How long an offer of a seat stands, in minutes.
    pub offer_minutes: i32,
    /// There to be copied: stays a draft, and nobody is registered for it.
    pub is_template: bool,
}

/// The steps of approval, at most three and each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Approval(pub Vec<Step>);

/// A step of approval: who has a say.
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
pub enum Step {
    /// The chamber that the recommending organisation is, or is below.
    Chamber,
    /// The district's federation that the recommending organisation is, or is below.
    District,
    /// The federation at the root.
    City,
}

/// How far an activity is.
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
    /// Being set up.
    Draft,
    /// Open to its audience.
    Published,
    /// Over; nothing new is registered.
    Closed,
    /// Called off, with a reason.
    Cancelled,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::organisation::Entity",
        from = "Column::HostId",
        to = "super::organisation::Column::Id"
    )]
    Host,
}

impl ActiveModelBehavior for ActiveModel {}
