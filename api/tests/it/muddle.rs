//! Hundreds of acts in no order, by many at once: whatever comes first, no pool is over its size at any commit, and a
//! recount finds nothing.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use api::capacity::recount;
use chrono::TimeDelta;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{Client, TestApp, document, on_both},
    fixture::text,
    lists,
};

/// One thing that somebody does. Numbers choose among what is there by then.
#[derive(Clone, Debug)]
enum Act {
    Register { who: usize, category: usize, allocated: bool },
    Recommend { who: usize, chamber: usize, category: usize },
    Invite { who: usize, category: usize },
    WalkIn { who: usize },
    Answer { which: usize, comes: bool },
    Cancel { which: usize },
    Revive { which: usize },
    Replace { which: usize, who: usize },
    Move { which: usize, category: usize },
    Offer { which: usize, instead_of: usize },
    Prefer { which: usize, priority: i32 },
    Resize { category: usize, size: i32 },
    SetAside { chamber: usize, category: usize, seats: i32, minutes: i64 },
    Release { which: usize },
    CancelMany { from: usize, count: usize },
    Import { from: usize, category: usize },
    TimePasses { minutes: i64 },
}

const PEOPLE: usize = 60;

fn act() -> impl Strategy<Value = Act> {
    let (who, which, category) = (0..PEOPLE, 0_usize..10_000, 0_usize..3);
    prop_oneof![
        6 => (who.clone(), category.clone(), any::<bool>())
            .prop_map(|(who, category, allocated)| Act::Register { who, category, allocated }),
        4 => (who.clone(), 0_usize..2, category.clone())
            .prop_map(|(who, chamber, category)| Act::Recommend { who, chamber, category }),
        3 => (who.clone(), category.clone()).prop_map(|(who, category)| Act::Invite { who, category }),
        2 => who.clone().prop_map(|who| Act::WalkIn { who }),
        6 => (which.clone(), any::<bool>()).prop_map(|(which, comes)| Act::Answer { which, comes }),
        5 => which.clone().prop_map(|which| Act::Cancel { which }),
        2 => which.clone().prop_map(|which| Act::Revive { which }),
        2 => (which.clone(), who.clone()).prop_map(|(which, who)| Act::Replace { which, who }),
        3 => (which.clone(), category.clone()).prop_map(|(which, category)| Act::Move { which, category }),
        2 => (which.clone(), which.clone()).prop_map(|(which, instead_of)| Act::Offer { which, instead_of }),
        1 => (which.clone(), -2_i32..3).prop_map(|(which, priority)| Act::Prefer { which, priority }),
        2 => (category.clone(), 4_i32..24).prop_map(|(category, size)| Act::Resize { category, size }),
        3 => (0_usize..2, category.clone(), 0_i32..8, 10_i64..200)
            .prop_map(|(chamber, category, seats, minutes)| Act::SetAside { chamber, category, seats, minutes }),
        1 => which.clone().prop_map(|which| Act::Release { which }),
        1 => (which, 2_usize..8).prop_map(|(from, count)| Act::CancelMany { from, count }),
        1 => (who, category).prop_map(|(from, category)| Act::Import { from, category }),
        2 => (5_i64..60).prop_map(|minutes| Act::TimePasses { minutes }),
    ]
}

/// What all of them work on.
struct Ground {
    app: TestApp,
    activity: String,
    session: String,
    chambers: Vec<String>,
    registrations: Mutex<Vec<String>>,
    allocations: Mutex<Vec<String>>,
}

const CATEGORIES: [Option<&str>; 3] = [None, Some("企业家"), Some("嘉宾")];

