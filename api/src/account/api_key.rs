//! API keys: other systems act by them for an account, within its grants and the key's scopes.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    account,
    api_key::{self, Column, Scope, Scopes},
    id::{AccountId, ApiKeyId},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::Expr,
};

use crate::{
    authn,
    authz::{self, Who},
    db::Db,
    error::{Error, Failure},
    refusals,
};

refusals! {
    /// Why no key was made.
    CreateApiKeyErrorCode, CreateApiKeyUserError {
        /// The name is missing.
        NameMissing = "名称不能为空", "the name is missing";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// No scope is named.
        ScopeMissing = "至少选择一项权限范围", "name a scope at least";
        /// Its end is not in the future, or more than 366 days away.
        ExpiresAtUnfit = "有效期须在将来366天之内", "it is good until a time in the next 366 days";
        /// The account has 20 keys that are in use.
        TooMany = "每个账号最多20个密钥", "an account has at most 20 keys";
    }
}

/// What every key begins with, so that whoever looks for secrets in code finds it.
const PREFIX: &str = "qlk_";
/// How much of a key is kept as it is, for its owner to know it by.
const SHOWN: usize = 10;
const MOST: u64 = 20;
pub const LONGEST: TimeDelta = TimeDelta::days(366);
/// How exactly it is known when a key was last used.
const USED: TimeDelta = TimeDelta::minutes(10);

/// A key to be.
pub struct Draft {
    pub name: String,
    pub scopes: Vec<Scope>,
    pub expires_at: DateTime<Utc>,
}

/// Makes a key of an account; and the key itself, which is kept nowhere.
pub async fn create(
    tx: &DatabaseTransaction,
    account: AccountId,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<(api_key::Model, String), Error<CreateApiKeyErrorCode>> {
    // Of two at once the later one counts the earlier.
    account::Entity::find_by_id(account).lock_exclusive().one(tx).await?;
    let in_use = api_key::Entity::find()
        .filter(Column::AccountId.eq(account))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(now));
    if in_use.count(tx).await? >= MOST {
        return Err(CreateApiKeyErrorCode::TooMany.into());
    }
    let key = format!("{PREFIX}{}", authn::secret()?);
    let row = api_key::ActiveModel {
        id: Set(ApiKeyId::generate()),
        account_id: Set(account),
        name: Set(draft.name),
        hash: Set(authn::fingerprint(&key)),
        begins: Set(key[..SHOWN].to_owned()),
        scopes: Set(Scopes(draft.scopes)),
        created_at: Set(now),
        expires_at: Set(draft.expires_at),
        last_used_at: Set(None),
        revoked_at: Set(None),
    };
    Ok((row.insert(tx).await?, key))
}

/// The keys of an account that are in use, the newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<Vec<api_key::Model>, Failure> {
    Ok(api_key::Entity::find()
        .filter(Column::AccountId.eq(account))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .order_by_desc(Column::Id)
        .all(db)
        .await?)
}

/// Takes a key of an account out of use at once. Whether it was in use.
pub async fn revoke(
    tx: &DatabaseTransaction,
    account: AccountId,
    id: ApiKeyId,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    let revoked = api_key::Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::AccountId.eq(account))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .exec(tx)
        .await?;
    Ok(revoked.rows_affected > 0)
}

/// Takes all keys of an account out of use, with its sign-ins.
pub(super) async fn revoke_all(
    tx: &impl ConnectionTrait,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    api_key::Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now))
        .filter(Column::AccountId.eq(account))
        .filter(Column::RevokedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// For whom the key of an `Authorization` header acts, unless it is over or the account out of use.
pub async fn authenticate(
    db: &Db,
    header: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<Who>, Failure> {
    let key = header.and_then(authn::bearer).filter(|it| it.starts_with(PREFIX));
    let Some(key) = key else { return Ok(None) };
    let found = api_key::Entity::find()
        .filter(Column::Hash.eq(authn::fingerprint(key)))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .find_also_related(account::Entity)
        .filter(account::Column::DisabledAt.is_null())
        .one(db.read())
        .await?;
    let Some((row, Some(account))) = found else { return Ok(None) };
    if row.last_used_at.is_none_or(|at| at + USED <= now) {
        let used = api_key::ActiveModel {
            id: Unchanged(row.id),
            last_used_at: Set(Some(now)),
            ..Default::default()
        };
        db.transaction(async |tx| api_key::Entity::update(used).exec_without_returning(tx).await)
            .await?;
    }
    let grants = authz::grants_of(db.read(), account.id, now).await?;
    Ok(Some(Who { account, sign_in: None, grants, duty: None, key: Some(row) }))
}
