//! Files that wait to be fetched are kept sealed, since what they are full of may be in them whole.

use std::sync::Arc;

use entity::{
    export_chunk::{Column, Entity},
    id::ExportId,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};

use crate::{
    db::Db,
    error::Failure,
    vault::{Place, Vault},
};

/// Where a chunk of a file is kept.
#[must_use]
pub fn place(export: ExportId, nth: i32) -> Place {
    Place::of("export_chunk.content", format_args!("{} {nth}", export.0))
}

/// Seals by the newest key what is plain, or was sealed by another; how many those were.
pub async fn reseal(db: &Db, vault: &Arc<Vault>) -> Result<u64, Failure> {
    let keys = Entity::find()
        .select_only()
        .columns([Column::ExportId, Column::Nth])
        .into_tuple::<(ExportId, i32)>()
        .all(db.read())
        .await?;
    let mut done = 0;
    for key in keys {
        let Some(row) = Entity::find_by_id(key).one(db.read()).await? else { continue };
        if vault.is_fresh_bytes(&row.content) {
            continue;
        }
        let place = place(key.0, key.1);
        let before = row.content.clone();
        let sealed = vault.seal(&place, &vault.open(&place, row.content)?)?;
        done += db
            .transaction(async |tx| {
                // Another run may have put another chunk in its place.
                let update = Entity::update_many()
                    .col_expr(Column::Content, Expr::value(sealed))
                    .filter(Column::ExportId.eq(key.0))
                    .filter(Column::Nth.eq(key.1))
                    .filter(Column::Content.eq(before));
                Ok::<_, Failure>(update.exec(tx).await?.rows_affected)
            })
            .await?;
    }
    Ok(done)
}
