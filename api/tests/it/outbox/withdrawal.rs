//! Who does not want messages gets none from that moment on.

use entity::{
    consent::Purpose,
    message::{Occasion, State},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{activity, guest, messages, receivers::Receiver, set, tell, the_message, with_gateway};
use crate::{
    app::{Client, Festival, TestApp, on_both},
    attendee::attendee,
    fixture::text,
};

const PHONE: &str = "13800000001";

/// One guest who is told of the seat, with a message that waits.
async fn told(app: &TestApp) -> (Festival, String) {
    let festival = app.festival(None, &[]).await;
    let id = guest(app, &festival, "张三丰", PHONE).await;
    set(app, activity(&festival), "CONFIRMED", "SMS", "{{姓名}}您好，见{{告知书}}").await;
    tell(app, &festival, Occasion::Confirmed).await;
    (festival, id)
}

async fn refused(client: &Client, operation: &str, input: Value) -> String {
    let done = client.run(operation, json!({"input": input})).await;
    let payload = done.as_object().unwrap().values().next().unwrap();
    payload["userErrors"][0]["code"].as_str().unwrap_or("ok").to_owned()
}

fn no_messages(id: &str) -> Value {
    json!({"registrationId": id, "purpose": "MESSAGES"})
}

async fn notice(app: &TestApp, place: Value, words: &str) -> String {
    let mut input = json!({"text": words});
    input.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
    let done = app.organiser().run("publish_notice", json!({"input": input})).await;
    text(&done["publishNotice"]["notice"]["version"])
}

on_both! {
    async fn who_takes_it_back_gets_no_message_that_waits_and_no_later_one(app) {
        let gateway = Receiver::open().await;
        let app = with_gateway(&app, &gateway, false).await;
        let (festival, id) = told(&app).await;
        let who = attendee(&app, PHONE).await;
        assert_eq!(refused(&who, "withdraw_my_consent", no_messages(&id)).await, "ok");
        let it = the_message(&app).await;
        assert_eq!((it.state, it.due_at), (State::Cancelled, None));
        assert_eq!(it.last_error.as_deref(), Some("CONSENT_WITHDRAWN"));

        // Neither what is said afterwards, on another activity too, nor what an organiser asks for again.
        tell(&app, &festival, Occasion::Confirmed).await;
        let other = app.festival(None, &[]).await;
        set(&app, activity(&other), "CONFIRMED", "SMS", "{{姓名}}您好").await;
        guest(&app, &other, "张三丰", PHONE).await;
        app.work().await;
        assert!(gateway.taken().is_empty());
        let all = messages(&app).await;
        assert!(all.len() >= 3 && all.iter().all(|it| it.state == State::Cancelled), "{all:?}");

        // Who came stays on record, and so does what was taken back, once.
        assert_eq!(refused(&who, "withdraw_my_consent", no_messages(&id)).await, "ok");
        assert_eq!(app.count("SELECT count(*) FROM withdrawal").await, 1);
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action = 'WithdrawMyConsent'").await, 2);

        // Until they agree again.
        let version = notice(&app, activity(&festival), "告知书").await;
        let input = json!({"registrationId": id, "purposes": ["MESSAGES"], "noticeVersion": version});
        assert_eq!(refused(&who, "give_my_consent", input.clone()).await, "ok");
        assert_eq!(refused(&who, "give_my_consent", input).await, "ok");
        assert_eq!(app.count("SELECT count(*) FROM consent WHERE withdrawn_at IS NULL").await, 1);
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        assert_eq!(gateway.taken().len(), 1);
        assert_eq!(gateway.taken()[0].2, format!("【温州市工商联】张三丰您好，见http://127.0.0.1:8000/n/{version}"));

        // Agreed, and then taken back.
        let done = who.run("withdraw_my_consent", json!({"input": no_messages(&id)})).await;
        let privacy = &done["withdrawMyConsent"]["registration"]["privacy"];
        assert_eq!(privacy["consents"].as_array().unwrap().len(), 1);
        assert_ne!(privacy["consents"][0]["withdrawnAt"], Value::Null);
        assert_ne!(privacy["withdrawals"][0]["liftedAt"], Value::Null);
        assert_eq!(privacy["withdrawals"][1]["liftedAt"], Value::Null);
    }

    async fn a_message_that_was_written_meanwhile_is_not_sent_either(app) {
        let gateway = Receiver::open().await;
        let app = with_gateway(&app, &gateway, false).await;
        let (_, id) = told(&app).await;
        // As if the writer of the message had not seen what was taken back, nor that one the message.
        let now = app.now();
        let row = crate::outbox::registration_id(&id);
        app.by_hand(async |tx| {
            use sea_orm::EntityTrait;
            let row = entity::registration::Entity::find_by_id(row).one(tx).await?.unwrap();
            let way = api::privacy::consent::Way::Myself { phone: PHONE.to_owned(), address: None };
            api::privacy::consent::withdraw(tx, &row, Purpose::Messages, &way, None, now).await.map_err(|_| api::error::Failure::NotFound)?;
            sea_orm::ConnectionTrait::execute_unprepared(tx, "UPDATE message SET state = 'QUEUED', due_at = created_at").await?;
            Ok(())
        }).await;
        app.work().await;
        assert!(gateway.taken().is_empty());
        let it = the_message(&app).await;
        assert_eq!((it.state, it.last_error.as_deref()), (State::Cancelled, Some("CONSENT_WITHDRAWN")));
    }

    async fn sending_and_taking_back_at_once_send_it_before_or_never(app) {
        let gateway = Receiver::open().await;
        let app = with_gateway(&app, &gateway, false).await;
        let (_, id) = told(&app).await;
        let who = attendee(&app, PHONE).await;
        let mut all = JoinSet::new();
        let (client, input) = (who.clone(), no_messages(&id));
        all.spawn(async move { assert_eq!(refused(&client, "withdraw_my_consent", input).await, "ok") });
        app.work().await;
        all.join_all().await;
        app.work().await;
        let it = the_message(&app).await;
        let sent = gateway.taken().len();
        match it.state {
            State::Sent => assert_eq!(sent, 1),
            State::Cancelled => assert_eq!(sent, 0),
            state => panic!("{state:?}"),
        }
    }

    async fn an_organiser_records_what_was_agreed_to_on_paper_and_what_was_taken_back(app) {
        let (festival, id) = told(&app).await;
        let version = notice(&app, json!({"organisationId": app.root_id()}), "总则").await;
        let elsewhere = app.festival(None, &[]).await;
        let foreign = notice(&app, activity(&elsewhere), "别处").await;
        let admin = app.organiser();
        let input = json!({"registrationId": id, "purposes": ["PHOTOS", "SHARING"], "noticeVersion": version, "channel": "PAPER"});
        let with = |field: &str, value: Value| {
            let mut input = input.clone();
            input[field] = value;
            input
        };
        for (input, code) in [
            (with("noticeVersion", json!(foreign)), "NOTICE_UNKNOWN"),
            (with("purposes", json!([])), "PURPOSE_MISSING"),
            (with("channel", json!("MYSELF")), "CHANNEL_FORBIDDEN"),
        ] {
            assert_eq!(refused(admin, "record_consent", input).await, code);
        }
        assert_eq!(app.count("SELECT count(*) FROM consent").await, 0);
        let done = admin.run("record_consent", json!({"input": input})).await;
        let consents = &done["recordConsent"]["registration"]["privacy"]["consents"];
        assert_eq!(consents.as_array().unwrap().len(), 2);
        assert_eq!(consents[0]["isUnaltered"], true);
        // SHA-256 of 总则, by another program.
        assert_eq!(consents[0]["noticeSha256"], "8936cfd3ec968a280f4326e43310bd23e1e005e2a7add5be9cd973b4fcf64f8e");

        for (input, code) in [
            (json!({"registrationId": id, "purpose": "REGISTRATION", "reason": "来电"}), "CANCEL_INSTEAD"),
            (json!({"registrationId": id, "purpose": "PHOTOS", "reason": " "}), "REASON_MISSING"),
            (json!({"registrationId": id, "purpose": "PHOTOS", "reason": "长".repeat(501)}), "TOO_LONG"),
        ] {
            assert_eq!(refused(admin, "withdraw_consent", input).await, code);
        }
        let input = json!({"registrationId": id, "purpose": "PHOTOS", "reason": "本人来电"});
        assert_eq!(refused(admin, "withdraw_consent", input).await, "ok");
        assert_eq!(app.count("SELECT count(*) FROM consent WHERE withdrawn_at IS NOT NULL").await, 1);
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action = 'WithdrawConsent' AND reason = '本人来电'").await, 1);
        // Messages go on.
        assert_eq!(the_message(&app).await.state, State::Queued);
        assert_eq!(festival.seats_taken(&app).await, 1);
    }

    async fn the_first_message_with_the_notice_is_put_on_record(app) {
        let gateway = Receiver::open().await;
        let app = with_gateway(&app, &gateway, false).await;
        let (festival, id) = told(&app).await;
        let version = notice(&app, activity(&festival), "告知书").await;
        let asked = "query($id: ID!) { registration(id: $id) { privacy { noticeSentAt } } }";
        let sent = async || {
            let shown = app.organiser().ask(asked, json!({"id": id})).await;
            shown["registration"]["privacy"]["noticeSentAt"].clone()
        };
        assert_eq!(sent().await, Value::Null);
        app.work().await;
        let first = sent().await;
        assert_ne!(first, Value::Null);
        *app.clock() += chrono::TimeDelta::minutes(5);
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        assert_eq!(gateway.taken().len(), 2);
        assert_eq!(sent().await, first);
        let shown = app.anonymous().run("public_notice", json!({"version": version})).await;
        assert_eq!(shown["publicNotice"]["text"], "告知书");
    }
}
