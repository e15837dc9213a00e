//! Something to be done in the background, once at a time.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::JobId;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "job")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    pub kind: Kind,
    /// What it is about: ids, and nothing of a person.
    #[sea_orm(column_type = "JsonBinary")]
    pub about: serde_json::Value,
    /// One unfinished job of a kind per key; the database sees to it.
    pub key: Option<String>,
    pub state: State,
    /// Not before.
    pub due_at: DateTimeUtc,
    /// When it is to be done once more after the run that is under way, because somebody asked for it meanwhile.
    pub again_at: Option<DateTimeUtc>,
    /// How often it was begun since it was asked for.
    pub attempts: i32,
    /// Names the run that is under way: another run has another one, by the same server too.
    pub lease: Option<Uuid>,
    /// From then on the run counts as dead, and another may begin.
    pub leased_until: Option<DateTimeUtc>,
    /// A code, without anything of a person.
    pub last_error: Option<String>,
    pub created_at: DateTimeUtc,
    pub finished_at: Option<DateTimeUtc>,
}

/// What is to be done.
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
pub enum Kind {
    /// Drop what is old, hour by hour.
    KeepHouse,
    /// Offers and allocations of an activity whose time is over, and reminders that are due: `{"activity": id}`.
    Lapse,
    /// An act on many registrations: `{"bulk": id}`.
    Bulk,
    /// Send what is due of an activity's messages by one channel: `{"activity": id, "channel": "SMS"}`.
    SendMessages,
    /// Tell a web-hook its events, one after another: `{"webhook": id}`.
    CallHook,
    /// Make the file of an export: `{"export": id}`.
    Export,
    /// Drop personal data that were kept long enough, day by day.
    Purge,
}

/// How far it is.
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
    /// To be begun when it is due.
    Waiting,
    /// A server is at it, or was when it died.
    Running,
    /// Ended well.
    Done,
    /// Given up.
    Failed,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
