//! Accounts, sign-ins and grants as GraphQL shows them.

mod api_key;
mod grant;
mod mutation;
mod provider;
mod second_factor;
mod sign_in;

use std::collections::HashMap;

use async_graphql::{
    Context, Enum, InputObject, Object, Result, Union, connection::Connection, dataloader::Loader,
};
use chrono::{DateTime, Utc};
use entity::{
    account,
    id::{AccountId, GrantId},
    organisation, role_grant,
};

pub use self::{api_key::*, grant::*, mutation::*, provider::*, second_factor::*, sign_in::*};
use crate::{
    activity::graphql::{AcademyClass, Activity, FestivalActivity, RelayEvent},
    authz::{
        Action, Permit,
        policy::{ViewAccount, ViewActivity, ViewOrganisation, ViewPerson, ViewProgramme},
    },
    db::Db,
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
    /// What a list fetched ahead: of the second, that there may be none.
    home: Option<organisation::Model>,
    last_sign_in: Option<Option<DateTime<Utc>>>,
}

impl From<account::Model> for Account {
    fn from(row: account::Model) -> Self {
        Self { row, is_own: false, home: None, last_sign_in: None }
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

    /// When somebody last signed in with it; null where nobody ever did.
    async fn last_sign_in_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime<Utc>>> {
        match self.last_sign_in {
            Some(known) => Ok(known),
            None => Ok(Viewer::of(ctx).load.load_one(LastSignIn(self.row.id)).await?),
        }
    }

    /// Who it is at other systems, by which it is signed in to as well.
    #[graphql(complexity = "10 * child_complexity")]
    async fn identities(&self, ctx: &Context<'_>) -> Result<Vec<LinkedIdentity>> {
        let rows = super::identity::list(Viewer::of(ctx).db.read(), self.row.id).await?;
        Ok(rows.into_iter().map(LinkedIdentity).collect())
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

/// What an account signs in with.
async fn username(ctx: &Context<'_>, id: Option<AccountId>) -> Result<Option<String>> {
    let Some(id) = id else { return Ok(None) };
    Ok(Some(Viewer::of(ctx).row(id).await?.username))
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

    /// Which account it was given to.
    async fn account_id(&self) -> Gid<AccountId> {
        Gid(self.row.account_id)
    }

    /// From when it holds, where that was not when it was given.
    async fn starts_at(&self) -> Option<DateTime<Utc>> {
        self.row.starts_at
    }

    /// Who gave it, by what they sign in with; null where the command line did.
    async fn given_by(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        username(ctx, self.row.created_by).await
    }

    /// Why it was given; null where the command line did.
    async fn reason(&self) -> Option<&str> {
        self.row.reason.as_deref()
    }

    /// The grant of whoever is away, by which the account acts in their place; null where it is the account's own.
    async fn delegates_id(&self) -> Option<Gid<GrantId>> {
        self.row.delegates_id.map(Gid)
    }

    /// Since when it is taken back, if it is.
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.row.revoked_at
    }

    /// Who took it back, by what they sign in with.
    async fn revoked_by(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        username(ctx, self.row.revoked_by).await
    }

    /// Why it was taken back.
    async fn revoke_reason(&self) -> Option<&str> {
        self.row.revoke_reason.as_deref()
    }
}

/// When an account was last signed in with.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LastSignIn(pub AccountId);

impl Loader<LastSignIn> for Db {
    type Value = DateTime<Utc>;
    type Error = Failure;

    async fn load(
        &self,
        keys: &[LastSignIn],
    ) -> Result<HashMap<LastSignIn, DateTime<Utc>>, Failure> {
        let found = super::stale::last_sign_ins(self.read(), keys.iter().map(|it| it.0)).await?;
        Ok(found.into_iter().map(|(id, at)| (LastSignIn(id), at)).collect())
    }
}

/// Narrows a list of accounts. What is not given does not narrow.
#[derive(InputObject, Default)]
pub struct AccountFilter {
    /// Whether they are out of use.
    disabled: Option<bool>,
    /// Those that nobody used since: no sign-in, and no staying signed in.
    unused_since: Option<DateTime<Utc>>,
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
        filter: Option<AccountFilter>,
    ) -> Result<Connection<String, Account>> {
        let viewer = Viewer::of(ctx);
        let reach = viewer.gate.reach::<ViewAccount>()?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let filter = filter.unwrap_or_default();
        let filter =
            super::Filter { is_disabled: filter.disabled, unused_since: filter.unused_since };
        let page = super::list(viewer.db.read(), &reach, filter, slice).await?;
        let homes = if wants(ctx, "home") {
            viewer.load.load_many(page.rows.iter().map(|it| it.home_id)).await?
        } else {
            HashMap::default()
        };
        let sign_ins = if wants(ctx, "lastSignInAt") {
            Some(viewer.load.load_many(page.rows.iter().map(|it| LastSignIn(it.id))).await?)
        } else {
            None
        };
        let node = |row: account::Model| Account {
            home: homes.get(&row.home_id).cloned(),
            last_sign_in: sign_ins.as_ref().map(|all| all.get(&LastSignIn(row.id)).copied()),
            ..Account::from(row)
        };
        Ok(page.connection(|it| it.id, node))
    }
}
