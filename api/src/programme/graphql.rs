//! Programmes as GraphQL shows them.

use std::collections::HashMap;

use async_graphql::{
    Context, Enum, InputObject, Object, Result, SimpleObject, connection::Connection,
};
use entity::{
    id::{OrganisationId, ProgrammeId},
    organisation, programme,
};

use super::{CreateProgrammeErrorCode, CreateProgrammeUserError, Draft};
use crate::{
    authz::policy::{CreateProgramme, ViewProgramme},
    can::ProgrammeCan,
    error::Refusal,
    graphql::{Gid, Viewer, settle, wants},
    organisation::graphql::Organisation,
    page::Slice,
    text::Check,
    write::Note,
};

/// Which of the federation's three lines of work a programme belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "programme::Kind")]
pub enum ProgrammeKind {
    /// 民营企业家节; its activities are `FestivalActivity`.
    Festival,
    /// 青蓝接力; its activities are `RelayEvent`.
    Relay,
    /// 民营经济学院; its activities are `AcademyClass`.
    Academy,
}

pub struct Programme {
    row: programme::Model,
    /// What a list fetched ahead.
    owner: Option<organisation::Model>,
}

impl From<programme::Model> for Programme {
    fn from(row: programme::Model) -> Self {
        Self { row, owner: None }
    }
}

/// An umbrella of a year (项目): a festival edition, a relay season, an academy year.
#[Object]
impl Programme {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<ProgrammeId> {
        Gid(self.row.id)
    }

    /// What the viewer may do with it, for what a front-end shows buttons for.
    async fn viewer_can(&self, ctx: &Context<'_>) -> Result<ProgrammeCan> {
        Ok(ProgrammeCan::of(Viewer::of(ctx), &self.row).await?)
    }

    /// Which line of work it belongs to.
    async fn kind(&self) -> ProgrammeKind {
        self.row.kind.into()
    }

    /// What it is called.
    async fn title(&self) -> &str {
        &self.row.title
    }

    /// The year that it counts for.
    async fn year(&self) -> i32 {
        self.row.year
    }

    /// The organisation it belongs to. Organisations below may hold activities in it.
    async fn owner(&self, ctx: &Context<'_>) -> Result<Organisation> {
        match &self.owner {
            Some(row) => Ok(row.clone().into()),
            None => Ok(Organisation::from(Viewer::of(ctx).row(self.row.owner_id).await?)),
        }
    }
}

/// What `createProgramme` takes.
#[derive(InputObject)]
pub struct CreateProgrammeInput {
    /// Which line of work it belongs to; the type of its activities follows from it.
    kind: ProgrammeKind,
    /// At most 200 characters.
    title: String,
    /// From 1949 to 2100.
    year: i32,
    /// The organisation it will belong to.
    owner_id: Gid<OrganisationId>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `createProgramme` gives.
#[derive(SimpleObject)]
pub struct CreateProgrammePayload {
    /// What was made or changed; null where it was refused.
    programme: Option<Programme>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<CreateProgrammeUserError>,
}

#[derive(Default)]
pub struct ProgrammeQuery;

#[Object]
impl ProgrammeQuery {
    /// One programme in the viewer's scope, or of an organisation above it.
    async fn programme(
        &self,
        ctx: &Context<'_>,
        id: Gid<ProgrammeId>,
    ) -> Result<Option<Programme>> {
        Ok(Some(Viewer::of(ctx).gate.permit::<ViewProgramme>(id.0).await?.into_row().into()))
    }

    /// The programmes in the viewer's scope and those of the organisations above it, newest first.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "a connection's four and the filters")]
    async fn programmes(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Those of one kind.")] kind: Option<ProgrammeKind>,
        #[graphql(desc = "Those of one year.")] year: Option<i32>,
    ) -> Result<Connection<String, Programme>> {
        let viewer = Viewer::of(ctx);
        let reach = viewer.gate.reach::<ViewProgramme>()?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let page = super::list(viewer.db.read(), &reach, kind.map(Into::into), year, slice).await?;
        let owners = if wants(ctx, "owner") {
            viewer.load.load_many(page.rows.iter().map(|it| it.owner_id)).await?
        } else {
            HashMap::default()
        };
        let node =
            |row: programme::Model| Programme { owner: owners.get(&row.owner_id).cloned(), row };
        Ok(page.connection(|it| it.id, node))
    }
}

#[derive(Default)]
pub struct ProgrammeMutation;

#[Object]
impl ProgrammeMutation {
    /// Makes a programme that belongs to an organisation. For ORG_ADMIN there.
    async fn create_programme(
        &self,
        ctx: &Context<'_>,
        input: CreateProgrammeInput,
    ) -> Result<CreateProgrammePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CreateProgramme>(input.owner_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(CreateProgrammeErrorCode::TooLong);
        let title =
            check.required(&input.title, 200, &["title"], CreateProgrammeErrorCode::Required);
        if !(1949..=2100).contains(&input.year) {
            check.refuse(CreateProgrammeErrorCode::YearOutOfRange.at(["year"]));
        }
        let draft = Draft { kind: input.kind.into(), title, year: input.year };
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                super::create(tx, &permit, draft, viewer.now).await
            })
            .await;
        let (programme, user_errors) = settle(done, viewer.lang)?;
        Ok(CreateProgrammePayload { programme: programme.map(Programme::from), user_errors })
    }
}
