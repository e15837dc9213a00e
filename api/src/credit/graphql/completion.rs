//! Completion as GraphQL shows it: the conditions of a rule, and how somebody stands.

use std::collections::HashMap;

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use entity::{activity, id::RegistrationId, registration};

use super::show;
use crate::{
    authz::policy::ViewActivity,
    credit::{
        completion,
        rule::{self, Condition, Standing, Verdict},
    },
    error::Lang,
    graphql::Viewer,
};

/// Whether somebody completes a class (结业).
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Standing")]
pub enum CompletionStatus {
    /// Every condition is met.
    Completed,
    /// None has failed, and some are still open.
    NotYet,
    /// One has failed. A make-up, a correction or another rule may mend it.
    Failed,
}

/// What is asked of somebody who is to complete a class.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum CompletionCode {
    /// All sessions are closed; open until then.
    SessionsClosed,
    /// Enough hours: `actual` of at least `required`.
    Hours,
    /// Hours of leave: `actual` of at most `required`. A session that was made up for does not count.
    Leave,
    /// Absences: `actual` of at most `required`. A session that was made up for does not count.
    Absences,
    /// The exam was passed or the work handed in.
    CourseWork,
    /// They left the class before its end.
    Withdrawn,
}

/// Whether a condition is met.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Verdict")]
pub enum ConditionStatus {
    /// It is.
    Met,
    /// It can still be met without anything being mended.
    Open,
    /// It is not.
    Failed,
}

/// A condition of completion, and how it stands.
#[derive(SimpleObject)]
pub struct CompletionReason {
    /// Which.
    code: CompletionCode,
    /// Whether it is met.
    status: ConditionStatus,
    /// What there is, as a decimal; null where it is no number.
    actual: Option<String>,
    /// What there should be, as a decimal; null where it is no number.
    required: Option<String>,
    /// All of it in words, in the language of the request.
    message: String,
}

fn reason((condition, verdict): (Condition, Verdict), lang: Lang) -> CompletionReason {
    let words = |zh: String, en: String| match lang {
        Lang::Zh => zh,
        Lang::En => en,
    };
    let (code, numbers, message) = match condition {
        Condition::Sessions { closed, all } => {
            let en = format!("{closed} of {all} sessions are closed");
            let zh = format!("已结束{closed}次课，共{all}次");
            (
                CompletionCode::SessionsClosed,
                Some((closed.to_string(), all.to_string())),
                words(zh, en),
            )
        }
        Condition::Hours { earned, least } => {
            let (earned, least) = (show(earned), show(least));
            let zh = format!("已获{earned}学时，须满{least}学时");
            let en = format!("{earned} of at least {least} credit hours");
            (CompletionCode::Hours, Some((earned, least)), words(zh, en))
        }
        Condition::Leave { taken, most } => {
            let (taken, most) = (show(taken), show(most));
            let zh = format!("请假{taken}学时，不得超过{most}学时");
            let en = format!("{taken} hours of leave, of at most {most}");
            (CompletionCode::Leave, Some((taken, most)), words(zh, en))
        }
        Condition::Absences { counted, most } => {
            let zh = format!("缺课{counted}次，不得超过{most}次");
            let en = format!("{counted} absences, of at most {most}");
            (CompletionCode::Absences, Some((counted.to_string(), most.to_string())), words(zh, en))
        }
        Condition::CourseWork { passed } => {
            let (zh, en) = match passed {
                Some(true) => ("考核合格", "the course work was passed"),
                Some(false) => ("考核不合格", "the course work was not passed"),
                None => ("尚未考核", "the course work is still to be marked"),
            };
            (CompletionCode::CourseWork, None, words(zh.to_owned(), en.to_owned()))
        }
        Condition::Withdrawn => {
            let (zh, en) = ("已中途退班", "they left the class before its end");
            (CompletionCode::Withdrawn, None, words(zh.to_owned(), en.to_owned()))
        }
    };
    let (actual, required) = numbers.unzip();
    CompletionReason { code, status: verdict.into(), actual, required, message }
}

pub struct Completion(pub rule::Completion);

/// Whether somebody completes a class, and why: computed from the closed sessions, the ledger and the rule as they are now.
#[Object]
impl Completion {
    /// Whether they do.
    async fn status(&self) -> CompletionStatus {
        self.0.standing.into()
    }

    /// The hours earned.
    async fn hours(&self) -> String {
        show(self.0.earned)
    }

    /// The hours of all sessions of the class.
    async fn planned_hours(&self) -> String {
        show(self.0.planned)
    }

    /// The conditions that the rule has, and how each stands.
    async fn reasons(&self, ctx: &Context<'_>) -> Vec<CompletionReason> {
        let lang = Viewer::of(ctx).lang;
        self.0.conditions.iter().map(|it| reason(*it, lang)).collect()
    }
}

/// Whether somebody completes, for those to whom the registration is open; `ahead` is what a list fetched.
pub async fn completion_of(
    ctx: &Context<'_>,
    row: &registration::Model,
    is_open: bool,
    ahead: Option<&HashMap<RegistrationId, rule::Completion>>,
) -> Result<Option<Completion>> {
    if !is_open {
        return Ok(None);
    }
    let found = match ahead {
        Some(ahead) => ahead.get(&row.id).cloned(),
        None => {
            let rows = std::slice::from_ref(row);
            completion::of(Viewer::of(ctx).db.read(), rows).await?.remove(&row.id)
        }
    };
    Ok(found.map(Completion))
}

/// How the confirmed registrations of a class stand.
#[derive(SimpleObject)]
pub struct CompletionFigures {
    /// 结业
    completed: i32,
    /// 未结业: not yet.
    not_yet: i32,
    /// 不予结业: failed, as things stand.
    failed: i32,
    /// 结业率: those who completed, of all; null where there is nobody.
    rate: Option<f64>,
}

/// The figures of an activity; none where no session earns hours.
pub async fn figures(
    ctx: &Context<'_>,
    activity: &activity::Model,
) -> Result<Option<CompletionFigures>> {
    let viewer = Viewer::of(ctx);
    let permit = viewer.gate.permit_on::<ViewActivity>(activity.clone()).await?;
    let found = completion::figures(viewer.db.read(), &permit).await?;
    Ok(found.map(|completion::Figures { completed, not_yet, failed }| {
        let all = completed + not_yet + failed;
        let rate = (all > 0).then(|| f64::from(completed) / f64::from(all));
        CompletionFigures { completed, not_yet, failed, rate }
    }))
}
