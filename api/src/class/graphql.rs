//! Series, and what of an activity is a class, as GraphQL shows them.

mod group;
mod mutation;
mod trainer;

use async_graphql::{Context, InputObject, Object, Result, SimpleObject, connection::Connection};
use entity::{
    activity, class,
    id::{ActivityId, OrganisationId, SeriesId},
    series,
};

pub use self::{group::*, mutation::*, trainer::*};
use super::{ClassErrorCode, SeriesErrorCode};
use crate::{
    activity::graphql::{self as activities, Activity},
    authz::{
        Place,
        policy::{ViewActivity, ViewSeries, ViewTrainers},
    },
    error::{Failure, Refusal},
    graphql::{Gid, Viewer},
    leave::ladder::{Ladder, USUAL},
    organisation::graphql::Organisation,
    page::Slice,
    person::graphql::Person,
    text::Check,
};

pub struct Series(pub series::Model);

/// A class that is held again and again (班次): its runs (第N期) are activities of academy's programmes.
#[Object]
impl Series {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<SeriesId> {
        Gid(self.0.id)
    }

    /// What it is called.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// A code of the organisation's own, if it has one.
    async fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The academy or the chamber that it belongs to. Organisations below may hold runs of it.
    async fn organisation(&self, ctx: &Context<'_>) -> Result<Organisation> {
        Ok(Organisation::from(Viewer::of(ctx).row(self.0.organisation_id).await?))
    }

    /// Up to which lengths leave from its runs is granted by whom, unless a run says otherwise.
    async fn leave_ladder(&self) -> LeaveLadder {
        super::ladder(self.0.teacher_half_days, self.0.academic_half_days).unwrap_or(USUAL).into()
    }

    /// Its runs in the viewer's scope, the newest first.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn runs(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Activity>> {
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        activities::runs(ctx, self.0.id, slice).await
    }
}

/// Up to which lengths leave is granted by whom (请假审批). Whoever stands higher may decide what is for those below.
#[derive(SimpleObject)]
pub struct LeaveLadder {
    /// Up to how many half-days an ORGANISER of the class (班主任) decides; 1 unless it was set.
    teacher_half_days: i32,
    /// Up to how many half-days an ORGANISER of the programme or the host (教务) decides; 2 unless it was set. What is
    /// longer is for ORG_ADMIN of the host (校领导) or of the organisation that recommends the trainee (选派单位).
    academic_half_days: i32,
}

impl From<Ladder> for LeaveLadder {
    fn from(it: Ladder) -> Self {
        Self { teacher_half_days: it.teacher, academic_half_days: it.academic }
    }
}

/// Up to which lengths leave is to be granted by whom.
#[derive(InputObject)]
pub struct LeaveLadderInput {
    /// Up to how many half-days an ORGANISER of the class (班主任) decides; from 0 to 732.
    teacher_half_days: i32,
    /// Up to how many half-days an ORGANISER of the programme or the host (教务) decides; not below `teacherHalfDays`.
    academic_half_days: i32,
}

impl LeaveLadderInput {
    /// What it says, with what is wrong with it in `check`.
    fn read<C: Refusal>(self, check: &mut Check<C>, invalid: C) -> Ladder {
        let it = Ladder { teacher: self.teacher_half_days, academic: self.academic_half_days };
        if !it.is_sane() {
            check.refuse(invalid.at(["leaveLadder"]));
        }
        it
    }
}

/// Whether the viewer may see who teaches at an activity. Asked without a look at the database beyond its host, so that
/// a list of activities costs no more than one.
async fn sees_trainers(viewer: &Viewer, it: &activity::Model) -> Result<bool, Failure> {
    let host = viewer.row(it.host_id).await?;
    let place = Place {
        organisations: vec![host.path],
        programmes: vec![it.programme_id],
        activities: vec![it.id],
        ..Place::default()
    };
    Ok(viewer.gate.may::<ViewTrainers, _>(&place))
}

/// Names what a class has, for the loader.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClassOf(pub ActivityId);

async fn of(viewer: &Viewer, id: ActivityId) -> Result<Option<class::Model>, Failure> {
    viewer.load.load_one(ClassOf(id)).await
}

/// The series that a class is a run of.
pub async fn series_of(ctx: &Context<'_>, id: ActivityId) -> Result<Option<Series>> {
    let viewer = Viewer::of(ctx);
    let Some(series) = of(viewer, id).await?.and_then(|it| it.series_id) else { return Ok(None) };
    Ok(Some(Series(viewer.row(series).await?)))
}

/// The number of a class in its series.
pub async fn run_number(ctx: &Context<'_>, id: ActivityId) -> Result<Option<i32>> {
    Ok(of(Viewer::of(ctx), id).await?.and_then(|it| it.run_number))
}

/// Who looks after a class, for those who may see that.
pub async fn teacher(ctx: &Context<'_>, it: &activity::Model) -> Result<Option<Person>> {
    let viewer = Viewer::of(ctx);
    let Some(id) = of(viewer, it.id).await?.and_then(|it| it.teacher_id) else { return Ok(None) };
    if !sees_trainers(viewer, it).await? {
        return Ok(None);
    }
    Ok(Some(Person::new(viewer.row(id).await?, false)))
}

/// Who holds a class together with its host.
pub async fn co_hosts(ctx: &Context<'_>, id: ActivityId) -> Result<Vec<Organisation>> {
    let viewer = Viewer::of(ctx);
    let ids = of(viewer, id).await?.map(|it| it.co_hosts.0).unwrap_or_default();
    let mut hosts = Vec::with_capacity(ids.len());
    for id in ids {
        hosts.push(Organisation::from(viewer.row(id).await?));
    }
    Ok(hosts)
}

/// Up to which lengths leave from a class is granted by whom.
pub async fn leave_ladder(ctx: &Context<'_>, id: ActivityId) -> Result<LeaveLadder> {
    let viewer = Viewer::of(ctx);
    let Some(it) = of(viewer, id).await? else { return Ok(USUAL.into()) };
    let own = super::ladder(it.teacher_half_days, it.academic_half_days);
    Ok(match (own, it.series_id) {
        (Some(own), _) => own,
        (None, None) => USUAL,
        (None, Some(series)) => {
            let series = viewer.row(series).await?;
            super::ladder(series.teacher_half_days, series.academic_half_days).unwrap_or(USUAL)
        }
    }
    .into())
}

#[derive(Default)]
pub struct ClassQuery;

#[Object]
impl ClassQuery {
    /// One series in the viewer's scope, or of an organisation above it.
    async fn series(&self, ctx: &Context<'_>, id: Gid<SeriesId>) -> Result<Option<Series>> {
        Ok(Some(Series(Viewer::of(ctx).gate.permit::<ViewSeries>(id.0).await?.into_row())))
    }

    /// The series in the viewer's scope and those of the organisations above it, the newest first.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn series_list(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Those of one organisation.")] organisation_id: Option<
            Gid<OrganisationId>,
        >,
    ) -> Result<Connection<String, Series>> {
        let viewer = Viewer::of(ctx);
        let reach = viewer.gate.reach::<ViewSeries>()?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let organisation = organisation_id.map(|it| it.0);
        let page = super::list_series(viewer.db.read(), &reach, organisation, slice).await?;
        Ok(page.connection(|it| it.id, Series))
    }
}
