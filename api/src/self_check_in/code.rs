//! The code that rotates: what a display shows and a phone reads.
//!
//! Time is cut into steps of as many seconds as the session says, numbered from 1970 on by the server's clock. The code
//! of a step is HMAC-SHA256 of its number under a key of the session's own, of which the first 40 bits are written in
//! Crockford's base 32. Nothing is stored, so any number of displays and servers agree.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    hkdf::{HKDF_SHA256, Salt},
    hmac::{self, HMAC_SHA256},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::SessionId;

use crate::{authn, error::Failure};

/// How many characters a code has.
pub const LENGTH: usize = 8;
/// So many steps ago a code was one, and whoever sends it is slow and does not guess.
const REMEMBERED: i64 = 20;

/// The key of one session, derived from the secret that all have in common.
pub struct Key(hmac::Key);

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The code of this step, which is the present one or next to it.
    Good(i64),
    /// A code that was shown a while ago.
    Old,
    Wrong,
}

impl Key {
    pub fn derive(secret: &[u8], session: SessionId) -> Result<Self, Failure> {
        Salt::new(HKDF_SHA256, b"qinglan/self-check-in/1")
            .extract(secret)
            .expand(&[session.0.as_bytes()], HMAC_SHA256)
            .map(|it| Self(it.into()))
            .map_err(Failure::internal)
    }

    /// The code of a step.
    #[must_use]
    pub fn code(&self, step: i64) -> String {
        let tag = hmac::sign(&self.0, &step.to_be_bytes());
        let bits = tag.as_ref().iter().take(5).fold(0_u64, |bits, it| bits << 8 | u64::from(*it));
        let digit = |nth: usize| bits >> (35 - 5 * nth) & 31;
        (0..LENGTH)
            .map(|nth| char::from(authn::CROCKFORD[usize::try_from(digit(nth)).unwrap_or(0)]))
            .collect()
    }

    /// What a text is that was read or typed at the step `now`, in capitals or not, with blanks or without.
    #[must_use]
    pub fn read(&self, typed: &str, now: i64) -> Read {
        let typed = authn::read_ticket_code(typed);
        let is = |step: i64| {
            verify_slices_are_equal(self.code(step).as_bytes(), typed.as_bytes()).is_ok()
        };
        // The step after this one is what a server shows whose clock is a little ahead.
        if let Some(step) = [now, now - 1, now + 1].into_iter().find(|step| is(*step)) {
            Read::Good(step)
        } else if (now - REMEMBERED..now - 1).any(is) {
            Read::Old
        } else {
            Read::Wrong
        }
    }
}

/// The number of the step that an instant is in.
#[must_use]
pub fn step(at: DateTime<Utc>, seconds: i32) -> i64 {
    at.timestamp().div_euclid(i64::from(seconds))
}

/// When the step after the one that an instant is in begins.
#[must_use]
pub fn next(at: DateTime<Utc>, seconds: i32) -> DateTime<Utc> {
    let left = i64::from(seconds) - at.timestamp().rem_euclid(i64::from(seconds));
    chrono::SubsecRound::trunc_subsecs(at, 0) + TimeDelta::seconds(left)
}
