//! A refresh token, of which only the hash is kept.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{RefreshTokenId, SignInId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "refresh_token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RefreshTokenId,
    pub sign_in_id: SignInId,
    /// SHA-256 of the token.
    pub hash: Vec<u8>,
    pub expires_at: DateTimeUtc,
    /// When it was changed for the next one; a second use ends the whole sign-in.
    pub used_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