impl Ground {
    /// An activity far ahead, of twenty seats, eight of them for guests.
    async fn make(app: TestApp) -> Self {
        let client = app.organiser();
        let mut chambers = Vec::new();
        for name in ["鞋革行业协会", "服装商会"] {
            let input = json!({"parentId": app.root_id(), "kind": "CHAMBER", "name": name});
            let made = client.run("create_organisation", json!({"input": input})).await;
            chambers.push(text(&made["createOrganisation"]["organisation"]["id"]));
        }
        let programme = app.festival(None, &[]).await.programme;
        let at = |days| (app.now() + TimeDelta::days(days)).to_rfc3339();
        let input = json!({"programmeId": programme, "title": "论坛", "capacity": 20,
            "categories": [{"name": "企业家"}, {"name": "嘉宾", "capacity": 8}],
            "sessions": [{"title": "论坛", "startsAt": at(400), "endsAt": at(401), "opensAt": at(0)}]});
        let made = client.run("create_activity", json!({"input": input})).await;
        let made = &made["createActivity"]["activity"];
        let (activity, session) = (text(&made["id"]), text(&made["sessions"][0]["id"]));
        client.run("publish_activity", json!({"input": {"activityId": activity}})).await;
        let input = json!({"activityId": activity, "approval": [], "offerMinutes": 60});
        client.run("set_registration_rules", json!({"input": input})).await;
        Self {
            app,
            activity,
            session,
            chambers,
            registrations: Mutex::default(),
            allocations: Mutex::default(),
        }
    }

    fn one_of(all: &Mutex<Vec<String>>, nth: usize) -> Option<String> {
        let all = all.lock().unwrap();
        (!all.is_empty()).then(|| all[nth % all.len()].clone())
    }

    fn registration(&self, nth: usize) -> Option<String> {
        Self::one_of(&self.registrations, nth)
    }

    /// Sends it for as long as the server is too busy; a refusal is as good an answer as any.
    async fn send(&self, operation: &str, input: Value) -> Value {
        let field = crate::contract::root_fields(operation).remove(0);
        loop {
            let client: Client = self.app.anew(self.app.organiser()).await;
            let mut answer = client.send(&document(operation), json!({"input": input})).await;
            let Some(error) = answer["errors"].get(0) else {
                return answer["data"][&field].take();
            };
            // Time passes for the others meanwhile, and fifteen minutes are soon over.
            let is_busy =
                ["CONFLICT", "UNAUTHENTICATED"].iter().any(|it| error["extensions"]["code"] == *it)
                    || error["message"].as_str().is_some_and(|it| it.contains("处理超时"));
            assert!(is_busy, "{operation}: {answer}");
        }
    }

    async fn upload(&self, list: String) -> Value {
        loop {
            let client = self.app.anew(self.app.organiser()).await;
            let request = axum::http::Request::post("/uploads")
                .header("content-disposition", "attachment; filename=\"list.csv\"");
            let answer = client.request(request, list.clone().into()).await;
            if answer.status == axum::http::StatusCode::CREATED {
                return answer.json()["id"].take();
            }
            assert_eq!(answer.status, axum::http::StatusCode::UNAUTHORIZED, "{answer:?}");
        }
    }

    async fn do_it(&self, act: Act) {
        let person = |nth: usize| json!({"name": lists::name(nth), "phone": lists::phone(nth)});
        let Some((operation, input)) = self.request(act.clone(), &person).await else { return };
        let done = self.send(operation, input).await;
        if let Some(id) = done["registration"]["id"].as_str() {
            let mut all = self.registrations.lock().unwrap();
            if !all.iter().any(|it| it == id) {
                all.push(id.to_owned());
            }
        }
        if let Some(id) = done["allocation"]["id"].as_str() {
            self.allocations.lock().unwrap().push(id.to_owned());
        }
        if let (Act::Import { category, .. }, Some(id)) = (&act, done["batch"]["id"].as_str()) {
            let input = json!({"batchId": id, "category": CATEGORIES[*category]});
            self.send("commit_roster", input).await;
        }
    }

