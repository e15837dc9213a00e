//! Signing in, staying signed in, signing out.

use chrono::{DateTime, Utc};
use entity::{
    account,
    id::{AccountId, RefreshTokenId, SignInId},
    refresh_token::{self, Column},
    sign_in,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, QueryFilter, sea_query::Expr,
};

use crate::{
    authn::{self, Keys, REFRESH, Tokens},
    error::Failure,
    refusals,
};

refusals! {
    /// Why nobody was signed in.
    SignInErrorCode, SignInUserError {
        /// The username or the password is wrong, or the account is out of use; it is not said which.
        InvalidCredentials = "用户名或密码不正确", "the username or the password is wrong";
    }
}

refusals! {
    /// Why there are no new tokens.
    RefreshTokensErrorCode, RefreshTokensUserError {
        /// The token is unknown, expired, or of a sign-in that was ended. Used a second time, it ends its sign-in.
        InvalidToken = "登录已失效，请重新登录", "the sign-in is over; sign in again";
    }
}

/// Opens a sign-in for an account whose password was right.
pub async fn public_open(
    tx: &DatabaseTransaction,
    keys: &Keys,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<(Tokens, SignInId), Failure> {
    let row = sign_in::ActiveModel {
        id: Set(SignInId::generate()),
        account_id: Set(account),
        created_at: Set(now),
        ended_at: Set(None),
    };
    let row = row.insert(tx).await?;
    Ok((issue(tx, keys, &row, now).await?, row.id))
}

/// What became of a refresh token that was sent.
pub enum Refreshed {
    Tokens(Tokens, AccountId),
    /// It had been used before: its sign-in is ended, because one of the two who have it has stolen it.
    Reused(AccountId),
    Unknown,
}

/// Changes a refresh token for new tokens. Of two who send the same at once, one gets them.
pub async fn public_refresh(
    tx: &DatabaseTransaction,
    keys: &Keys,
    token: &str,
    now: DateTime<Utc>,
) -> Result<Refreshed, Failure> {
    let found = refresh_token::Entity::find()
        .filter(Column::Hash.eq(authn::fingerprint(token)))
        .one(tx)
        .await?;
    let Some(found) = found else { return Ok(Refreshed::Unknown) };
    let open = sign_in::Entity::find_by_id(found.sign_in_id)
        .filter(sign_in::Column::EndedAt.is_null())
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
        end(tx, sign_in.id, now).await?;
        return Ok(Refreshed::Reused(account.id));
    }
    if found.expires_at <= now {
        return Ok(Refreshed::Unknown);
    }
    Ok(Refreshed::Tokens(issue(tx, keys, &sign_in, now).await?, account.id))
}

/// Ends a sign-in: its tokens are dead at once. Ending what is ended changes nothing.
pub async fn end(
    tx: &impl ConnectionTrait,
    id: SignInId,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    sign_in::Entity::update_many()
        .col_expr(sign_in::Column::EndedAt, Expr::value(now))
        .filter(sign_in::Column::Id.eq(id))
        .filter(sign_in::Column::EndedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

async fn issue(
    tx: &DatabaseTransaction,
    keys: &Keys,
    sign_in: &sign_in::Model,
    now: DateTime<Utc>,
) -> Result<Tokens, Failure> {
    let (access_token, access_token_expires_at) =
        keys.access(sign_in.account_id, sign_in.id, now)?;
    let refresh_token = authn::secret()?;
    let refresh_token_expires_at = now + REFRESH;
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
