//! Undoing a scan: another scan, with a reason, after which the first one does not count. Both stay on record.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::ScanId,
    scan::{self, Clock, Column, Direction, Outcome},
};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{
    book::{self, Book, Known},
    scan::{Answer, keep},
};
use crate::{
    authz::{
        Permit,
        policy::{CheckIn, ViewAttendance},
    },
    error::{Error, Failure, Refusal},
    refusals,
};

refusals! {
    /// Why a scan was not undone.
    UndoScanErrorCode, UndoScanUserError {
        /// The reason is missing.
        ReasonMissing = "请填写原因", "say why";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// The session has no such scan.
        ScanUnknown = "此场次没有这条扫码记录", "the session has no such scan";
        /// Nobody went in or out by that scan, so that there is nothing to undo.
        NothingToUndo = "这条扫码记录未改变到场情况，无须撤销", "nobody went in or out by that scan";
        /// The scan is undone already.
        UndoneAlready = "这条扫码记录已撤销", "the scan is undone already";
        /// The scan id is on record for something else.
        ScanIdReused = "此扫码编号已用于另一操作", "this scan id was used for something else";
        /// Whoever works at a door undoes the own scans only, within half an hour.
        NotYours = "只能在半小时内撤销本人的扫码", "you can undo your own scans only, within half an hour";
    }
}

/// For so long whoever works at a door may undo an own scan.
const OWN_FOR: TimeDelta = TimeDelta::minutes(30);

/// Undoes one scan at a session.
pub async fn undo(
    tx: &DatabaseTransaction,
    permit: &Permit<CheckIn>,
    undone: ScanId,
    client_id: Uuid,
    reason: String,
    now: DateTime<Utc>,
) -> Result<Answer, Error<UndoScanErrorCode>> {
    let session = permit.on();
    let found = scan::Entity::find_by_id(undone)
        .filter(Column::SessionId.eq(session.id))
        .one(tx)
        .await?
        .ok_or_else(|| UndoScanErrorCode::ScanUnknown.at(["undoneId"]))?;
    let moved = matches!(found.outcome, Outcome::Admitted | Outcome::AlreadyIn | Outcome::Exited);
    let id = found
        .registration_id
        .filter(|_| moved)
        .ok_or_else(|| UndoScanErrorCode::NothingToUndo.at(["undoneId"]))?;
    let registration = crate::registration::locked(tx, id).await?;
    let held = book::held(tx, [session.id]).await?.remove(&session.id).ok_or(Failure::NotFound)?;
    let pair = (session.id, id);
    let mut known = Known::look(tx, &[pair].into()).await?;
    let before = known.attendances.get(&pair).cloned();
    let earlier = scan::Entity::find()
        .filter(Column::SessionId.eq(session.id))
        .filter(Column::ClientId.eq(client_id))
        .one(tx)
        .await?;
    if let Some(scan) = earlier {
        if scan.undoes_id != Some(undone) {
            return Err(UndoScanErrorCode::ScanIdReused.at(["scanId"]).into());
        }
        let registration = Some(registration);
        let beside = None;
        return Ok(Answer { scan, replayed: true, registration, attendance: before, beside });
    }
    if known.facts_of(&pair).scans.iter().any(|it| it.undoes_id == Some(undone)) {
        return Err(UndoScanErrorCode::UndoneAlready.at(["undoneId"]).into());
    }
    let (account, device) = (permit.actor().account(), permit.actor().device());
    let is_own = (found.account_id, found.device_id) == (account, device)
        && now - found.received_at < OWN_FOR;
    if !permit.also::<ViewAttendance>() && !is_own {
        return Err(UndoScanErrorCode::NotYours.at(["undoneId"]).into());
    }
    let scan = scan::Model {
        id: ScanId::generate(),
        session_id: session.id,
        client_id,
        registration_id: Some(id),
        code: None,
        gate: None,
        direction: Direction::Undo,
        outcome: Outcome::Undone,
        told: None,
        scanned_at: now,
        clock: Clock::Server,
        device_at: None,
        clock_offset_ms: None,
        received_at: now,
        account_id: account,
        device_id: device,
        undoes_id: Some(undone),
        conflicts_with_id: None,
        reason: Some(reason),
    };
    keep(tx, vec![scan.clone()]).await?;
    known.add(pair, scan.clone());
    let mut book = Book::open(tx, now);
    let attendance = book.settle(&held, &registration, known.facts_of(&pair), before.as_ref());
    book.close().await?;
    let registration = Some(registration);
    Ok(Answer { scan, replayed: false, registration, attendance, beside: None })
}
