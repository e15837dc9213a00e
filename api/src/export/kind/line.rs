//! A person on an activity as it is read, and the columns that say who they are.

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    attendance,
    id::{CategoryId, RegistrationId},
    registration,
};
use sea_orm::{DbErr, FromQueryResult, QueryResult, prelude::Uuid};

use super::Column;
use crate::{
    attendance::book::Held,
    export::{brief::Brief, cell::Cell},
    form::show::headings,
    ticket,
};

/// What a column says of a person on an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Nth,
    Name,
    Organisation,
    Title,
    Phone,
    Category,
    StudentNo,
    Group,
    District,
    Note,
    /// The code of the ticket, unless it was revoked.
    Code,
    /// To the nth question of the form.
    Answer(usize),
}

/// The columns before those of a kind's own. `of` makes them fields of the kind.
pub fn who<F>(of: impl Fn(Field) -> F) -> Vec<Column<F>> {
    vec![
        Column::usual("nth", "序号", 6.0, of(Field::Nth)),
        Column::usual("name", "姓名", 12.0, of(Field::Name)),
        Column::usual("organisation", "单位", 36.0, of(Field::Organisation)),
        Column::usual("title", "职务", 18.0, of(Field::Title)),
        Column::usual("phone", "手机号码", 16.0, of(Field::Phone)),
        Column::usual("category", "参会类别", 12.0, of(Field::Category)),
        Column::usual("studentNo", "学号", 16.0, of(Field::StudentNo)),
        Column::usual("group", "小组", 10.0, of(Field::Group)),
    ]
}

/// The columns behind them: the note, and what was answered to the form.
pub fn rest<F>(brief: &Brief, of: impl Fn(Field) -> F) -> Vec<Column<F>> {
    let note = Column::usual("note", "备注", 24.0, of(Field::Note));
    let answers =
        brief.form.iter().zip(headings(&brief.form)).enumerate().map(|(nth, (question, title))| {
            let key = format!("answer:{}", question.key);
            Column::usual(key, title, 20.0, of(Field::Answer(nth)))
        });
    std::iter::once(note).chain(answers).collect()
}

/// What of a registration is read; all else is passed over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs {
    pub student_no: bool,
    pub group: bool,
    pub district: bool,
    pub note: bool,
    pub code: bool,
    pub answers: bool,
    /// How the registration came about and stands.
    pub life: bool,
    /// How long somebody was at the session.
    pub stay: bool,
}

impl Needs {
    pub fn of(fields: impl IntoIterator<Item = Field>) -> Self {
        let mut needs = Self::default();
        for field in fields {
            match field {
                Field::StudentNo => needs.student_no = true,
                Field::Group => needs.group = true,
                Field::District => needs.district = true,
                Field::Code => needs.code = true,
                Field::Note => needs.note = true,
                Field::Answer(_) => needs.answers = true,
                _ => {}
            }
        }
        needs
    }
}

/// A person on an activity, as far as it was read.
pub struct Line {
    pub id: RegistrationId,
    /// The place in the order of the lists.
    pub key: (Uuid, i32),
    pub name: String,
    pub phone: Option<String>,
    pub organisation: Option<String>,
    pub title: Option<String>,
    pub category: Option<CategoryId>,
    student_no: Option<String>,
    pub group: Option<String>,
    pub district: Option<String>,
    pub note: Option<String>,
    pub code: Option<String>,
    /// At the session that was asked for.
    pub attendance: Option<attendance::Status>,
    pub first_in_at: Option<DateTime<Utc>>,
    pub first_gate: Option<String>,
    pub last_out_at: Option<DateTime<Utc>>,
    pub minutes: Option<i32>,
    pub is_corrected: Option<bool>,
    pub life: Option<Life>,
    pub answers: Vec<String>,
}

/// How a registration came about and stands.
pub struct Life {
    pub status: registration::Status,
    pub way: registration::Way,
    pub registered_at: DateTime<Utc>,
    pub status_at: DateTime<Utc>,
    pub status_reason: Option<String>,
    pub reply_by: Option<DateTime<Utc>>,
    pub enrolled_on: Option<NaiveDate>,
    pub withdrawn_on: Option<NaiveDate>,
}

impl FromQueryResult for Line {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        let status: Option<registration::Status> = row.try_get_by_index(13)?;
        let life = match status {
            None => None,
            Some(status) => Some(Life {
                status,
                way: row.try_get_by_index(14)?,
                registered_at: row.try_get_by_index(15)?,
                status_at: row.try_get_by_index(16)?,
                status_reason: row.try_get_by_index(17)?,
                reply_by: row.try_get_by_index(18)?,
                enrolled_on: row.try_get_by_index(20)?,
                withdrawn_on: row.try_get_by_index(21)?,
            }),
        };
        let code: Option<String> = row.try_get_by_index(26)?;
        Ok(Self {
            id: row.try_get_by_index(0)?,
            key: (row.try_get_by_index(1)?, row.try_get_by_index(2)?),
            name: row.try_get_by_index(3)?,
            phone: row.try_get_by_index(4)?,
            organisation: row.try_get_by_index(5)?,
            title: row.try_get_by_index(6)?,
            category: row.try_get_by_index(7)?,
            student_no: row.try_get_by_index(8)?,
            group: row.try_get_by_index(9)?,
            note: row.try_get_by_index(10)?,
            attendance: row.try_get_by_index(11)?,
            first_in_at: row.try_get_by_index(12)?,
            first_gate: row.try_get_by_index(19)?,
            last_out_at: row.try_get_by_index(22)?,
            minutes: row.try_get_by_index(23)?,
            is_corrected: row.try_get_by_index(24)?,
            district: row.try_get_by_index(25)?,
            code: code.filter(|it| ticket::is_code(it)),
            life,
            answers: Vec::new(),
        })
    }
}

impl Line {
    pub fn cell<'a>(&'a self, brief: &'a Brief, nth: u32, field: Field) -> Cell<'a> {
        match field {
            Field::Nth => Cell::count(nth),
            Field::Name => Cell::Text(&self.name),
            Field::Organisation => Cell::text(self.organisation.as_ref()),
            Field::Title => Cell::text(self.title.as_ref()),
            Field::Phone => Cell::text(self.phone.as_ref()),
            Field::Category => Cell::text(brief.category(self.category)),
            Field::StudentNo => Cell::text(self.student_no.as_ref()),
            Field::Group => Cell::text(self.group.as_ref()),
            Field::District => Cell::text(self.district.as_ref()),
            Field::Code => Cell::text(self.code.as_ref()),
            Field::Note => Cell::text(self.note.as_ref()),
            Field::Answer(nth) => Cell::text(self.answers.get(nth)),
        }
    }
}

/// How somebody attended a session that they belong to, as lists say it: whoever is not on record is absent once the door
/// has shut.
pub fn attendance_word(
    held: &Held,
    status: Option<attendance::Status>,
    now: DateTime<Utc>,
) -> &'static str {
    use attendance::Status::{Absent, Excused, Late, LeftEarly, Present};
    match status {
        Some(Present) => "出勤",
        Some(Late) => "迟到",
        Some(LeftEarly) => "早退",
        Some(Excused) => "请假",
        None if now < held.session.closes_at => "未到",
        Some(Absent) | None => "缺席",
    }
}
