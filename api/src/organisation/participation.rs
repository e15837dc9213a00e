//! What came of a year for an organisation and all below it: on the activities that it holds, and of its own people
//! wherever they go. Somebody is an organisation's own where the record is kept (`person.home_id`).
//!
//! Who attended is PRESENT, LATE or LEFT_EARLY; a person-time (人次) is one of that at one session. A first-timer has never
//! attended anything in the whole federation before the year; a regular attended three or more activities in it. The
//! attendance rate is of those who were expected at sessions that are closed.

use entity::{
    activity, attendance, attendance::Status, id::PersonId, organisation, person, registration,
    session,
};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryResult,
    sea_query::{
        Alias, CaseStatement, Expr, ExprTrait, Func, IntoCondition, Query, SelectStatement,
        SimpleExpr,
    },
};

use crate::{
    authz::{Action, Permit},
    db::{Reader, at_most, begins_with, within},
    error::Failure,
    page::{Page, Slice},
    year::Year,
};

/// From how many activities of a year on somebody is a regular.
const REGULAR: i64 = 3;

/// Whose year it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Whoever came to what the organisation holds.
    Held,
    /// The organisation's own people.
    Own,
}

/// Which of those who attended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Among {
    All,
    FirstTimers,
    Regulars,
}

/// The figures of a year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub people: i64,
    pub times: i64,
    pub first_timers: i64,
    pub regulars: i64,
    /// At sessions that are closed.
    pub expected: i64,
    /// Of those expected.
    pub attended: i64,
}

impl FromQueryResult for Figures {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        let at = |nth| Ok::<i64, DbErr>(row.try_get_by_index::<Option<i64>>(nth)?.unwrap_or(0));
        Ok(Self {
            people: at(0)?,
            times: at(1)?,
            first_timers: at(2)?,
            regulars: at(3)?,
            expected: at(4)?,
            attended: at(5)?,
        })
    }
}

/// What one person's year comes to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken {
    pub person: Option<PersonId>,
    pub activities: i64,
    pub sessions: i64,
    pub is_first_timer: bool,
}

impl Taken {
    #[must_use]
    pub fn is_regular(&self) -> bool {
        self.activities >= REGULAR
    }
}

impl FromQueryResult for Taken {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Ok(Self {
            person: row.try_get_by_index(0)?,
            sessions: row.try_get_by_index(1)?,
            activities: row.try_get_by_index(2)?,
            is_first_timer: row.try_get_by_index::<i64>(3)? == 1,
        })
    }
}

/// A year of an organisation, from one side.
pub struct Ledger<'a> {
    path: &'a str,
    year: &'a Year,
    side: Side,
}

fn attended() -> SimpleExpr {
    Expr::col((attendance::Entity, attendance::Column::Status)).is_in([
        Status::Present,
        Status::Late,
        Status::LeftEarly,
    ])
}

/// `1` where it is so, which is summed up.
fn one_if(it: SimpleExpr) -> SimpleExpr {
    CaseStatement::new().case(it, Expr::val(1)).finally(Expr::val(0)).into()
}

/// PostgreSQL sums whole numbers up to a type of its own.
fn sum(it: SimpleExpr) -> SimpleExpr {
    Func::sum(it).cast_as(Alias::new("bigint"))
}

impl<'a> Ledger<'a> {
    /// Whoever has a permit on the organisation, reads the year of it and all below.
    #[must_use]
    pub fn of<A: Action<On = organisation::Model>>(
        permit: &'a Permit<A>,
        year: &'a Year,
        side: Side,
    ) -> Self {
        Self { path: &permit.on().path, year, side }
    }

    fn below(&self) -> SelectStatement {
        Query::select()
            .column((organisation::Entity, organisation::Column::Id))
            .from(organisation::Entity)
            .and_where(begins_with((organisation::Entity, organisation::Column::Path), self.path))
            .to_owned()
    }

