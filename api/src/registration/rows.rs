//! Registrations by their ids, locked or not.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{
    attendance,
    id::{ActivityId, PersonId, RegistrationId},
    registration::{self, Column, Status},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::{
    db::{CHUNK, among, many, within},
    error::Failure,
};

/// A registration as it is now, locked. Its activity's pools are locked before, where they are needed.
pub async fn locked(
    tx: &DatabaseTransaction,
    id: RegistrationId,
) -> Result<registration::Model, Failure> {
    registration::Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or(Failure::NotFound)
}

/// Some registrations as they are now, locked in the order of their ids, so that no two transactions wait for each
/// other.
pub async fn lock_all(
    tx: &DatabaseTransaction,
    ids: Vec<RegistrationId>,
) -> Result<HashMap<RegistrationId, registration::Model>, Failure> {
    let mut found = HashMap::with_capacity(ids.len());
    let ids: BTreeSet<RegistrationId> = ids.into_iter().collect();
    let ids: Vec<RegistrationId> = ids.into_iter().collect();
    for chunk in ids.chunks(CHUNK) {
        let rows = registration::Entity::find()
            .filter(within((registration::Entity, Column::Id), chunk.iter().copied()))
            .order_by_asc(Column::Id)
            .lock_exclusive()
            .all(tx)
            .await?;
        found.extend(rows.into_iter().map(|it| (it.id, it)));
    }
    Ok(found)
}

/// Some registrations by their ids.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    ids: Vec<RegistrationId>,
) -> Result<HashMap<RegistrationId, registration::Model>, Failure> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = registration::Entity::find()
        .filter(within((registration::Entity, Column::Id), ids))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|it| (it.id, it)).collect())
}

/// One registration by its id.
pub async fn by_id(
    db: &impl ConnectionTrait,
    id: RegistrationId,
) -> Result<registration::Model, Failure> {
    registration::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)
}

/// Those of some registrations whose person came to a session.
pub async fn checked_in(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = RegistrationId>,
) -> Result<HashSet<RegistrationId>, Failure> {
    let ids: Vec<RegistrationId> = ids.into_iter().collect();
    let mut inside = HashSet::new();
    // A list may have more rows than a statement takes parameters.
    for chunk in ids.chunks(many::ROWS) {
        let rows = attendance::Entity::find()
            .select_only()
            .column(attendance::Column::RegistrationId)
            .filter(among(
                db,
                (attendance::Entity, attendance::Column::RegistrationId),
                chunk.iter().copied(),
            ))
            .filter(attendance::Column::FirstInAt.is_not_null())
            .into_tuple::<RegistrationId>()
            .all(db)
            .await?;
        inside.extend(rows);
    }
    Ok(inside)
}

/// The live registration of a person on an activity, if there is one.
pub async fn live_of(
    db: &impl ConnectionTrait,
    activity: ActivityId,
    person: PersonId,
) -> Result<Option<registration::Model>, Failure> {
    Ok(registration::Entity::find()
        .filter(Column::ActivityId.eq(activity))
        .filter(Column::PersonId.eq(person))
        .filter(Column::Status.is_in(Status::LIVE))
        .one(db)
        .await?)
}
