//! Who accounts are at other systems, by which they are signed in to.

use chrono::{DateTime, Utc};
use entity::{
    account,
    id::{AccountId, LinkedIdentityId},
    linked_identity::{self, Column},
    person, provider_trip, sign_in,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, Query},
};

use super::password::is_administrator;
use crate::{
    authz::{
        self, Permit,
        policy::{LinkIdentity, UnlinkIdentity},
    },
    db::{Reader, is_duplicate},
    error::{Error, Failure, Refusal},
    refusals,
};

refusals! {
    /// Why an identity was not linked, or a link not taken back.
    IdentityErrorCode, IdentityUserError {
        /// The service is told of no other system of this name.
        ProviderUnknown = "没有此登录方式", "there is no such way to sign in";
        /// It is not said who it is at the other system.
        SubjectMissing = "请填写对方系统中的用户标识", "say who it is at the other system";
        /// Another account is linked with this identity.
        SubjectTaken = "此身份已关联其他账号", "another account is linked with this identity";
        /// The account may do what one could not grant oneself.
        AboveOwn = "此账号的权限高于自身", "the account may do more than one could grant";
        /// It is not said why.
        ReasonMissing = "请说明理由", "say why";
        /// A text is too long.
        TextTooLong = "最多{}个字符", "at most {} characters";
    }
}

/// The account that an identity is linked with.
pub async fn account_of(
    db: &impl ConnectionTrait,
    provider: &str,
    subject: &str,
) -> Result<Option<account::Model>, Failure> {
    let found = linked_identity::Entity::find()
        .filter(Column::Provider.eq(provider))
        .filter(Column::Subject.eq(subject))
        .find_also_related(account::Entity)
        .one(db)
        .await?;
    Ok(found.and_then(|(_, account)| account))
}

/// Whether an account is still linked with an identity, and in use. Holds it so until the commit.
pub async fn is_still(
    tx: &DatabaseTransaction,
    account: AccountId,
    trip: &provider_trip::Model,
) -> Result<bool, Failure> {
    let now = account::Entity::find_by_id(account).lock_exclusive().one(tx).await?;
    let Some(subject) = &trip.subject else { return Ok(false) };
    let linked = account_of(tx, &trip.provider, subject).await?;
    Ok(now.is_some_and(|it| it.disabled_at.is_none()) && linked.is_some_and(|it| it.id == account))
}

/// The identities of an account, in the order in which they were linked.
pub async fn list(
    db: &impl ConnectionTrait,
    account: AccountId,
) -> Result<Vec<linked_identity::Model>, Failure> {
    Ok(linked_identity::Entity::find()
        .filter(Column::AccountId.eq(account))
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}

/// Links the permit's account with an identity. One that it is linked with already is left as it is.
pub async fn link(
    tx: &DatabaseTransaction,
    permit: &Permit<LinkIdentity>,
    provider: String,
    subject: String,
    now: DateTime<Utc>,
) -> Result<linked_identity::Model, Error<IdentityErrorCode>> {
    insert(tx, permit.on().id, Some(permit.actor()), provider, subject, now).await
}

async fn insert(
    tx: &DatabaseTransaction,
    account: AccountId,
    by: Option<AccountId>,
    provider: String,
    subject: String,
    now: DateTime<Utc>,
) -> Result<linked_identity::Model, Error<IdentityErrorCode>> {
    let taken = || IdentityErrorCode::SubjectTaken.at(["subject"]);
    let found = linked_identity::Entity::find()
        .filter(Column::Provider.eq(&provider))
        .filter(Column::Subject.eq(&subject))
        .one(tx)
        .await?;
    if let Some(found) = found {
        return if found.account_id == account { Ok(found) } else { Err(taken().into()) };
    }
    let row = linked_identity::ActiveModel {
        id: Set(LinkedIdentityId::generate()),
        account_id: Set(account),
        provider: Set(provider),
        subject: Set(subject),
        created_at: Set(now),
        created_by: Set(by),
    };
    row.insert(tx)
        .await
        .map_err(|error| if is_duplicate(&error) { taken().into() } else { Error::from(error) })
}

/// The one account in use of whoever has this phone.
///
/// Not one of an administrator: others may set the phone on somebody's record, and would let themselves in by it.
pub async fn of_phone(
    db: &Reader,
    phone: &str,
    now: DateTime<Utc>,
) -> Result<Option<AccountId>, Failure> {
    let theirs = Query::select()
        .column(person::Column::Id)
        .from(person::Entity)
        .and_where(person::Column::Phone.eq(phone))
        .to_owned();
    let found = account::Entity::find()
        .filter(account::Column::PersonId.in_subquery(theirs))
        .filter(account::Column::DisabledAt.is_null())
        .limit(2)
        .all(db)
        .await?;
    let [account] = found.as_slice() else { return Ok(None) };
    let grants = authz::grants_of(db, account.id, now).await?;
    let is_above = grants.iter().any(|it| is_administrator(it.row.role));
    Ok((!is_above).then_some(account.id))
}

/// Links an account with the identity that has proven to have its person's phone.
pub async fn link_by_phone(
    tx: &DatabaseTransaction,
    account: AccountId,
    trip: &provider_trip::Model,
    now: DateTime<Utc>,
) -> Result<linked_identity::Model, Error<IdentityErrorCode>> {
    let subject = trip.subject.clone().ok_or(Failure::NotFound)?;
    insert(tx, account, None, trip.provider.clone(), subject, now).await
}

/// Takes a link of the permit's account back, and ends the sign-ins that came by it.
pub async fn unlink(
    tx: &DatabaseTransaction,
    permit: &Permit<UnlinkIdentity>,
    id: LinkedIdentityId,
    now: DateTime<Utc>,
) -> Result<account::Model, Error<IdentityErrorCode>> {
    unlink_own(tx, permit.on().id, id, now).await?;
    Ok(permit.on().clone())
}

/// The same of one's own account.
pub async fn unlink_own(
    tx: &DatabaseTransaction,
    account: AccountId,
    id: LinkedIdentityId,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    // Whoever signs in by it at this moment is before this, and ended by it, or finds it gone.
    account::Entity::find_by_id(account).lock_exclusive().one(tx).await?;
    let found = linked_identity::Entity::find_by_id(id)
        .filter(Column::AccountId.eq(account))
        .one(tx)
        .await?;
    let Some(found) = found else { return Ok(()) };
    linked_identity::Entity::delete_by_id(id).exec(tx).await?;
    sign_in::Entity::update_many()
        .col_expr(sign_in::Column::EndedAt, Expr::value(now))
        .filter(sign_in::Column::AccountId.eq(account))
        .filter(sign_in::Column::Provider.eq(found.provider))
        .filter(sign_in::Column::EndedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Whose identity this is.
pub async fn by_id(
    db: &impl ConnectionTrait,
    id: LinkedIdentityId,
) -> Result<linked_identity::Model, Failure> {
    linked_identity::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)
}
