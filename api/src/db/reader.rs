//! Reading, statement by statement.
//!
//! A pool asks each connection that comes back whether it is well, by a task of its own and another round trip. For the
//! small statements of which a request is made, that costs PostgreSQL as much as they do. So what reads a list or a row has
//! connections of its own there, of which the one that was used last is used next; one that is not well says so when it is
//! used.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult,
    Statement, StreamTrait, prelude::async_trait, sea_query::Values,
};
use sea_query_sqlx::SqlxValues;
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, SqlSafeStr, SqlStr, postgres::PgConnectOptions,
};
use tokio::{sync::Semaphore, time::timeout};

use super::lane::{PATIENCE, failed};

/// How many statements read at once.
const TURNS: usize = 20;
/// How long a connection lives, so that what a server keeps for each does not grow for ever.
const LIFE: Duration = Duration::from_secs(1800);

/// Where everything goes that is not part of a transaction. What is written goes elsewhere: a statement may be sent twice.
pub struct Reader {
    /// What reads row after row as they come, and everything on SQLite.
    pub(super) pool: DatabaseConnection,
    kept: Option<Kept>,
}

struct Kept {
    options: PgConnectOptions,
    idle: Mutex<Vec<Open>>,
    turns: Semaphore,
    statements: Arc<AtomicU64>,
}

/// A connection, and since when it is one.
struct Open(PgConnection, Instant);

impl Reader {
    /// By the pool alone.
    pub(super) fn plain(pool: DatabaseConnection) -> Self {
        Self { pool, kept: None }
    }

    /// By connections of its own, of which `statements` counts what is sent.
    pub(super) fn kept(
        pool: DatabaseConnection,
        url: &str,
        statements: Arc<AtomicU64>,
    ) -> Result<Self, DbErr> {
        let options: PgConnectOptions = url.parse().map_err(failed)?;
        // To compile what reads a page would take longer than reading it.
        let options = options.application_name("qinglan reads").options([("jit", "off")]);
        let (idle, turns) = (Mutex::default(), Semaphore::new(TURNS));
        Ok(Self { pool, kept: Some(Kept { options, idle, turns, statements }) })
    }

    pub(super) async fn close(&self) {
        let idle = self.kept.as_ref().map(|it| std::mem::take(&mut *it.idle()));
        for Open(connection, _) in idle.into_iter().flatten() {
            // Nothing can be done about one that does not close.
            let _ = connection.close().await;
        }
    }
}

impl Kept {
    fn idle(&self) -> MutexGuard<'_, Vec<Open>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn rows(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        let turn = timeout(PATIENCE, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?;
        let Statement { sql, values, .. } = statement;
        let sql = AssertSqlSafe(sql).into_sql_str();
        let values = values.unwrap_or(Values(Vec::new()));
        let last = self.idle().pop().filter(|it| it.1.elapsed() < LIFE);
        if let Some(open) = last {
            match self.ask(open, sql.clone(), values.clone()).await {
                // The server was started anew; the others will be gone too.
                Err(sqlx::Error::Io(_)) => self.idle().clear(),
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("57P01") => {
                    self.idle().clear();
                }
                rows => return rows.map_err(failed),
            }
        }
        let open =
            Open(PgConnection::connect_with(&self.options).await.map_err(failed)?, Instant::now());
        self.ask(open, sql, values).await.map_err(failed)
    }

    /// Whoever goes away in the middle leaves nothing behind: what was said on a connection is not known then.
    async fn ask(
        &self,
        mut open: Open,
        sql: SqlStr,
        values: Values,
    ) -> Result<Vec<QueryResult>, sqlx::Error> {
        let rows = sqlx::query_with(sql, SqlxValues(values)).fetch_all(&mut open.0).await?;
        self.idle().push(open);
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.pool.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.pool.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.kept {
            Some(kept) => Ok(kept.rows(statement).await?.into_iter().next()),
            None => self.pool.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.kept {
            Some(kept) => kept.rows(statement).await,
            None => self.pool.query_all_raw(statement).await,
        }
    }
}

impl StreamTrait for Reader {
    type Stream<'a> = <DatabaseConnection as StreamTrait>::Stream<'a>;

    fn get_database_backend(&self) -> DbBackend {
        StreamTrait::get_database_backend(&self.pool)
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> BoxFuture<'a, Result<Self::Stream<'a>, DbErr>> {
        self.pool.stream_raw(statement)
    }
}
