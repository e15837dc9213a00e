//! The days of the demo's year, which is fixed and knows nothing of today.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};

/// The year of all that takes place.
pub(super) const YEAR: i32 = 2026;

/// The zone of all activities.
pub(super) const ZONE: &str = "Asia/Shanghai";

/// Up to when things have happened: what is earlier was attended and closed, what is later waits.
pub(super) fn today() -> DateTime<Utc> {
    at(day(11, 20), 18, 0)
}

/// A day of the year.
pub(super) fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(YEAR, month, day).expect("a day of the calendar")
}

/// An hour of a day in Wenzhou, which is eight hours before UTC all year.
pub(super) fn at(day: NaiveDate, hour: u32, minute: u32) -> DateTime<Utc> {
    let here = day.and_hms_opt(hour, minute, 0).expect("a time of the day");
    here.and_utc() - TimeDelta::hours(8)
}

/// The day, or the next on which something can begin: a Monday to Wednesday out of the long holidays.
pub(super) fn working(mut day: NaiveDate) -> NaiveDate {
    let holidays = [(2, 15..=23), (5, 1..=5), (9, 29..=30), (10, 1..=8)];
    while day.weekday().num_days_from_monday() > 2
        || holidays.iter().any(|(month, days)| day.month() == *month && days.contains(&day.day()))
    {
        day += TimeDelta::days(1);
    }
    day
}
