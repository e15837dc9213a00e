//! The door. Every call is a scan on record, whatever came of it, and the same scan sent again gets its first answer.
//!
//! The lock is on the registration and never on the activity: eight gates do not queue behind each other. A scan is
//! its own event and its id its own key, so it does not take the road of [`crate::write`].

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    activity, attendance,
    id::{ActivityId, RegistrationId, ScanId},
    registration,
    scan::{self, Clock, Column, Outcome},
    session,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};
use uuid::Uuid;

use crate::{
    authn,
    authz::{Permit, policy::CheckIn},
    error::{Error, Failure, Refusal},
    refusals, ticket,
};

refusals! {
    /// Why a call is no scan: nothing of it is on record.
    CheckInErrorCode, CheckInUserError {
        /// Neither or both of `ticketCode` and `registrationId` are given.
        TicketUnclear = "ticketCode 与 registrationId 须且只能给出一个", "give either ticketCode or registrationId";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// The scan id is on record for another code, so it cannot be this scan.
        ScanIdReused = "此扫码编号已用于另一参会码", "this scan id was used for another code";
    }
}

/// A device's clock is believed from so long before the server's …
const BELIEVED_BEFORE: TimeDelta = TimeDelta::hours(72);
/// … to so long after it.
const BELIEVED_AFTER: TimeDelta = TimeDelta::minutes(2);

/// What was shown at the door.
#[derive(Clone)]
pub enum Shown {
    /// As it was read or typed.
    Code(String),
    Registration(RegistrationId),
}

/// One attempt at a door.
pub struct Attempt {
    /// The device's own id of it.
    pub client_id: Uuid,
    pub shown: Shown,
    pub gate: Option<String>,
    /// What the device's clock said.
    pub device_at: Option<DateTime<Utc>>,
}

/// What the door is told.
pub struct Answer {
    pub scan: scan::Model,
    /// Whether the scan was on record already.
    pub replayed: bool,
    /// None where the code is unknown or of another activity.
    pub registration: Option<registration::Model>,
    pub attendance: Option<attendance::Model>,
}

