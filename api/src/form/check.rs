//! Answers, judged by the questions they are to. Pure: whatever it needs of a file was looked up before.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use entity::{
    answer::{File, Value},
    id::{QuestionId, UploadId},
    question::{self, FileType, Kind, Stage},
};

use super::AnswerErrorCode as Code;
use crate::{
    error::{Refusal, Refused},
    mask, text,
};

/// The most characters of a text, of a long text.
pub const MOST_TEXT: i32 = 200;
pub const MOST_LONG_TEXT: i32 = 5_000;
/// The most bytes of a file.
pub const MOST_BYTES: i32 = 10 * 1024 * 1024;
/// The types of files that are taken.
pub const FILE_TYPES: [FileType; 3] = [FileType::Pdf, FileType::Png, FileType::Jpeg];

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Given {
    pub key: String,
    /// None takes the answer back.
    pub raw: Option<Raw>,
}

/// What came, by the field it came in.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    Text(String),
    Number(f64),
    Flag(bool),
    Choice(String),
    Choices(Vec<String>),
    Date(NaiveDate),
    /// A file of the sender's own; none where there is no such file.
    Upload(Option<Sent>),
    /// More than one field, which no kind takes.
    Several,
}

/// What is known of a file that was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    pub upload: UploadId,
    pub name: String,
    pub size: i64,
    /// By its bytes; none where it is of no type that is taken.
    pub kind: Option<FileType>,
}

/// How much is asked of whoever answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Whatever is required: of an attendee. They have no account and so send no file: one that is required stays due,
    /// and an organiser adds it.
    Whole,
    /// What is given must be right, and what is required may be left for later: of an organiser.
    Part,
}

/// Answers that may be kept.
#[derive(Clone, Debug)]
pub struct Checked {
    pub stage: Stage,
    pub set: Vec<Answer>,
    /// Answers on record that were taken back, or are not asked for any more as the others stand.
    pub gone: Vec<QuestionId>,
    /// Whether nothing is left out that is required.
    pub complete: bool,
}

/// One answer that may be kept.
#[derive(Clone, Debug)]
pub struct Answer {
    pub question: QuestionId,
    pub value: Value,
    /// What was consented to.
    pub wording: Option<String>,
    pub upload: Option<UploadId>,
}

/// Judges what was given at a stage, beside what is on record already: what is not named stays as it is. Answers to
/// what is not shown are dropped. All faults at once, their paths from `answers` on.
pub fn check(
    form: &[question::Model],
    stage: Stage,
    known: &BTreeMap<QuestionId, Value>,
    given: &[Given],
    asked: Asked,
) -> Result<Checked, Vec<Refused<Code>>> {
    let mut faults = Vec::new();
    let by_key = by_key(form, stage, given, &mut faults);
    let mut checked = Checked { stage, set: Vec::new(), gone: Vec::new(), complete: true };
    // How the form stands as far as it was walked: what is shown, and its answer.
    let mut standing: BTreeMap<&str, Value> = BTreeMap::new();
    for question in form.iter().filter(|it| it.archived_at.is_none()) {
        let of_stage = question.stage == stage;
        if !is_shown(question, &standing) {
            if of_stage && known.contains_key(&question.id) {
                checked.gone.push(question.id);
            }
            continue;
        }
        let new = by_key.get(question.key.as_str()).filter(|_| of_stage);
        let is_for_staff = asked == Asked::Whole && question.kind == Kind::File;
        let value = match new {
            None => known.get(&question.id).cloned(),
            Some((at, _)) if is_for_staff => {
                let path = ["answers", &at.to_string(), "key"];
                faults.push(Code::FileNotTaken.at(path).about(&question.label));
                continue;
            }
            Some((at, raw)) => {
                let read = match raw {
                    None => Ok(None),
                    Some(raw) => read(question, raw),
                };
                match read {
                    Ok(Some((value, upload))) => {
                        let wording = (question.kind == Kind::Consent).then(|| wording(question));
                        let kept = value.clone();
                        checked.set.push(Answer {
                            question: question.id,
                            value: kept,
                            wording,
                            upload,
                        });
                        Some(value)
                    }
                    Ok(None) => {
                        if known.contains_key(&question.id) {
                            checked.gone.push(question.id);
                        }
                        None
                    }
                    Err((code, field, about)) => {
                        faults.push(code.at(["answers", &at.to_string(), field]).about(about));
                        continue;
                    }
                }
            }
        };
        if of_stage && question.required && value.is_none() {
            checked.complete = false;
            if asked == Asked::Whole && !is_for_staff {
                let path = match new {
                    Some((at, _)) => vec!["answers".to_owned(), at.to_string()],
                    None => vec!["answers".to_owned()],
                };
                faults.push(Code::Required.at(path).about(&question.label));
            }
        }
        if let Some(value) = value {
            standing.insert(&question.key, value);
        }
    }
    if faults.is_empty() { Ok(checked) } else { Err(faults) }
}

