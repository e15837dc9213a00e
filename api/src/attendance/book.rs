//! Attendances written down. A book is opened in a transaction, derives attendances anew from what is known, and is
//! closed before the transaction ends; nothing else writes an attendance.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    activity, attendance, correction, excuse,
    id::{ActivityId, AttendanceId, RegistrationId, SessionId},
    registration::{self, Status},
    scan, session,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::OnConflict,
};

use super::{
    derive::{Derived, Facts},
    tally,
};
use crate::{
    db::{CHUNK, within},
    error::Failure,
};

/// A registration at a session.
pub type Pair = (SessionId, RegistrationId);

/// A session with what of its activity bears on attendance.
#[derive(Clone, Debug)]
pub struct Held {
    pub session: session::Model,
    pub is_called_off: bool,
    /// The day on which it begins, in the activity's own zone.
    pub day: NaiveDate,
}

impl Held {
    /// Whether a registration belongs to the session: it holds a seat, and the day lies within its enrolment. Whoever
    /// withdrew belongs to the sessions before.
    #[must_use]
    pub fn has(&self, it: &registration::Model) -> bool {
        let was_there = it.status == Status::Cancelled && it.withdrawn_on.is_some();
        (it.status == Status::Confirmed || was_there)
            && it.enrolled_on.is_none_or(|from| from <= self.day)
            && it.withdrawn_on.is_none_or(|until| self.day < until)
    }
}

#[must_use = "a book that is not closed keeps nothing"]
pub struct Book<'a> {
    tx: &'a DatabaseTransaction,
    now: DateTime<Utc>,
    changes: tally::Changes,
    rows: Vec<attendance::Model>,
    gone: Vec<AttendanceId>,
}

impl<'a> Book<'a> {
    pub fn open(tx: &'a DatabaseTransaction, now: DateTime<Utc>) -> Self {
        Self { tx, now, changes: tally::Changes::default(), rows: Vec::new(), gone: Vec::new() }
    }

    /// Derives one attendance anew. The registration is locked.
    pub fn settle(
        &mut self,
        held: &Held,
        registration: &registration::Model,
        facts: &Facts,
        before: Option<&attendance::Model>,
    ) -> Option<attendance::Model> {
        let is_closed = held.session.closed_at.is_some();
        // Whoever was not on the list when it was frozen never gets on it.
        let expected = is_closed.then(|| before.and_then(|it| it.expected).unwrap_or(false));
        let derived = facts
            .derive(&held.session, expected)
            // Nobody is excused from what does not concern them any more.
            .filter(|it| is_closed || it.first_in_at.is_some() || held.has(registration));
        let Some(derived) = derived else {
            if let Some(before) = before {
                self.changes.note(Some(before), None);
                self.gone.push(before.id);
            }
            return None;
        };
        if let Some(before) = before
            && Derived::from(before) == derived
        {
            return Some(before.clone());
        }
        let id = before.map_or_else(AttendanceId::generate, |it| it.id);
        let amended_at = is_closed.then_some(self.now);
        let after = row(id, (held.session.id, registration.id), derived, amended_at);
        self.note(before, after.clone());
        Some(after)
    }

    /// Keeps an attendance as it is given.
    pub(super) fn note(&mut self, before: Option<&attendance::Model>, after: attendance::Model) {
        self.changes.note(before, Some(&after));
        self.rows.push(after);
    }

    /// Derives anew what is known of some registrations at some sessions. Locks the registrations.
    pub async fn settle_all(&mut self, pairs: &BTreeSet<Pair>) -> Result<(), Failure> {
        let ids: Vec<RegistrationId> = pairs.iter().map(|it| it.1).collect();
        let registrations = crate::registration::lock_all(self.tx, ids).await?;
        let held = held(self.tx, pairs.iter().map(|it| it.0)).await?;
        let known = Known::look(self.tx, pairs).await?;
        for pair in pairs {
            let (Some(held), Some(registration)) = (held.get(&pair.0), registrations.get(&pair.1))
            else {
                continue;
            };
            self.settle(held, registration, known.facts_of(pair), known.attendances.get(pair));
        }
        Ok(())
    }

    /// Derives anew whatever is known of a session.
    pub async fn settle_session(&mut self, session: SessionId) -> Result<(), Failure> {
        let pairs = known_at(self.tx, session).await?;
        let pairs: Vec<Pair> = pairs.into_iter().map(|it| (session, it)).collect();
        for chunk in pairs.chunks(CHUNK) {
            self.settle_all(&chunk.iter().copied().collect()).await?;
        }
        Ok(())
    }

    /// Writes what changed, and the figures with it.
    pub async fn close(self) -> Result<(), Failure> {
        // A batch of scans may have changed one attendance more than once: the last counts.
        let rows: BTreeMap<AttendanceId, attendance::Model> =
            self.rows.into_iter().map(|it| (it.id, it)).collect();
        let rows: Vec<attendance::Model> = rows.into_values().collect();
        for chunk in rows.chunks(CHUNK) {
            let mut upsert = OnConflict::column(attendance::Column::Id);
            upsert.update_columns(DERIVED);
            attendance::Entity::insert_many(
                chunk.iter().map(|it| attendance::ActiveModel::from(it.clone()).reset_all()),
            )
            .on_conflict(upsert)
            .exec_without_returning(self.tx)
            .await?;
        }
        for chunk in self.gone.chunks(CHUNK) {
            attendance::Entity::delete_many()
                .filter(attendance::Column::Id.is_in(chunk.iter().copied()))
                .exec(self.tx)
                .await?;
        }
        self.changes.keep(self.tx).await
    }
}

