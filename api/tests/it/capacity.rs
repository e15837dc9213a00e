//! Seats under rivals: never more than there are, never fewer than could be had, and the pools always tell the truth.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{Client, Festival, document, on_both},
    lists,
    server::on_both_servers,
};

const SEATS: i32 = 100;
const CLIENTS: usize = 400;

/// How often a race is run. `QINGLAN_RUNS=20` is what the project promises; three keep CI quick.
fn runs() -> usize {
    #[expect(clippy::disallowed_methods, reason = "the tests' own configuration")]
    let asked = std::env::var("QINGLAN_RUNS").ok();
    asked.map_or(3, |it| it.parse().unwrap())
}

/// Pools whose count is not what a recount of the registrations gives.
const WRONG_POOLS: &str = "SELECT count(*) FROM capacity_pool p WHERE p.taken <> (
    SELECT count(*) FROM registration r WHERE r.activity_id = p.activity_id
    AND (p.category_id IS NULL OR r.category_id = p.category_id)
    AND (p.organisation_id IS NULL OR r.allocation_id = p.id) AND r.status IN ('CONFIRMED', 'OFFERED'))";

fn register(festival: &Festival, nth: usize, category: Option<&str>) -> Value {
    let person = json!({"name": lists::name(nth), "phone": lists::phone(nth)});
    json!({"input": {"activityId": festival.activity, "person": person, "category": category}})
}

/// The same, from a device that sends it again if it gets no answer in time.
fn register_once(festival: &Festival, nth: usize, category: Option<&str>) -> Value {
    let mut variables = register(festival, nth, category);
    variables["input"]["idempotencyKey"] = json!(format!("{} {nth}", festival.activity));
    variables
}

/// The status of who was registered; none where the server was too busy, which it says in order, and it is to be sent
/// again.
fn status(answer: &Value) -> Option<String> {
    if let Some(error) = answer["errors"].get(0) {
        let busy = error["extensions"]["code"] == "CONFLICT"
            || error["message"].as_str().is_some_and(|it| it.contains("处理超时"));
        assert!(busy, "{answer}");
        return None;
    }
    assert_eq!(answer["data"]["registerAttendee"]["userErrors"], json!([]));
    answer["data"]["registerAttendee"]["registration"]["status"].as_str().map(str::to_owned)
}

/// All at once; the statuses that they got.
async fn race(
    client: &Client,
    festival: &Festival,
    category: fn(usize) -> Option<&'static str>,
) -> Vec<String> {
    let mut racing = JoinSet::new();
    let gate = Arc::new(tokio::sync::Barrier::new(CLIENTS));
    for nth in 0..CLIENTS {
        let (client, gate) = (client.clone(), gate.clone());
        let input = register_once(festival, nth, category(nth));
        racing.spawn(async move {
            gate.wait().await;
            let document = document("register_attendee");
            loop {
                let done = client.send(&document, input.clone()).await;
                if let Some(status) = status(&done) {
                    return status;
                }
            }
        });
    }
    racing.join_all().await
}

fn count(statuses: &[String], status: &str) -> usize {
    statuses.iter().filter(|it| *it == status).count()
}

