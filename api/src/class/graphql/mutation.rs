//! Series, runs and classes: inputs, payloads, mutations.

use async_graphql::{Context, InputObject, Object, Result};
use chrono::NaiveDate;
use entity::id::{ActivityId, OrganisationId, PersonId, ProgrammeId, SeriesId};

use super::{ClassErrorCode, LeaveLadderInput, Series, SeriesErrorCode, ViewActivity, ViewSeries};
use crate::{
    activity::graphql::Activity,
    authz::policy::{
        CreateActivity, CreateSeries, HoldActivity, SetClass, UpdateSeries, ViewOrganisation,
        ViewPerson, ViewProgramme,
    },
    class::{
        self, ClassUserError, MOST_CO_HOSTS, SeriesDraft, SeriesUserError, Setting,
        run::{self, CreateRunErrorCode, CreateRunUserError, HIGHEST, Run},
    },
    error::{Error, Refusal},
    graphql::{Gid, Viewer, settle},
    payloads,
    text::Check,
    write::Note,
};

/// What `createSeries` takes.
#[derive(InputObject)]
pub struct CreateSeriesInput {
    /// The academy or the chamber that it will belong to.
    organisation_id: Gid<OrganisationId>,
    /// At most 200 characters.
    title: String,
    /// Unique in the organisation; at most 50 characters.
    code: Option<String>,
    /// Up to which lengths leave is granted by whom; the usual ones if not given.
    leave_ladder: Option<LeaveLadderInput>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `updateSeries` takes: the whole series as it shall be.
#[derive(InputObject)]
pub struct UpdateSeriesInput {
    /// Which one.
    series_id: Gid<SeriesId>,
    /// At most 200 characters.
    title: String,
    /// Unique in the organisation; at most 50 characters. None if not given.
    code: Option<String>,
    /// Up to which lengths leave is granted by whom; the usual ones if not given. Leave that was asked for before stays
    /// with whom it is.
    leave_ladder: Option<LeaveLadderInput>,
}

/// What `createRun` takes.
#[derive(InputObject)]
pub struct CreateRunInput {
    /// Of which series.
    series_id: Gid<SeriesId>,
    /// What is copied; the run with the highest number if not given.
    activity_id: Option<Gid<ActivityId>>,
    /// Into which programme, an academy's; that of what is copied if not given.
    programme_id: Option<Gid<ProgrammeId>>,
    /// The organisation that holds it; the host of what is copied if not given.
    host_id: Option<Gid<OrganisationId>>,
    /// At most 200 characters; the title of the series and 第N期 if not given.
    title: Option<String>,
    /// At most 200 characters; as of what is copied if not given.
    venue: Option<String>,
    /// The day of the first session; all sessions move by as many days.
    first_day: NaiveDate,
    /// From 1 to 9999; the next if not given.
    number: Option<i32>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `setClass` takes: the whole as it shall be.
#[derive(InputObject)]
pub struct SetClassInput {
    /// Which activity of an academy's programme.
    activity_id: Gid<ActivityId>,
    /// The series that it is a run of, of the host or of an organisation above it; of none if not given.
    series_id: Option<Gid<SeriesId>>,
    /// From 1 to 9999; if not given the one that it has in the series, or else the next.
    run_number: Option<i32>,
    /// Who looks after it (班主任); nobody if not given.
    class_teacher_id: Option<Gid<PersonId>>,
    /// Who holds it together with the host (协办), at most 10, in this order.
    #[graphql(default)]
    co_host_ids: Vec<Gid<OrganisationId>>,
    /// Up to which lengths leave is granted by whom; as of the series if not given. Leave that was asked for before
    /// stays with whom it is.
    leave_ladder: Option<LeaveLadderInput>,
}

payloads! {
    /// What `createSeries` gives.
    CreateSeriesPayload { series: Series, SeriesUserError }
    /// What `updateSeries` gives.
    UpdateSeriesPayload { series: Series, SeriesUserError }
    /// What `createRun` gives.
    CreateRunPayload { activity: Activity, CreateRunUserError }
    /// What `setClass` gives.
    SetClassPayload { activity: Activity, ClassUserError }
}

/// Reads what a series is to be, with what is wrong with it in the check.
fn draft(
    title: &str,
    code: Option<&str>,
    ladder: Option<LeaveLadderInput>,
) -> (Check<SeriesErrorCode>, SeriesDraft) {
    let mut check = Check::new(SeriesErrorCode::TooLong);
    let title = check.required(title, 200, &["title"], SeriesErrorCode::Required);
    let code = check.optional(code, 50, &["code"]);
    let ladder = ladder.map(|it| it.read(&mut check, SeriesErrorCode::LadderInvalid));
    (check, SeriesDraft { title, code, ladder })
}

#[derive(Default)]
pub struct ClassMutation;

#[Object]
impl ClassMutation {
    /// Makes a series of classes (班次) that belongs to an organisation. For ORG_ADMIN and ORGANISER there.
    async fn create_series(
        &self,
        ctx: &Context<'_>,
        input: CreateSeriesInput,
    ) -> Result<CreateSeriesPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CreateSeries>(input.organisation_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let (check, draft) = draft(&input.title, input.code.as_deref(), input.leave_ladder);
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                class::create_series(tx, &permit, draft, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(CreateSeriesPayload { series: row.map(Series), user_errors })
    }

    /// Changes what a series says of itself. For ORG_ADMIN and ORGANISER of its organisation.
    async fn update_series(
        &self,
        ctx: &Context<'_>,
        input: UpdateSeriesInput,
    ) -> Result<UpdateSeriesPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<UpdateSeries>(input.series_id.0).await?;
        let (check, draft) = draft(&input.title, input.code.as_deref(), input.leave_ladder);
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                class::update_series(tx, &permit, draft).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(UpdateSeriesPayload { series: row.map(Series), user_errors })
    }

