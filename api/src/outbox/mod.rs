//! Telling people what became of their registrations.
//!
//! [`tell`] writes down what is to be said in the transaction that changes a registration, so that what is said is what
//! happened, and what happened is said. Sending comes after: [`send`] and [`call`], as background jobs, which the loop of
//! jobs asks for by itself when it sees that something is due ([`sweep`]).

pub mod call;
pub mod forget;
pub mod graphql;
pub mod send;
pub mod sweep;
pub mod template;
pub mod webhook;
pub mod words;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    activity, category,
    consent::Purpose,
    hook_event,
    id::{ActivityId, HookEventId, Id, MessageId, PersonId, RegistrationId},
    message::{self, Channel, Column, Occasion, State},
    message_template, organisation, person, registration, webhook as hook,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, Func, Query, SelectStatement},
};
use serde_json::json;

use self::words::Words;
use crate::{
    authz::{Action, Permit, policy::RetryMessage},
    db::{CHUNK, within},
    error::{Error, Failure, Refusal},
    page::{Page, Slice},
    privacy::consent::{against, refusers},
    refusals,
};

refusals! {
    /// Why a message was not sent again.
    RetryMessageErrorCode, RetryMessageUserError {
        /// It is neither FAILED nor UNKNOWN.
        NotRetriable = "只有失败或结果不明的消息可以重发", "only a FAILED or UNKNOWN message can be sent again";
        /// The person does not want messages any more.
        ConsentWithdrawn = "本人已撤回接收消息的同意", "the person does not want messages any more";
        /// There is nowhere to send it to.
        NoRecipient = "没有收件号码或地址", "there is nowhere to send it to";
    }
}

/// Writes down what is to be said to some people on an occasion: messages by the nearest template of each channel, and
/// events for the web-hooks of the host and those above it. It costs one statement per activity where nothing is to be
/// said. The statuses of `rows` are those of after the change.
pub async fn tell(
    tx: &DatabaseTransaction,
    occasion: Occasion,
    rows: impl IntoIterator<Item = &registration::Model>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let mut activities: BTreeMap<ActivityId, Vec<&registration::Model>> = BTreeMap::new();
    for row in rows {
        activities.entry(row.activity_id).or_default().push(row);
    }
    for (activity, rows) in activities {
        if !somebody_listens(tx, occasion, activity).await? {
            continue;
        }
        call_out(tx, occasion, activity, &rows, now).await?;
        let templates = template::nearest(tx, activity).await?;
        let said: Vec<message_template::Model> = templates
            .into_iter()
            .filter(|it| it.occasion == occasion && !it.text.is_empty())
            .collect();
        if !said.is_empty() {
            write_down(tx, occasion, activity, &said, &rows, now).await?;
        }
    }
    Ok(())
}

/// The host of an activity and the organisations above it.
fn above(activity: ActivityId) -> SelectStatement {
    let (upper, host) = (Alias::new("upper"), Alias::new("host"));
    let path = |of: &Alias| Expr::col((of.clone(), organisation::Column::Path));
    // Paths are of segments of one length, so a beginning is an ancestor or the organisation itself.
    let begins = Expr::expr(Func::cust("substr").args([
        path(&host),
        Expr::val(1),
        Expr::expr(Func::char_length(path(&upper))),
    ]));
    Query::select()
        .column((upper.clone(), organisation::Column::Id))
        .from_as(organisation::Entity, upper.clone())
        .from_as(organisation::Entity, host.clone())
        .from(activity::Entity)
        .and_where(Expr::col((activity::Entity, activity::Column::Id)).eq(activity))
        .and_where(
            Expr::col((host.clone(), organisation::Column::Id))
                .equals((activity::Entity, activity::Column::HostId)),
        )
        .and_where(begins.eq(path(&upper)))
        .to_owned()
}

async fn somebody_listens(
    tx: &DatabaseTransaction,
    occasion: Occasion,
    activity: ActivityId,
) -> Result<bool, Failure> {
    use message_template::Column as Of;
    let templates = Query::select()
        .column(Of::Id)
        .from(message_template::Entity)
        .and_where(Expr::col(Of::Occasion).eq(occasion))
        .cond_where(
            Condition::any()
                .add(Expr::col(Of::ActivityId).eq(activity))
                .add(Expr::col(Of::OrganisationId).in_subquery(above(activity))),
        )
        .to_owned();
    let hooks = Query::select()
        .column(hook::Column::Id)
        .from(hook::Entity)
        .and_where(Expr::col(hook::Column::DisabledAt).is_null())
        .and_where(Expr::col(hook::Column::OrganisationId).in_subquery(above(activity)))
        .to_owned();
    let any = Query::select()
        .expr_as(Expr::exists(templates).or(Expr::exists(hooks)), Alias::new("any"))
        .to_owned();
    let row = tx.query_one(&any).await?.ok_or_else(|| Failure::internal("no answer"))?;
    Ok(row.try_get("", "any")?)
}

