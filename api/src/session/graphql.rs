//! Sessions as GraphQL shows them.

use std::collections::HashMap;

use async_graphql::{
    Context, Enum, InputObject, Lookahead, Object, Result, SimpleObject, connection::Connection,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    attendance,
    id::{ActivityId, SessionId},
    session::{self, WalkIns},
};
use futures_util::FutureExt;

use super::{Draft, SessionErrorCode, SessionUserError, figures::Summary};
use crate::{
    activity::graphql::Activity,
    attendance::graphql::{Attendance, Scan},
    authz::policy::{CreateSession, UpdateSession, ViewAttendance, ViewSession},
    can::SessionCan,
    class::graphql::{self as class, Trainer},
    error::Refusal,
    graphql::{Gid, Viewer, settle, wants},
    page::Slice,
    registration,
    text::Check,
    write::Note,
};

#[derive(Clone, PartialEq)]
pub struct Session(pub session::Model);

/// A span of time at a place, at which attendance is taken (场次 / 课次).
#[Object]
impl Session {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<SessionId> {
        Gid(self.0.id)
    }

    /// What the viewer may do with it, for what a front-end shows buttons for.
    async fn viewer_can(&self, ctx: &Context<'_>) -> Result<SessionCan> {
        Ok(SessionCan::of(Viewer::of(ctx), &self.0).await?)
    }

    /// What it is called.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// Where it takes place, if it says so.
    async fn venue(&self) -> Option<&str> {
        self.0.venue.as_deref()
    }

    /// When it begins.
    async fn starts_at(&self) -> DateTime<Utc> {
        self.0.starts_at
    }

    /// When it ends.
    async fn ends_at(&self) -> DateTime<Utc> {
        self.0.ends_at
    }

    /// From when the door takes scans; two hours before the start, unless it says otherwise.
    async fn opens_at(&self) -> DateTime<Utc> {
        self.0.opens_at
    }

    /// Whoever comes at this instant or later is late; ten minutes after the start, unless it says otherwise.
    async fn late_at(&self) -> DateTime<Utc> {
        self.0.late_at
    }

    /// From when the door takes none any more; the end, unless it says otherwise.
    async fn closes_at(&self) -> DateTime<Utc> {
        self.0.closes_at
    }

    /// Credit hours (学时), a decimal such as `4` or `0.5`.
    async fn credit_hours(&self) -> String {
        super::show_hours(self.0.credit_centihours)
    }

    /// Whether the door takes exits too. Then minutes inside are counted, whoever left may come in again, and who leaves
    /// before `earlyAt` has LEFT_EARLY.
    async fn tracks_exit(&self) -> bool {
        self.0.tracks_exit
    }

    /// What is done with whoever comes without being registered.
    async fn walk_ins(&self) -> WalkInPolicy {
        self.0.walk_ins.into()
    }

    /// Whether people may check themselves in by the code that is shown.
    async fn self_check_in(&self) -> bool {
        self.0.self_check_in
    }

    /// For how many seconds each of its codes is shown, from 15 to 30.
    async fn code_seconds(&self) -> i32 {
        self.0.code_seconds
    }

    /// Whoever leaves before this instant left early; ten minutes before the end, unless it says otherwise. Null where
    /// exits are not taken.
    async fn early_at(&self) -> Option<DateTime<Utc>> {
        self.0.early_at
    }

    /// When it closes itself, at the latest an hour later. Null where never.
    async fn closes_itself_at(&self) -> Option<DateTime<Utc>> {
        self.0.closes_itself_at
    }

