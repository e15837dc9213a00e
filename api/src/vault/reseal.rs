//! The keys of a service as its database knows them, and sealing by the newest what is not.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::data_key::{self, Column, Kind};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};

use super::{Ring, Vault};
use crate::{db::Db, error::Failure, export, form, person, roster};

/// What keeps a server from working on a database, or a key from being dropped.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error(
        "the database was sealed by the key {1}, which {0} does not have: all servers on one database have the same file"
    )]
    Foreign(String, String),
    #[error("{0} has no such key, or it is the one that seals")]
    NotThere(String),
    #[error(
        "{0} were still sealed by an older key, and are sealed anew now: once every server knows the newest key, drop it again"
    )]
    InUse(u64),
    #[error(transparent)]
    File(#[from] std::io::Error),
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Sees to it that this server has the keys by which the database is sealed, and that the database knows all of its own.
pub async fn check_keys(db: &Db, vault: &Vault, now: DateTime<Utc>) -> Result<(), Unfit> {
    let ring = vault.ring();
    let is_ours = |id: &str| ring.ids().any(|it| it == id);
    let foreign = db
        .transaction(async |tx| {
            for (nth, id) in ring.ids().enumerate() {
                // Asked before each is put down, so that a server that does not belong here leaves nothing.
                let known = data_key::Entity::find().all(tx).await?;
                let foreign = known.into_iter().map(|it| it.id).find(|it| !is_ours(it));
                if foreign.is_some() {
                    return Ok(foreign);
                }
                let row = data_key::ActiveModel {
                    id: Set(id.to_owned()),
                    kind: Set(if nth == 0 { Kind::Index } else { Kind::Seal }),
                    known_at: Set(now),
                    sealed_at: Set(None),
                };
                data_key::Entity::insert(row)
                    .on_conflict(OnConflict::new().do_nothing().to_owned())
                    .exec_without_returning(tx)
                    .await?;
            }
            Ok::<_, Failure>(None)
        })
        .await?;
    match foreign {
        None => Ok(()),
        Some(id) => Err(Unfit::Foreign(vault.path.display().to_string(), id)),
    }
}

/// Seals what a database from before the keys holds plain; afterwards it is not looked for any more.
pub async fn seal_once(db: &Db, vault: &Arc<Vault>, now: DateTime<Utc>) -> Result<u64, Failure> {
    let index =
        data_key::Entity::find().filter(Column::Kind.eq(Kind::Index)).one(db.read()).await?;
    if index.is_some_and(|it| it.sealed_at.is_some()) {
        return Ok(0);
    }
    let done = reseal(db, vault).await?;
    db.transaction(async |tx| {
        data_key::Entity::update_many()
            .col_expr(Column::SealedAt, Expr::value(now))
            .filter(Column::Kind.eq(Kind::Index))
            .exec(tx)
            .await?;
        Ok::<_, Failure>(done)
    })
    .await
}

/// Seals by the newest key all that is plain, or was sealed by another; how many those were. In batches, so that it may
/// be broken off and begun again, and servers go on meanwhile.
pub async fn reseal(db: &Db, vault: &Arc<Vault>) -> Result<u64, Failure> {
    let people = person::sealed::reseal(db, vault).await?;
    let lists = roster::sealed::reseal(db, vault).await?;
    let answers = form::sealed::reseal(db, vault).await?;
    let files = export::sealed::reseal(db, vault).await?;
    Ok(people + lists + answers + files)
}

/// Takes a key out of the file, once nothing is sealed by it any more.
pub async fn drop_key(db: &Db, vault: &Arc<Vault>, id: &str) -> Result<(), Unfit> {
    let ring = vault.ring();
    if !ring.has(id) || ring.id() == id {
        return Err(Unfit::NotThere(vault.path.display().to_string()));
    }
    match reseal(db, vault).await? {
        0 => {}
        still => return Err(Unfit::InUse(still)),
    }
    db.transaction(async |tx| {
        data_key::Entity::delete_by_id(id.to_owned()).exec(tx).await?;
        Ok::<_, Failure>(())
    })
    .await?;
    Ring::remove(&vault.path, id)?;
    Ok(())
}
