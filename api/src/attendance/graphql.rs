//! The door and what came of it, as GraphQL shows them.

mod mutation;
mod sync;

use async_graphql::{Context, Enum, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    attendance, correction,
    id::{AttendanceId, ScanId},
    scan, session,
};
use uuid::Uuid;

pub use self::{mutation::*, sync::*};
use crate::{
    graphql::{Gid, Viewer},
    registration::graphql::Registration,
    self_check_in::graphql::SelfCheckIn,
    session::graphql::Session,
};

/// How someone attended.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "attendance::Status")]
pub enum AttendanceStatus {
    /// 出勤: came in time.
    Present,
    /// 迟到: came after the session counted as begun.
    Late,
    /// 早退: left before the session counted as over.
    LeftEarly,
    /// 请假: was excused.
    Excused,
    /// 缺席: did not come.
    Absent,
}

/// What the door is told.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "scan::Outcome")]
pub enum CheckInOutcome {
    /// Came in.
    Admitted,
    /// Had come in before; `attendance` says since when and by which gate.
    AlreadyIn,
    /// No registration has this code.
    UnknownCode,
    /// The code is of another activity.
    WrongActivity,
    /// The session takes no scans yet.
    TooEarly,
    /// The session takes no scans any more.
    TooLate,
    /// Registered, without a seat: invited, waiting, declined …
    NotConfirmed,
    /// The registration was cancelled, or the activity was called off.
    Cancelled,
    /// A person has to decide.
    NeedsConfirmation,
    /// Went out.
    Exited,
    /// An earlier scan does not count any more.
    Undone,
}

/// Which way somebody went.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "scan::Direction")]
pub enum ScanDirection {
    /// In.
    Entry,
    /// Out.
    Exit,
    /// Neither: an earlier scan shall not count.
    Undo,
}

/// Whose clock a scan goes by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "scan::Clock")]
pub enum ScanClock {
    /// The device's.
    Device,
    /// The server's, because the device gave no time, or one more than 72 hours before or 2 minutes after the server's.
    Server,
}

pub struct Scan(pub scan::Model);

/// One attempt at a door (扫码记录), kept for ever.
#[Object]
impl Scan {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<ScanId> {
        Gid(self.0.id)
    }

    /// Whose code it was, with the phone masked; null where it was nobody's who is registered here.
    async fn registration(&self, ctx: &Context<'_>) -> Result<Option<Registration>> {
        let Some(id) = self.0.registration_id else { return Ok(None) };
        Ok(Some(Registration::new(Viewer::of(ctx).row(id).await?, false)))
    }

    /// The device's own id of it.
    async fn scan_id(&self) -> Uuid {
        self.0.client_id
    }

    /// What the door was told.
    async fn outcome(&self) -> CheckInOutcome {
        self.0.outcome.into()
    }

    /// When it was scanned, by `clock`.
    async fn scanned_at(&self) -> DateTime<Utc> {
        self.0.scanned_at
    }

    /// Whose clock `scannedAt` goes by.
    async fn clock(&self) -> ScanClock {
        self.0.clock.into()
    }

    /// What the device's clock said, believed or not.
    async fn device_at(&self) -> Option<DateTime<Utc>> {
        self.0.device_at
    }

    /// When the server got it.
    async fn received_at(&self) -> DateTime<Utc> {
        self.0.received_at
    }

    /// Which gate, as the device said.
    async fn gate(&self) -> Option<&str> {
        self.0.gate.as_deref()
    }

    /// Which way somebody went.
    async fn direction(&self) -> ScanDirection {
        self.0.direction.into()
    }

    /// What a device without a network told the person at the time. Where it differs from `outcome`, the device could
    /// not know better.
    async fn told(&self) -> Option<CheckInOutcome> {
        self.0.told.map(Into::into)
    }

    /// How far the device's clock was behind the server's, in milliseconds, where it was measured; `scannedAt` is
    /// corrected by it.
    async fn clock_offset_ms(&self) -> Option<i64> {
        self.0.clock_offset_ms
    }

    /// Whether a device let somebody in by itself whom the server would not have: another gate had let them in already,
    /// or the registration was cancelled, not confirmed, unknown, or out of time.
    async fn is_conflict(&self) -> bool {
        super::sync::is_conflict(&self.0)
    }

    /// The scan that let the same person in at another gate: both gates did.
    async fn conflicts_with_id(&self) -> Option<Gid<ScanId>> {
        self.0.conflicts_with_id.map(Gid)
    }

