//! Somebody at the door who is on no list: registered over the desk and let in, in one transaction.

use chrono::{DateTime, Utc};
use entity::{
    person, registration,
    scan::{self as scan_row, Outcome},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::scan::{self, Answer, Attempt, Shown};
use crate::{
    authz::{Permit, policy::RegisterWalkIn},
    error::{Error, Failure, Refusal},
    person::name::Namer,
    registration::{
        RegisterAttendeeErrorCode as Code,
        desk::Desk,
        ways::{self, Form, Whom},
    },
};

/// The scan by which somebody comes.
pub struct AtDoor {
    /// The device's own id of it.
    pub client_id: Uuid,
    pub gate: Option<String>,
}

/// The first answer, where the scan is on record.
pub async fn first_answer(
    db: &impl ConnectionTrait,
    permit: &Permit<RegisterWalkIn>,
    at_door: &AtDoor,
    whom: &Whom,
) -> Result<Option<Answer>, Error<Code>> {
    let Some(scan) = on_record(db, permit, at_door).await? else { return Ok(None) };
    let reused = || Code::ScanIdReused.at(["scanId"]);
    let id = scan.registration_id.filter(|_| scan.code.is_none()).ok_or_else(reused)?;
    let registration = crate::registration::by_id(db, id).await?;
    let is_same = match whom {
        Whom::Person(person) => person.id == registration.person_id,
        Whom::Entry(entry) => {
            let person = person::Entity::find_by_id(registration.person_id).one(db).await?;
            person.is_some_and(|it| entry.is(&it, None))
        }
    };
    if !is_same {
        return Err(reused().into());
    }
    let attendance = super::of(db, scan.session_id, id).await?;
    let registration = Some(registration);
    Ok(Some(Answer { scan, replayed: true, registration, attendance, beside: None }))
}

/// Registers somebody who is on no list and lets them in, or lets in by the registration that is there.
pub async fn take(
    tx: &DatabaseTransaction,
    permit: &Permit<RegisterWalkIn>,
    namer: &Namer,
    form: Form,
    over: bool,
    at_door: &AtDoor,
    now: DateTime<Utc>,
) -> Result<(registration::Model, Answer), Error<Code>> {
    let mut desk = Desk::open(tx, permit.on().activity_id, now).await?;
    if on_record(tx, permit, at_door).await?.is_some() {
        return Err(Failure::Conflict(
            "同一扫码正在处理，请重试",
            "the same scan is being taken; send it again",
        )
        .into());
    }
    let (row, is_new) = ways::walk_in(&mut desk, namer, form, over).await?;
    let row = desk.close_with(row).await?;
    let shown = Shown::Registration(row.id);
    let mut attempt = Attempt::by(Some(permit.actor()), permit.on(), at_door.client_id, shown);
    attempt.gate.clone_from(&at_door.gate);
    let taken = scan::take(tx, &[attempt], now).await?.into_iter().next();
    let Some(Ok(answer)) = taken else {
        return Err(Code::ScanIdReused.at(["scanId"]).into());
    };
    if is_new && answer.scan.outcome != Outcome::Admitted {
        return Err(Code::DoorShut.at(["sessionId"]).into());
    }
    Ok((row, answer))
}

async fn on_record(
    db: &impl ConnectionTrait,
    permit: &Permit<RegisterWalkIn>,
    at_door: &AtDoor,
) -> Result<Option<scan_row::Model>, Failure> {
    Ok(scan_row::Entity::find()
        .filter(scan_row::Column::SessionId.eq(permit.on().id))
        .filter(scan_row::Column::ClientId.eq(at_door.client_id))
        .one(db)
        .await?)
}
