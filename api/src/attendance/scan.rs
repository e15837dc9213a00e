//! The door. Every call is a scan on record, whatever came of it, and the same scan sent again gets its first answer.
//!
//! Scans are taken some at a time, each by itself. The lock is on the registration and never on the activity: eight
//! gates do not queue behind each other. A scan is its own event and its id its own key, so it does not take the road
//! of [`crate::write`].

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    attendance,
    id::{ActivityId, RegistrationId, ScanId, SessionId},
    registration::{self, Status},
    scan::{self, Clock, Column, Direction, Outcome},
    session,
};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};
use uuid::Uuid;

use super::book::{self, Book, Held, Known, Pair};
use crate::{
    authn,
    authz::{Actor, Mine, Permit, policy::CheckIn},
    db::within,
    error::{Failure, Refusal, Refused},
    refusals,
    registration::Beside,
    ticket,
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
        /// UNDO is no direction here: `undoScan` undoes.
        DirectionUnclear = "direction 须为 ENTRY 或 EXIT；撤销请用 undoScan", "direction is ENTRY or EXIT; undoScan undoes";
        /// The door of this session takes no exits.
        ExitsNotTaken = "此场次不登记离场", "this session takes no exits";
        /// Of `syncScans` alone: no session is named, or there is none such at whose door one may stand.
        SessionUnknown = "没有这个场次", "there is no such session";
        /// Of `syncScans` alone: it could not be taken this time. Send it again.
        TryAgain = "暂时无法登记，请重新发送", "it could not be taken this time; send it again";
    }
}

/// A device's clock is believed from so long before the server's …
pub const BELIEVED_BEFORE: TimeDelta = TimeDelta::hours(72);
/// … to so long after it.
const BELIEVED_AFTER: TimeDelta = TimeDelta::minutes(2);
/// For so long after a door has closed people still go out by it.
const EXITS_AFTER: TimeDelta = TimeDelta::hours(12);

/// What was shown at the door.
#[derive(Clone)]
pub enum Shown {
    /// As it was read or typed.
    Code(String),
    Registration(RegistrationId),
}

/// One attempt at a door.
#[derive(Clone)]
pub struct Attempt {
    session: SessionId,
    pub(super) activity: ActivityId,
    /// Whose hand it was; none where people check themselves in.
    pub by: Option<Actor>,
    /// The device's own id of it.
    pub client_id: Uuid,
    pub shown: Shown,
    /// [`Direction::Entry`] or [`Direction::Exit`].
    pub direction: Direction,
    pub gate: Option<String>,
    /// What the device's clock said.
    pub device_at: Option<DateTime<Utc>>,
    /// How far the device's clock is behind the server's, where it was measured.
    pub clock_offset: Option<TimeDelta>,
    /// When it was by the server's clock, where that is known to be before now.
    known_at: Option<DateTime<Utc>>,
    /// From how long before the server's clock the device's is believed.
    pub believed_before: TimeDelta,
    /// What the device told the person, where it answered alone.
    pub told: Option<Outcome>,
}

impl Attempt {
    /// An attempt to come in now, by whoever may let people in.
    #[must_use]
    pub fn new(permit: &Permit<CheckIn>, client_id: Uuid, shown: Shown) -> Self {
        Self::by(Some(permit.actor()), permit.on(), client_id, shown)
    }

    /// An attempt to come in by oneself, at the moment at which one scanned the session's code.
    #[must_use]
    pub fn mine(mine: &Mine, session: &session::Model, client_id: Uuid, at: DateTime<Utc>) -> Self {
        let shown = Shown::Registration(mine.row.id);
        Self { known_at: Some(at), ..Self::by(None, session, client_id, shown) }
    }

    pub(super) fn by(
        by: Option<Actor>,
        session: &session::Model,
        client_id: Uuid,
        shown: Shown,
    ) -> Self {
        Self {
            session: session.id,
            activity: session.activity_id,
            by,
            client_id,
            shown,
            direction: Direction::Entry,
            gate: None,
            device_at: None,
            clock_offset: None,
            known_at: None,
            believed_before: BELIEVED_BEFORE,
            told: None,
        }
    }

    /// When it was, and by whose clock.
    fn instant(&self, now: DateTime<Utc>) -> (DateTime<Utc>, Clock) {
        let at = self.device_at.map(|at| at + self.clock_offset.unwrap_or_default());
        match at {
            Some(at) if now - self.believed_before <= at && at <= now + BELIEVED_AFTER => {
                (at, Clock::Device)
            }
            _ => (self.known_at.unwrap_or(now), Clock::Server),
        }
    }

