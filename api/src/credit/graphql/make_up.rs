//! Make-ups as GraphQL shows them.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, NaiveDate, Utc};
use entity::{id::MakeUpId, make_up, registration};

use super::show;
use crate::{
    credit,
    graphql::{Gid, Viewer},
    registration::graphql::Registration,
    session::graphql::Session,
};

pub struct MakeUp(pub make_up::Model);

/// A missed session made up for (补课): by a session of another class, whose hours then count here and not there as well, or
/// by an online unit. It counts as long as the one was missed and the other attended, whatever is amended.
#[Object]
impl MakeUp {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<MakeUpId> {
        Gid(self.0.id)
    }

    /// Whose.
    async fn registration(&self, ctx: &Context<'_>) -> Result<Registration> {
        Ok(Registration::new(Viewer::of(ctx).row(self.0.registration_id).await?, false))
    }

    /// The session that was missed.
    async fn missed_session(&self, ctx: &Context<'_>) -> Result<Session> {
        Ok(Session(Viewer::of(ctx).row(self.0.session_id).await?))
    }

    /// The session that was attended instead; null for an online unit.
    async fn attended_session(&self, ctx: &Context<'_>) -> Result<Option<Session>> {
        let Some(id) = self.0.source_session_id else { return Ok(None) };
        Ok(Some(Session(Viewer::of(ctx).row(id).await?)))
    }

    /// The online unit, if it was one.
    async fn online_unit(&self) -> Option<&str> {
        self.0.online_unit.as_deref()
    }

    /// The hours of the online unit.
    async fn online_hours(&self) -> Option<String> {
        self.0.online_centihours.map(show)
    }

    /// The day of the attended session or of the online unit.
    async fn made_up_on(&self) -> NaiveDate {
        self.0.made_up_on
    }

    /// Why it counts.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// When it was recorded.
    async fn made_at(&self) -> DateTime<Utc> {
        self.0.made_at
    }

    /// When it was undone, if it was.
    async fn undone_at(&self) -> Option<DateTime<Utc>> {
        self.0.undone_at
    }

    /// Why it was undone.
    async fn undo_reason(&self) -> Option<&str> {
        self.0.undo_reason.as_deref()
    }
}

/// The make-ups of a registration, for those to whom it is open.
pub async fn make_ups(
    ctx: &Context<'_>,
    row: &registration::Model,
    is_open: bool,
) -> Result<Vec<MakeUp>> {
    if !is_open {
        return Ok(Vec::new());
    }
    let rows = credit::make_up::of(Viewer::of(ctx).db.read(), row.id).await?;
    Ok(rows.into_iter().map(MakeUp).collect())
}
