//! What changed by an act, field by field, fit to be read by whoever may see no personal data.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::mask;

/// By the name of the field: what stood, and what stands. Of what was just made nothing stood.
pub type Changes = BTreeMap<String, (Value, Value)>;

/// What stands in the place of a value that nobody reads in the log.
const HIDDEN: &str = "***";

/// The fields that are personal data, or a secret, by the kind of thing. That one of them changed is said, and not from
/// what to what; of a name the first character stays, of a phone and a mail address what is shown of them elsewhere.
const VEILED: &[(&str, &[&str])] = &[
    ("account", &["password_hash"]),
    ("certificate", &["name"]),
    ("consent", &["phone", "address"]),
    ("dataRequest", &["changes", "remark"]),
    ("leave", &["reason", "decision_reason"]),
    ("message", &["recipient", "subject", "text"]),
    (
        "person",
        &["name", "pinyin", "phone", "email", "gender", "birth", "ethnicity", "political", "id_no"],
    ),
    ("position", &["title"]),
    ("registration", &["ticket_code", "organisation_name", "title", "details"]),
    ("webhook", &["secret"]),
];

/// The longest text that is kept of a value, in characters.
const LONGEST: usize = 200;

/// What differs between two states of a thing of this kind; all that is set, where there was none before.
///
/// What is no object says nothing, nor do bytes: hashes and orders of names.
#[must_use]
pub fn between<B: Serialize, A: Serialize>(kind: &str, before: Option<&B>, after: &A) -> Changes {
    let fields = |it: Result<Value, serde_json::Error>| match it {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let is_new = before.is_none();
    let mut before = fields(before.map_or(Ok(Value::Null), serde_json::to_value));
    let after = fields(serde_json::to_value(after));
    let veiled = VEILED.iter().find(|it| it.0 == kind).map_or(&[][..], |it| it.1);
    let mut changes = Changes::new();
    for (field, now) in after {
        let stood = before.remove(&field).unwrap_or_default();
        let says_nothing = stood == now || is_new && is_empty(&now) || field == "id";
        if says_nothing || is_bytes(&stood) || is_bytes(&now) {
            continue;
        }
        let show = |it: Value| {
            if veiled.contains(&field.as_str()) { veil(&field, &it) } else { shown(it) }
        };
        changes.insert(camel(&field), (show(stood), show(now)));
    }
    changes
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(it) => it.as_i64() == Some(0),
        Value::String(it) => it.is_empty(),
        Value::Array(it) => it.is_empty(),
        Value::Object(it) => it.is_empty(),
        Value::Bool(true) => false,
    }
}

/// Bytes are an array of numbers to serde.
fn is_bytes(value: &Value) -> bool {
    value.as_array().is_some_and(|it| !it.is_empty() && it.iter().all(Value::is_number))
}

fn veil(field: &str, value: &Value) -> Value {
    let Some(text) = value.as_str() else {
        return if value.is_null() { Value::Null } else { HIDDEN.into() };
    };
    match field {
        "name" => text.chars().take(1).collect::<String>() + "*",
        "phone" => mask::phone(text),
        "email" => mask::email(text),
        _ => HIDDEN.to_owned(),
    }
    .into()
}

fn shown(value: Value) -> Value {
    match value {
        Value::String(text) => scrubbed(&text).into(),
        Value::Array(items) if items.len() <= 50 => items.into_iter().map(shown).collect(),
        Value::Array(items) => items.len().into(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, value)| (key, shown(value))).collect()
        }
        plain => plain,
    }
}

/// A text that somebody typed, of bounded length, with the middle of long numbers hidden and what looks like a mail
/// address. Ids and instants stay as they are.
#[must_use]
pub fn scrubbed(text: &str) -> String {
    if Uuid::try_parse(text).is_ok() || chrono::DateTime::parse_from_rfc3339(text).is_ok() {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut word = String::new();
    let mut chars = text.chars().take(LONGEST).peekable();
    while let Some(c) = chars.next() {
        // A number that was typed in groups is one number.
        let joins = matches!(c, ' ' | '-')
            && word.ends_with(|it: char| it.is_ascii_digit())
            && chars.peek().is_some_and(char::is_ascii_digit);
        if c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '_' | '+') || joins {
            word.push(c);
        } else {
            out.push_str(&hidden_word(&word));
            word.clear();
            out.push(c);
        }
    }
    out + &hidden_word(&word)
}

fn hidden_word(word: &str) -> String {
    if word.contains('@') {
        return mask::email(word);
    }
    let digits = word.chars().filter(char::is_ascii_digit).count();
    // A day has eight digits, and hyphens in it.
    let is_day = chrono::NaiveDate::parse_from_str(word, "%Y-%m-%d").is_ok();
    if digits < 7 || is_day { word.to_owned() } else { mask::phone(word) }
}

/// As the API calls a field.
fn camel(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let head = letters.next().map(|it| it.to_ascii_uppercase());
        name + &head.into_iter().chain(letters).collect::<String>()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_said() {
        let before = json!({"id": "a", "title": "开幕式", "venue": null, "offer_minutes": 60});
        let after = json!({"id": "a", "title": "开幕式", "venue": "大剧院", "offer_minutes": 90});
        let said = between("activity", Some(&before), &after);
        assert_eq!(json!(said), json!({"venue": [null, "大剧院"], "offerMinutes": [60, 90]}),);
    }

    #[test]
    fn of_what_was_made_all_is_said_that_is_set() {
        let made =
            json!({"id": "a", "title": "论坛", "venue": null, "key": [1, 2], "is_open": false});
        assert_eq!(
            json!(between("activity", None::<&Value>, &made)),
            json!({"title": [null, "论坛"]})
        );
    }

    #[test]
    fn personal_data_is_masked() {
        let before = json!({"name": "单小明", "phone": "13800138000", "email": "shan@example.org", "id_no": "330302199001011234"});
        let after = json!({"name": "单晓明", "phone": "13900139000", "email": null, "id_no": "330302199001011235"});
        let said = json!(between("person", Some(&before), &after)).to_string();
        for hidden in ["小明", "晓明", "0013", "shan@", "1990"] {
            assert!(!said.contains(hidden), "{hidden} in {said}");
        }
        assert!(said.contains(r#""phone":["138****8000","139****9000"]"#), "{said}");
        assert!(said.contains(r#""idNo":["***","***"]"#), "{said}");
    }

    #[test]
    fn numbers_in_texts_are_hidden_and_days_are_not() {
        for (typed, kept) in [
            ("请联系13800138000", "请联系138****8000"),
            ("电话 138 0013 8000。", "电话 138******8000。"),
            ("证号33030219900101123X，", "证号330***********123X，"),
            ("发到 shan@example.org 了", "发到 s***@example.org 了"),
            ("2026-11-25 有300人，8号门", "2026-11-25 有300人，8号门"),
            ("0198f3c2-0000-7000-8000-000012345678", "0198f3c2-0000-7000-8000-000012345678"),
            ("2026-11-25T09:00:00.123456Z", "2026-11-25T09:00:00.123456Z"),
        ] {
            assert_eq!(scrubbed(typed), kept);
        }
    }
}
