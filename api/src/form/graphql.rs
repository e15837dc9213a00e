//! Questions and answers as GraphQL shows them.

mod mutation;

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    answer::{self, Value},
    id::{ActivityId, QuestionId, RegistrationId},
    question, registration,
};

pub use self::mutation::*;
use super::{file, show};
use crate::{
    error::Failure,
    graphql::{Gid, Viewer},
    mask::Shown,
};

/// What an answer is, and so which field of `AnswerInput` it is given in.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "question::Kind")]
pub enum QuestionKind {
    /// One line, at most 200 characters: `text`.
    Text,
    /// Several lines, at most 5,000 characters: `text`.
    LongText,
    /// One of the options: `choice`.
    OneOf,
    /// Any of the options: `choices`.
    SeveralOf,
    /// Yes or no: `flag`.
    YesNo,
    /// `number`
    Number,
    /// `date`
    Date,
    /// A number that can be called: `text`.
    Phone,
    /// 身份证号, its last character checked, or the number of another document: `text`. Never shown whole.
    IdNumber,
    /// PDF, PNG or JPEG, at most 10 MiB: `uploadId`. Attendees send none: they leave it out even where it is required,
    /// it stays due, and the organiser adds it by `answerForm`.
    File,
    /// Consent to what the label and the help say: `flag`. The words consented to are kept with the answer.
    Consent,
}

/// When a question is asked.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "question::Stage")]
pub enum FormStage {
    /// With the registration.
    Registration,
    /// Later on, of those who come.
    FollowUp,
}

/// What a file is by its bytes, whatever its name says.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "question::FileType")]
pub enum FileType {
    /// A PDF document.
    Pdf,
    /// A PNG image.
    Png,
    /// A JPEG image.
    Jpeg,
}

pub struct Question(pub question::Model);

/// What an activity asks of those who register (报名表的题目).
#[Object]
impl Question {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<QuestionId> {
        Gid(self.0.id)
    }

    /// What it is called on this activity; answers name it.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// When it is asked.
    async fn stage(&self) -> FormStage {
        self.0.stage.into()
    }

    /// What an answer is.
    async fn kind(&self) -> QuestionKind {
        self.0.kind.into()
    }

    /// The question in Chinese.
    async fn label(&self) -> &str {
        &self.0.label
    }

    /// The question in English.
    async fn label_en(&self) -> Option<&str> {
        self.0.label_en.as_deref()
    }

    /// What helps to answer.
    async fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The choices, in their order; empty where there is nothing to choose.
    async fn options(&self) -> Vec<QuestionOption> {
        let show = |it: &question::Choice| QuestionOption {
            key: it.key.clone(),
            label: it.label.clone(),
            label_en: it.label_en.clone(),
        };
        self.0.options.0.iter().map(show).collect()
    }

    /// Whether an attendee must answer where it is shown.
    async fn required(&self) -> bool {
        self.0.required
    }

    /// When it is shown; always, if null.
    async fn visible_if(&self) -> Option<QuestionCondition> {
        self.0
            .visible_if
            .as_ref()
            .map(|it| QuestionCondition { key: it.key.clone(), is_any_of: it.is_any_of.clone() })
    }

    /// What an answer keeps to.
    async fn limits(&self) -> QuestionLimits {
        let it = &self.0.limits;
        QuestionLimits {
            max_length: it.max_length,
            min: it.min,
            max: it.max,
            from: it.from,
            until: it.until,
            max_bytes: it.max_bytes,
            file_types: it
                .file_types
                .clone()
                .unwrap_or_default()
                .into_iter()
                .map(Into::into)
                .collect(),
        }
    }

    /// What the answer is needed for.
    async fn purpose(&self) -> &str {
        &self.0.purpose
    }

    /// How many days after the activity's end answers are kept.
    async fn kept_for(&self) -> i32 {
        self.0.kept_for
    }

    /// Since when it is not asked any more; its answers stay.
    async fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.0.archived_at
    }
}

/// A choice of a question.
#[derive(SimpleObject)]
pub struct QuestionOption {
    /// What it is called in this question; answers name it.
    key: String,
    /// The choice in Chinese.
    label: String,
    /// The choice in English.
    label_en: Option<String>,
}

/// A question is shown if the answer to an earlier one is among these.
#[derive(SimpleObject)]
pub struct QuestionCondition {
    /// The earlier question.
    key: String,
    /// Keys of its options, or `true` or `false` of a YES_NO or CONSENT.
    is_any_of: Vec<String>,
}

