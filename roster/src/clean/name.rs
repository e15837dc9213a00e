//! Names of people, in any script.

use std::collections::BTreeSet;

use super::text::half;
use super::{choice, half_width, text};
use crate::{Code, Gender};

/// A cleaned name and what was written behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// `None` when there is none.
    pub value: Option<String>,
    /// From a trailing mark like `（女）`.
    pub gender: Option<Gender>,
    /// From a trailing mark like `（女，回族）`; ends in 族.
    pub ethnicity: Option<String>,
    /// `NAME_MISSING`, `NAME_PUA`, `NAME_SUSPECT`, `TEST_ROW`.
    pub codes: BTreeSet<Code>,
}

const PEOPLES: [&str; 56] = [
    "汉",
    "蒙古",
    "回",
    "藏",
    "维吾尔",
    "苗",
    "彝",
    "壮",
    "布依",
    "朝鲜",
    "满",
    "侗",
    "瑶",
    "白",
    "土家",
    "哈尼",
    "哈萨克",
    "傣",
    "黎",
    "傈僳",
    "佤",
    "畲",
    "高山",
    "拉祜",
    "水",
    "东乡",
    "纳西",
    "景颇",
    "柯尔克孜",
    "土",
    "达斡尔",
    "仫佬",
    "羌",
    "布朗",
    "撒拉",
    "毛南",
    "仡佬",
    "锡伯",
    "阿昌",
    "普米",
    "塔吉克",
    "怒",
    "乌孜别克",
    "俄罗斯",
    "鄂温克",
    "德昂",
    "保安",
    "裕固",
    "京",
    "塔塔尔",
    "独龙",
    "鄂伦春",
    "赫哲",
    "门巴",
    "珞巴",
    "基诺",
];

/// Cleans a name: the mark behind it cut off, spaces out of a Chinese name, one kind of separator.
#[must_use]
pub fn name(raw: &str) -> Name {
    let Some(typed) = text(raw) else {
        return Name { codes: [Code::NameMissing].into(), ..Name::default() };
    };
    let mut name = Name::default();
    let bare = cut_mark(&typed, &mut name);
    let value = spell(&bare);
    if value.chars().any(is_private) {
        name.codes.insert(Code::NamePua);
    }
    if value.chars().any(|c| matches!(c, '?' | '？' | '□' | '■' | '*' | '＊' | '\u{FFFD}')) {
        name.codes.insert(Code::NameSuspect);
    }
    if is_test(&value) {
        name.codes.insert(Code::TestRow);
    }
    if value.is_empty() {
        name.codes.insert(Code::NameMissing);
    }
    name.value = Some(value).filter(|value| !value.is_empty());
    name
}

/// Cuts `（女）`, `(女,回族)` off the end. A bracket that says anything else is part of the name.
fn cut_mark(typed: &str, name: &mut Name) -> String {
    let inside = typed.strip_suffix([')', '）']).and_then(|open| open.rsplit_once(['(', '（']));
    let Some((before, mark)) = inside else { return typed.to_owned() };
    let mut gender = None;
    let mut ethnicity = None;
    for part in
        mark.split([',', '，', '、', '/', ';', '；', ' ']).map(str::trim).filter(|p| !p.is_empty())
    {
        if let Some(known) =
            choice::gender_word(part).filter(|_| !part.starts_with(|c: char| c.is_ascii()))
        {
            gender = Some(known);
        } else if let Some(known) = ethnicity_of(part) {
            ethnicity = Some(known);
        } else {
            return typed.to_owned();
        }
    }
    if gender.is_none() && ethnicity.is_none() {
        return typed.to_owned();
    }
    name.gender = gender;
    name.ethnicity = ethnicity;
    before.trim_end().to_owned()
}

/// The full name of one of the 56 peoples, written with or without 族.
fn ethnicity_of(word: &str) -> Option<String> {
    let bare = word.strip_suffix('族').unwrap_or(word);
    PEOPLES.contains(&bare).then(|| format!("{bare}族"))
}

/// Letters half width; if there is a Chinese character, no spaces and U+00B7 between the parts.
fn spell(bare: &str) -> String {
    let letters = |c: char| if half(c).is_ascii_alphabetic() { half(c) } else { c };
    if !bare.chars().any(is_han) {
        return bare.chars().map(letters).collect();
    }
    let chars: Vec<char> = bare.chars().filter(|c| !c.is_whitespace()).map(letters).collect();
    let at = |i: usize| chars.get(i).copied().is_some_and(|c| is_han(c) || is_private(c));
    chars
        .iter()
        .enumerate()
        .map(|(i, &c)| if is_separator(c) && i > 0 && at(i - 1) && at(i + 1) { '·' } else { c })
        .collect()
}

