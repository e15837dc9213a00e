//! Which sessions an approved leave excuses from, kept true when the leave or a session changes.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use entity::{
    excuse,
    id::{ActivityId, SessionId},
    leave::{self, Column, Status},
    session,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use super::span::misses;
use crate::{attendance::excuse::excuse, error::Failure};

/// The sessions of a class that whoever is on leave misses.
pub async fn sessions_in(
    db: &impl ConnectionTrait,
    class: ActivityId,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
) -> Result<Vec<session::Model>, Failure> {
    let mut sessions = crate::session::schedule(db, class).await?;
    sessions.retain(|it| misses(it, starts_at, ends_at));
    Ok(sessions)
}

/// Excuses from the sessions in a leave if it is approved, and from no others.
pub(super) async fn settle(
    tx: &DatabaseTransaction,
    leave: &leave::Model,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let sessions = if leave.status == Status::Approved {
        sessions_in(tx, leave.activity_id, leave.starts_at, leave.lasts_until()).await?
    } else {
        Vec::new()
    };
    let sessions: Vec<SessionId> = sessions.iter().map(|it| it.id).collect();
    excuse(tx, leave.id.0, leave.registration_id, &sessions, now).await
}

/// A session was added or moved: whoever is on leave then is excused from it, and whoever is not any more is expected.
/// The class is locked, so that no leave is decided meanwhile.
pub async fn session_changed(
    tx: &DatabaseTransaction,
    session: &session::Model,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let excused: Vec<Uuid> = excuse::Entity::find()
        .select_only()
        .column(excuse::Column::LeaveId)
        .filter(excuse::Column::SessionId.eq(session.id))
        .into_tuple()
        .all(tx)
        .await?;
    let excused: BTreeSet<Uuid> = excused.into_iter().collect();
    // In the order of the registrations, which are locked one after the other.
    let standing = leave::Entity::find()
        .filter(Column::ActivityId.eq(session.activity_id))
        .filter(Column::Status.eq(Status::Approved))
        .order_by_asc(Column::RegistrationId)
        .all(tx)
        .await?;
    for it in standing {
        if misses(session, it.starts_at, it.lasts_until()) != excused.contains(&it.id.0) {
            settle(tx, &it, now).await?;
        }
    }
    Ok(())
}
