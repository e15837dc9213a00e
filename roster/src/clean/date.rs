//! Days and times as people write them: `2019-11-1 9:05`, `11月1日下午3点半`, `20191101`, a serial number.

use chrono::{Datelike, NaiveDate, NaiveTime};

use super::{Cleaned, half_width, text};
use crate::cell::{self, Cell, DAYS_1904};
use crate::{Code, Moment};

/// Years a date may have.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2199;
/// Bare serial numbers taken for dates: 1954 to 2064.
const SERIALS: std::ops::RangeInclusive<f64> = 20_000.0..=60_000.0;

/// Reads a day, or a day and a time. Without a year it is the one nearest `near`, with `DATE_YEAR_ASSUMED`.
#[must_use]
pub fn moment(raw: &str, near: NaiveDate) -> Cleaned<Moment> {
    let Some(typed) = text(raw).map(|typed| half_width(&typed)) else { return Cleaned::EMPTY };
    if let Some(serial) = bare_serial(&typed) {
        return serial_moment(serial);
    }
    read(&typed, near).unwrap_or(Cleaned::dropped(Code::DateUnparsed))
}

/// Reads a cell: a number is a serial number or `20191101`, never a month and a day like `10.31`.
pub(crate) fn moment_cell(cell: &Cell, near: NaiveDate, is_1904: bool) -> Cleaned<Moment> {
    match cell {
        Cell::Date(serial) => match cell::from_serial(*serial).filter(|at| at.year() >= 1910) {
            Some(at) => Cleaned::ok(Moment(at)),
            None => eight_digits(*serial),
        },
        Cell::Number(number) if SERIALS.contains(number) => {
            serial_moment(number + if is_1904 { DAYS_1904 } else { 0.0 })
        }
        Cell::Number(number) => eight_digits(*number),
        other => moment(&other.raw(), near),
    }
}

fn serial_moment(serial: f64) -> Cleaned<Moment> {
    cell::from_serial(serial)
        .map_or(Cleaned::dropped(Code::DateUnparsed), |at| Cleaned::ok(Moment(at)))
}

/// A number like 20191101.
fn eight_digits(number: f64) -> Cleaned<Moment> {
    let digits = number.to_string();
    let mut scan = Scan(&digits);
    match scan.compact_day().filter(|_| scan.0.is_empty()) {
        Some(day) => Cleaned::ok(Moment(day.and_time(NaiveTime::MIN))),
        None => Cleaned::dropped(Code::DateUnparsed),
    }
}

/// `43769` or `43769.375`, in text.
fn bare_serial(typed: &str) -> Option<f64> {
    let whole = typed.split_once('.').map_or(typed, |(whole, _)| whole);
    let plain = typed.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (plain && whole.len() == 5)
        .then(|| typed.parse().ok())
        .flatten()
        .filter(|n| SERIALS.contains(n))
}

fn read(typed: &str, near: NaiveDate) -> Option<Cleaned<Moment>> {
    let mut scan = Scan(typed);
    let (day, code) = if let Some(day) = scan.compact_day().or_else(|| scan.full_day()) {
        (day, None)
    } else {
        let (month, day) = scan.month_and_day()?;
        (nearest(near, month, day)?, Some(Code::DateYearAssumed))
    };
    let time = scan.time()?;
    Some(Cleaned { value: Some(Moment(day.and_time(time))), code })
}

/// The day of this month and date that is nearest.
fn nearest(near: NaiveDate, month: u32, day: u32) -> Option<NaiveDate> {
    (near.year() - 1..=near.year() + 1)
        .filter_map(|year| NaiveDate::from_ymd_opt(year, month, day))
        .min_by_key(|date| (*date - near).num_days().abs())
}

/// Reads from the front of a text. A reader that fails leaves the text as it was.
pub(super) struct Scan<'t>(pub(super) &'t str);