on_both! {
    async fn four_hundred_at_once_take_exactly_a_hundred_seats(app) {
        for run in 1..=runs() {
            let festival = app.festival(Some(SEATS), &[]).await;
            let statuses = race(app.organiser(), &festival, |_| None).await;
            assert_eq!(count(&statuses, "CONFIRMED"), 100, "run {run}");
            assert_eq!(count(&statuses, "WAITLISTED"), 300, "run {run}");
            assert_eq!(festival.seats_taken(&app).await, 100);
            assert_eq!(app.count(WRONG_POOLS).await, 0);
        }
    }

    async fn a_category_that_is_full_leaves_the_seats_of_the_others(app) {
        for run in 1..=runs() {
            let festival = app.festival(Some(SEATS), &[("企业家", Some(30)), ("嘉宾", None)]).await;
            let category = |nth: usize| Some(if nth.is_multiple_of(2) { "企业家" } else { "嘉宾" });
            let statuses = race(app.organiser(), &festival, category).await;
            assert_eq!(count(&statuses, "CONFIRMED"), 100, "run {run}");
            assert_eq!(count(&statuses, "WAITLISTED"), 300, "run {run}");
            let document = "query($id: ID!) { activity(id: $id) { seatsTaken categories { name seatsTaken } } }";
            let data = app.organiser().ask(document, json!({"id": festival.activity})).await;
            let of = |at: usize| data["activity"]["categories"][at]["seatsTaken"].as_i64().unwrap();
            assert!(of(0) <= 30, "{data}");
            assert_eq!(of(0) + of(1), 100);
            assert_eq!(app.count(WRONG_POOLS).await, 0);
        }
    }

    async fn one_person_registered_by_many_at_once_is_registered_once(app) {
        let festival = app.festival(Some(10), &[]).await;
        let mut racing = JoinSet::new();
        for _ in 0..24 {
            let (client, input) = (app.organiser().clone(), register(&festival, 7, None));
            racing.spawn(async move { client.run("register_attendee", input).await["registerAttendee"].take() });
        }
        let done = racing.join_all().await;
        let (made, refused): (Vec<_>, Vec<_>) = done.iter().partition(|it| it["registration"].is_object());
        assert_eq!(made.len(), 1);
        assert!(refused.iter().all(|it| it["userErrors"][0]["code"] == "ALREADY_REGISTERED"));
        assert_eq!(festival.seats_taken(&app).await, 1);
        assert_eq!(app.count("SELECT count(*) FROM person").await, 1);
        assert_eq!(app.count(WRONG_POOLS).await, 0);
    }

    async fn cancelling_frees_one_seat_once(app) {
        let festival = app.festival(Some(2), &[]).await;
        let first = festival.register(&app, "张一", &lists::phone(1)).await;
        let second = festival.register(&app, "张二", &lists::phone(2)).await;
        let third = festival.register(&app, "张三丰", &lists::phone(3)).await;
        assert_eq!([first.status, second.status, third.status], ["CONFIRMED", "CONFIRMED", "WAITLISTED"]);

        let input = json!({"input": {"registrationId": first.registration}});
        let mut racing = JoinSet::new();
        for _ in 0..8 {
            let (client, input) = (app.organiser().clone(), input.clone());
            racing.spawn(async move { client.run("cancel_registration", input).await["cancelRegistration"].take() });
        }
        let done = racing.join_all().await;
        assert_eq!(done.iter().filter(|it| it["registration"]["status"] == "CANCELLED").count(), 1);
        assert_eq!(done.iter().filter(|it| it["userErrors"][0]["code"] == "NOT_LIVE").count(), 7);
        // The one seat is offered to the one who waits, in the same transaction.
        assert_eq!(festival.seats_taken(&app).await, 2);
        let asked = json!({"id": third.registration});
        assert_eq!(app.organiser().run("registration", asked).await["registration"]["status"], "OFFERED");

        let fourth = festival.register(&app, "张四", &lists::phone(4)).await;
        let fifth = festival.register(&app, "张五", &lists::phone(5)).await;
        assert_eq!([&fourth.status, &fifth.status], ["WAITLISTED", "WAITLISTED"]);
        // Whoever only waits has no seat to free.
        let input = json!({"input": {"registrationId": fourth.registration}});
        app.organiser().run("cancel_registration", input).await;
        assert_eq!(festival.seats_taken(&app).await, 2);
        let asked = json!({"id": fifth.registration});
        assert_eq!(app.organiser().run("registration", asked).await["registration"]["status"], "WAITLISTED");
        // Whoever was cancelled can be registered anew.
        assert_eq!(festival.register(&app, "张一", &lists::phone(1)).await.status, "WAITLISTED");
        assert_eq!(app.count(WRONG_POOLS).await, 0);
    }

    async fn seats_freed_while_others_register_are_taken_and_none_is_taken_twice(app) {
        let festival = Arc::new(app.festival(Some(50), &[]).await);
        let mut there = Vec::new();
        for nth in 0..50 {
            there.push(festival.register(&app, &lists::name(nth), &lists::phone(nth)).await);
        }
        let mut racing = JoinSet::new();
        for (nth, ticket) in there.into_iter().enumerate() {
            let client = app.organiser().clone();
            racing.spawn(async move {
                let input = json!({"input": {"registrationId": ticket.registration}});
                client.run("cancel_registration", input).await;
            });
            let (client, input) = (app.organiser().clone(), register(&festival, 1000 + nth, None));
            racing.spawn(async move {
                client.run("register_attendee", input).await;
            });
        }
        racing.join_all().await;
        let seated = "SELECT count(*) FROM registration WHERE status IN ('CONFIRMED', 'OFFERED')";
        assert_eq!(app.count(seated).await, 50, "a seat is free though somebody waits for one");
        assert_eq!(festival.seats_taken(&app).await, 50);
        assert_eq!(app.count(WRONG_POOLS).await, 0);
    }

    async fn no_order_of_writes_blocks_another_or_miscounts(app) {
        for run in 0..runs().div_ceil(3) as u64 {
            let festival = app.festival(Some(40), &[("企业家", Some(25)), ("嘉宾", None)]).await;
            let other = app.festival(Some(15), &[("企业家", None), ("嘉宾", Some(10))]).await;
            let festivals = Arc::new([festival, other]);
            let mut working = JoinSet::new();
            for worker in 0..8 {
                let (client, festivals) = (app.organiser().clone(), festivals.clone());
                working.spawn(async move { muddle(&client, &festivals[..], Random(8 * run + worker)).await });
            }
            let done = tokio::time::timeout(Duration::from_secs(90), working.join_all());
            done.await.expect("the writers block each other");
            assert_eq!(app.count(WRONG_POOLS).await, 0, "run {run}");
            assert!(app.count("SELECT count(*) FROM registration WHERE status = 'CONFIRMED'").await > 0);
        }
    }
}

