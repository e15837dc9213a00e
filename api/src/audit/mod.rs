//! The audit log: who did or saw what, on what, when, from where, why, and what came of it.
//!
//! An event is written in the transaction of its act, so that there is neither without the other.

pub mod changes;

use chrono::{DateTime, Utc};
use entity::{
    audit_event::{self, Outcome},
    id::AuditEventId,
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::changes::Changes;
use crate::{authz::Actor, error::Failure};

/// The most things that are named in one event beside its subject; how many there were is said whole.
pub const MOST_NAMED: usize = 1000;

/// When and where an act comes from.
pub struct Origin {
    pub at: DateTime<Utc>,
    pub request_id: Uuid,
    pub address: Option<String>,
}

/// An act, as it is put on record.
pub struct Event<'a> {
    /// None where it is somebody without an account.
    pub actor: Option<Actor>,
    pub action: &'a str,
    /// What it was done to: the prefix of its id, and the id.
    pub subject: (&'a str, Option<Uuid>),
    /// What came of it, where that is another thing.
    pub result: Option<(&'a str, Uuid)>,
    pub outcome: Outcome,
    pub reason: Option<&'a str>,
    pub details: Details,
}

/// What else an event says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// What stood and what stands, field by field, with personal data masked.
    #[serde(skip_serializing_if = "Changes::is_empty")]
    pub changes: Changes,
    /// The public ids of what else was seen or done to, at most [`MOST_NAMED`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<String>,
    /// How many those were, or how many rows were taken along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

impl Details {
    /// As it is kept: nothing where there is nothing to say.
    fn text(&self) -> Result<Option<String>, Failure> {
        if *self == Self::default() {
            return Ok(None);
        }
        serde_json::to_string(self).map(Some).map_err(Failure::internal)
    }

    /// What was kept.
    #[must_use]
    pub fn read(text: Option<&str>) -> Self {
        text.and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default()
    }
}

/// Puts an event on record.
pub async fn leave(
    tx: &impl ConnectionTrait,
    origin: &Origin,
    event: Event<'_>,
) -> Result<(), Failure> {
    let result = event.result.filter(|(_, id)| event.subject.1 != Some(*id));
    let row = audit_event::ActiveModel {
        id: Set(AuditEventId::generate()),
        at: Set(origin.at),
        account_id: Set(event.actor.and_then(Actor::account)),
        device_id: Set(event.actor.and_then(Actor::device)),
        action: Set(event.action.to_owned()),
        subject_kind: Set(event.subject.0.to_owned()),
        subject_id: Set(event.subject.1),
        result_kind: Set(result.map(|it| it.0.to_owned())),
        result_id: Set(result.map(|it| it.1)),
        reason: Set(event.reason.map(changes::scrubbed)),
        request_id: Set(origin.request_id),
        address: Set(origin.address.clone()),
        outcome: Set(event.outcome),
        details: Set(event.details.text()?),
    };
    audit_event::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}