    /// What is sent for an act; none where there is nothing yet to do it to.
    async fn request(
        &self,
        act: Act,
        person: &impl Fn(usize) -> Value,
    ) -> Option<(&'static str, Value)> {
        let activity = &self.activity;
        Some(match act {
            Act::Register { who, category, allocated } => {
                let allocation = Self::one_of(&self.allocations, who).filter(|_| allocated);
                (
                    "register_attendee",
                    json!({"activityId": activity, "person": person(who), "category": CATEGORIES[category], "allocationId": allocation}),
                )
            }
            Act::Recommend { who, chamber, category } => (
                "recommend_attendee",
                json!({"activityId": activity, "organisationId": self.chambers[chamber], "person": person(who), "category": CATEGORIES[category]}),
            ),
            Act::Invite { who, category } => (
                "invite_attendee",
                json!({"activityId": activity, "person": person(who), "category": CATEGORIES[category]}),
            ),
            Act::WalkIn { who } => (
                "register_walk_in",
                json!({"sessionId": self.session, "scanId": entity::id::ScanId::generate().0, "person": person(who), "confirm": true}),
            ),
            Act::Answer { which, comes } => (
                "answer_registration",
                json!({"registrationId": self.registration(which)?, "attending": comes}),
            ),
            Act::Cancel { which } => {
                ("cancel_registration", json!({"registrationId": self.registration(which)?}))
            }
            Act::Revive { which } => {
                ("revive_registration", json!({"registrationId": self.registration(which)?}))
            }
            Act::Replace { which, who } => (
                "replace_attendee",
                json!({"registrationId": self.registration(which)?, "person": person(who)}),
            ),
            Act::Move { which, category } => {
                let category = CATEGORIES[category.max(1)];
                (
                    "move_registration",
                    json!({"registrationId": self.registration(which)?, "category": category}),
                )
            }
            Act::Offer { which, instead_of } => {
                let other = self.registration(instead_of)?;
                let other = (instead_of % 2 == 0).then_some(other);
                (
                    "offer_seat",
                    json!({"registrationId": self.registration(which)?, "insteadOf": other, "reason": "指定"}),
                )
            }
            Act::Prefer { which, priority } => (
                "set_priority",
                json!({"registrationId": self.registration(which)?, "priority": priority, "reason": "照顾"}),
            ),
            Act::Resize { category, size } => (
                "set_capacity",
                json!({"activityId": activity, "category": CATEGORIES[category], "capacity": size}),
            ),
            Act::SetAside { chamber, category, seats, minutes } => {
                let reply_by = (self.app.now() + TimeDelta::minutes(minutes)).to_rfc3339();
                (
                    "set_allocation",
                    json!({"activityId": activity, "organisationId": self.chambers[chamber], "category": CATEGORIES[category], "seats": seats, "replyBy": reply_by}),
                )
            }
            Act::Release { which } => (
                "release_allocation",
                json!({"allocationId": Self::one_of(&self.allocations, which)?}),
            ),
            Act::CancelMany { from, count } => {
                let ids: Vec<String> =
                    (from..from + count).filter_map(|it| self.registration(it)).collect();
                (
                    "change_registrations",
                    json!({"activityId": activity, "act": {"cancel": {}}, "registrationIds": ids, "allOrNothing": from % 2 == 0}),
                )
            }
            Act::Import { from, .. } => {
                let list = lists::list(from..from + 6);
                let upload = self.upload(list).await;
                (
                    "stage_roster",
                    json!({"activityId": activity, "uploadId": upload, "profile": "EVENT", "eventDate": "2026-11-01"}),
                )
            }
            Act::TimePasses { minutes } => {
                *self.app.clock() += TimeDelta::minutes(minutes);
                self.app.work().await;
                return None;
            }
        })
    }
}