/// A small generator, so that a run can be repeated: `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }
}

/// Registers, cancels, imports, undoes and resizes in no order. Refusals are as well; errors are not.
async fn muddle(client: &Client, festivals: &[Festival], mut random: Random) {
    let mut mine: Vec<String> = Vec::new();
    for _ in 0..14 {
        let festival = &festivals[random.below(festivals.len())];
        let category = [None, Some("企业家"), Some("嘉宾")][random.below(3)];
        match random.below(10) {
            0..=3 => {
                let done = client
                    .run("register_attendee", register(festival, random.below(60), category))
                    .await;
                mine.extend(
                    done["registerAttendee"]["registration"]["id"].as_str().map(str::to_owned),
                );
            }
            4..=6 if !mine.is_empty() => {
                let id = mine.swap_remove(random.below(mine.len()));
                client.run("cancel_registration", json!({"input": {"registrationId": id}})).await;
            }
            7 => {
                let size = 10 + random.below(60);
                let document = "mutation($input: SetCapacityInput!) { setCapacity(input: $input) { userErrors { code } } }";
                let input = json!({"activityId": festival.activity, "category": category, "capacity": size});
                client.ask(document, json!({"input": input})).await;
            }
            _ => {
                let from = random.below(50);
                let batch = stage(client, festival, &lists::list(from..from + 20)).await;
                let input = json!({"input": {"batchId": batch, "category": category}});
                let done = client.run("commit_roster", input).await;
                assert_eq!(done["commitRoster"]["userErrors"], json!([]));
                if random.below(3) == 0 {
                    client.run("undo_roster", json!({"input": {"batchId": batch}})).await;
                }
            }
        }
    }
}

/// Uploads and stages a list; the id of the batch.
async fn stage(client: &Client, festival: &Festival, list: &str) -> String {
    let upload = client.upload("list.csv", list.as_bytes()).await;
    let input = json!({"activityId": festival.activity, "uploadId": upload, "profile": "EVENT", "eventDate": "2019-11-01"});
    let done = client.ask(&document("stage_roster"), json!({"input": input})).await;
    done["stageRoster"]["batch"]["id"].as_str().unwrap().to_owned()
}

on_both_servers! {
    async fn four_hundred_connections_take_exactly_a_hundred_seats(home) {
        let (server, organiser) = home.open().await;
        for run in 1..=runs() {
            let festival = organiser.festival(Some(SEATS)).await;
            let mut racing = JoinSet::new();
            let gate = Arc::new(tokio::sync::Barrier::new(CLIENTS));
            for nth in 0..CLIENTS {
                let (client, gate) = (organiser.at(&server), gate.clone());
                let input = register_once(&festival, nth, None);
                racing.spawn(async move {
                    gate.wait().await;
                    let document = document("register_attendee");
                    loop {
                        let done = client.send(&document, input.clone()).await.unwrap();
                        if let Some(status) = status(&done) {
                            return status;
                        }
                    }
                });
            }
            let statuses = racing.join_all().await;
            assert_eq!(count(&statuses, "CONFIRMED"), 100, "run {run}");
            assert_eq!(count(&statuses, "WAITLISTED"), 300, "run {run}");
            assert_eq!(home.count(WRONG_POOLS).await, 0);
        }
    }
}