/// Puts an event on record for each web-hook that listens.
async fn call_out(
    tx: &DatabaseTransaction,
    occasion: Occasion,
    activity: ActivityId,
    rows: &[&registration::Model],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let hooks = hook::Entity::find()
        .filter(hook::Column::DisabledAt.is_null())
        .filter(hook::Column::OrganisationId.in_subquery(above(activity)))
        .all(tx)
        .await?;
    let mut events = Vec::new();
    for it in hooks.iter().filter(|it| it.occasions.0.contains(&occasion)) {
        for rows in rows.chunks(CHUNK) {
            let named: Vec<_> = rows
                .iter()
                .map(|row| json!({"id": public(row.id), "status": row.status}))
                .collect();
            events.push(hook_event::ActiveModel {
                id: Set(HookEventId::generate()),
                webhook_id: Set(it.id),
                occasion: Set(occasion),
                about: Set(json!({"activityId": public(activity), "registrations": named})),
                sequence: Set(None),
                state: Set(hook_event::State::Queued),
                attempts: Set(0),
                last_error: Set(None),
                created_at: Set(now),
                finished_at: Set(None),
            });
        }
    }
    for chunk in events.chunks(CHUNK) {
        hook_event::Entity::insert_many(chunk.to_vec()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// An id as the API has it.
fn public<T: Id>(id: T) -> String {
    format!("{}_{}", T::PREFIX, id.uuid().simple())
}

/// Puts the messages on record: for each registration one per channel by which the person can be reached. Whoever cannot
/// be reached at all has one that says so.
async fn write_down(
    tx: &DatabaseTransaction,
    occasion: Occasion,
    activity: ActivityId,
    templates: &[message_template::Model],
    rows: &[&registration::Model],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let words = Words::of(tx, activity).await?;
    for chunk in rows.chunks(CHUNK) {
        let people = people(tx, chunk).await?;
        let refusers = refusers(tx, people.keys().copied(), Purpose::Messages).await?;
        let mut messages = Vec::with_capacity(chunk.len() * templates.len());
        for row in chunk {
            let Some(person) = people.get(&row.person_id) else { continue };
            let reached: Vec<_> = templates
                .iter()
                .filter_map(|it| Some((it, recipient(person, it.channel)?)))
                .collect();
            let message = |it: &message_template::Model, recipient: Option<&str>| {
                let (state, why) = match recipient {
                    None => (State::Failed, Some("NO_RECIPIENT")),
                    Some(_) if refusers.contains(&person.id) => (State::Cancelled, Some(WITHDRAWN)),
                    Some(_) => (State::Queued, None),
                };
                message::ActiveModel {
                    id: Set(MessageId::generate()),
                    activity_id: Set(activity),
                    registration_id: Set(row.id),
                    occasion: Set(occasion),
                    channel: Set(it.channel),
                    recipient: Set(recipient.map(str::to_owned)),
                    subject: Set(words.fill(&it.subject, row, person)),
                    text: Set(words.fill(&it.text, row, person)),
                    state: Set(state),
                    due_at: Set((state == State::Queued).then_some(now)),
                    attempts: Set(0),
                    asked: Set(0),
                    last_error: Set(why.map(str::to_owned)),
                    created_at: Set(now),
                    sent_at: Set(None),
                }
            };
            match (&reached[..], templates.first()) {
                ([], Some(it)) => messages.push(message(it, None)),
                (all, _) => messages.extend(all.iter().map(|(it, to)| message(it, Some(to)))),
            }
        }
        for part in messages.chunks(CHUNK) {
            message::Entity::insert_many(part.to_vec()).exec_without_returning(tx).await?;
        }
    }
    Ok(())
}

async fn people(
    db: &impl ConnectionTrait,
    rows: &[&registration::Model],
) -> Result<HashMap<PersonId, person::Model>, Failure> {
    let found = person::Entity::find()
        .filter(within((person::Entity, person::Column::Id), rows.iter().map(|it| it.person_id)))
        .all(db)
        .await?;
    Ok(found.into_iter().map(|it| (it.id, it)).collect())
}

/// Where a person is reached by a channel. A landline gets no short messages.
fn recipient(person: &person::Model, channel: Channel) -> Option<&str> {
    match channel {
        Channel::Sms => person
            .phone
            .as_deref()
            .filter(|it| it.starts_with('+') || it.len() == 11 && it.starts_with('1')),
        Channel::Mail => person.email.as_deref(),
    }
}

/// The names of an activity's categories, for the variable 类别.
async fn category_names(
    db: &impl ConnectionTrait,
    activity: ActivityId,
) -> Result<HashMap<entity::id::CategoryId, String>, Failure> {
    let found: Vec<category::Model> = crate::activity::categories(db, activity).await?;
    Ok(found.into_iter().map(|it| (it.id, it.name)).collect())
}

/// Which messages a list is narrowed to.
#[derive(Default)]
pub struct Filter {
    pub channels: Option<Vec<Channel>>,
    pub occasions: Option<Vec<Occasion>>,
    pub states: Option<Vec<State>>,
    pub registration: Option<RegistrationId>,
}

/// The messages of the permit's activity, newest first.
pub async fn list<A: Action<On = activity::Model>>(
    db: &impl ConnectionTrait,
    permit: &Permit<A>,
    filter: Filter,
    slice: Slice<MessageId>,
) -> Result<Page<message::Model>, Failure> {
    let mut all = Condition::all().add(Column::ActivityId.eq(permit.on().id));
    if let Some(channels) = filter.channels {
        all = all.add(Column::Channel.is_in(channels));
    }
    if let Some(occasions) = filter.occasions {
        all = all.add(Column::Occasion.is_in(occasions));
    }
    if let Some(states) = filter.states {
        all = all.add(Column::State.is_in(states));
    }
    if let Some(id) = filter.registration {
        all = all.add(Column::RegistrationId.eq(id));
    }
    let mut cursor = message::Entity::find().filter(all).cursor_by(Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}

/// Queues a message once more that failed, or of which nobody knows. Whoever asks for that has found out, or accepts that
/// somebody may get it twice.
pub async fn retry(
    tx: &DatabaseTransaction,
    permit: &Permit<RetryMessage>,
    now: DateTime<Utc>,
) -> Result<message::Model, Error<RetryMessageErrorCode>> {
    use sea_orm::ActiveModelTrait;
    let row = message::Entity::find_by_id(permit.on().id)
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Failure::NotFound)?;
    // One that is UNKNOWN and due is still asked after.
    let settled = row.due_at.is_none();
    if !(settled && matches!(row.state, State::Failed | State::Unknown)) {
        return Err(RetryMessageErrorCode::NotRetriable.at(["messageId"]).into());
    }
    if row.recipient.is_none() {
        return Err(RetryMessageErrorCode::NoRecipient.at(["messageId"]).into());
    }
    if tx.query_one(&against(row.registration_id, Purpose::Messages)).await?.is_some() {
        return Err(RetryMessageErrorCode::ConsentWithdrawn.at(["messageId"]).into());
    }
    let mut row: message::ActiveModel = row.into();
    row.state = Set(State::Queued);
    row.due_at = Set(Some(now));
    row.attempts = Set(0);
    row.asked = Set(0);
    Ok(row.update(tx).await?)
}

/// Why a message is not sent to who does not want any.
pub const WITHDRAWN: &str = "CONSENT_WITHDRAWN";

/// Stops what waits to be sent to a person. What is being handed over cannot be called back.
pub async fn stop(tx: &DatabaseTransaction, person: PersonId) -> Result<(), Failure> {
    let own = Query::select()
        .column(registration::Column::Id)
        .from(registration::Entity)
        .and_where(registration::Column::PersonId.eq(person))
        .to_owned();
    message::Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Cancelled))
        .col_expr(Column::DueAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::LastError, Expr::value(WITHDRAWN))
        .filter(Column::RegistrationId.in_subquery(own))
        .filter(Column::State.eq(State::Queued))
        .exec(tx)
        .await?;
    Ok(())
}

/// How long events are kept.
const KEPT: TimeDelta = TimeDelta::days(180);

/// Drops what web-hooks were told long ago.
pub async fn drop_old(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<(), Failure> {
    hook_event::Entity::delete_many()
        .filter(hook_event::Column::CreatedAt.lt(now - KEPT))
        .exec(tx)
        .await?;
    Ok(())
}
