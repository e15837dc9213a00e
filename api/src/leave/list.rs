//! Leave as it is read: by its id, in lists, by registration.

use chrono::{DateTime, Utc};
use entity::{
    activity,
    id::{ActivityId, LeaveId, RegistrationId},
    leave::{self, Column, Kind, Rung, Status},
    organisation, registration,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    authz::{Reach, Scope, policy::ViewLeave},
    db::{CHUNK, begins_with, within},
    error::Failure,
    page::{Page, Slice},
};

/// One leave by its id.
pub async fn find(db: &impl ConnectionTrait, id: LeaveId) -> Result<leave::Model, Failure> {
    leave::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)
}

/// Which leave a list is narrowed to.
#[derive(Default)]
pub struct Filter {
    pub activity: Option<ActivityId>,
    pub registration: Option<RegistrationId>,
    pub statuses: Option<Vec<Status>>,
    pub kinds: Option<Vec<Kind>>,
    pub rungs: Option<Vec<Rung>>,
    /// What lasts beyond this instant.
    pub from: Option<DateTime<Utc>>,
    /// What begins before this instant.
    pub before: Option<DateTime<Utc>>,
}

/// The leave in reach, the newest first. The same as `authz::place` says of one.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach<ViewLeave>,
    filter: Filter,
    slice: Slice<LeaveId>,
) -> Result<Page<leave::Model>, Failure> {
    use entity::role_grant::Role;
    let organisations = |path: &str| {
        Query::select()
            .column(organisation::Column::Id)
            .from(organisation::Entity)
            .and_where(begins_with((organisation::Entity, organisation::Column::Path), path))
            .to_owned()
    };
    let classes = |condition| {
        let ids = Query::select()
            .column(activity::Column::Id)
            .from(activity::Entity)
            .and_where(condition)
            .to_owned();
        Column::ActivityId.in_subquery(ids)
    };
    let sent = |path: &str| {
        let ids = Query::select()
            .column(registration::Column::Id)
            .from(registration::Entity)
            .and_where(
                Expr::col(registration::Column::RecommenderId).in_subquery(organisations(path)),
            )
            .to_owned();
        Column::RegistrationId.in_subquery(ids)
    };
    let scope = reach.condition(|role, scope| match scope {
        Scope::Organisation(_, path) if role == Role::Liaison => sent(path),
        Scope::Organisation(_, path) => {
            let hosted = Expr::col(activity::Column::HostId).in_subquery(organisations(path));
            classes(hosted).or(sent(path))
        }
        // A liaison officer has to do with those whom the own organisation recommends.
        _ if role == Role::Liaison => Expr::val(1).eq(0),
        Scope::Programme(id) => classes(Expr::col(activity::Column::ProgrammeId).eq(*id)),
        Scope::Activity(id) => Column::ActivityId.eq(*id),
    });
    let query = leave::Entity::find().filter(scope).filter(narrowed(filter));
    let mut cursor = query.cursor_by(Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}

fn narrowed(filter: Filter) -> Condition {
    let mut all = Condition::all();
    if let Some(id) = filter.activity {
        all = all.add(Column::ActivityId.eq(id));
    }
    if let Some(id) = filter.registration {
        all = all.add(Column::RegistrationId.eq(id));
    }
    if let Some(statuses) = filter.statuses {
        all = all.add(Column::Status.is_in(statuses));
    }
    if let Some(kinds) = filter.kinds {
        all = all.add(Column::Kind.is_in(kinds));
    }
    if let Some(rungs) = filter.rungs {
        all = all.add(Column::Rung.is_in(rungs));
    }
    if let Some(from) = filter.from {
        all = all.add(Column::EndsAt.gt(from));
    }
    if let Some(before) = filter.before {
        all = all.add(Column::StartsAt.lt(before));
    }
    all
}

/// The leave of some registrations, in the order in which it begins.
pub async fn of_registrations(
    db: &impl ConnectionTrait,
    registrations: impl IntoIterator<Item = RegistrationId>,
) -> Result<Vec<leave::Model>, Failure> {
    Ok(leave::Entity::find()
        .filter(within((leave::Entity, Column::RegistrationId), registrations))
        .order_by_asc(Column::StartsAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}

/// Those of some registrations that ever asked for leave.
pub async fn asked_among(
    db: &impl ConnectionTrait,
    ids: &[RegistrationId],
) -> Result<Vec<RegistrationId>, Failure> {
    let mut found = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let rows = leave::Entity::find()
            .select_only()
            .column(Column::RegistrationId)
            .filter(within((leave::Entity, Column::RegistrationId), chunk.iter().copied()))
            .into_tuple::<RegistrationId>()
            .all(db)
            .await?;
        found.extend(rows);
    }
    Ok(found)
}
