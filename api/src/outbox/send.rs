//! Sends what is due of an activity's messages by one channel.
//!
//! A message is SENDING, in a transaction of its own, before it is handed over. Whoever dies in between leaves it so, and
//! once its time is over nobody knows whether it left: a mail stays UNKNOWN, since nobody can be asked; for a short
//! message the gateway is asked for its receipt, and only what never arrived there is sent again.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    activity,
    consent::Purpose,
    id::{ActivityId, RegistrationId},
    job,
    message::{self, Channel, Column, Occasion, State},
    registration,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use sea_orm::{
    ActiveEnum, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    UpdateMany,
    sea_query::{Expr, ExprTrait, SelectStatement},
};

use super::{WITHDRAWN, words};
use crate::{
    app::App,
    attendee::notice::current,
    channel::{Handed, sms::Receipt},
    db::within,
    error::Failure,
    graphql::Gid,
    privacy::consent::{against, told},
    ticket,
};

/// How many messages are looked at together, and how many of them are sent at once.
const BATCH: u64 = 50;
const AT_ONCE: usize = 4;
/// A message that could not be handed over so often has failed. With the pauses that is a day or so.
const MOST_ATTEMPTS: i32 = 30;
/// A receipt that was asked for so often is not asked for any more.
const MOST_ASKED: i32 = 8;

/// How long to wait after the nth time: 30 seconds, and twice as long each time, up to an hour.
fn pause(times: i32) -> TimeDelta {
    let doublings = times.clamp(1, 10).unsigned_abs() - 1;
    (TimeDelta::seconds(30) * 2_i32.pow(doublings)).min(TimeDelta::hours(1))
}

/// Sends until nothing is due. Idempotent: each step is a conditional update of the message's own row.
pub async fn send_messages(app: &Arc<App>, job: &job::Model) -> Result<(), Failure> {
    let activity: ActivityId = crate::job::named(job, "activity")?;
    let channel: Channel = crate::job::named(job, "channel")?;
    let activity = activity::Entity::find_by_id(activity)
        .one(app.db.read())
        .await?
        .ok_or(Failure::NotFound)?;
    loop {
        let now = app.now();
        if let Some(opens) = app.config.sending_hours.opens(now, words::zone(&activity)) {
            wait(app, activity.id, channel, now, opens).await?;
        }
        let due = message::Entity::find()
            .filter(Column::ActivityId.eq(activity.id))
            .filter(Column::Channel.eq(channel))
            .filter(Expr::cust("due_at IS NOT NULL"))
            .filter(Column::DueAt.lte(now))
            .order_by_asc(Column::DueAt)
            .order_by_asc(Column::Id)
            .limit(BATCH)
            .all(app.db.read())
            .await?;
        if due.is_empty() {
            return Ok(());
        }
        let ids = due.iter().map(|it| it.registration_id);
        let registrations: HashMap<RegistrationId, registration::Model> =
            registration::Entity::find()
                .filter(within((registration::Entity, registration::Column::Id), ids))
                .all(app.db.read())
                .await?
                .into_iter()
                .map(|it| (it.id, it))
                .collect();
        stream::iter(due)
            .map(|it| step(app, &activity, registrations.get(&it.registration_id), it))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
    }
}

/// Puts off what is to be sent until people may be disturbed.
async fn wait(
    app: &App,
    activity: ActivityId,
    channel: Channel,
    now: DateTime<Utc>,
    opens: DateTime<Utc>,
) -> Result<(), Failure> {
    let update = message::Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(opens))
        .filter(Column::ActivityId.eq(activity))
        .filter(Column::Channel.eq(channel))
        .filter(Column::State.eq(State::Queued))
        .filter(Expr::cust("due_at IS NOT NULL"))
        .filter(Column::DueAt.lte(now));
    write(app, update).await.map(drop)
}

async fn write(app: &App, update: UpdateMany<message::Entity>) -> Result<u64, Failure> {
    app.db.transaction(async |tx| Ok(update.exec(tx).await?.rows_affected)).await
}

