//! What lists and files say is kept sealed.

use std::sync::Arc;

use entity::{
    id::{RosterBatchId, UploadId},
    roster_batch,
    roster_row::{self, Column},
    upload,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};
use serde_json::Value;

use super::upload as uploads;
use crate::{
    db::{CHUNK, Db},
    error::Failure,
    vault::{Place, Vault},
};

/// Where the record of a row is kept.
#[must_use]
pub fn place(batch: RosterBatchId, row: i32) -> Place {
    Place::of("roster_row.record", format_args!("{} {row}", batch.0))
}

/// Seals by the newest key what is plain, or was sealed by another; how many those were.
pub async fn reseal(db: &Db, vault: &Arc<Vault>) -> Result<u64, Failure> {
    let batches = roster_batch::Entity::find()
        .select_only()
        .column(roster_batch::Column::Id)
        .into_tuple::<RosterBatchId>()
        .all(db.read())
        .await?;
    let mut done = 0;
    for batch in batches {
        done += rows(db, vault, batch).await?;
    }
    Ok(done + files(db, vault).await?)
}

async fn rows(db: &Db, vault: &Arc<Vault>, batch: RosterBatchId) -> Result<u64, Failure> {
    let (mut after, mut done) = (-1, 0);
    loop {
        let rows = roster_row::Entity::find()
            .filter(Column::BatchId.eq(batch))
            .filter(Column::Row.gt(after))
            .filter(Column::Record.is_not_null())
            .order_by_asc(Column::Row)
            .limit(CHUNK as u64)
            .all(db.read())
            .await?;
        let Some(last) = rows.last() else { return Ok(done) };
        after = last.row;
        let stale: Vec<_> =
            rows.iter().filter(|it| kept(it).is_some_and(|it| !vault.is_fresh(it))).collect();
        if stale.is_empty() {
            continue;
        }
        done += db
            .transaction(async |tx| {
                for row in &stale {
                    let place = place(batch, row.row);
                    let (Some(kept), Some(mut record)) = (kept(row), row.record.clone()) else {
                        continue;
                    };
                    let sealed = vault.seal_text(&place, &vault.open_text(&place, kept)?)?;
                    record[ID_NO] = Value::String(sealed);
                    // Nothing else ever changes a record.
                    roster_row::Entity::update_many()
                        .col_expr(Column::Record, Expr::value(record))
                        .filter(Column::BatchId.eq(batch))
                        .filter(Column::Row.eq(row.row))
                        .exec(tx)
                        .await?;
                }
                Ok::<_, Failure>(stale.len() as u64)
            })
            .await?;
    }
}

/// The field of a record, as [`Listed`](super::listed::Listed) is kept.
const ID_NO: &str = "id_no";

fn kept(row: &roster_row::Model) -> Option<&str> {
    row.record.as_ref()?.get(ID_NO)?.as_str()
}

/// Files that wait, one at a time: each may be 20 MB.
async fn files(db: &Db, vault: &Arc<Vault>) -> Result<u64, Failure> {
    use upload::{Column, Entity};
    let ids = Entity::find().select_only().column(Column::Id);
    let ids: Vec<UploadId> = ids.into_tuple().all(db.read()).await?;
    let mut done = 0;
    for id in ids {
        let Some(row) = Entity::find_by_id(id).one(db.read()).await? else { continue };
        if vault.is_fresh_bytes(&row.content) {
            continue;
        }
        let place = uploads::place(row.id);
        let sealed = vault.seal(&place, &vault.open(&place, row.content)?)?;
        done += db
            .transaction(async |tx| {
                let update = Entity::update_many()
                    .col_expr(Column::Content, Expr::value(sealed))
                    .filter(Column::Id.eq(row.id));
                Ok::<_, Failure>(update.exec(tx).await?.rows_affected)
            })
            .await?;
    }
    Ok(done)
}
