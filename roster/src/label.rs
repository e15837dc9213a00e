//! The labels of a header: how they are compared and what they mean (§1).

use crate::Field;
use crate::clean::half_width;

/// What a column is, going by its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A field.
    Known(Field),
    /// One option of the topics, `<question>:<option>`.
    Topic(String),
    /// A running number: not stored, not listed.
    Running,
    /// Not stored, listed.
    Unknown,
}

/// Labels stand as they are after [`normalise`].
const LABELS: [(Field, &[&str]); 23] = [
    (Field::Name, &["姓名", "您的姓名", "学员姓名", "参会人员姓名"]),
    (Field::Gender, &["性别"]),
    (Field::Org, &["单位", "单位名称", "工作单位", "企业名称", "所在企业全称", "公司"]),
    (Field::Title, &["职务", "现任职务"]),
    (Field::OrgTitle, &["单位及职务", "单位职务", "工作单位及职务"]),
    (Field::Phone, &["手机", "手机号", "手机号码", "联系电话", "联系方式", "电话", "移动电话"]),
    (Field::IdNo, &["身份证号", "身份证号码", "证件号码"]),
    (Field::Uscc, &["统一社会信用代码"]),
    (Field::Ethnicity, &["民族"]),
    (Field::Political, &["政治面貌", "党派"]),
    (Field::District, &["县(市、区)", "所属县(市、区)", "所属区域"]),
    (Field::Lodging, &["是否住宿", "住宿"]),
    (Field::Dining, &["是否用餐", "用餐"]),
    (Field::Attending, &["是否参会"]),
    (Field::ArriveAt, &["抵达时间", "到达时间", "到达日期"]),
    (Field::Plate, &["车牌号"]),
    (Field::Birth, &["出生年月", "出生日期"]),
    (Field::Recommender, &["推荐单位", "推荐商会"]),
    (Field::SubmittedAt, &["提交时间", "提交答卷时间"]),
    (Field::Topics, &["希望学习的课程", "课程意向"]),
    (Field::Diet, &["饮食需求", "饮食禁忌"]),
    (Field::StudentNo, &["学号"]),
    (Field::Group, &["小组", "组别"]),
];
const NOTES: [&str; 2] = ["备注", "备注(说明)"];
const RUNNING: [&str; 2] = ["序号", "编号"];
const TRAILING: [&str; 4] = ["*", ":", "(必填)", "(多选)"];

/// A label without whitespace, full width, its leading number and its trailing marks.
pub(crate) fn normalise(label: &str) -> String {
    let plain: String = half_width(label).chars().filter(|c| !c.is_whitespace()).collect();
    trim_marks(trim_number(&plain)).to_owned()
}

/// What a cleaned label says its column is.
pub(crate) fn meaning(label: &str) -> Meaning {
    let whole = normalise(label);
    if let Some(field) = known(&whole) {
        return Meaning::Known(field);
    }
    if RUNNING.contains(&whole.as_str()) {
        return Meaning::Running;
    }
    let option = label
        .split_once([':', '：'])
        .filter(|(question, _)| known(&normalise(question)) == Some(Field::Topics))
        .map(|(_, option)| option.trim());
    match option {
        Some(option) if !option.is_empty() => Meaning::Topic(option.to_owned()),
        _ => Meaning::Unknown,
    }
}

fn known(normalised: &str) -> Option<Field> {
    LABELS
        .iter()
        .find(|(_, labels)| labels.contains(&normalised))
        .map(|(field, _)| *field)
        .or_else(|| NOTES.contains(&normalised).then_some(Field::Note))
        .or_else(|| normalised.contains("个人信息").then_some(Field::Consent))
}

fn trim_number(label: &str) -> &str {
    let rest = label.trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() == label.len() {
        return label;
    }
    rest.strip_prefix(['、', '.']).unwrap_or(label)
}

fn trim_marks(mut label: &str) -> &str {
    while let Some(shorter) = TRAILING.iter().find_map(|mark| label.strip_suffix(mark)) {
        label = shorter;
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_mean_what_the_contract_says() {
        for (label, field) in [
            ("姓  名", Field::Name),
            ("1、您的姓名：", Field::Name),
            ("12．手机号码＊", Field::Phone),
            ("手机号（必填）：", Field::Phone),
            ("11、希望学习的课程（多选）：", Field::Topics),
            ("县（市、区）", Field::District),
            ("备注（说明）", Field::Note),
            ("14、我已阅读并同意《个人信息收集使用告知书》：", Field::Consent),
            ("单位及\n职务", Field::OrgTitle),
        ] {
            assert_eq!(meaning(label), Meaning::Known(field), "{label}");
        }
        for label in ["座机/短号", "您与企业创始人的关系", "姓名拼音", "1姓名", "其他:是"]
        {
            assert_eq!(meaning(label), Meaning::Unknown, "{label}");
        }
        assert_eq!(meaning("序号"), Meaning::Running);
        assert_eq!(
            meaning("3、希望学习的课程（多选）：Ａ股:入门"),
            Meaning::Topic("Ａ股:入门".to_owned())
        );
    }
}
