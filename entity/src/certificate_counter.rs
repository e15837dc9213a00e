//! The last number given out of those that differ in nothing else. Locked while numbers are given out.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "certificate_counter")]
pub struct Model {
    /// A number with `{seq}` in the place of what is counted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub stem: String,
    pub last: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
