//! The door: every call a scan, every scan once.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use entity::role_grant::Role;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use api::account::grant::Over;

use crate::{
    app::{Client, Festival, TestApp, Ticket, on_both},
    lists,
};

/// Attendances that are not what their scans say.
const WRONG_ATTENDANCES: &str = "SELECT count(*) FROM attendance a JOIN session e ON e.id = a.session_id
    WHERE a.first_in_at <> (SELECT min(s.scanned_at) FROM scan s WHERE s.session_id = a.session_id
        AND s.registration_id = a.registration_id AND s.outcome IN ('ADMITTED', 'ALREADY_IN'))
    OR a.status <> CASE WHEN a.first_in_at < e.late_at THEN 'PRESENT' ELSE 'LATE' END
    OR NOT EXISTS (SELECT 1 FROM scan s WHERE s.id = a.first_scan_id AND s.scanned_at = a.first_in_at
        AND coalesce(s.gate, '') = coalesce(a.first_gate, ''))";

/// People at a session by their scans.
const PEOPLE_BY_SCANS: &str =
    "SELECT count(DISTINCT registration_id) FROM scan WHERE outcome IN ('ADMITTED', 'ALREADY_IN')";

const CHECK_IN: &str = "mutation($input: CheckInInput!) { checkIn(input: $input) {
    outcome replayed scan { id scanId outcome scannedAt receivedAt deviceAt clock gate }
    attendance { status firstInAt firstGate } registration { id person { name } } userErrors { code } } }";

/// Sends a scan of a code, with what else goes with it; the payload.
async fn scan(client: &Client, festival: &Festival, code: &str, more: Value) -> Value {
    let mut input = json!({
        "sessionId": festival.session, "ticketCode": code,
        "scanId": entity::id::ScanId::generate().0.to_string(),
    });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    client.ask(CHECK_IN, json!({"input": input})).await["checkIn"].take()
}

fn at(instant: DateTime<Utc>) -> Value {
    json!({"scannedAt": instant.to_rfc3339()})
}

fn instant(it: &Value) -> DateTime<Utc> {
    it.as_str().unwrap_or_else(|| panic!("{it}")).parse().unwrap()
}

/// The time goes on; an organiser who has signed in since.
async fn later(app: &TestApp, minutes: i64) -> Client {
    let then = app.now() + TimeDelta::minutes(minutes);
    *app.clock() = then;
    app.account(Role::OrgAdmin, Over::Organisation(app.root)).await
}

async fn summary(client: &Client, festival: &Festival) -> Value {
    let data = client.run("attendance_summary", json!({"sessionId": festival.session})).await;
    let summary = data["session"]["summary"].clone();
    let of = |key: &str| summary[key].as_i64().unwrap();
    let parts = of("present") + of("late") + of("excused") + of("absent") + of("notYet");
    assert_eq!(of("expected"), parts, "{summary}");
    summary
}

/// Every scan of a session, newest first: what became of each.
async fn outcomes(client: &Client, festival: &Festival) -> Vec<String> {
    let document =
        "query($id: ID!) { session(id: $id) { scans(first: 100) { nodes { outcome } } } }";
    let data = client.ask(document, json!({"id": festival.session})).await;
    let nodes = data["session"]["scans"]["nodes"].as_array().unwrap();
    nodes.iter().map(|it| it["outcome"].as_str().unwrap().to_owned()).collect()
}

async fn tickets(app: &TestApp, festival: &Festival, count: usize) -> Vec<Ticket> {
    let mut tickets = Vec::new();
    for nth in 0..count {
        tickets.push(festival.register(app, &lists::name(nth), &lists::phone(nth)).await);
    }
    tickets
}

