//! The waiting list: first come, first served, the higher priority before the lower. A seat that was freed is offered
//! to the head of it in the same transaction, until a deadline.

use chrono::{DateTime, TimeDelta, Utc};
use entity::registration::{self, Column, Status};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::desk::Desk;
use crate::{
    capacity::Room,
    db::{CHUNK, within},
    error::Failure,
};

/// How many of those who wait are looked at with one statement.
const PAGE: u64 = 100;

impl Desk<'_> {
    /// Offers every seat that can be had to who waits for it, in order. What nobody can take stays free.
    pub(super) async fn offer_free_seats(&mut self) -> Result<(), Failure> {
        let is_over = self.activity.ends_at.is_some_and(|it| it <= self.now);
        if !self.is_open() || is_over {
            return Ok(());
        }
        let mut offered = Vec::new();
        let mut place = None;
        while let Some(open) = who_could_be_seated(&self.pools.room()) {
            let mut query = registration::Entity::find()
                .filter(Column::ActivityId.eq(self.activity.id))
                .filter(Column::Status.eq(Status::Waitlisted))
                .filter(open);
            if let Some((priority, queued_at, id)) = place {
                query = query.filter(behind(priority, queued_at, id));
            }
            let page = query
                .order_by(Column::Priority, Order::Desc)
                .order_by(Column::QueuedAt, Order::Asc)
                .order_by(Column::Id, Order::Asc)
                .limit(PAGE)
                .lock_exclusive()
                .all(self.tx)
                .await?;
            let Some(last) = page.last() else { break };
            place = Some((last.priority, last.queued_at, last.id));
            for mut it in page {
                if self.try_offer(&mut it) {
                    offered.push(it);
                }
            }
        }
        self.save_offers(&offered).await
    }

    /// Holds a seat for who waits, if there is one.
    pub(super) fn try_offer(&mut self, it: &mut registration::Model) -> bool {
        let seat = self.pools.seat_of(it);
        if !self.pools.take(seat) {
            return false;
        }
        it.allocation_id = seat.allocation;
        self.mark(it, Status::Offered, None);
        it.reply_by = Some(self.offer_deadline());
        self.note(it);
        true
    }

    /// An offer stands as long as the activity says, but not beyond its start, or its end once it has begun.
    pub(super) fn offer_deadline(&self) -> DateTime<Utc> {
        let usual = self.now + TimeDelta::minutes(self.activity.offer_minutes.into());
        let last = [self.activity.starts_at, self.activity.ends_at];
        let last = last.into_iter().flatten().find(|it| *it > self.now);
        last.map_or(usual, |last| std::cmp::min(usual, last))
    }

    /// All of them got the same at once.
    async fn save_offers(&self, offered: &[registration::Model]) -> Result<(), Failure> {
        for chunk in offered.chunks(CHUNK) {
            let mut parts: [Vec<_>; 2] = Default::default();
            for it in chunk {
                parts[usize::from(it.allocation_id.is_some())].push(it.id);
            }
            for (part, is_allocated) in parts.into_iter().zip([false, true]) {
                if part.is_empty() {
                    continue;
                }
                let mut update = registration::Entity::update_many()
                    .col_expr(Column::Status, Expr::value(Status::Offered))
                    .col_expr(Column::StatusAt, Expr::value(self.now))
                    .col_expr(Column::StatusReason, Expr::value(None::<String>))
                    .col_expr(Column::ReplyBy, Expr::value(self.offer_deadline()))
                    .col_expr(Column::RemindedAt, Expr::value(None::<DateTime<Utc>>))
                    .filter(within((registration::Entity, Column::Id), part));
                if !is_allocated {
                    update = update.col_expr(Column::AllocationId, Expr::value(None::<uuid::Uuid>));
                }
                update.exec(self.tx).await?;
            }
        }
        Ok(())
    }
}

/// Who, of those who wait, might be seated; none where there is no seat for anybody.
fn who_could_be_seated(room: &Room) -> Option<Condition> {
    let mut any = Condition::any();
    if room.whole {
        let is_general = Condition::any()
            .add(Column::AllocationId.is_null())
            .add(Column::AllocationId.is_in(room.released.iter().copied()));
        let has_room = Condition::any()
            .add(Column::CategoryId.is_null())
            .add(Column::CategoryId.is_in(room.categories.iter().copied()));
        any = any.add(Condition::all().add(is_general).add(has_room));
    }
    if !room.allocations.is_empty() {
        any = any.add(Column::AllocationId.is_in(room.allocations.iter().copied()));
    }
    (!any.is_empty()).then_some(any)
}

/// Whoever stands behind a place in the list.
fn behind(
    priority: i32,
    queued_at: Option<DateTime<Utc>>,
    id: entity::id::RegistrationId,
) -> Condition {
    let later = Condition::any()
        .add(Column::QueuedAt.gt(queued_at))
        .add(Condition::all().add(Column::QueuedAt.eq(queued_at)).add(Column::Id.gt(id)));
    Condition::any()
        .add(Column::Priority.lt(priority))
        .add(Condition::all().add(Column::Priority.eq(priority)).add(later))
}
