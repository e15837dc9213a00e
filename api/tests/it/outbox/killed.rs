//! Servers that die while they send, and several that send at once: each message is sent once.

use std::{collections::HashSet, process::Command, time::Duration};

use api::{audit::chain::Seal, db::Db, error::Error, outbox};
use entity::{message::Occasion, registration};
use sea_orm::EntityTrait;
use serde_json::json;

use super::receivers::{MailServer, Receiver, Turn};
use crate::{
    app::Festival,
    lists,
    server::{Home, Remote, Server, on_both_servers, text},
};

const PEOPLE: usize = 120;

/// A server that sends at once and takes over soon, at any hour.
fn command(home: &Home, settings: &[(&str, &str)]) -> Command {
    let mut command = home.command(&["serve"]);
    command
        .env("QINGLAN_JOB_LEASE", "1")
        .env("QINGLAN_JOB_POLL", "20")
        .env("QINGLAN_SEND_TIMEOUT", "1")
        .env("QINGLAN_SENDING_HOURS", "00:00-24:00")
        .env("QINGLAN_WEBHOOKS_PRIVATE", "true")
        .env("QINGLAN_MAIL_FROM", "a@example.org")
        .envs(settings.iter().copied());
    command
}

/// A list of people on an activity, and what is said to them.
async fn party(organiser: &Remote, channel: &str) -> Festival {
    let festival = organiser.festival(None).await;
    let batch = organiser.stage(&festival, "来宾.csv", lists::list(0..PEOPLE)).await;
    assert_eq!(organiser.commit(&batch).await["registered"], PEOPLE);
    let input = json!({
        "activityId": festival.activity, "occasion": "CONFIRMED", "channel": channel, "text": "{{姓名}}您好",
        "subject": if channel == "MAIL" { "通知" } else { "" },
    });
    let done = organiser.run("set_message_template", json!({"input": input})).await;
    assert_eq!(done["setMessageTemplate"]["userErrors"], json!([]));
    festival
}

