//! That people register themselves for an activity, and how. Without a row they do not.

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::id::{ActivityId, CategoryId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "self_registration")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub activity_id: ActivityId,
    pub opens_at: Option<DateTimeUtc>,
    pub closes_at: Option<DateTimeUtc>,
    /// Those of the activity's categories that people may choose for themselves.
    #[sea_orm(column_type = "JsonBinary")]
    pub categories: Choice,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Choice(pub Vec<CategoryId>);

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
