//! Scans that were taken without a network and are sent later: each stands alone, and none is lost or doubled.

use std::{collections::BTreeSet, fmt::Write};

use api::live::Notice;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{Client, Festival, TestApp, document, on_both},
    device::device,
    fixture::text,
};

/// Registers a crowd by a list; their codes.
pub async fn crowd(app: &TestApp, festival: &Festival, many: usize) -> Vec<String> {
    let mut list = String::from("姓名,手机号码,工作单位,职务\n");
    for nth in 0..many {
        writeln!(list, "赵钱孙,139{nth:08},温州某某有限公司,董事长").unwrap();
    }
    let upload = app.organiser().upload("名单.csv", list.as_bytes()).await;
    let input = json!({"activityId": festival.activity, "uploadId": upload, "profile": "EVENT"});
    let staged = app.organiser().run("stage_roster", json!({"input": input})).await;
    let input = json!({"batchId": staged["stageRoster"]["batch"]["id"]});
    let done = app.organiser().run("commit_roster", json!({"input": input})).await;
    assert_eq!(done["commitRoster"]["batch"]["registered"], many, "{done}");
    let listed = "query($id: ID!, $after: String) { activity(id: $id) { registrations(first: 100, after: $after) {
        nodes { ticketCode } pageInfo { hasNextPage endCursor } } } }";
    let (mut codes, mut after) = (Vec::new(), Value::Null);
    loop {
        let page =
            app.organiser().ask(listed, json!({"id": festival.activity, "after": after})).await;
        let page = &page["activity"]["registrations"];
        codes.extend(page["nodes"].as_array().unwrap().iter().map(|it| text(&it["ticketCode"])));
        if page["pageInfo"]["hasNextPage"] == false {
            return codes;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// A scan as a device kept it.
fn kept(app: &TestApp, code: &str, at: DateTime<Utc>, told: &str) -> Value {
    json!({"scanId": app.uuid(), "ticketCode": code, "scannedAt": at.to_rfc3339(), "told": told})
}

async fn sync(
    client: &Client,
    festival: &Festival,
    device_now: DateTime<Utc>,
    scans: &[Value],
) -> Value {
    let input = json!({"deviceNow": device_now.to_rfc3339(), "sessionId": festival.session, "scans": scans});
    let mut done = client.run("sync_scans", json!({"input": input})).await["syncScans"].take();
    assert_eq!(done["userErrors"], json!([]));
    done["synced"].take()
}

/// One field of all results, in their order.
fn all<'a>(synced: &'a Value, pointer: &str) -> Vec<&'a Value> {
    let results = synced["results"].as_array().unwrap();
    results.iter().map(|it| it.pointer(pointer).unwrap_or_else(|| panic!("{it}"))).collect()
}

fn instant(it: &Value) -> DateTime<Utc> {
    text(it).parse().unwrap()
}

async fn attendance(app: &TestApp, registration: &str) -> Value {
    let document = "query($id: ID!) { registration(id: $id) { attendances { status firstInAt firstGate hasConflict } } }";
    app.organiser().ask(document, json!({"id": registration})).await["registration"]["attendances"]
        [0]
    .take()
}