    /// Makes the next run of a series (第N期) as a draft, copied from the last one or from any other activity: what
    /// `copyActivity` copies, the co-hosts and the ladder of leave. For whoever sees what is copied and may make an
    /// activity there (see `createActivity`).
    async fn create_run(
        &self,
        ctx: &Context<'_>,
        input: CreateRunInput,
    ) -> Result<CreateRunPayload> {
        use CreateRunErrorCode as Code;
        let viewer = Viewer::of(ctx);
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let series = viewer.gate.permit::<ViewSeries>(input.series_id.0).await?.into_row();
        let from = match input.activity_id {
            Some(id) => Some(id.0),
            None => run::last(viewer.db.read(), series.id).await?.map(|it| it.activity_id),
        };
        let Some(from) = from else {
            let none: Result<_, Error<Code>> = Err(Code::NothingToCopy.at(["seriesId"]).into());
            let (activity, user_errors) = settle(none, viewer.lang)?;
            return Ok(CreateRunPayload { activity, user_errors });
        };
        let from = viewer.gate.permit::<ViewActivity>(from).await?.into_row();
        let programme = input.programme_id.map_or(from.programme_id, |it| it.0);
        let programme = viewer.gate.permit::<ViewProgramme>(programme).await?.into_row();
        let owner = viewer.row(programme.owner_id).await?;
        let host = input.host_id.map_or(from.host_id, |it| it.0);
        let mut check = Check::new(Code::TooLong);
        let title = check.optional(input.title.as_deref(), 200, &["title"]);
        let venue = check.optional(input.venue.as_deref(), 200, &["venue"]);
        let (first_day, number) = (input.first_day, input.number);
        let of = |host| {
            let (programme, owner) = (programme.clone(), owner.clone());
            Run { series, from, programme, owner, host, title, venue, first_day, number }
        };
        let make = async |tx: &_, run: Run| {
            check.done()?;
            run::create(tx, run, viewer.now).await
        };
        let done = if host == owner.id {
            let permit = viewer.gate.permit::<CreateActivity>(programme.id).await?;
            let run = of(owner.clone());
            viewer.write(&permit, note, async |tx| make(tx, run).await).await
        } else {
            let permit = viewer.gate.permit::<HoldActivity>(host).await?;
            let run = of(permit.on().clone());
            viewer.write(&permit, note, async |tx| make(tx, run).await).await
        };
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(CreateRunPayload { activity: row.map(Into::into), user_errors })
    }

    /// Says which run of which series a class is, who looks after it and who holds it with the host. For ORG_ADMIN and
    /// ORGANISER of the class who see the series, the person and the organisations.
    async fn set_class(&self, ctx: &Context<'_>, input: SetClassInput) -> Result<SetClassPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<SetClass>(input.activity_id.0).await?;
        // What is set already need not be seen by whoever leaves it so.
        let known = class::of(viewer.db.read(), permit.on().id).await?;
        let mut check = Check::new(ClassErrorCode::NotAClass);
        let series = match input.series_id.map(|it| it.0) {
            None => None,
            Some(id) if known.series_id == Some(id) => Some(viewer.row(id).await?),
            Some(id) => Some(viewer.gate.permit::<ViewSeries>(id).await?.into_row()),
        };
        match input.run_number {
            Some(_) if series.is_none() => {
                check.refuse(ClassErrorCode::NumberWithoutSeries.at(["runNumber"]));
            }
            Some(number) if !(1..=HIGHEST).contains(&number) => {
                check.refuse(ClassErrorCode::NumberOutOfRange.at(["runNumber"]));
            }
            _ => {}
        }
        let teacher = input.class_teacher_id.map(|it| it.0);
        if let Some(id) = teacher.filter(|id| known.teacher_id != Some(*id)) {
            viewer.gate.permit::<ViewPerson>(id).await?;
        }
        let co_hosts: Vec<OrganisationId> = input.co_host_ids.iter().map(|it| it.0).collect();
        let twice = co_hosts.iter().enumerate().any(|(at, it)| co_hosts[..at].contains(it));
        if twice || co_hosts.len() > MOST_CO_HOSTS || co_hosts.contains(&permit.on().host_id) {
            check.refuse(ClassErrorCode::CoHostsInvalid.at(["coHostIds"]));
        } else {
            for id in co_hosts.iter().filter(|it| !known.co_hosts.0.contains(it)) {
                viewer.gate.permit::<ViewOrganisation>(*id).await?;
            }
        }
        let ladder =
            input.leave_ladder.map(|it| it.read(&mut check, ClassErrorCode::LadderInvalid));
        let setting = Setting { series, number: input.run_number, teacher, co_hosts, ladder };
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                class::set(tx, &permit, setting).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(SetClassPayload { activity: row.map(Into::into), user_errors })
    }
}
