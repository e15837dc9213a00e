//! How often somebody may ask: by account, device or phone, and by address while it is not known whose a request is.
//!
//! Each may use up a minute's requests at once and gets them back evenly. Every server counts by itself.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::DashMapStateStore,
};
use uuid::Uuid;

use crate::{authz::Gate, config::Outside, error::Failure};

/// The root fields that let people in. A request of nothing else is a door's.
const DOOR: [&str; 7] = [
    "checkIn",
    "doorManifest",
    "findAtDoor",
    "registerWalkIn",
    "syncScans",
    "thisDevice",
    "undoScan",
];

/// How many ways to other systems an address may begin in a minute: each leaves a row for ten.
const TRIPS: u32 = 60;

/// After so many requests those are forgotten who have all of theirs back.
const TURN: u32 = 1 << 16;

/// Whether a root field is one of a door's.
pub(super) fn is_of_a_door(field: &str) -> bool {
    DOOR.contains(&field)
}

/// How often who has asked.
pub struct Rates {
    account: Limit<Uuid>,
    door: Limit<Uuid>,
    address: Limit<IpAddr>,
    trips: Limit<IpAddr>,
}

impl Rates {
    #[must_use]
    pub fn new(config: &Outside) -> Self {
        Self {
            account: Limit::new(config.requests_per_account),
            door: Limit::new(config.requests_per_door),
            address: Limit::new(config.requests_per_address),
            // Where addresses say nothing, nothing is counted by them.
            trips: Limit::new(TRIPS.min(config.requests_per_address)),
        }
    }

    /// Counts a request of whoever holds a gate.
    pub(super) fn count(&self, gate: &Gate, is_of_a_door: bool) -> Result<(), Failure> {
        let Some(holder) = gate.holder() else { return Ok(()) };
        let limit =
            if is_of_a_door || gate.doorkeeper().is_ok() { &self.door } else { &self.account };
        limit.count(holder)
    }

    /// Counts a request of somebody unknown, where its address is known.
    pub(super) fn count_address(&self, address: Option<IpAddr>) -> Result<(), Failure> {
        address.map_or(Ok(()), |it| self.address.count(network(it)))
    }

    /// Counts a way to another system that somebody begins.
    pub(crate) fn count_trip(&self, address: Option<&str>) -> Result<(), Failure> {
        let address = address.and_then(|it| it.parse().ok());
        address.map_or(Ok(()), |it| self.trips.count(network(it)))
    }
}

/// An address as it is counted: of IPv6, the network that one household or company has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(it) => Ipv6Addr::from_bits(it.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// So many requests in a minute of each; none where there is no limit.
struct Limit<K: Hash + Eq + Clone> {
    limiter: Option<RateLimiter<K, DashMapStateStore<K>, DefaultClock>>,
    counted: AtomicU32,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(a_minute: u32) -> Self {
        let quota = NonZeroU32::new(a_minute).map(Quota::per_minute);
        let limiter = quota.map(|it| RateLimiter::dashmap_with_clock(it, DefaultClock::default()));
        Self { limiter, counted: AtomicU32::new(0) }
    }

    fn count(&self, key: K) -> Result<(), Failure> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.counted.fetch_add(1, Ordering::Relaxed) % TURN == TURN - 1 {
            limiter.retain_recent();
        }
        limiter.check_key(&key).map_err(|not| {
            let wait = not.wait_time_from(limiter.clock().now());
            Failure::RateLimited(wait.as_secs() + 1)
        })
    }
}
