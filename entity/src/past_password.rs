//! A password that an account has or had, so that it is not taken again.

use sea_orm::entity::prelude::*;

use crate::id::{AccountId, PastPasswordId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "past_password")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PastPasswordId,
    pub account_id: AccountId,
    /// A PHC string of argon2id.
    pub hash: String,
    pub set_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