    /// The attendances of registrations with their sessions, without any condition.
    fn attendances() -> SelectStatement {
        Query::select()
            .from(attendance::Entity)
            .inner_join(
                session::Entity,
                Expr::col((session::Entity, session::Column::Id))
                    .equals((attendance::Entity, attendance::Column::SessionId)),
            )
            .inner_join(
                registration::Entity,
                Expr::col((registration::Entity, registration::Column::Id))
                    .equals((attendance::Entity, attendance::Column::RegistrationId)),
            )
            .to_owned()
    }

    /// Those of the year and the side.
    fn of_year(&self) -> SelectStatement {
        let mut select = Self::attendances();
        select.and_where(self.year.has((session::Entity, session::Column::StartsAt)));
        match self.side {
            Side::Held => {
                let hosted = Query::select()
                    .column((activity::Entity, activity::Column::Id))
                    .from(activity::Entity)
                    .and_where(
                        Expr::col((activity::Entity, activity::Column::HostId))
                            .in_subquery(self.below()),
                    )
                    .to_owned();
                select.and_where(
                    Expr::col((registration::Entity, registration::Column::ActivityId))
                        .in_subquery(hosted),
                );
            }
            Side::Own => {
                let own = Query::select()
                    .column((person::Entity, person::Column::Id))
                    .from(person::Entity)
                    .and_where(
                        Expr::col((person::Entity, person::Column::HomeId))
                            .in_subquery(self.below()),
                    )
                    .to_owned();
                select.and_where(
                    Expr::col((registration::Entity, registration::Column::PersonId))
                        .in_subquery(own),
                );
            }
        }
        select
    }

    /// Somebody who has attended before the year, by the column that names them.
    fn came_before(&self, who: SimpleExpr) -> SimpleExpr {
        let mut before = Self::attendances();
        before
            .expr(Expr::val(1))
            .and_where(Expr::col((registration::Entity, registration::Column::PersonId)).eq(who))
            .and_where(self.year.is_after((session::Entity, session::Column::StartsAt)))
            .and_where(attended());
        Expr::exists(before)
    }

    /// A row for each person with an attendance in the year.
    fn by_person(&self) -> SelectStatement {
        let activity = Expr::col((registration::Entity, registration::Column::ActivityId));
        let expected = || Expr::col((attendance::Entity, attendance::Column::Expected)).eq(true);
        let seen: SimpleExpr =
            CaseStatement::new().case(attended(), activity).finally(Expr::cust("NULL")).into();
        let person = (registration::Entity, registration::Column::PersonId);
        self.of_year()
            .expr_as(Expr::col(person), Alias::new("who"))
            .expr_as(sum(one_if(attended())), Alias::new("times"))
            .expr_as(Func::count_distinct(seen), Alias::new("activities"))
            .expr_as(sum(one_if(expected())), Alias::new("expected"))
            .expr_as(sum(one_if(expected().and(attended()))), Alias::new("kept"))
            .group_by_col(person)
            .to_owned()
    }

    /// The figures of the year, with one statement.
    pub async fn figures(&self, db: &Reader) -> Result<Figures, Failure> {
        let of = |name: &'static str| Expr::col((Alias::new("t"), Alias::new(name)));
        let came = || of("times").gt(0);
        let is_new = came().and(self.came_before(of("who")).not());
        let select = Query::select()
            .expr(sum(one_if(came())))
            .expr(sum(of("times")))
            .expr(sum(one_if(is_new)))
            .expr(sum(one_if(of("activities").gte(REGULAR))))
            .expr(sum(of("expected")))
            .expr(sum(of("kept")))
            .from_subquery(self.by_person(), Alias::new("t"))
            .to_owned();
        let mut rows: Vec<Figures> = at_most(db, &select, 1).await?;
        Ok(rows.pop().unwrap_or_default())
    }

