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

use futures_util::TryStreamExt;
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

/// How many statements read at once: of requests, and of long lists.
const TURNS: usize = 16;
const LONG_TURNS: usize = 6;
/// How long a connection lives, so that what a server keeps for each does not grow for ever.
const LIFE: Duration = Duration::from_mins(30);

/// Where everything goes that is not part of a transaction. What is written goes elsewhere: a statement may be sent twice.
pub struct Reader {
    /// What reads on SQLite, and opens transactions that read.
    pub(super) pool: DatabaseConnection,
    kept: Option<[Kept; 2]>,
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
        // To compile what reads a page, or to start processes for it, would take longer than reading it.
        let options = options
            .application_name("qinglan reads")
            .options([("jit", "off"), ("max_parallel_workers_per_gather", "0")]);
        // Nor is each page of a long list planned anew. Not so elsewhere: what an index of some rows is for is known by the
        // values alone.
        let long = options.clone().options([("plan_cache_mode", "force_generic_plan")]);
        let kept = [(options, TURNS), (long, LONG_TURNS)].map(|(options, turns)| Kept {
            options,
            idle: Mutex::default(),
            turns: Semaphore::new(turns),
            statements: statements.clone(),
        });
        Ok(Self { pool, kept: Some(kept) })
    }

    /// Reads rows of a long list as they come.
    pub(super) async fn each(
        &self,
        statement: Statement,
        take: impl FnMut(QueryResult),
    ) -> Result<(), DbErr> {
        match &self.kept {
            Some([_, long]) => long.each(statement, take).await,
            None => self.pool.stream_raw(statement).await?.map_ok(take).try_collect().await,
        }
    }

    pub(super) async fn close(&self) {
        let idle = self.kept.iter().flatten().flat_map(|it| std::mem::take(&mut *it.idle()));
        for Open(connection, _) in idle {
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
        let mut rows = Vec::new();
        self.each(statement, |row| rows.push(row)).await?;
        Ok(rows)
    }

    async fn each(
        &self,
        statement: Statement,
        mut take: impl FnMut(QueryResult),
    ) -> Result<(), DbErr> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        let turn = timeout(PATIENCE, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?;
        let Statement { sql, values, .. } = statement;
        let sql = AssertSqlSafe(sql).into_sql_str();
        let values = values.unwrap_or(Values(Vec::new()));
        let last = self.idle().pop().filter(|it| it.1.elapsed() < LIFE);
        if let Some(open) = last {
            let mut taken = false;
            let seen = |row| {
                taken = true;
                take(row);
            };
            match self.ask(open, sql.clone(), values.clone(), seen).await {
                // The server was started anew; the others will be gone too.
                Err(error) if !taken && is_gone(&error) => self.idle().clear(),
                done => return done.map_err(failed),
            }
        }
        let open =
            Open(PgConnection::connect_with(&self.options).await.map_err(failed)?, Instant::now());
        self.ask(open, sql, values, take).await.map_err(failed)
    }

    /// Whoever goes away in the middle leaves nothing behind: what was said on a connection is not known then.
    async fn ask(
        &self,
        mut open: Open,
        sql: SqlStr,
        values: Values,
        mut take: impl FnMut(QueryResult),
    ) -> Result<(), sqlx::Error> {
        let mut rows = sqlx::query_with(sql, SqlxValues(values)).fetch(&mut open.0);
        while let Some(row) = rows.try_next().await? {
            take(row.into());
        }
        drop(rows);
        self.idle().push(open);
        Ok(())
    }
}

/// PostgreSQL's 57P01 tells a connection that it was ended from outside.
fn is_gone(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().as_deref() == Some("57P01"),
        _ => false,
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
            Some([kept, _]) => Ok(kept.rows(statement).await?.into_iter().next()),
            None => self.pool.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.kept {
            Some([kept, _]) => kept.rows(statement).await,
            None => self.pool.query_all_raw(statement).await,
        }
    }
}
