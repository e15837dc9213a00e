//! Rules, ledgers and completion as GraphQL shows them.

mod completion;
mod make_up;
mod mutation;

use std::collections::HashMap;

use async_graphql::{Context, Enum, Object, Result, SimpleObject, connection::Connection};
use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    credit_entry,
    credit_rule::{Earning, Rule},
    id::{ActivityId, PersonId, RegistrationId, SessionId},
    registration,
};

pub use self::{completion::*, make_up::*, mutation::*};
use super::{
    Share, ledger,
    rule::{self, show_ratio},
};
use crate::{
    authz::policy::{RecountCredits, ViewCompletions},
    graphql::{Gid, Viewer},
    page::Slice,
    registration::graphql::{Registration, shown},
    session::{graphql::Session, show_hours},
};

/// Hours as they are shown, also below zero.
#[must_use]
pub fn show(centihours: i32) -> String {
    let hours = show_hours(centihours.abs());
    if centihours < 0 { format!("-{hours}") } else { hours }
}

/// What the hours of a session go by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Earning")]
pub enum CreditEarning {
    /// Whoever was there has them.
    FullIfPresent,
    /// The minutes inside between its start and its end, where its exits are scanned and nobody corrected the attendance;
    /// elsewhere as FULL_IF_PRESENT.
    ByMinutes,
}

pub struct CreditRule {
    rule: Rule,
    version: i32,
    set_at: Option<DateTime<Utc>>,
}

impl CreditRule {
    /// The rule that an activity goes by.
    pub async fn of(ctx: &Context<'_>, activity: ActivityId) -> Result<Self> {
        let found = super::rule_of(Viewer::of(ctx).db.read(), activity).await?;
        Ok(match found {
            Some(row) => Self { rule: row.rule, version: row.version, set_at: Some(row.set_at) },
            None => Self { rule: rule::usual(), version: 0, set_at: None },
        })
    }
}

/// How the credit hours (学时) of an activity are earned, and who completes it. Nothing counts before its session is closed.
/// Parts are fractions such as `1/7`.
#[Object]
impl CreditRule {
    /// From 1, one more for each rule that was set; 0 where none was, and the usual one holds.
    async fn version(&self) -> i32 {
        self.version
    }

    /// When it was set.
    async fn set_at(&self) -> Option<DateTime<Utc>> {
        self.set_at
    }

    /// What the hours of a session go by. Whoever was excused or absent earns none.
    async fn earning(&self) -> CreditEarning {
        self.rule.earning.into()
    }

    /// What is earned in part is rounded down to a multiple of so many hours.
    async fn unit(&self) -> String {
        show(self.rule.unit)
    }

    /// The part that whoever is LATE earns, unless minutes count and are known.
    async fn late(&self) -> String {
        show_ratio(self.rule.late)
    }

    /// The part that whoever LEFT_EARLY earns, unless minutes count and are known.
    async fn left_early(&self) -> String {
        show_ratio(self.rule.left_early)
    }

    /// Whether minutes count for whoever LEFT_EARLY, also with FULL_IF_PRESENT.
    async fn left_early_by_minutes(&self) -> bool {
        self.rule.left_early_by_minutes
    }

    /// So many times LATE or LEFT_EARLY count as an absence; null where they do not.
    async fn lates_per_absence(&self) -> Option<i32> {
        self.rule.lates_per_absence
    }

    /// Leave of more than this part of the planned hours fails; null without a limit.
    async fn leave_at_most(&self) -> Option<String> {
        self.rule.most_leave.map(show_ratio)
    }

    /// More absences than this fail; null without a limit.
    async fn absences_at_most(&self) -> Option<i32> {
        self.rule.most_absences
    }

    /// So many hours are needed; null without such a limit.
    async fn hours_at_least(&self) -> Option<String> {
        self.rule.least_hours.map(show)
    }

    /// This part of the planned hours is needed; null without such a limit.
    async fn ratio_at_least(&self) -> Option<String> {
        self.rule.least_ratio.map(show_ratio)
    }

    /// Whether an exam or homework is needed, as `setCourseWork` says.
    async fn needs_course_work(&self) -> bool {
        self.rule.needs_course_work
    }
}

/// What an entry is for.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "credit_entry::Kind")]
pub enum CreditKind {
    /// A whole session.
    Attended,
    /// A session that they came late to.
    Late,
    /// A part of a session, or one that they left early.
    Partial,
    /// 补课: a missed session, by another one or an online unit.
    MakeUp,
    /// By hand, for a reason.
    Adjustment,
}

pub struct CreditEntry(pub credit_entry::Model);

/// Credit hours on record: derived from the attendance at a closed session, or put down by hand. A registration has at most
/// one entry for a session.
#[Object]
impl CreditEntry {
    /// What it is for.
    async fn kind(&self) -> CreditKind {
        self.0.kind.into()
    }

    /// A decimal such as `4` or `0.5`; below zero only for an ADJUSTMENT.
    async fn hours(&self) -> String {
        show(self.0.centihours)
    }

    /// The day by which it belongs to a year: of the session, in the zone of the class where it was held.
    async fn earned_on(&self) -> NaiveDate {
        self.0.earned_on
    }

