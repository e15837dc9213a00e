//! Answers as people read them: in a list, in a column of an export.

use entity::{
    answer::Value,
    question::{self, Kind},
};

use crate::person;

/// An answer as one text. An ID number never shows its middle; a phone does where `phones_are_open`.
#[must_use]
pub fn show(question: &question::Model, value: &Value, phones_are_open: bool) -> String {
    match value {
        Value::Text(it) if question.kind == Kind::IdNumber => id_number(it),
        Value::Text(it) if question.kind == Kind::Phone && !phones_are_open => person::masked(it),
        Value::Text(it) => it.clone(),
        Value::Number(it) => it.to_string(),
        Value::Flag(it) => match (question.kind, it) {
            (Kind::Consent, true) => "同意",
            (Kind::Consent, false) => "不同意",
            (_, true) => "是",
            (_, false) => "否",
        }
        .to_owned(),
        Value::Choices(keys) => {
            let label = |key: &String| {
                let found = question.options.0.iter().find(|it| it.key == *key);
                found.map_or_else(|| key.clone(), |it| it.label.clone())
            };
            keys.iter().map(label).collect::<Vec<_>>().join("、")
        }
        Value::Date(it) => it.to_string(),
        Value::File(it) => it.name.clone(),
    }
}

/// `330***********11`: enough to tell two apart that were typed, too little to be used.
fn id_number(number: &str) -> String {
    let count = number.chars().count();
    let (head, tail) = if count >= 15 { (3, 2) } else { (1, 1) };
    let hide = |(at, c)| if at < head || at + tail >= count { c } else { '*' };
    number.chars().enumerate().map(hide).collect()
}

/// The headings of the columns that questions become: the label, with the key where another has the same.
#[must_use]
pub fn headings(questions: &[question::Model]) -> Vec<String> {
    let twice = |label: &str| questions.iter().filter(|it| it.label == label).count() > 1;
    let heading = |it: &question::Model| {
        if twice(&it.label) { format!("{}（{}）", it.label, it.key) } else { it.label.clone() }
    };
    questions.iter().map(heading).collect()
}
