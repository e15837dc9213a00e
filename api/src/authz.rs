//! Who may do what. A [`Permit`] is the proof, and only this module makes one.
//!
//! A grant is a role over a scope. An action names the rows it is done to and the roles that may; a row says where
//! it stands; a grant covers a place when its scope is above it. Whatever no line of [`POLICY`] allows is denied.

mod actor;
mod duty;
mod held;
pub mod keyed;
mod me;
pub mod place;
pub mod policy;
pub mod recognised;
mod scope;

pub use self::{
    actor::{Actor, By, Doorkeeper},
    duty::Duty,
    held::grants_of,
    me::{Me, Mine, Myself},
    scope::{Near, Place, Scope},
};

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use entity::{
    account, api_key,
    id::{ActivityId, Id, SessionId, SignInId},
    role_grant,
    role_grant::Role,
};
use sea_orm::{
    Condition, ConnectionTrait,
    sea_query::{Expr, ExprTrait, SimpleExpr},
};
use serde::Serialize;
use uuid::Uuid;

use self::policy::CheckIn;
use crate::{db::Db, error::Failure};

/// Something that needs permission, the kind of row it is done to, and the roles that may.
pub trait Action: Send + Sync + 'static {
    type On: Guarded;
    /// Who may do it at all: an account alone, or a device at a door as well.
    type By: By;
    /// As it stands in the policy table and in audit events.
    const NAME: &'static str;
    const ROLES: &'static [Role];
    /// Whether it may also be done from near the row (see [`Near`]), and not only from where it belongs.
    const FROM_NEAR: bool;
}

/// A row that has a place in the tree, and so can be guarded.
pub trait Guarded: Clone + Serialize + Send + Sync + Sized + 'static {
    type Id: Id;
    /// The prefix of its id.
    const KIND: &'static str = Self::Id::PREFIX;
    /// The roles to which its existence is no secret where their scope covers it. All others get NOT_FOUND.
    const SEEN_BY: &'static [Role];

    fn id(&self) -> Self::Id;
    fn uuid(&self) -> Uuid {
        self.id().uuid()
    }
    fn find(
        db: &impl ConnectionTrait,
        id: Self::Id,
    ) -> impl Future<Output = Result<Option<Self>, Failure>> + Send;
    /// Where it stands; with what is near it only where that is asked for, which costs more.
    fn place(
        &self,
        db: &impl ConnectionTrait,
        near: bool,
    ) -> impl Future<Output = Result<Place, Failure>> + Send;
}

/// A grant in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub row: role_grant::Model,
    pub scope: Scope,
}

/// Who is signed in, with what is granted to them now.
#[derive(Clone, Debug)]
pub struct Who {
    pub account: account::Model,
    /// None where somebody acts by an address that was signed for them.
    pub sign_in: Option<SignInId>,
    pub grants: Vec<Held>,
    /// What they have to do before they may do anything else.
    pub duty: Option<Duty>,
    /// By which API key, if by one.
    pub key: Option<api_key::Model>,
}

/// Proof that `actor` may do `A` to this very row.
///
/// Guarded operations take a permit *instead of* an id, so that nothing can be checked on one row and done to another.
pub struct Permit<A: Action> {
    actor: A::By,
    on: A::On,
    roles: Vec<Role>,
    is_near: bool,
}

impl<A: Action> Clone for Permit<A> {
    fn clone(&self) -> Self {
        let Self { actor, on, roles, is_near } = self;
        Self { actor: *actor, on: on.clone(), roles: roles.clone(), is_near: *is_near }
    }
}

impl<A: Action> Permit<A> {
    #[must_use]
    pub fn actor(&self) -> A::By {
        self.actor
    }

    #[must_use]
    pub fn on(&self) -> &A::On {
        &self.on
    }

    #[must_use]
    pub fn into_row(self) -> A::On {
        self.on
    }

    /// All roles that the actor holds over the row, for what depends on more than the action.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// Whether the row does not belong to where the actor may do it, and is only near.
    #[must_use]
    pub fn is_near(&self) -> bool {
        self.is_near
    }

    /// Whether the actor holds one of the roles that may do `B` as well.
    #[must_use]
    pub fn also<B: Action<On = A::On>>(&self) -> bool {
        B::ROLES.iter().any(|role| self.roles.contains(role))
    }
}

