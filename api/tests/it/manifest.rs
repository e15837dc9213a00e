//! The list by which a door answers alone: what is in it, and that no change is missed.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sea_orm::{ConnectionTrait, Database, TransactionTrait};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{Client, Festival, TestApp, on_both},
    device::device,
    fixture::text,
};

/// What a device keeps of the list.
#[derive(Clone, Default)]
pub struct Kept {
    pub entries: BTreeMap<String, Value>,
    pub changes: Option<String>,
}

impl Kept {
    /// Takes what changed, or the list whole at first, in pages of `first`; how many entries came.
    pub async fn follow(&mut self, client: &Client, session: &str, first: usize) -> usize {
        let (mut after, mut next, mut came) = (Value::Null, None, 0);
        loop {
            let asked = json!({"sessionId": session, "changedSince": self.changes, "first": first, "after": after});
            let manifest = client.run("door_manifest", asked).await["doorManifest"].take();
            assert_eq!(manifest["startOver"], false);
            for id in manifest["removed"].as_array().unwrap() {
                self.entries.remove(&text(id));
            }
            for edge in manifest["entries"]["edges"].as_array().unwrap() {
                self.entries.insert(text(&edge["node"]["registrationId"]), edge["node"].clone());
                came += 1;
            }
            next = next.or(Some(text(&manifest["changes"])));
            let page = &manifest["entries"]["pageInfo"];
            if page["hasNextPage"] == false {
                self.changes = next;
                return came;
            }
            after = page["endCursor"].clone();
        }
    }
}

/// The whole list as it is now.
async fn whole(client: &Client, session: &str) -> BTreeMap<String, Value> {
    let mut kept = Kept::default();
    kept.follow(client, session, 500).await;
    kept.entries
}

/// The hash of a code as a device works it out.
pub fn hash(key: &str, read: &str) -> String {
    let key = BASE64_URL_SAFE_NO_PAD.decode(key).unwrap();
    let code: String = read.chars().filter(|it| !it.is_whitespace() && *it != '-').collect();
    let code = code.to_uppercase().replace(['I', 'L'], "1").replace('O', "0");
    let whole = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), code.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(&whole.as_ref()[..16])
}

async fn cancel(app: &TestApp, registration: &str) {
    let input = json!({"input": {"registrationId": registration}});
    let done = app.organiser().run("cancel_registration", input).await;
    assert_eq!(done["cancelRegistration"]["userErrors"], json!([]));
}

async fn check_in(app: &TestApp, festival: &Festival, code: &str) {
    let input = json!({"sessionId": festival.session, "ticketCode": code, "scanId": app.uuid(), "gate": "西门"});
    let done = app.organiser().run("check_in", json!({"input": input})).await;
    assert_eq!(done["checkIn"]["outcome"], "ADMITTED");
}

