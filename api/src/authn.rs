//! Tokens ↔ accounts: who a request speaks for, and secrets of every kind.

mod claim;
mod hashing;
mod keys;
mod ring;

use async_graphql::SimpleObject;
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use entity::{account, id::AccountId, sign_in};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

pub use self::{
    claim::Claim,
    hashing::{hash_password, hash_password_now, password_matches},
    keys::{Keys, TicketOpener},
    ring::{OVERLAP, SETTLES, keep_up},
};
use crate::{
    account::second_factor,
    app::App,
    authz::{self, Duty, Held, Who},
    error::Failure,
};

/// What signing in gives.
#[derive(Clone, SimpleObject)]
pub struct Tokens {
    /// Goes into `Authorization: Bearer …`. Good for 15 minutes, and no longer than the sign-in.
    pub access_token: String,
    /// 15 minutes after it was given, or when the sign-in is over.
    pub access_token_expires_at: DateTime<Utc>,
    /// Changes for new tokens, once. Using it twice ends the sign-in.
    pub refresh_token: String,
    /// 30 minutes after it was given (unless the service is told otherwise), or when the sign-in is over: 12 hours after it
    /// began.
    pub refresh_token_expires_at: DateTime<Utc>,
}

/// Who a request's `Authorization` header speaks for. A token that is no good speaks for nobody.
pub async fn authenticate(
    app: &App,
    header: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<Who>, Failure> {
    let Some((account, sign_in)) = header.and_then(|it| app.keys.accessor(it, now)) else {
        return Ok(None);
    };
    // A disabled account and an ended sign-in are noticed at once.
    let found = sign_in::Entity::find_by_id(sign_in)
        .filter(sign_in::Column::AccountId.eq(account))
        .filter(sign_in::Column::EndedAt.is_null())
        .filter(sign_in::Column::ExpiresAt.gt(now))
        .find_also_related(account::Entity)
        .filter(account::Column::DisabledAt.is_null())
        .one(app.db.read())
        .await?;
    let Some((sign_in, Some(account))) = found else { return Ok(None) };
    let grants = authz::grants_of(app.db.read(), account.id, now).await?;
    let duty = duty(app, &account, &grants, sign_in.provider.is_some()).await?;
    Ok(Some(Who { account, sign_in: Some(sign_in.id), grants, duty, key: None }))
}

/// What an account that holds these grants has to do before it may do anything else. Whoever came by another system need not
/// know its password.
pub async fn duty(
    app: &App,
    account: &account::Model,
    grants: &[Held],
    by_provider: bool,
) -> Result<Option<Duty>, Failure> {
    if account.must_change && !by_provider {
        return Ok(Some(Duty::ChangePassword));
    }
    let asking = &app.config.accounts.second_factor;
    let owes = second_factor::is_asked(asking, grants.iter().map(|it| it.row.role))
        && !second_factor::has(app.db.read(), account.id).await?;
    Ok(owes.then_some(Duty::EnrolSecondFactor))
}

/// Who made an address that was signed for them, and opens it without a header. Nobody, if the account is out of use.
pub async fn signer(
    app: &App,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<Option<Who>, Failure> {
    let found = account::Entity::find_by_id(account)
        .filter(account::Column::DisabledAt.is_null())
        .one(app.db.read())
        .await?;
    let Some(account) = found else { return Ok(None) };
    let grants = authz::grants_of(app.db.read(), account.id, now).await?;
    Ok(Some(Who { account, sign_in: None, grants, duty: None, key: None }))
}

/// The token of an `Authorization` header.
#[must_use]
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Six random digits, as they are sent to a phone.
pub fn six_digits() -> Result<String, Failure> {
    const ALL: u32 = 1_000_000;
    loop {
        let mut bytes = [0; 4];
        rand::fill(&mut bytes).map_err(Failure::internal)?;
        let number = u32::from_be_bytes(bytes);
        // What is over the last multiple would make some codes likelier than others.
        if number < u32::MAX - u32::MAX % ALL {
            return Ok(format!("{:06}", number % ALL));
        }
    }
}

/// 256 random bits in base64url.
pub fn secret() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(Failure::internal)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// 128 random bits in base64url: what stands in the address of a certificate, and in its QR code.
pub fn certificate_token() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(Failure::internal)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// What is kept of a secret.
#[must_use]
pub fn fingerprint(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}

/// Crockford's base 32: easy to read out and to type.
pub const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The secret of a registration: 16 characters of Crockford's base 32, 80 random bits.
pub fn ticket_code() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(Failure::internal)?;
    Ok(bytes.iter().map(|byte| char::from(CROCKFORD[usize::from(byte & 31)])).collect())
}

/// How a code is looked up, however it was typed: the letters that are not used stand for their look-alikes.
#[must_use]
pub fn read_ticket_code(typed: &str) -> String {
    typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_uppercase() {
            'I' | 'L' => '1',
            'O' => '0',
            other => other,
        })
        .collect()
}
