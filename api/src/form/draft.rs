//! The questions of an activity, set as a whole.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::{
    activity,
    answer::Value,
    id::{ActivityId, QuestionId},
    question::{self, Choice, Condition, Kind, Limits, Options, Stage},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    DatabaseTransaction, EntityTrait, QuerySelect,
};

use super::{
    SetQuestionsErrorCode as Code,
    check::{MOST_BYTES, MOST_LONG_TEXT, MOST_TEXT},
    keep,
};
use crate::{
    authz::{Permit, policy::SetQuestions},
    error::{Error, Failure, Refusal, Refused, refuse_if_any},
};

/// The most questions of an activity, the most options of a question.
pub const MOST: usize = 100;
/// The most days that answers are kept after the activity's end.
const LONGEST_KEPT: i32 = 3_650;

/// A question to be. Its texts are checked already.
#[derive(Clone, Debug)]
pub struct Draft {
    pub key: String,
    pub stage: Stage,
    pub kind: Kind,
    pub label: String,
    pub label_en: Option<String>,
    pub help: Option<String>,
    pub options: Vec<Choice>,
    pub required: bool,
    pub visible_if: Option<Condition>,
    pub limits: Limits,
    pub purpose: String,
    pub kept_for: i32,
}

/// What is wrong with a form beyond its texts, whatever was answered.
#[must_use]
pub fn faults(drafts: &[Draft]) -> Vec<Refused<Code>> {
    let mut faults = Vec::new();
    if drafts.len() > MOST {
        faults.push(Code::TooMany.at(["questions"]).about(MOST));
    }
    let mut keys = HashSet::new();
    for (at, it) in drafts.iter().enumerate() {
        let mut refuse = |code: Code, path: &[&str], about: &str| {
            let at = at.to_string();
            let path = ["questions", at.as_str()].into_iter().chain(path.iter().copied());
            faults.push(code.at(path).about(about));
        };
        if !is_key(&it.key) {
            refuse(Code::KeyInvalid, &["key"], &short(&it.key));
        }
        if !keys.insert(&it.key) {
            refuse(Code::KeyTwice, &["key"], &short(&it.key));
        }
        if !(0..=LONGEST_KEPT).contains(&it.kept_for) {
            refuse(Code::KeptForOutOfRange, &["keptFor"], "");
        }
        if let Some(field) = unfit_limit(it) {
            refuse(Code::LimitUnfit, &["limits", field], "");
        }
        let is_choice = matches!(it.kind, Kind::OneOf | Kind::SeveralOf);
        if is_choice == it.options.is_empty() {
            refuse(Code::OptionsUnfit, &["options"], "");
        }
        if it.options.len() > MOST {
            refuse(Code::TooMany, &["options"], &MOST.to_string());
        }
        let mut chosen = HashSet::new();
        for (nth, option) in it.options.iter().enumerate() {
            let nth = nth.to_string();
            if !is_key(&option.key) {
                refuse(Code::KeyInvalid, &["options", &nth, "key"], &short(&option.key));
            }
            if !chosen.insert(&option.key) {
                refuse(Code::KeyTwice, &["options", &nth, "key"], &short(&option.key));
            }
        }
        if let Some(condition) = &it.visible_if {
            // The form is walked by its stages, and within each from top to bottom.
            let target = drafts.iter().enumerate().find(|(other_at, other)| {
                other.key == condition.key && (other.stage, *other_at) < (it.stage, at)
            });
            match target {
                None => {
                    refuse(Code::ConditionNowhere, &["visibleIf", "key"], &short(&condition.key));
                }
                Some((_, other)) => {
                    if let Some(never) = never(other, condition) {
                        refuse(Code::ConditionNever, &["visibleIf", "isAnyOf"], &short(never));
                    }
                }
            }
        }
    }
    faults
}

/// What of a condition can never be answered to the question it points at.
fn never<'a>(target: &Draft, condition: &'a Condition) -> Option<&'a str> {
    let can_be = |it: &str| match target.kind {
        Kind::YesNo | Kind::Consent => matches!(it, "true" | "false"),
        _ => target.options.iter().any(|option| option.key == it),
    };
    if condition.is_any_of.is_empty() {
        return Some("");
    }
    condition.is_any_of.iter().map(String::as_str).find(|it| !can_be(it))
}

/// The limit that does not fit the kind, or to which nothing could keep.
fn unfit_limit(it: &Draft) -> Option<&'static str> {
    let Limits { max_length, min, max, from, until, max_bytes, file_types } = &it.limits;
    let most = if it.kind == Kind::LongText { MOST_LONG_TEXT } else { MOST_TEXT };
    let is_text = matches!(it.kind, Kind::Text | Kind::LongText);
    let is = |kind| it.kind == kind;
    [
        ("maxLength", max_length.is_none_or(|it| is_text && (1..=most).contains(&it))),
        ("min", min.is_none_or(|it| is(Kind::Number) && it.is_finite())),
        ("max", max.is_none_or(|it| is(Kind::Number) && it.is_finite())),
        ("max", min.zip(*max).is_none_or(|(min, max)| min <= max)),
        ("from", from.is_none_or(|_| is(Kind::Date))),
        ("until", until.is_none_or(|_| is(Kind::Date))),
        ("until", from.zip(*until).is_none_or(|(from, until)| from <= until)),
        ("maxBytes", max_bytes.is_none_or(|it| is(Kind::File) && (1..=MOST_BYTES).contains(&it))),
        ("fileTypes", file_types.as_ref().is_none_or(|it| is(Kind::File) && !it.is_empty())),
    ]
    .into_iter()
    .find_map(|(field, fits)| (!fits).then_some(field))
}

