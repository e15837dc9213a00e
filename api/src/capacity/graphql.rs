//! Allocations and recounts as GraphQL shows them.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject, connection::Connection};
use chrono::{DateTime, Utc};
use entity::{
    capacity_pool,
    id::{ActivityId, AllocationId, OrganisationId},
};

use super::{
    allocation::{self, AllocationErrorCode as Code, AllocationUserError},
    recount,
};
use crate::{
    activity::{
        self,
        graphql::{Activity, Category},
    },
    authz::policy::{
        RecountSeats, ReleaseAllocation, SetAllocation, ViewAllocation, ViewAllocations,
    },
    error::{Failure, Refusal},
    graphql::{Gid, Viewer, settle},
    organisation::{self, graphql::Organisation},
    page::Slice,
    payloads,
    text::Check,
    write::Note,
};

pub struct Allocation(pub capacity_pool::Model);

/// Seats of an activity set aside for an organisation and everything below it (名额分配), until a reply-by time after
/// which what nobody took belongs to all.
#[Object]
impl Allocation {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<AllocationId> {
        Gid(self.0.id)
    }

    /// Of which activity.
    async fn activity(&self, ctx: &Context<'_>) -> Result<Activity> {
        Ok(Activity::from(Viewer::of(ctx).row(self.0.activity_id).await?))
    }

    /// For whom, with everything below it.
    async fn organisation(&self, ctx: &Context<'_>) -> Result<Organisation> {
        let id = self.0.organisation_id;
        let id = id.ok_or_else(|| Failure::internal("an allocation for nobody"))?;
        Ok(Organisation::from(Viewer::of(ctx).row(id).await?))
    }

    /// For which category; null for any.
    async fn category(&self, ctx: &Context<'_>) -> Result<Option<Category>> {
        let Some(id) = self.0.category_id else { return Ok(None) };
        Ok(Some(Category { row: Viewer::of(ctx).row(id).await?, pools: None }))
    }

    /// How many seats are set aside.
    async fn seats(&self) -> i32 {
        self.0.size.unwrap_or_default()
    }

    /// How many of them are held by somebody.
    async fn seats_taken(&self) -> i32 {
        self.0.taken
    }

    /// Until when they are set aside; null for as long as the activity is open.
    async fn reply_by(&self) -> Option<DateTime<Utc>> {
        self.0.reply_by
    }

    /// Since when what nobody took belongs to all again.
    async fn released_at(&self) -> Option<DateTime<Utc>> {
        self.0.released_at
    }
}

/// A pool of seats that does not say what the registrations behind it do.
#[derive(SimpleObject)]
pub struct CapacityDifference {
    /// The category whose pool it is; null where it is the activity's.
    category: Option<Category>,
    /// The allocation whose pool it is, if it is one.
    allocation: Option<Allocation>,
    /// How many seats it says are taken.
    seats_taken: i32,
    /// How many are held by a registration.
    seats_counted: i32,
    /// How many seats it says are set aside and nobody's yet.
    seats_held: i32,
    /// How many the allocations set aside.
    held_counted: i32,
}

/// What `setAllocation` takes.
#[derive(InputObject)]
pub struct SetAllocationInput {
    /// Of which activity.
    activity_id: Gid<ActivityId>,
    /// For whom, with everything below it: the programme's owner or an organisation below it.
    organisation_id: Gid<OrganisationId>,
    /// The name of a category of the activity; any if not given.
    category: Option<String>,
    /// How many seats, 0 to 1,000,000; no fewer than are taken of it.
    seats: i32,
    /// Until when they are set aside; as long as the activity is open if not given.
    reply_by: Option<DateTime<Utc>>,
}

/// What `releaseAllocation` takes.
#[derive(InputObject)]
pub struct ReleaseAllocationInput {
    /// Which one.
    allocation_id: Gid<AllocationId>,
    /// Why; at most 500 characters.
    reason: Option<String>,
}

payloads! {
    /// What `setAllocation` gives.
    SetAllocationPayload { allocation: Allocation, AllocationUserError }
    /// What `releaseAllocation` gives.
    ReleaseAllocationPayload { allocation: Allocation, AllocationUserError }
}

#[derive(Default)]
pub struct CapacityQuery;

