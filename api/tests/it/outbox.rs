//! Telling people: what is written down with a change is said, once, by whatever way there is.

mod channels;
mod hooks;
mod killed;
pub mod receivers;
mod templates;
mod withdrawal;

use api::outbox;
use chrono::{DateTime, Utc};
use entity::{
    id::{ActivityId, RegistrationId},
    message::{self, Occasion},
    registration,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};

use self::receivers::{MailServer, Receiver};
use crate::{
    app::{Festival, TestApp},
    fixture::text,
};

/// Somebody who is registered, with a phone and a mail address.
async fn guest(app: &TestApp, festival: &Festival, name: &str, phone: &str) -> String {
    let email = format!("u{phone}@example.org");
    let person = json!({"name": name, "phone": phone, "email": email});
    let input = json!({"activityId": festival.activity, "person": person});
    let made = app.organiser().run("register_attendee", json!({"input": input})).await;
    text(&made["registerAttendee"]["registration"]["id"])
}

/// Says what is said on an occasion.
async fn set(app: &TestApp, place: Value, occasion: &str, channel: &str, words: &str) -> Value {
    let mut input = json!({"occasion": occasion, "channel": channel, "text": words});
    if channel == "MAIL" && !words.is_empty() {
        input["subject"] = json!("关于{{活动}}");
    }
    input.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
    let mut done = app.organiser().run("set_message_template", json!({"input": input})).await;
    assert_eq!(done["setMessageTemplate"]["userErrors"], json!([]));
    done["setMessageTemplate"]["messageTemplate"].take()
}

/// The registrations of an activity, in their order.
async fn rows(app: &TestApp, festival: &Festival) -> Vec<registration::Model> {
    let id = api::graphql::Gid::<ActivityId>::decode(&festival.activity).unwrap().0;
    registration::Entity::find()
        .filter(registration::Column::ActivityId.eq(id))
        .order_by_asc(registration::Column::Id)
        .all(app.app.db.read())
        .await
        .unwrap()
}

/// Tells everybody on an activity, as the change of a status does.
async fn tell(app: &TestApp, festival: &Festival, occasion: Occasion) {
    let (rows, now) = (rows(app, festival).await, app.now());
    app.by_hand(async |tx| outbox::tell(tx, occasion, &rows, now).await).await;
}

/// The messages on record, in their order.
async fn messages(app: &TestApp) -> Vec<message::Model> {
    let query = message::Entity::find().order_by_asc(message::Column::Id);
    query.all(app.app.db.read()).await.unwrap()
}

async fn the_message(app: &TestApp) -> message::Model {
    let mut all = messages(app).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// Does what is due at the instant when the next of the messages is due.
async fn later(app: &TestApp) -> DateTime<Utc> {
    let due = messages(app).await.into_iter().filter_map(|it| it.due_at).min().unwrap();
    assert!(due > app.now());
    *app.clock() = due;
    app.work().await;
    due
}

/// The same service with a gateway for short messages.
async fn with_gateway(app: &TestApp, gateway: &Receiver, receipts: bool) -> TestApp {
    let file = app.folder().join("gateway.json");
    std::fs::write(&file, gateway.instructions(receipts)).unwrap();
    app.with(&["--sms-gateway", file.to_str().unwrap(), "--send-timeout", "1"]).await
}

/// The same service with a mail server.
async fn with_mail(app: &TestApp, server: &MailServer) -> TestApp {
    let from = "温州市工商联 <noreply@wzfic.example.org>";
    let url = server.url();
    app.with(&["--smtp-url", &url, "--mail-from", from, "--send-timeout", "1"]).await
}

fn activity(festival: &Festival) -> Value {
    json!({"activityId": festival.activity})
}

fn registration_id(id: &str) -> RegistrationId {
    api::graphql::Gid::<RegistrationId>::decode(id).unwrap().0
}
