//! Gates of a moment ago: whoever sends a scan a second is not looked up for each.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

use super::Gate;
use crate::authn::fingerprint;

/// For so long a gate is remembered at most: what the command line or another system does to accounts in the database is
/// noticed after that. What a server does is noticed at once, by it and by the others (see [`crate::live`]).
const REMEMBERED: TimeDelta = TimeDelta::seconds(10);

/// How many are remembered. Beyond that all are forgotten.
const MOST: usize = 4096;

struct Remembered {
    gate: Gate,
    /// The count of changes of access, as it was before the gate was looked up.
    access: u64,
    until: DateTime<Utc>,
}

/// The gates that `Authorization` headers opened lately, by what is kept of the header.
#[derive(Default)]
pub struct Recognised(Mutex<HashMap<Vec<u8>, Remembered>>);

impl Recognised {
    /// The gate of a header, unless anybody's access has changed since it was looked up.
    #[must_use]
    pub fn find(&self, header: &str, access: u64, now: DateTime<Utc>) -> Option<Gate> {
        let all = self.all();
        let found = all.get(&fingerprint(header))?;
        (found.access == access && now < found.until).then(|| found.gate.clone())
    }

    /// Remembers a gate that was looked up after `access` had been read, and whose token expires at `expires`.
    pub fn keep(
        &self,
        header: &str,
        gate: &Gate,
        access: u64,
        now: DateTime<Utc>,
        expires: DateTime<Utc>,
    ) {
        let until = std::cmp::min(expires, now + REMEMBERED);
        let mut all = self.all();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(fingerprint(header), Remembered { gate: gate.clone(), access, until });
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
