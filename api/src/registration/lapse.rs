//! What time does to registrations: offers lapse and pass on, allocations fall back, reminders become due, trainees
//! whose last day was announced are gone.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::ActivityId,
    job::Kind,
    registration::{self, Column, Status},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::{desk::Desk, enrolment};
use crate::{app::App, capacity, error::Failure, job};

/// How long before the time for an answer is over one is reminded of it; at half time, where that is later.
const REMINDED_BEFORE: TimeDelta = TimeDelta::hours(24);

/// How many are looked at with one statement.
const PAGE: u64 = 500;

/// Does what is due at an activity, and sees to it that it is looked at again when something is due next.
pub async fn run(app: &App, activity: ActivityId) -> Result<(), Failure> {
    let now = app.now();
    app.db
        .transaction(async |tx| {
            lapse(tx, activity, now).await?;
            match next_due(tx, activity, now).await? {
                Some(due_at) => look_again(tx, activity, due_at, now).await,
                None => Ok(()),
            }
        })
        .await
}

/// Has an activity looked at when something is due there.
pub(super) async fn look_again(
    tx: &DatabaseTransaction,
    activity: ActivityId,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let about = serde_json::json!({ "activity": activity });
    job::enqueue(tx, Kind::Lapse, about, Some(activity.0.to_string()), due_at, now).await
}

/// Does what is due at one activity by now. Done twice, the second changes nothing.
pub async fn lapse(
    tx: &DatabaseTransaction,
    activity: ActivityId,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let mut desk = Desk::open(tx, activity, now).await?;
    loop {
        let over = registration::Entity::find()
            .filter(Column::ActivityId.eq(activity))
            .filter(Column::Status.eq(Status::Offered))
            .filter(Column::ReplyBy.lte(now))
            .order_by_asc(Column::ReplyBy)
            .order_by_asc(Column::Id)
            .limit(PAGE)
            .lock_exclusive()
            .all(tx)
            .await?;
        for mut it in over.iter().cloned() {
            desk.turn(&mut it, Status::Expired, None);
            desk.save(&it).await?;
        }
        if over.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            break;
        }
    }
    enrolment::let_go(&mut desk).await?;
    desk.remind().await?;
    desk.close().await?;
    Ok(())
}

impl Desk<'_> {
    /// Reminds those whose time for an answer is nearly over, each once.
    async fn remind(&mut self) -> Result<(), Failure> {
        if !self.is_open() {
            return Ok(());
        }
        let due = registration::Entity::find()
            .filter(Column::ActivityId.eq(self.activity.id))
            .filter(Column::Status.is_in([Status::Invited, Status::Offered]))
            .filter(Column::RemindedAt.is_null())
            .filter(Column::ReplyBy.gt(self.now))
            .filter(Column::ReplyBy.lte(self.now + REMINDED_BEFORE))
            .order_by_asc(Column::Id)
            .lock_exclusive()
            .all(self.tx)
            .await?;
        for mut it in due {
            if remind_at(&it).is_some_and(|at| at <= self.now) {
                it.reminded_at = Some(self.now);
                self.save(&it).await?;
                self.reminded.push(it);
            }
        }
        Ok(())
    }
}

/// When somebody is to be reminded that an answer is due.
#[must_use]
pub fn remind_at(it: &registration::Model) -> Option<DateTime<Utc>> {
    let by = it.reply_by?;
    let half = it.status_at + (by - it.status_at) / 2;
    Some(std::cmp::max(by - REMINDED_BEFORE, half))
}

/// When something is to be done next about a registration that is to answer.
pub(super) fn next_of(it: &registration::Model) -> Option<DateTime<Utc>> {
    match (it.status, it.reminded_at) {
        (Status::Invited | Status::Offered, None) => remind_at(it),
        (Status::Offered, Some(_)) => it.reply_by,
        _ => None,
    }
}

/// When something is to be done next at an activity, later than now; none where nothing is. What is over already and
/// was left (a reminder that came too late, or of an activity that is closed) is not looked at again.
pub async fn next_due(
    db: &impl ConnectionTrait,
    activity: ActivityId,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Failure> {
    let open = || {
        registration::Entity::find()
            .filter(Column::ActivityId.eq(activity))
            .filter(Column::Status.is_in([Status::Invited, Status::Offered]))
            .filter(Column::ReplyBy.gt(now))
            .order_by_asc(Column::ReplyBy)
    };
    // Of those who are to answer first, somebody is reminded first.
    let reminders = open().filter(Column::RemindedAt.is_null()).limit(100).all(db).await?;
    let reminders = reminders.iter().filter_map(remind_at).filter(|it| *it > now).min();
    let lapses = open().filter(Column::Status.eq(Status::Offered)).one(db).await?;
    let lapses = lapses.and_then(|it| it.reply_by);
    let mut pools = capacity::of(db, [activity]).await?;
    let releases = pools.remove(&activity).unwrap_or_default();
    let releases =
        releases.iter().filter(|it| it.released_at.is_none()).filter_map(|it| it.reply_by).min();
    let class = crate::activity::find(db, activity).await?;
    let goes = enrolment::next_to_go(db, &class, now).await?;
    Ok([reminders, lapses, releases, goes].into_iter().flatten().min())
}
