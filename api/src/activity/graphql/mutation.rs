//! What can be done to activities: inputs, payloads, mutations.

use async_graphql::{Context, InputObject, Object, Result};
use entity::id::{ActivityId, OrganisationId, ProgrammeId};

use super::{Activity, Category};
use crate::{
    activity::{
        self, ActivityStatusErrorCode, ActivityStatusUserError, CapacityErrorCode,
        CapacityUserError, CategoryDraft, Change, CreateActivityErrorCode, CreateActivityUserError,
        Draft,
    },
    authz::policy::{
        CancelActivity, CloseActivity, CreateActivity, CreateCategory, HoldActivity,
        PublishActivity, SetCapacity, UpdateActivity, ViewProgramme,
    },
    error::Refusal,
    graphql::{Gid, Viewer, settle},
    payloads,
    session::graphql::SessionInput,
    text::Check,
    write::Note,
};

/// A category to be.
#[derive(InputObject)]
pub struct CategoryInput {
    /// At most 50 characters; unique on the activity.
    name: String,
    /// How many seats there are for it, 0 to 1,000,000; as many as the activity has if not given.
    capacity: Option<i32>,
}

/// What `createActivity` takes.
#[derive(InputObject)]
pub struct CreateActivityInput {
    /// The type of the activity follows from the programme's kind.
    programme_id: Gid<ProgrammeId>,
    /// The organisation that holds it: the programme's owner if not given, or one below it.
    host_id: Option<Gid<OrganisationId>>,
    /// At most 200 characters.
    title: String,
    /// At most 200 characters.
    venue: Option<String>,
    /// A name of the IANA time zone database.
    #[graphql(default_with = "String::from(\"Asia/Shanghai\")")]
    time_zone: String,
    /// How many seats there are, 0 to 1,000,000; as many as come if not given.
    capacity: Option<i32>,
    /// At most 50, in their order.
    #[graphql(default)]
    categories: Vec<CategoryInput>,
    /// At most 200.
    #[graphql(default)]
    sessions: Vec<SessionInput>,
    /// Whether it is a template: there to be copied, a draft for good, and nobody is registered for it.
    #[graphql(default)]
    is_template: bool,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `updateActivity` takes.
#[derive(InputObject)]
pub struct UpdateActivityInput {
    /// Which one.
    activity_id: Gid<ActivityId>,
    /// At most 200 characters.
    title: Option<String>,
    /// At most 200 characters.
    venue: Option<String>,
}

/// What `publishActivity` takes.
#[derive(InputObject)]
pub struct PublishActivityInput {
    /// Which one.
    activity_id: Gid<ActivityId>,
}

/// What `closeActivity` takes.
#[derive(InputObject)]
pub struct CloseActivityInput {
    /// Which one.
    activity_id: Gid<ActivityId>,
}

/// What `cancelActivity` takes.
#[derive(InputObject)]
pub struct CancelActivityInput {
    /// Which one.
    activity_id: Gid<ActivityId>,
    /// Why; at most 500 characters.
    reason: String,
}

/// What `createCategory` takes.
#[derive(InputObject)]
pub struct CreateCategoryInput {
    /// Of which activity.
    activity_id: Gid<ActivityId>,
    /// At most 50 characters; unique on the activity.
    name: String,
    /// How many seats there are for it, 0 to 1,000,000; as many as the activity has if not given.
    capacity: Option<i32>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `setCapacity` takes.
#[derive(InputObject)]
pub struct SetCapacityInput {
    /// Which one.
    activity_id: Gid<ActivityId>,
    /// The name of a category; the whole activity if not given.
    category: Option<String>,
    /// 0 to 1,000,000, and no less than are taken; null for as many as come.
    capacity: Option<i32>,
}

payloads! {
    /// What `createActivity` gives.
    CreateActivityPayload { activity: Activity, CreateActivityUserError }
    /// What `updateActivity` gives.
    UpdateActivityPayload { activity: Activity, CreateActivityUserError }
    /// What `publishActivity` gives.
    PublishActivityPayload { activity: Activity, ActivityStatusUserError }
    /// What `closeActivity` gives.
    CloseActivityPayload { activity: Activity, ActivityStatusUserError }
    /// What `cancelActivity` gives.
    CancelActivityPayload { activity: Activity, ActivityStatusUserError }
    /// What `createCategory` gives.
    CreateCategoryPayload { category: Category, CapacityUserError }
    /// What `setCapacity` gives.
    SetCapacityPayload { activity: Activity, CapacityUserError }
}

#[derive(Default)]
pub struct ActivityMutation;

#[Object]
impl ActivityMutation {
    /// Makes an activity with its categories and sessions, as a draft. For ORG_ADMIN and ORGANISER of the programme,
    /// and for ORG_ADMIN of the host if that is an organisation below the programme's owner.
    async fn create_activity(
        &self,
        ctx: &Context<'_>,
        input: CreateActivityInput,
    ) -> Result<CreateActivityPayload> {
        use CreateActivityErrorCode as Code;
        let viewer = Viewer::of(ctx);
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let programme = viewer.gate.permit::<ViewProgramme>(input.programme_id.0).await?.into_row();
        let owner = viewer.row(programme.owner_id).await?;
        let host = match input.host_id.map(|it| it.0).filter(|it| *it != owner.id) {
            Some(id) => Some(viewer.gate.permit::<HoldActivity>(id).await?),
            None => None,
        };

        let mut check = Check::new(Code::TooLong);
        let title = check.required(&input.title, 200, &["title"], Code::Required);
        let venue = check.optional(input.venue.as_deref(), 200, &["venue"]);
        let mut categories = Vec::with_capacity(input.categories.len());
        for (at, it) in input.categories.into_iter().enumerate() {
            let name = check.required(
                &it.name,
                50,
                &["categories", &at.to_string(), "name"],
                Code::Required,
            );
            categories.push(CategoryDraft { name, capacity: it.capacity });
        }
        let mut sessions = Vec::with_capacity(input.sessions.len());
        for (at, it) in input.sessions.into_iter().enumerate() {
            let path = ["sessions", &at.to_string()];
            sessions.push(it.draft(&mut check, &path, Code::Required, Code::CreditHoursInvalid));
        }
        let owner_path = owner.path.clone();
        let draft = Draft {
            host: host.as_ref().map_or(owner, |it| it.on().clone()),
            programme,
            title,
            venue,
            time_zone: input.time_zone,
            capacity: input.capacity,
            categories,
            sessions,
            is_template: input.is_template,
        };
        for fault in draft.faults(&owner_path) {
            check.refuse(fault);
        }

        let done = match host {
            Some(permit) => {
                viewer
                    .write(&permit, note, async |tx| {
                        check.done()?;
                        Ok(activity::create(tx, draft, viewer.now).await?)
                    })
                    .await
            }
            None => {
                let permit = viewer.gate.permit::<CreateActivity>(input.programme_id.0).await?;
                viewer
                    .write(&permit, note, async |tx| {
                        check.done()?;
                        Ok(activity::create(tx, draft, viewer.now).await?)
                    })
                    .await
            }
        };
        let (activity, user_errors) = settle(done, viewer.lang)?;
        Ok(CreateActivityPayload { activity: activity.map(Into::into), user_errors })
    }