impl Scan<'_> {
    /// A run of digits of one of these lengths.
    pub(super) fn number(&mut self, lengths: std::ops::RangeInclusive<usize>) -> Option<u32> {
        let length = self.0.bytes().take_while(u8::is_ascii_digit).count();
        if !lengths.contains(&length) {
            return None;
        }
        let (digits, rest) = self.0.split_at(length);
        let number = digits.parse().ok()?;
        self.0 = rest;
        Some(number)
    }

    pub(super) fn take(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    /// What `read` reads, or nothing and the text as before.
    pub(super) fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = self.0;
        let read = read(self);
        if read.is_none() {
            self.0 = before;
        }
        read
    }

    /// `20191101`
    pub(super) fn compact_day(&mut self) -> Option<NaiveDate> {
        self.attempt(|scan| {
            let n = scan.number(8..=8)?;
            day(n / 10_000, n / 100 % 100, n % 100)
        })
    }

    /// `2019-11-1`, `2019/11/01`, `2019.11.1`, `2019年11月1日`
    pub(super) fn full_day(&mut self) -> Option<NaiveDate> {
        self.attempt(|scan| {
            let year = scan.number(4..=4)?;
            for (first, second, last) in
                [("-", "-", ""), ("/", "/", ""), (".", ".", ""), ("年", "月", "日")]
            {
                if scan.take(first).is_some() {
                    let month = scan.number(1..=2)?;
                    scan.take(second)?;
                    let date = scan.number(1..=2)?;
                    scan.take(last)?;
                    return day(year, month, date);
                }
            }
            None
        })
    }

    /// `11月1日`, `11.1`, `11/1`
    fn month_and_day(&mut self) -> Option<(u32, u32)> {
        self.attempt(|scan| {
            let month = scan.number(1..=2)?;
            for (first, last) in [("月", "日"), (".", ""), ("/", "")] {
                if scan.take(first).is_some() {
                    let date = scan.number(1..=2)?;
                    scan.take(last)?;
                    return Some((month, date));
                }
            }
            None
        })
    }

    /// The rest: nothing, `9:05[:30]`, `[下午]3点[15分|半]`; a bare 上午 or 下午 adds nothing.
    pub(super) fn time(&mut self) -> Option<NaiveTime> {
        let glued =
            !self.0.starts_with([' ', 'T', '上', '早', '中', '下', '晚']) && !self.0.is_empty();
        self.0 = self.0.strip_prefix('T').unwrap_or(self.0).trim_start();
        let period =
            ["上午", "早上", "中午", "下午", "晚上"].into_iter().find(|p| self.take(p).is_some());
        self.0 = self.0.trim_start();
        if self.0.is_empty() {
            return Some(NaiveTime::MIN);
        }
        let hour = self.number(1..=2)?;
        let (minute, second) = if self.take(":").is_some() {
            // `2019-11-19:05` is no date and no time.
            if glued {
                return None;
            }
            let minute = self.number(2..=2)?;
            let second = if self.take(":").is_some() { self.number(2..=2)? } else { 0 };
            (minute, second)
        } else {
            self.take("点")?;
            if self.take("半").is_some() {
                (30, 0)
            } else if let Some(minute) = self.number(1..=2) {
                self.take("分")?;
                (minute, 0)
            } else {
                (0, 0)
            }
        };
        if !self.0.is_empty() {
            return None;
        }
        NaiveTime::from_hms_opt(on_the_day(period, hour)?, minute, second)
    }
}

/// The hour of 24 for an hour of a part of the day.
fn on_the_day(period: Option<&str>, hour: u32) -> Option<u32> {
    match (period, hour) {
        // Midnight, but of which day?
        (Some("晚上"), 12) => None,
        (Some("下午" | "晚上"), 0..12) | (Some("中午"), 1..=3) => Some(hour + 12),
        _ => Some(hour),
    }
}