/// Proof that `actor` may do `A` to whatever stands in these scopes; for lists.
pub struct Reach<A: Action> {
    scopes: Vec<(Role, Scope)>,
    action: std::marker::PhantomData<A>,
}

impl<A: Action> Reach<A> {
    /// The paths of the organisations in it.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let path = |scope: &Scope| match scope {
            Scope::Organisation(_, path) => Some(path.clone()),
            Scope::Programme(_) | Scope::Activity(_) => None,
        };
        self.scopes.iter().filter_map(|(_, scope)| path(scope)).collect()
    }

    /// A condition that is true where one of the scopes covers; `of` gives it for one scope and the role over it.
    /// Without any scope it is true nowhere.
    #[must_use]
    pub fn condition(&self, of: impl Fn(Role, &Scope) -> SimpleExpr) -> Condition {
        let nowhere = Condition::any().add(Expr::val(1).eq(0));
        self.scopes.iter().map(|(role, scope)| of(*role, scope)).fold(nowhere, Condition::add)
    }
}

/// Hands out permits to one viewer, and is the only way from an id to a guarded row.
#[derive(Clone)]
pub struct Gate {
    who: Option<Who>,
    doorkeeper: Option<Doorkeeper>,
    me: Option<Me>,
    db: Db,
    /// The doors it has let somebody work at. They go with the gate, which is remembered for seconds at most.
    doors: Doors,
    /// Where activities stand that it was asked about; as old at most.
    activities: Activities,
}

/// A role, and what it is held over.
type Grant<'a> = (Role, &'a Scope);

/// The permits to let people in, by their sessions.
type Doors = Arc<Mutex<HashMap<SessionId, Permit<CheckIn>>>>;

/// Where activities stand, without what is near them. Whatever moves one is told as a change of access, and gates are
/// forgotten then.
type Activities = Arc<Mutex<HashMap<Uuid, Place>>>;

impl Gate {
    #[must_use]
    pub fn new(who: Option<Who>, db: Db) -> Self {
        Self {
            who,
            doorkeeper: None,
            me: None,
            db,
            doors: Doors::default(),
            activities: Activities::default(),
        }
    }

    /// The permit to let people in at a session, looked up once for as long as the gate is remembered. What it says of the
    /// session may be as old.
    pub async fn door(&self, session: SessionId) -> Result<Permit<CheckIn>, Failure> {
        let known = self.doors().get(&session).cloned();
        if let Some(permit) = known {
            return Ok(permit);
        }
        let permit = self.permit::<CheckIn>(session).await?;
        self.doors().insert(session, permit.clone());
        Ok(permit)
    }

