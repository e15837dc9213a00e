//! Tells a web-hook its events, one after another in the order in which they were put on record.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    hook_event::{self, Column, State},
    id::WebhookId,
    job, webhook as hook,
};
use sea_orm::{
    ActiveEnum, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use serde_json::json;

use super::public;
use crate::{app::App, channel::Handed, error::Failure};

/// An event that nobody took for so long is given up, and the next one tried.
const PATIENCE: TimeDelta = TimeDelta::days(3);

/// How long to wait after the nth failure in a row: 5 seconds, and twice as long each time, up to an hour.
fn pause(failures: i32) -> TimeDelta {
    let doublings = failures.clamp(1, 12).unsigned_abs() - 1;
    (TimeDelta::seconds(5) * 2_i32.pow(doublings)).min(TimeDelta::hours(1))
}

/// Calls until no event is left, or one is not taken. An event may be posted twice, if this server dies before it has put
/// the answer on record; its id and its number are the same both times.
pub async fn call_hook(app: &Arc<App>, job: &job::Model) -> Result<(), Failure> {
    let id: WebhookId = crate::job::named(job, "webhook")?;
    loop {
        let now = app.now();
        let next = app.db.transaction(async |tx| next(tx, id, now).await).await?;
        let Some((hook, event)) = next else { return Ok(()) };
        let name = public(event.id);
        let body = json!({
            "id": name,
            "sequence": event.sequence,
            "occasion": event.occasion,
            "at": event.created_at,
            "activityId": event.about["activityId"],
            "registrations": event.about["registrations"],
        });
        let hooks = &app.channels.hooks;
        let posted = hooks.post(&hook.url, &hook.secret, &name, body.to_string(), now).await;
        let now = app.now();
        app.db.transaction(async |tx| put_down(tx, &hook, &event, posted, now).await).await?;
    }
}

/// The next event of a web-hook that may be called now, with its number.
async fn next(
    tx: &DatabaseTransaction,
    id: WebhookId,
    now: DateTime<Utc>,
) -> Result<Option<(hook::Model, hook_event::Model)>, Failure> {
    let hook = hook::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    let Some(mut hook) = hook.filter(|it| it.disabled_at.is_none() && it.due_at <= now) else {
        return Ok(None);
    };
    let event = hook_event::Entity::find()
        .filter(Column::WebhookId.eq(id))
        .filter(Expr::cust("state = 'QUEUED'"))
        .order_by_asc(Expr::col(Column::Sequence).is_null())
        .order_by_asc(Column::Sequence)
        .order_by_asc(Column::Id)
        .limit(1)
        .one(tx)
        .await?;
    let Some(mut event) = event else { return Ok(None) };
    if event.sequence.is_none() {
        hook.sequence += 1;
        event.sequence = Some(hook.sequence);
        hook::Entity::update_many()
            .col_expr(hook::Column::Sequence, Expr::value(hook.sequence))
            .filter(hook::Column::Id.eq(id))
            .exec(tx)
            .await?;
    }
    event.attempts += 1;
    hook_event::Entity::update_many()
        .col_expr(Column::Sequence, Expr::value(event.sequence))
        .col_expr(Column::Attempts, Expr::value(event.attempts))
        .filter(Column::Id.eq(event.id))
        .exec(tx)
        .await?;
    Ok(Some((hook, event)))
}

/// Puts on record what came of a call.
async fn put_down(
    tx: &DatabaseTransaction,
    hook: &hook::Model,
    event: &hook_event::Model,
    posted: Handed,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let (failures, due_at) = match posted {
        Handed::Taken => (0, now),
        _ => (hook.failures + 1, now + pause(hook.failures + 1)),
    };
    hook::Entity::update_many()
        .col_expr(hook::Column::Failures, Expr::value(failures))
        .col_expr(hook::Column::DueAt, Expr::value(due_at))
        .filter(hook::Column::Id.eq(hook.id))
        .exec(tx)
        .await?;
    let (state, error) = match posted {
        Handed::Taken => (State::Delivered, None),
        Handed::NotTaken(code) | Handed::Refused(code) | Handed::Unknown(code) => {
            let given_up = now - event.created_at >= PATIENCE;
            (if given_up { State::Failed } else { State::Queued }, Some(code))
        }
    };
    let finished_at = (state != State::Queued).then_some(now);
    hook_event::Entity::update_many()
        .col_expr(Column::State, Expr::value(state.to_value()))
        .col_expr(Column::LastError, Expr::value(error))
        .col_expr(Column::FinishedAt, Expr::value(finished_at))
        .filter(Column::Id.eq(event.id))
        .filter(Expr::cust("state = 'QUEUED'"))
        .exec(tx)
        .await?;
    Ok(())
}