    /// Since when the list of who was expected is frozen: what changes afterwards is an amendment. Null while it is not.
    async fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.0.closed_at
    }

    /// Of which it is a part.
    async fn activity(&self, ctx: &Context<'_>) -> Result<Activity> {
        Ok(Activity::from(Viewer::of(ctx).row(self.0.activity_id).await?))
    }

    /// Who teaches there (师资), in their order. For ORG_ADMIN, ORGANISER and DOOR_STAFF; empty for others.
    async fn trainers(&self, ctx: &Context<'_>) -> Result<Vec<Trainer>> {
        class::trainers_of(ctx, &self.0).boxed().await
    }

    /// How many are expected, and what is known of them.
    async fn summary(&self, ctx: &Context<'_>) -> Result<SessionSummary> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit_on::<ViewSession>(self.0.clone()).await?;
        Ok(super::figures::summary(viewer.db.read(), &permit, viewer.now).boxed().await?.into())
    }

    /// Who came, in the order in which they first did. For ORG_ADMIN and ORGANISER.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn attendances(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Attendance>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit_on::<ViewAttendance>(self.0.clone()).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let page = super::attendances(viewer.db.read(), &permit, slice).boxed().await?;
        let here = ctx.look_ahead();
        let ahead = [here.field("edges").field("node"), here.field("nodes")]
            .map(|it| it.field("registration"));
        let needed = ahead.iter().any(Lookahead::exists) || wants(ctx, "isWalkIn");
        let registrations = if needed {
            let ids = page.rows.iter().map(|it| it.registration_id).collect();
            registration::graphql::of_attendances(viewer, ids, &ahead).boxed().await?
        } else {
            HashMap::default()
        };
        let node = |row: attendance::Model| Attendance {
            session: Some(self.0.clone()),
            registration: registrations.get(&row.registration_id).cloned(),
            row,
        };
        Ok(page.connection(|it| it.id, node))
    }

    /// Every attempt at the door, newest first. For ORG_ADMIN and ORGANISER.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn scans(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(
            default,
            desc = "Only those by which a device let somebody in whom the server would not have: see `isConflict`."
        )]
        conflicts: bool,
    ) -> Result<Connection<String, Scan>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit_on::<ViewAttendance>(self.0.clone()).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let page = super::scans(viewer.db.read(), &permit, conflicts, slice).boxed().await?;
        Ok(page.connection(|it| it.id, Scan))
    }
}

/// Everyone who is expected is in exactly one of `present`, `late`, `excused`, `absent` and `notYet`.
#[derive(Clone, Copy, PartialEq, Eq, SimpleObject)]
pub struct SessionSummary {
    /// 应到: the confirmed registrations whose enrolment does not leave the day out; once the session is closed, those
    /// that it was closed with.
    expected: i32,
    /// 实到, in time. With those who left early.
    present: i32,
    /// 迟到
    late: i32,
    /// 早退: how many of `present` left early.
    left_early: i32,
    /// 请假
    excused: i32,
    /// 缺席: not there when the door closed.
    absent: i32,
    /// 未到: not there yet, while the door is open.
    not_yet: i32,
    /// 在场: came in and, as far as the scans say, did not leave.
    inside: i32,
    /// Attended without being on the list that the session was closed with; in none of the figures before `inside`.
    unexpected: i32,
    /// How many attendances changed after the session was closed.
    amended: i32,
}

/// What is done with whoever comes without being registered.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "WalkIns")]
pub enum WalkInPolicy {
    /// They are sent away.
    Refuse,
    /// Somebody at the door has to say yes.
    Ask,
    /// They are let in, and marked.
    Accept,
}

impl From<Summary> for SessionSummary {
    fn from(it: Summary) -> Self {
        Self {
            expected: it.expected,
            present: it.present,
            late: it.late,
            left_early: it.left_early,
            excused: it.excused,
            absent: it.absent,
            not_yet: it.not_yet,
            inside: it.inside,
            unexpected: it.unexpected,
            amended: it.amended,
        }
    }
}

/// A session to be.
#[derive(InputObject)]
pub struct SessionInput {
    /// At most 200 characters.
    pub title: String,
    /// At most 200 characters.
    pub venue: Option<String>,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// After the start.
    pub ends_at: DateTime<Utc>,
    /// From when the door takes scans; two hours before the start if not given.
    pub opens_at: Option<DateTime<Utc>>,
    /// From when whoever comes is late; ten minutes after the start if not given.
    pub late_at: Option<DateTime<Utc>>,
    /// From when the door takes none any more; the end if not given.
    pub closes_at: Option<DateTime<Utc>>,
    /// Credit hours (学时), from 0 to 1000 with at most two decimals.
    #[graphql(default_with = "String::from(\"0\")")]
    pub credit_hours: String,
    /// Whether the door takes exits too.
    #[graphql(default)]
    pub tracks_exit: bool,
    /// What is done with whoever comes without being registered.
    #[graphql(default_with = "WalkInPolicy::Ask")]
    pub walk_ins: WalkInPolicy,
    /// Whether people may check themselves in by the code that is shown.
    #[graphql(default)]
    pub self_check_in: bool,
    /// For how many seconds each of its codes is shown, from 15 to 30.
    #[graphql(default_with = "super::CODE_SECONDS")]
    pub code_seconds: i32,
    /// Before which instant whoever leaves left early; ten minutes before the end if not given. Only where exits are
    /// taken.
    pub early_at: Option<DateTime<Utc>>,
    /// How many hours after its end it closes itself, from 1 to 720; 0 for never.
    #[graphql(default = 12)]
    pub closes_after_hours: i32,
}

