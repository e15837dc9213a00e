//! A key that signs tokens after the first, which is a file.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_key")]
pub struct Model {
    /// As it stands in the head of a token.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kid: String,
    /// PKCS #8 of Ed25519, sealed by what all servers on one database share.
    pub sealed: Vec<u8>,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
