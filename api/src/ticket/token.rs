//! The signed token of a ticket: a door without a network verifies it by the activity's public key.
//!
//! 99 bytes, written in base 32 (RFC 4648, capitals, no padding): 159 characters, a QR code of 45 × 45 modules.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | 1, the version of this layout |
//! | 1–16 | the activity: the UUID behind `activity_` |
//! | 17–32 | the registration: the UUID behind `registration_` |
//! | 33–34 | the serial, big-endian: which of the registration's tickets it is, from 1 |
//! | 35–98 | Ed25519's signature (RFC 8032) of the bytes 0–34 |
//!
//! No name, phone or category is in it: what may change or be anybody's business comes with the door's list.

use aws_lc_rs::{
    hkdf::{HKDF_SHA256, KeyType, Salt},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use entity::id::{ActivityId, RegistrationId};
use uuid::Uuid;

use crate::error::Failure;

const VERSION: u8 = 1;
const SIGNED: usize = 35;
const WHOLE: usize = SIGNED + 64;
/// How many characters a token has.
pub const LENGTH: usize = (WHOLE * 8).div_ceil(5);
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    pub activity: ActivityId,
    pub registration: RegistrationId,
    pub serial: u16,
}

/// The key of one activity, derived from the secret that all have in common.
pub struct Key(Ed25519KeyPair);

/// How long a seed is, for the derivation.
pub(super) struct Seed;

impl KeyType for Seed {
    fn len(&self) -> usize {
        32
    }
}

impl Key {
    pub fn derive(secret: &[u8], activity: ActivityId) -> Result<Self, Failure> {
        let mut seed = [0; 32];
        Salt::new(HKDF_SHA256, b"qinglan/ticket/1")
            .extract(secret)
            .expand(&[activity.0.as_bytes()], Seed)
            .and_then(|it| it.fill(&mut seed))
            .map_err(Failure::internal)?;
        Ed25519KeyPair::from_seed_unchecked(&seed).map(Self).map_err(Failure::internal)
    }

    /// The public key: 32 bytes in base64url without padding, the `x` of a JWK.
    #[must_use]
    pub fn public(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref())
    }

    #[must_use]
    pub fn sign(&self, claims: &Claims) -> String {
        let mut bytes = Vec::with_capacity(WHOLE);
        bytes.push(VERSION);
        bytes.extend(claims.activity.0.as_bytes());
        bytes.extend(claims.registration.0.as_bytes());
        bytes.extend(claims.serial.to_be_bytes());
        bytes.extend(self.0.sign(&bytes).as_ref());
        write(&bytes)
    }

    /// Whether this key signed what was read.
    #[must_use]
    pub fn signed(&self, read: &Read) -> bool {
        let (signed, signature) = read.bytes.split_at(SIGNED);
        UnparsedPublicKey::new(&ED25519, self.0.public_key().as_ref())
            .verify(signed, signature)
            .is_ok()
    }
}

/// A token as it was shown. Nothing of it is true before its signature was looked at.
pub struct Read {
    pub claims: Claims,
    bytes: Vec<u8>,
}

/// Reads what has the form of a token, in capitals or not, with blanks or without.
#[must_use]
pub fn read(shown: &str) -> Option<Read> {
    let bytes = decode(shown)?;
    let uuid = |at: usize| Uuid::from_slice(bytes.get(at..at + 16)?).ok();
    (bytes.len() == WHOLE && bytes.first() == Some(&VERSION)).then_some(())?;
    let claims = Claims {
        activity: ActivityId(uuid(1)?),
        registration: RegistrationId(uuid(17)?),
        serial: u16::from_be_bytes([*bytes.get(33)?, *bytes.get(34)?]),
    };
    Some(Read { claims, bytes })
}

fn write(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(LENGTH);
    for five in 0..(bytes.len() * 8).div_ceil(5) {
        let digit = (five * 5..five * 5 + 5).fold(0_usize, |digit, bit| {
            let byte = bytes.get(bit / 8).copied().unwrap_or(0);
            digit << 1 | usize::from(byte >> (7 - bit % 8) & 1)
        });
        text.push(char::from(ALPHABET[digit]));
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(WHOLE);
    let (mut held, mut bits) = (0_u32, 0);
    for c in text.chars().filter(|it| !it.is_whitespace()) {
        let c = u8::try_from(c.to_ascii_uppercase()).ok()?;
        let digit = ALPHABET.iter().position(|it| *it == c)?;
        held = held << 5 | u32::try_from(digit).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xFF).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    // Left over are zeros, so that a token is written in one way only.
    (held == 0).then_some(bytes)
}
