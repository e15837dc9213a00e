//! Connections of their own for what is sent over and over: scans.
//!
//! A pool hands out another connection each time and asks each that comes back whether it is well, which is as much as a
//! scan costs. What goes through here finds single rows by their keys, so plans that read whole tables are not taken: one
//! made while a table was empty would be kept for as long as the connection lives, in the checks of foreign keys too.

use std::{sync::Arc, time::Duration};

use sea_orm::{DbErr, QueryResult, RuntimeErr};
use sqlx::{Connection, Executor, PgConnection, Postgres, postgres::PgArguments, query::Query};
use tokio::{sync::Mutex, time::timeout};

/// How long a statement may take, as long as a connection of the pool may be waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// One connection to PostgreSQL, opened when it is first needed.
pub(super) struct Lane {
    url: Arc<str>,
    connection: Mutex<Option<PgConnection>>,
}

impl Lane {
    pub(super) fn new(url: Arc<str>) -> Self {
        Self { url, connection: Mutex::default() }
    }

    /// Runs one statement, as a transaction of its own.
    pub(super) async fn rows(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let mut kept = self.connection.lock().await;
        // Whoever goes away in the middle leaves nothing behind: what was said on a connection is not known then.
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => self.open().await.map_err(failed)?,
        };
        // Whoever waits behind a server that is gone without a word would wait for a quarter of an hour.
        let rows = timeout(PATIENCE, query.fetch_all(&mut connection)).await;
        let rows = rows.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        // A rival with the same row is the one error after which a connection is surely well.
        let is_whole = match &rows {
            Ok(_) => true,
            Err(sqlx::Error::Database(error)) => error.is_unique_violation(),
            Err(_) => false,
        };
        if is_whole {
            *kept = Some(connection);
        }
        Ok(rows.map_err(failed)?.into_iter().map(QueryResult::from).collect())
    }

    async fn open(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let plainly =
            "SET application_name = 'qinglan scans'; SET enable_seqscan = off; SET jit = off";
        connection.execute(plainly).await?;
        Ok(connection)
    }

    pub(super) async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            // Nothing can be done about one that does not close.
            let _ = connection.close().await;
        }
    }
}

pub(super) fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}
