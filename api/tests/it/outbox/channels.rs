//! Short messages and mails: they arrive, once, whatever fails on the way.

use std::time::Duration;

use chrono::{TimeDelta, TimeZone, Utc};
use entity::message::{Occasion, State};
use sea_orm::{ActiveModelTrait, ActiveValue::Set};
use serde_json::json;

use super::{
    activity, guest, later, messages,
    receivers::{MailServer, Manner, Receiver, Turn},
    registration_id, rows, set, tell, the_message, with_gateway, with_mail,
};
use crate::app::{Festival, TestApp, on_both};

/// One guest, and what is said by a channel when a seat is confirmed.
async fn one(app: &TestApp, channel: &str) -> (Festival, String) {
    let festival = app.festival(None, &[]).await;
    let id = guest(app, &festival, "张三丰", "13800000001").await;
    set(
        app,
        activity(&festival),
        "CONFIRMED",
        channel,
        "{{姓名}}您好，您已报名{{活动}}，参会码{{参会码}}。{{链接}}",
    )
    .await;
    (festival, id)
}

on_both! {
    async fn a_mail_arrives(app) {
        let server = MailServer::open().await;
        let app = with_mail(&app, &server).await;
        let (festival, _) = one(&app, "MAIL").await;
        tell(&app, &festival, Occasion::Confirmed).await;
        assert!(server.received().is_empty(), "said before it was committed");
        assert_eq!(app.work().await, 1);
        let mails = server.received();
        assert_eq!(mails.len(), 1);
        let code = &rows(&app, &festival).await[0].ticket_code;
        assert_eq!(mails[0].to, "u13800000001@example.org");
        assert_eq!(mails[0].text(), format!("张三丰您好，您已报名开幕式，参会码{code}。http://127.0.0.1:8000/r/{code}"));
        let it = the_message(&app).await;
        assert_eq!(mails[0].header("Message-ID"), format!("<{}@wzfic.example.org>", it.id.0.simple()));
        assert_eq!(mails[0].header("Date"), "Sun, 01 Nov 2026 01:00:00 +0000");
        assert!(mails[0].header("From").ends_with("<noreply@wzfic.example.org>"));
        assert!(mails[0].header("Subject").starts_with("=?utf-8?"));
        assert_eq!((it.state, it.attempts, it.sent_at, it.due_at), (State::Sent, 1, Some(app.now()), None));
        assert_eq!(app.work().await, 0);
        assert_eq!(server.received().len(), 1);
    }

    async fn a_short_message_arrives_and_its_receipt_is_fetched(app) {
        let gateway = Receiver::open().await;
        let app = with_gateway(&app, &gateway, true).await;
        let (festival, id) = one(&app, "SMS").await;
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        let it = the_message(&app).await;
        assert_eq!(it.registration_id, registration_id(&id));
        let code = &rows(&app, &festival).await[0].ticket_code;
        let said = format!("【温州市工商联】张三丰您好，您已报名开幕式，参会码{code}。http://127.0.0.1:8000/r/{code}");
        assert_eq!(gateway.taken(), [(it.id.0.simple().to_string(), "13800000001".to_owned(), said)]);
        assert_eq!((it.state, it.sent_at), (State::Sent, Some(app.now())));
        later(&app).await;
        let it = the_message(&app).await;
        assert_eq!((it.state, it.due_at), (State::Delivered, None));
        assert_eq!(gateway.took_each_once(), 1);
    }

    async fn a_message_that_did_not_arrive_has_failed(app) {
        let gateway = Receiver::open().await;
        let app = with_gateway(&app, &gateway, true).await;
        let (festival, _) = one(&app, "SMS").await;
        gateway.say("UNDELIV");
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        later(&app).await;
        let it = the_message(&app).await;
        assert_eq!((it.state, it.last_error.as_deref()), (State::Failed, Some("UNDELIVERED")));
        assert_eq!(gateway.took_each_once(), 1);
    }

    async fn what_is_underway_for_ever_stays_sent(app) {
        let gateway = Receiver::open().await;
        let app = with_gateway(&app, &gateway, true).await;
        let (festival, _) = one(&app, "SMS").await;
        gateway.say("ROUTING");
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        while the_message(&app).await.due_at.is_some() {
            later(&app).await;
        }
        assert_eq!(the_message(&app).await.state, State::Sent);
        assert_eq!((gateway.took_each_once(), gateway.receipts()), (1, 8));
    }

    async fn a_gateway_that_takes_and_does_not_answer_is_asked_and_not_sent_to_again(app) {
        let gateway = Receiver::open().await;
        let app = with_gateway(&app, &gateway, true).await;
        let (festival, _) = one(&app, "SMS").await;
        gateway.behave(Turn::TakeInSilence);
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        let it = the_message(&app).await;
        assert_eq!((it.state, it.last_error.as_deref()), (State::Unknown, Some("TIMEOUT")));
        assert_eq!(gateway.receipts(), 0);
        gateway.behave(Turn::Take(Duration::ZERO));
        later(&app).await;
        let it = the_message(&app).await;
        assert_eq!((it.state, it.attempts), (State::Delivered, 1));
        assert_eq!((gateway.took_each_once(), gateway.receipts()), (1, 1));
    }

    async fn what_never_arrived_at_the_gateway_is_sent_again(app) {
        let gateway = Receiver::open().await;
        let app = with_gateway(&app, &gateway, true).await;
        let (festival, _) = one(&app, "SMS").await;
        gateway.behave(Turn::LoseInSilence);
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        assert_eq!(the_message(&app).await.state, State::Unknown);
        gateway.behave(Turn::Take(Duration::ZERO));
        later(&app).await;
        let it = the_message(&app).await;
        assert_eq!((it.state, it.attempts), (State::Sent, 2));
        assert_eq!((gateway.took_each_once(), gateway.receipts()), (1, 1));
    }

    async fn without_receipts_what_is_unknown_stays_so_until_somebody_decides(app) {
        let gateway = Receiver::open().await;
        let app = with_gateway(&app, &gateway, false).await;
        let (festival, _) = one(&app, "SMS").await;
        gateway.behave(Turn::Answer(502));
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        let it = the_message(&app).await;
        assert_eq!((it.state, it.due_at, it.last_error.as_deref()), (State::Unknown, None, Some("HTTP_502")));
        gateway.behave(Turn::Take(Duration::ZERO));
        *app.clock() += TimeDelta::minutes(10);
        assert_eq!(app.work().await, 0);
        let id = api::graphql::Gid(it.id).to_string();
        let retry = || app.organiser().run("retry_message", json!({"input": {"messageId": id}}));
        assert_eq!(retry().await["retryMessage"]["message"]["state"], "QUEUED");
        // It is queued already: one retry is one message.
        let queued = the_message(&app).await;
        assert_eq!(retry().await["retryMessage"]["userErrors"][0]["code"], "NOT_RETRIABLE");
        assert_eq!(the_message(&app).await, queued);
        app.work().await;
        assert_eq!(the_message(&app).await.state, State::Sent);
        assert_eq!(gateway.took_each_once(), 1);
    }

    async fn a_gateway_that_refuses_is_not_asked_twice(app) {
        let gateway = Receiver::open().await;
        let app = with_gateway(&app, &gateway, true).await;
        let (festival, _) = one(&app, "SMS").await;
        gateway.behave(Turn::Answer(403));
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        let it = the_message(&app).await;
        assert_eq!((it.state, it.due_at, it.last_error.as_deref()), (State::Failed, None, Some("HTTP_403")));
    }

    async fn receivers_that_are_down_for_a_while_lose_nothing(app) {
        let (mut server, mut gateway) = (MailServer::open().await, Receiver::open().await);
        let file = app.folder().join("gateway.json");
        std::fs::write(&file, gateway.instructions(true)).unwrap();
        let url = server.url();
        let app = app.with(&["--sms-gateway", file.to_str().unwrap(), "--smtp-url", &url, "--mail-from", "a@example.org"]).await;
        let festival = app.festival(None, &[]).await;
        for nth in 0..10 {
            guest(&app, &festival, "张三丰", &format!("1380000000{nth}")).await;
        }
        for channel in ["SMS", "MAIL"] {
            set(&app, activity(&festival), "CONFIRMED", channel, "{{姓名}}您好").await;
        }
        server.close().await;
        gateway.close().await;
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        later(&app).await;
        later(&app).await;
        let all = messages(&app).await;
        assert_eq!(all.len(), 20);
        assert!(all.iter().all(|it| it.state == State::Queued && it.last_error.as_deref() == Some("CONNECT")), "{all:?}");
        assert!(all.iter().all(|it| it.attempts == 3));
        server.reopen().await;
        gateway.reopen().await;
        later(&app).await;
        let all = messages(&app).await;
        assert!(all.iter().all(|it| it.state == State::Sent), "{all:?}");
        assert_eq!(gateway.took_each_once(), 10);
        let mut to: Vec<String> = server.received().into_iter().map(|it| it.to).collect();
        to.sort();
        to.dedup();
        assert_eq!((to.len(), server.received().len()), (10, 10));
    }

    async fn a_mail_is_sent_again_only_where_it_was_certainly_not_taken(app) {
        let server = MailServer::open().await;
        let app = with_mail(&app, &server).await;
        let (festival, _) = one(&app, "MAIL").await;
        server.behave(Manner::Busy);
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        let it = the_message(&app).await;
        assert_eq!((it.state, it.last_error.as_deref()), (State::Queued, Some("SMTP_451")));
        server.behave(Manner::HangsUp);
        later(&app).await;
        let it = the_message(&app).await;
        assert_eq!((it.state, it.due_at, it.last_error.as_deref()), (State::Unknown, None, Some("NO_ANSWER")));
        server.behave(Manner::Takes);
        *app.clock() += TimeDelta::hours(2);
        assert_eq!(app.work().await, 0);
        assert_eq!(server.received().len(), 1);
        server.behave(Manner::KnowsNobody);
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        let last = messages(&app).await.pop().unwrap();
        assert_eq!((last.state, last.last_error.as_deref()), (State::Failed, Some("SMTP_550")));
    }

    async fn what_a_dead_server_was_at_is_unknown_and_asked_after(app) {
        let (server, gateway) = (MailServer::open().await, Receiver::open().await);
        let (festival, _) = one(&app, "SMS").await;
        set(&app, activity(&festival), "CONFIRMED", "MAIL", "您好").await;
        tell(&app, &festival, Occasion::Confirmed).await;
        // It died after it had said that it would hand over.
        for it in messages(&app).await {
            let mut it: entity::message::ActiveModel = it.into();
            it.state = Set(State::Sending);
            it.attempts = Set(1);
            it.due_at = Set(Some(app.now() + TimeDelta::seconds(4)));
            app.by_hand(async |tx| Ok(it.update(tx).await?)).await;
        }
        let file = app.folder().join("gateway.json");
        std::fs::write(&file, gateway.instructions(true)).unwrap();
        let url = server.url();
        let app = app.with(&["--sms-gateway", file.to_str().unwrap(), "--smtp-url", &url, "--mail-from", "a@example.org"]).await;
        assert_eq!(app.work().await, 0, "it may still be at it");
        *app.clock() += TimeDelta::seconds(4);
        app.work().await;
        let all = messages(&app).await;
        let mail = all.iter().find(|it| it.channel == entity::message::Channel::Mail).unwrap();
        assert_eq!((mail.state, mail.due_at), (State::Unknown, None));
        assert!(server.received().is_empty());
        let short = all.iter().find(|it| it.channel == entity::message::Channel::Sms).unwrap();
        assert_eq!((short.state, short.attempts), (State::Sent, 2));
        assert_eq!((gateway.receipts(), gateway.took_each_once()), (1, 1));
    }

    async fn nobody_is_disturbed_at_night(app) {
        let (server, gateway) = (MailServer::open().await, Receiver::open().await);
        let file = app.folder().join("gateway.json");
        std::fs::write(&file, gateway.instructions(true)).unwrap();
        let url = server.url();
        let app = app.with(&["--sms-gateway", file.to_str().unwrap(), "--smtp-url", &url, "--mail-from", "a@example.org"]).await;
        let (festival, _) = one(&app, "SMS").await;
        set(&app, activity(&festival), "CONFIRMED", "MAIL", "您好").await;
        // 22:00 in Shanghai.
        *app.clock() = Utc.with_ymd_and_hms(2026, 11, 1, 14, 0, 0).unwrap();
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        let morning = Utc.with_ymd_and_hms(2026, 11, 2, 0, 0, 0).unwrap();
        for it in messages(&app).await {
            assert_eq!((it.state, it.due_at, it.attempts), (State::Queued, Some(morning), 0));
        }
        assert!(server.received().is_empty() && gateway.taken().is_empty());
        *app.clock() = morning;
        app.work().await;
        assert_eq!((server.received().len(), gateway.took_each_once()), (1, 1));
    }

    async fn what_is_no_longer_so_is_not_said(app) {
        let gateway = Receiver::open().await;
        let app = with_gateway(&app, &gateway, true).await;
        let (festival, id) = one(&app, "SMS").await;
        tell(&app, &festival, Occasion::Confirmed).await;
        app.organiser().run("cancel_registration", json!({"input": {"registrationId": id}})).await;
        app.work().await;
        let it = messages(&app).await.remove(0);
        assert_eq!((it.state, it.due_at, it.attempts), (State::Cancelled, None, 0));
        assert!(gateway.taken().is_empty());
    }

    async fn who_cannot_be_reached_and_what_cannot_be_sent_are_on_record(app) {
        let (festival, _) = one(&app, "SMS").await;
        // A landline, and a mail address for which there is no template.
        guest(&app, &festival, "李四光", "0577-88888888").await;
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        let all: Vec<_> = messages(&app).await.into_iter().map(|it| (it.state, it.last_error)).collect();
        let failed = |code: &str| (State::Failed, Some(code.to_owned()));
        assert_eq!(all, [failed("NOT_CONFIGURED"), failed("NO_RECIPIENT")]);
        let listed = app.organiser().run("messages", json!({"activityId": festival.activity, "filter": {"state": ["FAILED"]}})).await;
        let nodes: Vec<_> = listed["messages"]["edges"].as_array().unwrap().iter().map(|it| it["node"]["maskedRecipient"].clone()).collect();
        assert_eq!(nodes, [json!(null), json!("138****0001")]);
        // The one has nowhere to go, the other may be tried again once there is a gateway.
        let ids: Vec<_> = listed["messages"]["edges"].as_array().unwrap().iter().map(|it| it["node"]["id"].clone()).collect();
        let refused = app.organiser().run("retry_message", json!({"input": {"messageId": ids[0]}})).await;
        assert_eq!(refused["retryMessage"]["userErrors"][0]["code"], "NO_RECIPIENT");
        let gateway = Receiver::open().await;
        let app = with_gateway(&app, &gateway, false).await;
        app.organiser().run("retry_message", json!({"input": {"messageId": ids[1]}})).await;
        app.work().await;
        assert_eq!(gateway.took_each_once(), 1);
    }

    async fn where_nothing_is_to_be_said_it_costs_one_statement(app) {
        let festival = app.festival(None, &[]).await;
        for nth in 0..5 {
            guest(&app, &festival, "张三丰", &format!("1380000000{nth}")).await;
        }
        set(&app, activity(&festival), "CANCELLED", "SMS", "您好").await;
        let rows = rows(&app, &festival).await;
        let many: Vec<_> = rows.iter().cycle().take(2000).cloned().collect();
        let now = app.now();
        let mut taken = Vec::new();
        for rows in [&rows, &many] {
            let before = app.app.db.statements();
            app.by_hand(async |tx| api::outbox::tell(tx, Occasion::Confirmed, rows, now).await).await;
            taken.push(app.app.db.statements() - before);
        }
        assert_eq!(taken[0], taken[1]);
        let before = app.app.db.statements();
        app.by_hand(async |_| Ok(())).await;
        assert_eq!(taken[0], app.app.db.statements() - before + 1);
        assert!(messages(&app).await.is_empty());
    }
}

#[tokio::test]
async fn a_configuration_that_cannot_be_read_is_said_at_the_start() {
    let home = crate::server::Home::sqlite();
    for (name, value) in [
        ("QINGLAN_SMTP_URL", "ftp://example.org"),
        ("QINGLAN_SMS_GATEWAY", "/nowhere.json"),
        ("QINGLAN_SENDING_HOURS", "8-22"),
    ] {
        let done = home
            .command(&["serve"])
            .env(name, value)
            .env("QINGLAN_MAIL_FROM", "a@b.c")
            .output()
            .unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(
            !done.status.success() && (said.contains(name) || said.contains("--sending-hours")),
            "{said}"
        );
    }
}
