//! What an organiser says of somebody's attendance, over what the scans say. Append-only: the last one counts.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    attendance::Status,
    id::{AccountId, CorrectionId, RegistrationId, SessionId},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "correction")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CorrectionId,
    pub session_id: SessionId,
    pub registration_id: RegistrationId,
    /// None where it takes the ones before back, so that the scans count again.
    pub status: Option<Status>,
    pub reason: String,
    pub account_id: AccountId,
    pub at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
