//! Whoever is registered for an activity, page by page, and the columns that say who they are.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use entity::{
    attendance,
    export::Sort,
    id::{CategoryId, RegistrationId},
    person, registration, session,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait,
    FromQueryResult, JoinType, PaginatorTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect,
    RelationTrait,
    prelude::Uuid,
    sea_query::{Expr, ExprTrait, IntoCondition, Order, Query, SelectStatement, SimpleExpr},
};

use super::{Column, PAGE};
use crate::{
    db::{at_most, within},
    error::Failure,
    export::{brief::Brief, cell::Cell},
    form::show::headings,
    registration::condition,
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
    student_no: bool,
    group: bool,
    district: bool,
    note: bool,
    code: bool,
    answers: bool,
    /// How the registration came about and stands.
    pub life: bool,
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
    key: (Uuid, i32),
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
    pub life: Option<Life>,
    answers: Vec<String>,
}

/// How a registration came about and stands.
pub struct Life {
    pub status: registration::Status,
    pub way: registration::Way,
    pub registered_at: DateTime<Utc>,
    pub status_at: DateTime<Utc>,
    pub status_reason: Option<String>,
    pub reply_by: Option<DateTime<Utc>>,
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
            }),
        };
        let code: Option<String> = row.try_get_by_index(21)?;
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
            district: row.try_get_by_index(20)?,
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

/// Where a page begins.
pub enum Place {
    /// Behind this place in the order of the lists.
    After(Uuid, i32, RegistrationId),
    /// At the nth of those who were put in order beforehand.
    Nth(usize),
}

/// Which registrations are read.
#[derive(Clone, Copy)]
pub enum Whose {
    /// Of those who hold a seat. Nobody who waits, declined or was cancelled is among them.
    Seated,
    Everybody,
}

/// The registrations of an export, in its order.
pub struct People {
    pub brief: Arc<Brief>,
    whose: Whose,
    needs: Needs,
    /// The order by names, which no index of registrations has: 16 bytes for each.
    sorted: Option<Vec<RegistrationId>>,
}

fn which(brief: &Brief, whose: Whose) -> Condition {
    let all = condition(brief.activity.id, brief.filter.registrations.clone());
    match whose {
        Whose::Seated => all.add(registration::Column::Status.eq(registration::Status::Confirmed)),
        Whose::Everybody => all,
    }
}

impl People {
    pub async fn count(
        db: &impl ConnectionTrait,
        brief: &Brief,
        whose: Whose,
    ) -> Result<u64, Failure> {
        Ok(registration::Entity::find().filter(which(brief, whose)).count(db).await?)
    }

    pub async fn open(
        db: &DatabaseConnection,
        brief: Arc<Brief>,
        whose: Whose,
        needs: Needs,
    ) -> Result<Self, Failure> {
        let by = match brief.export.sort {
            Sort::List => None,
            Sort::Pinyin => Some(person::Column::PinyinKey),
            Sort::Strokes => Some(person::Column::StrokeKey),
        };
        let sorted = match by {
            None => None,
            Some(by) => Some(
                registration::Entity::find()
                    .select_only()
                    .column(registration::Column::Id)
                    .join(JoinType::InnerJoin, registration::Relation::Person.def())
                    .filter(which(&brief, whose))
                    .order_by_asc(by)
                    .order_by_asc(registration::Column::Id)
                    .into_tuple()
                    .all(db)
                    .await?,
            ),
        };
        Ok(Self { brief, whose, needs, sorted })
    }

    /// Some people with what is known of them at a session, and where the next begin. People who are moved in the order
    /// of the lists while a file is made may be missing from it, or in it twice.
    pub async fn page(
        &self,
        db: &DatabaseConnection,
        session: Option<&session::Model>,
        from: Option<Place>,
    ) -> Result<(Vec<Line>, Option<Place>), Failure> {
        let (mut lines, next) = match (&self.sorted, from) {
            (Some(sorted), from) => {
                let from = if let Some(Place::Nth(nth)) = from { nth } else { 0 };
                let ids = sorted.get(from..sorted.len().min(from + PAGE)).unwrap_or_default();
                let next = from + ids.len();
                (
                    self.named(db, session, ids).await?,
                    (next < sorted.len()).then_some(Place::Nth(next)),
                )
            }
            (None, from) => {
                let mut select = self.select(session);
                if let Some(Place::After(key, row, id)) = from {
                    select.and_where(behind(key, row, id));
                }
                for column in ORDER {
                    select.order_by((registration::Entity, column), Order::Asc);
                }
                let lines: Vec<Line> = at_most(db, &select, PAGE).await?;
                let last = lines.last().filter(|_| lines.len() == PAGE);
                let next = last.map(|it| Place::After(it.key.0, it.key.1, it.id));
                (lines, next)
            }
        };
        if self.needs.answers && !lines.is_empty() {
            let ids = lines.iter().map(|it| it.id);
            let mut given = crate::form::columns(db, &self.brief.form, ids).await?;
            for line in &mut lines {
                line.answers = given.remove(&line.id).unwrap_or_default();
            }
        }
        Ok((lines, next))
    }

