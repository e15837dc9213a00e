//! The loop that does what is due: claim, run under a lease, put on record what came of it.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use entity::job::{self, Column, Kind, State};
use futures_util::FutureExt;
use sea_orm::{
    ActiveEnum, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, Iterable, QueryFilter,
    QueryOrder, QuerySelect, Select, UpdateMany,
    prelude::Uuid,
    sea_query::{Expr, LockBehavior, LockType},
};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Queue,
    handle::{at_once, handle},
};
use crate::{app::App, db::Db, error::Failure, outbox::sweep::sweep};

/// A job that failed so often is given up.
pub const MOST_ATTEMPTS: i32 = 10;
/// How long to wait after the first failure; twice as long after each further one.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(5);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);
/// How often the numbers of the queue are looked at, for `GET /metrics`.
const COUNTED: Duration = Duration::from_secs(5);

/// How long to wait after the nth attempt failed.
#[must_use]
pub fn pause(attempts: i32) -> TimeDelta {
    let doublings = attempts.clamp(1, 20).unsigned_abs() - 1;
    (FIRST_PAUSE * 2_i32.pow(doublings)).min(LONGEST_PAUSE)
}

/// Does what is due, as it falls due, until it is told to stop. Then it begins nothing new, lets what runs come to its
/// end within `patience`, and hands back the leases of the rest.
pub async fn run(app: Arc<App>, stop: CancellationToken, patience: Duration) {
    let poll = app.config.job_poll();
    let workers = app.config.job_workers;
    let mut running: HashMap<tokio::task::Id, job::Model> = HashMap::new();
    let mut tasks = JoinSet::new();
    let mut counted: Option<Instant> = None;
    let mut looks = true;
    while !stop.is_cancelled() {
        if counted.is_none_or(|at| at.elapsed() >= COUNTED) {
            counted = Some(Instant::now());
            count(&app).await;
        }
        if looks && let Err(failure) = sweep(&app).await {
            tracing::warn!("outbox: {failure:?}");
        }
        looks = true;
        let mut busy: HashMap<Kind, usize> = HashMap::new();
        for job in running.values() {
            *busy.entry(job.kind).or_default() += 1;
        }
        let free: Vec<Kind> =
            Kind::iter().filter(|it| busy.get(it).is_none_or(|n| *n < at_once(*it))).collect();
        if running.len() < workers && !free.is_empty() {
            match claim(&app, &free).await {
                Ok(Some(job)) => {
                    let (app, mine) = (app.clone(), job.clone());
                    let task = tasks.spawn(async move { work_on(&app, mine).await });
                    running.insert(task.id(), job);
                    looks = false;
                    continue;
                }
                Ok(None) => {}
                Err(failure) => tracing::warn!("jobs: {failure:?}"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => {},
            () = app.bell.notified() => {},
            () = tokio::time::sleep(poll) => {},
            Some(ended) = tasks.join_next_with_id() => {
                let id = match ended {
                    Ok((id, ())) => id,
                    Err(error) => error.id(),
                };
                running.remove(&id);
            },
        }
    }
    let end = async {
        while let Some(ended) = tasks.join_next_with_id().await {
            running.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
        }
    };
    if tokio::time::timeout(patience, end).await.is_err() {
        tasks.shutdown().await;
        for job in running.into_values() {
            if let Err(failure) = hand_back(&app, &job).await {
                tracing::warn!("a job's lease was not handed back and will lapse: {failure:?}");
            }
        }
    }
}

/// Does everything that is due by now, one after another, until nothing is. For tests, which have no loop.
pub async fn work(app: &Arc<App>) -> Result<usize, Failure> {
    let all: Vec<Kind> = Kind::iter().collect();
    let mut done = 0;
    loop {
        sweep(app).await?;
        let Some(job) = claim(app, &all).await? else { return Ok(done) };
        work_on(app, job).await;
        done += 1;
    }
}

async fn count(app: &App) {
    match Queue::look(app.db.read(), app.now()).await {
        Ok(queue) => app.metrics.queue(&queue, app.now()),
        Err(failure) => tracing::warn!("jobs: {failure:?}"),
    }
}

/// What can be begun: what is due, and what was begun by somebody who is dead.
fn ready(kinds: &[Kind], now: DateTime<Utc>) -> Condition {
    // In words of SQL, as the partial indexes have them.
    let due = Condition::all().add(Expr::cust("state = 'WAITING'")).add(Column::DueAt.lte(now));
    let dead =
        Condition::all().add(Expr::cust("state = 'RUNNING'")).add(Column::LeasedUntil.lte(now));
    Condition::all()
        .add(Condition::any().add(due).add(dead))
        .add(Column::Kind.is_in(kinds.iter().map(ActiveEnum::to_value)))
}

/// Takes the lease on the job of these kinds that has been due longest, if there is one.
pub async fn claim(app: &App, kinds: &[Kind]) -> Result<Option<job::Model>, Failure> {
    let now = app.now();
    let first = || {
        job::Entity::find()
            .filter(ready(kinds, now))
            .order_by_asc(Column::DueAt)
            .order_by_asc(Column::Id)
            .limit(1)
    };
    // Nearly always there is nothing, and that takes no transaction to see.
    if first().one(app.db.read()).await?.is_none() {
        return Ok(None);
    }
    loop {
        // Whoever is given up stands no more in the way of the next.
        match app.db.transaction(async |tx| take(tx, app, first()).await).await? {
            Taken::Nothing => return Ok(None),
            Taken::GivenUp => {}
            Taken::Mine(job) => return Ok(Some(job)),
        }
    }
}

/// What came of reaching for the first job.
enum Taken {
    Nothing,
    GivenUp,
    Mine(job::Model),
}

async fn take(
    tx: &DatabaseTransaction,
    app: &App,
    first: Select<job::Entity>,
) -> Result<Taken, Failure> {
    let now = app.now();
    // What a rival claims, or asks for again, is passed over instead of waited for.
    let found =
        first.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).one(tx).await?;
    let Some(mut job) = found else { return Ok(Taken::Nothing) };
    if job.attempts >= MOST_ATTEMPTS {
        // It took every server with it that began it.
        ending(&job, State::Failed, now)
            .col_expr(Column::LastError, Expr::value("SERVER_DIED"))
            .exec(tx)
            .await?;
        return Ok(Taken::GivenUp);
    }
    job.state = State::Running;
    job.attempts += 1;
    job.lease = Some(Uuid::now_v7());
    job.leased_until = Some(now + app.config.job_lease());
    job::Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Running.to_value()))
        .col_expr(Column::Attempts, Expr::value(job.attempts))
        .col_expr(Column::Lease, Expr::value(job.lease))
        .col_expr(Column::LeasedUntil, Expr::value(job.leased_until))
        .filter(Column::Id.eq(job.id))
        .exec(tx)
        .await?;
    Ok(Taken::Mine(job))
}

