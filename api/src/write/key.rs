//! Idempotency keys: the same key with the same input gives the first answer.

use async_graphql::InputType;
use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, TimeDelta, Utc};
use entity::idempotency_key;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use serde::Serialize;
use uuid::Uuid;

use crate::error::Failure;

/// What tells whether the same is sent again.
pub(super) struct Key {
    /// The name of the mutation's input. One mutation may be several actions, and its keys are one set all the same.
    input: String,
    text: String,
    hash: Vec<u8>,
}

impl Key {
    /// The key `text` of an act with this input.
    pub(super) fn of<I: InputType>(text: String, input: &I) -> Self {
        let typed = input.to_value().to_string();
        let hash = digest(&SHA256, typed.as_bytes()).as_ref().to_vec();
        Self { input: I::type_name().into_owned(), text, hash }
    }

    /// Refuses what cannot be a key.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if (1..=200).contains(&self.text.chars().count()) {
            return Ok(());
        }
        Err(Failure::BadInput(
            "幂等键须为1至200个字符",
            "an idempotency key has 1 to 200 characters",
        ))
    }

    /// Takes the key for this act, or gives the first answer to it.
    ///
    /// The insert waits for a rival that holds the same key, so that of two sent at once one acts and the other answers.
    pub(super) async fn claim(
        &self,
        tx: &impl ConnectionTrait,
        actor: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<serde_json::Value>, Failure> {
        let row = idempotency_key::ActiveModel {
            actor_id: Set(actor),
            action: Set(self.input.clone()),
            key: Set(self.text.clone()),
            input_hash: Set(self.hash.clone()),
            answer: Set(None),
            created_at: Set(now),
        };
        let mine = idempotency_key::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(tx)
            .await?;
        if mine == 1 {
            return Ok(None);
        }
        let first =
            idempotency_key::Entity::find_by_id((actor, self.input.clone(), self.text.clone()))
                .one(tx)
                .await?
                .ok_or_else(|| Failure::internal("idempotency key vanished"))?;
        if first.input_hash != self.hash {
            return Err(Failure::Conflict(
                "这个幂等键已用于不同的内容",
                "this idempotency key was used with another input",
            ));
        }
        Ok(first.answer)
    }

    /// Keeps what came of the act as the first answer.
    pub(super) async fn keep(
        &self,
        tx: &impl ConnectionTrait,
        actor: Uuid,
        done: &impl Serialize,
    ) -> Result<(), Failure> {
        let answer = serde_json::to_value(done).map_err(Failure::internal)?;
        idempotency_key::Entity::update_many()
            .col_expr(idempotency_key::Column::Answer, Expr::value(answer))
            .filter(idempotency_key::Column::ActorId.eq(actor))
            .filter(idempotency_key::Column::Action.eq(self.input.as_str()))
            .filter(idempotency_key::Column::Key.eq(self.text.as_str()))
            .exec(tx)
            .await?;
        Ok(())
    }
}

/// How long a key is kept at least.
const KEY_KEPT: TimeDelta = TimeDelta::hours(48);

/// Drops the keys that were kept long enough.
pub async fn drop_old_keys(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<(), Failure> {
    idempotency_key::Entity::delete_many()
        .filter(idempotency_key::Column::CreatedAt.lt(now - KEY_KEPT))
        .exec(tx)
        .await?;
    Ok(())
}
