//! Taking back what a list alone brought. Whoever has checked in since stays, and is named.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::{
    account,
    id::{PersonId, RegistrationId},
    position, registration,
    registration::Status,
    roster_batch, roster_row,
    roster_row::{Column, Outcome},
    scan,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{
    UndoRosterErrorCode,
    commit::{Trace, turn},
    listed::Listed,
};
use crate::{
    authz::{Permit, policy::UndoRoster},
    db::{CHUNK, within},
    error::{Error, Failure, Refusal, Refused},
    person::{claim, forget},
    registration::{checked_in, desk::Desk},
};

/// What was undone, and what stays because it was checked in since.
pub type Undone = (roster_batch::Model, Vec<Refused<UndoRosterErrorCode>>);

/// Removes the registrations that this batch alone brought, and the people it made who are on nothing else; puts back
/// what it changed where nobody changed it since. Refused as a whole only where nothing can be undone.
#[expect(clippy::too_many_lines, reason = "one walk over the rows, case by case")]
pub async fn undo(
    tx: &DatabaseTransaction,
    permit: &Permit<UndoRoster>,
    now: DateTime<Utc>,
) -> Result<Undone, Error<UndoRosterErrorCode>> {
    let mut batch = super::locked(tx, permit.on().id).await?;
    if !matches!(batch.status, roster_batch::Status::Committed | roster_batch::Status::PartlyUndone)
    {
        return Err(UndoRosterErrorCode::WrongStatus.at(["batchId"]).into());
    }
    let mut desk = Desk::open(tx, batch.activity_id, now).await?;
    let rows = roster_row::Entity::find()
        .filter(Column::BatchId.eq(batch.id))
        .filter(Column::RegistrationId.is_not_null())
        .order_by_asc(Column::Row)
        .all(tx)
        .await?;
    let listed_elsewhere = listed_elsewhere(tx, &batch).await?;
    let mut undone = 0;
    let (mut kept, mut gone, mut made) = (Vec::new(), Vec::new(), Vec::new());
    for chunk in rows.chunks(CHUNK) {
        let ids: Vec<RegistrationId> = chunk.iter().filter_map(|it| it.registration_id).collect();
        let found = registration::Entity::find()
            .filter(within((registration::Entity, registration::Column::Id), ids.iter().copied()))
            .lock_exclusive()
            .all(tx)
            .await?;
        let mut found: std::collections::HashMap<_, _> =
            found.into_iter().map(|it| (it.id, it)).collect();
        let inside = checked_in(tx, ids.iter().copied()).await?;
        // Scans are kept for ever, and so is what they point to; and so is who was replaced or asked for leave.
        let mut stays_on_record = scanned(tx, &ids).await?;
        stays_on_record.extend(replaced(tx, &ids).await?);
        stays_on_record.extend(crate::leave::list::asked_among(tx, &ids).await?);
        for row in chunk {
            let Some(it) = row.registration_id.and_then(|id| found.remove(&id)) else { continue };
            let trace: Trace = serde_json::from_value(row.undo.clone().unwrap_or_default())
                .map_err(Failure::internal)?;
            match row.outcome {
                Outcome::New
                    if it.batch_id != Some(batch.id) || listed_elsewhere.contains(&it.id) => {}
                Outcome::New if it.status == Status::Cancelled => {}
                Outcome::New if inside.contains(&it.id) => kept.push(stays(row)),
                Outcome::New => {
                    let mut it = it;
                    undone += 1;
                    desk.turn(&mut it, Status::Cancelled, Some("名单撤销".to_owned()));
                    if stays_on_record.contains(&it.id) {
                        desk.save(&it).await?;
                    } else {
                        gone.push(it.id);
                        made.extend(trace.made);
                    }
                }
                Outcome::Updates => {
                    let (Some(changes), Some(record)) = (trace.changes, &row.record) else {
                        continue;
                    };
                    let listed: Listed =
                        serde_json::from_value(record.clone()).map_err(Failure::internal)?;
                    let before = it.clone();
                    let mut it = it;
                    changes.revert(&mut it);
                    // Turned back only where it still is as the list turned it: it may have been cancelled since.
                    let is_as_turned = if listed.attending {
                        it.status.is_live()
                    } else {
                        it.status == Status::Declined
                    };
                    if changes.turns && is_as_turned {
                        if inside.contains(&it.id) {
                            kept.push(stays(row));
                        } else {
                            turn(&mut desk, &mut it);
                        }
                    }
                    if it != before {
                        desk.save(&it).await?;
                        undone += 1;
                    }
                }
                Outcome::Unchanged | Outcome::Merged | Outcome::Rejected => {}
            }
        }
    }
    if undone == 0 && !kept.is_empty() {
        return Err(Error::Refused(kept));
    }
    for chunk in gone.chunks(CHUNK) {
        registration::Entity::delete_many()
            .filter(within((registration::Entity, registration::Column::Id), chunk.iter().copied()))
            .exec(tx)
            .await?;
    }
    // Only now, so that no seat is offered to who is about to be removed.
    desk.forget(&gone);
    desk.close().await?;
    // Claimed first and looked at then: a rival may be registering them for something else.
    let mine = claim(tx, &made).await?;
    forget(tx, &on_nothing_else(tx, &mine).await?).await?;
    batch.status = if kept.is_empty() {
        roster_batch::Status::Undone
    } else {
        roster_batch::Status::PartlyUndone
    };
    roster_batch::Entity::update(roster_batch::ActiveModel::from(batch.clone()).reset_all())
        .exec(tx)
        .await?;
    Ok((batch, kept))
}

