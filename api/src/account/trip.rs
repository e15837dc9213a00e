//! A browser's way to another system that says who somebody is, and back.
//!
//! A page begins it and keeps a secret. The browser goes to the other system with a `state`, comes back here with that and
//! a code of the system's, is asked after there, and goes on to the page with a code of ours. The page changes that code
//! and its secret for tokens. So whoever gets hold of one address of the way has half of what is needed, and whoever is
//! lured onto somebody else's way is let in nowhere, because their own page has not the secret. Every half works once.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use entity::provider_trip::{self, Column};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::Expr,
};

use crate::{
    app::App,
    authn::{self, Keys},
    connector::{Identity, Provider, Trip},
    error::Failure,
};

/// How long signing in at the other system may take.
const THERE: TimeDelta = TimeDelta::minutes(10);
/// How long the page may take to send the code, with that of a second factor.
const BACK: TimeDelta = TimeDelta::minutes(5);

/// The halves of a way, of which hashes are kept.
pub struct Begun {
    pub state: String,
    pub secret: String,
    pub expires_at: DateTime<Utc>,
}

/// What a connector is given of a way.
pub struct Told {
    callback: String,
    verifier: String,
    nonce: String,
}

impl Told {
    /// Of each `state` the same, so that none of it is kept.
    #[must_use]
    pub fn of(app: &App, provider: &Provider, state: &str) -> Self {
        let derived = |what: &str| {
            BASE64_URL_SAFE_NO_PAD.encode(app.keys.seal(&format!("{what} of trip {state}")))
        };
        Self {
            callback: format!("{}/auth/{}", app.config.public_url, provider.name),
            verifier: derived("verifier"),
            nonce: derived("nonce"),
        }
    }

    #[must_use]
    pub fn trip<'a>(&'a self, state: &'a str) -> Trip<'a> {
        let Self { callback, verifier, nonce } = self;
        Trip { callback, state, verifier, nonce }
    }
}

/// A `state` of letters and digits, which some systems take and no others.
pub fn state(keys: &Keys) -> Result<String, Failure> {
    let sealed = keys.seal(&format!("state {}", authn::secret()?));
    Ok(sealed.iter().fold(String::new(), |mut out, byte| {
        // Writing to a text does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    }))
}

/// Puts a way on record that ends at the page `return_to`.
pub async fn begin(
    tx: &DatabaseTransaction,
    provider: &Provider,
    state: String,
    return_to: String,
    now: DateTime<Utc>,
) -> Result<Begun, Failure> {
    let begun = Begun { state, secret: authn::secret()?, expires_at: now + THERE };
    let row = provider_trip::ActiveModel {
        state: Set(authn::fingerprint(&begun.state)),
        secret: Set(authn::fingerprint(&begun.secret)),
        provider: Set(provider.name.clone()),
        return_to: Set(return_to),
        expires_at: Set(begun.expires_at),
        came_at: Set(None),
        code: Set(None),
        subject: Set(None),
        phone: Set(None),
    };
    provider_trip::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(begun)
}

/// The way of a browser that came back: once, in time, and from where it was sent.
pub async fn came_back(
    tx: &DatabaseTransaction,
    provider: &Provider,
    state: &str,
    now: DateTime<Utc>,
) -> Result<Option<provider_trip::Model>, Failure> {
    let state = authn::fingerprint(state);
    let marked = provider_trip::Entity::update_many()
        .col_expr(Column::CameAt, Expr::value(now))
        .filter(Column::State.eq(state.clone()))
        .filter(Column::Provider.eq(&provider.name))
        .filter(Column::CameAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .exec(tx)
        .await?;
    if marked.rows_affected == 0 {
        return Ok(None);
    }
    Ok(provider_trip::Entity::find_by_id(state).one(tx).await?)
}

/// Keeps who it was that came back. The code that tells the page of it.
pub async fn known(
    tx: &DatabaseTransaction,
    trip: &provider_trip::Model,
    identity: Identity,
    now: DateTime<Utc>,
) -> Result<String, Failure> {
    let code = authn::secret()?;
    // As the phones of people are kept.
    let phone = identity.phone.and_then(|it| roster::clean::phone(&it, "0577").value);
    provider_trip::Entity::update_many()
        .col_expr(Column::Code, Expr::value(authn::fingerprint(&code)))
        .col_expr(Column::Subject, Expr::value(identity.subject))
        .col_expr(Column::Phone, Expr::value(phone))
        .col_expr(Column::ExpiresAt, Expr::value(now + BACK))
        .filter(Column::State.eq(trip.state.clone()))
        .exec(tx)
        .await?;
    Ok(code)
}

/// The way that ended with this code at the page that has this secret.
pub async fn ended(
    db: &impl ConnectionTrait,
    code: &str,
    secret: &str,
    now: DateTime<Utc>,
) -> Result<Option<provider_trip::Model>, Failure> {
    Ok(provider_trip::Entity::find()
        .filter(Column::Code.eq(authn::fingerprint(code)))
        .filter(Column::Secret.eq(authn::fingerprint(secret)))
        .filter(Column::ExpiresAt.gt(now))
        .one(db)
        .await?)
}

/// Takes a way that has ended. Of two who take the same, one does.
pub async fn take(tx: &DatabaseTransaction, trip: &provider_trip::Model) -> Result<bool, Failure> {
    let taken = provider_trip::Entity::delete_by_id(trip.state.clone()).exec(tx).await?;
    Ok(taken.rows_affected > 0)
}

/// Drops the ways that led nowhere in time.
pub async fn drop_old(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<(), Failure> {
    provider_trip::Entity::delete_many().filter(Column::ExpiresAt.lte(now)).exec(tx).await?;
    Ok(())
}