/// Does for one message what is due: sends it, finds out what became of it, or gives it up.
async fn step(
    app: &App,
    activity: &activity::Model,
    registration: Option<&registration::Model>,
    it: message::Model,
) -> Result<(), Failure> {
    match (it.state, it.channel) {
        (State::Queued, _) => match registration {
            Some(row) if is_still_so(it.occasion, row.status) => {
                hand_over(app, activity, row, it).await
            }
            // There is something newer to be said, or nothing at all.
            Some(_) | None => settle(app, &it, State::Cancelled, None, Some("OUTDATED")).await,
        },
        // Whoever was at it is dead.
        (State::Sending, Channel::Mail) => {
            settle(app, &it, State::Unknown, None, Some("INTERRUPTED")).await
        }
        (State::Sending | State::Unknown | State::Sent, Channel::Sms) => ask(app, it).await,
        (state, _) => settle(app, &it, state, None, it.last_error.as_deref()).await,
    }
}

/// Whether what a message says of a registration is still so.
fn is_still_so(occasion: Occasion, status: registration::Status) -> bool {
    use registration::Status;
    match occasion {
        Occasion::Confirmed => status == Status::Confirmed,
        Occasion::Waitlisted => status == Status::Waitlisted,
        Occasion::Offered => status == Status::Offered,
        Occasion::Invited => status == Status::Invited,
        Occasion::Reminder => matches!(status, Status::Invited | Status::Offered),
        Occasion::Declined => status == Status::Declined,
        Occasion::Expired => status == Status::Expired,
        Occasion::Cancelled => status == Status::Cancelled,
        Occasion::Returned => status == Status::Pending,
        Occasion::Replaced => !status.is_live(),
        Occasion::LeaveApproved | Occasion::LeaveDeclined => status.is_live(),
    }
}

async fn hand_over(
    app: &App,
    activity: &activity::Model,
    registration: &registration::Model,
    mut it: message::Model,
) -> Result<(), Failure> {
    let Some(recipient) = it.recipient.clone() else {
        return settle(app, &it, State::Failed, None, Some("NO_RECIPIENT")).await;
    };
    let configured = match it.channel {
        Channel::Sms => app.channels.sms.is_some(),
        Channel::Mail => app.channels.mail.is_some(),
    };
    if !configured {
        return settle(app, &it, State::Failed, None, Some("NOT_CONFIGURED")).await;
    }
    let refused = against(registration.id, Purpose::Messages);
    if app.db.read().query_one(&refused).await?.is_some() {
        return settle(app, &it, State::Cancelled, None, Some(WITHDRAWN)).await;
    }
    let says_notice = it.text.contains(words::NOTICE) || it.subject.contains(words::NOTICE);
    let notice = if says_notice { current(app.db.read(), activity).await? } else { None };
    if !begin(app, &mut it, refused).await? {
        return Ok(());
    }
    let link = app.config.ticket_link(ticket::code(registration));
    let notice_link = notice.as_ref().map(|it| app.config.notice_link(&Gid(it.id).to_string()));
    let notice_link = notice_link.unwrap_or_default();
    let fill = |text: &str| text.replace(words::LINK, &link).replace(words::NOTICE, &notice_link);
    let (id, text) = (it.id.0.simple().to_string(), fill(&it.text));
    let handed = match (it.channel, &app.channels.sms, &app.channels.mail) {
        (Channel::Sms, Some(gateway), _) => gateway.send(&id, &recipient, &text).await,
        (Channel::Mail, _, Some(mailer)) => {
            mailer.send(&id, &recipient, &fill(&it.subject), &text, it.created_at).await
        }
        _ => Handed::NotTaken("NOT_CONFIGURED".to_owned()),
    };
    let now = app.now();
    let asks = it.channel == Channel::Sms
        && app.channels.sms.as_ref().is_some_and(crate::channel::sms::Gateway::gives_receipts);
    match handed {
        Handed::Taken => {
            let due_at = asks.then(|| now + pause(1));
            let update =
                changed(&it, State::Sent, due_at, None).col_expr(Column::SentAt, Expr::value(now));
            app.db
                .transaction(async |tx| {
                    update.exec(tx).await?;
                    match notice {
                        Some(notice) => told(tx, registration.id, notice.id, now).await,
                        None => Ok(()),
                    }
                })
                .await
        }
        Handed::NotTaken(code) if it.attempts < MOST_ATTEMPTS => {
            settle(app, &it, State::Queued, Some(now + pause(it.attempts)), Some(&code)).await
        }
        Handed::NotTaken(code) | Handed::Refused(code) => {
            settle(app, &it, State::Failed, None, Some(&code)).await
        }
        Handed::Unknown(code) => {
            let due_at = asks.then(|| now + pause(1));
            settle(app, &it, State::Unknown, due_at, Some(&code)).await
        }
    }
}