/// That the person of a row has checked in.
fn stays(row: &roster_row::Model) -> Refused<UndoRosterErrorCode> {
    let name = row.name.as_deref().unwrap_or_default();
    UndoRosterErrorCode::CheckedIn.at(["batchId"]).about(format!("{} {name}", row.row))
}

/// The registrations of this batch that another committed list has too.
async fn listed_elsewhere(
    tx: &impl ConnectionTrait,
    batch: &roster_batch::Model,
) -> Result<HashSet<RegistrationId>, Failure> {
    let others = Query::select()
        .column(roster_batch::Column::Id)
        .from(roster_batch::Entity)
        .and_where(roster_batch::Column::ActivityId.eq(batch.activity_id))
        .and_where(roster_batch::Column::Id.ne(batch.id))
        .and_where(
            Expr::col(roster_batch::Column::Status)
                .is_in([roster_batch::Status::Committed, roster_batch::Status::PartlyUndone]),
        )
        .to_owned();
    let found = roster_row::Entity::find()
        .select_only()
        .column(Column::RegistrationId)
        .filter(Column::BatchId.in_subquery(others))
        .filter(Column::RegistrationId.is_not_null())
        .into_tuple::<RegistrationId>()
        .all(tx)
        .await?;
    Ok(found.into_iter().collect())
}

async fn scanned(
    tx: &impl ConnectionTrait,
    ids: &[RegistrationId],
) -> Result<HashSet<RegistrationId>, Failure> {
    let found = scan::Entity::find()
        .select_only()
        .column(scan::Column::RegistrationId)
        .distinct()
        .filter(within((scan::Entity, scan::Column::RegistrationId), ids.iter().copied()))
        .into_tuple::<RegistrationId>()
        .all(tx)
        .await?;
    Ok(found.into_iter().collect())
}

/// Those in whose place somebody else came.
async fn replaced(
    tx: &impl ConnectionTrait,
    ids: &[RegistrationId],
) -> Result<Vec<RegistrationId>, Failure> {
    let found = registration::Entity::find()
        .select_only()
        .column(registration::Column::ReplacesId)
        .filter(within(
            (registration::Entity, registration::Column::ReplacesId),
            ids.iter().copied(),
        ))
        .into_tuple::<RegistrationId>()
        .all(tx)
        .await?;
    Ok(found)
}

/// Those of some people who have no registration, no position and no account, and teach nowhere.
async fn on_nothing_else(
    tx: &impl ConnectionTrait,
    people: &[PersonId],
) -> Result<Vec<PersonId>, Failure> {
    let mut free: HashSet<PersonId> = people.iter().copied().collect();
    for chunk in people.chunks(CHUNK) {
        let ids = || chunk.iter().copied();
        let registered = registration::Entity::find()
            .select_only()
            .column(registration::Column::PersonId)
            .filter(within((registration::Entity, registration::Column::PersonId), ids()))
            .into_tuple::<PersonId>()
            .all(tx)
            .await?;
        let teaching = crate::class::trainer::teachers_among(tx, chunk).await?;
        let placed = position::Entity::find()
            .select_only()
            .column(position::Column::PersonId)
            .filter(within((position::Entity, position::Column::PersonId), ids()))
            .into_tuple::<PersonId>()
            .all(tx)
            .await?;
        let signed = account::Entity::find()
            .select_only()
            .column(account::Column::PersonId)
            .filter(within((account::Entity, account::Column::PersonId), ids()))
            .into_tuple::<PersonId>()
            .all(tx)
            .await?;
        for id in registered.into_iter().chain(teaching).chain(placed).chain(signed) {
            free.remove(&id);
        }
    }
    Ok(free.into_iter().collect())
}
