//! A code and a token that let nobody in any more.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{ActivityId, RegistrationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ticket_revocation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub registration_id: RegistrationId,
    /// Which of the registration's tickets it was, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub serial: i32,
    pub activity_id: ActivityId,
    pub code: String,
    pub reason: String,
    pub revoked_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