    /// Changes what is given of an activity. For ORG_ADMIN and ORGANISER.
    async fn update_activity(
        &self,
        ctx: &Context<'_>,
        input: UpdateActivityInput,
    ) -> Result<UpdateActivityPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<UpdateActivity>(input.activity_id.0).await?;
        let mut check = Check::new(CreateActivityErrorCode::TooLong);
        let title = input
            .title
            .map(|it| check.required(&it, 200, &["title"], CreateActivityErrorCode::Required));
        let venue = check.optional(input.venue.as_deref(), 200, &["venue"]);
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                Ok(activity::update(tx, &permit, Change { title, venue }).await?)
            })
            .await;
        let (activity, user_errors) = settle(done, viewer.lang)?;
        Ok(UpdateActivityPayload { activity: activity.map(Into::into), user_errors })
    }

    /// Opens a draft to its audience. Refused without a session, and to templates. For ORG_ADMIN and ORGANISER.
    async fn publish_activity(
        &self,
        ctx: &Context<'_>,
        input: PublishActivityInput,
    ) -> Result<PublishActivityPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<PublishActivity>(input.activity_id.0).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| activity::publish(tx, &permit).await)
            .await;
        let (activity, user_errors) = settle(done, viewer.lang)?;
        Ok(PublishActivityPayload { activity: activity.map(Into::into), user_errors })
    }

    /// Closes a published activity that is over: nothing new is registered. Refused to templates. For ORG_ADMIN and ORGANISER.
    async fn close_activity(
        &self,
        ctx: &Context<'_>,
        input: CloseActivityInput,
    ) -> Result<CloseActivityPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CloseActivity>(input.activity_id.0).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| activity::close(tx, &permit).await)
            .await;
        let (activity, user_errors) = settle(done, viewer.lang)?;
        Ok(CloseActivityPayload { activity: activity.map(Into::into), user_errors })
    }

    /// Calls a draft or published activity off, for a reason. Refused to templates. For ORG_ADMIN and ORGANISER.
    async fn cancel_activity(
        &self,
        ctx: &Context<'_>,
        input: CancelActivityInput,
    ) -> Result<CancelActivityPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CancelActivity>(input.activity_id.0).await?;
        let mut check = Check::new(ActivityStatusErrorCode::TooLong);
        let reason =
            check.required(&input.reason, 500, &["reason"], ActivityStatusErrorCode::ReasonMissing);
        let note = Note::default().because(Some(&reason));
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                activity::cancel(tx, &permit, reason).await
            })
            .await;
        let (activity, user_errors) = settle(done, viewer.lang)?;
        Ok(CancelActivityPayload { activity: activity.map(Into::into), user_errors })
    }

    /// Adds a category behind those that are there. For ORG_ADMIN and ORGANISER.
    async fn create_category(
        &self,
        ctx: &Context<'_>,
        input: CreateCategoryInput,
    ) -> Result<CreateCategoryPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CreateCategory>(input.activity_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(CapacityErrorCode::TooLong);
        let name = check.required(&input.name, 50, &["name"], CapacityErrorCode::Required);
        if !activity::seats_are_sane(input.capacity) {
            check.refuse(CapacityErrorCode::CapacityOutOfRange.at(["capacity"]));
        }
        let draft = CategoryDraft { name, capacity: input.capacity };
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                activity::create_category(tx, &permit, draft).await
            })
            .await;
        let (category, user_errors) = settle(done, viewer.lang)?;
        Ok(CreateCategoryPayload {
            category: category.map(|row| Category { row, pools: None }),
            user_errors,
        })
    }

    /// Gives an activity, or one of its categories, another number of seats. Refused below what is taken.
    /// For ORG_ADMIN and ORGANISER.
    async fn set_capacity(
        &self,
        ctx: &Context<'_>,
        input: SetCapacityInput,
    ) -> Result<SetCapacityPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<SetCapacity>(input.activity_id.0).await?;
        let mut check = Check::new(CapacityErrorCode::TooLong);
        let category = check.optional(input.category.as_deref(), 50, &["category"]);
        if !activity::seats_are_sane(input.capacity) {
            check.refuse(CapacityErrorCode::CapacityOutOfRange.at(["capacity"]));
        }
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                activity::set_capacity(tx, &permit, category.as_deref(), input.capacity, viewer.now)
                    .await
            })
            .await;
        let (activity, user_errors) = settle(done, viewer.lang)?;
        Ok(SetCapacityPayload { activity: activity.map(Into::into), user_errors })
    }
}
