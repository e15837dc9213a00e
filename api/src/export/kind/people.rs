//! Whoever is registered for an activity, page by page.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use entity::{attendance, export::Sort, id::RegistrationId, person, programme, registration};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType, PaginatorTrait, QueryFilter,
    QueryOrder, QueryResult, QuerySelect, QueryTrait, RelationTrait,
    prelude::Uuid,
    sea_query::{Expr, ExprTrait, IntoCondition, Order, Query, SelectStatement, SimpleExpr},
};

use super::{
    PAGE,
    line::{self, Line, Needs},
};
use crate::{
    attendance::{book::Held, expected_at},
    db::{Reader, at_most_by, nth_by, within},
    error::Failure,
    export::brief::Brief,
    form,
};

/// Where a page begins.
pub enum Place {
    /// Behind this spot.
    After(Spot),
    /// At the nth of those who were put in order beforehand.
    Nth(usize),
}

/// What one of two statements reads at a time.
const HALF: usize = PAGE / 2;

/// A place in the order of the lists.
type Spot = (Uuid, i32, RegistrationId);

/// Which registrations are read.
#[derive(Clone, Copy)]
pub enum Whose {
    /// Of those who hold a seat, or held one until they withdrew; at a session those who are or were expected, and whoever
    /// came. Nobody who waits, declined or was cancelled before is among them.
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

/// The condition that a registration is in an export.
#[must_use]
pub fn which(brief: &Brief, whose: Whose) -> Condition {
    use registration::{Column, Status};
    let all = brief.registrations();
    let withdrew = Condition::all()
        .add(Column::Status.eq(Status::Cancelled))
        .add(Column::WithdrawnOn.is_not_null());
    match whose {
        Whose::Seated => {
            all.add(Condition::any().add(Column::Status.eq(Status::Confirmed)).add(withdrew))
        }
        Whose::Everybody => all,
    }
}

/// Those at a session. Once it is closed, whoever was expected is on record.
fn at(brief: &Brief, held: &Held) -> Condition {
    let on_record = attendance::Column::Id.is_not_null();
    let there = if held.session.closed_at.is_some() {
        on_record.into_condition()
    } else {
        Condition::any().add(expected_at(held)).add(on_record)
    };
    brief.registrations().add(there)
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
        db: &Reader,
        brief: Arc<Brief>,
        whose: Whose,
        mut needs: Needs,
    ) -> Result<Self, Failure> {
        needs.of_a_class = brief.activity()?.kind == programme::Kind::Academy;
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
        db: &Reader,
        session: Option<&Held>,
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
                let from = match from {
                    Some(Place::After(spot)) => Some(spot),
                    _ => None,
                };
                self.listed(db, session, from).await?
            }
        };
        for line in &mut lines {
            line.phone = self.brief.phone(line.phone.take());
        }
        if self.needs.answers && !lines.is_empty() {
            let ids = lines.iter().map(|it| it.id);
            let mut given =
                form::columns(db, self.brief.vault()?, self.brief.shown(), &self.brief.form, ids)
                    .await?;
            for line in &mut lines {
                line.answers = given.remove(&line.id).unwrap_or_default();
            }
        }
        Ok((lines, next))
    }

    /// Those behind a spot in the order of the lists, read by two statements at once: the database works on each with one
    /// processor, and is what a long list waits for.
    async fn listed(
        &self,
        db: &Reader,
        session: Option<&Held>,
        from: Option<Spot>,
    ) -> Result<(Vec<Line>, Option<Place>), Failure> {
        let read = async |from: Option<Spot>, to: Option<Spot>| {
            let mut select = self.select(session);
            if let Some(from) = from {
                select.and_where(spot().gt(values(from)));
            }
            if let Some(to) = to {
                select.and_where(spot().lte(values(to)));
            }
            for column in ORDER {
                select.order_by((registration::Entity, column), Order::Asc);
            }
            self.read(db, &select, HALF, session.is_some()).await
        };
        let (mut lines, rest) = match self.middle(db, from).await? {
            None => (Vec::new(), read(from, None).await?),
            middle => tokio::try_join!(read(from, middle), read(middle, None))?,
        };
        let next = rest.last().filter(|_| rest.len() == HALF);
        let next = next.map(|it| Place::After((it.key.0, it.key.1, it.id)));
        lines.extend(rest);
        Ok((lines, next))
    }

    /// The spot of the last of half a page of registrations of the activity, be they in the list or not, if there are
    /// more.
    async fn middle(&self, db: &Reader, from: Option<Spot>) -> Result<Option<Spot>, Failure> {
        let mut select = registration::Entity::find()
            .filter(registration::Column::ActivityId.eq(self.brief.activity()?.id));
        if let Some(from) = from {
            select = select.filter(spot().gt(values(from)));
        }
        for column in ORDER {
            select = select.order_by_asc(column);
        }
        let mut select = select.select_only().columns(ORDER);
        let read = |row: &QueryResult| {
            Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?))
        };
        Ok(nth_by(db, QueryTrait::query(&mut select), HALF - 1, read).await?)
    }

    /// Those of some registrations that are still to be listed, in the order of their ids here.
    async fn named(
        &self,
        db: &Reader,
        session: Option<&Held>,
        ids: &[RegistrationId],
    ) -> Result<Vec<Line>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut select = self.select(session);
        let column = (registration::Entity, registration::Column::Id);
        select.and_where(within(column, ids.iter().copied()));
        let mut lines = self.read(db, &select, PAGE, session.is_some()).await?;
        let places: HashMap<RegistrationId, usize> =
            ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        lines.sort_by_key(|it| places.get(&it.id).copied());
        Ok(lines)
    }

    async fn read(
        &self,
        db: &Reader,
        select: &SelectStatement,
        limit: usize,
        at_session: bool,
    ) -> Result<Vec<Line>, Failure> {
        let read = |row: &QueryResult| Line::read(row, self.needs, at_session);
        Ok(at_most_by(db, select, limit, read).await?)
    }

    fn select(&self, session: Option<&Held>) -> SelectStatement {
        let person = (person::Entity, person::Column::Id);
        let own = |column: registration::Column| Expr::col((registration::Entity, column));
        let mut select = Query::select();
        select
            .exprs(line::selected(self.needs, session.is_some()))
            .from(registration::Entity)
            .inner_join(person::Entity, own(registration::Column::PersonId).equals(person));
        let Some(held) = session else {
            return select.cond_where(which(&self.brief, self.whose)).to_owned();
        };
        let of = |column: attendance::Column| Expr::col((attendance::Entity, column));
        select
            .left_join(
                attendance::Entity,
                of(attendance::Column::RegistrationId)
                    .equals((registration::Entity, registration::Column::Id))
                    .and(of(attendance::Column::SessionId).eq(held.session.id))
                    .into_condition(),
            )
            .cond_where(at(&self.brief, held));
        if !self.brief.filter.attendance.is_empty() {
            select.and_where(attended(held, &self.brief.filter.attendance, self.brief.now));
        }
        select
    }
}

/// The order of the lists, which an index has.
const ORDER: [registration::Column; 3] =
    [registration::Column::ListKey, registration::Column::ListRow, registration::Column::Id];

/// Where a registration is in the order. Compared as one, so that the index leads straight there.
fn spot() -> SimpleExpr {
    Expr::tuple(ORDER.map(|column| Expr::col((registration::Entity, column))))
}

fn values((key, row, id): Spot) -> SimpleExpr {
    Expr::tuple([Expr::val(key), Expr::val(row), Expr::val(id)])
}

/// Whoever attended in one of these ways. Whoever is not on record is absent once the door has closed.
fn attended(held: &Held, among: &[attendance::Status], now: DateTime<Utc>) -> SimpleExpr {
    let status = || Expr::col((attendance::Entity, attendance::Column::Status));
    let on_record = status().is_in(among.iter().copied());
    if among.contains(&attendance::Status::Absent) && now >= held.session.closes_at {
        on_record.or(status().is_null())
    } else {
        on_record
    }
}