    /// Those of some registrations that are still to be listed, in the order of their ids here.
    async fn named(
        &self,
        db: &DatabaseConnection,
        session: Option<&session::Model>,
        ids: &[RegistrationId],
    ) -> Result<Vec<Line>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut select = self.select(session);
        let column = (registration::Entity, registration::Column::Id);
        select.and_where(within(column, ids.iter().copied()));
        let mut lines: Vec<Line> = at_most(db, &select, PAGE).await?;
        let places: HashMap<RegistrationId, usize> =
            ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        lines.sort_by_key(|it| places.get(&it.id).copied());
        Ok(lines)
    }

    fn select(&self, session: Option<&session::Model>) -> SelectStatement {
        use registration::Column as R;
        let own = |column: R| Expr::col((registration::Entity, column));
        let detail = |needed: bool, key: &str| {
            text(needed, || {
                Expr::cust(format!("CAST(\"registration\".\"details\" ->> '{key}' AS text)"))
            })
        };
        let life = |column: R| if self.needs.life { own(column) } else { nothing() };
        let known = |column: attendance::Column| {
            let it = Expr::col((attendance::Entity, column));
            if session.is_some() { it } else { nothing() }
        };
        let person = |column: person::Column| Expr::col((person::Entity, column));
        let mut select = Query::select();
        select
            .exprs([
                own(R::Id),
                own(R::ListKey),
                own(R::ListRow),
                person(person::Column::Name),
                person(person::Column::Phone),
                own(R::OrganisationName),
                own(R::Title),
                own(R::CategoryId),
                detail(self.needs.student_no, "studentNo"),
                detail(self.needs.group, "group"),
                detail(self.needs.note, "note"),
                known(attendance::Column::Status),
                known(attendance::Column::FirstInAt),
                life(R::Status),
                life(R::Way),
                life(R::RegisteredAt),
                life(R::StatusAt),
                life(R::StatusReason),
                life(R::ReplyBy),
                known(attendance::Column::FirstGate),
                detail(self.needs.district, "district"),
                text(self.needs.code, || own(R::TicketCode)),
            ])
            .from(registration::Entity)
            .inner_join(
                person::Entity,
                person(person::Column::Id).equals((registration::Entity, R::PersonId)),
            )
            .cond_where(which(&self.brief, self.whose));
        if let Some(session) = session {
            let at = |column: attendance::Column| Expr::col((attendance::Entity, column));
            select.left_join(
                attendance::Entity,
                at(attendance::Column::RegistrationId)
                    .equals((registration::Entity, R::Id))
                    .and(at(attendance::Column::SessionId).eq(session.id))
                    .into_condition(),
            );
            if !self.brief.filter.attendance.is_empty() {
                select.and_where(attended(session, &self.brief.filter.attendance, self.brief.now));
            }
        }
        select
    }
}

/// The order of the lists, which an index has.
const ORDER: [registration::Column; 3] =
    [registration::Column::ListKey, registration::Column::ListRow, registration::Column::Id];

/// Compared as one, so that the index leads straight there.
fn behind(key: Uuid, row: i32, id: RegistrationId) -> SimpleExpr {
    let here = ORDER.map(|column| Expr::col((registration::Entity, column)));
    Expr::tuple(here).gt(Expr::tuple([Expr::val(key), Expr::val(row), Expr::val(id)]))
}

/// Whoever attended in one of these ways. Whoever is not on record is absent once the door has closed.
fn attended(
    session: &session::Model,
    among: &[attendance::Status],
    now: DateTime<Utc>,
) -> SimpleExpr {
    let status = || Expr::col((attendance::Entity, attendance::Column::Status));
    let on_record = status().is_in(among.iter().copied());
    if among.contains(&attendance::Status::Absent) && now >= session.closes_at {
        on_record.or(status().is_null())
    } else {
        on_record
    }
}

fn nothing() -> SimpleExpr {
    Expr::cust("NULL")
}

fn text(needed: bool, it: impl FnOnce() -> SimpleExpr) -> SimpleExpr {
    if needed { it() } else { nothing() }
}

/// How somebody attended a session, as lists say it: whoever is not on record is absent once the door has closed.
pub fn attendance_word(
    session: &session::Model,
    status: Option<attendance::Status>,
    now: DateTime<Utc>,
) -> &'static str {
    use attendance::Status::{Absent, Excused, Late, Present};
    match status {
        Some(Present) => "出勤",
        Some(Late) => "迟到",
        Some(Excused) => "请假",
        None if now < session.closes_at => "未到",
        Some(Absent) | None => "缺席",
    }
}
