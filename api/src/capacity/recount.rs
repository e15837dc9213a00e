//! The pools counted anew from the registrations and allocations, to be compared with what they say.

use std::collections::HashMap;

use entity::{
    capacity_pool,
    id::{ActivityId, AllocationId, CategoryId},
    registration::{self, Column, Status},
};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};

use super::{excess, lies_above, unused};
use crate::{
    authz::{Permit, policy::RecountSeats},
    db::Db,
    error::Failure,
};

/// A pool that does not say what the rows behind it do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub pool: capacity_pool::Model,
    pub taken: i32,
    pub held: i32,
}

#[derive(FromQueryResult)]
struct Seats {
    activity_id: ActivityId,
    category_id: Option<CategoryId>,
    allocation_id: Option<AllocationId>,
    held_by: i64,
}

/// Counts the pools of one activity anew. Empty where they tell the truth.
pub async fn recount(db: &Db, permit: &Permit<RecountSeats>) -> Result<Vec<Difference>, Failure> {
    recount_all(db, Some(permit.on().id)).await
}

/// Counts the pools of one activity, or of all, anew. For the command line, which asks nobody.
pub async fn recount_all(
    db: &Db,
    activity: Option<ActivityId>,
) -> Result<Vec<Difference>, Failure> {
    db.snapshot(async |tx| {
        let mut pools = capacity_pool::Entity::find();
        let mut seats = registration::Entity::find()
            .select_only()
            .columns([Column::ActivityId, Column::CategoryId, Column::AllocationId])
            .column_as(Column::Id.count(), "held_by")
            .filter(Column::Status.is_in([Status::Confirmed, Status::Offered]))
            .group_by(Column::ActivityId)
            .group_by(Column::CategoryId)
            .group_by(Column::AllocationId);
        if let Some(activity) = activity {
            pools = pools.filter(capacity_pool::Column::ActivityId.eq(activity));
            seats = seats.filter(Column::ActivityId.eq(activity));
        }
        let pools = pools.all(tx).await?;
        let seats = seats.into_model::<Seats>().all(tx).await?;
        Ok(compare(pools, seats))
    })
    .await
}

fn compare(pools: Vec<capacity_pool::Model>, seats: Vec<Seats>) -> Vec<Difference> {
    let mut taken: HashMap<ActivityId, Vec<Seats>> = HashMap::new();
    for it in seats {
        taken.entry(it.activity_id).or_default().push(it);
    }
    let mut held: HashMap<ActivityId, Vec<(Option<CategoryId>, i32)>> = HashMap::new();
    for it in pools.iter().filter(|it| it.organisation_id.is_some()) {
        held.entry(it.activity_id).or_default().push((it.category_id, unused(it)));
    }
    let none = Vec::new();
    let differs = |pool: capacity_pool::Model| {
        let counts = |it: &&Seats| match pool.organisation_id {
            Some(_) => it.allocation_id == Some(pool.id),
            None => lies_above(&pool, it.category_id),
        };
        let seats = taken.get(&pool.activity_id).into_iter().flatten().filter(counts);
        let taken = seats.map(|it| i32::try_from(it.held_by).unwrap_or(i32::MAX)).sum();
        let held = held.get(&pool.activity_id).unwrap_or(&none).iter();
        let held = held.filter(|(category, _)| lies_above(&pool, *category));
        let held = held.map(|(_, unused)| unused).sum();
        let is_right = pool.taken == taken && pool.held == held && excess(&pool) <= pool.overbooked;
        (!is_right).then_some(Difference { pool, taken, held })
    };
    pools.into_iter().filter_map(differs).collect()
}