    /// How many activities that the organisation holds, or its people have been to, were in the year, and how many of
    /// their sessions. What was called off or never published is none.
    pub async fn held(&self, db: &Reader) -> Result<(i64, i64), Failure> {
        let select = match self.side {
            Side::Held => Query::select()
                .expr(Func::count_distinct(Expr::col((activity::Entity, activity::Column::Id))))
                .expr(Func::count(Expr::col((session::Entity, session::Column::Id))))
                .from(session::Entity)
                .inner_join(
                    activity::Entity,
                    Expr::col((activity::Entity, activity::Column::Id))
                        .equals((session::Entity, session::Column::ActivityId)),
                )
                .and_where(self.year.has((session::Entity, session::Column::StartsAt)))
                .and_where(
                    Expr::col((activity::Entity, activity::Column::HostId))
                        .in_subquery(self.below()),
                )
                .and_where(
                    Expr::col((activity::Entity, activity::Column::Status))
                        .is_in([activity::Status::Published, activity::Status::Closed]),
                )
                .to_owned(),
            Side::Own => {
                let mut select = self.of_year();
                select
                    .expr(Func::count_distinct(Expr::col((
                        registration::Entity,
                        registration::Column::ActivityId,
                    ))))
                    .expr(Func::count_distinct(Expr::col((
                        attendance::Entity,
                        attendance::Column::SessionId,
                    ))))
                    .and_where(attended());
                select
            }
        };
        let mut rows: Vec<Pair> = at_most(db, &select, 1).await?;
        Ok(rows.pop().map_or((0, 0), |it| (it.0, it.1)))
    }

    /// Those who attended in the year, in the order in which their records were made.
    pub async fn people(
        &self,
        db: &Reader,
        among: Among,
        slice: Slice<PersonId>,
    ) -> Result<Page<(person::Model, Taken)>, Failure> {
        let this = || Expr::col((person::Entity, person::Column::Id));
        let came = || {
            let mut select = self.of_year();
            select.and_where(attended()).and_where(
                Expr::col((registration::Entity, registration::Column::PersonId))
                    .equals((person::Entity, person::Column::Id)),
            );
            select
        };
        let mut all = Condition::all().add(Expr::exists(came().expr(Expr::val(1)).to_owned()));
        match among {
            Among::All => {}
            Among::FirstTimers => all = all.add(self.came_before(this()).not()),
            Among::Regulars => {
                let activity = (registration::Entity, registration::Column::ActivityId);
                let count = came().expr(Func::count_distinct(Expr::col(activity))).to_owned();
                all = all.add(Expr::expr(count).gte(REGULAR));
            }
        }
        if self.side == Side::Own {
            all = all.add(person::Column::HomeId.in_subquery(self.below()));
        }
        let query = person::Entity::find().filter(all).cursor_by(person::Column::Id);
        let Page { rows, has_previous, has_next } = slice.of(query, db).await?;
        let ids: Vec<PersonId> = rows.iter().map(|it| it.id).collect();
        let taken = self.taken(db, &ids).await?;
        let with = |row: person::Model| {
            let taken = taken.iter().find(|it| it.person == Some(row.id));
            (row, taken.copied().unwrap_or_default())
        };
        Ok(Page { rows: rows.into_iter().map(with).collect(), has_previous, has_next })
    }

    async fn taken(&self, db: &Reader, ids: &[PersonId]) -> Result<Vec<Taken>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut grouped = self.by_person();
        let person = (registration::Entity, registration::Column::PersonId);
        grouped.cond_where(within(person, ids.iter().copied()).into_condition());
        let of = |name: &'static str| Expr::col((Alias::new("t"), Alias::new(name)));
        let is_new = one_if(self.came_before(of("who")).not());
        let select = Query::select()
            .exprs([of("who"), of("times"), of("activities"), is_new.cast_as(Alias::new("bigint"))])
            .from_subquery(grouped, Alias::new("t"))
            .to_owned();
        Ok(at_most(db, &select, ids.len()).await?)
    }
}

struct Pair(i64, i64);

impl FromQueryResult for Pair {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Ok(Self(row.try_get_by_index(0)?, row.try_get_by_index(1)?))
    }
}