/// Tells everybody, beside the server.
async fn tell(home: &Home) {
    let db = Db::connect(&home.url, Seal::load(None, home.data_dir()).unwrap()).await.unwrap();
    let rows = registration::Entity::find().all(db.read()).await.unwrap();
    let now = crate::server::now();
    let done: Result<(), Error<api::account::AccountErrorCode>> = db
        .by_command("Test", now, async |tx| {
            outbox::tell(tx, Occasion::Confirmed, &rows, now).await?;
            Ok(entity::id::AccountId::generate())
        })
        .await;
    done.unwrap();
    db.close().await;
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let patience = std::time::Instant::now() + Duration::from_mins(1);
    while !holds().await {
        assert!(std::time::Instant::now() < patience, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn in_state(home: &Home, states: &str) -> i64 {
    home.count(&format!("SELECT count(*) FROM message WHERE state IN ({states})")).await
}

on_both_servers! {
    async fn short_messages_are_sent_once_though_the_server_is_killed(home) {
        let gateway = Receiver::open().await;
        let file = home.data_dir().join("gateway.json");
        std::fs::write(&file, gateway.instructions(true)).unwrap();
        let settings = [("QINGLAN_SMS_GATEWAY", file.to_str().unwrap())];
        let (first, organiser) = home.open().await;
        party(&organiser, "SMS").await;
        drop(first);
        gateway.say("ROUTING");
        gateway.behave(Turn::Take(Duration::from_millis(40)));
        let mut server = Server::start(command(&home, &settings));
        tell(&home).await;
        for nth in 1..=3 {
            until("it does not go on", async || gateway.taken().len() >= nth * PEOPLE / 4).await;
            server.kill();
            assert!(gateway.taken().len() < PEOPLE, "the kill met nobody at work");
            server = Server::start(command(&home, &settings));
        }
        until("not all are sent", async || in_state(&home, "'SENT', 'DELIVERED'").await == i64::try_from(PEOPLE).unwrap()).await;
        assert_eq!(gateway.took_each_once(), PEOPLE);
        let phones: HashSet<String> = gateway.taken().into_iter().map(|it| it.1).collect();
        assert_eq!(phones.len(), PEOPLE);
        drop(server);
    }

    async fn no_mail_is_sent_twice_when_the_server_is_killed(home) {
        let mails = MailServer::open().await;
        let url = mails.url();
        let settings = [("QINGLAN_SMTP_URL", url.as_str())];
        let (first, organiser) = home.open().await;
        party(&organiser, "MAIL").await;
        // People of a list have no mail addresses.
        let db = home.database().await;
        sea_orm::ConnectionTrait::execute_unprepared(&db, "UPDATE person SET email = 'a@example.org'").await.unwrap();
        db.close().await.unwrap();
        drop(first);
        let mut server = Server::start(command(&home, &settings));
        tell(&home).await;
        for nth in 1..=2 {
            until("it does not go on", async || mails.received().len() >= nth * PEOPLE / 4).await;
            server.kill();
            server = Server::start(command(&home, &settings));
        }
        until("not all are settled", async || in_state(&home, "'SENT', 'UNKNOWN'").await == i64::try_from(PEOPLE).unwrap()).await;
        let ids: Vec<String> = mails.received().iter().map(|it| it.header("Message-ID")).collect();
        let distinct: HashSet<&String> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len(), "a mail came twice");
        // What the record has as sent came; what it does not know of may have.
        let unknown = in_state(&home, "'UNKNOWN'").await;
        let came = i64::try_from(ids.len()).unwrap();
        let all = i64::try_from(PEOPLE).unwrap();
        assert!((all - unknown..=all).contains(&came), "{came} came, {unknown} are unknown");
        drop(server);
    }

    async fn events_reach_their_receiver_though_the_server_is_killed(home) {
        let receiver = Receiver::open().await;
        let (first, organiser) = home.open().await;
        party(&organiser, "SMS").await;
        drop(first);
        let mut server = Server::start(command(&home, &[]));
        let organiser = organiser.at(&server);
        let viewer = organiser.run("viewer", json!({})).await;
        let root = &viewer["viewer"]["grants"][0]["scope"]["id"];
        let input = json!({"organisationId": root, "url": receiver.hook(), "occasions": ["CONFIRMED"]});
        let made = organiser.run("create_webhook", json!({"input": input})).await;
        assert!(made["createWebhook"]["secret"].is_string(), "{made}");
        receiver.behave(Turn::Take(Duration::from_millis(100)));
        for _ in 0..20 {
            tell(&home).await;
        }
        for nth in 1..=2 {
            until("it does not go on", async || receiver.posts().len() >= nth * 5).await;
            server.kill();
            server = Server::start(command(&home, &[]));
        }
        until("not all are told", async || {
            home.count("SELECT count(*) FROM hook_event WHERE state = 'DELIVERED'").await == 20
        }).await;
        let posts = receiver.posts();
        let mut numbers: Vec<i64> = posts.iter().map(|it| it.json()["sequence"].as_i64().unwrap()).collect();
        let ids: HashSet<String> = posts.iter().map(|it| text(&it.json()["id"])).collect();
        numbers.dedup();
        // One may have come again right after it had come, and is the same.
        assert_eq!(numbers, (1..=20).collect::<Vec<i64>>());
        assert_eq!(ids.len(), 20);
        assert!(posts.len() <= 22, "{}", posts.len());
        drop(server);
    }

    async fn a_server_that_is_told_to_stop_hands_its_work_back(home) {
        let gateway = Receiver::open().await;
        let file = home.data_dir().join("gateway.json");
        std::fs::write(&file, gateway.instructions(true)).unwrap();
        let settings = [
            ("QINGLAN_SMS_GATEWAY", file.to_str().unwrap()),
            ("QINGLAN_SEND_TIMEOUT", "100"),
            ("QINGLAN_REQUEST_TIMEOUT", "1"),
        ];
        let (first, organiser) = home.open().await;
        party(&organiser, "SMS").await;
        drop(first);
        gateway.behave(Turn::TakeInSilence);
        let mut server = Server::start(command(&home, &settings));
        tell(&home).await;
        until("it does not begin", async || !gateway.taken().is_empty()).await;
        server.terminate();
        assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
        let sending = "SELECT count(*) FROM job WHERE kind = 'SEND_MESSAGES' AND";
        assert_eq!(home.count(&format!("{sending} state = 'WAITING' AND attempts = 0 AND lease IS NULL")).await, 1);
        assert_eq!(home.count(&format!("{sending} state <> 'WAITING'")).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_servers_send_each_message_once() {
    let home = Home::postgres().await;
    let gateway = Receiver::open().await;
    let file = home.data_dir().join("gateway.json");
    std::fs::write(&file, gateway.instructions(true)).unwrap();
    let settings = [("QINGLAN_SMS_GATEWAY", file.to_str().unwrap())];
    let (first, organiser) = home.open().await;
    party(&organiser, "SMS").await;
    drop(first);
    gateway.say("ROUTING");
    gateway.behave(Turn::Take(Duration::from_millis(5)));
    let servers: Vec<Server> = (0..3).map(|_| Server::start(command(&home, &settings))).collect();
    tell(&home).await;
    let all = i64::try_from(PEOPLE).unwrap();
    until("not all are sent", async || in_state(&home, "'SENT'").await == all).await;
    assert_eq!(gateway.took_each_once(), PEOPLE);
    // One job did it, begun once, by whichever server.
    let sending = "SELECT count(*) FROM job WHERE kind = 'SEND_MESSAGES' AND";
    until("the job does not end", async || {
        home.count(&format!("{sending} state = 'DONE'")).await >= 1
    })
    .await;
    assert_eq!(home.count(&format!("{sending} attempts > 1")).await, 0);
    drop(servers);
}
