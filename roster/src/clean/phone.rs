//! Phone numbers: shape only, never a list of carriers' segments.

use super::text::is_invisible;
use super::{half_width, text};
use crate::Code;

/// A cleaned phone cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phone {
    /// The number to call: the first mobile, else the first foreign, else the first landline number.
    pub value: Option<String>,
    /// Other valid numbers of the cell, in its order.
    pub alt: Vec<String>,
    /// `PHONE_…` codes, at most two.
    pub codes: Vec<Code>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Mobile,
    Foreign,
    Landline,
}

/// Cleans a phone cell; `area` is the area code for landlines written without one, like `0577`.
#[must_use]
pub fn phone(raw: &str, area: &str) -> Phone {
    let failed = |code| Phone { codes: vec![code], ..Phone::default() };
    let Some(whole) = text(raw).map(|whole| half_width(&whole)) else {
        return failed(Code::PhoneMissing);
    };
    if is_masked(&whole) {
        return failed(Code::PhoneMasked);
    }
    if let Some(digits) = scientific(&whole) {
        return match digits.filter(|digits| is_mobile(digits)) {
            Some(digits) => Phone { value: Some(digits), ..Phone::default() },
            None => failed(Code::PhonePrecisionLost),
        };
    }

    let mut numbers: Vec<(Sort, String)> = Vec::new();
    for part in half_width(raw).split(['/', '、', ',', ';', '|', '\n', '\r', '或']) {
        if let Some(number) = number(part, area)
            && !numbers.contains(&number)
        {
            numbers.push(number);
        }
    }
    let Some(best) = (0..numbers.len()).min_by_key(|&i| (numbers[i].0, i)) else {
        return failed(Code::PhoneInvalid);
    };
    let (sort, value) = numbers.remove(best);
    let mut codes = Vec::new();
    match sort {
        Sort::Mobile => {}
        Sort::Foreign => codes.push(Code::PhoneForeign),
        Sort::Landline => codes.push(Code::PhoneLandline),
    }
    if !numbers.is_empty() {
        codes.push(Code::PhoneMultiple);
    }
    Phone {
        value: Some(value),
        alt: numbers.into_iter().map(|(_, number)| number).collect(),
        codes,
    }
}

fn is_masked(text: &str) -> bool {
    text.contains('*') || text.to_ascii_lowercase().contains("xxx")
}

