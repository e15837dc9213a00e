//! Half-days, the unit of leave: a day begins at 00:00 and its second half at 12:00, in the activity's zone.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::session;

use super::ladder::MOST;

/// Which half of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Half {
    Morning,
    /// And the evening.
    Afternoon,
}

/// Half a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HalfDay {
    pub on: NaiveDate,
    pub half: Half,
}

impl HalfDay {
    /// Which one an instant is in.
    #[must_use]
    pub fn of(at: DateTime<Utc>, zone: Tz) -> Self {
        let local = at.with_timezone(&zone).naive_local();
        let half = if local.time() < noon() { Half::Morning } else { Half::Afternoon };
        Self { on: local.date(), half }
    }

    fn starts_at(self, zone: Tz) -> Option<DateTime<Utc>> {
        let time = match self.half {
            Half::Morning => NaiveTime::MIN,
            Half::Afternoon => noon(),
        };
        instant(self.on, time, zone)
    }

    fn ends_at(self, zone: Tz) -> Option<DateTime<Utc>> {
        match self.half {
            Half::Morning => instant(self.on, noon(), zone),
            Half::Afternoon => {
                instant(self.on.checked_add_days(Days::new(1))?, NaiveTime::MIN, zone)
            }
        }
    }
}

fn noon() -> NaiveTime {
    NaiveTime::MIN + TimeDelta::hours(12)
}

/// When a clock in the zone shows a time; where it skips that time, when it is past it.
fn instant(on: NaiveDate, time: NaiveTime, zone: Tz) -> Option<DateTime<Utc>> {
    let local = on.and_time(time);
    let shown = local.and_local_timezone(zone).earliest();
    let shown = shown.or_else(|| (local + TimeDelta::hours(1)).and_local_timezone(zone).earliest());
    shown.map(|it| it.with_timezone(&Utc))
}

/// The half-days from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub half_days: i32,
}

impl Span {
    /// None where it does not end after it begins, is longer than a year, or is out of the calendar.
    #[must_use]
    pub fn between(from: HalfDay, until: HalfDay, zone: Tz) -> Option<Self> {
        let halves = |it: HalfDay| match it.half {
            Half::Morning => 0,
            Half::Afternoon => 1,
        };
        let days = (until.on - from.on).num_days();
        let half_days =
            i32::try_from(days).ok()?.checked_mul(2)? + halves(until) - halves(from) + 1;
        if !(1..=MOST).contains(&half_days) {
            return None;
        }
        Some(Self { starts_at: from.starts_at(zone)?, ends_at: until.ends_at(zone)?, half_days })
    }
}

/// A session that reaches less than this into a half-day does not belong to it: a morning until ten past twelve is no
/// part of the afternoon.
const BRUSHES: TimeDelta = TimeDelta::minutes(30);

/// Whether whoever is on leave from `starts_at` to `ends_at` misses a session.
#[must_use]
pub fn misses(session: &session::Model, starts_at: DateTime<Utc>, ends_at: DateTime<Utc>) -> bool {
    let missed = session.ends_at.min(ends_at) - session.starts_at.max(starts_at);
    missed >= BRUSHES.min(session.ends_at - session.starts_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str, half: Half) -> HalfDay {
        HalfDay { on: text.parse().unwrap(), half }
    }

    #[test]
    fn half_days_are_counted_with_both_ends() {
        use Half::{Afternoon, Morning};
        let shanghai = chrono_tz::Asia::Shanghai;
        let count = |from, until| Span::between(from, until, shanghai).map(|it| it.half_days);
        let (a, b) = ("2026-11-05", "2026-11-06");
        assert_eq!(count(day(a, Morning), day(a, Morning)), Some(1));
        assert_eq!(count(day(a, Morning), day(a, Afternoon)), Some(2));
        assert_eq!(count(day(a, Afternoon), day(b, Morning)), Some(2));
        assert_eq!(count(day(a, Afternoon), day(a, Morning)), None);
        assert_eq!(count(day(b, Morning), day(a, Afternoon)), None);
        assert_eq!(count(day(a, Morning), day("2027-11-05", Morning)), Some(731));
        assert_eq!(count(day(a, Morning), day("2028-11-05", Morning)), None);
        let span = Span::between(day(a, Afternoon), day(a, Afternoon), shanghai).unwrap();
        assert_eq!(span.starts_at.to_rfc3339(), "2026-11-05T04:00:00+00:00");
        assert_eq!(span.ends_at.to_rfc3339(), "2026-11-05T16:00:00+00:00");
        assert_eq!(HalfDay::of(span.starts_at, shanghai), day(a, Afternoon));
        assert_eq!(HalfDay::of(span.ends_at, shanghai), day(b, Morning));
    }
}
