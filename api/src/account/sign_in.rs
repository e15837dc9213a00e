//! Signing in, staying signed in, signing out.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    account,
    id::{AccountId, RefreshTokenId, SignInId},
    refresh_token::{self, Column},
    sign_in,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, Query},
};

use crate::{
    authn::{self, Keys, Tokens},
    config::Accounts,
    error::Failure,
    refusals,
};

refusals! {
    /// Why nobody was signed in.
    SignInErrorCode, SignInUserError {
        /// The username or the password is wrong, or the account is out of use; it is not said which.
        InvalidCredentials = "用户名或密码不正确", "the username or the password is wrong";
        /// Signing in failed too often of late, for this account or from this address. The password was not looked at.
        TooManyAttempts = "尝试次数过多，请在{}秒后再试", "too many attempts; try again in {} seconds";
        /// The password is right, and the account has a second factor: send both again with `code`.
        SecondFactorNeeded = "请输入动态验证码", "a code of the second factor is needed";
        /// The code is wrong, over a minute old, or was used before. It is counted like a wrong password.
        SecondFactorWrong = "验证码不正确或已使用", "the code is wrong, or was used";
        /// The code of another system is unknown, over 5 minutes old, was used, or is not of whoever sends it.
        ProviderCodeInvalid = "登录已失效，请重新登录", "signing in took too long, or was done; begin anew";
        /// It is known who it is at the other system, and no account in use is linked with that. The message names them for an
        /// administrator to link.
        NotLinked = "身份{}尚未关联账号，请联系管理员", "no account is linked with {}; ask an administrator";
    }
}

refusals! {
    /// Why there are no new tokens.
    RefreshTokensErrorCode, RefreshTokensUserError {
        /// The token is unknown, expired, or of a sign-in that is over. Used a second time, it ends its sign-in.
        InvalidToken = "登录已失效，请重新登录", "the sign-in is over; sign in again";
    }
}

/// How long an ended sign-in stays on record, for whoever asks later from where an account was used.
const KEPT: TimeDelta = TimeDelta::days(190);
/// How many sign-ins are listed.
const LISTED: u64 = 100;

/// How long sign-ins last.
#[derive(Clone, Copy)]
pub struct Times {
    /// Without a refresh.
    pub idle: TimeDelta,
    /// In all.
    pub whole: TimeDelta,
}

impl From<&Accounts> for Times {
    fn from(config: &Accounts) -> Self {
        Self { idle: config.sign_in_idle(), whole: config.sign_in_lasts() }
    }
}

/// Where somebody signs in from.
#[derive(Clone, Copy, Default)]
pub struct Origin<'a> {
    pub address: Option<&'a str>,
    pub agent: Option<&'a str>,
    /// The other system that says who they are.
    pub provider: Option<&'a str>,
}

/// Opens a sign-in for an account of whoever is known to be who they say they are.
pub async fn public_open(
    tx: &DatabaseTransaction,
    keys: &Keys,
    account: AccountId,
    from: Origin<'_>,
    times: Times,
    now: DateTime<Utc>,
) -> Result<(Tokens, SignInId), Failure> {
    let row = sign_in::ActiveModel {
        id: Set(SignInId::generate()),
        account_id: Set(account),
        address: Set(from.address.map(str::to_owned)),
        agent: Set(from.agent.map(str::to_owned)),
        provider: Set(from.provider.map(str::to_owned)),
        created_at: Set(now),
        last_used_at: Set(now),
        expires_at: Set(now + times.whole),
        ended_at: Set(None),
    };
    let row = row.insert(tx).await?;
    Ok((issue(tx, keys, &row, times, now).await?, row.id))
}

/// What became of a refresh token that was sent.
pub enum Refreshed {
    Tokens(Tokens, AccountId),
    /// Somebody was quicker with the same.
    Reused,
    Unknown,
}

/// Changes a refresh token for new tokens. Of two who send the same at once, one gets them.
pub async fn public_refresh(
    tx: &DatabaseTransaction,
    keys: &Keys,
    token: &str,
    times: Times,
    now: DateTime<Utc>,
) -> Result<Refreshed, Failure> {
    let found = refresh_token::Entity::find()
        .filter(Column::Hash.eq(authn::fingerprint(token)))
        .one(tx)
        .await?;
    let Some(found) = found else { return Ok(Refreshed::Unknown) };
    let open = sign_in::Entity::find_by_id(found.sign_in_id)
        .filter(sign_in::Column::EndedAt.is_null())
        .filter(sign_in::Column::ExpiresAt.gt(now))
        .find_also_related(account::Entity)
        .filter(account::Column::DisabledAt.is_null())
        .one(tx)
        .await?;
    let Some((sign_in, Some(account))) = open else { return Ok(Refreshed::Unknown) };
    let mine = refresh_token::Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::Id.eq(found.id))
        .filter(Column::UsedAt.is_null())
        .exec(tx)
        .await?;
    if mine.rows_affected == 0 {
        return Ok(Refreshed::Reused);
    }
    if found.expires_at <= now {
        return Ok(Refreshed::Unknown);
    }
    let used = sign_in::ActiveModel {
        id: Unchanged(sign_in.id),
        last_used_at: Set(now),
        ..Default::default()
    };
    sign_in::Entity::update(used).exec_without_returning(tx).await?;
    Ok(Refreshed::Tokens(issue(tx, keys, &sign_in, times, now).await?, account.id))
}

