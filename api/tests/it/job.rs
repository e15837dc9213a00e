//! Background jobs: each is done once at a time, whatever dies, and what fails is tried again later.

use std::sync::Arc;

use api::{
    account::grant::Over,
    app::App,
    error::Failure,
    job::{
        self, Queue,
        run::{MOST_ATTEMPTS, claim, pause, settle, work},
    },
};
use axum::{body::Body, http::Request};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    job::{Kind, Model, State},
    role_grant::Role,
};
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Value, json};

use crate::{
    app::{TestApp, on_both},
    fixture::failed_job,
};

/// Something that can be done any number of times.
async fn ask(app: &TestApp, key: Option<&str>, due_at: DateTime<Utc>) {
    let (key, now) = (key.map(str::to_owned), app.now());
    app.by_hand(async |tx| job::enqueue(tx, Kind::KeepHouse, json!({}), key, due_at, now).await)
        .await;
}

/// Something that nobody can do.
async fn ask_in_vain(app: &TestApp) {
    let now = app.now();
    app.by_hand(async |tx| job::enqueue(tx, Kind::Bulk, json!({}), None, now, now).await).await;
}

async fn all(app: &TestApp) -> Vec<Model> {
    let query = entity::job::Entity::find().order_by_asc(entity::job::Column::Id);
    query.all(app.app.db.read()).await.unwrap()
}

