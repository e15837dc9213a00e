//! The form of an activity: what it asks of those who register, and what they answered.
//!
//! [`draft`] sets the questions, [`check`] judges answers and touches nothing, [`keep`] stores what was found right.

pub mod check;
pub mod draft;
pub mod file;
pub mod forget;
pub mod graphql;
pub mod keep;
pub mod sealed;
pub mod show;

use std::collections::HashMap;

use entity::{
    answer, form_reply,
    id::{ActivityId, QuestionId, RegistrationId},
    question::{self, Column, Stage},
    registration,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait, Query, SimpleExpr},
};

pub use self::{
    check::{Asked, Checked, Given, Raw, check},
    keep::{First, keep, keep_first},
};
use crate::{db::within, error::Failure, mask::Shown, refusals, vault::Vault};

refusals! {
    /// Why the questions of an activity were not set.
    SetQuestionsErrorCode, SetQuestionsUserError {
        /// A text that is needed is missing.
        Required = "不能为空", "must not be empty";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// More than 100 questions, retired ones not counted, or 100 options.
        TooMany = "最多{}项", "at most {}";
        /// A key is not a small letter followed by at most 39 letters, digits or underscores.
        KeyInvalid = "“{}”不能用作标识：须以小写字母开头，只含字母、数字和下划线，最多40个", "“{}” is no key: a small letter, then letters, digits and underscores, 40 at most";
        /// Two questions, or two options of one question, have one key.
        KeyTwice = "标识“{}”重复", "the key “{}” is there twice";
        /// A choice needs options, and nothing else has them.
        OptionsUnfit = "只有选择题须有选项", "options are needed for a choice, and only there";
        /// Another kind of question would not fit the answers that are there.
        KindFixed = "“{}”已有人作答，不能更改题型", "“{}” was answered already; its kind stays";
        /// An option that somebody chose would be gone.
        OptionChosen = "选项“{}”已有人选择，不能删除", "the option “{}” was chosen already; it stays";
        /// The condition points at no earlier question.
        ConditionNowhere = "条件须指向前面的题目，没有“{}”", "a condition points at an earlier question; “{}” is none";
        /// The condition asks for an answer that cannot be given.
        ConditionNever = "“{}”不是所指题目的选项", "“{}” is no answer to the question pointed at";
        /// A limit does not fit the kind of question, or no answer could keep to it.
        LimitUnfit = "此限制不适用于该题型或不合理", "the limit does not fit this kind of question, or cannot be kept to";
        /// The days are not from 0 to 3,650.
        KeptForOutOfRange = "保存天数须在0至3650之间", "answers are kept for 0 to 3,650 days";
        /// The activity was called off.
        ActivityCancelled = "活动已取消", "the activity was called off";
    }
}

refusals! {
    /// Why answers were not taken.
    AnswerErrorCode, AnswerUserError {
        /// The form has no such question at this stage.
        QuestionUnknown = "没有题目“{}”", "there is no question “{}”";
        /// One question is answered twice.
        AnsweredTwice = "“{}”重复作答", "“{}” is answered twice";
        /// An answer that is required is missing.
        Required = "请填写“{}”", "answer “{}”";
        /// The answer is not of the question's kind: one field, the one that the kind takes.
        WrongKind = "“{}”的回答形式不对", "the answer to “{}” is of another kind";
        /// The text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// No such option.
        OptionUnknown = "没有选项“{}”", "there is no option “{}”";
        /// The number or the day is not within its limits.
        OutOfRange = "须在{}之间", "must be within {}";
        /// Not a number that can be called.
        PhoneInvalid = "“{}”不是有效的电话号码", "“{}” is not a valid phone number";
        /// Not an ID number: its length, its day of birth or its last character is wrong.
        IdNumberInvalid = "身份证号不正确", "the ID number is not right";
        /// What needs consent goes on only with it.
        ConsentNeeded = "须同意“{}”", "“{}” must be consented to";
        /// There is no such upload of the sender's own, or it is more than 24 hours old.
        FileUnknown = "没有这个上传的文件，请重新上传", "there is no such upload; send it again";
        /// The file is too large.
        FileTooLarge = "文件不能超过{}字节", "a file has at most {} bytes";
        /// The file's bytes are not of a type that is taken.
        FileTypeUnfit = "文件须为{}", "the file must be {}";
        /// Whoever has no account sends no file: leave the question out, and the organiser adds the file.
        FileNotTaken = "“{}”的文件由主办方代为上传，请勿填写", "the file of “{}” is added by the organiser; leave it out";
        /// The registration is not live any more.
        NotLive = "报名已不在有效状态", "the registration is not live any more";
    }
}

/// The form of an activity, as a key to its questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Form(pub ActivityId);

/// The questions of an activity in the order of the form; those that are retired stand at its end, if they are wanted.
pub async fn questions(
    db: &impl ConnectionTrait,
    activity: ActivityId,
) -> Result<Vec<question::Model>, Failure> {
    Ok(of_activities(db, [activity]).await?.remove(&activity).unwrap_or_default())
}

