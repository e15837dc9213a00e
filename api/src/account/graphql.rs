//! Accounts, sign-ins and grants as GraphQL shows them.

mod mutation;
mod sign_in;

use std::collections::HashMap;

use async_graphql::{Context, Enum, Object, Result, Union, connection::Connection};
use chrono::{DateTime, Utc};
use entity::{
    account,
    id::{AccountId, GrantId},
    organisation, role_grant,
};

pub use self::{mutation::*, sign_in::*};
use crate::{
    activity::graphql::{AcademyClass, Activity, FestivalActivity, RelayEvent},
    authz::{
        Action, Permit,
        policy::{ViewAccount, ViewActivity, ViewOrganisation, ViewPerson, ViewProgramme},
    },
    error::Failure,
    graphql::{Gid, Viewer, wants},
    organisation::graphql::Organisation,
    page::Slice,
    person::graphql::Person,
    programme::graphql::Programme,
};

/// What a grant allows.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "role_grant::Role")]
pub enum Role {
    /// 系统管理员: accounts, settings, jobs; sees no personal data of attendees.
    PlatformAdmin,
    /// 安全管理员: grants and policies; sees no personal data of attendees.
    SecurityAdmin,
    /// 审计员: reads the audit log and its verification; nothing else.
    Auditor,
    /// 组织管理员: everything on activities, people and organisations in its subtree; grants roles there, none above
    /// its own.
    OrgAdmin,
    /// 主办: everything on its programmes or activities; names door staff for them.
    Organiser,
    /// 联络员: registers and lists its own organisation's people.
    Liaison,
    /// 签到员: checks in at its activities; phones masked.
    DoorStaff,
    /// 查看: figures in its scope, no person.
    Viewer,
}

pub struct Account {
    row: account::Model,
    /// Whether it is the viewer's own.
    is_own: bool,
    /// What a list fetched ahead.
    home: Option<organisation::Model>,
}

impl From<account::Model> for Account {
    fn from(row: account::Model) -> Self {
        Self { row, is_own: false, home: None }
    }
}

/// What signs in (账号).
#[Object]
impl Account {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<AccountId> {
        Gid(self.row.id)
    }

    /// In lower case; unique.
    async fn username(&self) -> &str {
        &self.row.username
    }

