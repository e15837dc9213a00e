//! The hours of a day in which people may be disturbed.

use chrono::{DateTime, Days, NaiveTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

/// From one minute of the day until another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u32,
    until: u32,
}

impl Hours {
    /// Reads `08:00-22:00`; the end may be 24:00.
    pub fn read(text: &str) -> Result<Self, String> {
        let minute = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
            (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
        };
        text.split_once('-')
            .and_then(|(from, until)| Some(Self { from: minute(from)?, until: minute(until)? }))
            .filter(|it| it.from < it.until)
            .ok_or_else(|| "not hours of a day such as 08:00-22:00".to_owned())
    }

    /// When it next begins, if it is another time of the day in this zone now.
    #[must_use]
    pub fn opens(self, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let local = now.with_timezone(&zone);
        let minute = local.hour() * 60 + local.minute();
        if (self.from..self.until).contains(&minute) {
            return None;
        }
        let today = local.date_naive();
        let day = if minute < self.from { today } else { today + Days::new(1) };
        let time = NaiveTime::from_hms_opt(self.from / 60, self.from % 60, 0)?;
        // Where a clock skips the very minute, it is the hour after.
        let opens = zone.from_local_datetime(&day.and_time(time)).earliest();
        let opens = opens.map_or_else(|| now + chrono::TimeDelta::hours(1), |it| it.to_utc());
        Some(opens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_its_hours() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let hours = Hours::read("08:00-22:00").unwrap();
        let shanghai = chrono_tz::Asia::Shanghai;
        assert_eq!(hours.opens(at("2026-11-01T00:00:00Z"), shanghai), None);
        assert_eq!(hours.opens(at("2026-11-01T13:59:59Z"), shanghai), None);
        let morning = Some(at("2026-11-02T00:00:00Z"));
        assert_eq!(hours.opens(at("2026-11-01T14:00:00Z"), shanghai), morning);
        assert_eq!(hours.opens(at("2026-11-01T23:59:59Z"), shanghai), morning);
        let berlin = chrono_tz::Europe::Berlin;
        let summer = at("2026-03-28T21:30:00Z");
        assert_eq!(hours.opens(summer, berlin), Some(at("2026-03-29T06:00:00Z")));
        assert_eq!(Hours::read("00:00-24:00").unwrap().opens(summer, berlin), None);
    }

    #[test]
    fn what_are_no_hours_is_refused() {
        for text in ["", "8", "08:00", "22:00-08:00", "08:00-24:01", "08:60-22:00", "08:00-08:00"] {
            assert!(Hours::read(text).is_err(), "{text}");
        }
    }
}