/// Does a claimed job and puts on record what came of it.
async fn work_on(app: &Arc<App>, job: job::Model) {
    let handled = AssertUnwindSafe(handle(app, &job)).catch_unwind();
    let outcome = tokio::select! {
        done = handled => done.unwrap_or_else(|_| Err(Failure::internal("a panic"))),
        () = keep_lease(app, &job) => {
            tracing::warn!(job = %job.id.0, kind = ?job.kind, "another server may be at this job: left to it");
            return;
        }
    };
    if let Err(failure) = &outcome {
        tracing::warn!(job = %job.id.0, kind = ?job.kind, attempts = job.attempts, "{failure:?}");
    }
    // The lease lapses if this does not succeed, and the job is done again.
    if let Err(failure) = settle(&app.db, &job, outcome, app.now()).await {
        tracing::warn!(job = %job.id.0, kind = ?job.kind, "what came of it is not on record: {failure:?}");
    }
}

/// Renews the lease of a job again and again. Resolves when it is lost.
async fn keep_lease(app: &App, job: &job::Model) {
    let lease = app.config.job_lease();
    let mut ends = Instant::now() + lease;
    loop {
        tokio::time::sleep(lease / 3).await;
        let asked = Instant::now();
        let renewed = app
            .db
            .transaction(async |tx| {
                let until = app.now() + lease;
                let done = job::Entity::update_many()
                    .col_expr(Column::LeasedUntil, Expr::value(until))
                    .filter(is_mine(job))
                    .exec(tx)
                    .await?;
                Ok::<_, Failure>(done.rows_affected == 1)
            })
            .await;
        match renewed {
            Ok(true) => ends = asked + lease,
            Ok(false) => return,
            Err(failure) => tracing::warn!(job = %job.id.0, "lease: {failure:?}"),
        }
        if Instant::now() >= ends {
            return;
        }
    }
}