/// Says that a message is about to be handed over; false if somebody else has said so, or the person has just said that
/// they want none, which is what a row of `refused` tells. Its time is over when the other side must have answered long ago.
async fn begin(
    app: &App,
    it: &mut message::Model,
    refused: SelectStatement,
) -> Result<bool, Failure> {
    let until = app.now() + app.config.send_timeout() * 4;
    let update = changed(it, State::Sending, Some(until), None)
        .col_expr(Column::Attempts, Expr::value(it.attempts + 1))
        .col_expr(Column::Asked, Expr::value(0))
        .filter(Expr::exists(refused).not());
    if write(app, update).await? == 0 {
        return Ok(false);
    }
    it.state = State::Sending;
    it.attempts += 1;
    it.due_at = Some(until);
    Ok(true)
}

/// Asks the gateway what became of a message.
async fn ask(app: &App, it: message::Model) -> Result<(), Failure> {
    let now = app.now();
    let in_doubt = it.state != State::Sent;
    let gateway = app.channels.sms.as_ref().filter(|it| it.gives_receipts());
    let (Some(gateway), Some(phone)) = (gateway, it.recipient.as_deref()) else {
        let state = if in_doubt { State::Unknown } else { State::Sent };
        return settle(app, &it, state, None, Some("NO_RECEIPTS")).await;
    };
    let receipt = gateway.receipt(&it.id.0.simple().to_string(), phone).await;
    let asked = it.asked + 1;
    let later = (asked < MOST_ASKED).then(|| now + pause(asked + 1));
    let update = match receipt {
        Receipt::Delivered => changed(&it, State::Delivered, None, None),
        Receipt::Failed => changed(&it, State::Failed, None, Some("UNDELIVERED")),
        // Only now is it known that nobody gets it twice.
        Receipt::Absent if in_doubt && it.attempts < MOST_ATTEMPTS => {
            changed(&it, State::Queued, Some(now), Some("NEVER_ARRIVED"))
        }
        Receipt::Absent if in_doubt => changed(&it, State::Failed, None, Some("NEVER_ARRIVED")),
        Receipt::NoAnswer if in_doubt => changed(&it, State::Unknown, later, Some("NO_RECEIPT")),
        Receipt::Absent | Receipt::Underway | Receipt::NoAnswer => {
            changed(&it, State::Sent, later, None)
        }
    };
    let taken = matches!(receipt, Receipt::Delivered | Receipt::Underway) && it.sent_at.is_none();
    let update = if taken { update.col_expr(Column::SentAt, Expr::value(now)) } else { update };
    write(app, update.col_expr(Column::Asked, Expr::value(asked))).await.map(drop)
}

async fn settle(
    app: &App,
    it: &message::Model,
    state: State,
    due_at: Option<DateTime<Utc>>,
    error: Option<&str>,
) -> Result<(), Failure> {
    write(app, changed(it, state, due_at, error)).await.map(drop)
}

/// A change of a message that is as it was read; of none if somebody has changed it since.
fn changed(
    it: &message::Model,
    state: State,
    due_at: Option<DateTime<Utc>>,
    error: Option<&str>,
) -> UpdateMany<message::Entity> {
    message::Entity::update_many()
        .col_expr(Column::State, Expr::value(state.to_value()))
        .col_expr(Column::DueAt, Expr::value(due_at))
        .col_expr(Column::LastError, Expr::value(error.map(str::to_owned)))
        .filter(Column::Id.eq(it.id))
        .filter(Column::State.eq(it.state))
        .filter(Column::Attempts.eq(it.attempts))
        .filter(Column::DueAt.eq(it.due_at))
}
