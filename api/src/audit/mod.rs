//! The audit log: who did or saw what, on what, when, from where, why, and what came of it.
//!
//! An event is written in the transaction of its act, so that there is neither without the other.

pub mod chain;
pub mod changes;
pub mod graphql;
pub mod list;
pub mod purge;
pub mod take_out;
pub mod verify;

use chrono::{DateTime, Utc};
use entity::{
    audit_event::{self, Outcome},
    id::{ApiKeyId, AuditEventId},
};
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::{
    chain::{Link, Seal},
    changes::Changes,
};
use crate::{authz::Actor, error::Failure, graphql::Gid};

/// The most things that are named in one event beside its subject; how many there were is said whole.
pub const MOST_NAMED: usize = 1000;

/// When and where an act comes from.
pub struct Origin {
    pub at: DateTime<Utc>,
    pub request_id: Uuid,
    pub address: Option<String>,
    /// By which API key, if by one.
    pub key: Option<ApiKeyId>,
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

impl<'a> Event<'a> {
    /// What the service or its command line does by itself.
    #[must_use]
    pub fn by_itself(action: &'a str, subject: (&'a str, Option<Uuid>)) -> Self {
        Self {
            actor: None,
            action,
            subject,
            result: None,
            outcome: Outcome::Done,
            reason: None,
            details: Details::default(),
        }
    }
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
    /// The public id of the API key by which it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
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

/// Puts an event on record, at the end of its chain. It is the last thing that a transaction does: until the commit others
/// on the same chain wait.
pub async fn leave(
    tx: &impl ConnectionTrait,
    seal: &Seal,
    origin: &Origin,
    mut event: Event<'_>,
) -> Result<(), Failure> {
    event.details.api_key = origin.key.map(|it| Gid(it).to_string());
    let result = event.result.filter(|(_, id)| event.subject.1 != Some(*id));
    let chain = chain::of_request(origin.request_id);
    let mut row = audit_event::Model {
        id: AuditEventId::generate(),
        at: origin.at,
        account_id: event.actor.and_then(Actor::account),
        device_id: event.actor.and_then(Actor::device),
        action: event.action.to_owned(),
        subject_kind: event.subject.0.to_owned(),
        subject_id: event.subject.1,
        result_kind: result.map(|it| it.0.to_owned()),
        result_id: result.map(|it| it.1),
        reason: event.reason.map(changes::scrubbed),
        request_id: origin.request_id,
        address: origin.address.clone(),
        outcome: event.outcome,
        details: event.details.text()?,
        chain,
        place: 0,
        hash: None,
    };
    let end = chain::lock(tx, chain).await?;
    row.place = end.place + 1;
    let hash = seal.hash(&end.hash, &row);
    row.hash = Some(hash.clone());
    let link = Link { chain, place: row.place, hash };
    audit_event::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    chain::advance(tx, seal, &link).await
}
