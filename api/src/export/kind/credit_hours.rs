//! The credit hours of a year, person by person, of an organisation and all below it (年度学时). Somebody is an
//! organisation's own where the record is kept; an hour belongs to the year of the day on which it was earned.

use std::sync::Arc;

use entity::{
    credit_entry::{self, Kind},
    export::Sort,
    id::PersonId,
    organisation, person, registration,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    QueryResult,
    sea_query::{
        Alias, CaseStatement, Expr, ExprTrait, Func, Order, Query, SelectStatement, SimpleExpr,
    },
};

use super::{Column, List, PAGE, Part};
use crate::{
    credit::days_of,
    db::{Reader, at_most, begins_with},
    error::Failure,
    export::{brief::Brief, cell::Cell},
};

#[derive(Clone, Copy)]
pub enum Field {
    Nth,
    Name,
    Organisation,
    Phone,
    Hours,
    Attended,
    MadeUp,
    Adjusted,
    Classes,
}

pub struct CreditHours {
    brief: Arc<Brief>,
}

/// A person, and what their year comes to. Hours are in hundredths.
pub struct Line {
    id: PersonId,
    /// The place in the order by names.
    key: Vec<u8>,
    name: String,
    phone: Option<String>,
    organisation: String,
    attended: i64,
    made_up: i64,
    adjusted: i64,
    classes: i64,
}

impl FromQueryResult for Line {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.try_get_by_index(0)?,
            key: row.try_get_by_index(1)?,
            name: row.try_get_by_index(2)?,
            phone: row.try_get_by_index(3)?,
            organisation: row.try_get_by_index(4)?,
            attended: row.try_get_by_index(5)?,
            made_up: row.try_get_by_index(6)?,
            adjusted: row.try_get_by_index(7)?,
            classes: row.try_get_by_index(8)?,
        })
    }
}

/// The entries of the year, with their people; nothing is selected yet.
pub fn entries(brief: &Brief) -> SelectStatement {
    let own = |column: credit_entry::Column| Expr::col((credit_entry::Entity, column));
    let person = |column: person::Column| Expr::col((person::Entity, column));
    let (first, last) = brief.export.year.and_then(days_of).unzip();
    Query::select()
        .from(credit_entry::Entity)
        .inner_join(
            registration::Entity,
            own(credit_entry::Column::RegistrationId)
                .equals((registration::Entity, registration::Column::Id)),
        )
        .inner_join(
            person::Entity,
            person(person::Column::Id)
                .equals((registration::Entity, registration::Column::PersonId)),
        )
        .inner_join(
            organisation::Entity,
            person(person::Column::HomeId).equals((organisation::Entity, organisation::Column::Id)),
        )
        // Without a year there is nothing.
        .and_where(own(credit_entry::Column::EarnedOn).between(first, last))
        .and_where(begins_with((organisation::Entity, organisation::Column::Path), &brief.path))
        .to_owned()
}

/// The hours of some kinds of entries.
fn hours(among: impl IntoIterator<Item = Kind>) -> SimpleExpr {
    let kind = Expr::col((credit_entry::Entity, credit_entry::Column::Kind));
    let hours = Expr::col((credit_entry::Entity, credit_entry::Column::Centihours));
    let counted = CaseStatement::new().case(kind.is_in(among), hours).finally(Expr::val(0));
    Func::sum(counted).cast_as(Alias::new("bigint"))
}

impl CreditHours {
    /// What people are ordered by before their ids. No list had the people of a year: by pinyin then.
    fn order(&self) -> (person::Entity, person::Column) {
        let key = match self.brief.export.sort {
            Sort::List | Sort::Pinyin => person::Column::PinyinKey,
            Sort::Strokes => person::Column::StrokeKey,
        };
        (person::Entity, key)
    }
}

impl List for CreditHours {
    type Field = Field;
    type Line = Line;
    /// The last person's place in the order.
    type Place = (Vec<u8>, PersonId);

