//! Files that are made in the background: by a job, in chunks in the database, offered once they are whole.
//!
//! Each run of the job has a name of its own, and begins by dropping what another left behind. Every chunk is kept under
//! the condition that its run is still the one that counts, so that a run that was superseded or called off stops there.

use std::{future::pending, io, sync::Arc};

use bytes::{Buf, Bytes};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    export::{self, Column, State, Unshown},
    export_chunk::{self, Column as Chunk},
    id::ExportId,
    job,
};
use futures_util::{Stream, StreamExt};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QuerySelect, UpdateMany,
    prelude::Uuid,
    sea_query::{Expr, Query},
};
use tokio::sync::watch;

use super::{CancelExportErrorCode, approval, ask_again, brief::Brief, kind, make::make, sealed};
use crate::{
    app::App,
    authz::{Permit, policy::CancelExport},
    digest::Sum,
    error::{Error, Failure},
    job::{named, run::MOST_ATTEMPTS},
};

/// How long a file is kept that was made in the background.
pub const KEPT: TimeDelta = TimeDelta::hours(24);
/// The bytes of each chunk but the last.
const CHUNK: usize = 1 << 20;

/// Makes the file of an export, from its beginning, unless that was done or called off.
pub async fn run(app: &Arc<App>, job: &job::Model) -> Result<(), Failure> {
    let Some(export) = begin(app, named(job, "export")?).await? else { return Ok(()) };
    let run = Run { app, id: export.id, run: export.run };
    match ask_again(app, &export, app.now()).await {
        Ok(()) => {}
        Err(Failure::NotFound | Failure::Forbidden) => return run.fail().await,
        Err(failure) => return Err(failure),
    }
    let done = run.whole(export).await;
    if done.is_err() && job.attempts >= MOST_ATTEMPTS {
        run.fail().await?;
    }
    done
}

/// Takes an export up anew; none if there is nothing left to do.
async fn begin(app: &App, id: ExportId) -> Result<Option<export::Model>, Failure> {
    let now = app.now();
    app.db
        .transaction(async |tx| {
            let found = export::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
            let Some(mut row) = found else { return Ok(None) };
            let is_under_way = matches!(row.state, State::Waiting | State::Making | State::Failed);
            if !is_under_way || row.expires_at <= now {
                return Ok(None);
            }
            (row.state, row.run, row.rows_done) = (State::Making, Some(Uuid::now_v7()), 0);
            export::Entity::update_many()
                .col_expr(Column::State, Expr::value(row.state))
                .col_expr(Column::Run, Expr::value(row.run))
                .col_expr(Column::RowsDone, Expr::value(row.rows_done))
                .filter(Column::Id.eq(id))
                .exec(tx)
                .await?;
            drop_chunks(tx, id).await?;
            Ok(Some(row))
        })
        .await
}

#[expect(clippy::struct_field_names, reason = "the column that names it is called so")]
struct Run<'a> {
    app: &'a Arc<App>,
    id: ExportId,
    run: Option<Uuid>,
}

/// Whether the run goes on; if not, it was superseded or called off.
type GoesOn = bool;

