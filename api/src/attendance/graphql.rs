//! The door and what came of it, as GraphQL shows them.

use async_graphql::{Context, Enum, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    attendance,
    id::{AttendanceId, RegistrationId, ScanId, SessionId},
    scan, session,
};
use uuid::Uuid;

use super::scan::{Attempt, CheckInErrorCode, CheckInUserError, Shown};
use crate::{
    authz::policy::{CheckIn, ViewAttendance},
    error::Refusal,
    graphql::{Gid, Viewer, settle},
    registration::graphql::Registration,
    session::graphql::Session,
    text::Check,
};

/// How someone attended.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "attendance::Status")]
pub enum AttendanceStatus {
    /// 出勤: came in time.
    Present,
    /// 迟到: came after the session counted as begun.
    Late,
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

/// What the scans say of one registration at one session (出勤).
#[Object]
impl Attendance {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<AttendanceId> {
        Gid(self.row.id)
    }

    /// How they attended.
    async fn status(&self) -> AttendanceStatus {
        self.row.status.into()
    }

    /// When they first came in.
    async fn first_in_at(&self) -> Option<DateTime<Utc>> {
        self.row.first_in_at
    }

    /// By which gate they first came in.
    async fn first_gate(&self) -> Option<&str> {
        self.row.first_gate.as_deref()
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

/// What `checkIn` takes.
#[derive(InputObject)]
pub struct CheckInInput {
    /// At which session's door.
    session_id: Gid<SessionId>,
    /// The code as it was read or typed; spaces, dashes and lower case do not matter.
    ticket_code: Option<String>,
    /// A registration that was looked up, instead of `ticketCode`.
    registration_id: Option<Gid<RegistrationId>>,
    /// The device's own id of this scan. The same one sent again is the same scan and gets the first answer.
    scan_id: Uuid,
    /// At most 50 characters.
    gate: Option<String>,
    /// The device's clock; the server's if not given. Believed from 72 hours before to 2 minutes after the server's.
    scanned_at: Option<DateTime<Utc>>,
}

/// What `checkIn` gives.
#[derive(SimpleObject)]
pub struct CheckInPayload {
    /// Null only when there are `userErrors`: then nothing is on record.
    outcome: Option<CheckInOutcome>,
    /// Whether this scan was on record already, and this is its first answer again.
    replayed: bool,
    /// What is on record of this call.
    scan: Option<Scan>,
    /// What is known of the person at this session.
    attendance: Option<Attendance>,
    /// Null where the code is unknown or of another activity.
    registration: Option<Registration>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<CheckInUserError>,
}

#[derive(Default)]
pub struct AttendanceMutation;

#[Object]
impl AttendanceMutation {
    /// Takes a scan at the door of a session. Every call is on record, whatever its outcome; the same `scanId` sent
    /// again changes nothing. For ORG_ADMIN, ORGANISER and DOOR_STAFF.
    async fn check_in(&self, ctx: &Context<'_>, input: CheckInInput) -> Result<CheckInPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CheckIn>(input.session_id.0).await?;
        let mut check = Check::new(CheckInErrorCode::TooLong);
        let gate = check.optional(input.gate.as_deref(), 50, &["gate"]);
        let code = check.optional(input.ticket_code.as_deref(), 200, &["ticketCode"]);
        let shown = match (code, input.registration_id) {
            (Some(code), None) => Some(Shown::Code(code)),
            (None, Some(id)) => Some(Shown::Registration(id.0)),
            _ => {
                check.refuse(CheckInErrorCode::TicketUnclear.at(["ticketCode"]));
                None
            }
        };
        let attempt = shown.map(|shown| Attempt {
            client_id: input.scan_id,
            shown,
            gate,
            // What the databases keep; otherwise the same scan would not be equal to itself.
            device_at: input.scanned_at.map(|at| chrono::SubsecRound::trunc_subsecs(at, 6)),
        });
        let done = match (check.done(), attempt) {
            (Ok(()), Some(attempt)) => {
                viewer
                    .db
                    .transaction(async |tx| {
                        super::scan::check_in(tx, &permit, attempt, viewer.now).await
                    })
                    .await
            }
            (refused, _) => refused.and_then(|()| Err(CheckInErrorCode::TicketUnclear.into())),
        };
        let (answer, user_errors) = settle(done, viewer.lang)?;
        let Some(answer) = answer else {
            return Ok(CheckInPayload {
                outcome: None,
                replayed: false,
                scan: None,
                attendance: None,
                registration: None,
                user_errors,
            });
        };
        if !answer.replayed {
            let session = permit.on();
            viewer.app.live.scanned([(session.activity_id, session.id, answer.scan.id)]);
        }
        let is_open = permit.also::<ViewAttendance>();
        Ok(CheckInPayload {
            outcome: Some(answer.scan.outcome.into()),
            replayed: answer.replayed,
            scan: Some(Scan(answer.scan)),
            attendance: answer.attendance.map(|row| Attendance {
                session: Some(permit.on().clone()),
                ..Attendance::from(row)
            }),
            registration: answer.registration.map(|row| Registration::new(row, is_open)),
            user_errors,
        })
    }
}
