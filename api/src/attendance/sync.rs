//! Scans that devices took without a network and send later: many at once, each by itself.
//!
//! Some share a transaction, so that on SQLite the one writer is never held for long. One that fails takes nobody along:
//! its companions are then taken one by one.

use chrono::{DateTime, TimeDelta, Utc};
use entity::scan::{self as scan_row, Column, Outcome};
use sea_orm::{ColumnTrait, Condition};

use super::scan::{self, Answer, Answers, Attempt, CheckInErrorCode, MOVES};
use crate::{
    db::Db,
    error::{Failure, Refused},
};

/// How many are sent at once at most.
pub const MOST: usize = 500;
/// From how long before the server's clock a device's is believed, once it was compared.
pub const BELIEVED_BEFORE: TimeDelta = TimeDelta::days(14);
/// How many share a transaction.
const TOGETHER: usize = 50;
/// How often the same is tried where a rival was quicker.
const TRIES: usize = 3;
/// After so many failures in a row it is not the scans that are at fault.
const FAILURES: usize = 3;

/// What came of one.
pub enum Synced {
    Taken(Box<Answer>),
    Refused(Refused<CheckInErrorCode>),
    /// It could not be taken now, and nothing of it is on record.
    Later,
}

/// Takes scans in the order of their times; what came of each, in the order in which they are given.
pub async fn take(db: &Db, attempts: &[Attempt], now: DateTime<Utc>) -> Vec<Synced> {
    let mut order: Vec<usize> = (0..attempts.len()).collect();
    order.sort_by_key(|it| attempts[*it].device_at);
    let sorted: Vec<Attempt> = order.iter().map(|it| attempts[*it].clone()).collect();
    let mut taken = Vec::with_capacity(sorted.len());
    for chunk in sorted.chunks(TOGETHER) {
        match together(db, chunk, now).await {
            Ok(answers) => taken.extend(answers.into_iter().map(Synced::from)),
            Err(failure) => {
                tracing::warn!("{} scans are taken one by one: {failure:?}", chunk.len());
                one_by_one(db, chunk, now, &mut taken).await;
            }
        }
    }
    let mut given: Vec<(usize, Synced)> = order.into_iter().zip(taken).collect();
    given.sort_by_key(|it| it.0);
    given.into_iter().map(|it| it.1).collect()
}

impl From<Result<Answer, Refused<CheckInErrorCode>>> for Synced {
    fn from(it: Result<Answer, Refused<CheckInErrorCode>>) -> Self {
        match it {
            Ok(answer) => Self::Taken(Box::new(answer)),
            Err(refused) => Self::Refused(refused),
        }
    }
}

/// Takes some in one transaction, again where a rival was quicker: then its scans are on record.
async fn together(db: &Db, attempts: &[Attempt], now: DateTime<Utc>) -> Result<Answers, Failure> {
    let mut tries = 1;
    loop {
        let taken = db.transaction(async |tx| scan::take(tx, attempts, now).await).await;
        match taken {
            Err(Failure::Conflict(..)) if tries < TRIES => tries += 1,
            taken => return taken,
        }
    }
}

async fn one_by_one(db: &Db, attempts: &[Attempt], now: DateTime<Utc>, taken: &mut Vec<Synced>) {
    let mut failures = 0;
    for attempt in attempts {
        if FAILURES <= failures {
            taken.push(Synced::Later);
            continue;
        }
        let answer = together(db, std::slice::from_ref(attempt), now).await;
        match answer.map(|it| it.into_iter().next()) {
            Ok(Some(it)) => {
                failures = 0;
                taken.push(it.into());
            }
            failed => {
                failures += 1;
                tracing::error!(scan = %attempt.client_id, "a scan was left for later: {:?}", failed.err());
                taken.push(Synced::Later);
            }
        }
    }
}

/// Whether a device let somebody in by itself whom the server would not have: another gate had, or nobody should.
#[must_use]
pub fn is_conflict(it: &scan_row::Model) -> bool {
    it.conflicts_with_id.is_some()
        || it.told == Some(Outcome::Admitted) && !MOVES.contains(&it.outcome)
}

/// The same for the database.
#[must_use]
pub fn in_conflict() -> Condition {
    let let_in = Condition::all()
        .add(Column::Told.eq(Outcome::Admitted))
        .add(Column::Outcome.is_not_in(MOVES));
    Condition::any().add(Column::ConflictsWithId.is_not_null()).add(let_in)
}
