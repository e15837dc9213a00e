//! What can be done about credit hours: inputs, payloads, mutations.

use async_graphql::{Context, InputObject, Object, Result};
use chrono::NaiveDate;
use entity::{
    credit_rule::{Ratio, Rule},
    id::{ActivityId, MakeUpId, RegistrationId, SessionId},
};

use super::{CreditEarning, MakeUp};
use crate::{
    activity::graphql::Activity,
    authz::policy::{
        AdjustCredits, RecordMakeUp, SetCourseWork, SetCreditRule, UndoMakeUp, ViewAttendance,
    },
    credit::{
        self, CreditErrorCode, CreditUserError, SetCreditRuleErrorCode as RuleCode,
        SetCreditRuleUserError,
        make_up::{self, MakeUpErrorCode, MakeUpUserError, Source},
        rule::read_ratio,
    },
    error::{Error, Refusal},
    graphql::{Gid, Viewer, settle},
    payloads,
    registration::graphql::Registration,
    session::read_hours,
    text::Check,
    write::Note,
};

/// A whole rule. Parts are fractions from 0 to 1, such as `1/7`, of numbers up to 1000. What is left out is as usual; null
/// where that is written takes a limit away.
#[derive(InputObject)]
pub struct CreditRuleInput {
    /// What the hours of a session go by.
    #[graphql(default_with = "CreditEarning::FullIfPresent")]
    earning: CreditEarning,
    /// What is earned in part is rounded down to a multiple of so many hours; above 0.
    #[graphql(default_with = "String::from(\"0.5\")")]
    unit: String,
    /// The part that whoever is LATE earns.
    #[graphql(default_with = "String::from(\"1\")")]
    late: String,
    /// The part that whoever LEFT_EARLY earns.
    #[graphql(default_with = "String::from(\"1\")")]
    left_early: String,
    /// Whether minutes count for whoever LEFT_EARLY, also with FULL_IF_PRESENT.
    #[graphql(default)]
    left_early_by_minutes: bool,
    /// So many times LATE or LEFT_EARLY count as an absence, 1 to 100.
    lates_per_absence: Option<i32>,
    /// Leave of more than this part of the planned hours fails.
    #[graphql(default_with = "Some(String::from(\"1/7\"))")]
    leave_at_most: Option<String>,
    /// More absences than this fail, 0 to 1000.
    absences_at_most: Option<i32>,
    /// So many hours are needed.
    hours_at_least: Option<String>,
    /// This part of the planned hours is needed.
    #[graphql(default_with = "Some(String::from(\"6/7\"))")]
    ratio_at_least: Option<String>,
    /// Whether an exam or homework is needed, as `setCourseWork` says.
    #[graphql(default)]
    needs_course_work: bool,
}

impl CreditRuleInput {
    /// The rule; what is wrong with it is in `check`.
    fn read(&self, check: &mut Check<RuleCode>) -> Option<Rule> {
        let late = ratio(check, &self.late, "late");
        let left_early = ratio(check, &self.left_early, "leftEarly");
        let most_leave = self.leave_at_most.as_deref();
        let most_leave = most_leave.map(|it| ratio(check, it, "leaveAtMost"));
        let least_ratio = self.ratio_at_least.as_deref();
        let least_ratio = least_ratio.map(|it| ratio(check, it, "ratioAtLeast"));
        let mut hours = |text: &str, field: &'static str, least: i32| {
            let read = read_hours(text).filter(|it| *it >= least);
            if read.is_none() {
                check.refuse(RuleCode::HoursInvalid.at(["rule", field]));
            }
            read
        };
        let unit = hours(&self.unit, "unit", 1);
        let least_hours = self.hours_at_least.as_deref().map(|it| hours(it, "hoursAtLeast", 0));
        for (number, field, range) in [
            (self.lates_per_absence, "latesPerAbsence", 1..=100),
            (self.absences_at_most, "absencesAtMost", 0..=1000),
        ] {
            if number.is_some_and(|it| !range.contains(&it)) {
                let span = format!("{}–{}", range.start(), range.end());
                check.refuse(RuleCode::OutOfRange.at(["rule", field]).about(span));
            }
        }
        Some(Rule {
            earning: self.earning.into(),
            unit: unit?,
            late: late?,
            left_early: left_early?,
            left_early_by_minutes: self.left_early_by_minutes,
            lates_per_absence: self.lates_per_absence,
            most_leave: most_leave.map_or(Some(None), |it| it.map(Some))?,
            most_absences: self.absences_at_most,
            least_hours: least_hours.map_or(Some(None), |it| it.map(Some))?,
            least_ratio: least_ratio.map_or(Some(None), |it| it.map(Some))?,
            needs_course_work: self.needs_course_work,
        })
    }
}

