//! One-time codes of an app (RFC 6238): six digits of HMAC-SHA1, a new one every 30 seconds. Apps know nothing else for sure.

use aws_lc_rs::hmac;

/// Seconds.
const STEP: i64 = 30;
/// Of how many steps before and after this one a code is taken: clocks differ, and typing takes time.
const AROUND: i64 = 1;

/// The step that an instant lies in, in seconds since 1970.
fn step(at: i64) -> i64 {
    at.div_euclid(STEP)
}

/// The code of a step, which are numbered from 1970 on.
#[must_use]
pub fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let mac = hmac::sign(&key, &step.to_be_bytes());
    let mac = mac.as_ref();
    let from = usize::from(mac.last().copied().unwrap_or_default() & 15);
    let number = mac[from..from + 4].iter().fold(0_u32, |all, byte| (all << 8) | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

/// The step whose code this is, if it is one that is taken at an instant.
#[must_use]
pub fn step_of(secret: &[u8], typed: &str, at: i64) -> Option<i64> {
    let typed: String = typed.chars().filter(|it| !it.is_whitespace()).collect();
    let mut around = step(at) - AROUND..=step(at) + AROUND;
    around.rfind(|it| code(secret, *it) == typed)
}

/// A secret as apps take it: base 32 (RFC 4648) without padding.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(DIGITS[((held >> bits) & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(DIGITS[((held << (5 - bits)) & 31) as usize]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{base32, step_of};

    /// RFC 6238, appendix B: the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_specification() {
        let secret = b"12345678901234567890";
        for (at, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = at / 30;
            assert_eq!(step_of(secret, code, at), Some(step));
            assert_eq!(step_of(secret, code, (step - 1) * 30), Some(step));
            assert_eq!(step_of(secret, code, (step + 2) * 30 - 1), Some(step));
            assert_eq!(step_of(secret, code, (step - 1) * 30 - 1), None);
            assert_eq!(step_of(secret, code, (step + 2) * 30), None);
        }
    }

    /// RFC 4648, section 10.
    #[test]
    fn secrets_are_written_as_apps_take_them() {
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
        assert_eq!(base32(b"fooba"), "MZXW6YTB");
        assert_eq!(base32(b"f"), "MY");
    }
}
