//! A person on an activity as it is read, and the columns that say who they are.

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    attendance,
    id::{CategoryId, RegistrationId},
    person, registration,
};
use sea_orm::{
    DbErr, QueryResult, TryGetable,
    prelude::Uuid,
    sea_query::{Expr, SimpleExpr},
};

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
    Seat,
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
        Column::further("seat", "座位", 10.0, of(Field::Seat)),
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
#[expect(clippy::struct_excessive_bools, reason = "columns, each needed or not")]
pub struct Needs {
    pub student_no: bool,
    pub group: bool,
    pub seat: bool,
    pub district: bool,
    pub note: bool,
    pub code: bool,
    pub answers: bool,
    /// How the registration came about and stands.
    pub life: bool,
    /// How long somebody was at the session.
    pub stay: bool,
    /// Whether the class itself says what a trainee is in it, before what a list said.
    pub of_a_class: bool,
}

impl Needs {
    pub fn of(fields: impl IntoIterator<Item = Field>) -> Self {
        let mut needs = Self::default();
        for field in fields {
            match field {
                Field::StudentNo => needs.student_no = true,
                Field::Group => needs.group = true,
                Field::Seat => needs.seat = true,
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
    pub seat: Option<String>,
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

/// What is selected of a line, in the order in which [`Line::read`] takes it. What is not needed is not even null: a null
/// costs more to read than most values.
#[must_use]
pub fn selected(needs: Needs, at_session: bool) -> Vec<SimpleExpr> {
    use attendance::Column as A;
    use registration::Column as R;
    let own = |column: R| Expr::col((registration::Entity, column));
    let who = |column: person::Column| Expr::col((person::Entity, column));
    let came = |column: A| Expr::col((attendance::Entity, column));
    let listed = |key: &str| format!("CAST(\"registration\".\"details\" ->> '{key}' AS text)");
    let in_class = |what: &str, key: &str| {
        if !needs.of_a_class {
            return listed(key);
        }
        let said = "FROM class_member m LEFT JOIN class_group g ON g.id = m.group_id WHERE m.registration_id";
        format!("COALESCE((SELECT {what} {said} = \"registration\".\"id\"), {})", listed(key))
    };
    let mut all = vec![own(R::Id), own(R::ListKey), own(R::ListRow)];
    all.extend([who(person::Column::Name), who(person::Column::Phone)]);
    all.extend([R::OrganisationName, R::Title, R::CategoryId].map(own));
    let details = [
        (needs.student_no, in_class("m.student_no", "studentNo")),
        (needs.group, in_class("g.name", "group")),
        (needs.seat, listed("seat")),
        (needs.district, listed("district")),
        (needs.note, listed("note")),
    ];
    all.extend(details.into_iter().filter(|it| it.0).map(|it| Expr::cust(it.1)));
    if needs.code {
        all.push(own(R::TicketCode));
    }
    if at_session {
        all.extend([A::Status, A::FirstInAt, A::FirstGate].map(came));
        if needs.stay {
            all.extend([A::LastOutAt, A::Minutes, A::IsCorrected].map(came));
        }
    }
    if needs.life {
        all.extend([R::Status, R::Way, R::RegisteredAt, R::StatusAt].map(own));
        all.extend([R::StatusReason, R::ReplyBy, R::EnrolledOn, R::WithdrawnOn].map(own));
    }
    all
}

/// The columns of a row, one after another.
struct Columns<'a> {
    row: &'a QueryResult,
    next: usize,
}

impl Columns<'_> {
    fn next<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        self.next += 1;
        self.row.try_get_by_index(self.next - 1)
    }

    fn next_if<T: TryGetable>(&mut self, is_there: bool) -> Result<Option<T>, DbErr> {
        if is_there { self.next() } else { Ok(None) }
    }
}

impl Line {
    pub fn read(row: &QueryResult, needs: Needs, at_session: bool) -> Result<Self, DbErr> {
        let mut row = Columns { row, next: 0 };
        let stays = at_session && needs.stay;
        Ok(Self {
            id: row.next()?,
            key: (row.next()?, row.next()?),
            name: row.next()?,
            phone: row.next()?,
            organisation: row.next()?,
            title: row.next()?,
            category: row.next()?,
            student_no: row.next_if(needs.student_no)?,
            group: row.next_if(needs.group)?,
            seat: row.next_if(needs.seat)?,
            district: row.next_if(needs.district)?,
            note: row.next_if(needs.note)?,
            code: row.next_if(needs.code)?.filter(|it: &String| ticket::is_code(it)),
            attendance: row.next_if(at_session)?,
            first_in_at: row.next_if(at_session)?,
            first_gate: row.next_if(at_session)?,
            last_out_at: row.next_if(stays)?,
            minutes: row.next_if(stays)?,
            is_corrected: row.next_if(stays)?,
            life: if needs.life { Some(Life::read(&mut row)?) } else { None },
            answers: Vec::new(),
        })
    }
}

impl Life {
    fn read(row: &mut Columns<'_>) -> Result<Self, DbErr> {
        Ok(Self {
            status: row.next()?,
            way: row.next()?,
            registered_at: row.next()?,
            status_at: row.next()?,
            status_reason: row.next()?,
            reply_by: row.next()?,
            enrolled_on: row.next()?,
            withdrawn_on: row.next()?,
        })
    }
}

impl Line {
    #[must_use]
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
            Field::Seat => Cell::text(self.seat.as_ref()),
            Field::District => Cell::text(self.district.as_ref()),
            Field::Code => Cell::text(self.code.as_ref()),
            Field::Note => Cell::text(self.note.as_ref()),
            Field::Answer(nth) => Cell::text(self.answers.get(nth)),
        }
    }
}

/// How somebody attended a session that they belong to, as lists say it: whoever is not on record is absent once the door
/// has shut.
#[must_use]
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
