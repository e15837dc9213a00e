//! Organisations as GraphQL shows them. No queries here: resolvers ask the domain.

mod participation;

use std::collections::HashMap;

use async_graphql::{
    Context, Enum, InputObject, Object, Result, SimpleObject, connection::Connection,
};
use entity::{id::OrganisationId, organisation};

pub use self::participation::*;
use super::{Draft, OrganisationErrorCode, OrganisationUserError, participation::Side};
use crate::{
    authz::policy::{CreateOrganisation, UpdateOrganisation, ViewOrganisation},
    can::OrganisationCan,
    error::Failure,
    graphql::{Gid, Viewer, settle, wants},
    page::Slice,
    text::Check,
    write::Note,
};

/// What an organisation is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "organisation::Kind")]
pub enum OrganisationKind {
    /// 工商联
    Federation,
    /// 商会、协会
    Chamber,
    /// 企业
    Enterprise,
    /// 政府部门
    Department,
    /// 院校
    School,
}

pub struct Organisation {
    row: organisation::Model,
    /// What a list fetched ahead.
    parent: Option<organisation::Model>,
}

impl From<organisation::Model> for Organisation {
    fn from(row: organisation::Model) -> Self {
        Self { row, parent: None }
    }
}

/// A node of the one tree of organisations (组织). A grant over one covers everything below it.
#[Object]
impl Organisation {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<OrganisationId> {
        Gid(self.row.id)
    }

    /// What the viewer may do with it, for what a front-end shows buttons for.
    async fn viewer_can(&self, ctx: &Context<'_>) -> Result<OrganisationCan> {
        Ok(OrganisationCan::of(Viewer::of(ctx), &self.row).await?)
    }

    /// What it is.
    async fn kind(&self) -> OrganisationKind {
        self.row.kind.into()
    }

    /// Unique among those below the same one.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// The code that others know it by: GB/T 2260 for a district's federation, a credit code for an enterprise.
    async fn code(&self) -> Option<&str> {
        self.row.code.as_deref()
    }

    /// The organisation above it, where the viewer may see that one.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Self>> {
        let Some(id) = self.row.parent_id else { return Ok(None) };
        let viewer = Viewer::of(ctx);
        let row = match &self.parent {
            Some(row) => row.clone(),
            None => viewer.row(id).await?,
        };
        match viewer.gate.permit_on::<ViewOrganisation>(row).await {
            Ok(permit) => Ok(Some(permit.into_row().into())),
            Err(Failure::Forbidden | Failure::NotFound) => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    /// What came of a year on the activities that it and those below it hold. For ORG_ADMIN, ORGANISER and VIEWER.
    #[graphql(complexity = "20 + child_complexity")]
    async fn figures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From 1990 to 2100.")] year: i32,
    ) -> Result<OrganisationYear> {
        OrganisationYear::read(ctx, &self.row, year, Side::Held).await
    }

    /// What came of a year for its own people and those of all below it, whose records are kept there, wherever they went.
    /// For ORG_ADMIN, ORGANISER and VIEWER.
    #[graphql(complexity = "20 + child_complexity")]
    async fn participation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From 1990 to 2100.")] year: i32,
    ) -> Result<OrganisationYear> {
        OrganisationYear::read(ctx, &self.row, year, Side::Own).await
    }
}

