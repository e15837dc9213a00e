//! Answers that are kept sealed: ID numbers, and files.

use std::sync::Arc;

use entity::{
    answer::{self, Column, Value},
    answer_file,
    id::{QuestionId, RegistrationId},
    question::{self, Kind},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use crate::{
    db::{CHUNK, Db},
    error::Failure,
    vault::{Place, Vault},
};

/// Which answer: whose, and to what.
type Key = (RegistrationId, QuestionId);

/// Where the value of an answer is kept.
fn value((registration, question): Key) -> Place {
    Place::of("answer.value", format_args!("{} {}", registration.0, question.0))
}

/// Where the file of an answer is kept.
#[must_use]
pub fn file((registration, question): Key) -> Place {
    Place::of("answer_file.content", format_args!("{} {}", registration.0, question.0))
}

/// An answer as it is kept.
pub fn seal(vault: &Vault, key: Key, plain: Value) -> Result<Value, Failure> {
    match plain {
        Value::IdNumber(it) => Ok(Value::IdNumber(vault.seal_text(&value(key), &it)?)),
        other => Ok(other),
    }
}

/// The whole ID number that an answer is.
pub fn id_number(vault: &Vault, answer: &answer::Model, kept: &str) -> Result<String, Failure> {
    vault.open_text(&value((answer.registration_id, answer.question_id)), kept)
}

/// Seals by the newest key what is plain, or was sealed by another; how many those were.
pub async fn reseal(db: &Db, vault: &Arc<Vault>) -> Result<u64, Failure> {
    let questions = question::Entity::find()
        .select_only()
        .column(question::Column::Id)
        .filter(question::Column::Kind.eq(Kind::IdNumber))
        .into_tuple::<QuestionId>()
        .all(db.read())
        .await?;
    let mut done = 0;
    for question in questions {
        done += answers(db, vault, question).await?;
    }
    Ok(done + files(db, vault).await?)
}

async fn answers(db: &Db, vault: &Arc<Vault>, question: QuestionId) -> Result<u64, Failure> {
    let (mut after, mut done) = (None::<RegistrationId>, 0);
    loop {
        let behind = after
            .map_or_else(Condition::all, |it| Condition::all().add(Column::RegistrationId.gt(it)));
        let rows = answer::Entity::find()
            .filter(Column::QuestionId.eq(question))
            .filter(behind)
            .order_by_asc(Column::RegistrationId)
            .limit(CHUNK as u64)
            .all(db.read())
            .await?;
        let Some(last) = rows.last() else { return Ok(done) };
        after = Some(last.registration_id);
        let mut stale = Vec::new();
        for row in &rows {
            // It was a text before there was anything to seal it by.
            if let Value::IdNumber(kept) | Value::Text(kept) = &row.value
                && !vault.is_fresh(kept)
            {
                let number = id_number(vault, row, kept)?;
                let key = (row.registration_id, row.question_id);
                stale.push((row, seal(vault, key, Value::IdNumber(number))?));
            }
        }
        if stale.is_empty() {
            continue;
        }
        done += db
            .transaction(async |tx| {
                let mut changed = 0;
                for (row, sealed) in stale {
                    // Whoever answers anew answers at another time, and has it sealed.
                    changed += answer::Entity::update_many()
                        .col_expr(Column::Value, Expr::value(sealed))
                        .filter(Column::RegistrationId.eq(row.registration_id))
                        .filter(Column::QuestionId.eq(row.question_id))
                        .filter(Column::AnsweredAt.eq(row.answered_at))
                        .exec(tx)
                        .await?
                        .rows_affected;
                }
                Ok::<_, Failure>(changed)
            })
            .await?;
    }
}

/// One at a time: each may be 20 MB.
async fn files(db: &Db, vault: &Arc<Vault>) -> Result<u64, Failure> {
    use answer_file::{Column, Entity};
    let keys = Entity::find()
        .select_only()
        .columns([Column::RegistrationId, Column::QuestionId])
        .into_tuple::<Key>()
        .all(db.read())
        .await?;
    let mut done = 0;
    for key in keys {
        let Some(row) = Entity::find_by_id(key).one(db.read()).await? else { continue };
        if vault.is_fresh_bytes(&row.content) {
            continue;
        }
        let place = file(key);
        let before = row.content.clone();
        let sealed = vault.seal(&place, &vault.open(&place, row.content)?)?;
        done += db
            .transaction(async |tx| {
                let update = Entity::update_many()
                    .col_expr(Column::Content, Expr::value(sealed))
                    .filter(Column::RegistrationId.eq(key.0))
                    .filter(Column::QuestionId.eq(key.1))
                    .filter(Column::Content.eq(before));
                Ok::<_, Failure>(update.exec(tx).await?.rows_affected)
            })
            .await?;
    }
    Ok(done)
}
