//! Something that a web-hook is told of, and what came of it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    id::{HookEventId, WebhookId},
    message::Occasion,
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "hook_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: HookEventId,
    pub webhook_id: WebhookId,
    pub occasion: Occasion,
    /// The activity and the registrations with their statuses: public ids, and nothing of a person.
    #[sea_orm(column_type = "JsonBinary")]
    pub about: serde_json::Value,
    /// Its number among the web-hook's events, from 1 without gaps; given when it is first sent.
    pub sequence: Option<i64>,
    pub state: State,
    pub attempts: i32,
    pub last_error: Option<String>,
    pub created_at: DateTimeUtc,
    pub finished_at: Option<DateTimeUtc>,
}

/// How far an event is.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// To be sent in its turn.
    Queued,
    /// The receiver took it.
    Delivered,
    /// Given up, because the receiver took nothing for too long or was disabled.
    Failed,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
