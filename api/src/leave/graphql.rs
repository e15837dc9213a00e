//! Leave as GraphQL shows it.

mod mutation;

use std::collections::HashMap;

use async_graphql::{
    Context, Enum, InputObject, Object, Result, SimpleObject, connection::Connection,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use entity::{
    id::{ActivityId, LeaveId, RegistrationId},
    leave, registration, session,
};

pub use self::mutation::*;
use super::{
    cover,
    list::{self, Filter},
    span::{Half, HalfDay},
    zone_of,
};
use crate::{
    account::graphql::Account,
    authz::policy::ViewLeave,
    graphql::{Gid, Viewer},
    page::Slice,
    registration::graphql::{Registration, of_attendances},
    session::graphql::Session,
};

/// What leave is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "leave::Kind")]
pub enum LeaveKind {
    /// 公假
    Official,
    /// 病假
    Sick,
    /// 事假
    Personal,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "leave::Status")]
pub enum LeaveStatus {
    /// Waits for a decision.
    Asked,
    /// Excuses from the sessions in it.
    Approved,
    /// Refused, for a reason.
    Declined,
    /// Taken back.
    Withdrawn,
}

/// Who has the say, by the length. Whoever stands higher may decide what is for those below.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "leave::Rung")]
pub enum LeaveRung {
    /// 班主任: ORGANISER of the class. Up to half a day, unless the class or its series says otherwise.
    Teacher,
    /// 教务: ORGANISER of the programme or of the host. Up to a day, unless the class or its series says otherwise.
    Academic,
    /// 校领导 or 选派单位: ORG_ADMIN of the host, or of the organisation that recommends the trainee.
    Head,
}

/// Which half of a day.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Half")]
pub enum DayHalf {
    /// 00:00 to 12:00 in the activity's zone.
    Morning,
    /// 12:00 to 24:00, the evening too.
    Afternoon,
}

/// Half a day, the unit of leave.
#[derive(SimpleObject)]
#[graphql(name = "HalfDay")]
pub struct ShownHalfDay {
    /// The day, in the activity's zone.
    on: NaiveDate,
    /// Which half of it.
    half: DayHalf,
}

impl From<HalfDay> for ShownHalfDay {
    fn from(it: HalfDay) -> Self {
        Self { on: it.on, half: it.half.into() }
    }
}

/// Half a day, the unit of leave.
#[derive(InputObject)]
pub struct HalfDayInput {
    /// The day, in the activity's zone.
    on: NaiveDate,
    /// Which half of it.
    half: DayHalf,
}

impl From<HalfDayInput> for HalfDay {
    fn from(it: HalfDayInput) -> Self {
        Self { on: it.on, half: it.half.into() }
    }
}

/// What staff and the trainee see alike.
async fn half_days(ctx: &Context<'_>, it: &leave::Model) -> Result<(HalfDay, HalfDay)> {
    let zone = zone_of(&Viewer::of(ctx).row(it.activity_id).await?)?;
    // The end is the first instant that does not belong to it.
    let last = it.ends_at - TimeDelta::seconds(1);
    Ok((HalfDay::of(it.starts_at, zone), HalfDay::of(last, zone)))
}

/// The sessions in a leave, whether or not it was granted.
async fn sessions_in(ctx: &Context<'_>, it: &leave::Model) -> Result<Vec<session::Model>> {
    let db = Viewer::of(ctx).db.read();
    Ok(cover::sessions_in(db, it.activity_id, it.starts_at, it.lasts_until()).await?)
}

pub struct Leave {
    row: leave::Model,
    /// What a list fetched ahead.
    registration: Option<Registration>,
}

impl From<leave::Model> for Leave {
    fn from(row: leave::Model) -> Self {
        Self { row, registration: None }
    }
}

/// A request to be excused from a class for some half-days (请假). Once approved it excuses from every session in it,
/// those too that are added or moved later; whoever comes in spite of it counts as having come.
#[Object]
impl Leave {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<LeaveId> {
        Gid(self.row.id)
    }

    /// What it is for.
    async fn kind(&self) -> LeaveKind {
        self.row.kind.into()
    }

    /// Why (事由).
    async fn reason(&self) -> Option<&str> {
        self.row.reason.as_deref()
    }

    /// The first half-day.
    async fn from(&self, ctx: &Context<'_>) -> Result<ShownHalfDay> {
        Ok(half_days(ctx, &self.row).await?.0.into())
    }

    /// The last half-day, included.
    async fn until(&self, ctx: &Context<'_>) -> Result<ShownHalfDay> {
        Ok(half_days(ctx, &self.row).await?.1.into())
    }

    /// How many half-days, both ends included.
    async fn half_days(&self) -> i32 {
        self.row.half_days
    }

    /// How far it is.
    async fn status(&self) -> LeaveStatus {
        self.row.status.into()
    }

    /// Who has the say, by its length when it was asked for.
    async fn rung(&self) -> LeaveRung {
        self.row.rung.into()
    }

    /// When it was asked for.
    async fn asked_at(&self) -> DateTime<Utc> {
        self.row.asked_at
    }

    /// Who asked for the trainee; null where the trainee did.
    async fn asked_by(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        let Some(id) = self.row.asked_by else { return Ok(None) };
        Ok(Some(Account::from(Viewer::of(ctx).row(id).await?)))
    }

    /// When it was approved or declined.
    async fn decided_at(&self) -> Option<DateTime<Utc>> {
        self.row.decided_at
    }

    /// Who approved or declined it.
    async fn decided_by(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        let Some(id) = self.row.decided_by else { return Ok(None) };
        Ok(Some(Account::from(Viewer::of(ctx).row(id).await?)))
    }

    /// Why it was decided so, where somebody said so.
    async fn decision_reason(&self) -> Option<&str> {
        self.row.decision_reason.as_deref()
    }

