//! The key that signs tokens, and the tokens.

use std::{
    io,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::{hmac, rand, signature::Ed25519KeyPair};
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{AccountId, ExportId, Id, PersonId, RegistrationId, SignInId};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    bearer,
    ring::{Ring, Sealer, SigningKey},
};
use crate::{error::Failure, graphql::Gid, secret_file};

const ACCESS: TimeDelta = TimeDelta::minutes(15);
const ACCESS_AUDIENCE: &str = "qinglan";
const DEVICE_AUDIENCE: &str = "qinglan/known-device";
const EXPORT_AUDIENCE: &str = "qinglan/export";
const TICKET_AUDIENCE: &str = "qinglan/ticket";
const ATTENDEE_AUDIENCE: &str = "qinglan/attendee";
/// How long somebody acts by a phone that was proven.
const ATTENDEE: TimeDelta = TimeDelta::minutes(45);
/// How long the address of a ticket opens it.
const TICKET: TimeDelta = TimeDelta::hours(1);

/// By how much the clock of another server may be ahead.
const SKEW: TimeDelta = TimeDelta::minutes(1);
/// How long a device is known that an account was signed in to on.
const DEVICE: TimeDelta = TimeDelta::days(180);

#[derive(Clone, Serialize, Deserialize)]
struct AccessClaims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    iat: i64,
    exp: i64,
}

#[derive(Clone, Serialize, Deserialize)]
struct DeviceClaims {
    iss: String,
    aud: String,
    sub: String,
    jti: Uuid,
    exp: i64,
}

#[derive(Clone, Serialize, Deserialize)]
struct ExportClaims {
    iss: String,
    aud: String,
    sub: String,
    exp: i64,
}

#[derive(Clone, Serialize, Deserialize)]
struct TicketClaims {
    iss: String,
    aud: String,
    sub: String,
    /// The id of the account or the person whose address it is.
    by: String,
    exp: i64,
}

#[derive(Clone, Serialize, Deserialize)]
struct AttendeeClaims {
    iss: String,
    aud: String,
    /// The phone.
    sub: String,
    exp: i64,
}

/// To whom the address of a ticket was given; their right is asked again when it is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketOpener {
    Account(AccountId),
    /// Whose registration it is.
    Person(PersonId),
}

/// The keys that sign tokens and the addresses of exports and tickets.
pub struct Keys {
    ring: RwLock<Arc<Ring>>,
    /// PKCS #8 of the first of them, which is a file.
    first: Vec<u8>,
    /// For what is kept as a hash and could be guessed without a key.
    sealing: hmac::Key,
    pub(super) sealer: Sealer,
    pub(super) issuer: String,
}

impl Keys {
    /// Reads the first key from the data directory, and makes it at the first start. Only its owner may read the file.
    /// Servers that share a database share this file.
    pub fn load(data_dir: &Path, issuer: &str) -> io::Result<Self> {
        let path = data_dir.join("token-key.der");
        let first = secret_file::read_or_make(&path, || {
            let made = Ed25519KeyPair::generate_pkcs8(&rand::SystemRandom::new());
            Ok(made.map_err(io::Error::other)?.as_ref().to_vec())
        })?;
        let unfit = || io::Error::other(format!("{}: not an Ed25519 key", path.display()));
        let key = SigningKey::read(&first).ok_or_else(unfit)?;
        Ok(Self {
            ring: RwLock::new(Arc::new(Ring { keys: vec![key], signs: 0 })),
            sealing: hmac::Key::new(hmac::HMAC_SHA256, &first),
            sealer: Sealer::of(&first).ok_or_else(unfit)?,
            first,
            issuer: issuer.to_owned(),
        })
    }

    pub(super) fn first(&self) -> Result<SigningKey, Failure> {
        SigningKey::read(&self.first).ok_or_else(|| Failure::internal("the first key is none"))
    }

    pub(super) fn ring(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn put(&self, ring: Ring) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }

    /// What is kept of a text that could be guessed: its HMAC-SHA256.
    #[must_use]
    pub fn seal(&self, text: &str) -> Vec<u8> {
        hmac::sign(&self.sealing, text.as_bytes()).as_ref().to_vec()
    }

    /// Whether this is what was kept of the text, in a time that does not tell how nearly.
    #[must_use]
    pub fn is_seal(&self, seal: &[u8], text: &str) -> bool {
        hmac::verify(&self.sealing, text.as_bytes(), seal).is_ok()
    }

    /// A token by which somebody acts who has proven to have a phone.
    pub fn attendee(
        &self,
        phone: &str,
        now: DateTime<Utc>,
    ) -> Result<(String, DateTime<Utc>), Failure> {
        let expires = now + ATTENDEE;
        let claims = AttendeeClaims {
            iss: self.issuer.clone(),
            aud: ATTENDEE_AUDIENCE.into(),
            sub: phone.to_owned(),
            exp: expires.timestamp(),
        };
        Ok((self.sign(&claims)?, expires))
    }

    /// The phone that the token of an `Authorization` header proves at `now`.
    #[must_use]
    pub fn attendee_phone(&self, header: Option<&str>, now: DateTime<Utc>) -> Option<String> {
        let claims: AttendeeClaims = self.read(bearer(header?)?, ATTENDEE_AUDIENCE)?;
        (now.timestamp() < claims.exp).then_some(claims.sub)
    }

