//! Activities made from another: inputs, payloads, mutations.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::NaiveDate;
use entity::{
    activity,
    id::{ActivityId, OrganisationId, ProgrammeId},
    organisation, programme,
};

use super::Activity;
use crate::{
    activity::{
        CreateActivityErrorCode as Code, CreateActivityUserError,
        series::{self, Item, MOST},
    },
    authz::policy::{CreateActivity, HoldActivity, ViewActivity, ViewProgramme},
    error::{Error, Failure, Refusal},
    graphql::{Gid, Viewer, settle},
    payloads,
    text::Check,
    write::Note,
};

/// What `copyActivity` takes.
#[derive(InputObject)]
pub struct CopyActivityInput {
    /// What is copied.
    activity_id: Gid<ActivityId>,
    /// Into which programme; the same if not given.
    programme_id: Option<Gid<ProgrammeId>>,
    /// The organisation that holds the copy; the same if not given.
    host_id: Option<Gid<OrganisationId>>,
    /// At most 200 characters; the same if not given.
    title: Option<String>,
    /// At most 200 characters; the same if not given.
    venue: Option<String>,
    /// The day of the first session; all sessions move by as many days.
    first_day: NaiveDate,
    /// Whether the copy is a template. The copy of a template is none if this is not given.
    #[graphql(default)]
    as_template: bool,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// One activity of a series.
#[derive(InputObject)]
pub struct SeriesItemInput {
    /// At most 200 characters.
    title: String,
    /// The day of the first session; all sessions move by as many days.
    first_day: NaiveDate,
    /// The organisation that holds it; the programme's owner if not given.
    host_id: Option<Gid<OrganisationId>>,
    /// At most 200 characters; as of what is copied if not given.
    venue: Option<String>,
}

/// What `createActivitySeries` takes.
#[derive(InputObject)]
pub struct CreateActivitySeriesInput {
    /// What is copied for each.
    activity_id: Gid<ActivityId>,
    /// Into which programme; the same if not given.
    programme_id: Option<Gid<ProgrammeId>>,
    /// 1 to 60.
    items: Vec<SeriesItemInput>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// Activities that were made in one go.
#[derive(SimpleObject)]
pub struct ActivitySeries {
    /// In the order of the items.
    activities: Vec<Activity>,
}

payloads! {
    /// What `copyActivity` gives.
    CopyActivityPayload { activity: Activity, CreateActivityUserError }
    /// What `createActivitySeries` gives.
    CreateActivitySeriesPayload { series: ActivitySeries, CreateActivityUserError }
}

/// What is copied, and where to.
struct Road {
    from: activity::Model,
    programme: programme::Model,
    owner: organisation::Model,
}

impl Road {
    async fn find(
        viewer: &Viewer,
        from: Gid<ActivityId>,
        to: Option<Gid<ProgrammeId>>,
    ) -> Result<Self, Failure> {
        let from = viewer.gate.permit::<ViewActivity>(from.0).await?.into_row();
        let to = to.map_or(from.programme_id, |it| it.0);
        let programme = viewer.gate.permit::<ViewProgramme>(to).await?.into_row();
        let owner = viewer.row(programme.owner_id).await?;
        Ok(Self { from, programme, owner })
    }
}

#[derive(Default)]
pub struct SeriesMutation;

#[Object]
impl SeriesMutation {
    /// Makes an activity from another, or from a template, as a draft: its form, categories with their seats, sessions with their doors and
    /// credit hours, steps of approval. Times of the clock stay what they are in the activity's zone. Allocations, rules
    /// of registering without an account and registrations are not copied. For whoever sees the activity and may make one (see `createActivity`).
    async fn copy_activity(
        &self,
        ctx: &Context<'_>,
        input: CopyActivityInput,
    ) -> Result<CopyActivityPayload> {
        let viewer = Viewer::of(ctx);
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let Road { from, programme, owner } =
            Road::find(viewer, input.activity_id, input.programme_id).await?;
        let host = input.host_id.map_or(from.host_id, |it| it.0);
        let mut check = Check::new(Code::TooLong);
        let title = match input.title.as_deref() {
            Some(title) => check.required(title, 200, &["title"], Code::Required),
            None => from.title.clone(),
        };
        let venue = check.optional(input.venue.as_deref(), 200, &["venue"]);
        let (first_day, as_template) = (input.first_day, input.as_template);
        let item = |host| Item { path: Vec::new(), host, title, venue, first_day, as_template };
        let made = async |tx: &_, item: Item| {
            check.done()?;
            let made =
                series::create(tx, &from, &programme, &owner.path, vec![item], viewer.now).await?;
            let first = made.activities.into_iter().next();
            first.ok_or_else(|| Error::from(Failure::internal("nothing was copied")))
        };
        let done = if host == owner.id {
            let permit = viewer.gate.permit::<CreateActivity>(programme.id).await?;
            let item = item(owner.clone());
            viewer.write(&permit, note, async |tx| made(tx, item).await).await
        } else {
            let permit = viewer.gate.permit::<HoldActivity>(host).await?;
            let item = item(permit.on().clone());
            viewer.write(&permit, note, async |tx| made(tx, item).await).await
        };
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(CopyActivityPayload { activity: row.map(Into::into), user_errors })
    }

    /// Makes up to 60 activities from another, or from a template, in one go, all or none: a month of the relay (青蓝接力), say. What is
    /// copied is as of `copyActivity`. For ORG_ADMIN and ORGANISER of the programme; hosts other than its owner, for
    /// ORG_ADMIN of each.
    async fn create_activity_series(
        &self,
        ctx: &Context<'_>,
        input: CreateActivitySeriesInput,
    ) -> Result<CreateActivitySeriesPayload> {
        let viewer = Viewer::of(ctx);
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let Road { from, programme, owner } =
            Road::find(viewer, input.activity_id, input.programme_id).await?;
        let permit = viewer.gate.permit::<CreateActivity>(programme.id).await?;
        let mut check = Check::new(Code::TooLong);
        if !(1..=MOST).contains(&input.items.len()) {
            check.refuse(Code::TooMany.at(["items"]).about(MOST));
        }
        let mut items = Vec::with_capacity(input.items.len());
        for (at, it) in input.items.into_iter().take(MOST).enumerate() {
            let at = at.to_string();
            let path = |field| ["items", at.as_str(), field];
            let host = match it.host_id.map(|it| it.0).filter(|it| *it != owner.id) {
                Some(id) => viewer.gate.permit::<HoldActivity>(id).await?.into_row(),
                None => owner.clone(),
            };
            items.push(Item {
                title: check.required(&it.title, 200, &path("title"), Code::Required),
                venue: check.optional(it.venue.as_deref(), 200, &path("venue")),
                path: vec!["items".to_owned(), at.clone()],
                host,
                first_day: it.first_day,
                as_template: false,
            });
        }
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                series::create(tx, &from, &programme, &owner.path, items, viewer.now).await
            })
            .await;
        let (made, user_errors) = settle(done, viewer.lang)?;
        let series = made.map(|it| ActivitySeries {
            activities: it.activities.into_iter().map(Into::into).collect(),
        });
        Ok(CreateActivitySeriesPayload { series, user_errors })
    }
}
