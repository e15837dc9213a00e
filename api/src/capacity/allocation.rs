//! Allocations (名额分配): seats of an activity set aside for an organisation and everything below it, until a
//! reply-by time after which what nobody took belongs to all.

use chrono::{DateTime, Utc};
use entity::{
    capacity_pool::{self, Column},
    category,
    id::{AllocationId, CategoryId},
    organisation,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
};

use super::{Pools, TooFew};
use crate::{
    authz::{
        Permit,
        policy::{ReleaseAllocation, SetAllocation, ViewAllocations},
    },
    error::{Error, Failure, Refusal},
    organisation::ids_of,
    page::{Page, Slice},
    refusals,
    registration::desk::Desk,
};

refusals! {
    /// Why seats were not set aside, or not given back.
    AllocationErrorCode, AllocationUserError {
        /// The activity has no category of this name.
        CategoryUnknown = "没有名为“{}”的类别", "there is no category “{}”";
        /// The number of seats is not from 0 to 1,000,000.
        SeatsOutOfRange = "名额须在0至1000000之间", "the seats are from 0 to 1,000,000";
        /// More seats are taken of it already.
        BelowTaken = "已占用名额多于此数", "more seats are taken of it than that";
        /// The activity or the category has not as many seats left to set aside.
        NotEnoughLeft = "剩余名额不足", "there are not as many seats left";
        /// The reply-by time is over already.
        ReplyByPast = "回复截止时间须在将来", "the reply-by time is over already";
        /// The organisation is neither the programme's owner nor below it.
        OrganisationOutside = "单位须为项目所属组织或其下级", "the organisation must be the programme's owner or below it";
        /// The activity is closed or cancelled, or a template.
        ActivityNotOpen = "活动已结束或取消，或为模板", "the activity is closed or cancelled, or a template";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
    }
}

/// Sets seats aside for an organisation, or sets another number aside or another time. What is said again of an
/// allocation that was released sets it aside again.
pub async fn set(
    tx: &DatabaseTransaction,
    permit: &Permit<SetAllocation>,
    organisation: &organisation::Model,
    category: Option<&category::Model>,
    seats: i32,
    reply_by: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<capacity_pool::Model, Error<AllocationErrorCode>> {
    let mut desk = Desk::open(tx, permit.on().id, now).await?;
    if !desk.is_open() {
        return Err(AllocationErrorCode::ActivityNotOpen.at(["activityId"]).into());
    }
    if reply_by.is_some_and(|it| it <= now) {
        return Err(AllocationErrorCode::ReplyByPast.at(["replyBy"]).into());
    }
    let category = category.map(|it| it.id);
    let there = desk
        .pools
        .allocations()
        .find(|it| it.organisation_id == Some(organisation.id) && it.category_id == category)
        .map(|it| it.id);
    let id = match there {
        Some(id) => id,
        None => open(tx, &mut desk, organisation, category).await?,
    };
    match desk.pools.reallocate(id, seats, reply_by) {
        Ok(()) => {}
        Err(TooFew::BelowTaken) => {
            return Err(AllocationErrorCode::BelowTaken.at(["seats"]).into());
        }
        Err(TooFew::NotLeft) => {
            return Err(AllocationErrorCode::NotEnoughLeft.at(["seats"]).into());
        }
    }
    desk.close().await?;
    Ok(find(tx, id).await?)
}

/// An allocation of no seats yet.
async fn open(
    tx: &DatabaseTransaction,
    desk: &mut Desk<'_>,
    organisation: &organisation::Model,
    category: Option<CategoryId>,
) -> Result<AllocationId, Failure> {
    let row = capacity_pool::Model {
        id: AllocationId::generate(),
        activity_id: desk.activity.id,
        category_id: category,
        organisation_id: Some(organisation.id),
        size: Some(0),
        taken: 0,
        held: 0,
        overbooked: 0,
        reply_by: None,
        released_at: None,
    };
    let new = capacity_pool::ActiveModel::from(row.clone()).reset_all();
    capacity_pool::Entity::insert(new).exec_without_returning(tx).await?;
    let id = row.id;
    desk.pools.admit(row);
    Ok(id)
}

/// Gives back what nobody took, before the reply-by time. Sent twice, the second changes nothing.
pub async fn release(
    tx: &DatabaseTransaction,
    permit: &Permit<ReleaseAllocation>,
    now: DateTime<Utc>,
) -> Result<capacity_pool::Model, Error<AllocationErrorCode>> {
    let mut desk = Desk::open(tx, permit.on().activity_id, now).await?;
    desk.pools.release(permit.on().id, now);
    desk.close().await?;
    Ok(find(tx, permit.on().id).await?)
}

/// The allocation out of which somebody recommended from `path` gets a seat: that of the nearest organisation at or
/// above it which has seats left, or else the nearest, on whose seats the person waits.
#[must_use]
pub fn nearest(pools: &Pools, path: &str, category: Option<CategoryId>) -> Option<AllocationId> {
    let line: Vec<_> = ids_of(path).collect();
    let depth = |it: &capacity_pool::Model| {
        line.iter().position(|above| Some(*above) == it.organisation_id)
    };
    let mut found: Vec<&capacity_pool::Model> =
        pools.allocations().filter(|it| is_open_for(it, category) && depth(it).is_some()).collect();
    // The nearest last; of the same organisation, the one for this very category.
    found.sort_by_key(|it| (depth(it), it.category_id.is_some()));
    let has_left = |it: &&&capacity_pool::Model| it.size.is_some_and(|size| it.taken < size);
    found.iter().rev().find(has_left).or(found.last()).map(|it| it.id)
}

/// Whether an allocation of this activity can give a seat to somebody of this category.
#[must_use]
pub fn is_for(pools: &Pools, id: AllocationId, category: Option<CategoryId>) -> bool {
    pools.allocations().any(|it| it.id == id && is_open_for(it, category))
}

fn is_open_for(it: &capacity_pool::Model, category: Option<CategoryId>) -> bool {
    it.released_at.is_none() && (it.category_id.is_none() || it.category_id == category)
}

/// One allocation.
pub async fn find(
    db: &impl ConnectionTrait,
    id: AllocationId,
) -> Result<capacity_pool::Model, Failure> {
    capacity_pool::Entity::find_by_id(id)
        .filter(Column::OrganisationId.is_not_null())
        .one(db)
        .await?
        .ok_or(Failure::NotFound)
}

/// The allocations of an activity, in the order in which they were made.
pub async fn list(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewAllocations>,
    slice: Slice<AllocationId>,
) -> Result<Page<capacity_pool::Model>, Failure> {
    let query = capacity_pool::Entity::find()
        .filter(Column::ActivityId.eq(permit.on().id))
        .filter(Column::OrganisationId.is_not_null());
    slice.of(query.cursor_by(Column::Id), db).await
}