    /// When the token of an `Authorization` header expires, an account's or an attendee's.
    #[must_use]
    pub fn expiry(&self, header: &str) -> Option<DateTime<Utc>> {
        let token = bearer(header)?;
        let of_account = self.read::<AccessClaims>(token, ACCESS_AUDIENCE).map(|it| it.exp);
        let exp = of_account
            .or_else(|| self.read::<AttendeeClaims>(token, ATTENDEE_AUDIENCE).map(|it| it.exp));
        DateTime::from_timestamp(exp?, 0)
    }

    /// A token by which an account acts until it expires, or the sign-in does.
    pub fn access(
        &self,
        account: AccountId,
        sign_in: SignInId,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(String, DateTime<Utc>), Failure> {
        let expires = until.min(now + ACCESS);
        let claims = AccessClaims {
            iss: self.issuer.clone(),
            aud: ACCESS_AUDIENCE.into(),
            sub: Gid(account).to_string(),
            sid: Gid(sign_in).to_string(),
            iat: now.timestamp(),
            exp: expires.timestamp(),
        };
        Ok((self.sign(&claims)?, expires))
    }

    /// Who an access token is of at `now`: the account and the sign-in.
    #[must_use]
    pub fn accessor(&self, header: &str, now: DateTime<Utc>) -> Option<(AccountId, SignInId)> {
        let claims: AccessClaims = self.read(bearer(header)?, ACCESS_AUDIENCE)?;
        let account = Gid::<AccountId>::decode(&claims.sub)?.0;
        let sign_in = Gid::<SignInId>::decode(&claims.sid)?.0;
        let has_begun = claims.iat <= (now + SKEW).timestamp();
        (has_begun && now.timestamp() < claims.exp).then_some((account, sign_in))
    }

    /// By what a device shows later that an account was signed in to on it. It lets nobody in.
    pub fn known_device(&self, account: AccountId, now: DateTime<Utc>) -> Result<String, Failure> {
        self.sign(&DeviceClaims {
            iss: self.issuer.clone(),
            aud: DEVICE_AUDIENCE.into(),
            sub: Gid(account).to_string(),
            jti: Uuid::now_v7(),
            exp: (now + DEVICE).timestamp(),
        })
    }

    /// The number of a device on which this account was signed in to.
    #[must_use]
    pub fn known_device_of(
        &self,
        token: &str,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Option<Uuid> {
        let claims: DeviceClaims = self.read(token, DEVICE_AUDIENCE)?;
        let is_its = Gid::<AccountId>::decode(&claims.sub) == Some(Gid(account));
        (is_its && now.timestamp() < claims.exp).then_some(claims.jti)
    }

    /// The part of an export's address that opens it until it expires.
    pub fn export(&self, export: ExportId, expires: DateTime<Utc>) -> Result<String, Failure> {
        self.sign(&ExportClaims {
            iss: self.issuer.clone(),
            aud: EXPORT_AUDIENCE.into(),
            sub: Gid(export).to_string(),
            exp: expires.timestamp(),
        })
    }

    /// The export that a token opens at `now`.
    #[must_use]
    pub fn opens_export(&self, token: &str, now: DateTime<Utc>) -> Option<ExportId> {
        let claims: ExportClaims = self.read(token, EXPORT_AUDIENCE)?;
        (now.timestamp() < claims.exp)
            .then(|| Gid::<ExportId>::decode(&claims.sub))
            .flatten()
            .map(|it| it.0)
    }

    /// The part of a ticket's address that opens it for an hour.
    pub fn ticket(
        &self,
        registration: RegistrationId,
        by: TicketOpener,
        now: DateTime<Utc>,
    ) -> Result<String, Failure> {
        self.sign(&TicketClaims {
            iss: self.issuer.clone(),
            aud: TICKET_AUDIENCE.into(),
            sub: Gid(registration).to_string(),
            by: match by {
                TicketOpener::Account(id) => Gid(id).to_string(),
                TicketOpener::Person(id) => Gid(id).to_string(),
            },
            exp: (now + TICKET).timestamp(),
        })
    }

    /// To whom an address was given that opens the ticket of `registration` at `now`.
    #[must_use]
    pub fn opens_ticket(
        &self,
        token: &str,
        registration: RegistrationId,
        now: DateTime<Utc>,
    ) -> Option<TicketOpener> {
        let claims: TicketClaims = self.read(token, TICKET_AUDIENCE)?;
        let is_this = Gid::<RegistrationId>::decode(&claims.sub) == Some(Gid(registration));
        (is_this && now.timestamp() < claims.exp).then_some(())?;
        if claims.by.starts_with(PersonId::PREFIX) {
            Gid::decode(&claims.by).map(|Gid(id)| TicketOpener::Person(id))
        } else {
            Gid::decode(&claims.by).map(|Gid(id)| TicketOpener::Account(id))
        }
    }

    pub(super) fn sign(&self, claims: &impl Serialize) -> Result<String, Failure> {
        let ring = self.ring();
        let key = &ring.keys[ring.signs];
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &key.encoding).map_err(Failure::internal)
    }

    pub(super) fn read<T: DeserializeOwned + Clone>(
        &self,
        token: &str,
        audience: &str,
    ) -> Option<T> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        // Compared with the request's own instant by the callers.
        validation.validate_exp = false;
        let kid = jsonwebtoken::decode_header(token).ok()?.kid;
        let ring = self.ring();
        let key = ring.named(kid.as_deref())?;
        Some(jsonwebtoken::decode(token, &key.decoding, &validation).ok()?.claims)
    }
}