/// Whose token this is, if it was used before.
pub async fn used_by(db: &impl ConnectionTrait, token: &str) -> Result<Option<AccountId>, Failure> {
    let used = refresh_token::Entity::find()
        .filter(Column::Hash.eq(authn::fingerprint(token)))
        .filter(Column::UsedAt.is_not_null())
        .one(db)
        .await?;
    let Some(used) = used else { return Ok(None) };
    let sign_in = sign_in::Entity::find_by_id(used.sign_in_id).one(db).await?;
    Ok(sign_in.map(|it| it.account_id))
}

/// Ends the sign-in of a token that came twice, because one of the two who have it has stolen it.
pub async fn public_end_reused(
    tx: &DatabaseTransaction,
    token: &str,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let used = refresh_token::Entity::find()
        .filter(Column::Hash.eq(authn::fingerprint(token)))
        .one(tx)
        .await?;
    let Some(used) = used else { return Ok(()) };
    let of = sign_in::Entity::find_by_id(used.sign_in_id).one(tx).await?;
    if let Some(of) = of {
        end(tx, of.account_id, of.id, now).await?;
    }
    Ok(())
}

/// Ends a sign-in of an account: its tokens are dead at once. Whether it was open.
pub async fn end(
    tx: &impl ConnectionTrait,
    account: AccountId,
    id: SignInId,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    let ended = sign_in::Entity::update_many()
        .col_expr(sign_in::Column::EndedAt, Expr::value(now))
        .filter(sign_in::Column::Id.eq(id))
        .filter(sign_in::Column::AccountId.eq(account))
        .filter(sign_in::Column::EndedAt.is_null())
        .filter(sign_in::Column::ExpiresAt.gt(now))
        .exec(tx)
        .await?;
    Ok(ended.rows_affected > 0)
}

/// The sign-ins of an account that are open, the newest first: the last hundred.
pub async fn list(
    db: &impl ConnectionTrait,
    account: AccountId,
    times: Times,
    now: DateTime<Utc>,
) -> Result<Vec<sign_in::Model>, Failure> {
    Ok(sign_in::Entity::find()
        .filter(sign_in::Column::AccountId.eq(account))
        .filter(sign_in::Column::EndedAt.is_null())
        .filter(sign_in::Column::ExpiresAt.gt(now))
        .filter(sign_in::Column::LastUsedAt.gt(now - times.idle))
        .order_by_desc(sign_in::Column::Id)
        .limit(LISTED)
        .all(db)
        .await?)
}

async fn issue(
    tx: &DatabaseTransaction,
    keys: &Keys,
    sign_in: &sign_in::Model,
    times: Times,
    now: DateTime<Utc>,
) -> Result<Tokens, Failure> {
    let (access_token, access_token_expires_at) =
        keys.access(sign_in.account_id, sign_in.id, sign_in.expires_at, now)?;
    let refresh_token = authn::secret()?;
    let refresh_token_expires_at = (now + times.idle).min(sign_in.expires_at);
    let row = refresh_token::ActiveModel {
        id: Set(RefreshTokenId::generate()),
        sign_in_id: Set(sign_in.id),
        hash: Set(authn::fingerprint(&refresh_token)),
        expires_at: Set(refresh_token_expires_at),
        used_at: Set(None),
    };
    refresh_token::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(Tokens { access_token, access_token_expires_at, refresh_token, refresh_token_expires_at })
}

/// Drops the sign-ins of long ago, with their tokens.
pub async fn drop_old(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<(), Failure> {
    let of_long_ago = sign_in::Column::ExpiresAt.lt(now - KEPT);
    let theirs = Query::select()
        .column(sign_in::Column::Id)
        .from(sign_in::Entity)
        .and_where(of_long_ago.clone())
        .to_owned();
    refresh_token::Entity::delete_many()
        .filter(Column::SignInId.in_subquery(theirs))
        .exec(tx)
        .await?;
    sign_in::Entity::delete_many().filter(of_long_ago).exec(tx).await?;
    Ok(())
}
