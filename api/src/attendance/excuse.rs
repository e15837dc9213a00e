//! Sessions that somebody is excused from by a leave that was granted. The leave itself is another domain's.

use chrono::{DateTime, Utc};
use entity::{
    excuse::{self, Column},
    id::{RegistrationId, SessionId},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};
use uuid::Uuid;

use super::book::{Book, Pair};
use crate::error::Failure;

/// Says which sessions a registration is excused from by a leave: these, and no others that it was excused from by the
/// same leave before.
pub async fn excuse(
    tx: &DatabaseTransaction,
    leave: Uuid,
    registration: RegistrationId,
    sessions: &[SessionId],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    // The lock comes first, as at the door.
    crate::registration::locked(tx, registration).await?;
    let before = excuse::Entity::find().filter(Column::LeaveId.eq(leave)).all(tx).await?;
    let mut pairs: std::collections::BTreeSet<Pair> =
        before.iter().map(|it| (it.session_id, it.registration_id)).collect();
    excuse::Entity::delete_many().filter(Column::LeaveId.eq(leave)).exec(tx).await?;
    if !sessions.is_empty() {
        let row = |session: &SessionId| excuse::ActiveModel {
            registration_id: Set(registration),
            session_id: Set(*session),
            leave_id: Set(leave),
        };
        excuse::Entity::insert_many(sessions.iter().map(row))
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(tx)
            .await?;
        pairs.extend(sessions.iter().map(|it| (*it, registration)));
    }
    let mut book = Book::open(tx, now);
    book.settle_all(&pairs).await?;
    book.close().await
}
