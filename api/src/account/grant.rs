//! Grants: a role given to an account over one scope, until a time. Nobody grants what is above their own.

use chrono::{DateTime, Utc};
use entity::{
    account,
    id::{AccountId, ActivityId, GrantId, OrganisationId, ProgrammeId},
    role_grant::{self, Column, Role},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, QueryFilter, QueryOrder,
};

use crate::{
    authz::{Action, Permit, policy::RevokeGrant},
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

/// Gives an account a role over the permit's row.
pub async fn give<A: Action<By = AccountId>>(
    tx: &DatabaseTransaction,
    permit: &Permit<A>,
    over: Over,
    to: &account::Model,
    role: Role,
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<role_grant::Model, Error<GrantErrorCode>> {
    if to.id == permit.actor() {
        return Err(GrantErrorCode::OwnAccount.at(["accountId"]).into());
    }
    if to.disabled_at.is_some() {
        return Err(GrantErrorCode::AccountDisabled.at(["accountId"]).into());
    }
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
    Ok(insert(tx, to.id, role, over, expires_at, Some(permit.actor()), now).await?)
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
    let (organisation, programme, activity) = match over {
        Over::Organisation(id) => (Some(id), None, None),
        Over::Programme(id) => (None, Some(id), None),
        Over::Activity(id) => (None, None, Some(id)),
    };
    let row = role_grant::ActiveModel {
        id: Set(GrantId::generate()),
        account_id: Set(to),
        role: Set(role),
        organisation_id: Set(organisation),
        programme_id: Set(programme),
        activity_id: Set(activity),
        expires_at: Set(expires_at),
        created_at: Set(now),
        created_by: Set(by),
        revoked_at: Set(None),
    };
    Ok(row.insert(tx).await?)
}

/// Takes a grant back. Taking back what was taken back changes nothing.
pub async fn revoke(
    tx: &DatabaseTransaction,
    permit: &Permit<RevokeGrant>,
    now: DateTime<Utc>,
) -> Result<role_grant::Model, Error<GrantErrorCode>> {
    if !may_give(permit.roles(), permit.on().role) {
        return Err(GrantErrorCode::RoleAboveOwn.at(["grantId"]).into());
    }
    let mut row: role_grant::ActiveModel = permit.on().clone().into();
    row.revoked_at = Set(permit.on().revoked_at.or(Some(now)));
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