    /// The scan that it comes to.
    pub(super) fn scan(
        &self,
        registration: Option<RegistrationId>,
        outcome: Outcome,
        conflicts_with_id: Option<ScanId>,
        now: DateTime<Utc>,
    ) -> scan::Model {
        let (scanned_at, clock) = self.instant(now);
        scan::Model {
            id: ScanId::generate(),
            session_id: self.session,
            client_id: self.client_id,
            registration_id: registration,
            code: match &self.shown {
                Shown::Code(code) => Some(code.clone()),
                Shown::Registration(_) => None,
            },
            gate: self.gate.clone(),
            direction: self.direction,
            outcome,
            told: self.told,
            scanned_at,
            clock,
            device_at: self.device_at,
            clock_offset_ms: self.clock_offset.map(|it| it.num_milliseconds()),
            received_at: now,
            account_id: self.by.and_then(Actor::account),
            device_id: self.by.and_then(Actor::device),
            undoes_id: None,
            conflicts_with_id,
            reason: None,
        }
    }

    /// Whether a scan on record is this very attempt.
    fn is(&self, scan: &scan::Model) -> bool {
        let same = match &self.shown {
            Shown::Code(code) => scan
                .code
                .as_ref()
                .is_some_and(|it| authn::read_ticket_code(it) == authn::read_ticket_code(code)),
            Shown::Registration(id) => {
                scan.code.is_none()
                    && (scan.registration_id.is_none() || scan.registration_id == Some(*id))
            }
        };
        same && scan.direction == self.direction
    }
}

/// What the door is told.
#[derive(Clone)]
pub struct Answer {
    pub scan: scan::Model,
    /// Whether the scan was on record already.
    pub replayed: bool,
    /// None where the code is unknown or of another activity.
    pub registration: Option<registration::Model>,
    pub attendance: Option<attendance::Model>,
    /// Who it is and as what they come, where it was fetched ahead.
    pub beside: Option<Arc<Beside>>,
}

/// What came of each attempt, in their order.
pub type Answers = Vec<Result<Answer, Refused<CheckInErrorCode>>>;

/// Takes some scans, each by itself: finds the registrations, locks them, looks up what is on record, decides, keeps.
/// As many statements for one as for many. Whoever commits them tells [`Live`](crate::live::Live) afterwards.
pub async fn take(
    tx: &DatabaseTransaction,
    attempts: &[Attempt],
    now: DateTime<Utc>,
) -> Result<Answers, Failure> {
    let found = find_all(tx, attempts).await?;
    // Only what belongs here is locked, and only it is shown.
    let here = |at: usize| found[at].as_ref().filter(|it| it.activity_id == attempts[at].activity);
    let ids = (0..attempts.len()).filter_map(&here).map(|it| it.id).collect();
    let mut locked = crate::registration::lock_all(tx, ids).await?;
    // Looked up behind the lock: while this one waited for it, the session may have been closed, and the same scan taken.
    let held = book::held(tx, attempts.iter().map(|it| it.session)).await?;
    let mut on_record = on_record(tx, attempts).await?;
    let replayed: Vec<RegistrationId> = on_record
        .values()
        .filter_map(|it| it.registration_id)
        .filter(|it| !locked.contains_key(it))
        .collect();
    locked.extend(crate::registration::by_ids(tx, replayed).await?);
    let pairs: BTreeSet<Pair> = (0..attempts.len())
        .filter_map(|at| Some((attempts[at].session, here(at)?.id)))
        .chain(on_record.values().filter_map(|it| Some((it.session_id, it.registration_id?))))
        .collect();
    let mut known = Known::look(tx, &pairs).await?;

    let mut book = Book::open(tx, now);
    let mut scans = Vec::new();
    let mut answers = Vec::with_capacity(attempts.len());
    for (at, attempt) in attempts.iter().enumerate() {
        let held = held.get(&attempt.session).ok_or(Failure::NotFound)?;
        if let Some(scan) = on_record.get(&(attempt.session, attempt.client_id)) {
            answers.push(if attempt.is(scan) {
                let registration = scan.registration_id.and_then(|it| locked.get(&it)).cloned();
                let pair = scan.registration_id.map(|it| (scan.session_id, it));
                let attendance = pair.and_then(|it| known.attendances.get(&it)).cloned();
                let scan = scan.clone();
                Ok(Answer { scan, replayed: true, registration, attendance, beside: None })
            } else {
                Err(CheckInErrorCode::ScanIdReused.at(["scanId"]))
            });
            continue;
        }
        if attempt.direction == Direction::Exit && !held.session.tracks_exit {
            answers.push(Err(CheckInErrorCode::ExitsNotTaken.at(["direction"])));
            continue;
        }
        // A ticket that was revoked while this waited for the lock has another code now.
        let registration = here(at).and_then(|before| {
            let it = locked.get(&before.id)?;
            let is_code = matches!(attempt.shown, Shown::Code(_));
            (!is_code || it.ticket_code == before.ticket_code).then(|| it.clone())
        });
        let is_elsewhere = found[at].is_some() && here(at).is_none();
        let scan = decide(attempt, held, registration.as_ref(), is_elsewhere, &known, now);
        let attendance = registration.as_ref().and_then(|it| {
            let pair = (attempt.session, it.id);
            known.add(pair, scan.clone());
            let before = known.attendances.get(&pair).cloned();
            let after = if moves(scan.outcome) {
                book.settle(held, it, known.facts_of(&pair), before.as_ref())
            } else {
                before
            };
            known.attendances.extend(after.iter().map(|it| (pair, it.clone())));
            after
        });
        on_record.insert((attempt.session, attempt.client_id), scan.clone());
        scans.push(scan.clone());
        answers.push(Ok(Answer { scan, replayed: false, registration, attendance, beside: None }));
    }
    keep(tx, scans).await?;
    book.close().await?;
    Ok(answers)
}