    const TITLE: &'static str = "年度学时";

    fn columns(_brief: &Brief) -> Vec<Column<Field>> {
        vec![
            Column::usual("nth", "序号", 6.0, Field::Nth),
            Column::usual("name", "姓名", 12.0, Field::Name),
            Column::usual("organisation", "所属组织", 30.0, Field::Organisation),
            Column::further("phone", "手机号码", 16.0, Field::Phone),
            Column::usual("hours", "学时合计", 10.0, Field::Hours),
            Column::usual("attended", "听课学时", 10.0, Field::Attended),
            Column::usual("madeUp", "补课学时", 10.0, Field::MadeUp),
            Column::usual("adjusted", "调整学时", 10.0, Field::Adjusted),
            Column::usual("classes", "班次数", 8.0, Field::Classes),
        ]
    }

    async fn count(db: &impl ConnectionTrait, brief: &Brief) -> Result<u64, Failure> {
        let mut people = entries(brief);
        people.column((registration::Entity, registration::Column::PersonId));
        let count = person::Entity::find().filter(person::Column::Id.in_subquery(people));
        Ok(count.count(db).await?)
    }

    async fn open(_db: &Reader, brief: Arc<Brief>, _fields: &[Field]) -> Result<Self, Failure> {
        Ok(Self { brief })
    }

    fn parts(&self) -> Vec<Part> {
        let year = self.brief.export.year.unwrap_or_default();
        let title = format!("{} {year}{}", self.brief.title, Self::TITLE);
        vec![Part { name: Self::TITLE.to_owned(), title }]
    }

    async fn page(
        &self,
        db: &Reader,
        _part: usize,
        from: Option<Self::Place>,
    ) -> Result<(Vec<Line>, Option<Self::Place>), Failure> {
        let person = |column: person::Column| (person::Entity, column);
        let id = person(person::Column::Id);
        let key = self.order();
        let home = (organisation::Entity, organisation::Column::Name);
        let class = Expr::col((registration::Entity, registration::Column::ActivityId));
        let names = [id, key, person(person::Column::Name), person(person::Column::Phone)];
        let mut select = entries(&self.brief);
        select
            .columns(names)
            .column(home)
            .exprs([
                hours([Kind::Attended, Kind::Late, Kind::Partial]),
                hours([Kind::MakeUp]),
                hours([Kind::Adjustment]),
                Func::count_distinct(class).into(),
            ])
            .group_by_columns(names)
            .group_by_col(home)
            .order_by(key, Order::Asc)
            .order_by(id, Order::Asc);
        if let Some((last_key, last)) = from {
            let here = Expr::tuple([Expr::col(key), Expr::col(id)]);
            select.and_where(here.gt(Expr::tuple([Expr::val(last_key), Expr::val(last)])));
        }
        let mut lines: Vec<Line> = at_most(db, &select, PAGE).await?;
        for line in &mut lines {
            line.phone = self.brief.phone(line.phone.take());
        }
        let last = lines.last().filter(|_| lines.len() == PAGE);
        let next = last.map(|it| (it.key.clone(), it.id));
        Ok((lines, next))
    }

    fn cell<'a>(&'a self, _part: usize, nth: u32, field: Field, line: &'a Line) -> Cell<'a> {
        let whole = |it: i64| f64::from(i32::try_from(it).unwrap_or(i32::MAX));
        let hours = |it: i64| Cell::Number(whole(it) / 100.0);
        match field {
            Field::Nth => Cell::count(nth),
            Field::Name => Cell::Text(&line.name),
            Field::Organisation => Cell::Text(&line.organisation),
            Field::Phone => Cell::text(line.phone.as_ref()),
            Field::Hours => hours(line.attended + line.made_up + line.adjusted),
            Field::Attended => hours(line.attended),
            Field::MadeUp => hours(line.made_up),
            Field::Adjusted => hours(line.adjusted),
            Field::Classes => Cell::Number(whole(line.classes)),
        }
    }
}
