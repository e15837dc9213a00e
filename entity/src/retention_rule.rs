//! How long data of a class are kept after an activity of a kind, where it is not the usual time.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{id::AccountId, programme::Kind};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "retention_rule")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: Kind,
    #[sea_orm(primary_key, auto_increment = false)]
    pub class: Class,
    /// After the end of the activity's last session.
    pub days: i32,
    pub set_at: DateTimeUtc,
    pub account_id: AccountId,
}

/// What is kept and dropped together.
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
pub enum Class {
    /// What a list said beyond who comes: lodging, meals, arrival, plates.
    Details,
    /// Answers to the form, each for as long as its question says.
    Answers,
    /// At which gate a code was read, on which device, and what was read.
    Places,
    /// Messages, with what they said and to whom.
    Messages,
    /// The rows of uploaded lists.
    Rosters,
    /// Phone and mail address of a person.
    Contact,
    /// ID number, birth, ethnicity, political affiliation of a person.
    Identity,
    /// Who it was that registered and came.
    Records,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
