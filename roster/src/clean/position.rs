//! Organisation and post written in one cell.

use super::text;

/// An organisation and a post.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Organisation, as typed.
    pub org: Option<String>,
    /// Post, as typed; several stay joined.
    pub title: Option<String>,
}

const TITLES: [&str; 27] = [
    "党委书记",
    "党支部书记",
    "书记",
    "董事长",
    "副董事长",
    "执行董事",
    "董事",
    "总经理",
    "副总经理",
    "总经理助理",
    "总裁",
    "副总裁",
    "总裁助理",
    "执行会长",
    "常务副会长",
    "会长",
    "副会长",
    "秘书长",
    "副秘书长",
    "监事长",
    "厂长",
    "财务总监",
    "主任",
    "副主任",
    "负责人",
    "创始人",
    "合伙人",
];
const JOINERS: [char; 4] = ['兼', '、', '/', '／'];

/// Splits `温州市仿川厂 董事长兼总经理`: behind a space when only titles follow, else before the longest
/// run of titles at the end; without a title all of it is the organisation.
#[must_use]
pub fn position(raw: &str) -> Position {
    let Some(typed) = text(raw) else { return Position::default() };
    let split = typed
        .match_indices(' ')
        .map(|(at, _)| at)
        .find(|&at| is_titles(typed[at..].trim_start()))
        .or_else(|| typed.char_indices().map(|(at, _)| at).find(|&at| is_titles(&typed[at..])));
    let Some(split) = split else { return Position { org: Some(typed), title: None } };
    let (org, title) = typed.split_at(split);
    Position {
        org: Some(org.trim()).filter(|org| !org.is_empty()).map(str::to_owned),
        title: Some(title.trim().to_owned()),
    }
}

/// Whether this is made only of titles joined by 兼 、 / or set apart by spaces.
fn is_titles(part: &str) -> bool {
    // A cell can be long, a post cannot; this also keeps the search linear.
    part.len() <= 300
        && !part.starts_with(JOINERS)
        && !part.ends_with(JOINERS)
        && part
            .split(' ')
            .map(|word| word.trim_matches(JOINERS))
            .filter(|word| !word.is_empty())
            .all(|word| word.split(JOINERS).all(|title| TITLES.contains(&title)))
        && part.contains(|c: char| c != ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_is_split_off() {
        for (raw, org, title) in [
            ("温州市仿川厂 董事长", Some("温州市仿川厂"), Some("董事长")),
            ("温州市仿川厂\n董事长兼总经理", Some("温州市仿川厂"), Some("董事长兼总经理")),
            ("温州市仿川厂　党支部书记、董事长", Some("温州市仿川厂"), Some("党支部书记、董事长")),
            ("温州 仿川厂 会长", Some("温州 仿川厂"), Some("会长")),
            ("温州仿川厂 董事长 兼 总经理", Some("温州仿川厂"), Some("董事长 兼 总经理")),
            ("温州仿川有限公司董事长兼总经理", Some("温州仿川有限公司"), Some("董事长兼总经理")),
            ("市鞋革商会常务副会长/秘书长", Some("市鞋革商会"), Some("常务副会长/秘书长")),
            ("温州仿川公司副总经理", Some("温州仿川公司"), Some("副总经理")),
            ("温州仿川公司总经理助理", Some("温州仿川公司"), Some("总经理助理")),
            ("温州仿川公司执行董事", Some("温州仿川公司"), Some("执行董事")),
            ("温州仿川公司党委书记董事长", Some("温州仿川公司党委书记"), Some("董事长")),
            ("温州仿川厂 车间主管", Some("温州仿川厂 车间主管"), None),
            ("温州仿川厂", Some("温州仿川厂"), None),
            ("会长", None, Some("会长")),
            ("温州商会会长单位", Some("温州商会会长单位"), None),
            ("/", None, None),
        ] {
            let found = position(raw);
            assert_eq!((found.org.as_deref(), found.title.as_deref()), (org, title), "{raw}");
        }
        let long = "长".repeat(100_000);
        assert_eq!(position(&long).org, Some(long));
    }
}
