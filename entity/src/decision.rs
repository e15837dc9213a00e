//! What was said of a registration at a step of its approval.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    activity::Step,
    id::{AccountId, DecisionId, OrganisationId, RegistrationId},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "decision")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DecisionId,
    pub registration_id: RegistrationId,
    pub step: Step,
    /// The organisation that had the say.
    pub organisation_id: Option<OrganisationId>,
    /// Who said it.
    pub account_id: Option<AccountId>,
    pub verdict: Verdict,
    pub reason: Option<String>,
    pub at: DateTimeUtc,
}

/// What can be said.
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
pub enum Verdict {
    /// On to the next step, or to a seat.
    Approve,
    /// Back to who recommended it, for a reason.
    Return,
    /// No.
    Decline,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
