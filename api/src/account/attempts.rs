//! How often signing in may fail, so that nobody tries all passwords, and nobody keeps others out by trying.
//!
//! Failures fill buckets that empty by themselves in a quarter of an hour. Where a bucket is full, the password is not
//! even looked at; a moment later there is room for one attempt more. A device that has signed in to the account before
//! and says so has a bucket of its own. An address from which it was signed in to lately shares one with whoever else
//! tries this account from there. Only strangers' failures are counted for the account as a whole and for their address:
//! by trying they keep out one another, for seconds, and never the owner.
//!
//! All is counted in the database, so that several servers agree. A name that there is not is counted like any other.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    attempt::{self, Column},
    id::AccountId,
    sign_in,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use crate::{authn::Keys, error::Failure};

/// How long a full bucket takes to be empty.
const EMPTIES: TimeDelta = TimeDelta::minutes(15);
/// For how long an address is no stranger after a sign-in.
const KNOWN: TimeDelta = TimeDelta::days(30);

struct Bucket {
    key: String,
    most: i32,
}

impl Bucket {
    /// How long one failure takes to run out.
    fn drop(&self) -> TimeDelta {
        EMPTIES / self.most
    }

    /// Until when there is no room, if there is none.
    fn full_until(&self, empty_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let until = empty_at - self.drop() * (self.most - 1);
        (now < until).then_some(until)
    }
}

/// Whose attempts these are.
pub struct Trier<'a> {
    /// As it was typed.
    pub username: &'a str,
    /// Of that name, if there is one.
    pub account: Option<AccountId>,
    /// The number of a device that has signed in to the account before.
    pub device: Option<Uuid>,
    /// None where addresses say nothing, as behind a proxy.
    pub address: Option<&'a str>,
}

/// The buckets that somebody's failures go into; the first is theirs.
pub struct Attempts(Vec<Bucket>);

/// What came of counting a failure.
pub enum Counted {
    /// There was no room: it does not count, and neither does what was tried.
    Refused(DateTime<Utc>),
    /// Whether there is no room for another.
    Taken { is_full: bool },
}

impl Counted {
    /// What the audit log says of it.
    #[must_use]
    pub fn why(&self) -> &'static str {
        match self {
            Self::Refused(_) => "too many were wrong before",
            Self::Taken { is_full: false } => "wrong",
            Self::Taken { is_full: true } => "wrong, and no more are taken for a while",
        }
    }
}

impl Attempts {
    /// `tries` is how many may fail from one address.
    pub async fn of(
        db: &impl ConnectionTrait,
        keys: &Keys,
        it: Trier<'_>,
        tries: i32,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        // Somebody may have typed a password for a name, so no name is kept as it was typed.
        let seal = |text: String| BASE64_URL_SAFE_NO_PAD.encode(keys.seal(&text));
        let name = it.username.trim().to_lowercase();
        let address = it.address.unwrap_or_default();
        if let Some(device) = it.device {
            let key = format!("device {}", seal(format!("attempts {name} device {device}")));
            return Ok(Self(vec![Bucket { key, most: tries }]));
        }
        let key = format!("pair {}", seal(format!("attempts {name} address {address}")));
        let mut all = vec![Bucket { key, most: tries }];
        if !is_known(db, it.account, address, now).await? {
            let key = format!("account {}", seal(format!("attempts {name}")));
            all.push(Bucket { key, most: 10 * tries });
            if it.address.is_some() {
                let key = format!("address {}", seal(format!("attempts address {address}")));
                all.push(Bucket { key, most: 20 * tries });
            }
        }
        Ok(Self(all))
    }

    /// Until when nothing may be tried, if so.
    pub async fn full_until(
        &self,
        db: &impl ConnectionTrait,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Failure> {
        let rows = attempt::Entity::find()
            .filter(Column::Key.is_in(self.0.iter().map(|it| it.key.as_str())))
            .all(db)
            .await?;
        let until = |row: &attempt::Model| {
            let bucket = self.0.iter().find(|it| it.key == row.key)?;
            bucket.full_until(row.empty_at, now)
        };
        Ok(rows.iter().filter_map(until).max())
    }

    /// Counts a failure, unless there is no room for it.
    pub async fn failed(
        &self,
        tx: &DatabaseTransaction,
        now: DateTime<Utc>,
    ) -> Result<Counted, Failure> {
        let found = self.locked(tx, now).await?;
        if let Some(until) = self.full(&found, now) {
            return Ok(Counted::Refused(until));
        }
        let mut filled = Vec::with_capacity(found.len());
        for (bucket, empty_at) in self.0.iter().zip(found) {
            let empty_at = empty_at.max(now) + bucket.drop();
            attempt::Entity::update_many()
                .col_expr(Column::EmptyAt, Expr::value(empty_at))
                .filter(Column::Key.eq(bucket.key.as_str()))
                .exec(tx)
                .await?;
            filled.push(empty_at);
        }
        Ok(Counted::Taken { is_full: self.full(&filled, now).is_some() })
    }

    /// Empties one's own bucket after what was tried was right; or says until when it does not count, because meanwhile
    /// there is no room: of many that are tried at once no more count than one after the other.
    pub async fn passed(
        &self,
        tx: &DatabaseTransaction,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Failure> {
        let found = self.locked(tx, now).await?;
        let until = self.full(&found, now);
        if until.is_none()
            && let Some(own) = self.0.first()
        {
            attempt::Entity::delete_by_id(&own.key).exec(tx).await?;
        }
        Ok(until)
    }

    /// Locks the buckets, always in the same order; when each will be empty.
    async fn locked(
        &self,
        tx: &DatabaseTransaction,
        now: DateTime<Utc>,
    ) -> Result<Vec<DateTime<Utc>>, Failure> {
        let mut found = Vec::with_capacity(self.0.len());
        for bucket in &self.0 {
            let row = attempt::ActiveModel { key: Set(bucket.key.clone()), empty_at: Set(now) };
            // What is there is locked by an update that changes nothing.
            let again = OnConflict::column(Column::Key).update_column(Column::Key).to_owned();
            let row =
                attempt::Entity::insert(row).on_conflict(again).exec_with_returning(tx).await?;
            found.push(row.empty_at);
        }
        Ok(found)
    }

    fn full(&self, empty_at: &[DateTime<Utc>], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let until = self.0.iter().zip(empty_at).filter_map(|(it, at)| it.full_until(*at, now));
        until.max()
    }
}

/// Whether the account was signed in to from there lately.
async fn is_known(
    db: &impl ConnectionTrait,
    account: Option<AccountId>,
    address: &str,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    let Some(account) = account else { return Ok(false) };
    let there = sign_in::Entity::find()
        .filter(sign_in::Column::AccountId.eq(account))
        .filter(sign_in::Column::Address.eq(address))
        .filter(sign_in::Column::CreatedAt.gt(now - KNOWN));
    Ok(there.count(db).await? > 0)
}

/// Drops what has run out.
pub async fn drop_old(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<(), Failure> {
    attempt::Entity::delete_many().filter(Column::EmptyAt.lte(now)).exec(tx).await?;
    Ok(())
}
