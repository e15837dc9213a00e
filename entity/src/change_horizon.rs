//! Below which number no change of a row can come any more: a view, of one row.
//!
//! Registrations, people and attendances carry the number of their last change in a column that the database itself
//! sets, and which is therefore in none of their models: [`CHANGED_IN`].

use sea_orm::entity::prelude::*;

/// The column that holds the number of a row's last change.
pub const CHANGED_IN: &str = "changed_in";

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change_horizon")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
