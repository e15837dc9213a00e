//! Claims: that a device read the code of a session at an instant, whoever holds it, for as long as it takes to sign in.

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::SessionId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Keys;
use crate::{error::Failure, graphql::Gid};

const AUDIENCE: &str = "qinglan/claim";
/// How long a claim may be used.
const GOOD_FOR: TimeDelta = TimeDelta::minutes(10);

/// What was read, when, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub id: Uuid,
    pub session: SessionId,
    /// The number of the code that was read.
    pub step: i64,
    /// The moment of scanning, by the server's clock.
    pub at: DateTime<Utc>,
    /// What the device calls itself.
    pub device: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    jti: Uuid,
    step: i64,
    /// Microseconds since 1970.
    at: i64,
    device: String,
    exp: i64,
}

impl Claim {
    /// Until when it may be used.
    #[must_use]
    pub fn good_until(&self) -> DateTime<Utc> {
        self.at + GOOD_FOR
    }
}

impl Keys {
    /// Signs a claim.
    pub fn claim(&self, claim: &Claim) -> Result<String, Failure> {
        self.sign(&Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.into(),
            sub: Gid(claim.session).to_string(),
            jti: claim.id,
            step: claim.step,
            at: claim.at.timestamp_micros(),
            device: claim.device.clone(),
            exp: claim.good_until().timestamp(),
        })
    }

    /// What a claim says that may be used at `now`.
    #[must_use]
    pub fn claimed(&self, token: &str, now: DateTime<Utc>) -> Option<Claim> {
        let claims: Claims = self.read(token, AUDIENCE)?;
        let claim = Claim {
            id: claims.jti,
            session: Gid::decode(&claims.sub)?.0,
            step: claims.step,
            at: DateTime::from_timestamp_micros(claims.at)?,
            device: claims.device,
        };
        (now < claim.good_until()).then_some(claim)
    }
}
