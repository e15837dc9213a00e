//! Whether the audit log is as it was written, as GraphQL shows it.

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use entity::id::AuditEventId;

use crate::{
    audit::{
        list,
        verify::{self, Broken, How},
    },
    authz::policy::ViewAuditEvent,
    error::Failure,
    graphql::{Gid, Viewer},
};

/// What is wrong with a link of the audit log.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "How")]
pub enum AuditFault {
    /// The event is not what was written.
    Changed,
    /// There was an event, and there is none.
    Removed,
    /// There is an event that nobody wrote by the service.
    Inserted,
    /// The end of the chain is not what was written, or the key is another one.
    Head,
    /// How far the chain was dropped by age is not what was written, or the key is another one.
    Anchor,
}

/// The first broken link of a chain of the audit log.
#[derive(SimpleObject)]
pub struct AuditBreak {
    /// Which chain, and where in it: `chain 3, place 17`.
    place: String,
    /// The event that stands there, if one does.
    event_id: Option<Gid<AuditEventId>>,
    /// What is wrong with it.
    fault: AuditFault,
}

impl From<Broken> for AuditBreak {
    fn from(it: Broken) -> Self {
        Self {
            place: format!("chain {}, place {}", it.chain, it.place),
            event_id: it.event.map(Gid),
            fault: it.how.into(),
        }
    }
}

/// What a look at the whole audit log said.
#[derive(SimpleObject)]
pub struct AuditVerification {
    /// How many events were looked at.
    events: u64,
    /// The first broken link of each chain that has one; empty where all is as it was written.
    broken: Vec<AuditBreak>,
}

#[derive(Default)]
pub struct AuditVerificationQuery;

#[Object]
impl AuditVerificationQuery {
    /// Whether the audit log is as it was written, as `qinglan audit verify` says it. Reads all of it, for one at a time. For
    /// AUDITOR of the root organisation.
    #[graphql(complexity = "1000 + child_complexity")]
    async fn audit_verification(&self, ctx: &Context<'_>) -> Result<AuditVerification> {
        let viewer = Viewer::of(ctx);
        let reach = viewer.gate.reach::<ViewAuditEvent>()?;
        if !list::is_whole(viewer.db.read(), &reach).await? {
            return Err(Failure::Forbidden.into());
        }
        let _turn = viewer.app.verifying.acquire().await.map_err(Failure::internal)?;
        let report = verify::verify(&viewer.db).await?;
        let broken = report.broken.into_iter().map(AuditBreak::from).collect();
        Ok(AuditVerification { events: report.events, broken })
    }
}