impl SessionInput {
    /// The draft, and the faults of its texts and hours in `check`; `codes` are what the mutation calls them.
    pub fn draft<C: Refusal>(
        self,
        check: &mut Check<C>,
        path: &[&str],
        missing: C,
        hours: C,
    ) -> Draft {
        let at = |leaf: &'static str| path.iter().copied().chain([leaf]).collect::<Vec<_>>();
        let title = check.required(&self.title, 200, &at("title"), missing);
        let venue = check.optional(self.venue.as_deref(), 200, &at("venue"));
        let credit_centihours = super::read_hours(&self.credit_hours).unwrap_or_else(|| {
            check.refuse(hours.at(at("creditHours")));
            0
        });
        Draft {
            title,
            venue,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            opens_at: self.opens_at,
            late_at: self.late_at,
            closes_at: self.closes_at,
            credit_centihours,
            tracks_exit: self.tracks_exit,
            walk_ins: self.walk_ins.into(),
            self_check_in: self.self_check_in,
            code_seconds: self.code_seconds,
            early_at: self.early_at,
            closes_after: TimeDelta::hours(self.closes_after_hours.into()),
        }
    }
}

/// What `createSession` takes.
#[derive(InputObject)]
pub struct CreateSessionInput {
    /// Of which activity.
    activity_id: Gid<ActivityId>,
    /// What it shall be.
    session: SessionInput,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `updateSession` takes.
#[derive(InputObject)]
pub struct UpdateSessionInput {
    /// Which one.
    session_id: Gid<SessionId>,
    /// The whole session as it shall be.
    session: SessionInput,
}

/// What `createSession` gives.
#[derive(SimpleObject)]
pub struct CreateSessionPayload {
    /// What was made or changed; null where it was refused.
    session: Option<Session>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<SessionUserError>,
}

/// What `updateSession` gives.
#[derive(SimpleObject)]
pub struct UpdateSessionPayload {
    /// What was made or changed; null where it was refused.
    session: Option<Session>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<SessionUserError>,
}

#[derive(Default)]
pub struct SessionQuery;

#[Object]
impl SessionQuery {
    /// One session in the viewer's scope.
    async fn session(&self, ctx: &Context<'_>, id: Gid<SessionId>) -> Result<Option<Session>> {
        Ok(Some(Session(Viewer::of(ctx).gate.permit::<ViewSession>(id.0).await?.into_row())))
    }
}

#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Adds a session to an activity. For ORG_ADMIN and ORGANISER.
    async fn create_session(
        &self,
        ctx: &Context<'_>,
        input: CreateSessionInput,
    ) -> Result<CreateSessionPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CreateSession>(input.activity_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(SessionErrorCode::TooLong);
        let draft = input.session.draft(
            &mut check,
            &["session"],
            SessionErrorCode::Required,
            SessionErrorCode::CreditHoursInvalid,
        );
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                super::create(tx, &permit, draft, viewer.now).await
            })
            .await;
        let (session, user_errors) = settle(done, viewer.lang)?;
        Ok(CreateSessionPayload { session: session.map(Session), user_errors })
    }

    /// Gives a session other times, another place, another title. Who was late is judged again by the new times;
    /// scans stay what they were. What changes in a session that is closed is an amendment. For ORG_ADMIN and ORGANISER.
    async fn update_session(
        &self,
        ctx: &Context<'_>,
        input: UpdateSessionInput,
    ) -> Result<UpdateSessionPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<UpdateSession>(input.session_id.0).await?;
        let mut check = Check::new(SessionErrorCode::TooLong);
        let draft = input.session.draft(
            &mut check,
            &["session"],
            SessionErrorCode::Required,
            SessionErrorCode::CreditHoursInvalid,
        );
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                super::update(tx, &permit, draft, viewer.now).await
            })
            .await;
        let (session, user_errors) = settle(done, viewer.lang)?;
        Ok(UpdateSessionPayload { session: session.map(Session), user_errors })
    }
}
