//! Drops what was kept long enough, once a day, in bounded steps, and puts on record how much that was.
//!
//! What is due is read off the rows themselves, so a purge that broke off is simply gone on with, and one that is run
//! twice drops nothing twice. Registrations, attendance and figures stay.

use std::{cmp::max, collections::HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    activity,
    erasure::Extent,
    id::{PersonId, PurgeId, ScanId},
    job::Kind,
    organisation, person,
    purge::{self, Column},
    purge_line,
    retention_rule::Class,
    scan,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder,
    prelude::Uuid,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};
use serde_json::json;

use super::{
    due::{Due, Line, Of, totals},
    erase::{erase, lock},
    retention::rules,
};
use crate::{
    app::App,
    attendance,
    db::{begins_with, within},
    error::Failure,
    form, job, outbox,
    page::{Page, Slice},
    person::{claim, forget as people, name::Namer},
    registration, roster, self_check_in,
};

const EVERY: TimeDelta = TimeDelta::days(1);
/// How many rows go at a time, so that nobody waits long for a lock.
const STEP: u64 = 200;

/// Sees to it that it is purged from now on. Any number of servers may; it is one job.
pub async fn begin(app: &App) -> Result<(), Failure> {
    let now = app.now();
    let last = purge::Entity::find().order_by_desc(Column::Id).one(app.db.read()).await?;
    // One that broke off is gone on with at once.
    let due = last.filter(|it| it.ended_at.is_some()).map_or(now, |it| it.begun_at + EVERY);
    app.db.transaction(async |tx| ask(tx, max(due, now), now).await).await
}

async fn ask(
    tx: &DatabaseTransaction,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    job::enqueue(tx, Kind::Purge, json!({}), Some(String::new()), due_at, now).await
}

/// Drops what is due, and asks for the same tomorrow.
pub async fn run(app: &App) -> Result<(), Failure> {
    let purge = open(app).await?;
    let rules = rules(app.db.read()).await?;
    let due = Due::at(app.db.read(), &rules, purge.begun_at).await?;
    for line in due.lines(app.db.read(), "").await? {
        // What has come since is due tomorrow.
        for _ in 0..=line.items.unsigned_abs() * 10 / STEP {
            if step(app, purge.id, &due, &line).await? == 0 {
                break;
            }
        }
    }
    close(app, &purge).await
}

/// The purge that broke off, or else a new one.
async fn open(app: &App) -> Result<purge::Model, Failure> {
    let now = app.now();
    app.db
        .transaction(async |tx| {
            let open = purge::Entity::find().filter(Column::EndedAt.is_null()).one(tx).await?;
            if let Some(open) = open {
                return Ok(open);
            }
            let row = purge::Model { id: PurgeId::generate(), begun_at: now, ended_at: None };
            purge::Entity::insert(row.clone().into_active_model().reset_all())
                .exec_without_returning(tx)
                .await?;
            Ok(row)
        })
        .await
}

async fn close(app: &App, purge: &purge::Model) -> Result<(), Failure> {
    let now = app.now();
    let dropped =
        totals(&of(app.db.read(), [purge.id], "").await?.remove(&purge.id).unwrap_or_default());
    let dropped: Vec<String> =
        dropped.iter().map(|(class, items)| format!("{class:?} {items}")).collect();
    let reason = Some(dropped.join(", ")).filter(|it| !it.is_empty());
    app.db
        .by_itself("Purge", purge.id, reason.as_deref(), now, async |tx| {
            let mut row = purge.clone().into_active_model();
            row.ended_at = Set(Some(now));
            purge::Entity::update(row).exec(tx).await?;
            ask(tx, max(purge.begun_at + EVERY, now), now).await
        })
        .await
}

/// Drops some of a line, and adds it to the report, in one transaction.
async fn step(app: &App, purge: PurgeId, due: &Due<'_>, line: &Line) -> Result<u64, Failure> {
    let now = app.now();
    app.db
        .transaction(async |tx| {
            let most = if line.class == Class::Records { STEP / 10 } else { STEP };
            let Some(which) = due.some(line.class, line.of, most) else { return Ok(0) };
            let items = drop_some(tx, &app.namer, line, which, now).await?;
            if items > 0 {
                note(tx, purge, line, items).await?;
            }
            Ok(items)
        })
        .await
}

