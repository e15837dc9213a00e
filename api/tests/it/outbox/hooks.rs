//! Web-hooks: signed, in order, again and again until they are taken, and never inside one's own network.

use aws_lc_rs::hmac;
use chrono::TimeDelta;
use entity::{hook_event, message::Occasion};
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Value, json};

use super::{
    guest,
    receivers::{Post, Receiver, Turn},
    tell,
};
use crate::app::{Festival, TestApp, on_both};

/// The same service, which may call its own machine.
async fn open(app: &TestApp) -> TestApp {
    app.with(&["--webhooks-private", "true", "--send-timeout", "1"]).await
}

async fn hook(app: &TestApp, receiver: &Receiver, occasions: &[&str]) -> (String, String) {
    let input =
        json!({"organisationId": app.root_id(), "url": receiver.hook(), "occasions": occasions});
    let made = app.organiser().run("create_webhook", json!({"input": input})).await;
    let made = &made["createWebhook"];
    assert_eq!(made["userErrors"], json!([]));
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    (text(&made["webhook"]["id"]), text(&made["secret"]))
}

/// What a receiver does with a post before it believes it.
fn verified(post: &Post, secret: &str) -> bool {
    let Some((time, hex)) = post.signature.strip_prefix("t=").and_then(|it| it.split_once(",v1="))
    else {
        return false;
    };
    let tag: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, format!("{time}.{}", post.body).as_bytes(), &tag).is_ok()
}

async fn events(app: &TestApp) -> Vec<hook_event::Model> {
    let query = hook_event::Entity::find().order_by_asc(hook_event::Column::Id);
    query.all(app.app.db.read()).await.unwrap()
}

/// An activity with one guest.
async fn party(app: &TestApp) -> (Festival, String) {
    let festival = app.festival(None, &[]).await;
    let id = guest(app, &festival, "张三丰", "13800000001").await;
    (festival, id)
}

