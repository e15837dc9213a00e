//! Seats that can run out. Every seat is taken and freed here, and nowhere else.
//!
//! A pool is the whole of an activity or one category of it; a seat is taken from all its pools at once. Pools are
//! locked in the order of their ids and before any registration, so that rivals queue and never cross; the update is
//! conditional; and a CHECK stands behind it.

use std::collections::HashMap;

use entity::{
    capacity_pool::{self, Column},
    id::{ActivityId, CategoryId, PoolId},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use crate::{db::within, error::Failure};

/// The pools of one activity, locked until the transaction ends.
pub struct Pools {
    rows: Vec<capacity_pool::Model>,
    change: HashMap<PoolId, i32>,
}

impl Pools {
    /// Locks the pools of an activity. Nobody else takes or frees a seat there until the transaction ends.
    pub async fn lock(tx: &DatabaseTransaction, activity: ActivityId) -> Result<Self, Failure> {
        let rows = capacity_pool::Entity::find()
            .filter(Column::ActivityId.eq(activity))
            .order_by_asc(Column::Id)
            .lock_exclusive()
            .all(tx)
            .await?;
        Ok(Self { rows, change: HashMap::new() })
    }

    /// Takes a seat from every pool it belongs to, or none where one of them is full.
    #[must_use]
    pub fn take(&mut self, category: Option<CategoryId>) -> bool {
        let full = self.of(category).any(|pool| {
            let taken = pool.taken + self.change.get(&pool.id).unwrap_or(&0);
            pool.size.is_some_and(|size| size <= taken)
        });
        if !full {
            self.add(category, 1);
        }
        !full
    }

    /// Gives a seat back to every pool it was taken from.
    pub fn free(&mut self, category: Option<CategoryId>) {
        self.add(category, -1);
    }

    /// Writes what was taken and freed: one statement per pool, however many seats.
    pub async fn settle(self, tx: &DatabaseTransaction) -> Result<(), Failure> {
        for pool in &self.rows {
            let change = self.change.get(&pool.id).copied().unwrap_or(0);
            if change == 0 {
                continue;
            }
            let room = Condition::any()
                .add(Column::Size.is_null())
                .add(Expr::col(Column::Taken).add(change).lte(Expr::col(Column::Size)));
            let done = capacity_pool::Entity::update_many()
                .col_expr(Column::Taken, Expr::col(Column::Taken).add(change))
                .filter(Column::Id.eq(pool.id))
                .filter(room)
                .exec(tx)
                .await?;
            if done.rows_affected != 1 {
                return Err(Failure::internal("a locked pool changed"));
            }
        }
        Ok(())
    }

    /// Gives a pool another size. Refused, with false, where more seats are taken already.
    pub async fn resize(
        self,
        tx: &DatabaseTransaction,
        category: Option<CategoryId>,
        size: Option<i32>,
    ) -> Result<bool, Failure> {
        let Some(pool) = self.rows.into_iter().find(|it| it.category_id == category) else {
            return Err(Failure::NotFound);
        };
        if size.is_some_and(|size| size < pool.taken) {
            return Ok(false);
        }
        let mut row: capacity_pool::ActiveModel = pool.into();
        row.size = Set(size);
        row.update(tx).await?;
        Ok(true)
    }

    fn of(&self, category: Option<CategoryId>) -> impl Iterator<Item = &capacity_pool::Model> {
        self.rows.iter().filter(move |it| it.category_id.is_none() || it.category_id == category)
    }

    fn add(&mut self, category: Option<CategoryId>, change: i32) {
        let ids: Vec<PoolId> = self.of(category).map(|it| it.id).collect();
        for id in ids {
            *self.change.entry(id).or_default() += change;
        }
    }
}

/// Opens a pool: of a category, or of the whole activity.
pub async fn open(
    tx: &impl ConnectionTrait,
    activity: ActivityId,
    category: Option<CategoryId>,
    size: Option<i32>,
) -> Result<(), Failure> {
    let row = capacity_pool::ActiveModel {
        id: Set(PoolId::generate()),
        activity_id: Set(activity),
        category_id: Set(category),
        size: Set(size),
        taken: Set(0),
    };
    capacity_pool::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The pools of some activities.
pub async fn of(
    db: &impl ConnectionTrait,
    activities: impl IntoIterator<Item = ActivityId>,
) -> Result<HashMap<ActivityId, Vec<capacity_pool::Model>>, Failure> {
    let rows = capacity_pool::Entity::find()
        .filter(within((capacity_pool::Entity, Column::ActivityId), activities))
        .all(db)
        .await?;
    let mut pools: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        pools.entry(row.activity_id).or_default().push(row);
    }
    Ok(pools)
}