    /// Since when the trainee is back, before the leave was over (销假).
    async fn returned_at(&self) -> Option<DateTime<Utc>> {
        self.row.returned_at
    }

    /// Whose, without the ticket code, and with the phone masked.
    async fn registration(&self, ctx: &Context<'_>) -> Result<Registration> {
        match &self.registration {
            Some(it) => Ok(it.clone()),
            None => {
                Ok(Registration::new(Viewer::of(ctx).row(self.row.registration_id).await?, false))
            }
        }
    }

    /// The sessions of the class in it, in their order: those that it excuses from once it is approved. A session that
    /// reaches less than half an hour into it is none of them.
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        Ok(sessions_in(ctx, &self.row).await?.into_iter().map(Session).collect())
    }
}

pub struct MyLeave(pub leave::Model);

/// A leave as the trainee sees it.
#[Object]
impl MyLeave {
    /// Opaque; unique among all things.
    async fn id(&self) -> Gid<LeaveId> {
        Gid(self.0.id)
    }

    /// What it is for.
    async fn kind(&self) -> LeaveKind {
        self.0.kind.into()
    }

    /// Why.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The first half-day.
    async fn from(&self, ctx: &Context<'_>) -> Result<ShownHalfDay> {
        Ok(half_days(ctx, &self.0).await?.0.into())
    }

    /// The last half-day, included.
    async fn until(&self, ctx: &Context<'_>) -> Result<ShownHalfDay> {
        Ok(half_days(ctx, &self.0).await?.1.into())
    }

    /// How far it is.
    async fn status(&self) -> LeaveStatus {
        self.0.status.into()
    }

    /// Who has the say.
    async fn rung(&self) -> LeaveRung {
        self.0.rung.into()
    }

    /// When it was approved or declined.
    async fn decided_at(&self) -> Option<DateTime<Utc>> {
        self.0.decided_at
    }

    /// Why it was decided so, where somebody said so.
    async fn decision_reason(&self) -> Option<&str> {
        self.0.decision_reason.as_deref()
    }

    /// Since when one is back, before it was over (销假).
    async fn returned_at(&self) -> Option<DateTime<Utc>> {
        self.0.returned_at
    }
}

/// Names the leave of a registration, for the loader.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaveOf(pub RegistrationId);

/// The leave of a registration, in the order in which it begins.
pub async fn leave_of(ctx: &Context<'_>, id: RegistrationId) -> Result<Vec<leave::Model>> {
    Ok(Viewer::of(ctx).load.load_one(LeaveOf(id)).await?.unwrap_or_default())
}

/// The leave of a registration, for those who may see it; `open` where they may.
pub async fn shown_of(
    ctx: &Context<'_>,
    it: &registration::Model,
    open: bool,
) -> Result<Vec<Leave>> {
    if !open {
        return Ok(Vec::new());
    }
    Ok(leave_of(ctx, it.id).await?.into_iter().map(Into::into).collect())
}

/// Narrows a list of leave. What is not given does not narrow.
#[derive(InputObject, Default)]
pub struct LeaveFilter {
    /// That of one registration.
    registration_id: Option<Gid<RegistrationId>>,
    /// That with one of these.
    status: Option<Vec<LeaveStatus>>,
    /// That of one of these kinds.
    kind: Option<Vec<LeaveKind>>,
    /// That on which one of these has the say.
    rung: Option<Vec<LeaveRung>>,
    /// That which lasts beyond this instant.
    from: Option<DateTime<Utc>>,
    /// That which begins before this instant.
    before: Option<DateTime<Utc>>,
}

impl LeaveFilter {
    fn read(self, activity: Option<ActivityId>) -> Filter {
        Filter {
            activity,
            registration: self.registration_id.map(|it| it.0),
            statuses: self.status.map(|all| all.into_iter().map(Into::into).collect()),
            kinds: self.kind.map(|all| all.into_iter().map(Into::into).collect()),
            rungs: self.rung.map(|all| all.into_iter().map(Into::into).collect()),
            from: self.from,
            before: self.before,
        }
    }
}

#[derive(Default)]
pub struct LeaveQuery;

#[Object]
impl LeaveQuery {
    /// One leave in the viewer's scope.
    async fn leave(&self, ctx: &Context<'_>, id: Gid<LeaveId>) -> Result<Option<Leave>> {
        Ok(Some(Viewer::of(ctx).gate.permit::<ViewLeave>(id.0).await?.into_row().into()))
    }

    /// The leave in the viewer's scope, the newest first: from the classes there, and of whom an organisation there
    /// recommends. For ORG_ADMIN, ORGANISER and LIAISON.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "a connection's four and the filters")]
    async fn leaves(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "That from one class.")] activity_id: Option<Gid<ActivityId>>,
        filter: Option<LeaveFilter>,
    ) -> Result<Connection<String, Leave>> {
        let viewer = Viewer::of(ctx);
        let reach = viewer.gate.reach::<ViewLeave>()?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let filter = filter.unwrap_or_default().read(activity_id.map(|it| it.0));
        let page = list::list(viewer.db.read(), &reach, filter, slice).await?;
        let here = ctx.look_ahead();
        let ahead = [here.field("edges").field("node"), here.field("nodes")]
            .map(|it| it.field("registration"));
        let registrations = if ahead.iter().any(async_graphql::Lookahead::exists) {
            let ids = page.rows.iter().map(|it| it.registration_id).collect();
            of_attendances(viewer, ids, &ahead).await?
        } else {
            HashMap::default()
        };
        let node = |row: leave::Model| Leave {
            registration: registrations.get(&row.registration_id).cloned(),
            row,
        };
        Ok(page.connection(|it| it.id, node))
    }
}