on_both! {
    async fn the_same_scan_is_one_scan(app) {
        let festival = app.festival(Some(10), &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let scan = json!({"sessionId": festival.session, "ticketCode": ticket.code, "scanId": app.uuid(), "gate": "东门"});
        let first = app.organiser().run("check_in", json!({"input": scan})).await;
        assert_eq!(first["checkIn"]["outcome"], "ADMITTED");
        assert_eq!(first["checkIn"]["replayed"], false);
        let again = app.organiser().run("check_in", json!({"input": scan})).await;
        assert_eq!(again["checkIn"]["replayed"], true);
        assert_eq!(again["checkIn"]["scan"], first["checkIn"]["scan"]);
        assert_eq!(again["checkIn"]["outcome"], "ADMITTED");
    }

    async fn every_outcome_is_told_and_is_a_scan_on_record(app) {
        let festival = app.festival(Some(3), &[]).await;
        let elsewhere = app.festival(None, &[]).await;
        let door = app.organiser();
        let all = tickets(&app, &festival, 4).await;
        let stranger = elsewhere.register(&app, "张三丰", "13800000000").await;
        assert_eq!(all[3].status, "WAITLISTED");
        let cancelled = json!({"input": {"registrationId": all[2].registration}});
        door.run("cancel_registration", cancelled).await;

        let mut told = Vec::new();
        let session = "query($id: ID!) { session(id: $id) { opensAt closesAt } }";
        let session = door.ask(session, json!({"id": festival.session})).await["session"].take();
        let (opens, closes) = (instant(&session["opensAt"]), instant(&session["closesAt"]));
        for (code, more, outcome) in [
            (all[0].code.as_str(), at(opens), "ADMITTED"),
            (&all[0].code, json!({}), "ALREADY_IN"),
            ("0000000000000000", json!({}), "UNKNOWN_CODE"),
            ("不是参会码", json!({}), "UNKNOWN_CODE"),
            (&stranger.code, json!({}), "WRONG_ACTIVITY"),
            (&all[1].code, at(opens - TimeDelta::seconds(1)), "TOO_EARLY"),
            (&all[3].code, json!({}), "NOT_CONFIRMED"),
            (&all[2].code, json!({}), "CANCELLED"),
        ] {
            let done = scan(door, &festival, code, more).await;
            assert_eq!(done["outcome"], outcome, "{done}");
            assert_eq!(done["scan"]["outcome"], outcome);
            assert_eq!(done["userErrors"], json!([]));
            let shown = !matches!(outcome, "UNKNOWN_CODE" | "WRONG_ACTIVITY");
            assert_eq!(done["registration"].is_object(), shown, "{done}");
            told.insert(0, outcome);
        }
        let door = later(&app, 181).await;
        let late = scan(&door, &festival, &all[1].code, at(closes)).await;
        assert_eq!(late["outcome"], "TOO_LATE");
        let in_time = scan(&door, &festival, &all[1].code, at(closes - TimeDelta::seconds(1))).await;
        assert_eq!(in_time["outcome"], "ADMITTED", "a scan made in time may be sent after the close");
        told.splice(0..0, ["ADMITTED", "TOO_LATE"]);
        assert_eq!(outcomes(&door, &festival).await, told);
        assert_eq!(app.count("SELECT count(*) FROM attendance").await, 2);
        assert_eq!(app.count(WRONG_ATTENDANCES).await, 0);
    }

    async fn whoever_comes_to_what_was_called_off_is_told_so(app) {
        let festival = app.festival(Some(10), &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let document = "mutation($input: CancelActivityInput!) { cancelActivity(input: $input) { activity { id } } }";
        app.organiser().ask(document, json!({"input": {"activityId": festival.activity, "reason": "台风"}})).await;
        assert_eq!(scan(app.organiser(), &festival, &ticket.code, json!({})).await["outcome"], "CANCELLED");
    }

    async fn a_scan_sent_again_gets_its_first_answer_whatever_came_since(app) {
        let festival = app.festival(Some(2), &[]).await;
        let door = app.organiser();
        let all = tickets(&app, &festival, 3).await;
        let [inside, waiting, early] = [app.uuid(), app.uuid(), app.uuid()];
        let id = |id: &str| json!({"scanId": id});
        let first_in = scan(door, &festival, &all[0].code, id(&inside)).await;
        let first_waiting = scan(door, &festival, &all[2].code, id(&waiting)).await;
        let mut early_at = at(app.now() - TimeDelta::hours(2));
        early_at["scanId"] = json!(early);
        let first_early = scan(door, &festival, &all[1].code, early_at.clone()).await;
        assert_eq!(first_early["outcome"], "TOO_EARLY");
        for ticket in [&all[1], &all[2]] {
            let input = json!({"input": {"registrationId": ticket.registration}});
            assert_eq!(door.run("cancel_registration", input).await["cancelRegistration"]["userErrors"], json!([]));
        }
        let count = app.count("SELECT count(*) FROM scan").await;
        // Cancelled since, and long after the door has closed.
        let door = later(&app, 600).await;
        for (code, more, first) in [
            (&all[0].code, id(&inside), first_in),
            (&all[2].code, id(&waiting), first_waiting),
            (&all[1].code, early_at, first_early),
        ] {
            let again = scan(&door, &festival, code, more).await;
            assert_eq!(again["replayed"], true);
            assert_eq!((&again["outcome"], &again["scan"]), (&first["outcome"], &first["scan"]));
        }
        assert_eq!(app.count("SELECT count(*) FROM scan").await, count);
        // An answer to somebody else's code under the same id would let a stranger in.
        for code in [&all[1].code, "0000000000000000"] {
            let other = scan(&door, &festival, code, id(&inside)).await;
            assert_eq!(other["userErrors"][0]["code"], "SCAN_ID_REUSED", "{other}");
            assert_eq!(other["outcome"], Value::Null);
            assert_eq!(other["registration"], Value::Null);
        }
        let other = json!({"ticketCode": null, "registrationId": all[1].registration, "scanId": inside});
        assert_eq!(scan(&door, &festival, "", other).await["userErrors"][0]["code"], "SCAN_ID_REUSED");
        assert_eq!(app.count("SELECT count(*) FROM scan").await, count);
    }

    async fn a_scan_sent_fifty_times_at_once_is_one_scan(app) {
        let festival = Arc::new(app.festival(Some(10), &[]).await);
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        for (code, outcome, attendances) in [(ticket.code.as_str(), "ADMITTED", 1), ("没有这个码", "UNKNOWN_CODE", 1)] {
            let id = app.uuid();
            let mut devices = JoinSet::new();
            for nth in 0..50 {
                let (door, festival, code, id) = (app.organiser().clone(), festival.clone(), code.to_owned(), id.clone());
                devices.spawn(async move {
                    scan(&door, &festival, &code, json!({"scanId": id, "gate": format!("{}号门", nth % 5)})).await
                });
            }
            let done = devices.join_all().await;
            assert!(done.iter().all(|it| it["outcome"] == outcome));
            assert!(done.iter().all(|it| it["scan"] == done[0]["scan"]));
            assert_eq!(done.iter().filter(|it| it["replayed"] == true).count(), 49);
            assert_eq!(app.count("SELECT count(*) FROM attendance").await, attendances);
        }
        assert_eq!(app.count("SELECT count(*) FROM scan").await, 2);
    }

    async fn a_connection_that_dies_loses_no_scan(app) {
        let festival = app.festival(None, &[]).await;
        let organiser = app.organiser();
        let tickets = tickets(&app, &festival, 3).await;
        assert_eq!(scan(organiser, &festival, &tickets[0].code, json!({})).await["outcome"], "ADMITTED");
        if app.url.starts_with("postgres") {
            let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'qinglan scans' AND datname = current_database()";
            let killed = app.app.db.read().query_all_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, all)).await.unwrap();
            assert!(!killed.is_empty());
        }
        for ticket in &tickets[1..] {
            assert_eq!(scan(organiser, &festival, &ticket.code, json!({})).await["outcome"], "ADMITTED");
        }
        assert_eq!(app.count("SELECT count(*) FROM scan").await, 3);
        assert_eq!(summary(organiser, &festival).await["present"], 3);
    }

    async fn connections_that_die_lose_nothing_that_is_read(app) {
        let festival = Arc::new(app.festival(None, &[]).await);
        for round in 0..3 {
            if round > 0 && app.url.starts_with("postgres") {
                let all = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE application_name = 'qinglan reads' AND datname = current_database() AND pid <> pg_backend_pid()";
                assert!(app.count(all).await > 0);
            }
            let mut readers = JoinSet::new();
            for _ in 0..8 {
                let (reader, id) = (app.organiser().clone(), festival.activity.clone());
                readers.spawn(async move { reader.run("activity", json!({"id": id})).await["activity"]["id"] == id });
            }
            assert!(readers.join_all().await.into_iter().all(|it| it));
        }
    }

    async fn one_person_scanned_at_many_gates_at_once_comes_in_once(app) {
        let festival = Arc::new(app.festival(Some(10), &[]).await);
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let mut gates = JoinSet::new();
        for nth in 0..16 {
            let (door, festival, code) = (app.organiser().clone(), festival.clone(), ticket.code.clone());
            gates.spawn(async move { scan(&door, &festival, &code, json!({"gate": format!("{nth}号门")})).await });
        }
        let done = gates.join_all().await;
        assert_eq!(done.iter().filter(|it| it["outcome"] == "ADMITTED").count(), 1);
        assert_eq!(done.iter().filter(|it| it["outcome"] == "ALREADY_IN").count(), 15);
        assert_eq!(app.count("SELECT count(*) FROM scan").await, 16);
        assert_eq!(app.count(WRONG_ATTENDANCES).await, 0);
    }

    async fn a_device_is_believed_from_three_days_before_to_two_minutes_after(app) {
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let now = app.now();
        let (past, future) = (TimeDelta::hours(72), TimeDelta::minutes(2));
        let moment = TimeDelta::microseconds(1);
        for (device, clock) in [
            (now - past, "DEVICE"),
            (now - past - moment, "SERVER"),
            (now + future, "DEVICE"),
            (now + future + moment, "SERVER"),
        ] {
            let done = scan(app.organiser(), &festival, &ticket.code, at(device)).await;
            assert_eq!(done["scan"]["clock"], clock, "{done}");
            assert_eq!(instant(&done["scan"]["deviceAt"]), device);
            assert_eq!(instant(&done["scan"]["receivedAt"]), now);
            assert_eq!(instant(&done["scan"]["scannedAt"]), if clock == "DEVICE" { device } else { now });
        }
        let done = scan(app.organiser(), &festival, &ticket.code, json!({})).await;
        assert_eq!((&done["scan"]["clock"], &done["scan"]["deviceAt"]), (&json!("SERVER"), &Value::Null));
    }

    async fn whoever_comes_ten_minutes_after_the_start_is_late(app) {
        let festival = app.festival(None, &[]).await;
        let all = tickets(&app, &festival, 2).await;
        let late = app.now() + TimeDelta::minutes(40);
        let door = later(&app, 45).await;
        let one = scan(&door, &festival, &all[0].code, at(late - TimeDelta::microseconds(1))).await;
        assert_eq!(one["attendance"]["status"], "PRESENT");
        let other = scan(&door, &festival, &all[1].code, at(late)).await;
        assert_eq!(other["attendance"]["status"], "LATE");
        assert_eq!(app.count(WRONG_ATTENDANCES).await, 0);
    }

    async fn an_earlier_scan_that_arrives_later_is_when_they_came(app) {
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let start = app.now() + TimeDelta::minutes(30);
        let door = later(&app, 60).await;
        let with_gate = |minutes: i64, gate: &str| {
            let mut more = at(start + TimeDelta::minutes(minutes));
            more["gate"] = json!(gate);
            more
        };
        let first = scan(&door, &festival, &ticket.code, with_gate(15, "东门")).await;
        assert_eq!((&first["outcome"], &first["attendance"]["status"]), (&json!("ADMITTED"), &json!("LATE")));
        let earlier = scan(&door, &festival, &ticket.code, with_gate(-20, "西门")).await;
        assert_eq!(earlier["outcome"], "ALREADY_IN");
        assert_eq!(earlier["attendance"]["status"], "PRESENT");
        assert_eq!(earlier["attendance"]["firstGate"], "西门");
        assert_eq!(instant(&earlier["attendance"]["firstInAt"]), start - TimeDelta::minutes(20));
        let after = scan(&door, &festival, &ticket.code, with_gate(20, "南门")).await;
        assert_eq!(after["attendance"], earlier["attendance"]);
        assert_eq!(app.count(WRONG_ATTENDANCES).await, 0);
    }

    async fn attendance_is_what_the_scans_say_in_whatever_order_they_arrive(app) {
        let festival = Arc::new(app.festival(None, &[]).await);
        let all = tickets(&app, &festival, 12).await;
        let start = app.now() + TimeDelta::minutes(30);
        let door = later(&app, 120).await;
        let mut gates = JoinSet::new();
        for gate in 0..8_usize {
            let (door, festival) = (door.clone(), festival.clone());
            let codes: Vec<String> = all.iter().map(|it| it.code.clone()).collect();
            gates.spawn(async move {
                for step in 0..15 {
                    let code = &codes[(gate * 5 + step * 7) % codes.len()];
                    let minute = i64::try_from((gate * 37 + step * 23) % 100).unwrap() - 50;
                    let mut more = at(start + TimeDelta::minutes(minute));
                    more["gate"] = json!(format!("{gate}号门"));
                    scan(&door, &festival, code, more).await;
                }
            });
        }
        gates.join_all().await;
        assert_eq!(app.count("SELECT count(*) FROM scan").await, 120);
        assert_eq!(app.count(WRONG_ATTENDANCES).await, 0);
        let there = app.count("SELECT count(*) FROM attendance").await;
        assert_eq!(there, app.count(PEOPLE_BY_SCANS).await);
        let summary = summary(&door, &festival).await;
        assert_eq!(summary["present"].as_i64().unwrap() + summary["late"].as_i64().unwrap(), there);
    }

    async fn nobody_changes_or_deletes_a_scan(app) {
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        scan(app.organiser(), &festival, &ticket.code, json!({})).await;
        let connection = Database::connect(&app.url).await.unwrap();
        for sql in ["UPDATE scan SET gate = '西门'", "DELETE FROM scan", "UPDATE audit_event SET reason = ''", "DELETE FROM audit_event"] {
            let error = connection.execute_unprepared(sql).await.unwrap_err().to_string();
            assert!(error.contains("is append-only"), "{sql}: {error}");
        }
        assert_eq!(app.count("SELECT count(*) FROM scan WHERE gate IS NULL").await, 1);
    }

    async fn the_summary_adds_up_before_and_after_the_door_closes(app) {
        let festival = app.festival(Some(5), &[]).await;
        let all = tickets(&app, &festival, 7).await;
        let door = app.organiser();
        let whole = |expected: i64, present: i64, late: i64, absent: i64, not_yet: i64| {
            json!({"expected": expected, "present": present, "late": late, "excused": 0, "absent": absent, "notYet": not_yet})
        };
        assert_eq!(summary(door, &festival).await, whole(5, 0, 0, 0, 5));
        scan(door, &festival, &all[0].code, json!({})).await;
        assert_eq!(summary(door, &festival).await, whole(5, 1, 0, 0, 4));
        let cancelled = json!({"input": {"registrationId": all[4].registration}});
        door.run("cancel_registration", cancelled).await;
        assert_eq!(summary(door, &festival).await, whole(4, 1, 0, 0, 3));
        let door = later(&app, 60).await;
        scan(&door, &festival, &all[1].code, json!({})).await;
        // Whoever waits for a seat is no guest, at the door or in a figure.
        scan(&door, &festival, &all[6].code, json!({})).await;
        assert_eq!(summary(&door, &festival).await, whole(4, 1, 1, 0, 2));
        let door = later(&app, 120).await;
        assert_eq!(summary(&door, &festival).await, whole(4, 1, 1, 2, 0));
    }

    async fn a_guest_without_a_code_is_let_in_by_the_registration(app) {
        let festival = app.festival(None, &[]).await;
        let elsewhere = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let stranger = elsewhere.register(&app, "张三丰", "13800000000").await;
        let by = |id: &str, scan: &str| json!({"ticketCode": null, "registrationId": id, "scanId": scan});
        let id = app.uuid();
        let done = scan(app.organiser(), &festival, "", by(&ticket.registration, &id)).await;
        assert_eq!(done["outcome"], "ADMITTED");
        let again = scan(app.organiser(), &festival, "", by(&ticket.registration, &id)).await;
        assert_eq!((&again["replayed"], &again["scan"]), (&json!(true), &done["scan"]));
        let other = scan(app.organiser(), &festival, "", by(&stranger.registration, &app.uuid())).await;
        assert_eq!((&other["outcome"], &other["registration"]), (&json!("WRONG_ACTIVITY"), &Value::Null));
        let both = json!({"registrationId": ticket.registration});
        let both = scan(app.organiser(), &festival, &ticket.code, both).await;
        assert_eq!((&both["userErrors"][0]["code"], &both["scan"]), (&json!("TICKET_UNCLEAR"), &Value::Null));
        assert_eq!(outcomes(app.organiser(), &festival).await, ["WRONG_ACTIVITY", "ADMITTED"]);
    }

    async fn a_code_may_be_typed_in_any_case_and_in_groups(app) {
        let festival = app.festival(None, &[]).await;
        let all = tickets(&app, &festival, 3).await;
        let grouped = |code: &str| format!(" {}-{} {} - {}", &code[..4], &code[4..8], &code[8..12], &code[12..]);
        let alike = |code: &str| code.replace('0', "o").replace('1', "l");
        for typed in [all[0].code.to_lowercase(), grouped(&all[1].code), alike(&all[2].code)] {
            assert_eq!(scan(app.organiser(), &festival, &typed, json!({})).await["outcome"], "ADMITTED");
        }
        // Sent again as it was read by another reader, it is still the same scan of the same code.
        let id = json!({"scanId": app.uuid()});
        scan(app.organiser(), &festival, &all[0].code, id.clone()).await;
        let again = scan(app.organiser(), &festival, &all[0].code.to_lowercase(), id).await;
        assert_eq!(again["replayed"], true, "{again}");
    }
}
