//! Sees what is due of the outbox and asks for the jobs that do it. Writers only write rows: they ask for no job, and so
//! never wait for one another over one.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::{
    hook_event,
    id::{ActivityId, WebhookId},
    job::Kind,
    message::{self, Channel},
    webhook as hook,
};
use sea_orm::{
    ActiveEnum, ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, Query},
};
use serde_json::json;

use crate::{app::App, error::Failure, job};

/// Asks for a job for each activity and channel with messages that are due, and for each web-hook with events.
pub async fn sweep(app: &App) -> Result<(), Failure> {
    let now = app.now();
    let mut wanted = messages(app, now).await?;
    wanted.extend(events(app, now).await?);
    if wanted.is_empty() {
        return Ok(());
    }
    // What waits after a failure must not be hurried, and what runs looks again by itself.
    let asked: HashSet<(Kind, String)> =
        job::unfinished(app.db.read(), &[Kind::SendMessages, Kind::CallHook]).await?;
    wanted.retain(|(kind, key, _)| !asked.contains(&(*kind, key.clone())));
    if wanted.is_empty() {
        return Ok(());
    }
    app.db
        .transaction(async |tx| {
            for (kind, key, about) in wanted {
                job::enqueue(tx, kind, about, Some(key), now, now).await?;
            }
            Ok(())
        })
        .await
}

type Wanted = (Kind, String, serde_json::Value);

async fn messages(app: &App, now: DateTime<Utc>) -> Result<Vec<Wanted>, Failure> {
    let due: Vec<(ActivityId, Channel)> = message::Entity::find()
        .select_only()
        .column(message::Column::ActivityId)
        .column(message::Column::Channel)
        .filter(Expr::cust("due_at IS NOT NULL"))
        .filter(message::Column::DueAt.lte(now))
        .distinct()
        .into_tuple()
        .all(app.db.read())
        .await?;
    Ok(due
        .into_iter()
        .map(|(activity, channel)| {
            let key = format!("{}:{}", activity.0.simple(), channel.to_value());
            (Kind::SendMessages, key, json!({"activity": activity, "channel": channel}))
        })
        .collect())
}

async fn events(app: &App, now: DateTime<Utc>) -> Result<Vec<Wanted>, Failure> {
    let queued = Query::select()
        .column(hook_event::Column::WebhookId)
        .from(hook_event::Entity)
        .and_where(Expr::cust("state = 'QUEUED'"))
        .to_owned();
    let due: Vec<WebhookId> = hook::Entity::find()
        .select_only()
        .column(hook::Column::Id)
        .filter(hook::Column::DisabledAt.is_null())
        .filter(hook::Column::DueAt.lte(now))
        .filter(hook::Column::Id.in_subquery(queued))
        .into_tuple()
        .all(app.db.read())
        .await?;
    Ok(due
        .into_iter()
        .map(|id| (Kind::CallHook, id.0.simple().to_string(), json!({"webhook": id})))
        .collect())
}
