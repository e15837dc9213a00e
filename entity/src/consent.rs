//! That somebody agreed to a notice, for a purpose. A consent that was withdrawn stays on record.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, ConsentId, NoticeId, PersonId, RegistrationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "consent")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ConsentId,
    pub person_id: PersonId,
    /// With which registration it was given; none where that is gone again.
    pub registration_id: Option<RegistrationId>,
    pub notice_id: NoticeId,
    /// SHA-256 of what the notice said; none for those of before it was kept.
    pub notice_hash: Option<Vec<u8>>,
    pub purpose: Purpose,
    pub channel: Channel,
    /// The verified phone by which it was given, where the person gave it.
    pub phone: Option<String>,
    pub address: Option<String>,
    /// Who put it on record, where somebody else did.
    pub account_id: Option<AccountId>,
    pub given_at: DateTimeUtc,
    pub withdrawn_at: Option<DateTimeUtc>,
}

/// What for.
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
pub enum Purpose {
    /// Being registered and let in.
    Registration,
    /// Messages about it.
    Messages,
    /// Photographs, and names in reports.
    Photos,
    /// Handing data to hotels, insurers, co-hosts, classmates.
    Sharing,
}

/// By which way it came.
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
pub enum Channel {
    /// The person, with a phone that was proven.
    Myself,
    /// On paper, as an organiser says.
    Paper,
    /// The chamber that sent the person says so.
    Chamber,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
