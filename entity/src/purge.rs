//! A purge of what was kept long enough.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::PurgeId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "purge")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PurgeId,
    /// The instant by which it judged what was kept long enough.
    pub begun_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