/// Takes a scan: looks up its id first, then the registration under its lock, then decides.
pub async fn check_in(
    tx: &DatabaseTransaction,
    permit: &Permit<CheckIn>,
    attempt: Attempt,
    now: DateTime<Utc>,
) -> Result<Answer, Error<CheckInErrorCode>> {
    let session = permit.on();
    if let Some(first) = replay(tx, permit, &attempt).await? {
        return Ok(first);
    }
    let found = match &attempt.shown {
        Shown::Code(code) => ticket::presented(tx, code).await?,
        Shown::Registration(id) => registration::Entity::find_by_id(*id).one(tx).await?,
    };
    // Only what belongs here is locked, and only it is shown.
    let here = found.as_ref().filter(|it| it.activity_id == session.activity_id).map(|it| it.id);
    let registration = match here {
        Some(id) => Some(crate::registration::locked(tx, id).await?),
        None => None,
    };
    // The ticket may have been revoked while this waited for the lock, which changes the code.
    let revoked = matches!(attempt.shown, Shown::Code(_))
        && found
            .as_ref()
            .zip(registration.as_ref())
            .is_some_and(|(a, b)| a.ticket_code != b.ticket_code);
    let (found, registration) = if revoked { (None, None) } else { (found, registration) };
    // The same scan may have been taken while this one waited for the lock.
    if registration.is_some()
        && let Some(first) = replay(tx, permit, &attempt).await?
    {
        return Ok(first);
    }

    let (scanned_at, clock) = match attempt.device_at {
        Some(at) if now - BELIEVED_BEFORE <= at && at <= now + BELIEVED_AFTER => {
            (at, Clock::Device)
        }
        _ => (now, Clock::Server),
    };
    let before = match &registration {
        Some(it) => super::of(tx, session.id, it.id).await?,
        None => None,
    };
    let outcome = match &registration {
        None if found.is_some() => Outcome::WrongActivity,
        None => Outcome::UnknownCode,
        Some(it) => {
            let decided = decide(session, it.status, inside(before.as_ref()), scanned_at);
            let welcome = !matches!(decided, Outcome::Cancelled | Outcome::NotConfirmed);
            if welcome && is_called_off(tx, session.activity_id).await? {
                Outcome::Cancelled
            } else {
                decided
            }
        }
    };
    let scan = scan::Model {
        id: ScanId::generate(),
        session_id: session.id,
        client_id: attempt.client_id,
        registration_id: registration.as_ref().map(|it| it.id),
        code: match &attempt.shown {
            Shown::Code(code) => Some(code.clone()),
            Shown::Registration(_) => None,
        },
        gate: attempt.gate.clone(),
        outcome,
        scanned_at,
        clock,
        device_at: attempt.device_at,
        received_at: now,
        account_id: permit.actor().account().ok_or(Failure::Forbidden)?,
    };
    let kept = scan::Entity::insert(scan::ActiveModel::from(scan.clone()).reset_all())
        .on_conflict(
            OnConflict::columns([Column::SessionId, Column::ClientId]).do_nothing().to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    if kept == 0 {
        // Without a registration there is no lock to wait for; the index decided who was first.
        return replay(tx, permit, &attempt)
            .await?
            .ok_or_else(|| Failure::internal("a scan vanished").into());
    }
    let attendance = match &registration {
        Some(it) if matches!(outcome, Outcome::Admitted | Outcome::AlreadyIn) => {
            Some(super::note(tx, session, it.id, before, &scan).await?)
        }
        _ => before,
    };
    Ok(Answer { scan, replayed: false, registration, attendance })
}

fn inside(attendance: Option<&attendance::Model>) -> bool {
    attendance.is_some_and(|it| it.first_in_at.is_some())
}

/// What the door says to whoever is registered for a session's activity, which was not called off.
pub(super) fn decide(
    session: &session::Model,
    status: registration::Status,
    inside: bool,
    at: DateTime<Utc>,
) -> Outcome {
    match status {
        registration::Status::Cancelled => Outcome::Cancelled,
        registration::Status::Confirmed if at < session.opens_at => Outcome::TooEarly,
        registration::Status::Confirmed if session.closes_at <= at => Outcome::TooLate,
        registration::Status::Confirmed if inside => Outcome::AlreadyIn,
        registration::Status::Confirmed => Outcome::Admitted,
        _ => Outcome::NotConfirmed,
    }
}

/// The first answer to a scan that is on record.
async fn replay(
    tx: &DatabaseTransaction,
    permit: &Permit<CheckIn>,
    attempt: &Attempt,
) -> Result<Option<Answer>, Error<CheckInErrorCode>> {
    let first = scan::Entity::find()
        .filter(Column::SessionId.eq(permit.on().id))
        .filter(Column::ClientId.eq(attempt.client_id))
        .one(tx)
        .await?;
    let Some(scan) = first else { return Ok(None) };
    let same = match &attempt.shown {
        Shown::Code(code) => scan
            .code
            .as_ref()
            .is_some_and(|it| authn::read_ticket_code(it) == authn::read_ticket_code(code)),
        Shown::Registration(id) => {
            scan.code.is_none()
                && (scan.registration_id.is_none() || scan.registration_id == Some(*id))
        }
    };
    if !same {
        return Err(CheckInErrorCode::ScanIdReused.at(["scanId"]).into());
    }
    let registration = match scan.registration_id {
        Some(id) => registration::Entity::find_by_id(id).one(tx).await?,
        None => None,
    };
    let attendance = match &registration {
        Some(it) => super::of(tx, scan.session_id, it.id).await?,
        None => None,
    };
    Ok(Some(Answer { scan, replayed: true, registration, attendance }))
}

/// One scan by its id.
pub async fn find(db: &impl ConnectionTrait, id: ScanId) -> Result<scan::Model, Failure> {
    scan::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)
}

async fn is_called_off(db: &impl ConnectionTrait, activity: ActivityId) -> Result<bool, Failure> {
    let found = activity::Entity::find_by_id(activity).one(db).await?;
    Ok(found.is_some_and(|it| it.status == activity::Status::Cancelled))
}
