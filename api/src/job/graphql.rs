//! Jobs as GraphQL shows them.

use async_graphql::{Context, Enum, InputObject, Object, Result, connection::Connection};
use chrono::{DateTime, Utc};
use entity::{id::JobId, job};

use super::{Filter, RetryJobUserError};
use crate::{
    authz::policy::{RetryJob, ViewJob},
    graphql::{Gid, Viewer, settle},
    page::Slice,
    payloads,
    write::Note,
};

/// What is to be done in the background.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "job::Kind")]
pub enum JobKind {
    /// Drop what is old, hour by hour.
    KeepHouse,
    /// Let offers and allocations pass on whose time is over, and remind whoever is due to answer.
    Lapse,
    /// An act on many registrations.
    Bulk,
    /// Send the messages of an activity by one channel.
    SendMessages,
    /// Tell a web-hook its events.
    CallHook,
    /// Make the file of an export.
    Export,
    /// Drop personal data that were kept long enough, day by day.
    Purge,
}

/// How far a job is: WAITING → RUNNING → DONE, back to WAITING after a failure, or FAILED after the last.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "job::State")]
pub enum JobState {
    /// To be begun when it is due.
    Waiting,
    /// A server is at it; if that one dies, another begins anew once the lease is over.
    Running,
    /// Ended well. Kept for 7 days.
    Done,
    /// Given up after 10 attempts. Kept for 90 days.
    Failed,
}

pub struct Job(pub job::Model);

/// Something that is done in the background, by one server at a time.
#[Object]
impl Job {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<JobId> {
        Gid(self.0.id)
    }

    /// What is to be done.
    async fn kind(&self) -> JobKind {
        self.0.kind.into()
    }

    /// How far it is.
    async fn state(&self) -> JobState {
        self.0.state.into()
    }

    /// From when it may be begun, again after a failure.
    async fn due_at(&self) -> DateTime<Utc> {
        self.0.due_at
    }

    /// How often it was begun.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// Until when the server that is at it has said that it lives; it says so again and again.
    async fn leased_until(&self) -> Option<DateTime<Utc>> {
        self.0.leased_until
    }

    /// The code of the last failure. The server's log has the words.
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// When it was asked for.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it ended, well or not.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }
}

/// Narrows a list of jobs. What is not given does not narrow.
#[derive(InputObject, Default)]
pub struct JobFilter {
    /// Those of one of these.
    kind: Option<Vec<JobKind>>,
    /// Those in one of these.
    state: Option<Vec<JobState>>,
}

/// What `retryJob` takes.
#[derive(InputObject)]
pub struct RetryJobInput {
    /// Which one.
    job_id: Gid<JobId>,
}

payloads! {
    /// What `retryJob` gives.
    RetryJobPayload { job: Job, RetryJobUserError }
}

#[derive(Default)]
pub struct JobQuery;

#[Object]
impl JobQuery {
    /// The jobs of this service, newest first. For PLATFORM_ADMIN of the root organisation; whoever has that role below
    /// it sees none.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn jobs(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<JobFilter>,
    ) -> Result<Connection<String, Job>> {
        let viewer = Viewer::of(ctx);
        let reach = viewer.gate.reach::<ViewJob>()?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let filter = filter.unwrap_or_default();
        let filter = Filter {
            kinds: filter.kind.map(|all| all.into_iter().map(Into::into).collect()),
            states: filter.state.map(|all| all.into_iter().map(Into::into).collect()),
        };
        let page = super::list(viewer.db.read(), &reach, filter, slice).await?;
        Ok(page.connection(|it| it.id, Job))
    }
}

#[derive(Default)]
pub struct JobMutation;

#[Object]
impl JobMutation {
    /// Lets a job that was given up begin anew. For PLATFORM_ADMIN of the root organisation.
    async fn retry_job(&self, ctx: &Context<'_>, input: RetryJobInput) -> Result<RetryJobPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RetryJob>(input.job_id.0).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| super::retry(tx, &permit, viewer.now).await)
            .await;
        let (job, user_errors) = settle(done, viewer.lang)?;
        Ok(RetryJobPayload { job: job.map(Job), user_errors })
    }
}
