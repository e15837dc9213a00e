//! Files that were sent and wait to be read.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{AccountId, UploadId},
    upload::{self, Column},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
};

use crate::{authz::Who, error::Failure};

/// A file that nobody reads is dropped after this time: it is full of personal data.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// Drops the files that were kept long enough.
pub async fn drop_old(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<(), Failure> {
    upload::Entity::delete_many().filter(Column::CreatedAt.lt(now - KEPT)).exec(tx).await?;
    Ok(())
}

/// Keeps a file for its sender.
pub async fn keep(
    tx: &DatabaseTransaction,
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
        content: Set(content),
        created_at: Set(now),
    };
    upload::Entity::insert(row).exec_without_returning(tx).await?;
    Ok((id, size))
}

/// A file of the sender's own that is not too old. Others are not found.
pub async fn own(
    db: &impl ConnectionTrait,
    sender: AccountId,
    id: UploadId,
    now: DateTime<Utc>,
) -> Result<upload::Model, Failure> {
    upload::Entity::find_by_id(id)
        .filter(Column::AccountId.eq(sender))
        .filter(Column::CreatedAt.gte(now - KEPT))
        .one(db)
        .await?
        .ok_or(Failure::NotFound)
}

/// Takes a file from where it waits: its bytes, which are the caller's now.
pub async fn take(tx: &DatabaseTransaction, id: UploadId) -> Result<Vec<u8>, Failure> {
    let row = upload::Entity::find_by_id(id).one(tx).await?.ok_or(Failure::NotFound)?;
    upload::Entity::delete_by_id(id).exec(tx).await?;
    Ok(row.content)
}