/// What `createOrganisation` takes.
#[derive(InputObject)]
pub struct CreateOrganisationInput {
    /// The organisation above the new one.
    parent_id: Gid<OrganisationId>,
    /// What it is.
    kind: OrganisationKind,
    /// At most 100 characters.
    name: String,
    /// At most 30 characters.
    code: Option<String>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `updateOrganisation` takes.
#[derive(InputObject)]
pub struct UpdateOrganisationInput {
    /// Which one.
    organisation_id: Gid<OrganisationId>,
    /// What it is.
    kind: Option<OrganisationKind>,
    /// At most 100 characters.
    name: Option<String>,
    /// At most 30 characters.
    code: Option<String>,
}

/// What `createOrganisation` gives.
#[derive(SimpleObject)]
pub struct CreateOrganisationPayload {
    /// What was made or changed; null where it was refused.
    organisation: Option<Organisation>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<OrganisationUserError>,
}

/// What `updateOrganisation` gives.
#[derive(SimpleObject)]
pub struct UpdateOrganisationPayload {
    /// What was made or changed; null where it was refused.
    organisation: Option<Organisation>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<OrganisationUserError>,
}

#[derive(Default)]
pub struct OrganisationQuery;

#[Object]
impl OrganisationQuery {
    /// One organisation in the viewer's scope.
    async fn organisation(
        &self,
        ctx: &Context<'_>,
        id: Gid<OrganisationId>,
    ) -> Result<Option<Organisation>> {
        Ok(Some(Viewer::of(ctx).gate.permit::<ViewOrganisation>(id.0).await?.into_row().into()))
    }

    /// The organisations in the viewer's scope, in the order in which they were made: all of them, those right below
    /// `parentId`, or those whose name begins with `name`.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "a connection's four and the filters")]
    async fn organisations(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Those right below this one.")] parent_id: Option<Gid<OrganisationId>>,
        #[graphql(desc = "The beginning of the name.")] name: Option<String>,
    ) -> Result<Connection<String, Organisation>> {
        let viewer = Viewer::of(ctx);
        let reach = viewer.gate.reach::<ViewOrganisation>()?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let page =
            super::list(viewer.db.read(), &reach, parent_id.map(|it| it.0), name.as_deref(), slice)
                .await?;
        let parents = if wants(ctx, "parent") {
            viewer.load.load_many(page.rows.iter().filter_map(|it| it.parent_id)).await?
        } else {
            HashMap::default()
        };
        let node = |row: organisation::Model| Organisation {
            parent: row.parent_id.and_then(|id| parents.get(&id).cloned()),
            row,
        };
        Ok(page.connection(|it| it.id, node))
    }
}

#[derive(Default)]
pub struct OrganisationMutation;

#[Object]
impl OrganisationMutation {
    /// Makes an organisation below one in the viewer's scope. For ORG_ADMIN.
    async fn create_organisation(
        &self,
        ctx: &Context<'_>,
        input: CreateOrganisationInput,
    ) -> Result<CreateOrganisationPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CreateOrganisation>(input.parent_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(OrganisationErrorCode::TooLong);
        let draft = Draft {
            kind: input.kind.into(),
            name: check.required(&input.name, 100, &["name"], OrganisationErrorCode::Required),
            code: check.optional(input.code.as_deref(), 30, &["code"]),
        };
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                super::create(tx, &permit, draft, viewer.now).await
            })
            .await;
        let (organisation, user_errors) = settle(done, viewer.lang)?;
        Ok(CreateOrganisationPayload {
            organisation: organisation.map(Organisation::from),
            user_errors,
        })
    }

    /// Changes what is given of an organisation. For ORG_ADMIN.
    async fn update_organisation(
        &self,
        ctx: &Context<'_>,
        input: UpdateOrganisationInput,
    ) -> Result<UpdateOrganisationPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<UpdateOrganisation>(input.organisation_id.0).await?;
        let mut check = Check::new(OrganisationErrorCode::TooLong);
        let name = input
            .name
            .map(|name| check.required(&name, 100, &["name"], OrganisationErrorCode::Required));
        let code = check.optional(input.code.as_deref(), 30, &["code"]);
        let kind = input.kind.map(Into::into);
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                super::update(tx, &permit, kind, name, code).await
            })
            .await;
        let (organisation, user_errors) = settle(done, viewer.lang)?;
        Ok(UpdateOrganisationPayload {
            organisation: organisation.map(Organisation::from),
            user_errors,
        })
    }
}
