//! Finding people: in which scopes, and by what was typed.

use entity::{
    activity,
    id::PersonId,
    organisation,
    person::{self, Column},
    person_term, registration,
    role_grant::Role,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr},
};

use super::name;
use crate::{
    authz::{Action, Reach, Scope},
    db::begins_with,
    error::Failure,
    page::{Page, Slice},
};

/// The people in reach who match `search`, in the order in which their records were made.
pub async fn list<A: Action>(
    db: &impl ConnectionTrait,
    reach: &Reach<A>,
    search: Option<&str>,
    slice: Slice<PersonId>,
) -> Result<Page<person::Model>, Failure> {
    let mut query = person::Entity::find().filter(reach.condition(in_scope));
    if let Some(search) = search {
        query = query.filter(matches(search));
    }
    slice.of(query.cursor_by(Column::Id), db).await
}

/// The person in reach whose ID number has the mark.
pub async fn marked<A: Action>(
    db: &impl ConnectionTrait,
    reach: &Reach<A>,
    mark: Vec<u8>,
    slice: Slice<PersonId>,
) -> Result<Page<person::Model>, Failure> {
    let query =
        person::Entity::find().filter(reach.condition(in_scope)).filter(Column::IdMark.eq(mark));
    slice.of(query.cursor_by(Column::Id), db).await
}

/// Whether a search names somebody rather than listing everybody: three letters, digits or characters that count.
#[must_use]
pub fn is_narrow(search: Option<&str>) -> bool {
    search.is_some_and(|it| name::fold(it).chars().count() >= 3)
}

/// People match by the beginning of their name, its pinyin or its initials, or by their whole phone number.
/// The whole, because guessing it digit by digit would unmask it.
#[must_use]
pub fn matches(search: &str) -> SimpleExpr {
    match name::query(search) {
        None => Expr::val(1).eq(0),
        Some(name::Query::Phone(digits)) => Column::Phone.is_in([format!("+{digits}"), digits]),
        Some(name) => {
            let (from, to) = name.range();
            let found = Query::select()
                .distinct()
                .column(person_term::Column::PersonId)
                .from(person_term::Entity)
                .and_where(person_term::Column::Term.gte(from))
                .and_where(person_term::Column::Term.lt(to))
                .to_owned();
            Column::Id.in_subquery(found)
        }
    }
}

/// A person is in scope where the record is kept, and, but for a liaison officer, where they are registered.
fn in_scope(role: Role, scope: &Scope) -> SimpleExpr {
    match scope {
        Scope::Organisation(_, path) => {
            let below = || -> SelectStatement {
                Query::select()
                    .column(organisation::Column::Id)
                    .from(organisation::Entity)
                    .and_where(begins_with(
                        (organisation::Entity, organisation::Column::Path),
                        path,
                    ))
                    .to_owned()
            };
            let own = Column::HomeId.in_subquery(below());
            if role == Role::Liaison {
                return own;
            }
            own.or(Column::Id
                .in_subquery(on_activities(activity::Column::HostId.in_subquery(below()))))
        }
        Scope::Programme(id) => {
            Column::Id.in_subquery(on_activities(activity::Column::ProgrammeId.eq(*id)))
        }
        Scope::Activity(id) => Column::Id.in_subquery(on_activities(activity::Column::Id.eq(*id))),
    }
}

fn on_activities(which: SimpleExpr) -> SelectStatement {
    let activities = Query::select()
        .column(activity::Column::Id)
        .from(activity::Entity)
        .and_where(which)
        .to_owned();
    Query::select()
        .column(registration::Column::PersonId)
        .from(registration::Entity)
        .and_where(registration::Column::ActivityId.in_subquery(activities))
        .to_owned()
}
