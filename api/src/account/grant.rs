//! Grants: a role given to an account over one scope, until a time. Nobody grants what is above their own, nor to oneself;
//! whoever is away lets somebody else act by a grant of theirs for as long.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    account,
    id::{AccountId, ActivityId, GrantId, OrganisationId, ProgrammeId},
    role_grant::{self, Column, Role},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::{
    authz::{
        Action, Permit,
        policy::{DelegateGrant, RevokeGrant},
    },
    error::{Error, Failure, Refusal},
    refusals,
};

refusals! {
    /// Why a role was not granted or taken back.
    GrantErrorCode, GrantUserError {
        /// Not exactly one of the three scopes is given.
        ScopeUnclear = "须且只能给出一个授权范围", "give exactly one scope";
        /// The role is above what the granter may give.
        RoleAboveOwn = "不能授予高于自身的角色", "the role is above one's own";
        /// One grants nothing to oneself.
        OwnAccount = "不能给自己授权", "not to one's own account";
        /// The role cannot be given over a scope of this kind.
        RoleNeedsOrganisation = "此角色只能授予组织范围", "this role is given over an organisation";
        /// The end lies in the past.
        ExpiresInPast = "到期时间已过", "the end lies in the past";
        /// The account is out of use.
        AccountDisabled = "账号已停用", "the account is out of use";
        /// PLATFORM_ADMIN, SECURITY_ADMIN and AUDITOR are kept apart, from each other and from all roles but VIEWER.
        KeptApart = "系统管理员、安全管理员、审计员须各自独立，且不得兼任其他角色", "the three administrators are kept apart from each other and from all other roles";
        /// It is not said why.
        ReasonMissing = "请说明理由", "say why";
        /// A text is too long.
        TextTooLong = "最多{}个字符", "at most {} characters";
        /// What was delegated is not delegated on.
        DelegatedAlready = "受托的授权不能再转托", "what was delegated is not delegated on";
        /// It ends before it begins, is over already, or is longer than 92 days.
        AbsenceUnclear = "委托须在将来结束，且不超过92天", "a delegation ends after it begins, in the future, within 92 days";
        /// It would last longer than the grant.
        BeyondOwn = "委托不能晚于自身授权到期", "it would last longer than one's own grant";
    }
}

/// What a grant is given over.
#[derive(Clone, Copy)]
pub enum Over {
    Organisation(OrganisationId),
    Programme(ProgrammeId),
    Activity(ActivityId),
}

/// Whether whoever holds `own` may give a role.
#[must_use]
pub fn may_give(own: &[Role], role: Role) -> bool {
    use Role::{DoorStaff, Liaison, OrgAdmin, Organiser, SecurityAdmin, Viewer};
    own.iter().any(|it| match it {
        SecurityAdmin => true,
        OrgAdmin => matches!(role, OrgAdmin | Organiser | Liaison | DoorStaff | Viewer),
        Organiser => role == DoorStaff,
        _ => false,
    })
}

/// The three administrators, which are kept apart from each other and from whatever shows attendees' data.
const ADMINISTRATORS: [Role; 3] = [Role::PlatformAdmin, Role::SecurityAdmin, Role::Auditor];

/// Whether no account may hold both. The database sees to it, too.
fn clash(one: Role, other: Role) -> bool {
    let is_apart = ADMINISTRATORS.contains(&one) || ADMINISTRATORS.contains(&other);
    one != other && is_apart && ![one, other].contains(&Role::Viewer)
}

/// The longest that a grant is delegated for.
const LONGEST_ABSENCE: TimeDelta = TimeDelta::days(92);

/// What is given.
pub struct Terms {
    pub role: Role,
    pub over: Over,
    pub expires_at: Option<DateTime<Utc>>,
    pub reason: String,
}

/// Gives an account a role over the permit's row.
pub async fn give<A: Action<By = AccountId>>(
    tx: &DatabaseTransaction,
    permit: &Permit<A>,
    to: AccountId,
    terms: Terms,
    now: DateTime<Utc>,
) -> Result<role_grant::Model, Error<GrantErrorCode>> {
    let Terms { role, over, expires_at, reason } = terms;
    if !may_give(permit.roles(), role) {
        return Err(GrantErrorCode::RoleAboveOwn.at(["role"]).into());
    }
    if expires_at.is_some_and(|at| at <= now) {
        return Err(GrantErrorCode::ExpiresInPast.at(["expiresAt"]).into());
    }
    // What is not about one programme or activity is not given over one.
    let narrow = matches!(role, Role::Organiser | Role::DoorStaff | Role::Viewer);
    if !narrow && !matches!(over, Over::Organisation(_)) {
        return Err(GrantErrorCode::RoleNeedsOrganisation.at(["role"]).into());
    }
    may_hold(tx, permit.actor(), to, role, now).await?;
    let mut row = draft(to, role, over, Some(permit.actor()), now);
    row.expires_at = Set(expires_at);
    row.reason = Set(Some(reason));
    Ok(row.insert(tx).await?)
}

