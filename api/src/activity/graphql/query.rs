//! Activities by their ids and in lists.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, InputObject, Lookahead, Object, Result, connection::Connection};
use chrono::{DateTime, Utc};
use entity::{
    activity,
    id::{ActivityId, ProgrammeId},
};

use super::{Activity, ActivityStatus, Node};
use crate::{
    activity::{self as activities, Filter},
    attendance::tally,
    authz::policy::ViewActivity,
    capacity,
    error::Failure,
    graphql::{Gid, Viewer},
    page::Slice,
    programme::graphql::ProgrammeKind,
};

/// Narrows a list of activities. What is not given does not narrow.
#[derive(InputObject, Default)]
pub struct ActivityFilter {
    /// Those of one programme.
    programme_id: Option<Gid<ProgrammeId>>,
    /// Those of one kind of programme.
    kind: Option<ProgrammeKind>,
    /// The programme's year.
    year: Option<i32>,
    /// Those with one of these.
    status: Option<Vec<ActivityStatus>>,
    /// Those that start at this instant or later.
    starts_from: Option<DateTime<Utc>>,
    /// Those that start before this instant.
    starts_before: Option<DateTime<Utc>>,
    /// Those whose title holds this text.
    title: Option<String>,
    /// Templates alone; without it there are none in the list.
    templates: Option<bool>,
}

impl From<ActivityFilter> for Filter {
    fn from(it: ActivityFilter) -> Self {
        Self {
            programme: it.programme_id.map(|it| it.0),
            kind: it.kind.map(Into::into),
            year: it.year,
            statuses: it.status.map(|all| all.into_iter().map(Into::into).collect()),
            starts_from: it.starts_from,
            starts_before: it.starts_before,
            title: it.title,
            templates: it.templates.unwrap_or_default(),
        }
    }
}

#[derive(Default)]
pub struct ActivityQuery;

#[Object]
impl ActivityQuery {
    /// One activity in the viewer's scope.
    async fn activity(&self, ctx: &Context<'_>, id: Gid<ActivityId>) -> Result<Option<Activity>> {
        Ok(Some(Viewer::of(ctx).gate.permit::<ViewActivity>(id.0).await?.into_row().into()))
    }

    /// The activities in the viewer's scope, newest first; or the templates, by `filter.templates`.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn activities(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<ActivityFilter>,
    ) -> Result<Connection<String, Activity>> {
        let viewer = Viewer::of(ctx);
        let reach = viewer.gate.reach::<ViewActivity>()?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let mut page =
            activities::list(viewer.db.read(), &reach, filter.unwrap_or_default().into(), slice)
                .await?;
        let ahead =
            [ctx.look_ahead().field("edges").field("node"), ctx.look_ahead().field("nodes")];
        let ids: Vec<ActivityId> = page.rows.iter().map(|it| it.id).collect();
        let nodes = fetch_ahead(viewer, std::mem::take(&mut page.rows), &ahead).await?;
        Ok(page.with(ids.into_iter().zip(nodes)))
    }
}

/// Rows by the activity they are of, in the order in which they come.
fn by_activity<T>(rows: Vec<T>, of: impl Fn(&T) -> ActivityId) -> HashMap<ActivityId, Vec<T>> {
    let mut grouped: HashMap<ActivityId, Vec<T>> = HashMap::new();
    for row in rows {
        grouped.entry(of(&row)).or_default().push(row);
    }
    grouped
}

/// The activities of a page, with what is selected below them fetched once for all.
async fn fetch_ahead(
    viewer: &Viewer,
    rows: Vec<activity::Model>,
    ahead: &[Lookahead<'_>],
) -> Result<Vec<Activity>, Failure> {
    let wants = |field: &str| ahead.iter().any(|it| it.field(field).exists());
    let db = viewer.db.read();
    let mut pools = if ["capacity", "seatsTaken", "seatsSetAside"].into_iter().any(wants)
        || wants("categories")
    {
        Some(capacity::of(db, rows.iter().map(|it| it.id)).await?)
    } else {
        None
    };
    let programmes = if wants("programme") {
        viewer.load.load_many(rows.iter().map(|it| it.programme_id)).await?
    } else {
        HashMap::default()
    };
    let hosts = if wants("host") {
        viewer.load.load_many(rows.iter().map(|it| it.host_id)).await?
    } else {
        HashMap::default()
    };
    let ids: Vec<ActivityId> = rows.iter().map(|it| it.id).collect();
    let figures = if wants("attended") {
        Some(tally::by_activity(db, ids.iter().copied()).await?)
    } else {
        None
    };
    let mut categories = if wants("categories") {
        let mut found = activities::categories_of(db, ids.iter().copied()).await?;
        found.sort_by_key(|it| (it.position, it.id));
        Some(by_activity(found, |it| it.activity_id))
    } else {
        None
    };
    let mut sessions = if wants("sessions") {
        let found = crate::session::schedules(db, ids).await?;
        Some(by_activity(found, |it| it.activity_id))
    } else {
        None
    };
    Ok(rows
        .into_iter()
        .map(|row| {
            Activity::of(Node {
                categories: categories.as_mut().map(|it| it.remove(&row.id).unwrap_or_default()),
                sessions: sessions.as_mut().map(|it| it.remove(&row.id).unwrap_or_default()),
                pools: pools.as_mut().map(|it| it.remove(&row.id).unwrap_or_default()),
                programme: programmes.get(&row.programme_id).cloned(),
                host: hosts.get(&row.host_id).cloned(),
                figures: figures.as_ref().map(|it| it.get(&row.id).copied().unwrap_or_default()),
                row: Arc::new(row),
            })
        })
        .collect())
}