on_both! {
    async fn it_tells_whose_code_was_read_and_nothing_more(app) {
        let (festival, other) = (app.festival(None, &[]).await, app.festival(None, &[]).await);
        let input = json!({"activityId": festival.activity, "person": {
            "name": "张三丰", "phone": "13800000001", "organisation": "武当集团", "title": "董事长"}});
        let made = app.organiser().run("register_attendee", json!({"input": input})).await;
        let registration = &made["registerAttendee"]["registration"];
        let code = text(&registration["ticketCode"]);
        let (client, _) = device(&app, &[&festival.activity]).await;

        let answer = client.run("door_manifest", json!({"sessionId": festival.session})).await;
        let manifest = &answer["doorManifest"];
        let entry = &manifest["entries"]["edges"][0]["node"];
        assert_eq!(entry["registrationId"], registration["id"]);
        assert_eq!((&entry["name"], &entry["status"]), (&json!("张三丰"), &json!("CONFIRMED")));
        assert_eq!((&entry["organisationName"], &entry["title"]), (&json!("武当集团"), &json!("董事长")));
        assert_eq!((&entry["isInside"], &entry["serial"]), (&json!(false), &json!(1)));
        assert_eq!(manifest["session"]["id"], festival.session.as_str());
        let typed = format!("{} {}", &code[..8].to_lowercase(), &code[8..]);
        let key = text(&manifest["codeKey"]);
        assert_eq!(entry["codeHash"], hash(&key, &typed));
        let shown = answer.to_string();
        assert!(!shown.contains(&code) && !shown.contains("13800000001") && !shown.contains("138****"), "{shown}");

        // The list of another activity cannot be matched with it, and is not the device's affair.
        let listed = app.organiser().run("door_manifest", json!({"sessionId": other.session})).await;
        assert_ne!(listed["doorManifest"]["codeKey"], manifest["codeKey"]);
        let document = crate::app::document("door_manifest");
        assert_eq!(client.fail(&document, json!({"sessionId": other.session})).await, "NOT_FOUND");
        let wrong = json!({"sessionId": festival.session, "changedSince": "gestern"});
        assert_eq!(client.fail(&document, wrong).await, "BAD_USER_INPUT");

        let audit = "SELECT count(*) FROM audit_event WHERE action = 'TakeManifest' AND device_id IS NOT NULL";
        assert_eq!(app.count(audit).await, 1);
    }

    async fn it_is_taken_in_pages_of_up_to_500(app) {
        let festival = app.festival(None, &[]).await;
        for nth in 0..7 {
            festival.register(&app, "张三丰", &format!("1380000000{nth}")).await;
        }
        let (client, _) = device(&app, &[&festival.activity]).await;
        let mut kept = Kept::default();
        assert_eq!(kept.follow(&client, &festival.session, 3).await, 7);
        assert_eq!(kept.entries.len(), 7);
        let document = crate::app::document("door_manifest");
        let too_many = json!({"sessionId": festival.session, "first": 501});
        assert_eq!(client.fail(&document, too_many).await, "BAD_USER_INPUT");
        client.ask(&document, json!({"sessionId": festival.session, "first": 500})).await;
    }

    async fn every_kind_of_change_is_told(app) {
        let festival = app.festival(None, &[("企业家", None)]).await;
        let elsewhere = app.festival(None, &[]).await;
        let list = "姓名,手机号码,工作单位,职务\n王小明,13700000011,温州某某有限公司,董事长\n";
        let upload = app.organiser().upload("名单.csv", list.as_bytes()).await;
        let input = json!({"activityId": festival.activity, "uploadId": upload, "profile": "EVENT"});
        let batch = app.organiser().run("stage_roster", json!({"input": input})).await["stageRoster"]["batch"]["id"].take();
        app.organiser().run("commit_roster", json!({"input": {"batchId": batch}})).await;
        let mut tickets = Vec::new();
        for nth in 0..7 {
            tickets.push(festival.register(&app, "张三丰", &format!("1380000000{nth}")).await);
        }
        let id = |nth: usize| tickets[nth].registration.as_str();
        let (client, _) = device(&app, &[&festival.activity]).await;
        let mut kept = Kept::default();
        kept.follow(&client, &festival.session, 500).await;
        let before = kept.entries.clone();

        let organiser = app.organiser();
        let new = festival.register(&app, "李四光", "13900000000").await;
        cancel(&app, id(0)).await;
        let lost = |nth: usize| json!({"input": {"registrationId": id(nth), "reason": "手机丢失"}});
        organiser.run("reissue_ticket", lost(1)).await;
        organiser.run("revoke_ticket", lost(2)).await;
        check_in(&app, &festival, &tickets[3].code).await;
        organiser.run("move_registration", json!({"input": {"registrationId": id(4), "category": "企业家"}})).await;
        let found = organiser.run("registration", json!({"id": id(5)})).await;
        let input = json!({"personId": found["registration"]["person"]["id"], "name": "张翠山"});
        let renamed = organiser.run("update_person", json!({"input": input})).await;
        assert_eq!(renamed["updatePerson"]["userErrors"], json!([]));
        let input = json!({"registrationId": id(6), "toActivityId": elsewhere.activity});
        let moved = organiser.run("move_registration", json!({"input": input})).await;
        assert_eq!(moved["moveRegistration"]["userErrors"], json!([]));
        organiser.run("undo_roster", json!({"input": {"batchId": batch}})).await;

        kept.follow(&client, &festival.session, 2).await;
        assert_eq!(kept.entries.len(), before.len(), "one is new, one is gone");
        assert_eq!(kept.entries, whole(&client, &festival.session).await);
        let now = |nth: usize| &kept.entries[id(nth)];
        assert!(kept.entries.contains_key(&new.registration));
        assert_eq!(now(0)["status"], "CANCELLED");
        assert_ne!(now(1)["codeHash"], before[id(1)]["codeHash"]);
        assert_eq!(now(1)["serial"], 2);
        assert_eq!(now(2)["codeHash"], Value::Null);
        assert_eq!((&now(3)["isInside"], &now(3)["firstGate"]), (&json!(true), &json!("西门")));
        assert_eq!(now(4)["category"], "企业家");
        assert_eq!(now(5)["name"], "张翠山");
        assert_eq!(now(6)["status"], "CANCELLED");
    }

    async fn a_number_of_another_database_begins_anew(app) {
        let festival = app.festival(None, &[]).await;
        festival.register(&app, "张三丰", "13800000001").await;
        let far = BASE64_URL_SAFE_NO_PAD.encode(i64::MAX.to_be_bytes());
        let asked = json!({"sessionId": festival.session, "changedSince": far});
        let manifest = app.organiser().run("door_manifest", asked).await["doorManifest"].take();
        assert_eq!(manifest["startOver"], true);
        assert_eq!(manifest["entries"]["edges"], json!([]));
    }

    async fn whoever_follows_rivals_misses_nothing(app) {
        let festival = app.festival(None, &[]).await;
        let (client, _) = device(&app, &[&festival.activity]).await;
        let mut tasks = JoinSet::new();
        for gate in 0..4 {
            let (organiser, festival) = (app.organiser().clone(), festival.clone());
            let ids: Vec<String> = (0..10).map(|_| app.uuid()).collect();
            tasks.spawn(async move {
                for (nth, scan) in ids.into_iter().enumerate() {
                    let person = json!({"name": "张三丰", "phone": format!("138{gate:04}{nth:04}")});
                    let input = json!({"activityId": festival.activity, "person": person});
                    let made = organiser.run("register_attendee", json!({"input": input})).await;
                    let it = made["registerAttendee"]["registration"].clone();
                    if nth % 2 == 0 {
                        let input = json!({"sessionId": festival.session, "ticketCode": it["ticketCode"], "scanId": scan});
                        organiser.run("check_in", json!({"input": input})).await;
                    } else {
                        organiser.run("cancel_registration", json!({"input": {"registrationId": it["id"]}})).await;
                    }
                }
            });
        }
        let mut kept = Kept::default();
        while !tasks.is_empty() {
            kept.follow(&client, &festival.session, 7).await;
            tokio::select! {
                done = tasks.join_next() => done.unwrap().unwrap(),
                () = tokio::task::yield_now() => {}
            }
        }
        kept.follow(&client, &festival.session, 7).await;
        assert_eq!(kept.entries.len(), 40);
        assert_eq!(kept.entries, whole(&client, &festival.session).await);
    }
}