    /// The session that earned it; of a MAKE_UP the one that was missed. Null for an ADJUSTMENT.
    async fn session(&self, ctx: &Context<'_>) -> Result<Option<Session>> {
        let Some(id) = self.0.session_id else { return Ok(None) };
        Ok(Some(Session(Viewer::of(ctx).row(id).await?)))
    }

    /// The version of the activity's rule that it was derived by; null for an ADJUSTMENT.
    async fn rule_version(&self) -> Option<i32> {
        self.0.rule
    }

    /// Why, for an ADJUSTMENT.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Since when it is as it is.
    async fn posted_at(&self) -> DateTime<Utc> {
        self.0.posted_at
    }
}

/// The hours of a registration, for those to whom it is open; `ahead` is what a list fetched.
pub async fn hours(
    ctx: &Context<'_>,
    row: &registration::Model,
    is_open: bool,
    ahead: Option<&HashMap<RegistrationId, i32>>,
) -> Result<Option<String>> {
    if !is_open {
        return Ok(None);
    }
    let hours = match ahead {
        Some(ahead) => ahead.get(&row.id).copied(),
        None => super::totals(Viewer::of(ctx).db.read(), [row.id]).await?.remove(&row.id),
    };
    Ok(Some(show(hours.unwrap_or_default())))
}

/// The ledger of a registration, for those to whom it is open.
pub async fn entries(
    ctx: &Context<'_>,
    row: &registration::Model,
    is_open: bool,
) -> Result<Vec<CreditEntry>> {
    if !is_open {
        return Ok(Vec::new());
    }
    let rows = super::entries_of(Viewer::of(ctx).db.read(), [row.id]).await?;
    Ok(rows.into_iter().map(CreditEntry).collect())
}

/// What was earned in one class in a year.
#[derive(SimpleObject)]
pub struct ClassCredits {
    /// The class, by its title.
    title: String,
    /// The organisation that held it, by its name.
    host_name: String,
    /// The hours that count for the year.
    hours: String,
}

/// The credit hours of a person in a year, by the local days of the sessions.
#[derive(SimpleObject)]
pub struct PersonCredits {
    /// The calendar year.
    year: i32,
    /// The total.
    hours: String,
    /// Class by class.
    classes: Vec<ClassCredits>,
}

/// The credits of some people in a year, in their order.
pub async fn of_year(
    ctx: &Context<'_>,
    people: &[PersonId],
    year: i32,
) -> Result<Vec<PersonCredits>> {
    let shares = super::of_year(Viewer::of(ctx).db.read(), people.iter().copied(), year).await?;
    let hours = |hours: i64| show(i32::try_from(hours).unwrap_or(i32::MAX));
    let of = |id: &PersonId| {
        let own: Vec<&Share> = shares.iter().filter(|it| it.person_id == *id).collect();
        let classes = own.iter().map(|it| ClassCredits {
            title: it.title.clone(),
            host_name: it.host.clone(),
            hours: hours(it.hours),
        });
        let total = own.iter().map(|it| it.hours).sum();
        PersonCredits { year, hours: hours(total), classes: classes.collect() }
    };
    Ok(people.iter().map(of).collect())
}

pub struct CreditDifference(ledger::Difference);

/// An entry of the ledger that is not what its attendance says.
#[Object]
impl CreditDifference {
    /// Whose.
    async fn registration(&self, ctx: &Context<'_>) -> Result<Registration> {
        Ok(Registration::new(Viewer::of(ctx).row(self.0.registration).await?, false))
    }

    /// For which session.
    async fn session_id(&self) -> Gid<SessionId> {
        Gid(self.0.session)
    }

    /// The hours in the ledger.
    async fn hours_stored(&self) -> String {
        show(self.0.stored)
    }

    /// The hours as they would be derived now.
    async fn hours_derived(&self) -> String {
        show(self.0.derived)
    }
}

#[derive(Default)]
pub struct CreditQuery;

#[Object]
impl CreditQuery {
    /// The confirmed registrations of an activity by whether they complete it, in the order in which they were made: each
    /// has its `completion`. Empty where no session earns hours. For ORG_ADMIN and ORGANISER.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "a connection's four and the filter")]
    async fn completions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Of which activity.")] activity_id: Gid<ActivityId>,
        #[graphql(desc = "Those with one of these.")] status: Option<Vec<CompletionStatus>>,
    ) -> Result<Connection<String, Registration>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ViewCompletions>(activity_id.0).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let wanted = status.map(|all| all.into_iter().map(Into::into).collect::<Vec<_>>());
        let page =
            super::completion::list(viewer.db.read(), &permit, wanted.as_deref(), slice).await?;
        shown(ctx, page, true).await
    }

    /// Derives the ledger of an activity anew from its attendances and compares it with what is stored: the entries that
    /// differ, and none where the ledger tells the truth. Changes nothing. For ORG_ADMIN and ORGANISER.
    async fn credit_recount(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which activity.")] activity_id: Gid<ActivityId>,
    ) -> Result<Vec<CreditDifference>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RecountCredits>(activity_id.0).await?;
        let found = ledger::recount(&viewer.db, &permit).await?;
        Ok(found.into_iter().map(CreditDifference).collect())
    }
}