fn ratio(check: &mut Check<RuleCode>, text: &str, field: &'static str) -> Option<Ratio> {
    let read = read_ratio(text);
    if read.is_none() {
        let shown: String = crate::text::line(text).chars().take(20).collect();
        check.refuse(RuleCode::RatioInvalid.at(["rule", field]).about(shown));
    }
    read
}

/// What `setCreditRule` takes.
#[derive(InputObject)]
pub struct SetCreditRuleInput {
    /// Of which activity.
    activity_id: Gid<ActivityId>,
    /// The whole rule as it shall be.
    rule: CreditRuleInput,
}

/// What `adjustCredits` takes.
#[derive(InputObject)]
pub struct AdjustCreditsInput {
    /// Whose.
    registration_id: Gid<RegistrationId>,
    /// From -1000 to 1000, not 0, with at most two decimals.
    hours: String,
    /// The day by which they belong to a year; today if not given.
    on: Option<NaiveDate>,
    /// Why; at most 500 characters.
    reason: String,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `setCourseWork` takes.
#[derive(InputObject)]
pub struct SetCourseWorkInput {
    /// Whose.
    registration_id: Gid<RegistrationId>,
    /// Whether the exam was passed or the work handed in; null where it is not known any more.
    passed: Option<bool>,
}

/// An online unit that makes up for a session.
#[derive(InputObject)]
pub struct OnlineUnitInput {
    /// What it is called; at most 200 characters.
    title: String,
    /// Above 0 and up to 1000, with at most two decimals. No more than the missed session's count.
    hours: String,
    /// The day on which it was taken.
    on: NaiveDate,
}

/// What `recordMakeUp` takes.
#[derive(InputObject)]
pub struct RecordMakeUpInput {
    /// Whose, in the class that they belong to.
    registration_id: Gid<RegistrationId>,
    /// The closed session of that class that they missed.
    missed_session_id: Gid<SessionId>,
    /// The closed session of another class that they attended, registered there …
    attended_session_id: Option<Gid<SessionId>>,
    /// … or an online unit.
    online: Option<OnlineUnitInput>,
    /// Why it counts, such as that both have the same topic; at most 500 characters.
    reason: String,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `undoMakeUp` takes.
#[derive(InputObject)]
pub struct UndoMakeUpInput {
    /// Which one.
    make_up_id: Gid<MakeUpId>,
    /// Why; at most 500 characters.
    reason: String,
}

payloads! {
    /// What `setCreditRule` gives.
    SetCreditRulePayload { activity: Activity, SetCreditRuleUserError }
    /// What `adjustCredits` gives.
    AdjustCreditsPayload { registration: Registration, CreditUserError }
    /// What `setCourseWork` gives.
    SetCourseWorkPayload { registration: Registration, CreditUserError }
    /// What `recordMakeUp` gives.
    RecordMakeUpPayload { make_up: MakeUp, MakeUpUserError }
    /// What `undoMakeUp` gives.
    UndoMakeUpPayload { make_up: MakeUp, MakeUpUserError }
}

/// Hours with a sign, in hundredths.
fn signed_hours(text: &str) -> Option<i32> {
    let text = text.trim();
    let hours = match text.strip_prefix('-') {
        Some(rest) => read_hours(rest).map(|it| -it),
        None => read_hours(text),
    };
    hours.filter(|it| *it != 0)
}

#[derive(Default)]
pub struct CreditMutation;

#[Object]
impl CreditMutation {
    /// Says how the credit hours of an activity are earned and who completes it. The whole ledger is derived anew by it,
    /// also of sessions that are closed; the same rule again changes nothing. For ORG_ADMIN and ORGANISER.
    async fn set_credit_rule(
        &self,
        ctx: &Context<'_>,
        input: SetCreditRuleInput,
    ) -> Result<SetCreditRulePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<SetCreditRule>(input.activity_id.0).await?;
        let mut check = Check::new(RuleCode::OutOfRange);
        let rule = input.rule.read(&mut check);
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                let rule = rule.ok_or(RuleCode::OutOfRange)?;
                Ok::<_, Error<RuleCode>>(credit::set_rule(tx, &permit, rule, viewer.now).await?)
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(SetCreditRulePayload { activity: row.map(Activity::from), user_errors })
    }

