//! What a password may be, and which an account has had.

use chrono::{DateTime, Utc};
use entity::{
    account,
    id::{AccountId, PastPasswordId},
    past_password::{self, Column},
    role_grant::Role,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::{AccountErrorCode as Code, api_key, end_sign_ins};
use crate::{
    authz::{Permit, policy::ResetPassword},
    config::Accounts,
    error::{Error, Failure, Refusal, Refused},
};

/// The passwords that are tried first, in lower case, one a line.
const COMMON: &str = include_str!("common_passwords.txt");
const LONGEST: usize = 200;
/// How many of an account's passwords are remembered, the one in use among them.
pub const REMEMBERED: u64 = 5;

/// Whether a role asks for the longer passwords.
#[must_use]
pub fn is_administrator(role: Role) -> bool {
    use Role::{Auditor, OrgAdmin, PlatformAdmin, SecurityAdmin};
    matches!(role, PlatformAdmin | SecurityAdmin | Auditor | OrgAdmin)
}

/// What is wrong with a password for an account of this name that holds these roles, whatever it had before.
#[must_use]
pub fn fault(
    rules: &Accounts,
    password: &str,
    username: &str,
    roles: &[Role],
    field: &str,
) -> Option<Refused<Code>> {
    let least = if roles.iter().copied().any(is_administrator) {
        rules.admin_password_length.max(rules.password_length)
    } else {
        rules.password_length
    };
    let length = password.chars().count();
    if length > LONGEST || u64::try_from(length).is_ok_and(|it| it < least) {
        return Some(Code::PasswordLength.at([field]).about(least));
    }
    if classes(password) < rules.password_classes {
        return Some(Code::PasswordTooPlain.at([field]).about(rules.password_classes));
    }
    let lower = password.to_lowercase();
    if !username.is_empty() && lower.contains(username) {
        return Some(Code::PasswordHoldsUsername.at([field]));
    }
    if COMMON.lines().any(|it| it == lower) {
        return Some(Code::PasswordCommon.at([field]));
    }
    None
}

fn classes(password: &str) -> u64 {
    let has = |of: fn(char) -> bool| u64::from(password.chars().any(of));
    has(char::is_lowercase)
        + has(char::is_uppercase)
        + has(char::is_numeric)
        + has(|it| !it.is_lowercase() && !it.is_uppercase() && !it.is_numeric())
}

/// The hashes of the passwords that an account does not take again, the newest first.
pub async fn remembered(
    db: &impl ConnectionTrait,
    account: AccountId,
) -> Result<Vec<past_password::Model>, Failure> {
    Ok(past_password::Entity::find()
        .filter(Column::AccountId.eq(account))
        .order_by_desc(Column::Id)
        .limit(REMEMBERED)
        .all(db)
        .await?)
}

/// Gives an account a new password and ends its sign-ins. Whoever uses it changes it before anything else.
pub async fn reset(
    tx: &DatabaseTransaction,
    permit: &Permit<ResetPassword>,
    hash: String,
    now: DateTime<Utc>,
) -> Result<account::Model, Error<Code>> {
    let is_own = permit.on().id == permit.actor();
    if !is_own {
        api_key::revoke_all(tx, permit.on().id, now).await?;
    }
    Ok(keep(tx, permit.on(), hash, !is_own, now).await?)
}

/// The same by the account's own choice or the command line's: nothing more has to be changed.
pub async fn set(
    tx: &impl ConnectionTrait,
    account: &account::Model,
    hash: String,
    now: DateTime<Utc>,
) -> Result<account::Model, Error<Code>> {
    Ok(keep(tx, account, hash, false, now).await?)
}

async fn keep(
    tx: &impl ConnectionTrait,
    account: &account::Model,
    hash: String,
    must_change: bool,
    now: DateTime<Utc>,
) -> Result<account::Model, Failure> {
    // Whoever signs in by the old one at this moment is before this, and ended by it, or finds the new one.
    account::Entity::find_by_id(account.id).lock_exclusive().one(tx).await?;
    end_sign_ins(tx, account.id, None, now).await?;
    remember(tx, account.id, hash.clone(), now).await?;
    let row = account::ActiveModel {
        id: Unchanged(account.id),
        password_hash: Set(hash),
        must_change: Set(must_change),
        ..Default::default()
    };
    Ok(row.update(tx).await?)
}

/// Puts a password on record, and drops those of long ago.
pub(super) async fn remember(
    tx: &impl ConnectionTrait,
    account: AccountId,
    hash: String,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let row = past_password::ActiveModel {
        id: Set(PastPasswordId::generate()),
        account_id: Set(account),
        hash: Set(hash),
        set_at: Set(now),
    };
    past_password::Entity::insert(row).exec_without_returning(tx).await?;
    let kept = remembered(tx, account).await?;
    if let Some(oldest) = kept.last() {
        past_password::Entity::delete_many()
            .filter(Column::AccountId.eq(account))
            .filter(Column::Id.lt(oldest.id))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Whether an account still has the password that it was read with, and is in use. Holds it so until the commit.
pub async fn is_still(tx: &DatabaseTransaction, account: &account::Model) -> Result<bool, Failure> {
    let now = account::Entity::find_by_id(account.id).lock_exclusive().one(tx).await?;
    Ok(now.is_some_and(|it| it.password_hash == account.password_hash && it.disabled_at.is_none()))
}

/// Whether the password in use has been so for longer than the rules allow.
pub async fn is_old(
    db: &impl ConnectionTrait,
    account: &account::Model,
    rules: &Accounts,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    let Some(age) = rules.password_age() else { return Ok(false) };
    let set_at = remembered(db, account.id).await?.first().map(|it| it.set_at);
    Ok(set_at.unwrap_or(account.created_at) + age <= now)
}

/// Says that the password in use has to be changed before anything else is done.
pub async fn demand_change(tx: &DatabaseTransaction, account: AccountId) -> Result<(), Failure> {
    let row = account::ActiveModel {
        id: Unchanged(account),
        must_change: Set(true),
        ..Default::default()
    };
    row.update(tx).await?;
    Ok(())
}
