//! A session that a registration is excused from by a leave that was granted.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{RegistrationId, SessionId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "excuse")]
#[expect(clippy::struct_field_names, reason = "it is nothing but three ids")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub registration_id: RegistrationId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub leave_id: Uuid,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
