//! What signs in.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, OrganisationId, PersonId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccountId,
    /// Lower case; unique.
    pub username: String,
    /// A PHC string of argon2id.
    #[serde(skip)]
    pub password_hash: String,
    /// Whether the password has to be changed before anything else is done: somebody else set it, or it keeps the rules
    /// no more.
    #[serde(default)]
    pub must_change: bool,
    pub person_id: Option<PersonId>,
    /// The organisation whose administrators look after this account.
    pub home_id: OrganisationId,
    pub created_at: DateTimeUtc,
    pub disabled_at: Option<DateTimeUtc>,
    /// When it was last taken into use again.
    pub enabled_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
