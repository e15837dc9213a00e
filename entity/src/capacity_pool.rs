//! Seats that can run out: those of a whole activity, or of one category of it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{ActivityId, CategoryId, PoolId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "capacity_pool")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PoolId,
    pub activity_id: ActivityId,
    /// None for the pool of the whole activity.
    pub category_id: Option<CategoryId>,
    /// None: as many as come.
    pub size: Option<i32>,
    /// Never more than `size`: the database sees to it.
    pub taken: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
