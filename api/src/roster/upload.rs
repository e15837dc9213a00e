//! Files that were sent and wait to be read.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{AccountId, UploadId},
    upload::{self, Column},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
};

use crate::{
    authz::Who,
    error::Failure,
    vault::{Place, Vault},
};

/// A file that nobody reads is dropped after this time: it is full of personal data.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// Drops the files that were kept long enough.
pub async fn drop_old(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<(), Failure> {
    upload::Entity::delete_many().filter(Column::CreatedAt.lt(now - KEPT)).exec(tx).await?;
    Ok(())
}

/// Keeps a file for its sender, sealed.
pub async fn keep(
    tx: &DatabaseTransaction,
    vault: &Vault,
    sender: &Who,
    file_name: String,
    content: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<(UploadId, i64), Failure> {
    let size = i64::try_from(content.len()).map_err(Failure::internal)?;
    let id = UploadId::generate();
    let row = upload::ActiveModel {
        id: Set(id),
        account_id: Set(sender.account.id),
        file_name: Set(file_name),
        size: Set(size),
        content: Set(vault.seal(&place(id), &content)?),
        created_at: Set(now),
    };
    upload::Entity::insert(row).exec_without_returning(tx).await?;
    Ok((id, size))
}

/// A file of the sender's own that is not too old. Others are not found.
pub async fn own(
    db: &impl ConnectionTrait,
    vault: &Vault,
    sender: AccountId,
    id: UploadId,
    now: DateTime<Utc>,
) -> Result<upload::Model, Failure> {
    let row = upload::Entity::find_by_id(id)
        .filter(Column::AccountId.eq(sender))
        .filter(Column::CreatedAt.gte(now - KEPT))
        .one(db)
        .await?
        .ok_or(Failure::NotFound)?;
    Ok(upload::Model { content: vault.open(&place(id), row.content)?, ..row })
}

/// Takes a file from where it waits: its bytes, which are the caller's now.
pub async fn take(
    tx: &DatabaseTransaction,
    vault: &Vault,
    id: UploadId,
) -> Result<Vec<u8>, Failure> {
    let row = upload::Entity::find_by_id(id).one(tx).await?.ok_or(Failure::NotFound)?;
    upload::Entity::delete_by_id(id).exec(tx).await?;
    vault.open(&place(id), row.content)
}

/// Where a file is kept that waits.
pub(super) fn place(id: UploadId) -> Place {
    Place::of("upload.content", id.0)
}
