//! Web-hooks and their events as GraphQL shows them.

use async_graphql::{Context, Enum, Object, Result, connection::Connection};
use chrono::{DateTime, Utc};
use entity::{
    hook_event,
    id::{HookEventId, WebhookId},
    webhook,
};

use super::MessageOccasion;
use crate::{
    authz::policy::ViewWebhook,
    graphql::{Gid, Viewer},
    outbox,
    page::Slice,
};

/// How far an event of a web-hook is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "hook_event::State")]
pub enum WebhookEventState {
    /// To be posted in its turn.
    Queued,
    /// The receiver answered with 2xx.
    Delivered,
    /// Given up after three days, or because the web-hook was disabled.
    Failed,
}

pub struct WebhookEvent(pub hook_event::Model);

/// Something that a web-hook is told of. Kept for 180 days.
#[Object]
impl WebhookEvent {
    /// Opaque; unique among all things. It is in the posted event as `id`, the same each time it is posted.
    pub async fn id(&self) -> Gid<HookEventId> {
        Gid(self.0.id)
    }

    /// What it tells of.
    async fn occasion(&self) -> MessageOccasion {
        self.0.occasion.into()
    }

    /// Its number among the web-hook's events, from 1 without gaps; null before it is first posted.
    async fn sequence(&self) -> Option<i64> {
        self.0.sequence
    }

    /// How far it is.
    async fn state(&self) -> WebhookEventState {
        self.0.state.into()
    }

    /// How often it was posted.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// The code of what went wrong last.
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// When it happened.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was taken or given up.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }
}

pub struct Webhook(pub webhook::Model);

/// An address that is told of what happens on the activities of an organisation and those below it.
///
/// Each event is a POST of JSON: `id`, `sequence`, `occasion`, `at`, `activityId`, and up to 500 `registrations` with `id`
/// and `status`, nothing of a person. `Qinglan-Signature: t=<unix seconds>,v1=<hex>` is the HMAC-SHA256 by the secret over
/// `<unix seconds>.<body>`. Any answer of 2xx takes it; otherwise it is posted again later and later, for three days, and
/// the events after it wait. It may come twice, with the same `id` and `sequence`.
#[Object]
impl Webhook {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<WebhookId> {
        Gid(self.0.id)
    }

    /// Where it is.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// What it is told of.
    async fn occasions(&self) -> Vec<MessageOccasion> {
        self.0.occasions.0.iter().copied().map(Into::into).collect()
    }

    /// How often in a row it has not taken an event.
    async fn failures(&self) -> i32 {
        self.0.failures
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was taken out of use.
    async fn disabled_at(&self) -> Option<DateTime<Utc>> {
        self.0.disabled_at
    }

    /// What it was told and is to be told, newest first.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, WebhookEvent>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit_on::<ViewWebhook>(self.0.clone()).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let page = outbox::webhook::events(viewer.db.read(), &permit, slice).await?;
        Ok(page.connection(|it| it.id, WebhookEvent))
    }
}