#[Object]
impl CapacityQuery {
    /// The seats of an activity that are set aside for organisations, in the order in which they were.
    /// For ORG_ADMIN and ORGANISER of the activity.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn allocations(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Of which activity.")] activity_id: Gid<ActivityId>,
    ) -> Result<Connection<String, Allocation>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ViewAllocations>(activity_id.0).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let page = allocation::list(viewer.db.read(), &permit, slice).await?;
        Ok(page.connection(|it| it.id, Allocation))
    }

    /// The seats that are set aside for an organisation. For ORG_ADMIN and ORGANISER of the activity, and for LIAISON,
    /// ORG_ADMIN and ORGANISER at or below the organisation.
    async fn allocation(
        &self,
        ctx: &Context<'_>,
        id: Gid<AllocationId>,
    ) -> Result<Option<Allocation>> {
        let permit = Viewer::of(ctx).gate.permit::<ViewAllocation>(id.0).await?;
        Ok(Some(Allocation(permit.into_row())))
    }

    /// Counts an activity's seats anew: the pools that do not say what the registrations and allocations do. Empty where
    /// all is right. For ORG_ADMIN and ORGANISER; `qinglan recount` does so for all activities.
    async fn capacity_recount(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which activity.")] activity_id: Gid<ActivityId>,
    ) -> Result<Vec<CapacityDifference>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RecountSeats>(activity_id.0).await?;
        let mut differences = Vec::new();
        for it in recount::recount(&viewer.db, &permit).await? {
            let category = match it.pool.category_id {
                Some(id) => Some(Category { row: viewer.row(id).await?, pools: None }),
                None => None,
            };
            differences.push(CapacityDifference {
                category,
                seats_taken: it.pool.taken,
                seats_counted: it.taken,
                seats_held: it.pool.held,
                held_counted: it.held,
                allocation: it.pool.organisation_id.is_some().then_some(Allocation(it.pool)),
            });
        }
        Ok(differences)
    }
}

#[derive(Default)]
pub struct CapacityMutation;

#[Object]
impl CapacityMutation {
    /// Sets seats of an activity aside for an organisation and everything below it, or changes how many or until when.
    /// They come out of what is neither taken nor set aside; said again after their release, they are set aside again.
    /// For ORG_ADMIN and ORGANISER.
    async fn set_allocation(
        &self,
        ctx: &Context<'_>,
        input: SetAllocationInput,
    ) -> Result<SetAllocationPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<SetAllocation>(input.activity_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let db = viewer.db.read();
        let programme: entity::programme::Model = viewer.row(permit.on().programme_id).await?;
        let owner = organisation::find(db, programme.owner_id).await?;
        let organisation = organisation::find(db, input.organisation_id.0).await;
        let organisation = match organisation {
            Ok(it) if it.path.starts_with(&owner.path) => Some(it),
            // One that is elsewhere is not told from one that is not.
            Ok(_) | Err(Failure::NotFound) => {
                check.refuse(Code::OrganisationOutside.at(["organisationId"]));
                None
            }
            Err(failure) => return Err(failure.into()),
        };
        let category = match check.optional(input.category.as_deref(), 50, &["category"]) {
            None => None,
            Some(name) => {
                let found = activity::category_named(db, permit.on().id, &name).await?;
                if found.is_none() {
                    check.refuse(Code::CategoryUnknown.at(["category"]).about(&name));
                }
                found
            }
        };
        if !activity::seats_are_sane(Some(input.seats)) {
            check.refuse(Code::SeatsOutOfRange.at(["seats"]));
        }
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                let organisation = organisation.ok_or(Failure::NotFound)?;
                let (seats, reply_by) = (input.seats, input.reply_by);
                let category = category.as_ref();
                allocation::set(tx, &permit, &organisation, category, seats, reply_by, viewer.now)
                    .await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(SetAllocationPayload { allocation: row.map(Allocation), user_errors })
    }

    /// Gives back what nobody took of an allocation, before its time; whoever holds a seat of it keeps it. Sent twice,
    /// the second changes nothing. For ORG_ADMIN and ORGANISER.
    async fn release_allocation(
        &self,
        ctx: &Context<'_>,
        input: ReleaseAllocationInput,
    ) -> Result<ReleaseAllocationPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ReleaseAllocation>(input.allocation_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let note = Note::default().because(reason.as_deref());
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                allocation::release(tx, &permit, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(ReleaseAllocationPayload { allocation: row.map(Allocation), user_errors })
    }
}
