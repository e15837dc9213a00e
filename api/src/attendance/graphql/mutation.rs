//! The door, and what is said of attendance besides, as mutations.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, SubsecRound, Utc};
use entity::{
    id::{RegistrationId, ScanId, SessionId},
    scan::Direction,
};
use uuid::Uuid;

use super::{Attendance, AttendanceStatus, CheckInOutcome, Scan, ScanDirection};
use crate::{
    attendance::{
        self,
        close::{self, CloseSessionUserError},
        correct::{self, CorrectAttendanceErrorCode, CorrectAttendanceUserError},
        scan::{Answer, Attempt, CheckInErrorCode, CheckInUserError, Shown},
        undo::{self, UndoScanErrorCode, UndoScanUserError},
    },
    authz::{
        Permit,
        policy::{CheckIn, CloseSession, CorrectAttendance, ViewAttendance},
    },
    error::{Error, Refusal},
    graphql::{Gid, Viewer, settle},
    live::Notice,
    registration::graphql::Registration,
    session::graphql::Session,
    text::Check,
    write::Note,
};

/// What `checkIn` takes.
#[derive(InputObject)]
pub struct CheckInInput {
    /// At which session's door.
    pub(super) session_id: Gid<SessionId>,
    /// The code as it was read or typed; spaces, dashes and lower case do not matter.
    pub(super) ticket_code: Option<String>,
    /// A registration that was looked up, instead of `ticketCode`.
    pub(super) registration_id: Option<Gid<RegistrationId>>,
    /// The device's own id of this scan. The same one sent again is the same scan and gets the first answer.
    pub(super) scan_id: Uuid,
    /// At most 50 characters; where a device always stands if not given.
    pub(super) gate: Option<String>,
    /// The device's clock; the server's if not given. Believed from 72 hours before to 2 minutes after the server's.
    pub(super) scanned_at: Option<DateTime<Utc>>,
    /// ENTRY if not given; EXIT where the session takes exits, until 12 hours after the door has shut.
    pub(super) direction: Option<ScanDirection>,
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

/// What `undoScan` takes.
#[derive(InputObject)]
pub struct UndoScanInput {
    /// At which session.
    session_id: Gid<SessionId>,
    /// The scan that shall not count any more.
    undone_id: Gid<ScanId>,
    /// The device's own id of this act. The same one sent again is the same act and gets the first answer.
    scan_id: Uuid,
    /// Why; at most 200 characters.
    reason: String,
}

/// What `undoScan` gives.
#[derive(SimpleObject)]
pub struct UndoScanPayload {
    /// Whether this was on record already, and this is its first answer again.
    replayed: bool,
    /// The scan that undoes the other one.
    scan: Option<Scan>,
    /// What is known of the person at this session now; null where nothing is.
    attendance: Option<Attendance>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<UndoScanUserError>,
}

/// What `correctAttendance` takes.
#[derive(InputObject)]
pub struct CorrectAttendanceInput {
    /// At which session.
    session_id: Gid<SessionId>,
    /// Whose.
    registration_id: Gid<RegistrationId>,
    /// How they attended. Null takes the corrections before back, so that the scans count again.
    status: Option<AttendanceStatus>,
    /// Why; at most 200 characters.
    reason: String,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `correctAttendance` gives.
#[derive(SimpleObject)]
pub struct CorrectAttendancePayload {
    /// What is known of the person at this session now; null where nothing is, or where it was refused.
    attendance: Option<Attendance>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<CorrectAttendanceUserError>,
}

/// What `closeSession` takes.
#[derive(InputObject)]
pub struct CloseSessionInput {
    /// Which one.
    session_id: Gid<SessionId>,
}

/// What `closeSession` gives.
#[derive(SimpleObject)]
pub struct CloseSessionPayload {
    /// The session as it is now; null where it was refused.
    session: Option<Session>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<CloseSessionUserError>,
}

#[derive(Default)]
pub struct AttendanceMutation;

#[Object]
impl AttendanceMutation {
    /// Takes a scan at the door of a session. Every call is on record, whatever its outcome; the same `scanId` sent
    /// again changes nothing. For ORG_ADMIN, ORGANISER and DOOR_STAFF.
    async fn check_in(&self, ctx: &Context<'_>, input: CheckInInput) -> Result<CheckInPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.door(input.session_id.0).await?;
        let done = match input.attempt(&permit, viewer.gate.stands_at()) {
            Ok(attempt) => viewer.app.door.take(&viewer.db, attempt, viewer.now).await,
            Err(refused) => Err(refused),
        };
        let (answer, user_errors) = settle(done, viewer.lang)?;
        let is_open = permit.also::<ViewAttendance>();
        Ok(CheckInPayload::new(answer, user_errors, &permit, is_open))
    }