async fn the_one(app: &TestApp) -> Model {
    let mut all = all(app).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

async fn begun(app: &Arc<App>) -> Option<Model> {
    claim(app, &[Kind::KeepHouse, Kind::Bulk, Kind::Lapse]).await.unwrap()
}

on_both! {
    async fn a_job_is_done_when_it_is_due(app) {
        let now = app.now();
        ask(&app, Some("甲"), now + TimeDelta::minutes(5)).await;
        assert_eq!(app.work().await, 0);
        assert_eq!(the_one(&app).await.state, State::Waiting);
        *app.clock() = now + TimeDelta::minutes(5);
        assert_eq!(app.work().await, 1);
        let done = all(&app).await.remove(0);
        assert_eq!((done.state, done.attempts), (State::Done, 1));
        assert_eq!(done.finished_at, Some(app.now()));
        assert_eq!(app.work().await, 0);
    }

    async fn the_house_is_kept_every_hour_by_one_job(app) {
        for _ in 0..3 {
            api::housekeeping::begin(&app.app).await.unwrap();
        }
        assert_eq!(app.work().await, 1);
        assert_eq!(app.work().await, 0);
        let next = the_one(&app).await;
        assert_eq!((next.state, next.due_at), (State::Waiting, app.now() + TimeDelta::hours(1)));
        *app.clock() += TimeDelta::minutes(59);
        assert_eq!(app.work().await, 0);
        *app.clock() += TimeDelta::minutes(1);
        assert_eq!(app.work().await, 1);
    }

    async fn the_same_key_is_one_job_and_the_earlier_time_wins(app) {
        let now = app.now();
        let at = |minutes| now + TimeDelta::minutes(minutes);
        ask(&app, Some("甲"), at(30)).await;
        ask(&app, Some("甲"), at(50)).await;
        assert_eq!(the_one(&app).await.due_at, at(30));
        ask(&app, Some("甲"), at(20)).await;
        assert_eq!(the_one(&app).await.due_at, at(20));
        // Another key is another job, and without one each is its own.
        ask(&app, Some("乙"), at(20)).await;
        ask(&app, None, at(20)).await;
        ask(&app, None, at(20)).await;
        assert_eq!(all(&app).await.len(), 4);
        // What ended stands in nobody's way.
        *app.clock() = at(20);
        app.work().await;
        ask(&app, Some("甲"), at(40)).await;
        let waiting = all(&app).await.into_iter().filter(|it| it.state == State::Waiting && it.key.as_deref() == Some("甲"));
        assert_eq!(waiting.count(), 1);
    }

    async fn what_is_asked_for_during_a_run_is_done_after_it(app) {
        let now = app.now();
        ask(&app, Some("甲"), now).await;
        let run = begun(&app.app).await.unwrap();
        ask(&app, Some("甲"), now + TimeDelta::minutes(9)).await;
        ask(&app, Some("甲"), now + TimeDelta::minutes(3)).await;
        let under_way = the_one(&app).await;
        assert_eq!((under_way.state, under_way.due_at), (State::Running, now));
        settle(&app.app.db, &run, Ok(()), now).await.unwrap();
        let again = the_one(&app).await;
        assert_eq!((again.state, again.due_at), (State::Waiting, now + TimeDelta::minutes(3)));
        assert_eq!((again.attempts, again.finished_at, again.again_at), (0, None, None));
    }

    async fn what_is_rolled_back_asked_for_nothing(app) {
        let now = app.now();
        let gone: Result<(), Failure> = async {
            let done: Result<(), api::error::Error<api::account::AccountErrorCode>> = app.app.db
                .by_command("Test", now, async |tx| {
                    job::enqueue(tx, Kind::KeepHouse, json!({}), None, now, now).await?;
                    Err(Failure::NotFound.into())
                })
                .await;
            assert!(done.is_err());
            Ok(())
        }.await;
        gone.unwrap();
        assert!(all(&app).await.is_empty());
    }

    async fn a_lease_that_lapsed_is_taken_over_and_the_late_one_says_nothing(app) {
        let now = app.now();
        ask(&app, None, now).await;
        let dead = begun(&app.app).await.unwrap();
        let second = app.second().await;
        let lease = TimeDelta::seconds(60);
        assert_eq!(dead.leased_until, Some(now + lease));
        *app.clock() = now + lease - TimeDelta::microseconds(1);
        assert!(begun(&second).await.is_none());
        *app.clock() = now + lease;
        let taken = begun(&second).await.unwrap();
        assert_eq!((taken.id, taken.attempts), (dead.id, 2));
        assert_ne!(taken.lease, dead.lease);
        // The first was only slow; what it says of its run counts no more.
        settle(&app.app.db, &dead, Err(Failure::NotFound), app.now()).await.unwrap();
        assert_eq!(the_one(&app).await, taken);
        settle(&second.db, &taken, Ok(()), app.now()).await.unwrap();
        assert_eq!(the_one(&app).await.state, State::Done);
        assert!(begun(&app.app).await.is_none());
    }

    async fn a_job_that_kills_its_servers_is_given_up(app) {
        ask(&app, None, app.now()).await;
        for nth in 1..=MOST_ATTEMPTS {
            assert_eq!(begun(&app.app).await.unwrap().attempts, nth);
            *app.clock() += TimeDelta::seconds(60);
        }
        ask(&app, None, app.now()).await;
        assert_eq!(begun(&app.app).await.unwrap().attempts, 1, "the next is not kept waiting");
        let given_up = all(&app).await.remove(0);
        assert_eq!(given_up.state, State::Failed);
        assert_eq!(given_up.last_error.as_deref(), Some("SERVER_DIED"));
    }

    async fn what_fails_is_tried_again_later_and_later_and_then_given_up(app) {
        let now = app.now();
        ask_in_vain(&app).await;
        let mut waits = Vec::new();
        loop {
            assert_eq!(app.work().await, 1);
            let it = the_one(&app).await;
            assert_eq!(it.last_error.as_deref(), Some("INTERNAL_SERVER_ERROR"));
            if it.state == State::Failed {
                assert_eq!((it.attempts, it.finished_at), (MOST_ATTEMPTS, Some(app.now())));
                break;
            }
            assert_eq!(it.due_at - app.now(), pause(it.attempts));
            waits.push((it.due_at - app.now()).num_seconds());
            *app.clock() = it.due_at - TimeDelta::microseconds(1);
            assert_eq!(app.work().await, 0, "too early");
            *app.clock() = it.due_at;
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1280]);
        *app.clock() = now + TimeDelta::days(10);
        assert_eq!(app.work().await, 0);
    }

    async fn several_servers_do_each_job_once(app) {
        const JOBS: usize = 60;
        for _ in 0..JOBS {
            ask(&app, None, app.now()).await;
        }
        // On SQLite a second server is no way to run it, but it must be right all the same.
        let (second, third) = (app.second().await, app.second().await);
        let (one, two, three) = tokio::join!(work(&app.app), work(&second), work(&third));
        assert_eq!(one.unwrap() + two.unwrap() + three.unwrap(), JOBS);
        let all = all(&app).await;
        let done: Vec<_> = all.iter().filter(|it| it.state == State::Done).collect();
        assert_eq!(done.len(), JOBS);
        assert!(done.iter().all(|it| it.attempts == 1));
    }

    async fn what_ended_long_ago_is_dropped(app) {
        let now = app.now();
        failed_job(&app).await;
        ask(&app, None, now).await;
        app.work().await;
        let states = || async {
            let mut all: Vec<State> = all(&app).await.into_iter().map(|it| it.state).collect();
            all.sort();
            all
        };
        assert_eq!(states().await, [State::Waiting, State::Done, State::Failed]);
        // Each hour's work is a job itself, so the newest is always there.
        *app.clock() = now + TimeDelta::days(7) + TimeDelta::hours(2);
        app.work().await;
        assert_eq!(states().await, [State::Waiting, State::Failed]);
        *app.clock() = now + TimeDelta::days(91);
        app.work().await;
        assert_eq!(states().await, [State::Waiting]);
    }

    async fn jobs_are_listed_and_retried_by_the_platforms_administrator(app) {
        let id = failed_job(&app).await;
        let platform = app.account(Role::PlatformAdmin, Over::Organisation(app.root)).await;
        let failed = json!({"filter": {"state": ["FAILED"], "kind": ["BULK"]}});
        let listed = platform.run("jobs", failed).await["jobs"].take();
        assert_eq!(listed["edges"].as_array().unwrap().len(), 1);
        let node = &listed["edges"][0]["node"];
        assert_eq!((&node["id"], &node["kind"], &node["attempts"]), (&json!(id), &json!("BULK"), &json!(MOST_ATTEMPTS)));
        let waiting = platform.run("jobs", json!({"filter": {"state": ["WAITING"]}})).await;
        assert_eq!(waiting["jobs"]["edges"], json!([]));

        let retry = || platform.run("retry_job", json!({"input": {"jobId": id}}));
        let done = retry().await;
        assert_eq!(done["retryJob"]["job"]["state"], "WAITING");
        assert_eq!(done["retryJob"]["job"]["attempts"], 0);
        // Now it waits, and is no failed one.
        let before = the_one(&app).await;
        assert_eq!(retry().await["retryJob"]["userErrors"][0]["code"], "NOT_FAILED");
        assert_eq!(the_one(&app).await, before);
        assert_eq!(app.work().await, 1);
    }

    async fn a_retry_does_not_double_what_waits(app) {
        let now = app.now();
        let ask = async || {
            let key = Some("甲".to_owned());
            app.by_hand(async |tx| job::enqueue(tx, Kind::Bulk, json!({}), key, now, now).await).await;
        };
        ask().await;
        while app.work().await > 0 {
            *app.clock() += TimeDelta::hours(1);
        }
        let id = api::graphql::Gid(the_one(&app).await.id).to_string();
        ask().await;
        let before = all(&app).await;
        let platform = app.account(Role::PlatformAdmin, Over::Organisation(app.root)).await;
        let done = platform.run("retry_job", json!({"input": {"jobId": id}})).await;
        assert_eq!(done["retryJob"]["userErrors"][0]["code"], "ALREADY_WAITING");
        assert_eq!(all(&app).await, before);
    }

    async fn the_queue_is_in_the_metrics(app) {
        let now = app.now();
        failed_job(&app).await;
        ask(&app, None, now).await;
        ask(&app, None, now + TimeDelta::seconds(30)).await;
        ask(&app, None, now + TimeDelta::days(1)).await;
        *app.clock() = now + TimeDelta::seconds(90);
        let queue = Queue::look(app.app.db.read(), app.now()).await.unwrap();
        assert_eq!(queue, Queue { due: 2, oldest: Some(now), failed: 1 });
        app.app.metrics.queue(&queue, app.now());
        let answer = app.anonymous().request(Request::get("/metrics"), Body::empty()).await;
        let text = String::from_utf8(answer.body).unwrap();
        for line in ["qinglan_jobs_due 2", "qinglan_jobs_oldest_due_seconds 90", "qinglan_jobs_failed 1"] {
            assert!(text.lines().any(|it| it == line), "{line}: {text}");
        }
    }
}

#[tokio::test]
async fn jobs_show_nothing_of_what_they_are_about() {
    let app = TestApp::sqlite().await;
    failed_job(&app).await;
    let platform = app.account(Role::PlatformAdmin, Over::Organisation(app.root)).await;
    let listed = platform.run("jobs", json!({})).await;
    let node: &serde_json::Map<String, Value> =
        listed["jobs"]["edges"][0]["node"].as_object().unwrap();
    assert!(!node.contains_key("about"));
}
