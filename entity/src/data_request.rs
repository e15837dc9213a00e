//! Somebody asks for their own data to be corrected or erased.

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, DataRequestId, OrganisationId, PersonId, RegistrationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "data_request")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DataRequestId,
    /// Has one open request of a kind at most.
    pub person_id: PersonId,
    /// The organisation that kept the person's record when it was asked.
    pub organisation_id: OrganisationId,
    /// What stands for the phone by which it was asked: the phone itself may be gone.
    pub requester: Uuid,
    pub kind: Kind,
    /// Whose organisation and title are to be corrected.
    pub registration_id: Option<RegistrationId>,
    #[sea_orm(column_type = "JsonBinary")]
    pub changes: Changes,
    pub remark: Option<String>,
    /// The day by which it is to be decided.
    pub due_on: Date,
    pub state: State,
    pub created_at: DateTimeUtc,
    pub decided_at: Option<DateTimeUtc>,
    pub account_id: Option<AccountId>,
    /// Why it was decided so.
    pub reason: Option<String>,
}

/// What is to be as it says; what is not there stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(default)]
pub struct Changes {
    pub name: Option<String>,
    pub organisation: Option<String>,
    pub title: Option<String>,
}

/// What is asked for.
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
    Correction,
    Erasure,
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
    /// Waits for a decision.
    Open,
    /// Was done.
    Accepted,
    /// Was not done, for a reason.
    Refused,
    /// Taken back by the person.
    Withdrawn,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
