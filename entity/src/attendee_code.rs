//! A one-time code that was sent to a phone.

use sea_orm::entity::prelude::*;

use crate::id::CodeId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attendee_code")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CodeId,
    pub phone: String,
    /// Where it was asked for, as far as the server can tell.
    pub address: Option<String>,
    /// HMAC-SHA256 of the id and the code.
    pub hash: Vec<u8>,
    /// How often it was guessed wrong.
    pub guesses: i32,
    pub created_at: DateTimeUtc,
    pub used_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
