//! Answers chosen from few: gender, yes or no, coming or not, consent.

use super::{Cleaned, half_width, text};
use crate::{Code, Gender};

/// 男, 先生, M, male, 1 and 女, 女士, F, female, 2; 0 and 9 are "not said".
#[must_use]
pub fn gender(raw: &str) -> Cleaned<Gender> {
    let Some(word) = text(raw).map(|word| half_width(&word)) else { return Cleaned::EMPTY };
    match gender_word(&word) {
        Some(gender) => Cleaned::ok(gender),
        None if word == "0" || word == "9" => Cleaned::EMPTY,
        None => Cleaned::dropped(Code::GenderUnknown),
    }
}

pub(crate) fn gender_word(word: &str) -> Option<Gender> {
    match word.to_ascii_lowercase().as_str() {
        "男" | "男性" | "先生" | "m" | "male" | "1" => Some(Gender::Male),
        "女" | "女性" | "女士" | "f" | "female" | "2" => Some(Gender::Female),
        _ => None,
    }
}

/// Yes or no in the many ways lists say it; what stands in a bracket behind does not matter.
#[must_use]
pub fn flag(raw: &str) -> Cleaned<bool> {
    let Some(word) = text(raw).map(|word| half_width(&word)) else { return Cleaned::EMPTY };
    let bare = match word.strip_suffix(')').and_then(|open| open.rsplit_once('(')) {
        Some((before, _)) => before.trim_end(),
        None => &word,
    };
    match bare.to_ascii_uppercase().as_str() {
        "是" | "√" | "✓" | "✔" | "Y" | "YES" | "1" | "需要" | "需" | "要" | "住" | "用餐"
        | "TRUE" => Cleaned::ok(true),
        "否" | "×" | "✗" | "X" | "N" | "NO" | "0" | "不需要" | "不需" | "不要" | "不" | "不住"
        | "不用" | "自理" | "FALSE" => Cleaned::ok(false),
        _ => Cleaned::dropped(Code::FlagUnclear),
    }
}

/// Whether somebody comes: unless the cell says no, or 请假, 不参加, 缺席, they do.
#[must_use]
pub fn attending(raw: &str) -> bool {
    let away = ["请假", "不参加", "缺席"].iter().any(|word| raw.contains(word));
    !away && flag(raw).value != Some(false)
}

/// Whether consent was given: 同意, 是 or 已阅读并同意, and nothing else.
#[must_use]
pub fn consent(raw: &str) -> bool {
    matches!(text(raw).as_deref(), Some("同意" | "是" | "已阅读并同意"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gender_is_known_or_flagged() {
        for word in ["男", "男性", "先生", "M", "male", "1", "Male"] {
            assert_eq!(gender(word), Cleaned::ok(Gender::Male), "{word}");
        }
        for word in ["女", "女性", "女士", "F", "female", "2", " 女 "] {
            assert_eq!(gender(word), Cleaned::ok(Gender::Female), "{word}");
        }
        for word in ["0", "9", "", "/"] {
            assert_eq!(gender(word), Cleaned::EMPTY, "{word}");
        }
        for word in ["男/女", "？", "3", "保密"] {
            assert_eq!(gender(word), Cleaned::dropped(Code::GenderUnknown), "{word}");
        }
    }

    #[test]
    fn flags_are_true_false_empty_or_unclear() {
        for word in
            "是 √ ✓ ✔ Y YES 1 需要 需 要 住 用餐 TRUE Ｙ 是（单间） 需要(清真) yes".split(' ')
        {
            assert_eq!(flag(word), Cleaned::ok(true), "{word}");
        }
        for word in "否 × ✗ X N NO 0 不需要 不需 不要 不 不住 不用 自理 FALSE 否（已订）".split(' ')
        {
            assert_eq!(flag(word), Cleaned::ok(false), "{word}");
        }
        for word in ["", "/", "无", "-", "—"] {
            assert_eq!(flag(word), Cleaned::EMPTY, "{word}");
        }
        for word in ["待定", "1间", "问秘书", "（是）"] {
            assert_eq!(flag(word), Cleaned::dropped(Code::FlagUnclear), "{word}");
        }
    }

    #[test]
    fn only_a_no_keeps_somebody_away() {
        for word in ["请假（出国）", "不参加", "缺席", "否", "N", "×", "不", "0", "否（出差）"]
        {
            assert!(!attending(word), "{word}");
        }
        for word in ["", "参加", "参会", "代会长参会", "替会", "/", "待定", "是"] {
            assert!(attending(word), "{word}");
        }
    }

    #[test]
    fn consent_is_given_in_three_ways() {
        for word in ["同意", "是", " 已阅读并同意 "] {
            assert!(consent(word), "{word}");
        }
        for word in ["", "否", "不同意", "√", "同意吗", "(空)"] {
            assert!(!consent(word), "{word}");
        }
    }
}
