//! Registering the people of a list: all of it in one transaction, or none.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use entity::{
    category,
    id::{AllocationId, PersonId},
    person, registration,
    registration::{Details, Status, Way},
    roster_batch,
    roster_row::{self, Column, Outcome},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
};
use serde::{Deserialize, Serialize};

use super::{
    CommitRosterErrorCode,
    listed::{Changes, Listed},
    sealed,
    stage::standing,
};
use crate::{
    authz::{Permit, policy::CommitRoster},
    capacity::{Seat, allocation},
    db::many,
    error::{Error, Failure, Refusal},
    person::{Entry, fill, name::Namer, recognise_or_make},
    registration::{
        checked_in,
        desk::{Desk, New, Start},
    },
    vault::Vault,
};

/// What a committed row leaves for the undo.
#[derive(Default, Serialize, Deserialize)]
pub struct Trace {
    /// The person that the row made, if nobody of the kind was on record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<PersonId>,
    /// What it changed of a registration that was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
}

/// A row, what it says, who it is about.
struct Item {
    row: roster_row::Model,
    listed: Listed,
    entry: Entry,
    person: person::Model,
    trace: Trace,
}

/// Registers the people of a batch in the order of the list, and changes what it says otherwise of those registered.
///
/// `category` and `allocation` are where new registrations go; those that are there stay where they are.
#[expect(
    clippy::too_many_arguments,
    reason = "what is committed, by whom, to where, and by what it is read"
)]
pub async fn commit(
    tx: &DatabaseTransaction,
    permit: &Permit<CommitRoster>,
    namer: &Namer,
    vault: &Arc<Vault>,
    home: entity::id::OrganisationId,
    category: Option<category::Model>,
    allocation: Option<AllocationId>,
    now: DateTime<Utc>,
) -> Result<roster_batch::Model, Error<CommitRosterErrorCode>> {
    // The lock on the batch first: of two who commit it at once, the second finds it committed.
    let batch = super::locked(tx, permit.on().id).await?;
    if batch.status != roster_batch::Status::Staged {
        return Err(CommitRosterErrorCode::WrongStatus.at(["batchId"]).into());
    }
    let mut desk = Desk::open(tx, batch.activity_id, now).await?;
    if !desk.is_open() {
        return Err(CommitRosterErrorCode::ActivityNotOpen.at(["batchId"]).into());
    }
    let seat = Seat { category: category.map(|it| it.id), allocation };
    if allocation.is_some_and(|it| !allocation::is_for(&desk.pools, it, seat.category)) {
        return Err(CommitRosterErrorCode::AllocationUnknown.at(["allocationId"]).into());
    }

    let mut items = items(tx, &batch, namer, vault, home, now).await?;
    // Whoever was made just now is on nothing yet.
    let known = items.iter().filter(|it| it.trace.made.is_none());
    let people: Vec<&person::Model> = known.map(|it| &it.person).collect();
    let there = standing(tx, batch.activity_id, &people).await?;
    let inside = checked_in(tx, there.values().map(|it| it.id)).await?;

    let (mut new, mut changed) = (Vec::new(), Vec::new());
    let mut done = roster_batch::Model {
        status: roster_batch::Status::Committed,
        committed_at: Some(now),
        ..batch
    };
    let mut first: HashMap<PersonId, i32> = HashMap::new();
    for (at, it) in items.iter_mut().enumerate() {
        // Two rows may be about one person on record, though the list cannot tell: the first one counts.
        let first = *first.entry(it.person.id).or_insert(it.row.row);
        if first != it.row.row {
            it.row.outcome = Outcome::Merged;
            it.row.merged_into = Some(first);
            continue;
        }
        it.row.merged_into = None;
        let Some(registration) = there.get(&it.person.id) else {
            new.push(at);
            continue;
        };
        it.row.registration_id = Some(registration.id);
        let mut changes = it.listed.changes(registration);
        // Whoever has come cannot have stayed away.
        changes.turns &= !inside.contains(&registration.id);
        if changes.is_empty() && !it.entry.adds_to(&it.person) {
            it.row.outcome = Outcome::Unchanged;
            done.unchanged += 1;
            continue;
        }
        if !changes.is_empty() {
            changed.push(change(&mut desk, registration.clone(), &changes));
        }
        it.row.outcome = Outcome::Updates;
        it.trace.changes = Some(changes);
        done.updated += 1;
    }

    desk.save_all(&changed).await?;

    let drafts = new.iter().map(|&at| {
        let it = &mut items[at];
        New {
            person: it.person.id,
            seat,
            organisation_name: it.listed.organisation.take(),
            title: it.listed.title.take(),
            details: Details(std::mem::take(&mut it.listed.details)),
            start: if it.listed.attending { Start::Comes } else { Start::Declines },
            way: Way::Roster,
            recommender: None,
            listed: Some((done.id, it.row.row)),
        }
    });
    let made = desk.enrol(drafts.collect()).await?;
    for (&at, registration) in new.iter().zip(&made) {
        let it = &mut items[at];
        it.row.outcome = Outcome::New;
        it.row.registration_id = Some(registration.id);
        match registration.status {
            Status::Confirmed => done.registered += 1,
            Status::Waitlisted => done.waitlisted += 1,
            _ => done.declined += 1,
        }
    }
    let counts = items.iter().filter(|it| it.row.outcome != Outcome::Merged);
    fill(tx, counts.map(|it| (&it.person, &it.entry))).await?;
    desk.close().await?;
    put_in_order(tx, &done, &items, there).await?;
    keep(tx, items).await?;
    roster_batch::Entity::update(roster_batch::ActiveModel::from(done.clone()).reset_all())
        .exec(tx)
        .await?;
    Ok(done)
}