async fn drop_some(
    tx: &DatabaseTransaction,
    namer: &Namer,
    line: &Line,
    mut which: SelectStatement,
    now: DateTime<Utc>,
) -> Result<u64, Failure> {
    match (line.class, line.of) {
        (Class::Details, _) => registration::forget::details(tx, which).await,
        (Class::Answers, _) => form::forget::answers(tx, which).await,
        (Class::Messages, _) => outbox::forget::messages(tx, which).await,
        (Class::Rosters, Of::Activity(id)) => roster::forget::rows(tx, id, which).await,
        (Class::Places, _) => {
            which.column((scan::Entity, scan::Column::Id));
            let scans: Vec<ScanId> = ids(tx, &which).await?;
            attendance::forget::places(tx, &scans).await?;
            self_check_in::flags::forget(tx, &scans).await?;
            Ok(scans.len() as u64)
        }
        (class, Of::People(_)) => {
            let mut found = which.clone();
            found.column((person::Entity, person::Column::Id));
            let found: Vec<PersonId> = ids(tx, &found).await?;
            // Claimed first and looked at again then: a rival may be registering them for something new.
            let mine = claim(tx, &found).await?;
            if mine.is_empty() {
                return Ok(0);
            }
            if class != Class::Records {
                return people::of_people(tx, class, &mine, which).await;
            }
            which.column((person::Entity, person::Column::Id));
            let still: Vec<PersonId> = ids(tx, &which).await?;
            let still: Vec<PersonId> = still.into_iter().filter(|it| mine.contains(it)).collect();
            for id in &still {
                let person = lock(tx, *id).await?;
                erase(tx, namer, &person, Extent::Erased, now).await?;
            }
            Ok(still.len() as u64)
        }
        _ => Err(Failure::internal("a line of another class")),
    }
}

async fn ids<T: sea_orm::TryGetable>(
    tx: &DatabaseTransaction,
    which: &SelectStatement,
) -> Result<Vec<T>, Failure> {
    let rows = tx.query_all(which).await?;
    Ok(rows.iter().map(|it| it.try_get("", "id")).collect::<Result<_, _>>()?)
}

async fn note(
    tx: &DatabaseTransaction,
    purge: PurgeId,
    line: &Line,
    items: u64,
) -> Result<(), Failure> {
    use purge_line::Column as At;
    let items = i64::try_from(items).map_err(Failure::internal)?;
    let (activity, organisation) = match line.of {
        Of::Activity(id) => (Some(id), None),
        Of::People(id) => (None, Some(id)),
    };
    let place = match line.of {
        Of::Activity(id) => At::ActivityId.eq(id),
        Of::People(id) => At::OrganisationId.eq(id),
    };
    let more = purge_line::Entity::update_many()
        .col_expr(At::Items, Expr::col(At::Items).add(items))
        .filter(At::PurgeId.eq(purge))
        .filter(At::Class.eq(line.class))
        .filter(place)
        .exec(tx)
        .await?;
    if more.rows_affected == 0 {
        let row = purge_line::ActiveModel {
            id: Set(Uuid::now_v7()),
            purge_id: Set(purge),
            class: Set(line.class),
            activity_id: Set(activity),
            organisation_id: Set(organisation),
            items: Set(items),
        };
        purge_line::Entity::insert(row).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// What some purges dropped of what stands below the organisation with this path.
pub async fn of(
    db: &impl ConnectionTrait,
    purges: impl IntoIterator<Item = PurgeId>,
    below: &str,
) -> Result<HashMap<PurgeId, Vec<Line>>, Failure> {
    use purge_line::Column as At;
    let organisations = Query::select()
        .column(organisation::Column::Id)
        .from(organisation::Entity)
        .and_where(begins_with((organisation::Entity, organisation::Column::Path), below))
        .to_owned();
    let activities = Query::select()
        .column(activity::Column::Id)
        .from(activity::Entity)
        .and_where(activity::Column::HostId.in_subquery(organisations.clone()))
        .to_owned();
    let rows = purge_line::Entity::find()
        .filter(within((purge_line::Entity, At::PurgeId), purges))
        .filter(
            Condition::any()
                .add(At::ActivityId.in_subquery(activities))
                .add(At::OrganisationId.in_subquery(organisations)),
        )
        .all(db)
        .await?;
    let mut found: HashMap<PurgeId, Vec<Line>> = HashMap::new();
    for row in rows {
        let of = match (row.activity_id, row.organisation_id) {
            (Some(id), _) => Of::Activity(id),
            (None, Some(id)) => Of::People(id),
            (None, None) => return Err(Failure::internal("a line of nothing")),
        };
        let line = Line { class: row.class, of, items: row.items };
        found.entry(row.purge_id).or_default().push(line);
    }
    for lines in found.values_mut() {
        lines.sort_by_key(|it| (it.class, it.of));
    }
    Ok(found)
}

/// The purges, newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    slice: Slice<PurgeId>,
) -> Result<Page<purge::Model>, Failure> {
    let mut cursor = purge::Entity::find().cursor_by(Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}