fn day(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    let year = i32::try_from(year).ok().filter(|year| YEARS.contains(year))?;
    NaiveDate::from_ymd_opt(year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near() -> NaiveDate {
        NaiveDate::from_ymd_opt(2019, 11, 1).unwrap()
    }

    fn shown(cleaned: &Cleaned<Moment>) -> Option<String> {
        cleaned.value.as_ref().map(ToString::to_string)
    }

    #[test]
    fn days_and_times_as_written() {
        for (raw, day) in [
            ("2019-11-1", "2019-11-01"),
            ("2019/11/01", "2019-11-01"),
            ("2019.11.1", "2019-11-01"),
            ("20191101", "2019-11-01"),
            ("2019年11月1日", "2019-11-01"),
            ("２０１９－１１－１", "2019-11-01"),
            ("2019-11-1 9:05", "2019-11-01T09:05:00+08:00"),
            ("2019-11-1 00:00:00", "2019-11-01"),
            ("2019/11/01 9:05:07", "2019-11-01T09:05:07+08:00"),
            ("2019/11/01  ９：０５", "2019-11-01T09:05:00+08:00"),
            ("20191101 9:05", "2019-11-01T09:05:00+08:00"),
            ("2019.11.1 下午3点", "2019-11-01T15:00:00+08:00"),
            ("2019年11月1日上午9点", "2019-11-01T09:00:00+08:00"),
            ("2019年11月1日晚上8点15分", "2019-11-01T20:15:00+08:00"),
            ("2019年11月1日早上8点半", "2019-11-01T08:30:00+08:00"),
            ("2019年11月1日中午12点", "2019-11-01T12:00:00+08:00"),
            ("2019年11月1日中午1点", "2019-11-01T13:00:00+08:00"),
            ("2019年11月1日下午12点", "2019-11-01T12:00:00+08:00"),
            ("2019-11-01 15点", "2019-11-01T15:00:00+08:00"),
            ("2019年11月1日下午", "2019-11-01"),
            ("2019-11-01 上午", "2019-11-01"),
            ("2019-11-01T09:05:00", "2019-11-01T09:05:00+08:00"),
            ("43770", "2019-11-01"),
            ("43770.375", "2019-11-01T09:00:00+08:00"),
        ] {
            let found = moment(raw, near());
            assert_eq!(shown(&found).as_deref(), Some(day), "{raw}");
            assert_eq!(found.code, None, "{raw}");
        }
    }

    #[test]
    fn a_day_without_a_year_is_the_nearest() {
        for (raw, near, day) in [
            ("11月1日", (2019, 11, 1), "2019-11-01"),
            ("11.1", (2019, 11, 1), "2019-11-01"),
            ("11/1", (2019, 11, 1), "2019-11-01"),
            ("10月31日下午3点半", (2019, 11, 1), "2019-10-31T15:30:00+08:00"),
            ("10月31日下午", (2019, 11, 1), "2019-10-31"),
            ("11/1 9:05", (2019, 11, 1), "2019-11-01T09:05:00+08:00"),
            ("12月30日", (2020, 1, 2), "2019-12-30"),
            ("1月2日", (2019, 12, 30), "2020-01-02"),
            ("2月29日", (2019, 11, 1), "2020-02-29"),
        ] {
            let near = NaiveDate::from_ymd_opt(near.0, near.1, near.2).unwrap();
            let found = moment(raw, near);
            assert_eq!(shown(&found).as_deref(), Some(day), "{raw}");
            assert_eq!(found.code, Some(Code::DateYearAssumed), "{raw}");
        }
    }

    #[test]
    fn other_text_is_not_a_date() {
        for raw in [
            "会前一天",
            "2019-2-30",
            "2019-13-1",
            "13月1日",
            "2019-11",
            "2019-11/1",
            "2019-11-1 25:00",
            "2019-11-1 9:5",
            "2019-11-19:05",
            "11月",
            "11月1日 某时",
            "2019-11-1 下午三点",
            "1",
            "12345678",
            "2019年11月1日晚上12点",
            "11/1/2019",
            "19-11-1",
            "99999",
            "9:05",
            "下午",
        ] {
            assert_eq!(moment(raw, near()), Cleaned::dropped(Code::DateUnparsed), "{raw}");
        }
        for raw in ["", "/", "无"] {
            assert_eq!(moment(raw, near()), Cleaned::EMPTY, "{raw}");
        }
    }

    #[test]
    fn numbers_are_serials_or_eight_digits() {
        let read = |cell| shown(&moment_cell(&cell, near(), false));
        assert_eq!(read(Cell::Date(43_769.375)).as_deref(), Some("2019-10-31T09:00:00+08:00"));
        assert_eq!(
            read(Cell::Date(43_769.583_333_333_34)).as_deref(),
            Some("2019-10-31T14:00:00+08:00")
        );
        assert_eq!(read(Cell::Number(43_769.0)).as_deref(), Some("2019-10-31"));
        assert_eq!(read(Cell::Number(20_191_031.0)).as_deref(), Some("2019-10-31"));
        assert_eq!(read(Cell::Text("10.31".to_owned())).as_deref(), Some("2019-10-31"));
        for number in [10.31, 11.1, 0.5, 19_999.0, 60_001.0, -1.0, 1e300, f64::MAX] {
            let found = moment_cell(&Cell::Number(number), near(), false);
            assert_eq!(found, Cleaned::dropped(Code::DateUnparsed), "{number}");
        }
        assert_eq!(
            moment_cell(&Cell::Date(0.375), near(), false),
            Cleaned::dropped(Code::DateUnparsed)
        );
        let old = moment_cell(&Cell::Number(43_769.0 - 1462.0), near(), true);
        assert_eq!(shown(&old).as_deref(), Some("2019-10-31"));
    }
}
