//! How many attempts to sign in failed of late, of one account, from one address, or both: a bucket that empties by itself.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attempt")]
pub struct Model {
    /// What is counted; names and addresses stand in it as hashes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// When all that is in the bucket will have run out.
    pub empty_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
