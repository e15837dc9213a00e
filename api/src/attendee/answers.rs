//! The form of an activity, answered by whoever registers themselves. They have no account, and so send no file.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::{id::ActivityId, question::Stage, registration};
use sea_orm::DatabaseTransaction;

use super::RegisterMyselfErrorCode;
use crate::{
    authz::Mine,
    error::{Error, Failure, Lang, Refusal, Refused},
    form::{
        self, AnswerErrorCode, Asked, Checked,
        file::{Typed, look_up},
    },
    vault::Vault,
};

/// Judges what is answered with a registration, when nothing is on record yet. Nothing where nothing is asked. The
/// caller holds the activity's lock.
pub(super) async fn first(
    tx: &DatabaseTransaction,
    vault: &Vault,
    activity: ActivityId,
    typed: Vec<(String, Typed)>,
    lang: Lang,
    now: DateTime<Utc>,
) -> Result<Result<Option<Checked>, Vec<Refused<RegisterMyselfErrorCode>>>, Failure> {
    let stage = Stage::Registration;
    let questions = form::questions(tx, activity).await?;
    let is_asked = questions.iter().any(|it| it.archived_at.is_none() && it.stage == stage);
    if typed.is_empty() && !is_asked {
        return Ok(Ok(None));
    }
    let given = look_up(tx, vault, None, typed, now).await?;
    let tell = |it: Refused<AnswerErrorCode>| Refused {
        code: RegisterMyselfErrorCode::AnswerInvalid,
        about: it.code.message(lang).replace("{}", &it.about),
        path: it.path,
    };
    Ok(form::check(&questions, stage, &BTreeMap::new(), &given, Asked::Whole)
        .map(Some)
        .map_err(|faults| faults.into_iter().map(tell).collect()))
}

/// Answers the form of somebody's own registration, or corrects its answers.
pub async fn answer(
    tx: &DatabaseTransaction,
    vault: &Vault,
    mine: &Mine,
    stage: Stage,
    typed: Vec<(String, Typed)>,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<AnswerErrorCode>> {
    let row =
        form::keep::answer(tx, vault, &mine.row, None, stage, typed, Asked::Whole, now).await?;
    mine.still(&row)?;
    Ok(row)
}