on_both! {
    async fn five_hundred_in_any_order_twice_by_a_clock_ten_minutes_off(app) {
        let festival = app.festival(None, &[]).await;
        let codes = crowd(&app, &festival, 500).await;
        let (client, _) = device(&app, &[&festival.activity]).await;
        let device_now = app.now() + TimeDelta::minutes(10);
        let seconds = |nth: usize| TimeDelta::seconds(i64::try_from(nth).unwrap());
        let mut scans: Vec<(usize, Value)> = codes.iter().enumerate()
            .map(|(nth, code)| (nth, kept(&app, code, device_now - seconds(nth), "ADMITTED")))
            .collect();
        // Codes are random: sorted by them is shuffled.
        scans.sort_by_key(|it| text(&it.1["ticketCode"]));
        let sent: Vec<Value> = scans.iter().map(|it| it.1.clone()).collect();
        let first = sync(&client, &festival, device_now, &sent).await;
        assert!(all(&first, "/outcome").iter().all(|it| **it == "ADMITTED"), "{first}");
        assert!(all(&first, "/replayed").iter().all(|it| **it == false));
        assert_eq!(first["clockOffsetMs"], -600_000);
        for ((nth, scan), result) in scans.iter().zip(first["results"].as_array().unwrap()) {
            assert_eq!(result["scanId"], scan["scanId"]);
            assert_eq!(instant(&result["scan"]["scannedAt"]), app.now() - seconds(*nth));
        }

        let mut again = sent.clone();
        again.reverse();
        let second = sync(&client, &festival, device_now, &again).await;
        assert!(all(&second, "/replayed").iter().all(|it| **it == true));
        let ids = |synced: &Value| all(synced, "/scan/id").into_iter().map(text).collect::<BTreeSet<_>>();
        assert_eq!(ids(&first), ids(&second));
        assert_eq!(app.count("SELECT count(*) FROM scan").await, 500);
        let summary = app.organiser().run("attendance_summary", json!({"sessionId": festival.session})).await;
        assert_eq!(summary["session"]["summary"]["present"], 500);
        let listed = app.organiser().run("devices", json!({"activityId": festival.activity})).await;
        assert_eq!(listed["devices"]["edges"][0]["node"]["clockOffsetMs"], -600_000);
    }

    async fn two_gates_that_both_let_the_same_in_are_both_kept(app) {
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        let (east, _) = device(&app, &[&festival.activity]).await;
        let (west, _) = device(&app, &[&festival.activity]).await;
        let at = |minutes| app.now() - TimeDelta::minutes(minutes);
        let mut late = kept(&app, &ticket.code, at(5), "ADMITTED");
        late["gate"] = json!("西门");
        let first = sync(&west, &festival, app.now(), &[late]).await;
        let early = kept(&app, &ticket.code, at(9), "ADMITTED");
        let second = sync(&east, &festival, app.now(), &[early]).await;
        assert_eq!((all(&first, "/outcome")[0], all(&second, "/outcome")[0]), (&json!("ADMITTED"), &json!("ALREADY_IN")));
        assert_eq!((all(&first, "/scan/isConflict")[0], all(&second, "/scan/isConflict")[0]), (&json!(false), &json!(true)));
        assert_eq!(all(&second, "/scan/conflictsWithId")[0], all(&first, "/scan/id")[0]);
        // The gate that was first counts, though it came last; a device's own gate stands where the scan names none.
        let came = attendance(&app, &ticket.registration).await;
        assert_eq!((instant(&came["firstInAt"]), &came["firstGate"]), (at(9), &json!("东门")));
        assert_eq!(came["hasConflict"], true);
        let document = "query($id: ID!) { session(id: $id) { scans(conflicts: true) { nodes { id } } } }";
        let listed = app.organiser().ask(document, json!({"id": festival.session})).await;
        assert_eq!(listed["session"]["scans"]["nodes"], json!([{"id": all(&second, "/scan/id")[0]}]));
    }

    async fn whoever_should_not_have_been_let_in_is_marked(app) {
        let (festival, other) = (app.festival(Some(1), &[]).await, app.festival(None, &[]).await);
        let gone = festival.register(&app, "张三丰", "13800000001").await;
        let input = json!({"input": {"registrationId": gone.registration}});
        app.organiser().run("cancel_registration", input).await;
        festival.register(&app, "李四光", "13800000002").await;
        let waiting = festival.register(&app, "周芷若", "13800000003").await;
        assert_eq!(waiting.status, "WAITLISTED");
        let elsewhere = other.register(&app, "赵敏敏", "13800000004").await;
        let (client, _) = device(&app, &[&festival.activity]).await;
        let codes = [&gone.code, &waiting.code, &elsewhere.code, "0000000000000000"];
        let outcomes = ["CANCELLED", "NOT_CONFIRMED", "WRONG_ACTIVITY", "UNKNOWN_CODE"];
        for (told, conflict) in [("ADMITTED", true), ("UNKNOWN_CODE", false)] {
            let scans: Vec<Value> = codes.iter().map(|it| kept(&app, it, app.now(), told)).collect();
            let synced = sync(&client, &festival, app.now(), &scans).await;
            assert_eq!(all(&synced, "/outcome"), outcomes);
            assert!(all(&synced, "/scan/isConflict").iter().all(|it| **it == conflict), "{synced}");
        }
        let document = "query($id: ID!) { session(id: $id) { scans(conflicts: true) { nodes { outcome } } } }";
        let listed = app.organiser().ask(document, json!({"id": festival.session})).await;
        assert_eq!(listed["session"]["scans"]["nodes"].as_array().unwrap().len(), 4);
    }

    async fn one_that_is_refused_keeps_nobody_out(app) {
        let (festival, other) = (app.festival(None, &[]).await, app.festival(None, &[]).await);
        let codes = crowd(&app, &festival, 3).await;
        let (client, _) = device(&app, &[&festival.activity]).await;
        let scan = |code: &str| kept(&app, code, app.now(), "ADMITTED");
        let changed = |field: &str, value: Value| {
            let mut scan = scan(&codes[0]);
            scan[field] = value;
            scan
        };
        let reused = changed("scanId", json!(app.uuid()));
        let mut otherwise = scan(&codes[1]);
        otherwise["scanId"] = reused["scanId"].clone();
        let scans = [
            reused,
            otherwise,
            changed("sessionId", json!(other.session)),
            changed("sessionId", json!("session_0198a1b2c3d4e5f60718293a4b5c6d7e")),
            changed("ticketCode", Value::Null),
            changed("registrationId", json!("registration_0198a1b2c3d4e5f60718293a4b5c6d7e")),
            changed("gate", json!("门".repeat(51))),
            changed("direction", json!("EXIT")),
            changed("direction", json!("UNDO")),
            scan(&codes[2]),
        ];
        let synced = sync(&client, &festival, app.now(), &scans).await;
        let results = synced["results"].as_array().unwrap();
        assert_eq!((&results[0]["outcome"], &results[9]["outcome"]), (&json!("ADMITTED"), &json!("ADMITTED")));
        let codes = ["SCAN_ID_REUSED", "SESSION_UNKNOWN", "SESSION_UNKNOWN", "TICKET_UNCLEAR", "TICKET_UNCLEAR",
            "TOO_LONG", "EXITS_NOT_TAKEN", "DIRECTION_UNCLEAR"];
        for (nth, code) in codes.iter().enumerate() {
            let error = &results[nth + 1]["userErrors"][0];
            assert_eq!((&error["code"], &error["path"][2]), (&json!(code), &json!((nth + 1).to_string())), "{results:#?}");
        }
        assert_eq!(app.count("SELECT count(*) FROM scan").await, 2);
        let none = json!({"input": {"deviceNow": app.now().to_rfc3339(), "sessionId": festival.session, "scans": []}});
        let refused = client.run("sync_scans", none).await;
        assert_eq!(refused["syncScans"]["userErrors"][0]["code"], "SCANS_UNFIT");
    }

    async fn a_device_is_believed_for_two_weeks(app) {
        let festival = app.festival(None, &[]).await;
        let codes = crowd(&app, &festival, 3).await;
        let (client, _) = device(&app, &[&festival.activity]).await;
        let then = app.now();
        *app.clock() += TimeDelta::days(14);
        let scans = [
            kept(&app, &codes[0], then, "ADMITTED"),
            kept(&app, &codes[1], then - TimeDelta::milliseconds(1), "ADMITTED"),
            kept(&app, &codes[2], app.now() + TimeDelta::minutes(3), "ADMITTED"),
        ];
        let synced = sync(&client, &festival, app.now(), &scans).await;
        assert_eq!(all(&synced, "/scan/clock"), ["DEVICE", "SERVER", "SERVER"]);
        assert_eq!(all(&synced, "/outcome"), ["ADMITTED", "TOO_LATE", "TOO_LATE"]);
        assert_eq!(instant(all(&synced, "/scan/scannedAt")[0]), then);
    }

    async fn what_a_revoked_device_has_left_somebody_else_sends(app) {
        let festival = app.festival(None, &[]).await;
        let codes = crowd(&app, &festival, 4).await;
        let (client, id) = device(&app, &[&festival.activity]).await;
        let scans: Vec<Value> = codes.iter().map(|it| kept(&app, it, app.now(), "ADMITTED")).collect();
        sync(&client, &festival, app.now(), &scans[..2]).await;
        app.organiser().run("revoke_device", json!({"input": {"deviceId": id}})).await;
        let input = json!({"deviceNow": app.now().to_rfc3339(), "sessionId": festival.session, "scans": &scans});
        let code = client.fail(&document("sync_scans"), json!({"input": input})).await;
        assert_eq!(code, "UNAUTHENTICATED");
        let synced = sync(app.organiser(), &festival, app.now(), &scans).await;
        assert_eq!(all(&synced, "/replayed"), [&json!(true), &json!(true), &json!(false), &json!(false)]);
        assert_eq!(app.count("SELECT count(*) FROM scan").await, 4);
        assert_eq!(app.count("SELECT count(*) FROM scan WHERE device_id IS NOT NULL AND account_id IS NULL").await, 2);
    }

    async fn the_same_sent_by_five_at_once_is_there_once(app) {
        let festival = app.festival(None, &[]).await;
        let mut codes = crowd(&app, &festival, 40).await;
        // Without a registration there is no lock to wait for.
        codes.extend((0..20).map(|nth| format!("00000000000000{nth:02}")));
        let scans: Vec<Value> = codes.iter().map(|it| kept(&app, it, app.now(), "ADMITTED")).collect();
        let mut tasks = JoinSet::new();
        for _ in 0..5 {
            let (client, _) = device(&app, &[&festival.activity]).await;
            let (festival, scans, now) = (festival.clone(), scans.clone(), app.now());
            tasks.spawn(async move { sync(&client, &festival, now, &scans).await });
        }
        let mut first = 0;
        for synced in tasks.join_all().await {
            assert_eq!(all(&synced, "/outcome")[..40], ["ADMITTED"; 40]);
            assert_eq!(all(&synced, "/outcome")[40..], ["UNKNOWN_CODE"; 20]);
            first += all(&synced, "/replayed").iter().filter(|it| ***it == false).count();
        }
        assert_eq!(first, 60);
        assert_eq!(app.count("SELECT count(*) FROM scan").await, 60);
        assert_eq!(app.count("SELECT count(*) FROM attendance").await, 40);
    }

    async fn who_looks_on_is_told_once(app) {
        let festival = app.festival(None, &[]).await;
        let codes = crowd(&app, &festival, 3).await;
        let (client, _) = device(&app, &[&festival.activity]).await;
        let scans: Vec<Value> = codes.iter().map(|it| kept(&app, it, app.now(), "ADMITTED")).collect();
        let mut changes = app.app.live.changes();
        for told in [3, 0] {
            sync(&client, &festival, app.now(), &scans).await;
            let mut scanned = 0;
            while let Ok(notice) = changes.try_recv() {
                scanned += usize::from(matches!(notice, Notice::Scan(..)));
            }
            assert_eq!(scanned, told);
        }
    }

    async fn a_device_checks_in_at_its_gate(app) {
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        let (client, _) = device(&app, &[&festival.activity]).await;
        let input = json!({"sessionId": festival.session, "ticketCode": ticket.code, "scanId": app.uuid()});
        let done = client.run("check_in", json!({"input": input})).await;
        assert_eq!((&done["checkIn"]["outcome"], &done["checkIn"]["scan"]["gate"]), (&json!("ADMITTED"), &json!("东门")));
        let other = json!({"sessionId": festival.session, "ticketCode": ticket.code, "scanId": app.uuid(), "gate": "西门"});
        let done = client.run("check_in", json!({"input": other})).await;
        assert_eq!((&done["checkIn"]["outcome"], &done["checkIn"]["scan"]["gate"]), (&json!("ALREADY_IN"), &json!("西门")));
    }
}
