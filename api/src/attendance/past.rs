//! Doors of the past: the scans of a session that was held before this database was, many at once, and the
//! attendances that they say. Not the door itself: nothing is locked, and nobody waits for an answer.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, AttendanceId, RegistrationId, ScanId},
    registration,
    scan::{self, Clock, Direction, Outcome},
    session,
};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait};
use uuid::Uuid;

use super::{
    book::{self, Book},
    derive::Facts,
    scan::verdict,
};
use crate::{db::CHUNK, error::Failure};

/// One attempt at a door of the past.
pub struct Attempt<'a> {
    /// The device's own id of it.
    pub client_id: Uuid,
    /// Whose code it was; none where nobody has it.
    pub registration: Option<&'a registration::Model>,
    /// As it was read; none where the door found the person by name.
    pub code: Option<String>,
    pub gate: Option<String>,
    pub at: DateTime<Utc>,
    /// When the server heard of it.
    pub received_at: DateTime<Utc>,
}

/// Keeps the attempts of a session in the order of their times, each with what the door would have said.
pub async fn keep(
    tx: &DatabaseTransaction,
    session: &session::Model,
    by: AccountId,
    mut attempts: Vec<Attempt<'_>>,
) -> Result<(), Failure> {
    attempts.sort_by_key(|it| (it.at, it.client_id));
    let held = book::held(tx, [session.id]).await?.remove(&session.id).ok_or(Failure::NotFound)?;
    let mut known: HashMap<RegistrationId, Facts> = HashMap::new();
    let mut came = Vec::new();
    let mut scans = Vec::with_capacity(attempts.len());
    for it in attempts {
        let outcome = it.registration.map_or(Outcome::UnknownCode, |registration| {
            let facts = known.entry(registration.id).or_default();
            let is_inside = facts.let_in(it.at).is_some();
            verdict(&held, registration, Direction::Entry, is_inside, it.at)
        });
        let scan = scan::Model {
            id: ScanId::generate(),
            session_id: session.id,
            client_id: it.client_id,
            registration_id: it.registration.map(|it| it.id),
            code: it.code,
            gate: it.gate,
            direction: Direction::Entry,
            outcome,
            told: None,
            scanned_at: it.at,
            clock: Clock::Device,
            device_at: Some(it.at),
            clock_offset_ms: None,
            received_at: it.received_at,
            account_id: Some(by),
            device_id: None,
            undoes_id: None,
            conflicts_with_id: None,
            reason: None,
        };
        if let Some(registration) = it.registration {
            if outcome == Outcome::Admitted {
                came.push(registration.id);
            }
            known.entry(registration.id).or_default().scans.push(scan.clone());
        }
        scans.push(scan);
    }
    for chunk in scans.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| scan::ActiveModel::from(row.clone()).reset_all());
        scan::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    // In the order in which they came, which is that of the ids.
    let mut book = Book::open(tx, session.ends_at);
    for registration in came {
        let derived = known.get(&registration).and_then(|it| it.derive(&held.session, None));
        if let Some(derived) = derived {
            let pair = (session.id, registration);
            book.note(None, book::row(AttendanceId::generate(), pair, derived, None));
        }
    }
    book.close().await
}