const DERIVED: [attendance::Column; 13] = [
    attendance::Column::Status,
    attendance::Column::ByScans,
    attendance::Column::FirstInAt,
    attendance::Column::FirstGate,
    attendance::Column::FirstScanId,
    attendance::Column::LastInAt,
    attendance::Column::LastOutAt,
    attendance::Column::IsInside,
    attendance::Column::Minutes,
    attendance::Column::IsCorrected,
    attendance::Column::HasConflict,
    attendance::Column::Expected,
    attendance::Column::AmendedAt,
];

/// The row of an attendance.
#[must_use]
pub fn row(
    id: AttendanceId,
    (session_id, registration_id): Pair,
    it: Derived,
    amended_at: Option<DateTime<Utc>>,
) -> attendance::Model {
    attendance::Model {
        id,
        session_id,
        registration_id,
        status: it.status,
        by_scans: it.by_scans,
        first_in_at: it.first_in_at,
        first_gate: it.first_gate,
        first_scan_id: it.first_scan_id,
        last_in_at: it.last_in_at,
        last_out_at: it.last_out_at,
        is_inside: it.is_inside,
        minutes: it.minutes,
        is_corrected: it.is_corrected,
        has_conflict: it.has_conflict,
        expected: it.expected,
        amended_at,
    }
}

/// Some sessions with what bears on attendance at them.
pub async fn held(
    db: &impl ConnectionTrait,
    sessions: impl IntoIterator<Item = SessionId>,
) -> Result<HashMap<SessionId, Held>, Failure> {
    let sessions = session::Entity::find()
        .filter(within((session::Entity, session::Column::Id), sessions))
        .all(db)
        .await?;
    let activities: BTreeSet<ActivityId> = sessions.iter().map(|it| it.activity_id).collect();
    let activities: HashMap<ActivityId, activity::Model> = activity::Entity::find()
        .filter(within((activity::Entity, activity::Column::Id), activities))
        .all(db)
        .await?
        .into_iter()
        .map(|it| (it.id, it))
        .collect();
    let mut held = HashMap::with_capacity(sessions.len());
    for session in sessions {
        if let Some(of) = activities.get(&session.activity_id) {
            held.insert(session.id, beside(session, of)?);
        }
    }
    Ok(held)
}

/// A session with what of its activity bears on attendance.
pub fn beside(session: session::Model, of: &activity::Model) -> Result<Held, Failure> {
    let zone: chrono_tz::Tz = of.time_zone.parse().map_err(Failure::internal)?;
    let day = session.starts_at.with_timezone(&zone).date_naive();
    let is_called_off = of.status == activity::Status::Cancelled;
    Ok(Held { session, is_called_off, day })
}

/// What is on record of some registrations at some sessions.
#[derive(Default)]
pub struct Known {
    facts: HashMap<Pair, Facts>,
    pub attendances: HashMap<Pair, attendance::Model>,
    nothing: Facts,
}

impl Known {
    /// Looks it up: four statements, however many there are (up to what one statement takes).
    pub async fn look(db: &impl ConnectionTrait, pairs: &BTreeSet<Pair>) -> Result<Self, Failure> {
        let mut known = Self::default();
        if pairs.is_empty() {
            return Ok(known);
        }
        let sessions: BTreeSet<SessionId> = pairs.iter().map(|it| it.0).collect();
        let registrations: BTreeSet<RegistrationId> = pairs.iter().map(|it| it.1).collect();
        macro_rules! look {
            ($table:ident, $found:ident => $keep:expr) => {
                let rows = $table::Entity::find()
                    .filter(within(
                        ($table::Entity, $table::Column::RegistrationId),
                        registrations.iter().copied(),
                    ))
                    .filter(within(
                        ($table::Entity, $table::Column::SessionId),
                        sessions.iter().copied(),
                    ))
                    .all(db)
                    .await?;
                for $found in rows {
                    $keep
                }
            };
        }
        look!(scan, it => {
            if let Some(registration) = it.registration_id {
                known.facts.entry((it.session_id, registration)).or_default().scans.push(it);
            }
        });
        look!(excuse, it => {
            known.facts.entry((it.session_id, it.registration_id)).or_default().is_excused = true;
        });
        look!(correction, it => {
            let last = &mut known.facts.entry((it.session_id, it.registration_id)).or_default().correction;
            if last.as_ref().is_none_or(|last| last.id < it.id) {
                *last = Some(it);
            }
        });
        look!(attendance, it => {
            known.attendances.insert((it.session_id, it.registration_id), it);
        });
        Ok(known)
    }

    #[must_use]
    pub fn facts_of(&self, pair: &Pair) -> &Facts {
        self.facts.get(pair).unwrap_or(&self.nothing)
    }

    /// Adds a scan that was just taken.
    pub(super) fn add(&mut self, pair: Pair, scan: scan::Model) {
        self.facts.entry(pair).or_default().scans.push(scan);
    }
}

/// The registrations of whom anything is known at a session.
pub async fn known_at(
    db: &impl ConnectionTrait,
    session: SessionId,
) -> Result<BTreeSet<RegistrationId>, Failure> {
    let mut found = BTreeSet::new();
    macro_rules! look {
        ($table:ident) => {
            let ids: Vec<Option<RegistrationId>> = $table::Entity::find()
                .select_only()
                .column($table::Column::RegistrationId)
                .filter($table::Column::SessionId.eq(session))
                .order_by_asc($table::Column::RegistrationId)
                .distinct()
                .into_tuple()
                .all(db)
                .await?;
            found.extend(ids.into_iter().flatten());
        };
    }
    look!(attendance);
    look!(scan);
    look!(excuse);
    look!(correction);
    Ok(found)
}
