//! What is dropped of answers: all of it. That a form was answered stays.

use entity::{
    answer, answer_file,
    id::{QuestionId, RegistrationId},
};
use sea_orm::{
    Condition, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, SelectStatement},
};

use crate::{db::within, error::Failure};

/// Drops some answers with their files. `which` selects from them.
pub async fn answers(tx: &DatabaseTransaction, mut which: SelectStatement) -> Result<u64, Failure> {
    for it in [answer::Column::RegistrationId, answer::Column::QuestionId] {
        which.column((answer::Entity, it));
    }
    let key = Expr::tuple([
        Expr::col(answer::Column::RegistrationId),
        Expr::col(answer::Column::QuestionId),
    ]);
    let keys: Vec<(RegistrationId, QuestionId)> = answer::Entity::find()
        .select_only()
        .columns([answer::Column::RegistrationId, answer::Column::QuestionId])
        .filter(key.in_subquery(which))
        .into_tuple()
        .all(tx)
        .await?;
    if keys.is_empty() {
        return Ok(0);
    }
    let one = |(registration, question): &(RegistrationId, QuestionId)| {
        let is = |column: &str| Expr::col(sea_orm::sea_query::Alias::new(column));
        Condition::all()
            .add(is("registration_id").eq(*registration))
            .add(is("question_id").eq(*question))
    };
    let these = keys.iter().map(one).fold(Condition::any(), Condition::add);
    answer_file::Entity::delete_many().filter(these.clone()).exec(tx).await?;
    Ok(answer::Entity::delete_many().filter(these).exec(tx).await?.rows_affected)
}

/// Drops all answers of some registrations, with their files.
pub async fn of(tx: &DatabaseTransaction, of: &[RegistrationId]) -> Result<(), Failure> {
    let ids = || of.iter().copied();
    answer_file::Entity::delete_many()
        .filter(within((answer_file::Entity, answer_file::Column::RegistrationId), ids()))
        .exec(tx)
        .await?;
    answer::Entity::delete_many()
        .filter(within((answer::Entity, answer::Column::RegistrationId), ids()))
        .exec(tx)
        .await?;
    Ok(())
}
