//! A missed session made up for (补课): by a session of another class, or by an online unit.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, MakeUpId, RegistrationId, SessionId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "make_up")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MakeUpId,
    pub registration_id: RegistrationId,
    /// The one that was missed.
    pub session_id: SessionId,
    /// The same person's, where the attended session is.
    pub source_registration_id: Option<RegistrationId>,
    /// Either this one was attended, or there is an online unit; the database sees to it.
    pub source_session_id: Option<SessionId>,
    pub online_centihours: Option<i32>,
    pub online_unit: Option<String>,
    /// The day of the attended session where it was held, or of the online unit.
    pub made_up_on: Date,
    pub reason: String,
    pub account_id: AccountId,
    pub made_at: DateTimeUtc,
    pub undone_at: Option<DateTimeUtc>,
    pub undone_by: Option<AccountId>,
    pub undo_reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
