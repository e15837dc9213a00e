//! Doors of the past: the scans of a session that was held before this database was, many at once, and the
//! attendances that they say. Not the door itself: nothing is locked, and nobody waits for an answer.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::{
    attendance,
    id::{AccountId, AttendanceId, RegistrationId, ScanId},
    registration,
    scan::{self, Clock, Outcome},
    session,
};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait};
use uuid::Uuid;

use super::{judge, scan::decide};
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
    let mut inside: HashSet<RegistrationId> = HashSet::new();
    let mut scans = Vec::with_capacity(attempts.len());
    let mut attendances = Vec::new();
    for it in attempts {
        let outcome = it.registration.map_or(Outcome::UnknownCode, |registration| {
            let there = inside.contains(&registration.id);
            decide(session, registration.status, there, it.at)
        });
        let scan = scan::Model {
            id: ScanId::generate(),
            session_id: session.id,
            client_id: it.client_id,
            registration_id: it.registration.map(|it| it.id),
            code: it.code,
            gate: it.gate,
            outcome,
            scanned_at: it.at,
            clock: Clock::Device,
            device_at: Some(it.at),
            received_at: it.received_at,
            account_id: by,
        };
        if outcome == Outcome::Admitted
            && let Some(registration) = it.registration
        {
            inside.insert(registration.id);
            attendances.push(attendance::Model {
                id: AttendanceId::generate(),
                session_id: session.id,
                registration_id: registration.id,
                status: judge(session, scan.scanned_at),
                first_in_at: Some(scan.scanned_at),
                first_gate: scan.gate.clone(),
                first_scan_id: Some(scan.id),
            });
        }
        scans.push(scan);
    }
    for chunk in scans.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| scan::ActiveModel::from(row.clone()).reset_all());
        scan::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    for chunk in attendances.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| attendance::ActiveModel::from(row.clone()).reset_all());
        attendance::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}
