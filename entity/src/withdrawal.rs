//! That somebody does not want their data used for a purpose, on any activity, until they agree to it again.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    consent::{Channel, Purpose},
    id::{AccountId, PersonId, WithdrawalId},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "withdrawal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WithdrawalId,
    /// Has one at most that stands, for a purpose.
    pub person_id: PersonId,
    pub purpose: Purpose,
    pub channel: Channel,
    /// Who put it on record, where somebody else did.
    pub account_id: Option<AccountId>,
    pub reason: Option<String>,
    pub withdrawn_at: DateTimeUtc,
    /// When they agreed again.
    pub lifted_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
