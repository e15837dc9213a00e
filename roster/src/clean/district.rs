//! The districts of Wenzhou, its functional areas, and those outside.

use super::{Cleaned, half_width, text};
use crate::Code;

const DISTRICTS: [(&str, &str); 12] = [
    ("鹿城", "330302"),
    ("龙湾", "330303"),
    ("瓯海", "330304"),
    ("洞头", "330305"),
    ("永嘉", "330324"),
    ("平阳", "330326"),
    ("苍南", "330327"),
    ("文成", "330328"),
    ("泰顺", "330329"),
    ("瑞安", "330381"),
    ("乐清", "330382"),
    ("龙港", "330383"),
];
const OTHERS: [(&str, &str); 11] = [
    ("市直", "330300"),
    ("市本级", "330300"),
    ("市属", "330300"),
    ("经开区", "3303X1"),
    ("浙南产业集聚区", "3303X1"),
    ("温州湾新区", "3303X1"),
    ("瓯江口", "3303X2"),
    ("瓯江口产业集聚区", "3303X2"),
    ("异地商会", "OUT"),
    ("市外", "OUT"),
    ("异地温州商会", "OUT"),
];

/// The code of a district named with or without 区, 县, 市 and 温州(市), or given as its code.
#[must_use]
pub fn district(raw: &str) -> Cleaned<String> {
    let Some(typed) = text(raw) else { return Cleaned::EMPTY };
    let name: String =
        half_width(&typed).to_uppercase().chars().filter(|c| !c.is_whitespace()).collect();
    let code = code_of(&name).or_else(|| {
        let within = name.strip_prefix("温州")?;
        code_of(within).or_else(|| code_of(within.strip_prefix('市')?))
    });
    match code {
        Some(code) => Cleaned::ok(code.to_owned()),
        None => Cleaned::dropped(Code::DistrictUnknown),
    }
}

fn code_of(name: &str) -> Option<&'static str> {
    if let Some((_, code)) = OTHERS.iter().find(|(other, code)| name == *other || name == *code) {
        return Some(code);
    }
    let short = name.strip_suffix(['区', '县', '市']).unwrap_or(name);
    DISTRICTS.iter().find(|(d, code)| short == *d || name == *code).map(|(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn districts_have_codes() {
        for (raw, code) in [
            ("鹿城区", "330302"),
            ("瓯海", "330304"),
            (" 永嘉 县", "330324"),
            ("温州市龙港市", "330383"),
            ("温州乐清", "330382"),
            ("330329", "330329"),
            ("３３０３２９", "330329"),
            ("市直", "330300"),
            ("市本级", "330300"),
            ("市属", "330300"),
            ("温州市市直", "330300"),
            ("经开区", "3303X1"),
            ("浙南产业集聚区", "3303X1"),
            ("温州湾新区", "3303X1"),
            ("瓯江口", "3303X2"),
            ("瓯江口产业集聚区", "3303X2"),
            ("3303x2", "3303X2"),
            ("异地商会", "OUT"),
            ("市外", "OUT"),
            ("异地温州商会", "OUT"),
            ("330300", "330300"),
        ] {
            assert_eq!(district(raw), Cleaned::ok(code.to_owned()), "{raw}");
        }
        for raw in ["浙江省温州市", "见备注", "温州市", "杭州市", "330301", "鹿城区县"]
        {
            assert_eq!(district(raw), Cleaned::dropped(Code::DistrictUnknown), "{raw}");
        }
        assert_eq!(district("/"), Cleaned::EMPTY);
    }
}