/// What an answer keeps to. What is null is not limited beyond what the kind says.
#[derive(SimpleObject)]
pub struct QuestionLimits {
    /// Characters of a text.
    max_length: Option<i32>,
    /// The least number.
    min: Option<f64>,
    /// The greatest number.
    max: Option<f64>,
    /// The first day.
    from: Option<NaiveDate>,
    /// The last day.
    until: Option<NaiveDate>,
    /// Bytes of a file.
    max_bytes: Option<i32>,
    /// Types of files; all that are known, if empty.
    file_types: Vec<FileType>,
}

pub struct Answer {
    question: question::Model,
    row: answer::Model,
}

/// What a registration answered to a question.
#[Object]
impl Answer {
    /// To what.
    async fn question(&self) -> Question {
        Question(self.question.clone())
    }

    /// The answer as one text, as exports have it: labels of what was chosen, 是 or 否, the name of a file. Phones and ID
    /// numbers have their middles hidden: `138****5678`, `330302********1234`.
    async fn text(&self, ctx: &Context<'_>) -> Result<String> {
        let vault = &Viewer::of(ctx).app.vault;
        Ok(show::show(vault, Shown::Masked, &self.question, &self.row)?)
    }

    /// The number, of a NUMBER.
    async fn number(&self) -> Option<f64> {
        if let Value::Number(it) = self.row.value { Some(it) } else { None }
    }

    /// Yes or no, of a YES_NO or CONSENT.
    async fn flag(&self) -> Option<bool> {
        if let Value::Flag(it) = self.row.value { Some(it) } else { None }
    }

    /// The keys of what was chosen, of a ONE_OF or SEVERAL_OF.
    async fn choices(&self) -> Vec<String> {
        if let Value::Choices(it) = &self.row.value { it.clone() } else { Vec::new() }
    }

    /// The day, of a DATE.
    async fn date(&self) -> Option<NaiveDate> {
        if let Value::Date(it) = self.row.value { Some(it) } else { None }
    }

    /// The file, of a FILE.
    async fn file(&self) -> Option<AnswerFile> {
        let Value::File(it) = &self.row.value else { return None };
        Some(AnswerFile {
            name: it.name.clone(),
            size: i32::try_from(it.size).unwrap_or(i32::MAX),
            file_type: it.kind.into(),
            address: file::address(self.row.registration_id, self.row.question_id),
        })
    }

    /// What was consented to or not, word for word, of a CONSENT.
    async fn wording(&self) -> Option<&str> {
        self.row.wording.as_deref()
    }

    /// When it was answered.
    async fn answered_at(&self) -> DateTime<Utc> {
        self.row.answered_at
    }
}

/// A file that answers a question.
#[derive(SimpleObject)]
pub struct AnswerFile {
    /// As it was called where it came from.
    name: String,
    /// Bytes.
    size: i32,
    /// What it is.
    file_type: FileType,
    /// The path below this server where it is fetched with the viewer's token, by staff only; each time leaves an audit
    /// event.
    address: String,
}

/// The questions of an activity that are asked at a stage, or all; those that are retired only if they are wanted.
pub async fn questions(
    ctx: &Context<'_>,
    activity: ActivityId,
    stage: Option<FormStage>,
    retired: bool,
) -> Result<Vec<Question>> {
    let found = Viewer::of(ctx).load.load_one(super::Form(activity)).await?.unwrap_or_default();
    let wanted = |it: &question::Model| {
        (retired || it.archived_at.is_none()) && stage.is_none_or(|stage| stage == it.stage.into())
    };
    Ok(found.into_iter().filter(wanted).map(Question).collect())
}

/// What a registration answered, in the order of the form.
pub async fn answers(
    viewer: &Viewer,
    row: &registration::Model,
    ahead: Option<&super::Answered>,
) -> Result<Vec<Answer>, Failure> {
    let show = |answered: &super::Answered, id: RegistrationId| {
        let pair = |(question, row): (&question::Model, &answer::Model)| Answer {
            question: question.clone(),
            row: row.clone(),
        };
        answered.of(id).into_iter().map(pair).collect()
    };
    match ahead {
        Some(answered) => Ok(show(answered, row.id)),
        None => {
            let rows = std::slice::from_ref(row);
            Ok(show(&super::answered(viewer.db.read(), rows).await?, row.id))
        }
    }
}
