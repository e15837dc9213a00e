//! Connections and transactions. The only module that asks which database it talks to.

mod lane;
pub mod many;
mod reader;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use migration::Migrator;
use sea_orm::{
    AccessMode, ConnAcquireErr, ConnectOptions, ConnectionTrait, Database, DatabaseConnection,
    DatabaseTransaction, DbBackend, DbErr, ExecResult, FromQueryResult, IsolationLevel,
    QueryResult, RuntimeErr, SqlErr, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait,
    prelude::async_trait,
    sea_query::{
        Expr, ExprTrait, IntoColumnRef, SelectStatement, SimpleExpr, Value,
        extension::postgres::PgFunc,
    },
};
use sea_orm_migration::MigratorTrait;
use sqlx::{
    Connection, Postgres,
    postgres::PgArguments,
    query::Query,
    sqlite::{SqliteJournalMode, SqliteSynchronous},
};

use self::lane::Lane;
pub use self::reader::Reader;
use crate::{audit::chain::Seal, error::Failure};

/// The database: connections to read by, and the road for transactions.
///
/// On SQLite there is one writing connection, for which writers queue in the order they came, and a pool of
/// readers; on PostgreSQL one pool for transactions, and connections of their own to read by and for scans.
#[derive(Clone)]
pub struct Db {
    reader: Arc<Reader>,
    writer: DatabaseConnection,
    statements: Arc<AtomicU64>,
    /// The address, where other servers may use the same database.
    shared: Option<Arc<str>>,
    /// For scans, on PostgreSQL.
    lanes: Arc<[Lane]>,
    /// What the audit log is chained by.
    seal: Seal,
}

/// How many rows go into one statement: the smaller of the databases' limits on parameters allows 32,766.
pub const CHUNK: usize = 500;

/// While one statement of scans is on its way to the disk, another can be worked on.
const LANES: usize = 2;

