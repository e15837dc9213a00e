//! Lists made for tests, and the samples. All people are synthetic.

use std::{fmt::Write, path::PathBuf};

const SURNAMES: [&str; 20] = [
    "陈", "林", "黄", "郑", "王", "张", "李", "吴", "周", "徐", "叶", "朱", "杨", "金", "胡", "潘",
    "单", "仇", "解", "缪",
];
const GIVEN: [&str; 40] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明",
    "超", "兰", "霞", "平", "刚", "桂", "英", "华", "玉", "萍", "红", "建", "文", "国", "海", "波",
    "志", "春", "雷", "云", "鹏", "飞", "宁", "晨",
];

/// The name of the `nth` person: no two of the first 32,000 are the same.
pub fn name(nth: usize) -> String {
    let (surname, rest) = (nth % 20, nth / 20);
    format!("{}{}{}", SURNAMES[surname], GIVEN[rest % 40], GIVEN[rest / 40 % 40])
}

/// The phone of the `nth` person, in a segment that no carrier was given.
pub fn phone(nth: usize) -> String {
    format!("142{nth:08}")
}

/// A list in CSV of some people, all of whom come.
pub fn list(people: impl IntoIterator<Item = usize>) -> String {
    let mut list = "序号,姓名,单位,职务,手机号码,备注\n".to_owned();
    for nth in people {
        let (name, phone) = (name(nth), phone(nth));
        writeln!(
            list,
            "{nth},{name},温州市第{}机械有限公司,董事长,{phone},桌{}",
            nth % 97,
            nth % 30
        )
        .unwrap();
    }
    list
}

/// A file of the samples.
pub fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../roster/tests/samples").join(name)
}

pub const SAMPLE_A: &str = "A-企业家节开幕式回执.xlsx";