    /// The person who uses it, if that is on record.
    async fn person(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        let Some(id) = self.row.person_id else { return Ok(None) };
        let viewer = Viewer::of(ctx);
        let row = viewer.row(id).await?;
        if self.is_own {
            return Ok(Some(Person::new(row, true)));
        }
        match viewer.gate.permit_on::<ViewPerson>(row).await {
            Ok(permit) => Ok(Some(Person::new(permit.into_row(), false))),
            Err(Failure::Forbidden | Failure::NotFound) => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The organisation that looks after it.
    async fn home(&self, ctx: &Context<'_>) -> Result<Organisation> {
        match &self.home {
            Some(row) => Ok(row.clone().into()),
            None => Ok(Organisation::from(Viewer::of(ctx).row(self.row.home_id).await?)),
        }
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// Since when it is out of use, if it is.
    async fn disabled_at(&self) -> Option<DateTime<Utc>> {
        self.row.disabled_at
    }

    /// What was granted to it and not taken back, oldest first.
    async fn grants(&self, ctx: &Context<'_>) -> Result<Vec<Grant>> {
        let rows = super::grant::list(Viewer::of(ctx).db.read(), self.row.id).await?;
        let is_own = self.is_own;
        Ok(rows.into_iter().map(|row| Grant { row, is_own }).collect())
    }
}

/// What a grant reaches.
#[derive(Union)]
pub enum GrantScope {
    Organisation(Organisation),
    Programme(Programme),
    Festival(FestivalActivity),
    Relay(RelayEvent),
    Academy(AcademyClass),
}

pub struct Grant {
    row: role_grant::Model,
    /// Whether it is the viewer's own.
    is_own: bool,
}

impl From<role_grant::Model> for Grant {
    fn from(row: role_grant::Model) -> Self {
        Self { row, is_own: false }
    }
}

impl Grant {
    async fn scope_is_seen(&self, viewer: &Viewer) -> Result<bool, Failure> {
        let gate = &viewer.gate;
        if let Some(id) = self.row.organisation_id {
            seen(gate.permit::<ViewOrganisation>(id).await)
        } else if let Some(id) = self.row.programme_id {
            seen(gate.permit::<ViewProgramme>(id).await)
        } else if let Some(id) = self.row.activity_id {
            seen(gate.permit::<ViewActivity>(id).await)
        } else {
            Ok(false)
        }
    }
}

/// Whether something was permitted. A failure of the database is no answer.
fn seen<A: Action>(permit: Result<Permit<A>, Failure>) -> Result<bool, Failure> {
    match permit {
        Ok(_) => Ok(true),
        Err(Failure::Forbidden | Failure::NotFound) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// A role over a scope, until a time (授权).
#[Object]
impl Grant {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<GrantId> {
        Gid(self.row.id)
    }

    /// What it allows.
    async fn role(&self) -> Role {
        self.row.role.into()
    }

    /// An organisation with everything below it, a programme, or an activity. Null where the grant is another's and
    /// the viewer may not see what it is over.
    async fn scope(&self, ctx: &Context<'_>) -> Result<Option<GrantScope>> {
        let viewer = Viewer::of(ctx);
        if !self.is_own && !self.scope_is_seen(viewer).await? {
            return Ok(None);
        }
        Ok(Some(match (self.row.organisation_id, self.row.programme_id, self.row.activity_id) {
            (Some(id), _, _) => GrantScope::Organisation(Organisation::from(viewer.row(id).await?)),
            (_, Some(id), _) => GrantScope::Programme(Programme::from(viewer.row(id).await?)),
            (_, _, Some(id)) => match Activity::from(viewer.row(id).await?) {
                Activity::Festival(it) => GrantScope::Festival(it),
                Activity::Relay(it) => GrantScope::Relay(it),
                Activity::Academy(it) => GrantScope::Academy(it),
            },
            (None, None, None) => return Err(Failure::internal("a grant without a scope").into()),
        }))
    }

    /// Until when it holds; null for as long as it is not taken back.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.row.expires_at
    }

    /// When it was given.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// Since when it is taken back, if it is.
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.row.revoked_at
    }
}

#[derive(Default)]
pub struct AccountQuery;

#[Object]
impl AccountQuery {
    /// Who is signed in, also where they have to do something before they may do anything else: see `duty`.
    /// UNAUTHENTICATED if nobody is.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<SignedIn>> {
        Ok(Some(SignedIn(Viewer::of(ctx).gate.whoever()?.clone())))
    }

    /// One account. For PLATFORM_ADMIN, SECURITY_ADMIN and ORG_ADMIN of the organisation that looks after it.
    async fn account(&self, ctx: &Context<'_>, id: Gid<AccountId>) -> Result<Option<Account>> {
        Ok(Some(Viewer::of(ctx).gate.permit::<ViewAccount>(id.0).await?.into_row().into()))
    }

    /// The accounts that organisations in the viewer's scope look after, in the order in which they were made.
    /// For PLATFORM_ADMIN, SECURITY_ADMIN and ORG_ADMIN.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn accounts(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Account>> {
        let viewer = Viewer::of(ctx);
        let reach = viewer.gate.reach::<ViewAccount>()?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let page = super::list(viewer.db.read(), &reach, slice).await?;
        let homes = if wants(ctx, "home") {
            viewer.load.load_many(page.rows.iter().map(|it| it.home_id)).await?
        } else {
            HashMap::default()
        };
        let node = |row: account::Model| Account {
            home: homes.get(&row.home_id).cloned(),
            ..Account::from(row)
        };
        Ok(page.connection(|it| it.id, node))
    }
}
