//! A person on an activity.

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::{
    activity::Step,
    id::{
        ActivityId, AllocationId, CategoryId, OrganisationId, PersonId, RegistrationId,
        RosterBatchId,
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "registration")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RegistrationId,
    pub activity_id: ActivityId,
    pub person_id: PersonId,
    pub category_id: Option<CategoryId>,
    pub status: Status,
    /// The secret of the registration, shown as a QR code. Unique.
    pub ticket_code: String,
    /// As it was given for this activity, not looked up.
    pub organisation_name: Option<String>,
    pub title: Option<String>,
    /// What else the list said: lodging, arrival, plate …
    #[sea_orm(column_type = "JsonBinary")]
    pub details: Details,
    /// With `list_row`, the place in the order of the list: the batch that listed it last, or its own id.
    pub list_key: Uuid,
    /// The row of the list, or 0.
    pub list_row: i32,
    /// The batch that brought it, if a roster did.
    pub batch_id: Option<RosterBatchId>,
    pub registered_at: DateTimeUtc,
    /// Since when the status is what it is.
    pub status_at: DateTimeUtc,
    /// Why the status is what it is, where somebody said so.
    pub status_reason: Option<String>,
    /// The allocation out of which its seat is, or would be.
    pub allocation_id: Option<AllocationId>,
    /// On the waiting list, the higher goes first.
    pub priority: i32,
    /// Since when it has its place on the waiting list; kept while a seat is offered to it.
    pub queued_at: Option<DateTimeUtc>,
    pub way: Way,
    /// By when an INVITED or OFFERED one is to answer.
    pub reply_by: Option<DateTimeUtc>,
    /// When it was reminded of that.
    pub reminded_at: Option<DateTimeUtc>,
    /// The registration whose place this one took (替会).
    pub replaces_id: Option<RegistrationId>,
    /// The organisation that recommends the person (推荐单位).
    pub recommender_id: Option<OrganisationId>,
    /// The step of approval that a PENDING one waits at; none while it is with who recommended it.
    pub step: Option<Step>,
    /// The organisation that has the say at that step.
    pub waits_for_id: Option<OrganisationId>,
    /// The day from which on a trainee belongs to the class; none from its beginning.
    pub enrolled_on: Option<Date>,
    /// The first day on which a trainee does not belong to the class any more.
    pub withdrawn_on: Option<Date>,
}

/// How somebody came to be registered.
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
pub enum Way {
    /// An organiser typed it in.
    Organiser,
    /// An uploaded list.
    Roster,
    /// A liaison officer, for the own organisation.
    Liaison,
    /// An invitation with a reply.
    Invitation,
    /// The person, by the public page.
    Public,
    /// At the door.
    WalkIn,
    /// In place of somebody else (替会).
    Replacement,
}

/// The life of a registration. CONFIRMED and OFFERED hold a seat.
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
    /// Asked to come, no answer yet.
    Invited,
    /// Waits for approval.
    Pending,
    /// Holds a seat.
    Confirmed,
    /// Waits for a seat.
    Waitlisted,
    /// A seat is held for it until it answers.
    Offered,
    /// Will not come, or was not approved.
    Declined,
    /// An offer lapsed.
    Expired,
    /// Taken back.
    Cancelled,
}

impl Status {
    /// The statuses of which a person has at most one on an activity; the partial unique index names the same.
    pub const LIVE: [Self; 5] =
        [Self::Invited, Self::Pending, Self::Confirmed, Self::Waitlisted, Self::Offered];

    #[must_use]
    pub fn is_live(self) -> bool {
        Self::LIVE.contains(&self)
    }

    #[must_use]
    pub fn holds_seat(self) -> bool {
        matches!(self, Self::Confirmed | Self::Offered)
    }
}

/// What a list says of one person's taking part, beyond who it is. Absent means not said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Details(pub serde_json::Map<String, serde_json::Value>);

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::person::Entity",
        from = "Column::PersonId",
        to = "super::person::Column::Id"
    )]
    Person,
    #[sea_orm(
        belongs_to = "super::category::Entity",
        from = "Column::CategoryId",
        to = "super::category::Column::Id"
    )]
    Category,
    #[sea_orm(
        has_many = "super::attendance::Entity",
        from = "Column::Id",
        to = "super::attendance::Column::RegistrationId"
    )]
    Attendance,
}

impl Related<super::attendance::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Attendance.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
