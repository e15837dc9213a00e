//! Unified social credit codes (GB 32100).

use super::{Cleaned, half_width, text};
use crate::Code;

const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Cleans and checks a credit code: its alphabet, its length and its last character.
#[must_use]
pub fn uscc(raw: &str) -> Cleaned<String> {
    let Some(code) = text(raw).map(|code| half_width(&code).to_uppercase()) else {
        return Cleaned::EMPTY;
    };
    if is_valid(&code) { Cleaned::ok(code) } else { Cleaned::dropped(Code::UsccInvalid) }
}

fn is_valid(code: &str) -> bool {
    let value = |b: u8| ALPHABET.iter().position(|&a| a == b);
    let Some(values) = code.bytes().map(value).collect::<Option<Vec<usize>>>() else {
        return false;
    };
    let [digits @ .., check] = values.as_slice() else { return false };
    if digits.len() != 17 {
        return false;
    }
    let mut weight = 1;
    let mut sum = 0;
    for digit in digits {
        sum += digit * weight;
        weight = weight * 3 % 31;
    }
    (31 - sum % 31) % 31 == *check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_codes_pass_or_are_dropped() {
        for raw in ["91350100M000100Y43", "91350100m000100y43", "９１３５０１００M000100Y43 "]
        {
            assert_eq!(uscc(raw), Cleaned::ok("91350100M000100Y43".to_owned()), "{raw}");
        }
        for raw in [
            "91350100M000100Y44",
            "91350100M000100Y4",
            "91350100M000100Y433",
            "91350100O000100Y43",
            "厂",
        ] {
            assert_eq!(uscc(raw), Cleaned::dropped(Code::UsccInvalid), "{raw}");
        }
        assert_eq!(uscc("无"), Cleaned::EMPTY);
    }
}