/// What is typed for the separator U+00B7 of a minority name: `• ・ ‧ ∙ ． .`, and three that look the same.
fn is_separator(c: char) -> bool {
    matches!(c, '•' | '・' | '‧' | '∙' | '．' | '.' | '\u{FF65}' | '\u{22C5}' | '\u{387}')
}

/// Whether a character is Chinese, the extensions A to J included.
fn is_han(c: char) -> bool {
    matches!(c,
        '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{2FA1F}' | '\u{30000}'..='\u{3FFFD}'
        | '\u{2E80}'..='\u{2FDF}' | '\u{3005}' | '\u{3007}' | '\u{3021}'..='\u{3029}')
}

fn is_private(c: char) -> bool {
    matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}')
}

/// 测试, 测试N, test, testN, aaa…, 111…, xxx…, 123….
fn is_test(value: &str) -> bool {
    let plain: String =
        half_width(value).chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    let all_digits = |rest: &str| rest.chars().all(|c| c.is_ascii_digit());
    let only = |c: char| plain.len() >= 3 && plain.chars().all(|other| other == c);
    ["测试", "test", "123"].iter().any(|word| plain.strip_prefix(word).is_some_and(all_digits))
        || ['a', '1', 'x'].into_iter().any(only)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelt_one_way() {
        for (raw, clean) in [
            ("麻　欢", "麻欢"),
            ("欧 阳博  ", "欧阳博"),
            ("\u{A0}孙磊\n", "孙磊"),
            ("Anna  Bianchi  YL", "Anna Bianchi YL"),
            ("Ｌｉ Ｂｉａｎｃｈｉ", "Li Bianchi"),
            ("古丽娜 · 艾合买提 · 克丁", "古丽娜·艾合买提·克丁"),
            ("艾力．买买提．汗丁", "艾力·买买提·汗丁"),
            ("阿不都•热合曼‧尔∙壬・丁.甲", "阿不都·热合曼·尔·壬·丁·甲"),
            ("施𠅤", "施𠅤"),
            ("㐂 䶮", "㐂䶮"),
            ("𠅤.𠅤", "𠅤·𠅤"),
            ("J. R. 张", "J.R.张"),
            ("J.R. Smith", "J.R. Smith"),
            ("José Müller", "José Müller"),
            ("張三（小）", "張三（小）"),
            ("ئەخمەت", "ئەخمەت"),
        ] {
            let name = name(raw);
            assert_eq!(name.value.as_deref(), Some(clean), "{raw}");
            assert!(name.codes.is_empty(), "{raw}");
        }
        let long = "古".repeat(60);
        assert_eq!(name(&long).value, Some(long));
    }

    #[test]
    fn a_trailing_mark_fills_gender_and_people() {
        for (raw, gender, people) in [
            ("白文(女)", Some(Gender::Female), None),
            ("白文 （男）", Some(Gender::Male), None),
            ("白文(女、回族)", Some(Gender::Female), Some("回族")),
            ("白文（女,回）", Some(Gender::Female), Some("回族")),
            ("白文（维吾尔族）", None, Some("维吾尔族")),
        ] {
            let name = name(raw);
            assert_eq!(name.value.as_deref(), Some("白文"), "{raw}");
            assert_eq!((name.gender, name.ethnicity.as_deref()), (gender, people), "{raw}");
        }
    }

    #[test]
    fn doubtful_names_are_kept_and_flagged() {
        for (raw, code) in [
            ("张\u{E864}", Code::NamePua),
            ("张\u{F0001}", Code::NamePua),
            ("张?", Code::NameSuspect),
            ("张？", Code::NameSuspect),
            ("张□", Code::NameSuspect),
            ("张■", Code::NameSuspect),
            ("张*", Code::NameSuspect),
            ("张\u{FFFD}", Code::NameSuspect),
        ] {
            let name = name(raw);
            assert_eq!(name.value.as_deref(), Some(raw));
            assert_eq!(name.codes, [code].into(), "{raw}");
        }
    }

    #[test]
    fn trials_of_the_form_are_told_from_people() {
        for raw in [
            "测试",
            "测试 2",
            "test",
            "Test12",
            "aaa",
            "AAAA",
            "111",
            "１１１",
            "xxx",
            "123",
            "12345",
        ] {
            assert!(name(raw).codes.contains(&Code::TestRow), "{raw}");
        }
        for raw in ["测试员", "aa", "11", "testa", "Tester", "艾艾艾"] {
            assert!(!name(raw).codes.contains(&Code::TestRow), "{raw}");
        }
    }

    #[test]
    fn no_name_is_missing() {
        for raw in ["", " ", "/", "无", "(空)", "（女）"] {
            let name = name(raw);
            assert_eq!((name.value, name.codes), (None, [Code::NameMissing].into()), "{raw}");
        }
    }
}
