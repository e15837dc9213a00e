//! Seats that can run out. Every seat is taken and freed here, and nowhere else.
//!
//! A pool is the whole of an activity, one category of it, or an allocation: seats set aside for an organisation and
//! everything below it. A seat is taken from all its pools at once. What an allocation sets aside and nobody has taken
//! is held in the pools it lies in, so that `taken + held` of a pool never exceeds its size. Pools are locked, the whole
//! one first and then in the order of their ids, before any registration, so that rivals queue and never cross; the
//! update is conditional on what was read; and a CHECK stands behind it.

pub mod allocation;
pub mod graphql;
pub mod recount;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    capacity_pool::{self, Column},
    id::{ActivityId, AllocationId, CategoryId},
    registration,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};

use crate::{db::within, error::Failure};

/// Which pools a seat belongs to besides the whole activity's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seat {
    pub category: Option<CategoryId>,
    pub allocation: Option<AllocationId>,
}

impl From<&registration::Model> for Seat {
    fn from(it: &registration::Model) -> Self {
        Self { category: it.category_id, allocation: it.allocation_id }
    }
}

/// The pools of one activity, locked until the transaction ends.
pub struct Pools {
    before: Vec<capacity_pool::Model>,
    now: Vec<capacity_pool::Model>,
}

impl Pools {
    /// Locks the pools of an activity. Nobody else takes or frees a seat there until the transaction ends.
    pub async fn lock(tx: &DatabaseTransaction, activity: ActivityId) -> Result<Self, Failure> {
        // The whole one first, and then all of them by a statement of its own: one that waited for the lock would not see
        // an allocation that was made meanwhile.
        capacity_pool::Entity::find()
            .filter(Column::ActivityId.eq(activity))
            .filter(Column::CategoryId.is_null())
            .filter(Column::OrganisationId.is_null())
            .lock_exclusive()
            .one(tx)
            .await?;
        let rows = capacity_pool::Entity::find()
            .filter(Column::ActivityId.eq(activity))
            .order_by_asc(Column::Id)
            .lock_exclusive()
            .all(tx)
            .await?;
        Ok(Self { before: rows.clone(), now: rows })
    }

    /// The allocations, with what is taken by now.
    pub fn allocations(&self) -> impl Iterator<Item = &capacity_pool::Model> {
        self.now.iter().filter(|it| it.organisation_id.is_some())
    }

    /// Takes a seat from every pool it belongs to, or none where one of them is full.
    #[must_use]
    pub fn take(&mut self, seat: Seat) -> bool {
        let kept = self.now.clone();
        self.add(seat, 1);
        // A seat that was set aside fits even where the whole is overbooked.
        let fits = self.now.iter().zip(&kept).all(|(now, before)| excess(now) <= excess(before));
        if !fits {
            self.now = kept;
        }
        fits
    }

    /// Gives one seat back and takes another, or neither where a pool would be fuller than it may be.
    #[must_use]
    pub fn exchange(&mut self, before: Seat, after: Seat) -> bool {
        let kept = self.now.clone();
        self.add(before, -1);
        self.add(after, 1);
        let fits = self.now.iter().zip(&kept).all(|(now, before)| excess(now) <= excess(before));
        if !fits {
            self.now = kept;
        }
        fits
    }

    /// Takes back a seat that was just freed, whatever the sizes are.
    pub fn retake(&mut self, seat: Seat) {
        self.add(seat, 1);
    }

    /// The seat without an allocation that is for another category.
    #[must_use]
    pub fn fitting(&self, seat: Seat) -> Seat {
        let fits = |id: &AllocationId| {
            let mut all = self.allocations().filter(|it| it.id == *id);
            all.any(|it| it.category_id.is_none() || it.category_id == seat.category)
        };
        Seat { allocation: seat.allocation.filter(fits), ..seat }
    }

    /// Takes a seat though a pool is full. The caller holds a permit for that and keeps the reason.
    pub fn take_over(&mut self, seat: Seat) {
        self.add(seat, 1);
        for pool in &mut self.now {
            pool.overbooked = excess(pool);
        }
    }

    /// Gives a seat back to every pool it was taken from.
    pub fn free(&mut self, seat: Seat) {
        self.add(seat, -1);
    }