type ByKey<'a> = HashMap<&'a str, (usize, Option<&'a Raw>)>;

/// What was given, by the questions; the faults are keys that the form does not have, or has answered twice.
fn by_key<'a>(
    form: &[question::Model],
    stage: Stage,
    given: &'a [Given],
    faults: &mut Vec<Refused<Code>>,
) -> ByKey<'a> {
    let mut by_key = ByKey::new();
    for (at, it) in given.iter().enumerate() {
        let path = || ["answers".to_owned(), at.to_string(), "key".to_owned()];
        let question =
            form.iter().find(|q| q.key == it.key && q.stage == stage && q.archived_at.is_none());
        if question.is_none() {
            faults.push(Code::QuestionUnknown.at(path()).about(short(&it.key)));
        } else if by_key.insert(it.key.as_str(), (at, it.raw.as_ref())).is_some() {
            faults.push(Code::AnsweredTwice.at(path()).about(short(&it.key)));
        }
    }
    by_key
}

/// Whether a question is shown, as the answers before it stand.
fn is_shown(question: &question::Model, standing: &BTreeMap<&str, Value>) -> bool {
    let Some(condition) = &question.visible_if else { return true };
    let wanted = |it: &str| condition.is_any_of.iter().any(|wanted| wanted == it);
    match standing.get(condition.key.as_str()) {
        Some(Value::Flag(flag)) => wanted(if *flag { "true" } else { "false" }),
        Some(Value::Choices(keys)) => keys.iter().any(|it| wanted(it)),
        _ => false,
    }
}

/// What somebody sees when they consent.
fn wording(question: &question::Model) -> String {
    let parts = [Some(&question.label), question.label_en.as_ref(), question.help.as_ref()];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("\n")
}