    /// Undoes a scan by which somebody went in or out: it does not count any more, and stays on record with the reason.
    /// An undoing is not undone: scan again. For ORG_ADMIN and ORGANISER; for DOOR_STAFF where it is their own scan of
    /// the last 30 minutes.
    async fn undo_scan(&self, ctx: &Context<'_>, input: UndoScanInput) -> Result<UndoScanPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CheckIn>(input.session_id.0).await?;
        let mut check = Check::new(UndoScanErrorCode::TooLong);
        let reason =
            check.required(&input.reason, 200, &["reason"], UndoScanErrorCode::ReasonMissing);
        let done = match check.done() {
            Ok(()) => {
                let (undone, id) = (input.undone_id.0, input.scan_id);
                viewer
                    .db
                    .transaction(async |tx| {
                        undo::undo(tx, &permit, undone, id, reason, viewer.now).await
                    })
                    .await
            }
            Err(refused) => Err(refused),
        };
        let (answer, user_errors) = settle(done, viewer.lang)?;
        if let Some(it) = answer.as_ref().filter(|it| !it.replayed) {
            let session = permit.on();
            viewer.app.live.scanned([(session.activity_id, session.id, it.scan.id)]);
        }
        let (replayed, scan, attendance) = match answer {
            Some(it) => (it.replayed, Some(Scan(it.scan)), it.attendance),
            None => (false, None, None),
        };
        let attendance = attendance.map(|row| at_session(row, &permit));
        Ok(UndoScanPayload { replayed, scan, attendance, user_errors })
    }

    /// Says how somebody attended, over what the scans say; both are kept. Of a session that is closed it is an
    /// amendment. Refused for whoever is not expected there. For ORG_ADMIN and ORGANISER.
    async fn correct_attendance(
        &self,
        ctx: &Context<'_>,
        input: CorrectAttendanceInput,
    ) -> Result<CorrectAttendancePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CorrectAttendance>(input.session_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(CorrectAttendanceErrorCode::TooLong);
        let reason = check.required(
            &input.reason,
            200,
            &["reason"],
            CorrectAttendanceErrorCode::ReasonMissing,
        );
        let note = note.because(Some(&reason));
        let (registration, status) = (input.registration_id.0, input.status.map(Into::into));
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                correct::correct(tx, &permit, registration, status, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        if row.is_some() {
            viewer.app.live.tell(Notice::Activity(permit.on().activity_id));
        }
        let attendance = match row {
            Some(_) => attendance::of(viewer.db.read(), permit.on().id, registration).await?,
            None => None,
        };
        let attendance = attendance.map(|row| at_session(row, &permit));
        Ok(CorrectAttendancePayload { attendance, user_errors })
    }

    /// Closes a session: who was expected is frozen, whoever did not come is ABSENT, and what changes afterwards is an
    /// amendment. It cannot be opened again. Refused before the session's start. For ORG_ADMIN and ORGANISER.
    async fn close_session(
        &self,
        ctx: &Context<'_>,
        input: CloseSessionInput,
    ) -> Result<CloseSessionPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CloseSession>(input.session_id.0).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| close::close(tx, &permit, viewer.now).await)
            .await;
        let (session, user_errors) = settle(done, viewer.lang)?;
        Ok(CloseSessionPayload { session: session.map(Session), user_errors })
    }
}

fn at_session<A: crate::authz::Action<On = entity::session::Model>>(
    row: entity::attendance::Model,
    permit: &Permit<A>,
) -> Attendance {
    Attendance { session: Some(permit.on().clone()), ..Attendance::from(row) }
}

impl CheckInInput {
    /// The attempt, or all that is wrong with it.
    pub(super) fn attempt(
        self,
        permit: &Permit<CheckIn>,
        stands_at: Option<&str>,
    ) -> Result<Attempt, Error<CheckInErrorCode>> {
        let mut check = Check::new(CheckInErrorCode::TooLong);
        let gate = check.optional(self.gate.as_deref(), 50, &["gate"]);
        let code = check.optional(self.ticket_code.as_deref(), 200, &["ticketCode"]);
        let shown = match (code, self.registration_id) {
            (Some(code), None) => Shown::Code(code),
            (None, Some(id)) => Shown::Registration(id.0),
            _ => {
                check.refuse(CheckInErrorCode::TicketUnclear.at(["ticketCode"]));
                check.done()?;
                return Err(CheckInErrorCode::TicketUnclear.into());
            }
        };
        let direction = self.direction.map_or(Direction::Entry, Into::into);
        if direction == Direction::Undo {
            check.refuse(CheckInErrorCode::DirectionUnclear.at(["direction"]));
        }
        check.done()?;
        let mut attempt = Attempt::new(permit, self.scan_id, shown);
        attempt.direction = direction;
        attempt.gate = gate.or(stands_at.map(str::to_owned));
        // What the databases keep; otherwise the same scan would not be equal to itself.
        attempt.device_at = self.scanned_at.map(|at| at.trunc_subsecs(6));
        Ok(attempt)
    }
}

impl CheckInPayload {
    fn new(
        answer: Option<Answer>,
        user_errors: Vec<CheckInUserError>,
        permit: &Permit<CheckIn>,
        is_open: bool,
    ) -> Self {
        let Some(answer) = answer else {
            return Self {
                outcome: None,
                replayed: false,
                scan: None,
                attendance: None,
                registration: None,
                user_errors,
            };
        };
        Self {
            outcome: Some(answer.scan.outcome.into()),
            replayed: answer.replayed,
            scan: Some(Scan(answer.scan)),
            attendance: answer.attendance.map(|row| at_session(row, permit)),
            registration: answer
                .registration
                .map(|row| Registration::with(row, is_open, answer.beside)),
            user_errors,
        }
    }
}
