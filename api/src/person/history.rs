//! Somebody over the years: every activity, and what came of it. Only what the viewer may see is shown and counted.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    activity, attendance,
    attendance::Status,
    id::{ActivityId, PersonId, RegistrationId},
    organisation, registration,
    role_grant::Role,
    session,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter,
    QueryResult,
    sea_query::{Expr, ExprTrait, Func, Query, SelectStatement, SimpleExpr},
};

use crate::{
    attendance::book::{Held, held},
    authz::{
        Permit, Reach, Scope,
        policy::{ViewHistory, ViewRegistration},
    },
    db::{Reader, at_most, begins_with, within},
    error::Failure,
    page::{Page, Slice},
    year::Year,
};

/// The registrations that are in reach: of the activities there, and those whose affair it is.
fn in_reach(reach: &Reach<ViewRegistration>) -> Condition {
    let below = |path: &str| {
        Query::select()
            .column((organisation::Entity, organisation::Column::Id))
            .from(organisation::Entity)
            .and_where(begins_with((organisation::Entity, organisation::Column::Path), path))
            .to_owned()
    };
    let of = |which: SimpleExpr| {
        let activities = Query::select()
            .column((activity::Entity, activity::Column::Id))
            .from(activity::Entity)
            .and_where(which)
            .to_owned();
        registration::Column::ActivityId.in_subquery(activities)
    };
    reach.condition(|role, scope| match (role, scope) {
        (_, Scope::Organisation(_, path)) => {
            let recommended = registration::Column::RecommenderId.in_subquery(below(path));
            let affair = recommended.or(registration::Column::WaitsForId.in_subquery(below(path)));
            // A liaison officer has to do with those whom the own organisation recommends.
            if role == Role::Liaison {
                affair
            } else {
                affair.or(of(activity::Column::HostId.in_subquery(below(path))))
            }
        }
        (Role::Liaison, _) => Expr::val(1).eq(0),
        (_, Scope::Programme(id)) => of(activity::Column::ProgrammeId.eq(*id)),
        (_, Scope::Activity(id)) => registration::Column::ActivityId.eq(*id),
    })
}

/// The registrations of the permit's person, newest first, of the activities that begin in a year if one is given.
pub async fn list(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewHistory>,
    reach: &Reach<ViewRegistration>,
    year: Option<&Year>,
    slice: Slice<RegistrationId>,
) -> Result<Page<registration::Model>, Failure> {
    let mut all = Condition::all()
        .add(registration::Column::PersonId.eq(permit.on().id))
        .add(in_reach(reach));
    if let Some(year) = year {
        let begun = Query::select()
            .column((activity::Entity, activity::Column::Id))
            .from(activity::Entity)
            .and_where(year.has((activity::Entity, activity::Column::StartsAt)))
            .to_owned();
        all = all.add(registration::Column::ActivityId.in_subquery(begun));
    }
    let mut cursor = registration::Entity::find().filter(all).cursor_by(registration::Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}

/// What somebody's registration came to.
#[derive(Clone, Debug, Default)]
pub struct Came {
    /// The sessions that they belong to whose door has shut, and those with something on record.
    pub counted: i32,
    pub attended: i32,
    /// Of those attended.
    pub late: i32,
    /// Of those attended.
    pub left_early: i32,
    pub excused: i32,
    pub absent: i32,
}

impl Came {
    /// Counts a session; `is_missing` says that they are absent if nothing is on record.
    fn add(&mut self, status: Option<Status>, is_missing: bool) {
        self.counted += i32::from(status.is_some() || is_missing);
        match status {
            Some(Status::Present) => self.attended += 1,
            Some(Status::Late) => {
                self.attended += 1;
                self.late += 1;
            }
            Some(Status::LeftEarly) => {
                self.attended += 1;
                self.left_early += 1;
            }
            Some(Status::Excused) => self.excused += 1,
            Some(Status::Absent) => self.absent += 1,
            None => self.absent += i32::from(is_missing),
        }
    }
}

/// What is shown beside some registrations.
pub struct Beside {
    pub activities: HashMap<ActivityId, activity::Model>,
    pub came: HashMap<RegistrationId, Came>,
}

/// Reads it, each kind of thing with one statement.
pub async fn beside(
    db: &impl ConnectionTrait,
    rows: &[registration::Model],
    now: DateTime<Utc>,
) -> Result<Beside, Failure> {
    let mut beside = Beside { activities: HashMap::new(), came: HashMap::new() };
    if rows.is_empty() {
        return Ok(beside);
    }
    let activities = || rows.iter().map(|it| it.activity_id);
    let found = activity::Entity::find()
        .filter(within((activity::Entity, activity::Column::Id), activities()));
    beside.activities = found.all(db).await?.into_iter().map(|it| (it.id, it)).collect();
    let schedules = crate::session::schedules(db, activities()).await?;
    let mut sessions: HashMap<ActivityId, Vec<Held>> = HashMap::new();
    for it in held(db, schedules.iter().map(|it| it.id)).await?.into_values() {
        sessions.entry(it.session.activity_id).or_default().push(it);
    }
    let column = (attendance::Entity, attendance::Column::RegistrationId);
    let known = attendance::Entity::find()
        .filter(within(column, rows.iter().map(|it| it.id)))
        .all(db)
        .await?;
    let known: HashMap<_, Status> =
        known.into_iter().map(|it| ((it.registration_id, it.session_id), it.status)).collect();
    for row in rows {
        let mut came = Came::default();
        for held in sessions.get(&row.activity_id).into_iter().flatten() {
            let session = &held.session;
            // Once a session is closed, whoever was expected is on record.
            let is_missing =
                session.closed_at.is_none() && now >= session.closes_at && held.has(row);
            came.add(known.get(&(row.id, session.id)).copied(), is_missing);
        }
        beside.came.insert(row.id, came);
    }
    Ok(beside)
}

/// A year of somebody in figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub activities: i64,
    pub sessions: i64,
}

impl FromQueryResult for Figures {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Ok(Self { activities: row.try_get_by_index(0)?, sessions: row.try_get_by_index(1)? })
    }
}

/// What the permit's person attended in a year.
pub async fn figures(
    db: &Reader,
    permit: &Permit<ViewHistory>,
    reach: &Reach<ViewRegistration>,
    year: &Year,
) -> Result<Figures, Failure> {
    let select = attended(permit.on().id, reach, year);
    let mut rows: Vec<Figures> = at_most(db, &select, 1).await?;
    Ok(rows.pop().unwrap_or_default())
}

fn attended(person: PersonId, reach: &Reach<ViewRegistration>, year: &Year) -> SelectStatement {
    let own = |column: registration::Column| Expr::col((registration::Entity, column));
    Query::select()
        .expr(Func::count_distinct(own(registration::Column::ActivityId)))
        .expr(Func::count(Expr::col((attendance::Entity, attendance::Column::Id))))
        .from(registration::Entity)
        .inner_join(
            attendance::Entity,
            own(registration::Column::Id)
                .equals((attendance::Entity, attendance::Column::RegistrationId)),
        )
        .inner_join(
            session::Entity,
            Expr::col((session::Entity, session::Column::Id))
                .equals((attendance::Entity, attendance::Column::SessionId)),
        )
        .and_where(own(registration::Column::PersonId).eq(person))
        .and_where(year.has((session::Entity, session::Column::StartsAt)))
        .and_where(attendance::Column::Status.is_in([
            Status::Present,
            Status::Late,
            Status::LeftEarly,
        ]))
        .cond_where(in_reach(reach))
        .to_owned()
}
