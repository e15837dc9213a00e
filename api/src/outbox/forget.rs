//! What is dropped of messages: all of it, since they say names, and go to phones.

use entity::{
    id::RegistrationId,
    message::{self, Column},
};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, sea_query::SelectStatement,
};

use crate::{db::within, error::Failure};

/// Drops some messages. `which` selects from them.
pub async fn messages(
    tx: &DatabaseTransaction,
    mut which: SelectStatement,
) -> Result<u64, Failure> {
    which.column((message::Entity, Column::Id));
    let done =
        message::Entity::delete_many().filter(Column::Id.in_subquery(which)).exec(tx).await?;
    Ok(done.rows_affected)
}

/// Drops all messages of some registrations.
pub async fn of(tx: &DatabaseTransaction, of: &[RegistrationId]) -> Result<(), Failure> {
    message::Entity::delete_many()
        .filter(within((message::Entity, Column::RegistrationId), of.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}
