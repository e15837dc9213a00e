//! The figures of a session.

use chrono::{DateTime, Utc};
use entity::{attendance, registration};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::{
    attendance::{
        book::{self, Held},
        expected_at, tally,
    },
    authz::{Permit, policy::ViewSession},
    error::Failure,
};

/// How a session stands: everyone who is expected is in exactly one of present, late, excused, absent, not yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub expected: i32,
    /// With those who left early.
    pub present: i32,
    pub late: i32,
    pub left_early: i32,
    pub excused: i32,
    pub absent: i32,
    pub not_yet: i32,
    pub inside: i32,
    pub unexpected: i32,
    pub amended: i32,
}

/// The figures of a session. Who came is kept and not counted; who is expected is counted until it is closed. While the
/// door is open, whoever is not there is not there yet; once it has shut, absent.
pub async fn summary(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewSession>,
    now: DateTime<Utc>,
) -> Result<Summary, Failure> {
    let id = permit.on().id;
    let held = book::held(db, [id]).await?.remove(&id).ok_or(Failure::NotFound)?;
    of_held(db, &held, now).await
}

/// The figures of a session, for whoever may see them.
pub(crate) async fn of_held(
    db: &impl ConnectionTrait,
    held: &Held,
    now: DateTime<Utc>,
) -> Result<Summary, Failure> {
    let session = &held.session;
    let figures = tally::of(db, [session.id]).await?.remove(&session.id).unwrap_or_default();
    let (expected, amended) = match session.expected_count {
        Some(expected) => {
            let amended = attendance::Entity::find()
                .filter(attendance::Column::SessionId.eq(session.id))
                .filter(attendance::Column::AmendedAt.is_not_null());
            (expected, whole(PaginatorTrait::count(amended, db).await?))
        }
        None => {
            let expected = registration::Entity::find().filter(expected_at(held));
            (whole(PaginatorTrait::count(expected, db).await?), 0)
        }
    };
    let mut it = Summary {
        expected,
        present: figures.present + figures.left_early,
        late: figures.late,
        left_early: figures.left_early,
        excused: figures.excused,
        absent: figures.absent,
        not_yet: 0,
        inside: figures.inside,
        unexpected: figures.unexpected,
        amended,
    };
    let rest = it.expected - it.present - it.late - it.excused - it.absent;
    if now < session.closes_at && session.closed_at.is_none() {
        it.not_yet = rest;
    } else {
        it.absent += rest;
    }
    Ok(it)
}

fn whole(count: u64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
