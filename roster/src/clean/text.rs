//! Text: invisible characters out, every whitespace a space, and the words that mean nothing.

const NOTHING: [&str; 12] =
    ["(空)", "（空）", "(跳过)", "（跳过）", "/", "-", "—", "——", "无", "N/A", "null", "NULL"];

/// Cleaned text; `None` when nothing is left, or one of the words that mean empty.
#[must_use]
pub fn text(raw: &str) -> Option<String> {
    note(raw).filter(|text| !NOTHING.contains(&text.as_str()))
}

/// Cleaned text of a remark, where `无` and `/` are words like any other.
#[must_use]
pub fn note(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        if c.is_whitespace() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else if !is_invisible(c) {
            out.push(c);
        }
    }
    if out.ends_with(' ') {
        out.pop();
    }
    (!out.is_empty()).then_some(out)
}

/// Characters that are dropped: no width, or control characters that are no whitespace.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{FEFF}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{AD}') || c.is_control()
}

/// Full-width ASCII becomes ASCII; the ideographic space becomes a space.
#[must_use]
pub fn half_width(text: &str) -> String {
    text.chars().map(half).collect()
}

pub(crate) fn half(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => {
            u32::from(c).checked_sub(0xFEE0).and_then(char::from_u32).unwrap_or(c)
        }
        '\u{3000}' => ' ',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_loses_what_cannot_be_seen_and_spare_spaces() {
        for (raw, clean) in [
            (
                "\u{FEFF}\u{A0}温州\u{3000}\t市\u{200B}\u{200D}\u{2060}\u{AD}厂\n(集团)\r\n",
                "温州 市厂 (集团)",
            ),
            ("a\u{7}\u{1b}b", "ab"),
            ("ＡＢ 温州", "ＡＢ 温州"),
            ("无锡", "无锡"),
            ("𠅤㛃\u{E864}😀", "𠅤㛃\u{E864}😀"),
        ] {
            assert_eq!(text(raw).as_deref(), Some(clean), "{raw:?}");
        }
    }

    #[test]
    fn words_for_nothing_are_empty_but_not_in_a_note() {
        for raw in ["(空)", "（空）", "(跳过)", " / ", "-", "—", "——", "无", "N/A", "null", "NULL"]
        {
            assert_eq!(text(raw), None, "{raw}");
            assert_eq!(note(raw).as_deref(), Some(raw.trim()));
        }
        for raw in ["", " \u{3000}\u{200B}", "\u{0}"] {
            assert_eq!(note(raw), None);
        }
    }

    #[test]
    fn a_space_that_an_invisible_character_splits_is_still_one() {
        assert_eq!(text("a \u{200B} b").as_deref(), Some("a b"));
    }
}