    /// The scan that this one undoes.
    async fn undoes_id(&self) -> Option<Gid<ScanId>> {
        self.0.undoes_id.map(Gid)
    }

    /// How somebody came in by themselves; null for whoever was let in by others, or not let in.
    async fn self_check_in(&self, ctx: &Context<'_>) -> Result<Option<SelfCheckIn>> {
        SelfCheckIn::of(ctx, &self.0).await
    }

    /// Why it undoes a scan.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }
}

pub struct Correction(pub correction::Model);

/// What an organiser said of somebody's attendance, over what the scans say (更正).
#[Object]
impl Correction {
    /// How they attended; null where the corrections before were taken back.
    async fn status(&self) -> Option<AttendanceStatus> {
        self.0.status.map(Into::into)
    }

    /// Why.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// When it was said.
    async fn at(&self) -> DateTime<Utc> {
        self.0.at
    }
}

pub struct Attendance {
    pub row: attendance::Model,
    pub session: Option<session::Model>,
    /// What a list fetched ahead.
    pub registration: Option<Registration>,
}

impl From<attendance::Model> for Attendance {
    fn from(row: attendance::Model) -> Self {
        Self { row, session: None, registration: None }
    }
}

/// What is known of one registration at one session (出勤): from its scans, its leave and its corrections.
#[Object]
impl Attendance {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<AttendanceId> {
        Gid(self.row.id)
    }

    /// How they attended: what the last correction says, or else `byScans`. Whoever was expected when the session was
    /// closed, and did not come, has ABSENT.
    async fn status(&self) -> AttendanceStatus {
        self.row.status.into()
    }

    /// What the scans and the leave say; null where they say nothing.
    async fn by_scans(&self) -> Option<AttendanceStatus> {
        self.row.by_scans.map(Into::into)
    }

    /// When they first came in.
    async fn first_in_at(&self) -> Option<DateTime<Utc>> {
        self.row.first_in_at
    }

    /// By which gate they first came in.
    async fn first_gate(&self) -> Option<&str> {
        self.row.first_gate.as_deref()
    }

    /// When they last came in.
    async fn last_in_at(&self) -> Option<DateTime<Utc>> {
        self.row.last_in_at
    }

    /// When they last went out.
    async fn last_out_at(&self) -> Option<DateTime<Utc>> {
        self.row.last_out_at
    }

    /// Whether they came in and, as far as the scans say, did not leave.
    async fn is_inside(&self) -> bool {
        self.row.is_inside
    }

    /// Whole minutes inside between the session's start and its end; whoever is inside counts as staying. Null where
    /// exits are not taken.
    async fn minutes(&self) -> Option<i32> {
        self.row.minutes
    }

    /// The last correction, if somebody said otherwise than the scans.
    async fn correction(&self, ctx: &Context<'_>) -> Result<Option<Correction>> {
        if !self.row.is_corrected {
            return Ok(None);
        }
        let db = Viewer::of(ctx).db.read();
        let last = super::correct::last_of(db, self.row.session_id, self.row.registration_id);
        Ok(last.await?.map(Correction))
    }

    /// Whether two gates let the same code in; the scans say which.
    async fn has_conflict(&self) -> bool {
        self.row.has_conflict
    }

    /// Whether they came without being registered and were registered at the door (现场报名).
    async fn is_walk_in(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.registration(ctx).await?.is_walk_in())
    }

    /// Whether the registration was on the list that the session was closed with; null while it is not closed.
    async fn expected(&self) -> Option<bool> {
        self.row.expected
    }

    /// When it last changed after the session was closed (补录).
    async fn amended_at(&self) -> Option<DateTime<Utc>> {
        self.row.amended_at
    }

    /// At which session.
    async fn session(&self, ctx: &Context<'_>) -> Result<Session> {
        match &self.session {
            Some(row) => Ok(Session(row.clone())),
            None => Ok(Session(Viewer::of(ctx).row(self.row.session_id).await?)),
        }
    }

    /// Whose. Without the ticket code, and with the phone masked.
    async fn registration(&self, ctx: &Context<'_>) -> Result<Registration> {
        match &self.registration {
            Some(it) => Ok(it.clone()),
            None => {
                Ok(Registration::new(Viewer::of(ctx).row(self.row.registration_id).await?, false))
            }
        }
    }
}