impl Run<'_> {
    async fn whole(&self, export: export::Model) -> Result<(), Failure> {
        let db = self.app.db.read();
        let brief = Brief::new(db, export, self.app.now()).await?;
        let brief = brief.by(self.app);
        if approval::is_wanting(db, &brief, self.app.config.unmasked_rows).await? {
            return self.fail().await;
        }
        let total = i64::try_from(kind::count(db, &brief).await?).unwrap_or(i64::MAX);
        let (tell, rows) = watch::channel(0);
        if !self.note(0, |it| it.col_expr(Column::RowsTotal, Expr::value(total))).await? {
            return Ok(());
        }
        // Beside one another: who is in it is put on record by a transaction, for which this one may have to wait.
        let mut told = rows.clone();
        let telling = async {
            while told.changed().await.is_ok() {
                let done = *told.borrow_and_update();
                if !self.note(done, |it| it).await? {
                    return Ok(());
                }
            }
            pending().await
        };
        let mut made = tokio::select! {
            made = make(self.app, Arc::new(brief), tell) => made?,
            ended = telling => return ended,
        };
        let (mut gathered, mut nth, mut size) = (Vec::with_capacity(CHUNK), 0, 0_i64);
        let mut sum = Sum::default();
        let unshown = Unshown(std::mem::take(&mut made.unshown));
        while let Some(piece) = made.pieces.next().await {
            let mut piece = piece.map_err(Failure::internal)?;
            sum.add(&piece);
            size += i64::try_from(piece.len()).map_err(Failure::internal)?;
            while piece.has_remaining() {
                let part = piece.split_to(piece.len().min(CHUNK - gathered.len()));
                gathered.extend_from_slice(&part);
                if gathered.len() == CHUNK {
                    let chunk = std::mem::replace(&mut gathered, Vec::with_capacity(CHUNK));
                    let done = *rows.borrow();
                    if !self.keep(nth, chunk, done).await? {
                        return Ok(());
                    }
                    nth += 1;
                }
            }
        }
        let done = *rows.borrow();
        if !gathered.is_empty() && !self.keep(nth, gathered, done).await? {
            return Ok(());
        }
        let now = self.app.now();
        let sum = sum.done();
        let rows = i64::try_from(done).unwrap_or(i64::MAX);
        self.note(done, |it| {
            it.col_expr(Column::State, Expr::value(State::Ready))
                .col_expr(Column::RowsTotal, Expr::value(rows))
                .col_expr(Column::Size, Expr::value(size))
                .col_expr(Column::Sha256, Expr::value(sum))
                .col_expr(Column::Unshown, Expr::value(unshown))
                .col_expr(Column::FinishedAt, Expr::value(now))
                .col_expr(Column::ExpiresAt, Expr::value(now + KEPT))
        })
        .await
        .map(drop)
    }

    fn mine(&self, rows: u64) -> UpdateMany<export::Entity> {
        export::Entity::update_many()
            .col_expr(Column::RowsDone, Expr::value(i64::try_from(rows).unwrap_or(i64::MAX)))
            .filter(Column::Id.eq(self.id))
            .filter(Column::Run.eq(self.run))
            .filter(Column::State.eq(State::Making))
    }

    /// Puts on record how far it is.
    async fn note(
        &self,
        rows: u64,
        also: impl FnOnce(UpdateMany<export::Entity>) -> UpdateMany<export::Entity>,
    ) -> Result<GoesOn, Failure> {
        let update = also(self.mine(rows));
        self.app.db.transaction(async |tx| Ok(update.exec(tx).await?.rows_affected == 1)).await
    }

    async fn keep(&self, nth: i32, content: Vec<u8>, rows: u64) -> Result<GoesOn, Failure> {
        let update = self.mine(rows);
        let content = self.app.vault.seal(&sealed::place(self.id, nth), &content)?;
        let row = export_chunk::Model { export_id: self.id, nth, content };
        self.app
            .db
            .transaction(async |tx| {
                if update.exec(tx).await?.rows_affected == 0 {
                    return Ok(false);
                }
                export_chunk::Entity::insert(row.into_active_model().reset_all())
                    .exec_without_returning(tx)
                    .await?;
                Ok(true)
            })
            .await
    }

    async fn fail(&self) -> Result<(), Failure> {
        let (update, now) = (self.mine(0), self.app.now());
        self.app
            .db
            .transaction(async |tx| {
                let failed = update
                    .col_expr(Column::State, Expr::value(State::Failed))
                    .col_expr(Column::FinishedAt, Expr::value(now))
                    .exec(tx)
                    .await?;
                if failed.rows_affected == 1 {
                    drop_chunks(tx, self.id).await?;
                }
                Ok(())
            })
            .await
    }
}

async fn drop_chunks(tx: &DatabaseTransaction, id: ExportId) -> Result<(), Failure> {
    export_chunk::Entity::delete_many().filter(Chunk::ExportId.eq(id)).exec(tx).await?;
    Ok(())
}

/// Calls off the making of a file. Nothing is left of it.
pub async fn cancel(
    tx: &DatabaseTransaction,
    permit: &Permit<CancelExport>,
    now: DateTime<Utc>,
) -> Result<export::Model, Error<CancelExportErrorCode>> {
    let id = permit.on().id;
    let row = export::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    let row = row.ok_or(Failure::NotFound)?;
    match row.state {
        State::Cancelled => return Ok(row),
        State::WaitingApproval | State::Waiting | State::Making => {}
        State::OnFetch | State::Ready | State::Failed | State::Refused => {
            return Err(CancelExportErrorCode::NotUnderWay.into());
        }
    }
    drop_chunks(tx, id).await?;
    let mut row = row.into_active_model();
    (row.state, row.run, row.finished_at) = (Set(State::Cancelled), Set(None), Set(Some(now)));
    Ok(export::Entity::update(row).exec(tx).await?)
}

/// Drops the files that nobody gets any more. What was taken out stays on record.
pub async fn drop_old(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<(), Failure> {
    let old = Query::select()
        .column(Column::Id)
        .from(export::Entity)
        .and_where(Column::ExpiresAt.lte(now))
        .to_owned();
    export_chunk::Entity::delete_many()
        .filter(Condition::all().add(Chunk::ExportId.in_subquery(old)))
        .exec(tx)
        .await?;
    Ok(())
}

/// The bytes of a kept file from one place up to another, chunk by chunk.
pub fn bytes(
    app: Arc<App>,
    id: ExportId,
    from: u64,
    until: u64,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    futures_util::stream::try_unfold(from, move |at| {
        let app = app.clone();
        async move {
            if at >= until {
                return Ok(None);
            }
            let size = CHUNK as u64;
            let nth = i32::try_from(at / size).map_err(io::Error::other)?;
            let found = export_chunk::Entity::find_by_id((id, nth)).one(app.db.read()).await;
            // The reader must notice that the file is not whole.
            let chunk = found.map_err(io::Error::other)?;
            let chunk = chunk.ok_or_else(|| io::Error::other("the file is gone"))?;
            let content = app.vault.open(&sealed::place(id, nth), chunk.content);
            let content = content.map_err(io::Error::other)?;
            let start = at - u64::from(nth.unsigned_abs()) * size;
            let end = (start + (until - at)).min(content.len() as u64);
            let span = usize::try_from(start).ok().zip(usize::try_from(end).ok());
            let part = span.and_then(|(start, end)| content.get(start..end));
            let part = part.filter(|it| !it.is_empty()).map(Bytes::copy_from_slice);
            let part = part.ok_or_else(|| io::Error::other("a chunk is too short"))?;
            let next = at + part.len() as u64;
            Ok(Some((part, next)))
        }
    })
}
