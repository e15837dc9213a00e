//! Tokens ↔ accounts: the signing key, access tokens, passwords.

mod claim;

use std::{fs, io, path::Path};

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use async_graphql::SimpleObject;
use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac, rand,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    account,
    id::{AccountId, ExportId, Id, PersonId, RegistrationId, SignInId},
    sign_in,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use self::claim::Claim;
use crate::{
    app::App,
    authz::{self, Who},
    error::Failure,
    graphql::Gid,
};

const ACCESS: TimeDelta = TimeDelta::minutes(15);
/// How long a refresh token may wait to be used.
pub const REFRESH: TimeDelta = TimeDelta::days(14);
const ACCESS_AUDIENCE: &str = "qinglan";
const EXPORT_AUDIENCE: &str = "qinglan/export";
const TICKET_AUDIENCE: &str = "qinglan/ticket";
const ATTENDEE_AUDIENCE: &str = "qinglan/attendee";
/// How long somebody acts by a phone that was proven.
const ATTENDEE: TimeDelta = TimeDelta::minutes(45);
/// How long the address of a ticket opens it.
const TICKET: TimeDelta = TimeDelta::hours(1);

/// What signing in gives.
#[derive(Clone, SimpleObject)]
pub struct Tokens {
    /// Goes into `Authorization: Bearer …`. Good for 15 minutes.
    pub access_token: String,
    /// 15 minutes after it was given.
    pub access_token_expires_at: DateTime<Utc>,
    /// Changes for new tokens, once. Using it twice ends the sign-in.
    pub refresh_token: String,
    /// 14 days after it was given.
    pub refresh_token_expires_at: DateTime<Utc>,
}

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

/// The Ed25519 key that signs tokens and the addresses of exports and tickets.
pub struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    /// For what is kept as a hash and could be guessed without a key.
    sealing: hmac::Key,
    issuer: String,
}

impl Keys {
    /// Reads the key from the data directory, and makes it at the first start. Only its owner may read the file.
    /// Servers that share a database share this file.
    pub fn load(data_dir: &Path, issuer: &str) -> io::Result<Self> {
        let path = data_dir.join("token-key.der");
        let pkcs8 = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_key(data_dir, &path)?;
                fs::read(&path)?
            }
            read => read?,
        };
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8)
            .map_err(|_| io::Error::other(format!("{}: not an Ed25519 key", path.display())))?;
        Ok(Self {
            encoding: EncodingKey::from_ed_der(&pkcs8),
            decoding: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            sealing: hmac::Key::new(hmac::HMAC_SHA256, &pkcs8),
            issuer: issuer.to_owned(),
        })
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

    /// A token by which an account acts until it expires.
    pub fn access(
        &self,
        account: AccountId,
        sign_in: SignInId,
        now: DateTime<Utc>,
    ) -> Result<(String, DateTime<Utc>), Failure> {
        let expires = now + ACCESS;
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

    fn sign(&self, claims: &impl Serialize) -> Result<String, Failure> {
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &self.encoding)
            .map_err(Failure::internal)
    }

    fn read<T: DeserializeOwned + Clone>(&self, token: &str, audience: &str) -> Option<T> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        // Compared with the request's own instant by the callers.
        validation.validate_exp = false;
        Some(jsonwebtoken::decode(token, &self.decoding, &validation).ok()?.claims)
    }
}

fn make_key(data_dir: &Path, path: &Path) -> io::Result<()> {
    fs::create_dir_all(data_dir)?;
    let pkcs8 =
        Ed25519KeyPair::generate_pkcs8(&rand::SystemRandom::new()).map_err(io::Error::other)?;
    let draft = data_dir.join(format!("token-key.{}.tmp", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(&draft)?, pkcs8.as_ref())?;
    // A link fails where a rival server was quicker, whose key then holds for both.
    match fs::hard_link(&draft, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::remove_file(&draft),
    }
}

/// Who a request's `Authorization` header speaks for. A token that is no good speaks for nobody.
pub async fn authenticate(
    app: &App,
    header: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<Who>, Failure> {
    let Some(token) = header.and_then(bearer) else { return Ok(None) };
    let Some(claims) = app.keys.read::<AccessClaims>(token, ACCESS_AUDIENCE) else {
        return Ok(None);
    };
    if claims.exp <= now.timestamp() {
        return Ok(None);
    }
    let (Some(Gid(account)), Some(Gid(sign_in))) =
        (Gid::<AccountId>::decode(&claims.sub), Gid::<SignInId>::decode(&claims.sid))
    else {
        return Ok(None);
    };
    // A disabled account and an ended sign-in are noticed at once.
    let found = sign_in::Entity::find_by_id(sign_in)
        .filter(sign_in::Column::AccountId.eq(account))
        .filter(sign_in::Column::EndedAt.is_null())
        .find_also_related(account::Entity)
        .filter(account::Column::DisabledAt.is_null())
        .one(app.db.read())
        .await?;
    let Some((sign_in, Some(account))) = found else { return Ok(None) };
    let grants = authz::grants_of(app.db.read(), account.id, now).await?;
    Ok(Some(Who { account, sign_in: Some(sign_in.id), grants }))
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
    Ok(Some(Who { account, sign_in: None, grants }))
}

/// The token of an `Authorization` header.
#[must_use]
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Hashes a password with argon2id, off the threads that serve.
pub async fn hash_password(app: &App, password: String) -> Result<String, Failure> {
    let _turn = app.hashing.acquire().await.map_err(Failure::internal)?;
    tokio::task::spawn_blocking(move || hash_password_now(&password))
        .await
        .map_err(Failure::internal)?
}

/// Hashes a password on this thread, for the command line.
pub fn hash_password_now(password: &str) -> Result<String, Failure> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(Failure::internal)
}

/// Whether the password is the one that was hashed. Without a hash, as long is spent on saying no.
pub async fn password_matches(
    app: &App,
    password: String,
    hash: Option<String>,
) -> Result<bool, Failure> {
    let _turn = app.hashing.acquire().await.map_err(Failure::internal)?;
    let task = move || {
        let Some(hash) = hash else {
            return hash_password_now(&password).map(|_| false);
        };
        let hash = PasswordHash::new(&hash).map_err(Failure::internal)?;
        Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    };
    tokio::task::spawn_blocking(task).await.map_err(Failure::internal)?
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