    /// Puts hours down for a confirmed registration by hand, or takes some away. What attendance says is better corrected
    /// there. Refused where less than nothing would be left. For ORG_ADMIN and ORGANISER.
    async fn adjust_credits(
        &self,
        ctx: &Context<'_>,
        input: AdjustCreditsInput,
    ) -> Result<AdjustCreditsPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<AdjustCredits>(input.registration_id.0).await?;
        let mut check = Check::new(CreditErrorCode::TooLong);
        let reason =
            check.required(&input.reason, 500, &["reason"], CreditErrorCode::ReasonMissing);
        let hours = signed_hours(&input.hours).unwrap_or_else(|| {
            check.refuse(CreditErrorCode::HoursInvalid.at(["hours"]));
            0
        });
        let note = Note::keyed(input.idempotency_key.clone(), &input).because(Some(&reason));
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                credit::adjust(tx, &permit, hours, input.on, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(AdjustCreditsPayload { registration, user_errors })
    }

    /// Says whether somebody who is confirmed passed the exam or handed in the work of a class. For ORG_ADMIN and
    /// ORGANISER.
    async fn set_course_work(
        &self,
        ctx: &Context<'_>,
        input: SetCourseWorkInput,
    ) -> Result<SetCourseWorkPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<SetCourseWork>(input.registration_id.0).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                credit::set_course_work(tx, &permit, input.passed, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(SetCourseWorkPayload { registration, user_errors })
    }

    /// Records that a missed session was made up for in the same year. Both sessions must be closed, the one not attended,
    /// the other attended by the same person and used for nothing else. The hours are those that the attendance there
    /// earns by the rule of the home class, at most the missed session's; where it was taken they count no more. For
    /// ORG_ADMIN and ORGANISER of the home class, who may see who attended the other session.
    async fn record_make_up(
        &self,
        ctx: &Context<'_>,
        input: RecordMakeUpInput,
    ) -> Result<RecordMakeUpPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RecordMakeUp>(input.registration_id.0).await?;
        let mut check = Check::new(MakeUpErrorCode::TooLong);
        let reason =
            check.required(&input.reason, 500, &["reason"], MakeUpErrorCode::ReasonMissing);
        let note = Note::keyed(input.idempotency_key.clone(), &input).because(Some(&reason));
        let source = match (input.attended_session_id, input.online) {
            (Some(id), None) => {
                Some(Source::Session(Box::new(viewer.gate.permit::<ViewAttendance>(id.0).await?)))
            }
            (None, Some(it)) => {
                let missing = MakeUpErrorCode::UnitMissing;
                let unit = check.required(&it.title, 200, &["online", "title"], missing);
                let centihours = read_hours(&it.hours).filter(|it| *it > 0).unwrap_or_else(|| {
                    check.refuse(MakeUpErrorCode::HoursInvalid.at(["online", "hours"]));
                    0
                });
                Some(Source::Online { unit, centihours, on: it.on })
            }
            _ => {
                check.refuse(MakeUpErrorCode::SourceUnclear.at(["attendedSessionId"]));
                None
            }
        };
        let missed = input.missed_session_id.0;
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                let source = source.ok_or(MakeUpErrorCode::SourceUnclear)?;
                make_up::record(tx, &permit, missed, source, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(RecordMakeUpPayload { make_up: row.map(MakeUp), user_errors })
    }

    /// Undoes a make-up: the session is missed again, and the other one earns its hours where it was attended. For ORG_ADMIN
    /// and ORGANISER of the home class.
    async fn undo_make_up(
        &self,
        ctx: &Context<'_>,
        input: UndoMakeUpInput,
    ) -> Result<UndoMakeUpPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<UndoMakeUp>(input.make_up_id.0).await?;
        let mut check = Check::new(MakeUpErrorCode::TooLong);
        let reason =
            check.required(&input.reason, 500, &["reason"], MakeUpErrorCode::ReasonMissing);
        let note = Note::default().because(Some(&reason));
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                make_up::undo(tx, &permit, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(UndoMakeUpPayload { make_up: row.map(MakeUp), user_errors })
    }
}
