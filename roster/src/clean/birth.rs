//! Months of birth.

use super::date::Scan;
use super::{Cleaned, half_width, text};
use crate::cell::{self, Cell, DAYS_1904};
use crate::{Code, Month};
use chrono::Datelike;

/// Reads `1985.06`, `1985-6-1`, `198506`, `19850601`, `1985年6月` or `85.6`.
#[must_use]
pub fn birth(raw: &str) -> Cleaned<Month> {
    let Some(typed) = text(raw).map(|typed| half_width(&typed)) else { return Cleaned::EMPTY };
    read(&typed).map_or(Cleaned::dropped(Code::DateUnparsed), Cleaned::ok)
}

/// Reads a cell. A number that ends in `.1` may have lost the zero of `.10`, so it is not read.
pub(crate) fn birth_cell(cell: &Cell, is_1904: bool) -> Cleaned<Month> {
    let number = match cell {
        Cell::Date(serial) => match cell::from_serial(*serial).filter(|at| at.year() <= 2199) {
            Some(at) => return Cleaned::ok(Month::of(at.date())),
            None => *serial,
        },
        Cell::Number(number) => *number,
        other => return birth(&other.raw()),
    };
    if (20_000.0..=60_000.0).contains(&number) {
        let serial = number + if is_1904 { DAYS_1904 } else { 0.0 };
        return cell::from_serial(serial)
            .map_or(Cleaned::dropped(Code::DateUnparsed), |at| Cleaned::ok(Month::of(at.date())));
    }
    let digits = number.to_string();
    if digits.ends_with(".1") {
        return Cleaned::dropped(Code::DateUnparsed);
    }
    birth(&digits)
}

fn read(typed: &str) -> Option<Month> {
    let mut scan = Scan(typed);
    if let Some(day) = scan.compact_day().or_else(|| scan.full_day()) {
        scan.time()?;
        return Some(Month::of(day));
    }
    if let Some(both) = scan.number(6..=6) {
        return scan.0.is_empty().then(|| month(both / 100, both % 100)).flatten();
    }
    let year = match scan.number(4..=4) {
        Some(year) => year,
        // Two digits: `85.6`.
        None => match scan.number(2..=2)? {
            short @ 30.. => 1900 + short,
            short => 2000 + short,
        },
    };
    let month_number = if scan.take("年").is_some() {
        let number = scan.number(1..=2)?;
        scan.take("月")?;
        number
    } else {
        ["-", "/", "."].into_iter().find(|separator| scan.take(separator).is_some())?;
        scan.number(1..=2)?
    };
    scan.0.is_empty().then(|| month(year, month_number)).flatten()
}

fn month(year: u32, month: u32) -> Option<Month> {
    let year = i32::try_from(year).ok().filter(|year| (1900..=2199).contains(year))?;
    (1..=12).contains(&month).then_some(Month { year, month })
}

#[cfg(test)]
mod tests {
    use super::*;

    const JUNE: Month = Month { year: 1985, month: 6 };

    #[test]
    fn months_as_written() {
        for raw in [
            "1985.06",
            "1985.6",
            "1985-6-1",
            "1985-06",
            "1985/6",
            "1985/06/01",
            "198506",
            "19850601",
            "1985年6月",
            "1985年06月",
            "1985年6月1日",
            "85.6",
            "85.06",
            "85年6月",
            "１９８５．０６",
            "1985-06-01 00:00:00",
            "1985-06-01T00:00:00",
        ] {
            assert_eq!(birth(raw), Cleaned::ok(JUNE), "{raw}");
        }
        assert_eq!(birth("1985.1"), Cleaned::ok(Month { year: 1985, month: 1 }));
        assert_eq!(birth("29.12"), Cleaned::ok(Month { year: 2029, month: 12 }));
        assert_eq!(birth("30.12"), Cleaned::ok(Month { year: 1930, month: 12 }));
        for raw in [
            "保密", "1985", "1985.13", "198513", "1985.0", "19850631", "6月", "1985年", "185.6",
            "85",
        ] {
            assert_eq!(birth(raw), Cleaned::dropped(Code::DateUnparsed), "{raw}");
        }
        assert_eq!(birth("/"), Cleaned::EMPTY);
    }

    #[test]
    fn numbers_and_excel_dates() {
        for number in [1985.06, 1985.6, 198_506.0, 19_850_601.0, 85.6, 31_199.0] {
            assert_eq!(birth_cell(&Cell::Number(number), false), Cleaned::ok(JUNE), "{number}");
        }
        assert_eq!(birth_cell(&Cell::Date(31_199.0), false), Cleaned::ok(JUNE));
        assert_eq!(birth_cell(&Cell::Number(31_199.0 - 1462.0), true), Cleaned::ok(JUNE));
        let november = Cleaned::ok(Month { year: 1985, month: 11 });
        assert_eq!(birth_cell(&Cell::Number(1985.11), false), november);
        for number in [1985.1, 85.1, 1985.0, 7.0, -1.0, 1e300] {
            let found = birth_cell(&Cell::Number(number), false);
            assert_eq!(found, Cleaned::dropped(Code::DateUnparsed), "{number}");
        }
    }
}