on_both! {
    async fn an_event_arrives_with_a_signature(app) {
        let receiver = Receiver::open().await;
        let app = open(&app).await;
        let (festival, id) = party(&app).await;
        let (_, secret) = hook(&app, &receiver, &["CONFIRMED"]).await;
        tell(&app, &festival, Occasion::Confirmed).await;
        tell(&app, &festival, Occasion::Cancelled).await;
        app.work().await;
        let posts = receiver.posts();
        assert_eq!(posts.len(), 1, "{posts:?}");
        assert!(verified(&posts[0], &secret));
        assert!(!verified(&posts[0], "another"));
        assert!(posts[0].signature.starts_with(&format!("t={},", app.now().timestamp())));
        let event = events(&app).await.remove(0);
        assert_eq!(posts[0].json(), json!({
            "id": api::graphql::Gid(event.id).to_string(), "sequence": 1, "occasion": "CONFIRMED", "at": app.now(),
            "activityId": festival.activity, "registrations": [{"id": id, "status": "CONFIRMED"}],
        }));
        assert_eq!(posts[0].event, posts[0].json()["id"]);
        assert!(!posts[0].body.contains("张三丰") && !posts[0].body.contains("13800000001"));
        let listed = app.organiser().run("webhooks", json!({"organisationId": app.root_id()})).await;
        let node = &listed["webhooks"]["edges"][0]["node"];
        assert_eq!(node["events"]["nodes"][0]["state"], "DELIVERED");
        assert!(!listed.to_string().contains(&secret));
    }

    async fn a_receiver_that_is_down_gets_everything_in_order_when_it_is_back(app) {
        let mut receiver = Receiver::open().await;
        let app = open(&app).await;
        let (festival, _) = party(&app).await;
        hook(&app, &receiver, &["CONFIRMED", "WAITLISTED", "REMINDER"]).await;
        receiver.close().await;
        let all = [Occasion::Confirmed, Occasion::Waitlisted, Occasion::Reminder];
        for occasion in all {
            tell(&app, &festival, occasion).await;
            app.work().await;
        }
        for _ in 0..5 {
            *app.clock() += TimeDelta::minutes(30);
            app.work().await;
        }
        let waiting = events(&app).await;
        assert!(waiting.iter().all(|it| it.state == hook_event::State::Queued));
        // Only the first is tried, so that none overtakes it.
        assert_eq!(waiting.iter().map(|it| it.attempts).collect::<Vec<_>>(), [6, 0, 0]);
        assert_eq!(waiting[0].last_error.as_deref(), Some("CONNECT"));
        receiver.reopen().await;
        receiver.behave(Turn::Answer(503));
        *app.clock() += TimeDelta::hours(1);
        app.work().await;
        assert_eq!(events(&app).await[0].last_error.as_deref(), Some("HTTP_503"));
        receiver.behave(Turn::Take(std::time::Duration::ZERO));
        *app.clock() += TimeDelta::hours(1);
        app.work().await;
        let posts: Vec<Value> = receiver.posts().iter().map(Post::json).collect();
        let told: Vec<_> = posts.iter().map(|it| (it["sequence"].clone(), it["occasion"].clone())).collect();
        assert_eq!(told, [(json!(1), json!("CONFIRMED")), (json!(2), json!("WAITLISTED")), (json!(3), json!("REMINDER"))]);
        assert_eq!(app.work().await, 0);
    }

    async fn an_event_that_nobody_takes_for_three_days_is_given_up_and_the_next_one_told(app) {
        let receiver = Receiver::open().await;
        let app = open(&app).await;
        let (festival, _) = party(&app).await;
        hook(&app, &receiver, &["CONFIRMED"]).await;
        receiver.behave(Turn::Answer(500));
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        *app.clock() += TimeDelta::days(3);
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        receiver.behave(Turn::Take(std::time::Duration::ZERO));
        *app.clock() += TimeDelta::hours(1);
        app.work().await;
        let states: Vec<_> = events(&app).await.iter().map(|it| (it.state, it.sequence)).collect();
        assert_eq!(states, [(hook_event::State::Failed, Some(1)), (hook_event::State::Delivered, Some(2))]);
        assert_eq!(receiver.posts().len(), 1);
    }

    async fn what_is_posted_again_is_the_same(app) {
        let receiver = Receiver::open().await;
        let app = open(&app).await;
        let (festival, _) = party(&app).await;
        let (_, secret) = hook(&app, &receiver, &["CONFIRMED"]).await;
        receiver.behave(Turn::TakeInSilence);
        tell(&app, &festival, Occasion::Confirmed).await;
        app.work().await;
        receiver.behave(Turn::Take(std::time::Duration::ZERO));
        *app.clock() += TimeDelta::minutes(1);
        app.work().await;
        let posts = receiver.posts();
        assert_eq!(posts.len(), 2);
        assert_eq!(posts[0].body, posts[1].body);
        assert_ne!(posts[0].signature, posts[1].signature, "the time is signed");
        assert!(verified(&posts[1], &secret));
    }

    async fn a_disabled_one_is_told_nothing_more(app) {
        let receiver = Receiver::open().await;
        let app = open(&app).await;
        let (festival, _) = party(&app).await;
        let (id, _) = hook(&app, &receiver, &["CONFIRMED"]).await;
        tell(&app, &festival, Occasion::Confirmed).await;
        let disable = || app.organiser().run("disable_webhook", json!({"input": {"webhookId": id}}));
        assert!(disable().await["disableWebhook"]["webhook"]["disabledAt"].is_string());
        tell(&app, &festival, Occasion::Confirmed).await;
        assert_eq!(app.work().await, 0);
        assert!(receiver.posts().is_empty());
        let all = events(&app).await;
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].state, all[0].last_error.as_deref()), (hook_event::State::Failed, Some("DISABLED")));
        assert_eq!(disable().await["disableWebhook"]["userErrors"][0]["code"], "ALREADY_DISABLED");
    }

    async fn a_hook_hears_of_what_is_below_its_organisation_and_of_nothing_else(app) {
        let receiver = Receiver::open().await;
        let app = open(&app).await;
        let (festival, _) = party(&app).await;
        let input = json!({"parentId": app.root_id(), "kind": "CHAMBER", "name": "鞋革行业协会"});
        let made = app.organiser().run("create_organisation", json!({"input": input})).await;
        let below = &made["createOrganisation"]["organisation"]["id"];
        let input = json!({"organisationId": below, "url": receiver.hook(), "occasions": ["CONFIRMED"]});
        app.organiser().run("create_webhook", json!({"input": input})).await;
        tell(&app, &festival, Occasion::Confirmed).await;
        assert!(events(&app).await.is_empty());
    }

    async fn the_secret_is_shown_to_who_made_it(app) {
        let input = json!({
            "organisationId": app.root_id(), "url": "https://example.org/hook", "occasions": ["CONFIRMED", "CONFIRMED"],
            "idempotencyKey": "一次",
        });
        let make = || app.organiser().run("create_webhook", json!({"input": input}));
        let first = make().await["createWebhook"].take();
        assert_eq!(first["webhook"]["occasions"], json!(["CONFIRMED"]));
        assert_eq!(first["secret"].as_str().unwrap().len(), 43);
        let again = make().await["createWebhook"].take();
        assert_eq!(again, first);
        let listed = app.organiser().run("webhooks", json!({"organisationId": app.root_id()})).await;
        assert!(!listed.to_string().contains(first["secret"].as_str().unwrap()));
    }

    async fn addresses_inside_are_refused(app) {
        let make = async |url: &str, occasions: &[&str]| {
            let input = json!({"organisationId": app.root_id(), "url": url, "occasions": occasions});
            let made = app.organiser().run("create_webhook", json!({"input": input})).await;
            made["createWebhook"]["userErrors"][0]["code"].clone()
        };
        for url in ["http://example.org/", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/", "https://localhost/", "example.org", ""] {
            assert_eq!(make(url, &["CONFIRMED"]).await, "URL_UNFIT", "{url}");
        }
        assert_eq!(make("https://example.org/", &[]).await, "OCCASION_MISSING");
        let long = format!("https://example.org/{}", "a".repeat(500));
        assert_eq!(make(&long, &["CONFIRMED"]).await, "TOO_LONG");
        assert_eq!(app.count("SELECT count(*) FROM webhook").await, 0);
        for _ in 0..10 {
            assert_eq!(make("https://example.org/", &["CONFIRMED"]).await, json!(null));
        }
        assert_eq!(make("https://example.org/", &["CONFIRMED"]).await, "TOO_MANY");
        assert_eq!(app.count("SELECT count(*) FROM webhook").await, 10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_turns_out_to_be_inside_is_not_called() {
    let app = TestApp::sqlite().await;
    let receiver = Receiver::open().await;
    let own = open(&app).await;
    let (festival, _) = party(&own).await;
    hook(&own, &receiver, &["CONFIRMED"]).await;
    // As if the name had changed its address since it was looked at.
    let url = receiver.hook().replace("http://127.0.0.1", "https://ip6-localhost");
    own.by_hand(async |tx| {
        use sea_orm::ConnectionTrait;
        tx.execute_unprepared(&format!("UPDATE webhook SET url = '{url}'")).await?;
        Ok(())
    })
    .await;
    tell(&app, &festival, Occasion::Confirmed).await;
    app.work().await;
    let event = events(&app).await.remove(0);
    assert_eq!((event.attempts, event.last_error.as_deref()), (1, Some("CONNECT")));
    assert!(receiver.posts().is_empty());
}
