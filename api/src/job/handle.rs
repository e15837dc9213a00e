//! What is done for each kind of job. Every handler is idempotent: it may be begun anew after any of its steps.

use std::sync::Arc;

use entity::job::{self, Kind};

use super::named;
use crate::{
    app::App,
    error::Failure,
    export, housekeeping, outbox,
    privacy::purge,
    registration::{bulk, lapse},
};

/// Does a job.
pub async fn handle(app: &Arc<App>, job: &job::Model) -> Result<(), Failure> {
    match job.kind {
        Kind::KeepHouse => housekeeping::keep_house(app).await,
        Kind::Lapse => lapse::run(app, named(job, "activity")?).await,
        Kind::Bulk => bulk::run(app, named(job, "bulk")?).await,
        Kind::SendMessages => outbox::send::send_messages(app, job).await,
        Kind::CallHook => outbox::call::call_hook(app, job).await,
        Kind::Export => export::background::run(app, job).await,
        Kind::Purge => purge::run(app).await,
    }
}

/// How many of a kind one server does at once, so that none keeps the others waiting.
#[must_use]
pub fn at_once(kind: Kind) -> usize {
    match kind {
        // A file takes memory and a core.
        Kind::KeepHouse | Kind::Bulk | Kind::Export | Kind::Purge => 1,
        // A receiver that lets everybody wait is only one of those that are called.
        Kind::Lapse | Kind::SendMessages | Kind::CallHook => 2,
    }
}