/// Whether a text can name a question or an option: a small letter, then letters, digits, underscores; 40 at most.
fn is_key(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Sets the whole form: what has a known key is changed, what has a new one is added, what is not there any more is
/// retired and comes back with its key. The caller has found no faults.
pub async fn set(
    tx: &DatabaseTransaction,
    permit: &Permit<SetQuestions>,
    drafts: Vec<Draft>,
    now: DateTime<Utc>,
) -> Result<activity::Model, Error<Code>> {
    // Whoever answers holds this lock shared.
    let activity = activity::Entity::find_by_id(permit.on().id)
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Failure::NotFound)?;
    if activity.status == activity::Status::Cancelled {
        return Err(Code::ActivityCancelled.at(["activityId"]).into());
    }
    let there = super::questions(tx, activity.id).await?;
    refuse_if_any(against_answers(tx, &there, &drafts).await?)?;

    let mut order: Vec<usize> = (0..drafts.len()).collect();
    order.sort_by_key(|&at| drafts[at].stage);
    let mut reopened = HashSet::new();
    let kept: HashSet<&str> = drafts.iter().map(|it| it.key.as_str()).collect();
    for it in there.iter().filter(|it| it.archived_at.is_none() && !kept.contains(&*it.key)) {
        let row = question::ActiveModel {
            id: Unchanged(it.id),
            archived_at: Set(Some(now)),
            ..Default::default()
        };
        question::Entity::update(row).exec(tx).await?;
    }
    for (position, &at) in order.iter().enumerate() {
        let draft = &drafts[at];
        let old = there.iter().find(|it| it.key == draft.key);
        if asks_more(old, draft) {
            reopened.insert(draft.stage);
        }
        let position = i32::try_from(position).map_err(Failure::internal)?;
        let row = row(activity.id, old, draft, position, now);
        if old.is_some() {
            question::Entity::update(row).exec(tx).await?;
        } else {
            question::Entity::insert(row).exec_without_returning(tx).await?;
        }
    }
    for stage in reopened {
        keep::reopen(tx, activity.id, stage).await?;
    }
    Ok(activity)
}

/// Whether somebody who answered the form as it was may have something required left to answer.
fn asks_more(old: Option<&question::Model>, draft: &Draft) -> bool {
    let as_before = |old: &question::Model| {
        old.archived_at.is_none()
            && old.required
            && old.stage == draft.stage
            && old.visible_if == draft.visible_if
    };
    draft.required && !old.is_some_and(as_before)
}

fn row(
    activity: ActivityId,
    old: Option<&question::Model>,
    draft: &Draft,
    position: i32,
    now: DateTime<Utc>,
) -> question::ActiveModel {
    let draft = draft.clone();
    question::ActiveModel {
        id: old.map_or_else(|| Set(QuestionId::generate()), |it| Unchanged(it.id)),
        activity_id: Set(activity),
        key: Set(draft.key),
        stage: Set(draft.stage),
        position: Set(position),
        kind: Set(draft.kind),
        label: Set(draft.label),
        label_en: Set(draft.label_en),
        help: Set(draft.help),
        options: Set(Options(draft.options)),
        required: Set(draft.required),
        visible_if: Set(draft.visible_if),
        limits: Set(draft.limits),
        purpose: Set(draft.purpose),
        kept_for: Set(draft.kept_for),
        archived_at: Set(None),
        created_at: old.map_or_else(|| Set(now), |it| Unchanged(it.created_at)),
    }
}

/// What the answers that are there do not let happen: another kind, a chosen option gone.
async fn against_answers(
    tx: &DatabaseTransaction,
    there: &[question::Model],
    drafts: &[Draft],
) -> Result<Vec<Refused<Code>>, Failure> {
    let loses = |old: &question::Model, new: &Draft| {
        old.kind != new.kind
            || old.options.0.iter().any(|it| new.options.iter().all(|new| new.key != it.key))
    };
    let pairs: Vec<(usize, &Draft, &question::Model)> = drafts
        .iter()
        .enumerate()
        .filter_map(|(at, new)| Some((at, new, there.iter().find(|it| it.key == new.key)?)))
        .filter(|(_, new, old)| loses(old, new))
        .collect();
    let mut faults = Vec::new();
    if pairs.is_empty() {
        return Ok(faults);
    }
    let changed: Vec<question::Model> = pairs.iter().map(|it| it.2.clone()).collect();
    let answers = keep::answers_to(tx, &changed).await?;
    for (at, new, old) in pairs {
        let mut answers = answers.iter().filter(|it| it.question_id == old.id).peekable();
        let at = at.to_string();
        if answers.peek().is_some() && old.kind != new.kind {
            faults.push(Code::KindFixed.at(["questions", &at, "kind"]).about(&old.label));
            continue;
        }
        let chosen: HashSet<&String> = answers
            .filter_map(|it| match &it.value {
                Value::Choices(keys) => Some(keys),
                _ => None,
            })
            .flatten()
            .collect();
        for gone in old.options.0.iter().filter(|it| chosen.contains(&it.key)) {
            if new.options.iter().all(|it| it.key != gone.key) {
                let path = ["questions", &at, "options"];
                faults.push(Code::OptionChosen.at(path).about(&gone.label));
            }
        }
    }
    Ok(faults)
}

/// Asks on another activity what is asked on one.
pub async fn copy(
    tx: &DatabaseTransaction,
    questions: &[question::Model],
    to: ActivityId,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    for it in questions {
        let row = question::Model {
            id: QuestionId::generate(),
            activity_id: to,
            created_at: now,
            ..it.clone()
        };
        let row = question::ActiveModel::from(row).reset_all();
        question::Entity::insert(row).exec_without_returning(tx).await?;
    }
    Ok(())
}
