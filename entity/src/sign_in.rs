//! One signing in, and all the tokens that came of it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, SignInId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "sign_in")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SignInId,
    pub account_id: AccountId,
    /// Where it came from, as far as that is known.
    pub address: Option<String>,
    /// What the client called itself: the header `User-Agent`.
    pub agent: Option<String>,
    /// The other system that said who it was; none where a password did.
    pub provider: Option<String>,
    pub created_at: DateTimeUtc,
    /// When it last got tokens.
    pub last_used_at: DateTimeUtc,
    /// When it ends however it is used.
    pub expires_at: DateTimeUtc,
    /// When it was ended before that: signed out, ended by somebody, or a refresh token came twice.
    pub ended_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::account::Entity",
        from = "Column::AccountId",
        to = "super::account::Column::Id"
    )]
    Account,
}

impl Related<super::account::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Account.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
