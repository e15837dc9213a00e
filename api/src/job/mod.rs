//! Background jobs: a table of what is to be done, and a loop in every server that does it.
//!
//! A job is put on the table by [`enqueue`], in the transaction that it follows from, and is done after that one was
//! committed. Whoever begins a job takes a lease on it and renews it; a server that dies lets it lapse, and another
//! begins again. So a job is done once at a time but maybe more than once, and each handler is idempotent: begun anew
//! after any of its steps, it comes to the same end.

pub mod graphql;
pub mod handle;
pub mod run;

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::JobId,
    job::{self, Column, Kind, State},
    organisation,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use serde::de::DeserializeOwned;

use crate::{
    authz::{
        Permit, Reach, Scope,
        policy::{RetryJob, ViewJob},
    },
    db::is_duplicate,
    error::{Error, Failure, Refusal},
    page::{Page, Slice},
    refusals,
};

refusals! {
    /// Why a job was not begun again.
    RetryJobErrorCode, RetryJobUserError {
        /// It was not given up.
        NotFailed = "任务并未失败", "the job has not failed";
        /// Another one for the same thing waits or is under way already.
        AlreadyWaiting = "同样的任务已在等待或执行中", "another job for the same thing is unfinished";
    }
}

/// Asks for something to be done at `due_at`, once this transaction is committed.
///
/// A key makes it one job at a time: while one of the same kind and key waits, this only sees to it that it is due no
/// later; while one runs, it is done once more afterwards, since the run may have looked before this transaction was
/// committed. Two transactions that ask for the same key wait for one another, so ask after all other locks are taken.
pub async fn enqueue(
    tx: &impl ConnectionTrait,
    kind: Kind,
    about: serde_json::Value,
    key: Option<String>,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let row = job::ActiveModel {
        id: Set(JobId::generate()),
        kind: Set(kind),
        about: Set(about),
        key: Set(key),
        state: Set(State::Waiting),
        due_at: Set(due_at),
        again_at: Set(None),
        attempts: Set(0),
        lease: Set(None),
        leased_until: Set(None),
        last_error: Set(None),
        created_at: Set(now),
        finished_at: Set(None),
    };
    // In words of SQL, because a partial index is only found by its very condition.
    let due_at = "CASE WHEN job.state = 'WAITING' AND excluded.due_at < job.due_at \
                  THEN excluded.due_at ELSE job.due_at END";
    let again_at = "CASE WHEN job.state = 'RUNNING' AND (job.again_at IS NULL OR excluded.due_at < job.again_at) \
                    THEN excluded.due_at ELSE job.again_at END";
    let earlier = OnConflict::columns([Column::Kind, Column::Key])
        .target_and_where(Expr::cust("state IN ('WAITING', 'RUNNING')"))
        .value(Column::DueAt, Expr::cust(due_at))
        .value(Column::AgainAt, Expr::cust(again_at))
        .to_owned();
    job::Entity::insert(row).on_conflict(earlier).exec_without_returning(tx).await?;
    Ok(())
}

/// What a job is about, by its name there: `named::<ActivityId>(&job, "activity")`.
pub fn named<T: DeserializeOwned>(job: &job::Model, name: &str) -> Result<T, Failure> {
    T::deserialize(&job.about[name])
        .map_err(|error| Failure::internal(format!("a job without {name}: {error}")))
}

