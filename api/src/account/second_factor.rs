//! The second factor: an app that shares a secret with the service, and recovery codes for whoever has lost it.

use chrono::{DateTime, Utc};
use entity::{
    account,
    id::AccountId,
    recovery_code,
    role_grant::Role,
    second_factor::{self, Column},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    PaginatorTrait, QueryFilter, sea_query::Expr,
};

use super::{AccountErrorCode, totp};
use crate::{
    authn::{self, Keys},
    authz::{Permit, policy::ResetSecondFactor},
    error::{Error, Failure, Refusal},
    refusals,
};

refusals! {
    /// Why a second factor was not set up or removed.
    SecondFactorErrorCode, SecondFactorUserError {
        /// The account has one; remove it first.
        EnrolledAlready = "已启用两步验证", "there is a second factor already";
        /// None is waiting to be confirmed, or there is none to be removed.
        NotEnrolled = "尚未启用两步验证", "there is no second factor";
        /// The code is wrong, over a minute old, or was used before.
        CodeWrong = "验证码不正确或已使用", "the code is wrong, or was used";
        /// Wrong codes or passwords were sent too often.
        TooManyAttempts = "尝试次数过多，请在{}秒后再试", "too many attempts; try again in {} seconds";
    }
}

/// Bytes of a secret: those of HMAC-SHA1.
const SECRET: usize = 20;
const RECOVERY_CODES: usize = 10;

fn place(account: AccountId) -> String {
    format!("second_factor {}", account.0)
}

/// Whether one of these roles asks for a second factor, as the service is told.
#[must_use]
pub fn is_asked(of: &[Role], held: impl IntoIterator<Item = Role>) -> bool {
    held.into_iter().any(|it| of.contains(&it))
}

/// Whether an account has one that is asked for.
pub async fn has(db: &impl ConnectionTrait, account: AccountId) -> Result<bool, Failure> {
    let found =
        second_factor::Entity::find_by_id(account).filter(Column::ConfirmedAt.is_not_null());
    Ok(found.count(db).await? > 0)
}

/// Begins to set one up: a secret for the app, in base 32. It counts once a code confirms it; until then another begins anew.
pub async fn enrol(
    tx: &DatabaseTransaction,
    keys: &Keys,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<String, Error<SecondFactorErrorCode>> {
    if has(tx, account).await? {
        return Err(SecondFactorErrorCode::EnrolledAlready.into());
    }
    let mut secret = [0; SECRET];
    aws_lc_rs::rand::fill(&mut secret).map_err(Failure::internal)?;
    remove(tx, account).await?;
    let row = second_factor::ActiveModel {
        account_id: Set(account),
        sealed: Set(keys.seal_at(&place(account), &secret)?),
        confirmed_at: Set(None),
        last_step: Set(0),
        created_at: Set(now),
    };
    second_factor::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(totp::base32(&secret))
}

/// Takes the first code of the app: from now on one is asked for at each sign-in. The recovery codes, which are shown this
/// once.
pub async fn confirm(
    tx: &DatabaseTransaction,
    keys: &Keys,
    account: AccountId,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Vec<String>, Error<SecondFactorErrorCode>> {
    let waiting = second_factor::Entity::find_by_id(account)
        .filter(Column::ConfirmedAt.is_null())
        .one(tx)
        .await?
        .ok_or(SecondFactorErrorCode::NotEnrolled)?;
    if !take_code(tx, keys, &waiting, code, now).await? {
        return Err(SecondFactorErrorCode::CodeWrong.at(["code"]).into());
    }
    second_factor::Entity::update_many()
        .col_expr(Column::ConfirmedAt, Expr::value(now))
        .filter(Column::AccountId.eq(account))
        .exec(tx)
        .await?;
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let code = authn::ticket_code()?;
        let row = recovery_code::ActiveModel {
            account_id: Set(account),
            hash: Set(authn::fingerprint(&code)),
            used_at: Set(None),
        };
        recovery_code::Entity::insert(row).exec_without_returning(tx).await?;
        codes.push(code);
    }
    Ok(codes)
}

/// Takes a code of the app or a recovery code. Each is taken once, at whichever server.
pub async fn take(
    tx: &DatabaseTransaction,
    keys: &Keys,
    account: AccountId,
    code: &str,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    let found = second_factor::Entity::find_by_id(account)
        .filter(Column::ConfirmedAt.is_not_null())
        .one(tx)
        .await?;
    let Some(found) = found else { return Ok(false) };
    if take_code(tx, keys, &found, code, now).await? {
        return Ok(true);
    }
    let recovered = recovery_code::Entity::update_many()
        .col_expr(recovery_code::Column::UsedAt, Expr::value(now))
        .filter(recovery_code::Column::AccountId.eq(account))
        .filter(recovery_code::Column::Hash.eq(authn::fingerprint(&authn::read_ticket_code(code))))
        .filter(recovery_code::Column::UsedAt.is_null())
        .exec(tx)
        .await?;
    Ok(recovered.rows_affected > 0)
}

async fn take_code(
    tx: &DatabaseTransaction,
    keys: &Keys,
    row: &second_factor::Model,
    code: &str,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    let secret = keys.open_at(&place(row.account_id), &row.sealed)?;
    let Some(step) = totp::step_of(&secret, code, now.timestamp()) else { return Ok(false) };
    let taken = second_factor::Entity::update_many()
        .col_expr(Column::LastStep, Expr::value(step))
        .filter(Column::AccountId.eq(row.account_id))
        .filter(Column::LastStep.lt(step))
        .exec(tx)
        .await?;
    Ok(taken.rows_affected > 0)
}

/// Removes an account's second factor, if it has one, with its recovery codes.
pub async fn remove(tx: &DatabaseTransaction, account: AccountId) -> Result<(), Failure> {
    recovery_code::Entity::delete_many()
        .filter(recovery_code::Column::AccountId.eq(account))
        .exec(tx)
        .await?;
    second_factor::Entity::delete_by_id(account).exec(tx).await?;
    Ok(())
}

/// Removes one's own, by a code of it.
pub async fn give_up(
    tx: &DatabaseTransaction,
    keys: &Keys,
    account: AccountId,
    code: &str,
    now: DateTime<Utc>,
) -> Result<(), Error<SecondFactorErrorCode>> {
    if !has(tx, account).await? {
        return Err(SecondFactorErrorCode::NotEnrolled.into());
    }
    if !take(tx, keys, account, code, now).await? {
        return Err(SecondFactorErrorCode::CodeWrong.at(["code"]).into());
    }
    Ok(remove(tx, account).await?)
}

/// The same for somebody who has lost it, whose sign-ins end.
pub async fn reset(
    tx: &DatabaseTransaction,
    permit: &Permit<ResetSecondFactor>,
    now: DateTime<Utc>,
) -> Result<account::Model, Error<AccountErrorCode>> {
    let account = permit.on();
    if account.id == permit.actor() {
        return Err(AccountErrorCode::OwnAccount.at(["accountId"]).into());
    }
    remove(tx, account.id).await?;
    super::end_sign_ins(tx, account.id, None, now).await?;
    Ok(account.clone())
}
