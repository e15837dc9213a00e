//! What is shown of a phone, an ID number or a mail address to whom it is not shown whole. Nothing else masks them, so that
//! the API, exports, refusals and the log say the same.

use std::borrow::Cow;

/// How personal data are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Masked,
    /// To whom has said what for.
    Whole,
}

/// A phone with its middle hidden: `138****5678`, `+39*****4567`, `057*****1234`; of a short one the last third.
#[must_use]
pub fn phone(phone: &str) -> String {
    let count = phone.chars().count();
    if count >= 8 { middle(phone, 3, 4) } else { middle(phone, 0, count / 3) }
}

/// An ID number without what tells a birthday: `330302********1234`. Of a passport, and whatever else is short, less is
/// left.
#[must_use]
pub fn id_number(number: &str) -> String {
    match number.chars().count() {
        15.. => middle(number, 6, 4),
        8.. => middle(number, 2, 2),
        _ => middle(number, 0, 0),
    }
}

/// A mail address: `z***@example.org`.
#[must_use]
pub fn email(email: &str) -> String {
    let (name, domain) = email.split_once('@').unwrap_or((email, ""));
    let first: String = name.chars().take(1).collect();
    format!("{first}***@{domain}")
}

/// What somebody typed where a phone should be, to be said again in a refusal: what may be most of a number is hidden.
#[must_use]
pub fn typed(text: &str) -> String {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    if digits >= 7 { phone(text) } else { text.to_owned() }
}

/// A text with whatever looks like a phone, an ID number or a mail address in it masked: for the log, and for what
/// databases and other systems say.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|it| it == b'@' || it.is_ascii_digit()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        let (word, more) = rest.split_at(end);
        push_word(&mut out, word);
        let next = more.find(is_of_word).unwrap_or(more.len());
        let (between, more) = more.split_at(next);
        out.push_str(between);
        rest = more;
    }
    Cow::Owned(out)
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "@.+_%-".contains(c)
}

fn push_word(out: &mut String, word: &str) {
    if let Some((name, domain)) = word.split_once('@')
        && !name.is_empty()
        && domain.contains('.')
    {
        out.push_str(&email(word));
        return;
    }
    for piece in word.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let bare = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_foreign = out.ends_with('+') && bare.len() >= 8;
        if is_id_number(bare) {
            out.push_str(&id_number(bare));
        } else if bare.bytes().all(|it| it.is_ascii_digit()) && (is_foreign || is_phone(bare)) {
            out.push_str(&phone(bare));
        } else {
            out.push_str(bare);
        }
        out.push_str(&piece[bare.len()..]);
    }
}

/// A mobile number, with what leads into the country or without, or a fixed line with its area.
fn is_phone(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    let mobile = |it: &[u8]| it.len() == 11 && it[0] == b'1' && it[1] >= b'3';
    let fixed = |it: &[u8]| (11..=12).contains(&it.len()) && it[0] == b'0' && it[1] != b'0';
    mobile(bytes) || fixed(bytes) || bytes.strip_prefix(b"86").is_some_and(mobile)
}

fn is_id_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 18
        && bytes[0] != b'0'
        && bytes[..17].iter().all(u8::is_ascii_digit)
        && (bytes[17].is_ascii_digit() || bytes[17].eq_ignore_ascii_case(&b'X'))
}

fn middle(text: &str, head: usize, tail: usize) -> String {
    let count = text.chars().count();
    let hide = |(at, c)| if at < head || count - tail <= at { c } else { '*' };
    text.chars().enumerate().map(hide).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_hidden() {
        assert_eq!(phone("13800135678"), "138****5678");
        assert_eq!(phone("057788881234"), "057*****1234");
        assert_eq!(phone("+393331234567"), "+39******4567");
        assert_eq!(phone("665588"), "****88");
        assert_eq!(id_number("330302199001011234"), "330302********1234");
        assert_eq!(id_number("33030219900101123X"), "330302********123X");
        assert_eq!(id_number("330302900101123"), "330302*****1123");
        assert_eq!(id_number("E12345678"), "E1*****78");
        assert_eq!(id_number("M1"), "**");
        assert_eq!(email("zhang@example.org"), "z***@example.org");
        assert_eq!(typed("1380013800"), "138***3800");
        assert_eq!(typed("12-34"), "12-34");
    }

    #[test]
    fn texts_lose_what_looks_like_personal_data_and_nothing_else() {
        let masked = [
            ("Key (phone, name)=(13800135678, x) already exists.", "13800135678"),
            ("tel:+8613800135678;", "13800135678"),
            ("id_no=33030219900101123x", "33030219900101123x"),
            ("to <zhang.san@example.org>: no", "zhang.san"),
            ("call +393331234567 or 057788881234", "3331234567"),
            ("call 057788881234", "88881234"),
            ("138-0013-5678 13800135678", "13800135678"),
        ];
        for (said, whole) in masked {
            assert!(!text(said).contains(whole), "{}", text(said));
        }
        for same in [
            "2026-11-01T01:00:00.000000Z INFO served in 12.345678ms",
            "registration_0192f0c2-8c1e-7abc-8def-001380013567",
            "sha 9f86d081884c7d659a2feaa0c55ad015 size 20971520",
            "张三丰 @ 温州",
        ] {
            assert_eq!(text(same), same);
        }
    }
}
