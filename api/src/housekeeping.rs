//! What is dropped by age, hour by hour: idempotency keys and files that nobody reads any more. Any number of servers
//! may do it at once.

use std::{sync::Arc, time::Duration};

use crate::{app::App, attendee::codes, error::Failure, roster::upload, write::drop_old_keys};

const EVERY: Duration = Duration::from_hours(1);

/// Drops what is old, now and every hour, until it is dropped itself.
pub async fn keep_house(app: Arc<App>) {
    let mut hours = tokio::time::interval(EVERY);
    loop {
        hours.tick().await;
        if let Err(failure) = drop_old(&app).await {
            tracing::warn!("housekeeping: {failure:?}");
        }
    }
}

/// Drops what is old by now.
pub async fn drop_old(app: &App) -> Result<(), Failure> {
    let now = app.now();
    app.db
        .transaction(async |tx| {
            drop_old_keys(tx, now).await?;
            codes::drop_old(tx, now).await?;
            upload::drop_old(tx, now).await
        })
        .await
}
