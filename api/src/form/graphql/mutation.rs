//! What can be done to questions and answers: inputs, payloads, mutations.

use std::collections::BTreeMap;

use async_graphql::{Context, InputObject, Object, Result};
use chrono::NaiveDate;
use entity::{
    id::{ActivityId, RegistrationId, UploadId},
    question,
};

use super::{FileType, FormStage, QuestionKind};
use crate::{
    activity::graphql::Activity,
    authz::policy::{AnswerForm, SetQuestions},
    error::{Failure, Refusal, Refused},
    form::{
        self, AnswerErrorCode, AnswerUserError, Raw, SetQuestionsErrorCode as Code,
        SetQuestionsUserError, draft, file::Typed,
    },
    graphql::{Gid, Viewer, settle},
    payloads,
    registration::graphql::Registration,
    text::{self, Check},
    write::Note,
};

/// A question to be.
#[derive(InputObject)]
pub struct QuestionInput {
    /// What it is called on this activity, for ever: a small letter, then letters, digits and underscores, 40 at most.
    key: String,
    /// What an answer is. It stays once somebody answered.
    kind: QuestionKind,
    /// When it is asked.
    #[graphql(default_with = "FormStage::Registration")]
    stage: FormStage,
    /// The question in Chinese; at most 200 characters.
    label: String,
    /// The question in English; at most 200 characters.
    label_en: Option<String>,
    /// What helps to answer, or the whole of what is consented to; at most 2,000 characters.
    help: Option<String>,
    /// The choices of a ONE_OF or SEVERAL_OF, in their order; at most 100. One that was chosen stays.
    #[graphql(default)]
    options: Vec<QuestionOptionInput>,
    /// Whether an attendee must answer where it is shown. A CONSENT that is required must be given.
    #[graphql(default)]
    required: bool,
    /// When it is shown; always, if not given.
    visible_if: Option<QuestionConditionInput>,
    /// What an answer keeps to.
    limits: Option<QuestionLimitsInput>,
    /// What the answer is needed for, to be shown to whoever answers; at most 200 characters.
    purpose: String,
    /// How many days after the activity's end answers are kept, from 0 to 3,650.
    kept_for: i32,
}

/// A choice to be.
#[derive(InputObject)]
pub struct QuestionOptionInput {
    /// What it is called in this question, for ever; formed as a question's key.
    key: String,
    /// The choice in Chinese; at most 200 characters.
    label: String,
    /// The choice in English; at most 200 characters.
    label_en: Option<String>,
}

/// A question is shown if the answer to an earlier one is among these.
#[derive(InputObject)]
pub struct QuestionConditionInput {
    /// A question above it, or of the stage before it.
    key: String,
    /// Keys of its options, or `true` or `false` of a YES_NO or CONSENT.
    is_any_of: Vec<String>,
}

/// What an answer keeps to.
#[derive(InputObject, Default)]
pub struct QuestionLimitsInput {
    /// Characters of a TEXT, 1 to 200, or of a LONG_TEXT, 1 to 5,000.
    max_length: Option<i32>,
    /// The least NUMBER.
    min: Option<f64>,
    /// The greatest NUMBER.
    max: Option<f64>,
    /// The first DATE.
    from: Option<NaiveDate>,
    /// The last DATE.
    until: Option<NaiveDate>,
    /// Bytes of a FILE, at most 10,485,760.
    max_bytes: Option<i32>,
    /// Types of a FILE; all that are known, if not given.
    file_types: Option<Vec<FileType>>,
}

