//! What an account proves beside its password: codes of an app that shares a secret with the service.

use sea_orm::entity::prelude::*;

use crate::id::AccountId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "second_factor")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    /// The secret, sealed.
    pub sealed: Vec<u8>,
    /// When a code proved that the app has it; until then it is asked for nowhere.
    pub confirmed_at: Option<DateTimeUtc>,
    /// The step of the last code that was taken: neither it nor an earlier one is taken again.
    pub last_step: i64,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
