//! How the list of a door shows codes: as hashes, by which a device finds whose code it read, and from which nobody
//! makes a code. Codes are 80 random bits; the key keeps lists of different activities from being matched.

use aws_lc_rs::{
    hkdf::{HKDF_SHA256, Salt},
    hmac,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use entity::id::ActivityId;

use super::token::Seed;
use crate::error::Failure;

/// How many bytes of the HMAC are kept.
const KEPT: usize = 16;

/// The key of one activity's list.
pub struct CodeKey([u8; 32]);

impl CodeKey {
    pub fn derive(secret: &[u8], activity: ActivityId) -> Result<Self, Failure> {
        let mut key = [0; 32];
        Salt::new(HKDF_SHA256, b"qinglan/code/1")
            .extract(secret)
            .expand(&[activity.0.as_bytes()], Seed)
            .and_then(|it| it.fill(&mut key))
            .map_err(Failure::internal)?;
        Ok(Self(key))
    }

    /// As a device gets it: 32 bytes in base64url without padding.
    #[must_use]
    pub fn shown(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The hash of a code, in base64url without padding.
    #[must_use]
    pub fn hash(&self, code: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        BASE64_URL_SAFE_NO_PAD.encode(&hmac::sign(&key, code.as_bytes()).as_ref()[..KEPT])
    }
}