/// For text like `1.6954524383E+10`: the whole number its digits spell out, if they spell all of it.
#[expect(clippy::option_option, reason = "not scientific, not exact, exact: three answers")]
fn scientific(text: &str) -> Option<Option<String>> {
    let (mantissa, exponent) = text.split_once(['E', 'e'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i32 = exponent.trim_start_matches('+').parse().ok()?;
    let digits: String = [whole, fraction].concat();
    if whole.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let spare = i32::try_from(fraction.len()).unwrap_or(i32::MAX).checked_sub(exponent)?;
    let Ok(spare) = usize::try_from(spare) else { return Some(None) };
    if spare > digits.len() {
        return Some(None);
    }
    let (number, rest) = digits.split_at(digits.len() - spare);
    Some((number.len() == 11 && rest.chars().all(|c| c == '0')).then(|| number.to_owned()))
}

fn number(part: &str, area: &str) -> Option<(Sort, String)> {
    let bare: String = part.chars().filter(|c| !is_decoration(*c)).collect();
    let home = bare
        .strip_prefix("+86")
        .or_else(|| bare.strip_prefix("0086"))
        .or_else(|| bare.strip_prefix("86").filter(|_| bare.len() == 13))
        .unwrap_or(&bare);
    if is_mobile(home) {
        return Some((Sort::Mobile, home.to_owned()));
    }
    if let Some(abroad) = bare.strip_prefix('+').or_else(|| bare.strip_prefix("00"))
        && (8..=15).contains(&abroad.len())
        && is_digits(abroad)
        && !abroad.starts_with("86")
    {
        return Some((Sort::Foreign, format!("+{abroad}")));
    }
    landline(home, area).map(|number| (Sort::Landline, number))
}

fn landline(number: &str, area: &str) -> Option<String> {
    if !is_digits(number) {
        return None;
    }
    if number.len() == 8 && number.starts_with(|c| ('2'..='8').contains(&c)) {
        return Some(format!("{area}-{number}"));
    }
    // Two digits of area for 010 and 02x, else three.
    let second = number.strip_prefix('0')?.chars().next()?;
    let length = match second {
        '1' | '2' => 3,
        '3'..='9' => 4,
        _ => return None,
    };
    let (area, local) = number.split_at_checked(length)?;
    matches!(local.len(), 7 | 8).then(|| format!("{area}-{local}"))
}

fn is_mobile(number: &str) -> bool {
    let bytes = number.as_bytes();
    number.len() == 11 && is_digits(number) && bytes[0] == b'1' && (b'3'..=b'9').contains(&bytes[1])
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Spaces, dashes, brackets, and what cannot be seen.
fn is_decoration(c: char) -> bool {
    c.is_whitespace()
        || is_invisible(c)
        || matches!(
            c,
            '-' | '\u{2010}'
                ..='\u{2015}'
                    | '\u{2212}'
                    | '─'
                    | '﹣'
                    | '('
                    | ')'
                    | '['
                    | ']'
                    | '【'
                    | '】'
                    | '〔'
                    | '〕'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use Code::{
        PhoneForeign as F, PhoneInvalid as I, PhoneLandline as L, PhoneMasked as M, PhoneMissing,
        PhoneMultiple as Mul, PhonePrecisionLost as Lost,
    };

    #[test]
    fn a_phone_cell_gives_the_number_to_call_and_the_others() {
        type Case<'a> = (&'a str, Option<&'a str>, &'a [&'a str], &'a [Code]);
        let cases: &[Case<'_>] = &[
            ("16954524383", Some("16954524383"), &[], &[]),
            ("142 6718 7721", Some("14267187721"), &[], &[]),
            ("164-2519-5288", Some("16425195288"), &[], &[]),
            ("１６８７４６９５００５", Some("16874695005"), &[], &[]),
            ("164－2519－5288", Some("16425195288"), &[], &[]),
            ("+86 16954524383", Some("16954524383"), &[], &[]),
            ("008616954524383", Some("16954524383"), &[], &[]),
            ("8614349086219", Some("14349086219"), &[], &[]),
            ("（+86）16954524383", Some("16954524383"), &[], &[]),
            ("\u{200B}16954524383\u{200B}", Some("16954524383"), &[], &[]),
            ("+852 5000 3554", Some("+85250003554"), &[], &[F]),
            ("0033600002397", Some("+33600002397"), &[], &[F]),
            ("+33-6-0000-2397", Some("+33600002397"), &[], &[F]),
            ("057788009528", Some("0577-88009528"), &[], &[L]),
            ("0577-88007000", Some("0577-88007000"), &[], &[L]),
            ("（0577）88007000", Some("0577-88007000"), &[], &[L]),
            ("88007000", Some("0577-88007000"), &[], &[L]),
            ("010-62345678", Some("010-62345678"), &[], &[L]),
            ("0571-8800700", Some("0571-8800700"), &[], &[L]),
            ("0577-88004829、16816437148", Some("16816437148"), &["0577-88004829"], &[Mul]),
            ("16453180168，16009128099", Some("16453180168"), &["16009128099"], &[Mul]),
            ("16453180168或16009128099", Some("16453180168"), &["16009128099"], &[Mul]),
            ("16453180168\n16009128099", Some("16453180168"), &["16009128099"], &[Mul]),
            (
                "16453180168/16009128099;88007000|+85250003554",
                Some("16453180168"),
                &["16009128099", "0577-88007000", "+85250003554"],
                &[Mul],
            ),
            ("88007000/+85250003554", Some("+85250003554"), &["0577-88007000"], &[F, Mul]),
            ("88007000/0577-86007000", Some("0577-88007000"), &["0577-86007000"], &[L, Mul]),
            ("16453180168/16453180168", Some("16453180168"), &[], &[]),
            ("16453180168/666123", Some("16453180168"), &[], &[]),
            ("1.6954524383E+10", Some("16954524383"), &[], &[]),
            ("1.69545243830e10", Some("16954524383"), &[], &[]),
            ("1.6494E+10", None, &[], &[Lost]),
            ("1.695452438E+10", None, &[], &[Lost]),
            ("169****4383", None, &[], &[M]),
            ("169xxxx4383", None, &[], &[M]),
            ("169＊4383", None, &[], &[M]),
            ("", None, &[], &[PhoneMissing]),
            ("无", None, &[], &[PhoneMissing]),
            ("——", None, &[], &[PhoneMissing]),
            ("666123", None, &[], &[I]),
            ("142495498960", None, &[], &[I]),
            ("12345678901", None, &[], &[I]),
            ("18007000", None, &[], &[I]),
            ("+8612", None, &[], &[I]),
            ("+1234567", None, &[], &[I]),
            ("见备注", None, &[], &[I]),
        ];
        for (raw, value, alt, codes) in cases {
            let phone = phone(raw, "0577");
            assert_eq!(phone.value.as_deref(), *value, "{raw}");
            assert_eq!(phone.alt, *alt, "{raw}");
            assert_eq!(phone.codes, *codes, "{raw}");
        }
    }

    #[test]
    fn another_city_has_another_area_code() {
        assert_eq!(phone("62345678", "010").value.as_deref(), Some("010-62345678"));
    }
}