/// The same for some activities at once, retired questions behind.
pub async fn of_activities(
    db: &impl ConnectionTrait,
    activities: impl IntoIterator<Item = ActivityId>,
) -> Result<HashMap<ActivityId, Vec<question::Model>>, Failure> {
    let mut rows = question::Entity::find()
        .filter(within((question::Entity, Column::ActivityId), activities))
        .order_by_asc(Column::Position)
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    rows.sort_by_key(|it| it.archived_at.is_some());
    let mut grouped: HashMap<ActivityId, Vec<question::Model>> = HashMap::new();
    for row in rows {
        grouped.entry(row.activity_id).or_default().push(row);
    }
    Ok(grouped)
}

/// What a stranger is asked at a stage. Whether the activity is published is the caller's to ask.
pub async fn public_questions(
    db: &impl ConnectionTrait,
    activity: ActivityId,
    stage: Stage,
) -> Result<Vec<question::Model>, Failure> {
    let mut rows = questions(db, activity).await?;
    rows.retain(|it| it.archived_at.is_none() && it.stage == stage);
    Ok(rows)
}

/// One question.
pub async fn find(db: &impl ConnectionTrait, id: QuestionId) -> Result<question::Model, Failure> {
    question::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)
}

/// What some registrations answered, with the questions.
#[derive(Default)]
pub struct Answered {
    pub answers: HashMap<RegistrationId, Vec<answer::Model>>,
    pub questions: HashMap<QuestionId, question::Model>,
}

impl Answered {
    /// What one registration answered, in the order of the form.
    #[must_use]
    pub fn of(&self, id: RegistrationId) -> Vec<(&question::Model, &answer::Model)> {
        let answers = self.answers.get(&id).map(Vec::as_slice).unwrap_or_default();
        let mut all: Vec<_> = answers
            .iter()
            .filter_map(|it| Some((self.questions.get(&it.question_id)?, it)))
            .collect();
        all.sort_by_key(|(question, _)| {
            (question.archived_at.is_some(), question.position, question.id)
        });
        all
    }
}

/// Fetches the answers of some registrations with one statement, and their questions with another.
pub async fn answered(
    db: &impl ConnectionTrait,
    rows: &[registration::Model],
) -> Result<Answered, Failure> {
    let mut answered = Answered::default();
    if rows.is_empty() {
        return Ok(answered);
    }
    let column = (answer::Entity, answer::Column::RegistrationId);
    let ids = rows.iter().map(|it| it.id);
    for it in answer::Entity::find().filter(within(column, ids)).all(db).await? {
        answered.answers.entry(it.registration_id).or_default().push(it);
    }
    let activities: std::collections::BTreeSet<ActivityId> =
        rows.iter().map(|it| it.activity_id).collect();
    let found = of_activities(db, activities).await?;
    answered.questions = found.into_values().flatten().map(|it| (it.id, it)).collect();
    Ok(answered)
}

/// What some registrations answered to the questions of a form, as texts in the form's order. Whoever answered nothing
/// is not among them.
pub async fn columns(
    db: &impl ConnectionTrait,
    vault: &Vault,
    shown: Shown,
    form: &[question::Model],
    ids: impl IntoIterator<Item = RegistrationId>,
) -> Result<HashMap<RegistrationId, Vec<String>>, Failure> {
    let column = (answer::Entity, answer::Column::RegistrationId);
    let rows = answer::Entity::find().filter(within(column, ids)).all(db).await?;
    let places: HashMap<QuestionId, usize> =
        form.iter().enumerate().map(|(at, it)| (it.id, at)).collect();
    let mut columns: HashMap<RegistrationId, Vec<String>> = HashMap::new();
    for it in rows {
        if let Some(at) = places.get(&it.question_id) {
            let line = columns
                .entry(it.registration_id)
                .or_insert_with(|| vec![String::new(); form.len()]);
            line[*at] = show::show(vault, shown, &form[*at], &it)?;
        }
    }
    Ok(columns)
}

/// Narrows registrations to those that hold a seat and have still to answer the form of a stage: all of it, or what
/// is required of it. Nobody has where it asks nothing.
#[must_use]
pub fn is_due(activity: ActivityId, stage: Stage) -> SimpleExpr {
    let asked = Query::select()
        .expr(Expr::val(1))
        .from(question::Entity)
        .and_where(Column::ActivityId.eq(activity))
        .and_where(Column::Stage.eq(stage))
        .and_where(Column::ArchivedAt.is_null())
        .to_owned();
    let replied = Query::select()
        .column(form_reply::Column::RegistrationId)
        .from(form_reply::Entity)
        .and_where(form_reply::Column::Stage.eq(stage))
        .and_where(form_reply::Column::Complete.eq(true))
        .to_owned();
    registration::Column::Status
        .eq(registration::Status::Confirmed)
        .and(Expr::exists(asked))
        .and(registration::Column::Id.not_in_subquery(replied))
}
