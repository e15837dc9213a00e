//! Leave: inputs, payloads, mutations.

use async_graphql::{Context, Enum, InputObject, Object, Result};
use chrono::{DateTime, SubsecRound, Utc};
use entity::id::{Id, LeaveId, RegistrationId};

use super::{HalfDayInput, Leave, LeaveKind, MyLeave};
use crate::{
    authz::policy::{DecideLeave, EndLeave, RequestLeave, WithdrawLeave},
    graphql::{Gid, Viewer, settle},
    leave::{self, Draft, LeaveErrorCode as Code, LeaveUserError, Verdict},
    payloads,
    text::Check,
    write::Note,
};

/// What can be said of leave.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Verdict")]
pub enum LeaveVerdict {
    /// The trainee is excused.
    Approve,
    /// No, for a reason.
    Decline,
}

/// What `requestLeave` takes.
#[derive(InputObject)]
pub struct RequestLeaveInput {
    /// Of which trainee; CONFIRMED, of an academy's class.
    registration_id: Gid<RegistrationId>,
    /// What it is for.
    kind: LeaveKind,
    /// The first half-day. Before today only for ORG_ADMIN and ORGANISER of the class.
    from: HalfDayInput,
    /// The last half-day, included; at most a year later.
    until: HalfDayInput,
    /// Why; at most 500 characters.
    reason: String,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `requestMyLeave` takes.
#[derive(InputObject)]
pub struct RequestMyLeaveInput {
    /// Which registration; CONFIRMED, for an academy's class.
    registration_id: Gid<RegistrationId>,
    /// What it is for.
    kind: LeaveKind,
    /// The first half-day, from today on.
    from: HalfDayInput,
    /// The last half-day, included; at most a year later.
    until: HalfDayInput,
    /// Why; at most 500 characters.
    reason: String,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `decideLeave` takes.
#[derive(InputObject)]
pub struct DecideLeaveInput {
    /// Which one; ASKED.
    leave_id: Gid<LeaveId>,
    /// What is said of it.
    verdict: LeaveVerdict,
    /// Why; at most 500 characters. Needed to decline.
    reason: Option<String>,
}

/// What `withdrawLeave` takes.
#[derive(InputObject)]
pub struct WithdrawLeaveInput {
    /// Which one; ASKED or APPROVED.
    leave_id: Gid<LeaveId>,
    /// Why; at most 500 characters.
    reason: Option<String>,
}

/// What `withdrawMyLeave` takes.
#[derive(InputObject)]
pub struct WithdrawMyLeaveInput {
    /// Which one; ASKED, or APPROVED and not begun.
    leave_id: Gid<LeaveId>,
}

/// What `endLeave` takes.
#[derive(InputObject)]
pub struct EndLeaveInput {
    /// Which one; APPROVED.
    leave_id: Gid<LeaveId>,
    /// Since when the trainee is back, or will be: within the leave. Now if not given.
    at: Option<DateTime<Utc>>,
}

payloads! {
    /// What `requestLeave` gives.
    RequestLeavePayload { leave: Leave, LeaveUserError }
    /// What `decideLeave` gives.
    DecideLeavePayload { leave: Leave, LeaveUserError }
    /// What `withdrawLeave` gives.
    WithdrawLeavePayload { leave: Leave, LeaveUserError }
    /// What `endLeave` gives.
    EndLeavePayload { leave: Leave, LeaveUserError }
    /// What `requestMyLeave` gives.
    RequestMyLeavePayload { leave: MyLeave, LeaveUserError }
    /// What `withdrawMyLeave` gives.
    WithdrawMyLeavePayload { leave: MyLeave, LeaveUserError }
}

#[derive(Default)]
pub struct LeaveMutation;

#[Object]
impl LeaveMutation {
    /// Asks for a trainee's leave (请假) in half-days. It waits for whoever has the say by its length; nothing is excused
    /// before. Refused where no session of the class is in it, and where other leave that waits or was approved overlaps.
    /// Days that are over are noted by ORG_ADMIN and ORGANISER of the class; at sessions that were closed that is an
    /// amendment. For them, and for LIAISON and ORG_ADMIN of the organisation that recommends the trainee.
    async fn request_leave(
        &self,
        ctx: &Context<'_>,
        input: RequestLeaveInput,
    ) -> Result<RequestLeavePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RequestLeave>(input.registration_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(Code::TooLong);
        let reason = check.required(&input.reason, 500, &["reason"], Code::ReasonMissing);
        let (from, until) = (input.from.into(), input.until.into());
        let draft = Draft { kind: input.kind.into(), from, until, reason };
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                leave::ask(tx, &permit, draft, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(RequestLeavePayload { leave: row.map(Into::into), user_errors })
    }

    /// Approves or declines leave, once. Approved, it excuses from every session in it. FORBIDDEN for those who stand
    /// too low for its length (`rung`). For ORGANISER of the class, of the programme or of the host, and ORG_ADMIN of the
    /// host, as `rung` says; for ORG_ADMIN of the organisation that recommends the trainee at HEAD.
    async fn decide_leave(
        &self,
        ctx: &Context<'_>,
        input: DecideLeaveInput,
    ) -> Result<DecideLeavePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<DecideLeave>(input.leave_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let note = Note::default().because(reason.as_deref());
        let verdict = input.verdict.into();
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                leave::decide(tx, &permit, verdict, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(DecideLeavePayload { leave: row.map(Into::into), user_errors })
    }

    /// Takes leave back: nothing is excused by it any more. Whoever may decide on it does so at any time; the others
    /// (ORGANISER of the class, LIAISON and ORG_ADMIN of the organisation that recommends the trainee) while it was not
    /// approved or has not begun.
    async fn withdraw_leave(
        &self,
        ctx: &Context<'_>,
        input: WithdrawLeaveInput,
    ) -> Result<WithdrawLeavePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<WithdrawLeave>(input.leave_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let note = Note::default().because(reason.as_deref());
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                leave::withdraw(tx, &permit, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(WithdrawLeavePayload { leave: row.map(Into::into), user_errors })
    }

    /// Says that a trainee is back before the leave is over (销假), or will be: they are expected again at the sessions
    /// after that instant, and at the one in which it lies unless half an hour of it was missed. It can be said again for
    /// an earlier instant. For ORG_ADMIN and ORGANISER of the class, and ORG_ADMIN of the organisation that recommends
    /// the trainee.
    async fn end_leave(&self, ctx: &Context<'_>, input: EndLeaveInput) -> Result<EndLeavePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<EndLeave>(input.leave_id.0).await?;
        // What the databases keep; otherwise the same instant would not be equal to itself.
        let at = input.at.unwrap_or(viewer.now).trunc_subsecs(6);
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                leave::end(tx, &permit, at, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(EndLeavePayload { leave: row.map(Into::into), user_errors })
    }

    /// Asks for leave from a class for somebody with the phone that was proven, from today on. NOT_FOUND for all others.
    /// For the holder of a token of `redeemCode`.
    async fn request_my_leave(
        &self,
        ctx: &Context<'_>,
        input: RequestMyLeaveInput,
    ) -> Result<RequestMyLeavePayload> {
        let viewer = Viewer::of(ctx);
        let mine = viewer.gate.mine(input.registration_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(Code::TooLong);
        let reason = check.required(&input.reason, 500, &["reason"], Code::ReasonMissing);
        let (from, until) = (input.from.into(), input.until.into());
        let draft = Draft { kind: input.kind.into(), from, until, reason };
        let subject = (RegistrationId::PREFIX, mine.row.id.uuid());
        let done = viewer
            .write_mine(mine.me(), "RequestMyLeave", subject, note, async |tx| {
                check.done()?;
                leave::ask_mine(tx, &mine, draft, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(RequestMyLeavePayload { leave: row.map(MyLeave), user_errors })
    }

    /// Takes back leave of somebody with the phone that was proven, while it was not approved or has not begun.
    /// NOT_FOUND for all others. For the holder of a token of `redeemCode`.
    async fn withdraw_my_leave(
        &self,
        ctx: &Context<'_>,
        input: WithdrawMyLeaveInput,
    ) -> Result<WithdrawMyLeavePayload> {
        let viewer = Viewer::of(ctx);
        viewer.gate.me()?;
        let of = leave::list::find(viewer.db.read(), input.leave_id.0).await?;
        let mine = viewer.gate.mine(of.registration_id).await?;
        let subject = (LeaveId::PREFIX, of.id.uuid());
        let done = viewer
            .write_mine(mine.me(), "WithdrawMyLeave", subject, Note::default(), async |tx| {
                leave::withdraw_mine(tx, &mine, &of, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(WithdrawMyLeavePayload { leave: row.map(MyLeave), user_errors })
    }
}