fn is_mine(job: &job::Model) -> Condition {
    Condition::all().add(Column::Id.eq(job.id)).add(Column::Lease.eq(job.lease))
}

/// A run that comes to its end in this state. If the job was asked for again meanwhile it waits, whatever came of it.
fn ending(job: &job::Model, state: State, now: DateTime<Utc>) -> UpdateMany<job::Entity> {
    let ended = matches!(state, State::Done | State::Failed);
    let again = |then: Expr, otherwise: Expr| {
        Expr::case(Column::AgainAt.is_not_null(), then).finally(otherwise)
    };
    let waiting = || Expr::value(State::Waiting.to_value());
    let update = job::Entity::update_many().filter(is_mine(job));
    let update = if ended {
        update
            .col_expr(Column::State, again(waiting(), Expr::value(state.to_value())).into())
            .col_expr(
                Column::FinishedAt,
                again(Expr::value(Option::<DateTime<Utc>>::None), Expr::value(now)).into(),
            )
            .col_expr(Column::Attempts, again(Expr::value(0), Expr::col(Column::Attempts)).into())
            .col_expr(
                Column::DueAt,
                again(Expr::col(Column::AgainAt), Expr::col(Column::DueAt)).into(),
            )
            .col_expr(Column::AgainAt, Expr::value(Option::<DateTime<Utc>>::None))
    } else {
        update.col_expr(Column::State, waiting())
    };
    update
        .col_expr(Column::Lease, Expr::value(Option::<Uuid>::None))
        .col_expr(Column::LeasedUntil, Expr::value(Option::<DateTime<Utc>>::None))
}

/// Puts on record what came of a run: done, to be tried again later, or given up.
pub async fn settle(
    db: &Db,
    job: &job::Model,
    outcome: Result<(), Failure>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let update = match outcome {
        Ok(()) => ending(job, State::Done, now)
            .col_expr(Column::LastError, Expr::value(Option::<String>::None)),
        Err(failure) => {
            // Words may hold what is in a row; the code says enough here, and the log has the words.
            let code = failure.face(crate::error::Lang::En).0;
            let update = if job.attempts < MOST_ATTEMPTS {
                ending(job, State::Waiting, now)
                    .col_expr(Column::DueAt, Expr::value(now + pause(job.attempts)))
            } else {
                ending(job, State::Failed, now)
            };
            update.col_expr(Column::LastError, Expr::value(code))
        }
    };
    db.transaction(async |tx| {
        update.exec(tx).await?;
        Ok(())
    })
    .await
}

/// Gives a job back that was begun and cannot be ended here, as if it had not been begun.
async fn hand_back(app: &App, job: &job::Model) -> Result<(), Failure> {
    let update = ending(job, State::Waiting, app.now())
        .col_expr(Column::Attempts, Expr::value(job.attempts - 1));
    app.db
        .transaction(async |tx| {
            update.exec(tx).await?;
            Ok(())
        })
        .await
}