/// The rows that stand for a person each, with that person, made where there is none.
async fn items(
    tx: &DatabaseTransaction,
    batch: &roster_batch::Model,
    namer: &Namer,
    vault: &Arc<Vault>,
    home: entity::id::OrganisationId,
    now: DateTime<Utc>,
) -> Result<Vec<Item>, Failure> {
    let rows = roster_row::Entity::find()
        .filter(Column::BatchId.eq(batch.id))
        .filter(Column::Record.is_not_null())
        .order_by_asc(Column::Row)
        .all(tx)
        .await?;
    let mut read = Vec::with_capacity(rows.len());
    for mut row in rows {
        let listed: Listed = serde_json::from_value(row.record.take().unwrap_or_default())
            .map_err(Failure::internal)?;
        read.push((row, listed));
    }
    let entry = |(row, listed): &(roster_row::Model, Listed)| {
        listed.entry(vault, &sealed::place(row.batch_id, row.row))
    };
    let entries: Vec<Entry> = read.iter().map(entry).collect::<Result<_, _>>()?;
    let people = recognise_or_make(tx, namer, home, &entries, now).await?;
    let items = read.into_iter().zip(entries).zip(people).map(
        |(((row, listed), entry), (person, made))| Item {
            trace: Trace { made: made.then_some(person.id), changes: None },
            row,
            listed,
            entry,
            person,
        },
    );
    Ok(items.collect())
}

/// A registration that is there with the changes of a row, its seat too.
fn change(
    desk: &mut Desk<'_>,
    mut registration: registration::Model,
    changes: &Changes,
) -> registration::Model {
    changes.apply(&mut registration);
    if changes.turns {
        turn(desk, &mut registration);
    }
    registration
}

/// Turns a live registration into a declined one and frees its seat, or the other way round.
pub fn turn(desk: &mut Desk<'_>, registration: &mut registration::Model) {
    if registration.status.is_live() {
        desk.turn(registration, Status::Declined, None);
    } else {
        desk.seat(registration);
    }
}

/// Keeps what became of each row.
async fn keep(tx: &DatabaseTransaction, items: Vec<Item>) -> Result<(), Failure> {
    let mut rows = Vec::with_capacity(items.len());
    for it in items {
        let undo = Some(serde_json::to_value(&it.trace).map_err(Failure::internal)?);
        rows.push(roster_row::Model { undo, ..it.row });
    }
    let changed = [Column::Outcome, Column::MergedInto, Column::RegistrationId, Column::Undo];
    Ok(many::update::<roster_row::Entity>(tx, &rows, &changed).await?)
}

/// Those whom the list has stand in its order from now on, also those who were there before.
async fn put_in_order(
    tx: &DatabaseTransaction,
    batch: &roster_batch::Model,
    items: &[Item],
    mut there: HashMap<PersonId, registration::Model>,
) -> Result<(), Failure> {
    let mut rows = Vec::with_capacity(there.len());
    for it in items {
        // Of two rows about one person the first counts.
        if let Some(mut row) = there.remove(&it.person.id) {
            (row.list_key, row.list_row) = (batch.id.0, it.row.row);
            rows.push(row);
        }
    }
    let place = [registration::Column::ListKey, registration::Column::ListRow];
    Ok(many::update::<registration::Entity>(tx, &rows, &place).await?)
}
