//! The audit log as GraphQL shows it.

mod export;
mod verify;

use std::{collections::HashMap, net::IpAddr};

use async_graphql::{
    Context, Enum, ID, InputObject, Object, Result, SimpleObject, connection::Connection,
};
use chrono::{DateTime, Utc};
use entity::{
    audit_event,
    id::{AccountId, AuditEventId, DeviceId},
};
use serde_json::Value;
use uuid::Uuid;

pub use self::{export::*, verify::*};
use super::{Details, list::Filter};
use crate::{
    authz::policy::ViewAuditEvent,
    error::Failure,
    graphql::{Gid, Viewer, wants},
    page::Slice,
};

/// What came of an act.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "audit_event::Outcome")]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was asked for and not done.
    Refused,
}

pub struct AuditEvent {
    row: audit_event::Model,
    details: Details,
    /// What a list fetched ahead.
    username: Option<String>,
}

impl From<audit_event::Model> for AuditEvent {
    fn from(row: audit_event::Model) -> Self {
        let details = Details::read(row.details.as_deref());
        Self { row, details, username: None }
    }
}

/// A field of a thing that an act changed.
#[derive(SimpleObject)]
pub struct AuditChange {
    /// As the thing has it, or nearly.
    field: String,
    /// What stood there; null where nothing did. A text as it is, everything else as JSON. Personal data are masked, and
    /// secrets are `***`.
    before: Option<String>,
    /// What stands there since, likewise.
    after: Option<String>,
}

fn told(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// An id as it is shown of a thing of any kind.
fn public(kind: &str, id: Uuid) -> ID {
    ID(format!("{kind}_{}", id.simple()))
}

/// Who did or saw what, on what, when, from where and why (审计记录). It is never changed, and dropped after as many days as
/// the configuration says, 190 at the least.
#[Object]
impl AuditEvent {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<AuditEventId> {
        Gid(self.row.id)
    }

    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.row.at
    }

    /// Whose account it was; null where it was a device, somebody with a phone and no account, the service itself, or its
    /// command line.
    async fn account_id(&self) -> Option<Gid<AccountId>> {
        self.row.account_id.map(Gid)
    }

    /// What the account signs in with.
    async fn username(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let Some(id) = self.row.account_id else { return Ok(None) };
        if let Some(name) = &self.username {
            return Ok(Some(name.clone()));
        }
        Ok(Some(Viewer::of(ctx).row(id).await?.username))
    }

    /// Which device it was, where one did it.
    async fn device_id(&self) -> Option<Gid<DeviceId>> {
        self.row.device_id.map(Gid)
    }

    /// What was done, as in `UpdateActivity`.
    async fn action(&self) -> &str {
        &self.row.action
    }

    /// What it was done to.
    async fn subject_id(&self) -> Option<ID> {
        self.row.subject_id.map(|id| public(&self.row.subject_kind, id))
    }

    /// What came of it, where that is another thing.
    async fn result_id(&self) -> Option<ID> {
        let kind = self.row.result_kind.as_deref()?;
        self.row.result_id.map(|id| public(kind, id))
    }

    /// Whether it was done.
    async fn outcome(&self) -> AuditOutcome {
        self.row.outcome.into()
    }

    /// Why it was done, or what for; of what was refused, why. Long numbers and mail addresses in it are masked.
    async fn reason(&self) -> Option<&str> {
        self.row.reason.as_deref()
    }

    /// The request that it came with: what errors and the server's log call `requestId`.
    async fn request_id(&self) -> String {
        self.row.request_id.to_string()
    }

    /// Where the request came from, as far as the server can tell.
    async fn address(&self) -> Option<&str> {
        self.row.address.as_deref()
    }

    /// What changed by it, field by field, in the order of their names; of what was made, all that was set.
    async fn changes(&self) -> Vec<AuditChange> {
        let of = |(field, (before, after)): (&String, &(Value, Value))| AuditChange {
            field: field.clone(),
            before: told(before),
            after: told(after),
        };
        self.details.changes.iter().map(of).collect()
    }

    /// What else was seen or done to; at most 1,000 are named.
    async fn objects(&self) -> Vec<ID> {
        self.details.objects.iter().cloned().map(ID).collect()
    }

    /// How many those were, or how many rows were taken along.
    async fn count(&self) -> Option<u64> {
        self.details.count
    }

    /// Its chain and its place there, as `qinglan audit verify` names them: `chain 3, place 17`.
    async fn place(&self) -> String {
        format!("chain {}, place {}", self.row.chain, self.row.place)
    }
}

/// Narrows a list of audit events. What is not given does not narrow.
#[derive(InputObject, Default)]
pub struct AuditFilter {
    /// What this account did.
    account_id: Option<Gid<AccountId>>,
    /// What was done, as in `UpdateActivity`; at most 50.
    actions: Option<Vec<String>>,
    /// The id of a thing of any kind: what it was done to, or what came of it.
    thing_id: Option<ID>,
    /// What came of it.
    outcome: Option<AuditOutcome>,
    /// Where the request came from: an IP address.
    address: Option<String>,
    /// What errors call `requestId`.
    request_id: Option<String>,
    /// Not before this instant.
    from: Option<DateTime<Utc>>,
    /// Before this instant.
    until: Option<DateTime<Utc>>,
}

impl AuditFilter {
    fn read(self) -> Result<Filter, Failure> {
        let wrong = Failure::BadInput("筛选条件不合规范", "the filter cannot be read");
        let thing = |id: &ID| {
            id.rsplit_once('_').and_then(|(_, hex)| Uuid::try_parse(hex).ok()).ok_or(wrong.clone())
        };
        if self.actions.as_ref().is_some_and(|it| it.len() > 50) {
            return Err(wrong);
        }
        Ok(Filter {
            account: self.account_id.map(|it| it.0),
            actions: self.actions,
            thing: self.thing_id.as_ref().map(thing).transpose()?,
            outcome: self.outcome.map(Into::into),
            address: self
                .address
                .map(|it| it.parse::<IpAddr>())
                .transpose()
                .map_err(|_| wrong.clone())?,
            request: self
                .request_id
                .map(|it| Uuid::try_parse(&it))
                .transpose()
                .map_err(|_| wrong.clone())?,
            from: self.from,
            until: self.until,
        })
    }
}

#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// The audit log, newest first. For AUDITOR: of the root organisation all of it; of another the acts of the accounts that
    /// it and those below it look after, and what is done to these.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<AuditFilter>,
    ) -> Result<Connection<String, AuditEvent>> {
        let viewer = Viewer::of(ctx);
        let reach = viewer.gate.reach::<ViewAuditEvent>()?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let filter = filter.unwrap_or_default().read()?;
        let page = super::list::list(viewer.db.read(), &reach, filter, slice).await?;
        let accounts = if wants(ctx, "username") {
            viewer.load.load_many(page.rows.iter().filter_map(|it| it.account_id)).await?
        } else {
            HashMap::default()
        };
        let node = |row: audit_event::Model| AuditEvent {
            username: row.account_id.and_then(|it| accounts.get(&it)).map(|it| it.username.clone()),
            ..AuditEvent::from(row)
        };
        Ok(page.connection(|it| it.id, node))
    }
}
