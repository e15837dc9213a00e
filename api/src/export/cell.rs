//! What a cell of a table holds, whatever kind of file it goes to.

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// Stays text, whatever it looks like. In a workbook it ends in `…` beyond 32,767 UTF-16 units.
    Text(&'a str),
    /// A time of the wall clock in the activity's zone; a workbook shows it to the minute.
    Instant(NaiveDateTime),
    /// A day, such as a birthday.
    Day(NaiveDate),
    /// A quantity to calculate with. What is not finite is left empty.
    Number(f64),
    /// A part of a whole, from 0 to 1, shown in per cent with one place.
    Share(f64),
    Empty,
}

impl<'a> Cell<'a> {
    /// A text where there is one.
    #[must_use]
    pub fn text(it: Option<&'a String>) -> Self {
        it.map_or(Self::Empty, |it| Self::Text(it))
    }

    #[must_use]
    pub fn count(it: impl Into<u32>) -> Self {
        Self::Number(f64::from(it.into()))
    }
}

/// `2026-11-25 18:00:00`. By hand, because a file may hold a million of them.
pub(super) fn write_instant(at: NaiveDateTime, out: &mut String) {
    write_day(at.date(), out);
    for (sign, number) in [(' ', at.hour()), (':', at.minute()), (':', at.second())] {
        out.push(sign);
        two_digits(number, out);
    }
}

/// `2026-11-25`.
pub(super) fn write_day(day: NaiveDate, out: &mut String) {
    let Ok(year @ 0..=9999) = u32::try_from(day.year()) else {
        return out.push_str(&day.to_string());
    };
    two_digits(year / 100, out);
    two_digits(year % 100, out);
    for number in [day.month(), day.day()] {
        out.push('-');
        two_digits(number, out);
    }
}

fn two_digits(number: u32, out: &mut String) {
    for digit in [number / 10 % 10, number % 10] {
        out.push(char::from_digit(digit, 10).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_library_writes_them() {
        for (year, month, day, hour, minute, second) in [
            (2026, 11, 25, 18, 0, 9),
            (1, 1, 1, 0, 0, 0),
            (9999, 12, 31, 23, 59, 59),
            (12026, 2, 3, 4, 5, 6),
        ] {
            let on = NaiveDate::from_ymd_opt(year, month, day).unwrap();
            let at = on.and_hms_opt(hour, minute, second).unwrap();
            let mut out = String::new();
            write_instant(at, &mut out);
            assert_eq!(out, at.format("%Y-%m-%d %H:%M:%S").to_string());
        }
    }
}