/// What `setQuestions` takes.
#[derive(InputObject)]
pub struct SetQuestionsInput {
    /// Of which activity.
    activity_id: Gid<ActivityId>,
    /// The whole form, in its order; at most 100. What is not there is retired.
    questions: Vec<QuestionInput>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// An answer: the one field that its question's kind takes. With none of them the answer is taken back.
#[derive(InputObject)]
pub struct AnswerInput {
    /// The question's key.
    key: String,
    /// Of a TEXT, LONG_TEXT, PHONE or ID_NUMBER.
    text: Option<String>,
    /// Of a NUMBER.
    number: Option<f64>,
    /// Of a YES_NO or CONSENT.
    flag: Option<bool>,
    /// Of a ONE_OF: an option's key.
    choice: Option<String>,
    /// Of a SEVERAL_OF: the keys of options.
    choices: Option<Vec<String>>,
    /// Of a DATE.
    date: Option<NaiveDate>,
    /// Of a FILE: what `POST /uploads` gave to the same account within 24 hours. Not for attendees, who have none.
    upload_id: Option<Gid<UploadId>>,
}

impl AnswerInput {
    /// The question's key, and what was typed.
    #[must_use]
    pub fn typed(self) -> (String, Typed) {
        let mut all: Vec<Typed> = [
            self.text.map(Raw::Text),
            self.number.map(Raw::Number),
            self.flag.map(Raw::Flag),
            self.choice.map(Raw::Choice),
            self.choices.map(Raw::Choices),
            self.date.map(Raw::Date),
        ]
        .into_iter()
        .flatten()
        .map(Typed::Raw)
        .chain(self.upload_id.map(|it| Typed::Upload(it.0)))
        .collect();
        let typed = match all.len() {
            0 => Typed::Nothing,
            1 => all.remove(0),
            _ => Typed::Raw(Raw::Several),
        };
        (self.key, typed)
    }
}

/// The place of a fault in the input, and what to tell the user of it.
type Told = (Vec<String>, String);

/// Judges what an organiser answers while registering somebody, when nothing is on record yet. Nothing where nothing
/// was answered.
pub async fn first_answers(
    viewer: &Viewer,
    activity: ActivityId,
    answers: Vec<AnswerInput>,
) -> Result<Result<Option<form::First>, Vec<Told>>, Failure> {
    if answers.is_empty() {
        return Ok(Ok(None));
    }
    let db = viewer.db.read();
    let sender = Some(viewer.gate.who()?.account.id);
    let typed = answers.into_iter().map(AnswerInput::typed).collect();
    let given = form::file::look_up(db, &viewer.app.vault, sender, typed, viewer.now).await?;
    let form = form::questions(db, activity).await?;
    let stage = FormStage::Registration.into();
    let checked = form::check(&form, stage, &BTreeMap::new(), &given, form::Asked::Part);
    let tell = |it: Refused<AnswerErrorCode>| {
        let message = it.code.message(viewer.lang).replace("{}", &it.about);
        // `input` is put before it again.
        (it.path.into_iter().skip(1).collect(), message)
    };
    match checked {
        Ok(checked) => Ok(Ok(Some(form::First { checked, form }))),
        Err(faults) => Ok(Err(faults.into_iter().map(tell).collect())),
    }
}

/// What `answerForm` takes.
#[derive(InputObject)]
pub struct AnswerFormInput {
    /// Whose answers.
    registration_id: Gid<RegistrationId>,
    /// To which part of the form.
    stage: FormStage,
    /// What is to be set or taken back; answers that are not named stay. At most 100.
    answers: Vec<AnswerInput>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

payloads! {
    /// What `setQuestions` gives.
    SetQuestionsPayload { activity: Activity, SetQuestionsUserError }
    /// What `answerForm` gives.
    AnswerFormPayload { registration: Registration, AnswerUserError }
}

impl QuestionInput {
    /// The draft, and the faults of its texts in `check`.
    fn draft(self, at: usize, check: &mut Check<Code>) -> draft::Draft {
        let at = at.to_string();
        let here = ["questions", at.as_str()];
        let path = |field| [here[0], here[1], field];
        let mut options = Vec::with_capacity(self.options.len());
        for (nth, it) in self.options.into_iter().enumerate() {
            let nth = nth.to_string();
            let path = |field| [here[0], here[1], "options", nth.as_str(), field];
            options.push(question::Choice {
                key: it.key,
                label: check.required(&it.label, 200, &path("label"), Code::Required),
                label_en: check.optional(it.label_en.as_deref(), 200, &path("labelEn")),
            });
        }
        let help = self.help.map(|it| text::lines(&it)).filter(|it| !it.is_empty());
        if help.as_ref().is_some_and(|it| it.chars().count() > 2_000) {
            check.refuse(Code::TooLong.at(path("help")).about(2_000));
        }
        let limits = self.limits.unwrap_or_default();
        draft::Draft {
            key: self.key,
            stage: self.stage.into(),
            kind: self.kind.into(),
            label: check.required(&self.label, 200, &path("label"), Code::Required),
            label_en: check.optional(self.label_en.as_deref(), 200, &path("labelEn")),
            help,
            options,
            required: self.required,
            visible_if: self
                .visible_if
                .map(|it| question::Condition { key: it.key, is_any_of: it.is_any_of }),
            limits: question::Limits {
                max_length: limits.max_length,
                min: limits.min,
                max: limits.max,
                from: limits.from,
                until: limits.until,
                max_bytes: limits.max_bytes,
                file_types: limits.file_types.map(|all| all.into_iter().map(Into::into).collect()),
            },
            purpose: check.required(&self.purpose, 200, &path("purpose"), Code::Required),
            kept_for: self.kept_for,
        }
    }
}

#[derive(Default)]
pub struct FormMutation;

#[Object]
impl FormMutation {
    /// Sets the whole registration form of an activity that was not called off: adds what has a new key, changes what
    /// has a known one, retires the rest. What somebody answered keeps its kind and the options that were chosen; a
    /// retired question keeps its answers and comes back with its key. Whoever has answered a stage that requires more
    /// than before has it due again. For ORG_ADMIN and ORGANISER.
    async fn set_questions(
        &self,
        ctx: &Context<'_>,
        input: SetQuestionsInput,
    ) -> Result<SetQuestionsPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<SetQuestions>(input.activity_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(Code::TooLong);
        let drafts: Vec<draft::Draft> = input
            .questions
            .into_iter()
            .enumerate()
            .map(|(at, it)| it.draft(at, &mut check))
            .collect();
        for fault in draft::faults(&drafts) {
            check.refuse(fault);
        }
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                draft::set(tx, &permit, drafts, viewer.now).await
            })
            .await;
        let (activity, user_errors) = settle(done, viewer.lang)?;
        Ok(SetQuestionsPayload { activity: activity.map(Into::into), user_errors })
    }

    /// Answers the form of a live registration, or corrects its answers. What is given must be right; what is required
    /// and left out stays due. Answers to questions that are not shown, as the others stand, are dropped. A file moves
    /// from its upload to the answer. For ORG_ADMIN and ORGANISER.
    async fn answer_form(
        &self,
        ctx: &Context<'_>,
        input: AnswerFormInput,
    ) -> Result<AnswerFormPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<AnswerForm>(input.registration_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let stage = input.stage.into();
        let typed = input.answers.into_iter().map(AnswerInput::typed).collect();
        let vault = &viewer.app.vault;
        let done = viewer
            .write(&permit, note, async |tx| {
                form::keep::answer_for(tx, vault, &permit, stage, typed, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(AnswerFormPayload { registration, user_errors })
    }
}