/// The kinds and keys of the jobs of some kinds that wait or are under way.
pub async fn unfinished(
    db: &impl ConnectionTrait,
    kinds: &[Kind],
) -> Result<HashSet<(Kind, String)>, Failure> {
    let rows: Vec<(Kind, String)> = job::Entity::find()
        .select_only()
        .column(Column::Kind)
        .column(Column::Key)
        .filter(Expr::cust("state IN ('WAITING', 'RUNNING')"))
        .filter(Column::Kind.is_in(kinds.iter().copied()))
        .filter(Column::Key.is_not_null())
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Lets a job that was given up begin anew, as if it had just been asked for.
pub async fn retry(
    tx: &DatabaseTransaction,
    permit: &Permit<RetryJob>,
    now: DateTime<Utc>,
) -> Result<job::Model, Error<RetryJobErrorCode>> {
    let row = job::Entity::find_by_id(permit.on().id)
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Failure::NotFound)?;
    if row.state != State::Failed {
        return Err(RetryJobErrorCode::NotFailed.at(["jobId"]).into());
    }
    let mut row: job::ActiveModel = row.into();
    row.state = Set(State::Waiting);
    row.due_at = Set(now);
    row.attempts = Set(0);
    row.finished_at = Set(None);
    row.update(tx).await.map_err(|error| {
        if is_duplicate(&error) {
            RetryJobErrorCode::AlreadyWaiting.at(["jobId"]).into()
        } else {
            error.into()
        }
    })
}

/// Which jobs a list is narrowed to.
#[derive(Default)]
pub struct Filter {
    pub kinds: Option<Vec<Kind>>,
    pub states: Option<Vec<State>>,
}

/// The jobs of this service, newest first. They belong to the root, so a role below it reaches none.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach<ViewJob>,
    filter: Filter,
    slice: Slice<JobId>,
) -> Result<Page<job::Model>, Failure> {
    let root = organisation::Entity::find()
        .filter(organisation::Column::ParentId.is_null())
        .one(db)
        .await?
        .ok_or(Failure::NotFound)?;
    let mut all = Condition::all().add(reach.condition(|_, scope| {
        let is_root = matches!(scope, Scope::Organisation(id, _) if *id == root.id);
        Expr::val(i32::from(is_root)).eq(1)
    }));
    if let Some(kinds) = filter.kinds {
        all = all.add(Column::Kind.is_in(kinds));
    }
    if let Some(states) = filter.states {
        all = all.add(Column::State.is_in(states));
    }
    let mut cursor = job::Entity::find().filter(all).cursor_by(Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}

/// The queue in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// Those that are due and not begun.
    pub due: i64,
    /// Since when the first of them is.
    pub oldest: Option<DateTime<Utc>>,
    /// Those that were given up and not dropped yet.
    pub failed: i64,
}

impl Queue {
    /// How the queue is at `now`.
    pub async fn look(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Self, Failure> {
        let due: Option<(i64, Option<DateTime<Utc>>)> = job::Entity::find()
            .select_only()
            .column_as(Column::Id.count(), "due")
            .column_as(Column::DueAt.min(), "oldest")
            .filter(Expr::cust("state = 'WAITING'"))
            .filter(Column::DueAt.lte(now))
            .into_tuple()
            .one(db)
            .await?;
        let failed: Option<i64> = job::Entity::find()
            .select_only()
            .column_as(Column::Id.count(), "failed")
            .filter(Expr::cust("state IN ('DONE', 'FAILED')"))
            .filter(Column::State.eq(State::Failed))
            .into_tuple()
            .one(db)
            .await?;
        let (due, oldest) = due.unwrap_or_default();
        Ok(Self { due, oldest, failed: failed.unwrap_or_default() })
    }
}

/// How long the record of a job that was done is kept, and of one that was given up.
const DONE_KEPT: TimeDelta = TimeDelta::days(7);
const FAILED_KEPT: TimeDelta = TimeDelta::days(90);

/// Drops what ended long ago.
pub async fn drop_old(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<(), Failure> {
    let old = |state: State, kept: TimeDelta| {
        Condition::all().add(Column::State.eq(state)).add(Column::FinishedAt.lt(now - kept))
    };
    job::Entity::delete_many()
        .filter(
            Condition::any().add(old(State::Done, DONE_KEPT)).add(old(State::Failed, FAILED_KEPT)),
        )
        .exec(tx)
        .await?;
    Ok(())
}