/// Refuses to let somebody have a role: oneself, whoever is out of use, and whoever has one that it is kept apart from.
/// Grants to one account wait for each other.
async fn may_hold(
    tx: &DatabaseTransaction,
    by: AccountId,
    to: AccountId,
    role: Role,
    now: DateTime<Utc>,
) -> Result<(), Error<GrantErrorCode>> {
    if to == by {
        return Err(GrantErrorCode::OwnAccount.at(["accountId"]).into());
    }
    let found = account::Entity::find_by_id(to).lock_exclusive().one(tx).await?;
    if found.ok_or(Failure::NotFound)?.disabled_at.is_some() {
        return Err(GrantErrorCode::AccountDisabled.at(["accountId"]).into());
    }
    let is_over = |it: &role_grant::Model| it.expires_at.is_some_and(|at| at <= now);
    if list(tx, to).await?.iter().any(|it| !is_over(it) && clash(it.role, role)) {
        return Err(GrantErrorCode::KeptApart.at(["role"]).into());
    }
    Ok(())
}

/// Lets another account act by the permit's grant from one instant until another. It ends by itself, and with the grant.
pub async fn delegate(
    tx: &DatabaseTransaction,
    permit: &Permit<DelegateGrant>,
    to: AccountId,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    reason: String,
    now: DateTime<Utc>,
) -> Result<role_grant::Model, Error<GrantErrorCode>> {
    let own = role_grant::Entity::find_by_id(permit.on().id).lock_exclusive().one(tx).await?;
    let own = own.filter(|it| it.revoked_at.is_none()).ok_or(Failure::NotFound)?;
    if own.delegates_id.is_some() {
        return Err(GrantErrorCode::DelegatedAlready.at(["grantId"]).into());
    }
    if until <= from || until <= now || until - from > LONGEST_ABSENCE {
        return Err(GrantErrorCode::AbsenceUnclear.at(["until"]).into());
    }
    if own.expires_at.is_some_and(|at| at < until) {
        return Err(GrantErrorCode::BeyondOwn.at(["until"]).into());
    }
    may_hold(tx, permit.actor(), to, own.role, now).await?;
    let row = role_grant::ActiveModel {
        starts_at: Set(Some(from)),
        expires_at: Set(Some(until)),
        delegates_id: Set(Some(own.id)),
        reason: Set(Some(reason)),
        organisation_id: Set(own.organisation_id),
        programme_id: Set(own.programme_id),
        activity_id: Set(own.activity_id),
        ..blank(to, own.role, Some(permit.actor()), now)
    };
    Ok(row.insert(tx).await?)
}

/// Keeps a grant. For the command line, which asks nobody.
pub async fn insert(
    tx: &impl ConnectionTrait,
    to: AccountId,
    role: Role,
    over: Over,
    expires_at: Option<DateTime<Utc>>,
    by: Option<AccountId>,
    now: DateTime<Utc>,
) -> Result<role_grant::Model, Failure> {
    let mut row = draft(to, role, over, by, now);
    row.expires_at = Set(expires_at);
    Ok(row.insert(tx).await?)
}

fn draft(
    to: AccountId,
    role: Role,
    over: Over,
    by: Option<AccountId>,
    now: DateTime<Utc>,
) -> role_grant::ActiveModel {
    let mut row = blank(to, role, by, now);
    match over {
        Over::Organisation(id) => row.organisation_id = Set(Some(id)),
        Over::Programme(id) => row.programme_id = Set(Some(id)),
        Over::Activity(id) => row.activity_id = Set(Some(id)),
    }
    row
}

/// A grant over nothing yet.
fn blank(
    to: AccountId,
    role: Role,
    by: Option<AccountId>,
    now: DateTime<Utc>,
) -> role_grant::ActiveModel {
    role_grant::ActiveModel {
        id: Set(GrantId::generate()),
        account_id: Set(to),
        role: Set(role),
        organisation_id: Set(None),
        programme_id: Set(None),
        activity_id: Set(None),
        expires_at: Set(None),
        created_at: Set(now),
        created_by: Set(by),
        revoked_at: Set(None),
        reason: Set(None),
        starts_at: Set(None),
        delegates_id: Set(None),
        revoked_by: Set(None),
        revoke_reason: Set(None),
    }
}

/// Takes a grant back, and with it what was delegated of it. Taking back what was taken back changes nothing.
pub async fn revoke(
    tx: &DatabaseTransaction,
    permit: &Permit<RevokeGrant>,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Result<role_grant::Model, Error<GrantErrorCode>> {
    let on = permit.on();
    let is_lent = on.delegates_id.is_some() && on.created_by == Some(permit.actor());
    if !is_lent && !may_give(permit.roles(), on.role) {
        return Err(GrantErrorCode::RoleAboveOwn.at(["grantId"]).into());
    }
    if on.revoked_at.is_some() {
        return Ok(on.clone());
    }
    let mut row: role_grant::ActiveModel = on.clone().into();
    row.revoked_at = Set(Some(now));
    row.revoked_by = Set(Some(permit.actor()));
    row.revoke_reason = Set(reason);
    Ok(row.update(tx).await?)
}

/// The grants of an account that were not taken back, oldest first.
pub async fn list(
    db: &impl ConnectionTrait,
    account: AccountId,
) -> Result<Vec<role_grant::Model>, Failure> {
    Ok(role_grant::Entity::find()
        .filter(Column::AccountId.eq(account))
        .filter(Column::RevokedAt.is_null())
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}
