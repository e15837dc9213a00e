//! What the service does by itself, without anybody who asks for it.

use chrono::{DateTime, Utc};
use entity::{audit_event, id::Id};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use crate::{
    audit::{self, Details, Event, Origin},
    db::Db,
    error::Failure,
};

impl Db {
    /// The road of a write for what the service does by itself, to `on`.
    pub async fn by_itself<T: Id>(
        &self,
        action: &'static str,
        on: T,
        reason: Option<&str>,
        now: DateTime<Utc>,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.transaction(async |tx| {
            work(tx).await?;
            let origin = Origin { at: now, request_id: Uuid::now_v7(), address: None, key: None };
            let event = Event {
                actor: None,
                action,
                subject: (T::PREFIX, Some(on.uuid())),
                result: None,
                outcome: audit_event::Outcome::Done,
                reason,
                details: Details::default(),
            };
            audit::leave(tx, self.seal(), &origin, event).await
        })
        .await
    }
}