    /// The seat as it can be had now: an allocation that was released has none of its own.
    #[must_use]
    pub fn seat_of(&self, it: &registration::Model) -> Seat {
        let seat = Seat::from(it);
        let is_live = |id: &AllocationId| {
            self.allocations().any(|it| it.id == *id && it.released_at.is_none())
        };
        Seat { allocation: seat.allocation.filter(is_live), ..seat }
    }

    /// Where a seat can be had, if anywhere.
    #[must_use]
    pub fn room(&self) -> Room {
        let is_free =
            |it: &&capacity_pool::Model| it.size.is_none_or(|size| it.taken + it.held < size);
        let own = || self.now.iter().filter(|it| it.organisation_id.is_none());
        Room {
            whole: own().any(|it| it.category_id.is_none() && is_free(&it)),
            categories: own().filter(is_free).filter_map(|it| it.category_id).collect(),
            allocations: self.allocations().filter(|it| unused(it) > 0).map(|it| it.id).collect(),
            released: self
                .allocations()
                .filter(|it| it.released_at.is_some())
                .map(|it| it.id)
                .collect(),
        }
    }

    /// Writes what changed: one statement per pool, however many seats.
    pub(crate) async fn settle(self, tx: &DatabaseTransaction) -> Result<(), Failure> {
        for (before, mut now) in self.before.iter().zip(self.now) {
            // What was knowingly exceeded is no licence for later: it shrinks with what is freed.
            now.overbooked = std::cmp::min(now.overbooked, excess(&now));
            if now == *before {
                continue;
            }
            let done = capacity_pool::Entity::update_many()
                .col_expr(Column::Size, Expr::value(now.size))
                .col_expr(Column::Taken, Expr::value(now.taken))
                .col_expr(Column::Held, Expr::value(now.held))
                .col_expr(Column::Overbooked, Expr::value(now.overbooked))
                .col_expr(Column::ReplyBy, Expr::value(now.reply_by))
                .col_expr(Column::ReleasedAt, Expr::value(now.released_at))
                .filter(Column::Id.eq(now.id))
                .filter(Column::Taken.eq(before.taken))
                .filter(Column::Held.eq(before.held))
                .exec(tx)
                .await?;
            if done.rows_affected != 1 {
                return Err(Failure::internal("a locked pool changed"));
            }
        }
        Ok(())
    }

    /// Gives a pool of the activity itself another size. Refused, with false, where more seats are taken or held.
    #[must_use]
    pub fn resize(&mut self, category: Option<CategoryId>, size: Option<i32>) -> Option<bool> {
        let pool = self
            .now
            .iter_mut()
            .find(|it| it.category_id == category && it.organisation_id.is_none())?;
        if size.is_some_and(|size| size < pool.taken + pool.held) {
            return Some(false);
        }
        pool.size = size;
        pool.overbooked = 0;
        Some(true)
    }

    /// Sets another number of seats aside, until another time; opens an allocation again that was released.
    fn reallocate(
        &mut self,
        id: AllocationId,
        size: i32,
        reply_by: Option<DateTime<Utc>>,
    ) -> Result<(), TooFew> {
        let kept = self.now.clone();
        let Some(at) = self.now.iter().position(|it| it.id == id) else { return Ok(()) };
        if size < self.now[at].taken {
            return Err(TooFew::BelowTaken);
        }
        let before = unused(&self.now[at]);
        let pool = &mut self.now[at];
        (pool.size, pool.reply_by, pool.released_at) = (Some(size), reply_by, None);
        let more = unused(pool) - before;
        let category = pool.category_id;
        self.hold(category, more);
        let fits = more <= 0
            || self.now.iter().filter(|it| lies_above(it, category)).all(|it| excess(it) == 0);
        if !fits {
            self.now = kept;
            return Err(TooFew::NotLeft);
        }
        Ok(())
    }

    /// Releases the allocations whose reply-by time is over.
    pub fn release_overdue(&mut self, now: DateTime<Utc>) {
        let is_over = |it: &&capacity_pool::Model| {
            it.released_at.is_none() && it.reply_by.is_some_and(|it| it <= now)
        };
        let over: Vec<AllocationId> = self.allocations().filter(is_over).map(|it| it.id).collect();
        for id in over {
            self.release(id, now);
        }
    }

