//! What holds of codes and claims whatever the secret, the session and the time.

use api::{
    authn::{Claim, Keys},
    self_check_in::code::{self, Key, Read},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::SessionId;
use proptest::prelude::*;
use uuid::Uuid;

fn unkept() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// From a year on, in microseconds, until 2096.
fn since(year: i64) -> impl Strategy<Value = DateTime<Utc>> {
    ((year - 1970) * 31_556_952_000_000..4_000_000_000_000_000)
        .prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap())
}

fn key(secret: &[u8], session: u128) -> Key {
    Key::derive(secret, SessionId(Uuid::from_u128(session))).unwrap()
}

/// The same code as somebody might type it.
fn typed(code: &str, how: u64) -> String {
    let mut typed = String::new();
    for (nth, c) in code.chars().enumerate() {
        let choice = how >> (4 * nth) & 15;
        let alike = match (c, choice & 3) {
            ('0', 1) => 'O',
            ('1', 1) => 'I',
            ('1', 2) => 'l',
            (c, _) => c,
        };
        typed.push(if choice & 4 == 0 { alike } else { alike.to_ascii_lowercase() });
        if choice & 8 != 0 {
            typed.push(if choice & 1 == 0 { ' ' } else { '-' });
        }
    }
    typed
}

proptest! {
    #![proptest_config(unkept())]

    #[test]
    fn an_instant_is_in_one_step(at in since(1938), seconds in 15..=30_i32) {
        let (step, next) = (code::step(at, seconds), code::next(at, seconds));
        let begins = DateTime::from_timestamp(step * i64::from(seconds), 0).unwrap();
        prop_assert!(begins <= at && at < next);
        prop_assert_eq!(next - begins, TimeDelta::seconds(seconds.into()));
        prop_assert_eq!(code::step(next, seconds), step + 1);
        prop_assert_eq!(code::step(next - TimeDelta::microseconds(1), seconds), step);
    }

    #[test]
    fn a_code_is_taken_around_its_step_however_it_was_typed(
        secret in any::<[u8; 48]>(), session: u128, now in -100_000_000..300_000_000_i64, away in -30..30_i64, how: u64,
    ) {
        let key = key(&secret, session);
        let code = key.code(now + away);
        prop_assert_eq!(code.len(), code::LENGTH);
        prop_assert!(code.bytes().all(|it| api::authn::CROCKFORD.contains(&it)));
        let expected = match away {
            -1..=1 => Read::Good(now + away),
            -20..=-2 => Read::Old,
            _ => Read::Wrong,
        };
        prop_assert_eq!(key.read(&typed(&code, how), now), expected);
        prop_assert_eq!(key.read(&code[..7], now), Read::Wrong);
        prop_assert_eq!(key.read(&format!("{code}0"), now), Read::Wrong);
    }

    #[test]
    fn codes_of_other_sessions_and_services_are_wrong(
        secret in any::<[u8; 48]>(), other in any::<[u8; 48]>(), sessions in any::<(u128, u128)>(), now in 0..300_000_000_i64,
    ) {
        prop_assume!(secret != other && sessions.0 != sessions.1);
        let here = key(&secret, sessions.0);
        prop_assert_eq!(here.read(&key(&secret, sessions.1).code(now), now), Read::Wrong);
        prop_assert_eq!(here.read(&key(&other, sessions.0).code(now), now), Read::Wrong);
        // Another server that has the same secret shows the same.
        prop_assert_eq!(here.code(now), key(&secret, sessions.0).code(now));
    }

    #[test]
    fn whatever_is_typed_is_read(text: String, session: u128) {
        prop_assert_eq!(key(&[7; 48], session).read(&text, 0), Read::Wrong);
    }
}

#[test]
fn a_claim_says_what_was_claimed_for_ten_minutes() {
    let folder = tempfile::TempDir::new().unwrap();
    let keys = Keys::load(folder.path(), "https://qinglan.example.org").unwrap();
    let elsewhere = Keys::load(folder.path(), "https://other.example.org").unwrap();
    proptest!(unkept(), |(at in since(1970), id: u128, session: u128, step: i64, device: String)| {
        let (id, session) = (Uuid::from_u128(id), SessionId(Uuid::from_u128(session)));
        let claim = Claim { id, session, step, at, device };
        let token = keys.claim(&claim).unwrap();
        let last = at + TimeDelta::minutes(10) - TimeDelta::microseconds(1);
        prop_assert_eq!(keys.claimed(&token, at), Some(claim.clone()));
        prop_assert_eq!(keys.claimed(&token, last), Some(claim));
        prop_assert_eq!(keys.claimed(&token, at + TimeDelta::minutes(10)), None);
        prop_assert_eq!(elsewhere.claimed(&token, at), None);
    });
}
