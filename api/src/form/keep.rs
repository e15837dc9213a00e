//! Answers into the database.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::{
    activity, answer, answer_file, form_reply,
    id::{AccountId, ActivityId, QuestionId},
    question::{self, Stage},
    registration,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict, Query},
};

use super::{AnswerErrorCode, Asked, Checked, Given, check, sealed};
use crate::{
    authz::{Permit, policy::AnswerForm},
    error::{Error, Failure, Refusal},
    roster::upload,
    vault::Vault,
};

/// Keeps answers that were found right, ID numbers and files sealed. The caller holds the registration's lock, or has just
/// made it. A file moves from where it was sent to its answer.
pub async fn keep(
    tx: &DatabaseTransaction,
    vault: &Vault,
    registration: &registration::Model,
    checked: Checked,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    use answer::Column;
    let renewed = checked.set.iter().map(|it| it.question);
    let old: Vec<QuestionId> = renewed.chain(checked.gone.iter().copied()).collect();
    if !old.is_empty() {
        // The file of an answer goes with it.
        answer::Entity::delete_many()
            .filter(Column::RegistrationId.eq(registration.id))
            .filter(Column::QuestionId.is_in(old))
            .exec(tx)
            .await?;
    }
    for it in checked.set {
        let row = answer::ActiveModel {
            registration_id: Set(registration.id),
            question_id: Set(it.question),
            value: Set(sealed::seal(vault, (registration.id, it.question), it.value)?),
            wording: Set(it.wording),
            answered_at: Set(now),
        };
        answer::Entity::insert(row).exec_without_returning(tx).await?;
        if let Some(id) = it.upload {
            let content = upload::take(tx, vault, id).await?;
            let place = sealed::file((registration.id, it.question));
            let row = answer_file::ActiveModel {
                registration_id: Set(registration.id),
                question_id: Set(it.question),
                content: Set(vault.seal(&place, &content)?),
            };
            answer_file::Entity::insert(row).exec_without_returning(tx).await?;
        }
    }
    let row = form_reply::ActiveModel {
        registration_id: Set(registration.id),
        stage: Set(checked.stage),
        complete: Set(checked.complete),
        replied_at: Set(now),
    };
    let again =
        OnConflict::columns([form_reply::Column::RegistrationId, form_reply::Column::Stage])
            .update_columns([form_reply::Column::Complete, form_reply::Column::RepliedAt])
            .to_owned();
    form_reply::Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// Answers that come with a registration, and the form by which they were judged before it was made.
pub struct First {
    pub checked: Checked,
    pub form: Vec<question::Model>,
}

/// Keeps the answers that came with a registration, if any did. The caller holds the activity's lock, shared, so that
/// the form stands still; it must be the one by which they were judged.
pub async fn keep_first(
    tx: &DatabaseTransaction,
    vault: &Vault,
    registration: &registration::Model,
    first: Option<First>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let Some(First { checked, form }) = first else { return Ok(()) };
    if super::questions(tx, registration.activity_id).await? != form {
        return Err(Failure::Conflict(
            "报名表刚刚有变动，请重试",
            "the form was changed meanwhile; try again",
        ));
    }
    keep(tx, vault, registration, checked, now).await
}

/// What is on record of a registration's answers.
pub async fn known(
    db: &impl ConnectionTrait,
    registration: &registration::Model,
) -> Result<BTreeMap<QuestionId, answer::Value>, Failure> {
    let rows = answer::Entity::find()
        .filter(answer::Column::RegistrationId.eq(registration.id))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|it| (it.question_id, it.value)).collect())
}

/// Answers the form of a stage, or corrects answers: those that are not named stay. For somebody who has the right to
/// the registration; `sender` is whose uploads may be named.
#[expect(clippy::too_many_arguments, reason = "who answers what, and where it is kept")]
pub async fn answer(
    tx: &DatabaseTransaction,
    vault: &Vault,
    registration: &registration::Model,
    sender: Option<AccountId>,
    stage: Stage,
    given: Vec<(String, super::file::Typed)>,
    asked: Asked,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<AnswerErrorCode>> {
    // Whoever sets the questions holds this lock alone.
    activity::Entity::find_by_id(registration.activity_id).lock_shared().one(tx).await?;
    let row = crate::registration::locked(tx, registration.id).await?;
    if !row.status.is_live() {
        return Err(AnswerErrorCode::NotLive.at(["registrationId"]).into());
    }
    let given: Vec<Given> = super::file::look_up(tx, vault, sender, given, now).await?;
    let form = super::questions(tx, row.activity_id).await?;
    let known = known(tx, &row).await?;
    let checked = check(&form, stage, &known, &given, asked).map_err(Error::Refused)?;
    keep(tx, vault, &row, checked, now).await?;
    Ok(row)
}

/// The same for an organiser, who may leave for later what is required.
pub async fn answer_for(
    tx: &DatabaseTransaction,
    vault: &Vault,
    permit: &Permit<AnswerForm>,
    stage: Stage,
    given: Vec<(String, super::file::Typed)>,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<AnswerErrorCode>> {
    answer(tx, vault, permit.on(), Some(permit.actor()), stage, given, Asked::Part, now).await
}

/// More is required than before: whoever has answered is to look again.
pub(super) async fn reopen(
    tx: &DatabaseTransaction,
    activity: ActivityId,
    stage: Stage,
) -> Result<(), Failure> {
    let of_activity = Query::select()
        .column(registration::Column::Id)
        .from(registration::Entity)
        .and_where(registration::Column::ActivityId.eq(activity))
        .to_owned();
    form_reply::Entity::update_many()
        .col_expr(form_reply::Column::Complete, Expr::value(false))
        .filter(form_reply::Column::Stage.eq(stage))
        .filter(form_reply::Column::RegistrationId.in_subquery(of_activity))
        .exec(tx)
        .await?;
    Ok(())
}

/// The answers to some questions, of all registrations.
pub(super) async fn answers_to(
    tx: &DatabaseTransaction,
    questions: &[question::Model],
) -> Result<Vec<answer::Model>, Failure> {
    let column = (answer::Entity, answer::Column::QuestionId);
    let ids = questions.iter().map(|it| it.id);
    Ok(answer::Entity::find().filter(crate::db::within(column, ids)).all(tx).await?)
}