/// Notes every change by which a pool is fuller than it may be.
async fn watch(app: &TestApp) {
    let own = sea_orm::Database::connect(&app.url).await.unwrap();
    let sql = if app.url.starts_with("sqlite") {
        "CREATE TABLE fuller (pool blob);
         CREATE TRIGGER pool_watch AFTER UPDATE ON capacity_pool WHEN NEW.taken + NEW.held > NEW.size
         BEGIN INSERT INTO fuller VALUES (NEW.id); END;"
    } else {
        "CREATE TABLE fuller (pool uuid);
         CREATE FUNCTION pool_watch() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN INSERT INTO fuller VALUES (NEW.id); RETURN NEW; END $$;
         CREATE TRIGGER pool_watch AFTER UPDATE ON capacity_pool FOR EACH ROW
           WHEN (NEW.taken + NEW.held > NEW.size) EXECUTE FUNCTION pool_watch();"
    };
    own.execute_unprepared(sql).await.unwrap();
}

/// Everybody at once; meanwhile the pools are counted anew, over and over.
async fn muddle(app: TestApp, clients: Vec<Vec<Act>>) -> TestApp {
    watch(&app).await;
    let ground = Arc::new(Ground::make(app).await);
    let is_over = Arc::new(AtomicBool::new(false));
    let counting = {
        let (ground, is_over) = (ground.clone(), is_over.clone());
        tokio::spawn(async move {
            let mut times = 0;
            while !is_over.load(Ordering::SeqCst) {
                let found = recount::recount_all(&ground.app.app.db, None).await.unwrap();
                assert!(found.is_empty(), "after some commit: {found:?}");
                times += 1;
                tokio::task::yield_now().await;
            }
            times
        })
    };
    let mut working = JoinSet::new();
    for acts in clients {
        let ground = ground.clone();
        working.spawn(async move {
            for act in acts {
                ground.do_it(act).await;
            }
        });
    }
    working.join_all().await;
    is_over.store(true, Ordering::SeqCst);
    assert!(counting.await.unwrap() > 0);

    let app = &ground.app;
    let found = recount::recount_all(&app.app.db, None).await.unwrap();
    assert!(found.is_empty(), "at the end: {found:?}");
    assert_eq!(app.count("SELECT count(*) FROM fuller").await, 0);
    let seated = "SELECT count(*) FROM registration WHERE status IN ('CONFIRMED', 'OFFERED')";
    assert!(app.count(seated).await > 0);
    // Nobody waits for a seat that is free: what time brought is done, and looking again offers nothing more.
    app.work().await;
    let look_again = async || {
        let all = ground.registrations.lock().unwrap().clone();
        for id in all {
            let input = json!({"registrationId": id, "priority": 0, "reason": "再看一次"});
            ground.send("set_priority", input).await;
        }
        app.count("SELECT count(*) FROM registration WHERE status = 'OFFERED'").await
    };
    assert_eq!(look_again().await, look_again().await);
    Arc::try_unwrap(ground).map_or_else(|_| panic!("somebody is still at it"), |it| it.app)
}

/// How many rounds are tried. `QINGLAN_RUNS=20` tries more.
fn rounds() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "the tests' own configuration")]
    let asked = std::env::var("QINGLAN_RUNS").ok();
    asked.map_or(2, |it| it.parse().unwrap())
}

/// What is tried: eight clients of forty acts each. A race is not shrunk, since it need not come out the same again.
fn plans() -> Vec<Vec<Vec<Act>>> {
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let plan = proptest::collection::vec(proptest::collection::vec(act(), 40), 8);
    (0..rounds()).map(|_| plan.new_tree(&mut runner).unwrap().current()).collect()
}

on_both! {
    async fn no_order_of_acts_takes_a_seat_twice_or_loses_one(app) {
        let is_sqlite = app.url.starts_with("sqlite");
        let mut app = Some(app);
        for plan in plans() {
            let on = match app.take() {
                Some(app) => app,
                None if is_sqlite => TestApp::sqlite().await,
                None => TestApp::postgres().await,
            };
            let seen = format!("{plan:?}");
            let done = tokio::spawn(muddle(on, plan)).await;
            assert!(done.is_ok(), "with {seen}");
        }
    }
}