type Fault = (Code, &'static str, String);
type Read = Result<Option<(Value, Option<UploadId>)>, Fault>;

/// The value that an answer comes to; none where it is empty.
fn read(question: &question::Model, raw: &Raw) -> Read {
    let plain = |value| Ok(Some((value, None)));
    match (question.kind, raw) {
        (Kind::Text, Raw::Text(it)) => text_within(question, &text::line(it), MOST_TEXT),
        (Kind::LongText, Raw::Text(it)) => text_within(question, &text::lines(it), MOST_LONG_TEXT),
        (Kind::Phone, Raw::Text(it)) if it.trim().is_empty() => Ok(None),
        (Kind::Phone, Raw::Text(it)) => match roster::clean::phone(it, "0577").value {
            Some(phone) => plain(Value::Text(phone)),
            None => Err((Code::PhoneInvalid, "text", mask::typed(&short(it)))),
        },
        (Kind::IdNumber, Raw::Text(it)) if it.trim().is_empty() => Ok(None),
        (Kind::IdNumber, Raw::Text(it)) => match roster::clean::id_no(it).value {
            Some(number) => plain(Value::IdNumber(number)),
            None => Err((Code::IdNumberInvalid, "text", String::new())),
        },
        (Kind::OneOf, Raw::Choice(it)) => chosen(question, std::slice::from_ref(it), "choice"),
        (Kind::SeveralOf, Raw::Choices(all)) => chosen(question, all, "choices"),
        (Kind::Consent, Raw::Flag(false)) if question.required => {
            Err((Code::ConsentNeeded, "flag", question.label.clone()))
        }
        (Kind::YesNo | Kind::Consent, Raw::Flag(it)) => plain(Value::Flag(*it)),
        (Kind::Number, Raw::Number(it)) => number(question, *it),
        (Kind::Date, Raw::Date(it)) => date(question, *it),
        (Kind::File, Raw::Upload(None)) => Err((Code::FileUnknown, "uploadId", String::new())),
        (Kind::File, Raw::Upload(Some(sent))) => file(question, sent),
        _ => Err((Code::WrongKind, "key", question.label.clone())),
    }
}

fn text_within(question: &question::Model, text: &str, most: i32) -> Read {
    let most = question.limits.max_length.unwrap_or(most);
    if text.chars().count() > usize::try_from(most).unwrap_or(0) {
        return Err((Code::TooLong, "text", most.to_string()));
    }
    Ok(Some(text).filter(|it| !it.is_empty()).map(|it| (Value::Text(it.to_owned()), None)))
}

fn chosen(question: &question::Model, keys: &[String], field: &'static str) -> Read {
    let options = &question.options.0;
    if let Some(unknown) = keys.iter().find(|key| !options.iter().any(|it| it.key == **key)) {
        return Err((Code::OptionUnknown, field, short(unknown)));
    }
    // In the order of the form, each once.
    let keys: Vec<String> =
        options.iter().filter(|it| keys.contains(&it.key)).map(|it| it.key.clone()).collect();
    Ok(Some(keys).filter(|it| !it.is_empty()).map(|it| (Value::Choices(it), None)))
}

fn number(question: &question::Model, number: f64) -> Read {
    let limits = &question.limits;
    let fits = limits.min.is_none_or(|it| number >= it) && limits.max.is_none_or(|it| number <= it);
    if !fits || !number.is_finite() {
        return Err((Code::OutOfRange, "number", range(limits.min, limits.max)));
    }
    Ok(Some((Value::Number(number), None)))
}

fn date(question: &question::Model, day: NaiveDate) -> Read {
    let limits = &question.limits;
    if limits.from.is_some_and(|it| day < it) || limits.until.is_some_and(|it| day > it) {
        return Err((Code::OutOfRange, "date", range(limits.from, limits.until)));
    }
    Ok(Some((Value::Date(day), None)))
}

fn range<T: ToString>(from: Option<T>, until: Option<T>) -> String {
    let show = |it: Option<T>| it.map_or_else(|| "…".to_owned(), |it| it.to_string());
    format!("{}～{}", show(from), show(until))
}

fn file(question: &question::Model, sent: &Sent) -> Read {
    let most = question.limits.max_bytes.unwrap_or(MOST_BYTES);
    if sent.size > i64::from(most) {
        return Err((Code::FileTooLarge, "uploadId", most.to_string()));
    }
    let taken = question.limits.file_types.as_deref().unwrap_or(&FILE_TYPES);
    let Some(kind) = sent.kind.filter(|it| taken.contains(it)) else {
        let names: Vec<&str> = taken.iter().map(|it| name(*it)).collect();
        return Err((Code::FileTypeUnfit, "uploadId", names.join(" / ")));
    };
    let file = File { name: sent.name.clone(), size: sent.size, kind };
    Ok(Some((Value::File(file), Some(sent.upload))))
}

/// What people call a type of file.
fn name(kind: FileType) -> &'static str {
    match kind {
        FileType::Pdf => "PDF",
        FileType::Png => "PNG",
        FileType::Jpeg => "JPEG",
    }
}

/// What was typed, short enough to be repeated.
fn short(text: &str) -> String {
    text::line(text).chars().take(40).collect()
}
