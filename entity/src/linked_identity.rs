//! Who an account is at another system, by which it is signed in to.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, LinkedIdentityId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "linked_identity")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LinkedIdentityId,
    pub account_id: AccountId,
    /// The name of the other system in the configuration.
    pub provider: String,
    /// How that names whoever it is; unique there, and never given to somebody else.
    pub subject: String,
    pub created_at: DateTimeUtc,
    /// Who linked it; nobody where a verified phone did.
    pub created_by: Option<AccountId>,
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
