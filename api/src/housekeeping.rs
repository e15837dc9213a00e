//! What is done hour by hour: sessions close by themselves, accounts that nobody uses go out of use, and by age are dropped audit events, idempotency keys, files that nobody reads any more, jobs and messages of long ago.

use chrono::{DateTime, TimeDelta, Utc};
use entity::job::Kind;
use sea_orm::DatabaseTransaction;

use crate::{
    account::{attempts, sign_in, stale, trip},
    app::App,
    attendance,
    attendee::codes,
    audit,
    error::Failure,
    export::background,
    job, outbox,
    roster::upload,
    self_check_in::guesses,
    write::drop_old_keys,
};

const EVERY: TimeDelta = TimeDelta::hours(1);

/// Sees to it that the house is kept from now on. Any number of servers may; it is one job.
pub async fn begin(app: &App) -> Result<(), Failure> {
    let now = app.now();
    app.db.transaction(async |tx| ask(tx, now, now).await).await
}

async fn ask(
    tx: &DatabaseTransaction,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let key = Some(String::new());
    job::enqueue(tx, Kind::KeepHouse, serde_json::json!({}), key, due_at, now).await
}

/// Drops what is old by now, and asks for the same in an hour.
pub async fn keep_house(app: &App) -> Result<(), Failure> {
    attendance::close::close_due(app).await?;
    stale::disable_stale(app).await?;
    audit::purge::purge(app).await?;
    let now = app.now();
    if let Some(age) = app.config.accounts.signing_key_age() {
        app.keys.rotate_if_old(&app.db, age, now).await?;
    }
    app.db
        .transaction(async |tx| {
            drop_old_keys(tx, now).await?;
            attempts::drop_old(tx, now).await?;
            sign_in::drop_old(tx, now).await?;
            trip::drop_old(tx, now).await?;
            codes::drop_old(tx, now).await?;
            guesses::drop_old(tx, now).await?;
            upload::drop_old(tx, now).await?;
            background::drop_old(tx, now).await?;
            job::drop_old(tx, now).await?;
            outbox::drop_old(tx, now).await?;
            ask(tx, now + EVERY, now).await
        })
        .await
}
