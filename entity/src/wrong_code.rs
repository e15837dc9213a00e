//! How often a device, a phone or an address was wrong of late.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wrong_code")]
pub struct Model {
    /// Whose: a word for the kind, and what it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub wrong: i32,
    /// When the counting began.
    pub since: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