impl Db {
    /// Connects; what is written is put on the audit log under `seal`. `url` is `sqlite://PATH` or `postgres://…`; the folder of an SQLite file is made if need be.
    pub async fn connect(url: &str, seal: Seal) -> Result<Self, DbErr> {
        if ["postgres://", "postgresql://"].iter().any(|it| url.starts_with(it)) {
            answers(url).await?;
        } else if !url.starts_with("sqlite://") {
            // The address is not shown: it may hold a password.
            return Err(DbErr::Custom("it is neither sqlite://PATH nor postgres://…".to_owned()));
        }
        let statements = Arc::new(AtomicU64::new(0));
        let open = async |most: u32, read_only: bool| {
            let mut options = ConnectOptions::new(url);
            options
                .max_connections(most)
                .acquire_timeout(Duration::from_secs(20))
                .test_before_acquire_if_idle_for(Duration::from_secs(30))
                .sqlx_logging(false)
                .record_stmt_in_spans(false)
                .map_sqlx_sqlite_opts(move |options| {
                    options
                        .create_if_missing(true)
                        .read_only(read_only)
                        .journal_mode(SqliteJournalMode::Wal)
                        // An acknowledged scan survives a power cut, not only a crash of the process.
                        .synchronous(SqliteSynchronous::Full)
                        .busy_timeout(Duration::from_secs(5))
                        .foreign_keys(true)
                        .pragma("cache_size", "-8192")
                        .statement_cache_capacity(256)
                });
            let mut connection = Database::connect(options).await?;
            let count = statements.clone();
            connection.set_metric_callback(move |_| {
                count.fetch_add(1, Ordering::Relaxed);
            });
            Ok::<_, DbErr>(connection)
        };
        if let Some(path) = url.strip_prefix("sqlite://") {
            let path = Path::new(path.split('?').next().unwrap_or_default());
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)
                    .map_err(|error| DbErr::Custom(format!("{}: {error}", folder.display())))?;
            }
            let writer = open(1, false).await?;
            let reader = Reader::plain(open(8, true).await?).into();
            let lanes = Arc::new([]);
            Ok(Self { reader, writer, statements, shared: None, lanes, seal })
        } else {
            let writer = open(12, false).await?;
            let url: Arc<str> = url.into();
            let reader = Reader::kept(writer.clone(), &url, statements.clone())?.into();
            let lanes = (0..LANES).map(|_| Lane::new(url.clone())).collect();
            let shared = Some(url);
            Ok(Self { reader, writer, statements, shared, lanes, seal })
        }
    }

    /// Brings the tables up to date. Several servers may start at once on one PostgreSQL.
    pub async fn migrate(&self) -> Result<(), DbErr> {
        if self.writer.get_database_backend() != DbBackend::Postgres {
            return Migrator::up(&self.writer, None).await;
        }
        // The lock lasts as long as the transaction, so nothing is left behind if this server dies here.
        let guard = self.writer.begin().await?;
        guard.execute_unprepared("SELECT pg_advisory_xact_lock(7466321)").await?;
        Migrator::up(&self.writer, None).await?;
        guard.commit().await
    }

    /// Where reads go that are not part of a transaction.
    #[must_use]
    pub fn read(&self) -> &Reader {
        &self.reader
    }

    /// The address of the database, where other servers may use it too: then it carries what they tell one another.
    #[must_use]
    pub fn shared(&self) -> Option<&str> {
        self.shared.as_deref()
    }

    /// What the audit log is chained by.
    #[must_use]
    pub fn seal(&self) -> &Seal {
        &self.seal
    }

    /// How many statements were sent so far.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Runs `work` in one transaction: committed when it ends well, rolled back otherwise.
    ///
    /// Only the road of [`crate::write`] and the door's scans go through here.
    pub(crate) async fn transaction<T, E: From<DbErr>>(
        &self,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, E>,
    ) -> Result<T, E> {
        // SQLite would otherwise fail a transaction that reads first and writes later.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let tx = self.writer.begin_with_options(options).await?;
        match work(&tx).await {
            Ok(done) => {
                tx.commit().await?;
                Ok(done)
            }
            Err(error) => {
                // Before the answer, so that no lock outlives it. A connection that is gone has rolled back already.
                let _ = tx.rollback().await;
                Err(error)
            }
        }
    }

    /// How many statements of scans can be under way at once where each is a round trip to a server, so that few are worth
    /// more than simple ones; none elsewhere.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// Runs one statement in a lane, as a transaction of its own. Its SQL is PostgreSQL's.
    pub(crate) async fn in_lane(
        &self,
        lane: usize,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<QueryResult>, DbErr> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.lanes[lane].rows(query).await
    }

    /// Reads with several statements of which all see the same instant.
    pub async fn snapshot<T>(
        &self,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        // SQLite's transactions are so anyway.
        let is_postgres = self.writer.get_database_backend() == DbBackend::Postgres;
        let options = TransactionOptions {
            isolation_level: is_postgres.then_some(IsolationLevel::RepeatableRead),
            access_mode: is_postgres.then_some(AccessMode::ReadOnly),
            ..Default::default()
        };
        let tx = self.reader.pool.begin_with_options(options).await?;
        work(&tx).await
    }

    /// Ends all connections; on SQLite this also folds the write-ahead log into the file.
    pub async fn close(self) {
        self.reader.close().await;
        for lane in self.lanes.iter() {
            lane.close().await;
        }
        // Nothing can be done about a connection that does not close: the process is about to end.
        let _ = self.reader.pool.close_by_ref().await;
        let _ = self.writer.close().await;
    }
}

/// Whether a PostgreSQL server answers. A pool would only say, much later, that the time is up.
async fn answers(url: &str) -> Result<(), DbErr> {
    let failed = |why: String| DbErr::Custom(why);
    let connected = tokio::time::timeout(Duration::from_secs(10), sqlx::PgConnection::connect(url));
    match connected.await {
        Err(_) => Err(failed("the server does not answer within 10 seconds".to_owned())),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Ok(Ok(connection)) => connection.close().await.map_err(|error| failed(error.to_string())),
    }
}

/// `column` is one of `values`. The list is padded to a power of two, so that few statements are ever prepared.
pub fn within<V: Into<Value> + Clone>(
    column: impl IntoColumnRef,
    values: impl IntoIterator<Item = V>,
) -> SimpleExpr {
    let mut values: Vec<Value> = values.into_iter().map(Into::into).collect();
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    Expr::col(column).is_in(values)
}