    /// When the first of the allocations that were changed falls back.
    #[must_use]
    pub fn next_release(&self) -> Option<DateTime<Utc>> {
        let changed = self.before.iter().zip(&self.now).filter(|(before, now)| before != now);
        let live = changed.filter(|(_, now)| now.released_at.is_none());
        live.filter_map(|(_, now)| now.reply_by).min()
    }

    /// Whether there is a seat now.
    #[must_use]
    pub fn has_room(&self, seat: Seat) -> bool {
        let mut tried = Self { before: Vec::new(), now: self.now.clone() };
        tried.take(seat)
    }

    /// Gives what an allocation sets aside and nobody took back to all.
    fn release(&mut self, id: AllocationId, now: DateTime<Utc>) {
        let Some(pool) = self.now.iter_mut().find(|it| it.id == id) else { return };
        let (unused, category) = (unused(pool), pool.category_id);
        pool.released_at = pool.released_at.or(Some(now));
        self.hold(category, -unused);
    }

    /// A pool that was opened under the lock.
    fn admit(&mut self, pool: capacity_pool::Model) {
        self.before.push(pool.clone());
        self.now.push(pool);
    }

    fn add(&mut self, seat: Seat, change: i32) {
        let mut held = None;
        for pool in &mut self.now {
            if seat.allocation == Some(pool.id) {
                let before = unused(pool);
                pool.taken += change;
                held = Some((pool.category_id, unused(pool) - before));
            } else if lies_above(pool, seat.category) {
                pool.taken += change;
            }
        }
        if let Some((category, change)) = held {
            self.hold(category, change);
        }
    }

    /// Changes how many seats are set aside in the pools that an allocation for `category` lies in.
    fn hold(&mut self, category: Option<CategoryId>, change: i32) {
        for pool in self.now.iter_mut().filter(|it| lies_above(it, category)) {
            pool.held += change;
        }
    }
}

/// Where seats are to be had.
pub struct Room {
    /// Whether anybody can still have one without an allocation.
    pub whole: bool,
    /// The categories that are not full.
    pub categories: Vec<CategoryId>,
    /// The allocations with seats that nobody took.
    pub allocations: Vec<AllocationId>,
    /// The allocations whose seats belong to all again.
    pub released: Vec<AllocationId>,
}

/// Why seats were not set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TooFew {
    /// More are taken already than would be set aside.
    BelowTaken,
    /// The activity, or the category, has not as many left.
    NotLeft,
}

/// Whether a pool of the activity itself counts the seats of a category: the whole, and the category's own.
fn lies_above(pool: &capacity_pool::Model, category: Option<CategoryId>) -> bool {
    pool.organisation_id.is_none() && (pool.category_id.is_none() || pool.category_id == category)
}

/// How many seats an allocation sets aside that nobody took.
fn unused(pool: &capacity_pool::Model) -> i32 {
    match (pool.released_at, pool.size) {
        (None, Some(size)) => std::cmp::max(0, size - pool.taken),
        _ => 0,
    }
}

fn excess(pool: &capacity_pool::Model) -> i32 {
    pool.size.map_or(0, |size| std::cmp::max(0, pool.taken + pool.held - size))
}

/// Opens a pool of the activity itself: of a category, or of the whole.
pub async fn open(
    tx: &impl ConnectionTrait,
    activity: ActivityId,
    category: Option<CategoryId>,
    size: Option<i32>,
) -> Result<(), Failure> {
    let row = capacity_pool::ActiveModel {
        id: Set(AllocationId::generate()),
        activity_id: Set(activity),
        category_id: Set(category),
        organisation_id: Set(None),
        size: Set(size),
        taken: Set(0),
        held: Set(0),
        overbooked: Set(0),
        reply_by: Set(None),
        released_at: Set(None),
    };
    capacity_pool::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The pools of some activities, allocations too.
pub async fn of(
    db: &impl ConnectionTrait,
    activities: impl IntoIterator<Item = ActivityId>,
) -> Result<HashMap<ActivityId, Vec<capacity_pool::Model>>, Failure> {
    let rows = capacity_pool::Entity::find()
        .filter(within((capacity_pool::Entity, Column::ActivityId), activities))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    let mut pools: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        pools.entry(row.activity_id).or_default().push(row);
    }
    Ok(pools)
}
