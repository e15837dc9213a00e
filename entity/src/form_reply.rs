//! That a registration answered the form of a stage.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use super::question::Stage;
use crate::id::RegistrationId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "form_reply")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub registration_id: RegistrationId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub stage: Stage,
    /// Whether nothing that is required was left out.
    pub complete: bool,
    pub replied_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