/// The same of many values, as one parameter where there are arrays.
pub fn among<V: Into<Value> + Clone>(
    db: &impl ConnectionTrait,
    column: impl IntoColumnRef,
    values: impl IntoIterator<Item = V>,
) -> SimpleExpr {
    if db.get_database_backend() != DbBackend::Postgres {
        return within(column, values);
    }
    let values: Vec<Value> = values.into_iter().map(Into::into).collect();
    match values.first().map(Value::array_type) {
        Some(kind) => {
            let values = Value::Array(kind, Some(Box::new(values)));
            Expr::col(column).eq(PgFunc::any(values))
        }
        None => Expr::val(false),
    }
}

/// Reads at most so many rows, each turned into what it is as it comes: a row of the driver takes several times as much
/// memory. The limit stands in the statement itself: where it is a parameter, PostgreSQL plans the statement anew each time.
pub async fn at_most_by<M>(
    db: &Reader,
    select: &SelectStatement,
    limit: usize,
    read: impl Fn(&QueryResult) -> Result<M, DbErr>,
) -> Result<Vec<M>, DbErr> {
    cut_by(db, select, &format!("LIMIT {limit}"), read).await
}

/// The same, where what a row is says itself how it is read.
pub async fn at_most<M: FromQueryResult>(
    db: &Reader,
    select: &SelectStatement,
    limit: usize,
) -> Result<Vec<M>, DbErr> {
    at_most_by(db, select, limit, |row| M::from_query_result(row, "")).await
}

/// Reads the nth row, from 0.
pub async fn nth_by<M>(
    db: &Reader,
    select: &SelectStatement,
    nth: usize,
    read: impl Fn(&QueryResult) -> Result<M, DbErr>,
) -> Result<Option<M>, DbErr> {
    Ok(cut_by(db, select, &format!("LIMIT 1 OFFSET {nth}"), read).await?.pop())
}

async fn cut_by<M>(
    db: &Reader,
    select: &SelectStatement,
    cut: &str,
    read: impl Fn(&QueryResult) -> Result<M, DbErr>,
) -> Result<Vec<M>, DbErr> {
    let mut statement = db.get_database_backend().build(select);
    statement.sql = format!("{} {cut}", statement.sql);
    let (mut found, mut wrong) = (Vec::new(), None);
    let take = |row: QueryResult| match read(&row) {
        Ok(it) => found.push(it),
        Err(error) => wrong = Some(error),
    };
    db.each(statement, take).await?;
    wrong.map_or(Ok(found), Err)
}

/// A connection on which every list that is read ends after so many rows. The limit stands in the statement itself, as
/// for [`at_most`], where sea-orm's cursors would make it a parameter.
pub struct Cut<'a, C>(pub &'a C, pub u64);

#[async_trait::async_trait]
impl<C: ConnectionTrait> ConnectionTrait for Cut<'_, C> {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.0.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.0.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let sql = format!("{} LIMIT {}", statement.sql, self.1);
        self.0.query_all_raw(Statement { sql, ..statement }).await
    }
}

/// `column` begins with `prefix`, by the index on both databases.
pub fn begins_with<C: IntoColumnRef + Clone>(column: C, prefix: &str) -> SimpleExpr {
    // U+10FFFF is the last code point, and no text that is stored here holds it.
    Expr::col(column.clone())
        .gte(prefix.to_owned())
        .and(Expr::col(column).lt(format!("{prefix}\u{10FFFF}")))
}

/// Whether a statement broke a rule of uniqueness, which the caller turns into the user's refusal.
#[must_use]
pub fn is_duplicate(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Whether a transaction lost against rivals (a deadlock, a serialisation failure, a database that stayed busy), so that
/// the same may succeed if it is sent again.
#[must_use]
pub fn is_rivalry(error: &DbErr) -> bool {
    if matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)) {
        return true;
    }
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) =
        error
    else {
        return false;
    };
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    // PostgreSQL's SQLSTATE 40P01 and 40001; SQLite's SQLITE_BUSY and SQLITE_BUSY_SNAPSHOT.
    matches!(code.as_deref(), Some("40P01" | "40001" | "5" | "517"))
}