/// Whether somebody went in or out by such a scan.
fn moves(outcome: Outcome) -> bool {
    MOVES.contains(&outcome)
}

pub(super) const MOVES: [Outcome; 3] = [Outcome::Admitted, Outcome::AlreadyIn, Outcome::Exited];

/// The scan that an attempt comes to.
fn decide(
    attempt: &Attempt,
    held: &Held,
    registration: Option<&registration::Model>,
    is_elsewhere: bool,
    known: &Known,
    now: DateTime<Utc>,
) -> scan::Model {
    let (scanned_at, _) = attempt.instant(now);
    let let_in = registration
        .and_then(|it| known.facts_of(&(attempt.session, it.id)).let_in(scanned_at))
        .filter(|_| attempt.direction == Direction::Entry);
    let outcome = match registration {
        None if is_elsewhere => Outcome::WrongActivity,
        None => Outcome::UnknownCode,
        Some(it) => verdict(held, it, attempt.direction, let_in.is_some(), scanned_at),
    };
    let device = attempt.by.and_then(Actor::device);
    // A gate that answered alone let in whom another had let in.
    let rival = let_in.filter(|it| {
        attempt.told == Some(Outcome::Admitted)
            && (it.gate != attempt.gate || it.device_id != device)
    });
    attempt.scan(registration.map(|it| it.id), outcome, rival.map(|it| it.id), now)
}

/// What the door says to whoever is registered for a session's activity.
pub(super) fn verdict(
    held: &Held,
    registration: &registration::Model,
    direction: Direction,
    is_inside: bool,
    at: DateTime<Utc>,
) -> Outcome {
    let session = &held.session;
    let closes_at = match direction {
        Direction::Exit => session.closes_at + EXITS_AFTER,
        _ => session.closes_at,
    };
    if !held.has(registration) {
        return if registration.status == Status::Cancelled {
            Outcome::Cancelled
        } else {
            Outcome::NotConfirmed
        };
    }
    if held.is_called_off {
        Outcome::Cancelled
    } else if at < session.opens_at {
        Outcome::TooEarly
    } else if closes_at <= at {
        Outcome::TooLate
    } else if direction == Direction::Exit {
        Outcome::Exited
    } else if is_inside {
        Outcome::AlreadyIn
    } else {
        Outcome::Admitted
    }
}

/// The registration that each attempt shows, wherever it is of.
async fn find_all(
    tx: &DatabaseTransaction,
    attempts: &[Attempt],
) -> Result<Vec<Option<registration::Model>>, Failure> {
    let mut codes = Vec::new();
    let mut ids = Vec::new();
    for it in attempts {
        match &it.shown {
            Shown::Code(code) => codes.push(code.as_str()),
            Shown::Registration(id) => ids.push(*id),
        }
    }
    let mut by_code = ticket::presented(tx, &codes).await?.into_iter();
    let by_id = crate::registration::by_ids(tx, ids).await?;
    let found = attempts.iter().map(|it| match &it.shown {
        Shown::Code(_) => by_code.next().flatten(),
        Shown::Registration(id) => by_id.get(id).cloned(),
    });
    Ok(found.collect())
}

/// The scans on record that some attempts may be.
async fn on_record(
    tx: &DatabaseTransaction,
    attempts: &[Attempt],
) -> Result<HashMap<(SessionId, Uuid), scan::Model>, Failure> {
    let sessions: BTreeSet<SessionId> = attempts.iter().map(|it| it.session).collect();
    let rows = scan::Entity::find()
        .filter(within((scan::Entity, Column::SessionId), sessions))
        .filter(within((scan::Entity, Column::ClientId), attempts.iter().map(|it| it.client_id)))
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(|it| ((it.session_id, it.client_id), it)).collect())
}

/// Keeps scans, all or none: without a registration there is no lock to wait for, and the index decides who was first.
pub(super) async fn keep(tx: &DatabaseTransaction, scans: Vec<scan::Model>) -> Result<(), Failure> {
    if scans.is_empty() {
        return Ok(());
    }
    let all = scans.len() as u64;
    let kept = scan::Entity::insert_many(
        scans.into_iter().map(|it| scan::ActiveModel::from(it).reset_all()),
    )
    .on_conflict(OnConflict::columns([Column::SessionId, Column::ClientId]).do_nothing().to_owned())
    .exec_without_returning(tx)
    .await?;
    if kept < all {
        return Err(Failure::Conflict(
            "同一扫码正在处理，请重试",
            "the same scan is being taken; send it again",
        ));
    }
    Ok(())
}

/// One scan by its id.
pub async fn find(db: &impl ConnectionTrait, id: ScanId) -> Result<scan::Model, Failure> {
    scan::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)
}
