//! Answers as people read them: in a list, in a column of an export.

use entity::{
    answer::{self, Value},
    question::{self, Kind},
};

use super::sealed;
use crate::{
    error::Failure,
    mask::{self, Shown},
    vault::Vault,
};

/// An answer as one text. Phones and ID numbers show their middle only where they are shown whole.
pub fn show(
    vault: &Vault,
    shown: Shown,
    question: &question::Model,
    answer: &answer::Model,
) -> Result<String, Failure> {
    Ok(match &answer.value {
        // It is a text until what was kept before there were keys is sealed.
        Value::IdNumber(kept) | Value::Text(kept) if question.kind == Kind::IdNumber => {
            let number = sealed::id_number(vault, answer, kept)?;
            if shown == Shown::Whole { number } else { mask::id_number(&number) }
        }
        Value::IdNumber(_) => String::new(),
        Value::Text(it) if question.kind == Kind::Phone && shown == Shown::Masked => {
            mask::phone(it)
        }
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
    })
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
