//! Resident identity numbers (GB 11643) and, unchecked, the numbers of other documents.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{half_width, text};
use crate::{Code, Gender};

/// A cleaned id and what it says of its bearer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdNo {
    /// 18 characters that passed every check, or another document's number; `None` when empty or wrong.
    pub value: Option<String>,
    /// From a resident's id.
    pub gender: Option<Gender>,
    /// From a resident's id.
    pub birth: Option<NaiveDate>,
    /// `ID_DATE`, `ID_CHECKSUM`, `ID_LENGTH`, `ID_PRECISION_LOST` reject; `ID_15` warns.
    pub codes: BTreeSet<Code>,
}

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];

/// Cleans and checks an id. The region part is not checked: a region may have been abolished since.
#[must_use]
pub fn id_no(raw: &str) -> IdNo {
    let Some(typed) = text(raw).map(|typed| half_width(&typed).to_uppercase()) else {
        return IdNo::default();
    };
    if is_scientific(&typed) {
        return IdNo { codes: [Code::IdPrecisionLost].into(), ..IdNo::default() };
    }
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let wrong = || IdNo { codes: [Code::IdLength].into(), ..IdNo::default() };
    if !typed.is_ascii() {
        return wrong();
    }
    match typed.len() {
        18 if is_digits(&typed[..17]) && (is_digits(&typed[17..]) || typed.ends_with('X')) => {
            resident(typed, false)
        }
        15 if is_digits(&typed) => {
            let long = format!("{}19{}", &typed[..6], &typed[6..]);
            let check = check_character(&long);
            resident(format!("{long}{check}"), true)
        }
        8..=10 if typed.starts_with(|c: char| c.is_ascii_uppercase()) && is_digits(&typed[1..]) => {
            IdNo { value: Some(typed), ..IdNo::default() }
        }
        _ => wrong(),
    }
}

/// Takes 18 characters of the right shape.
fn resident(number: String, old: bool) -> IdNo {
    let mut codes = BTreeSet::new();
    let part = |range: std::ops::Range<usize>| number[range].parse::<u32>().unwrap_or(0);
    let year = i32::try_from(part(6..10)).unwrap_or(0);
    let birth = NaiveDate::from_ymd_opt(year, part(10..12), part(12..14)).filter(|_| year > 0);
    if birth.is_none() {
        codes.insert(Code::IdDate);
    }
    if !number.ends_with(check_character(&number[..17])) {
        codes.insert(Code::IdChecksum);
    }
    if !codes.is_empty() {
        return IdNo { codes, ..IdNo::default() };
    }
    if old {
        codes.insert(Code::Id15);
    }
    let gender = if part(16..17) % 2 == 1 { Gender::Male } else { Gender::Female };
    IdNo { value: Some(number), gender: Some(gender), birth, codes }
}

/// The eighteenth character for seventeen digits.
fn check_character(digits: &str) -> char {
    let sum: u32 =
        digits.bytes().zip(WEIGHTS).map(|(b, weight)| u32::from(b - b'0') * weight).sum();
    CHECKS[(sum % 11) as usize]
}

fn is_scientific(typed: &str) -> bool {
    let Some((mantissa, exponent)) = typed.split_once('E') else { return false };
    let is_number =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    is_number(mantissa) && is_number(exponent.trim_start_matches(['+', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_pass() {
        for (raw, value, codes) in [
            ("11010519491231002x", "11010519491231002X", &[][..]),
            ("33032819900508999X\t", "33032819900508999X", &[]),
            ("３３０３０４１９６２０６２０９９９Ｘ", "33030419620620999X", &[]),
            ("330327610307997", "330327196103079971", &[Code::Id15]),
            ("G00000967", "G00000967", &[]),
            ("H1234567", "H1234567", &[]),
        ] {
            let id = id_no(raw);
            assert_eq!(id.codes, codes.iter().copied().collect(), "{raw}");
            if codes.is_empty() {
                assert_eq!(id.value.as_deref(), Some(value), "{raw}");
            } else {
                assert_eq!(id.value.as_deref().map(|v| &v[..17]), Some(&value[..17]), "{raw}");
            }
        }
        let id = id_no("11010519491231002X");
        assert_eq!(id.birth, NaiveDate::from_ymd_opt(1949, 12, 31));
        assert_eq!(id.gender, Some(Gender::Female));
        assert_eq!(id_no("G00000967").gender, None);
        assert_eq!(id_no(" 无 "), IdNo::default());
    }

    #[test]
    fn ids_that_are_rejected() {
        for (raw, codes) in [
            ("110105194912310021", &[Code::IdChecksum][..]),
            ("330302199302299990", &[Code::IdChecksum, Code::IdDate]),
            ("330327610230997", &[Code::IdDate]),
            ("3.30383E+17", &[Code::IdPrecisionLost]),
            ("33038219690611998", &[Code::IdLength]),
            ("3303291986042599801", &[Code::IdLength]),
            ("3303X2198604259980", &[Code::IdLength]),
            ("G0000096", &[][..]),
            ("G000009", &[Code::IdLength]),
            ("G0000096712", &[Code::IdLength]),
            ("见备注", &[Code::IdLength]),
            ("十八个字节十八", &[Code::IdLength]),
            ("123456789012345甲", &[Code::IdLength]),
        ] {
            assert_eq!(id_no(raw).codes, codes.iter().copied().collect(), "{raw}");
        }
    }
}