/// On PostgreSQL a change may be told again, where anything was going on beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_a_change_is_told_once() {
    let app = TestApp::sqlite().await;
    let festival = app.festival(None, &[]).await;
    let first = festival.register(&app, "张三丰", "13800000001").await;
    festival.register(&app, "李四光", "13800000002").await;
    let (client, _) = device(&app, &[&festival.activity]).await;
    let mut kept = Kept::default();
    assert_eq!(kept.follow(&client, &festival.session, 500).await, 2);
    assert_eq!(kept.follow(&client, &festival.session, 500).await, 0);
    cancel(&app, &first.registration).await;
    assert_eq!(kept.follow(&client, &festival.session, 500).await, 1);
    assert_eq!(kept.follow(&client, &festival.session, 500).await, 0);
}

/// What commits late is told late: a change that was begun before another and ends after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_commits_late_is_not_missed() {
    let app = TestApp::postgres().await;
    let festival = app.festival(None, &[]).await;
    let early = festival.register(&app, "张三丰", "13800000001").await;
    let late = festival.register(&app, "李四光", "13800000002").await;
    let (client, _) = device(&app, &[&festival.activity]).await;
    let mut kept = Kept::default();
    kept.follow(&client, &festival.session, 500).await;

    let beside = Database::connect(&app.url).await.unwrap();
    let slow = beside.begin().await.unwrap();
    let uuid = |id: &str| id.split_once('_').unwrap().1.to_owned();
    let sql =
        format!("UPDATE registration SET title = '掌门' WHERE id = '{}'", uuid(&late.registration));
    slow.execute_unprepared(&sql).await.unwrap();
    cancel(&app, &early.registration).await;
    kept.follow(&client, &festival.session, 500).await;
    assert_eq!(kept.entries[&early.registration]["status"], "CANCELLED");
    assert_eq!(kept.entries[&late.registration]["title"], Value::Null);
    slow.commit().await.unwrap();
    kept.follow(&client, &festival.session, 500).await;
    assert_eq!(kept.entries[&late.registration]["title"], "掌门");
}