    fn doors(&self) -> MutexGuard<'_, HashMap<SessionId, Permit<CheckIn>>> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is anybody's.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.who.is_some() || self.doorkeeper.is_some() || self.me.is_some()
    }

    /// Whether another gate lets the same through by the same grants.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        let held =
            |it: &Self| it.who.as_ref().map(|it| (it.account.id, it.duty, it.grants.clone()));
        held(self) == held(other)
    }

    /// Until when a device or an API key acts; none of those who act by a token that says so itself.
    #[must_use]
    pub fn until(&self) -> Option<DateTime<Utc>> {
        let key = || Some(self.who.as_ref()?.key.as_ref()?.expires_at);
        self.doorkeeper.as_ref().map(|it| it.row.expires_at).or_else(key)
    }

    /// When the first of the grants ends by itself that it goes by.
    #[must_use]
    pub fn changes_at(&self) -> Option<DateTime<Utc>> {
        self.who.iter().flat_map(|it| &it.grants).filter_map(|it| it.row.expires_at).min()
    }

    /// Whether anybody is there to whom grants can be given: an account or a device.
    pub fn signed_in(&self) -> Result<(), Failure> {
        self.held().map(drop)
    }

    /// Who acts, and which roles they hold over what.
    fn held(&self) -> Result<(Actor, Vec<Grant<'_>>), Failure> {
        if let Some(it) = &self.doorkeeper {
            return Ok((Actor::Device(it.row.id), it.held().collect()));
        }
        let who = self.acts()?;
        let held = who.grants.iter().map(|it| (it.row.role, &it.scope)).collect();
        Ok((Actor::Account(who.account.id), held))
    }

    /// Sign-in is asked before anything is loaded.
    pub async fn permit<A: Action>(
        &self,
        id: <A::On as Guarded>::Id,
    ) -> Result<Permit<A>, Failure> {
        self.signed_in()?;
        let row = A::On::find(self.db.read(), id).await?.ok_or(Failure::NotFound)?;
        self.permit_on(row).await
    }

    /// For a row that was reached from another.
    pub async fn permit_on<A: Action>(&self, on: A::On) -> Result<Permit<A>, Failure> {
        let (actor, scopes) = self.held()?;
        self.in_scope::<A>()?;
        let inside = |place: &Place, (role, scope): &(Role, &Scope)| {
            !place.closed_to.contains(role) && scope.covers(place)
        };
        // Whoever looks after the row needs nothing that comes from near it.
        let place = self.place(&on).await?;
        let roles: Vec<Role> =
            scopes.iter().filter(|it| inside(&place, it)).map(|(role, _)| *role).collect();
        let looks_after = |role: &Role| [Role::OrgAdmin, Role::Organiser].contains(role);
        if roles.iter().any(looks_after)
            && A::ROLES.iter().any(|role| roles.contains(role))
            && let Some(actor) = A::By::of(actor)
        {
            return Ok(Permit { actor, on, roles, is_near: false });
        }
        let place = on.place(self.db.read(), true).await?;
        let held = |near: bool| {
            let reaches = |it: &&(Role, &Scope)| {
                inside(&place, it) || near && it.1.is_near(it.0, &place.near)
            };
            scopes.iter().filter(reaches).map(|(role, _)| *role).collect::<Vec<_>>()
        };
        let roles = held(A::FROM_NEAR);
        let may = A::ROLES.iter().any(|role| roles.contains(role));
        if let Some(actor) = A::By::of(actor).filter(|_| may) {
            let is_near = !A::ROLES.iter().any(|role| held(false).contains(role));
            Ok(Permit { actor, on, roles, is_near })
        } else if held(true).iter().any(|role| A::On::SEEN_BY.contains(role)) {
            Err(Failure::Forbidden)
        } else {
            // Whoever may not see the thing must not learn that it exists.
            Err(Failure::NotFound)
        }
    }

    /// Where a row stands, without what is near it.
    async fn place<R: Guarded>(&self, on: &R) -> Result<Place, Failure> {
        if R::KIND != ActivityId::PREFIX {
            return on.place(self.db.read(), false).await;
        }
        let known = self.known().get(&on.uuid()).cloned();
        if let Some(place) = known {
            return Ok(place);
        }
        let place = on.place(self.db.read(), false).await?;
        self.known().insert(on.uuid(), place.clone());
        Ok(place)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Uuid, Place>> {
        self.activities.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a permit to do `A` would be given on a row that stands at a place, for what is shown beside a row that was
    /// permitted. The place has what is near it where `A` may be done from there.
    #[must_use]
    pub fn may<A: Action<On = T>, T: Guarded>(&self, place: &Place) -> bool {
        let Ok((actor, scopes)) = self.held() else { return false };
        let reaches = |(role, scope): &Grant<'_>| {
            A::ROLES.contains(role)
                && (scope.covers(place) && !place.closed_to.contains(role)
                    || A::FROM_NEAR && scope.is_near(*role, &place.near))
        };
        A::By::of(actor).is_some() && scopes.iter().any(reaches)
    }

    /// Everything that the viewer may do `A` to. FORBIDDEN where no grant allows it anywhere.
    pub fn reach<A: Action>(&self) -> Result<Reach<A>, Failure> {
        let (actor, held) = self.held()?;
        self.in_scope::<A>()?;
        let scopes: Vec<(Role, Scope)> = held
            .into_iter()
            .filter(|(role, _)| A::ROLES.contains(role))
            .map(|(role, scope)| (role, scope.clone()))
            .collect();
        if scopes.is_empty() || A::By::of(actor).is_none() {
            return Err(Failure::Forbidden);
        }
        Ok(Reach { scopes, action: std::marker::PhantomData })
    }
}
