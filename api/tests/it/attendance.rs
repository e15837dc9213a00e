//! Who came, left, was excused or corrected; and that working it out anew gives what is stored.

use api::{
    account::grant::Over,
    attendance::{
        close,
        recompute::{Difference, recompute},
    },
    graphql::Gid,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{id::ActivityId, role_grant::Role};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{Client, Festival, TestApp, Ticket, on_both},
    lists,
};

const CHECK_IN: &str = "mutation($input: CheckInInput!) { checkIn(input: $input) { outcome replayed
    scan { id scanId direction outcome }
    attendance { status byScans firstInAt lastInAt lastOutAt isInside minutes } userErrors { code path } } }";
const PEOPLE: &str = "query($id: ID!) { session(id: $id) { closedAt
    summary { expected present late leftEarly excused absent notYet inside unexpected amended }
    attendances(first: 100) { nodes { status byScans isInside minutes expected amendedAt correction { status reason }
        registration { id person { name } } } } } }";

/// A class with one session from 09:00 to 12:00 whose exits are taken, and some who are registered; it is 08:00.
struct Lesson {
    festival: Festival,
    tickets: Vec<Ticket>,
    starts: DateTime<Utc>,
}

impl Lesson {
    async fn new(app: &TestApp, people: usize) -> Self {
        let mut festival = app.festival(None, &[]).await;
        let starts = app.now() + TimeDelta::hours(1);
        let session = json!({"title": "第一课", "startsAt": starts.to_rfc3339(), "endsAt": (starts + TimeDelta::hours(3)).to_rfc3339(),
            "tracksExit": true, "creditHours": "4"});
        let input = json!({"input": {"activityId": festival.activity, "session": session}});
        let made = app.organiser().run("create_session", input).await;
        festival.session = made["createSession"]["session"]["id"].as_str().unwrap().to_owned();
        let mut tickets = Vec::new();
        for nth in 0..people {
            tickets.push(festival.register(app, &lists::name(nth), &lists::phone(nth)).await);
        }
        Self { festival, tickets, starts }
    }

    /// A scan so many minutes after the start.
    async fn scan(&self, door: &Client, nth: usize, minutes: i64, direction: &str) -> Value {
        let at = self.starts + TimeDelta::minutes(minutes);
        let input = json!({"sessionId": self.festival.session, "ticketCode": self.tickets[nth].code, "direction": direction,
            "scanId": entity::id::ScanId::generate().0.to_string(), "scannedAt": at.to_rfc3339()});
        door.ask(CHECK_IN, json!({"input": input})).await["checkIn"].take()
    }

    async fn people(&self, door: &Client) -> Value {
        door.ask(PEOPLE, json!({"id": self.festival.session})).await["session"].take()
    }

    /// What is known of one of them.
    async fn of(&self, door: &Client, nth: usize) -> Value {
        let mut people = self.people(door).await;
        let nodes = people["attendances"]["nodes"].as_array_mut().unwrap();
        let mine =
            nodes.iter_mut().find(|it| it["registration"]["id"] == self.tickets[nth].registration);
        mine.map(Value::take).unwrap_or_default()
    }

    async fn correct(&self, who: &Client, nth: usize, status: Value) -> Value {
        let input = json!({"sessionId": self.festival.session, "registrationId": self.tickets[nth].registration,
            "status": status, "reason": "以纸质签到表为准"});
        who.run("correct_attendance", json!({"input": input})).await["correctAttendance"].take()
    }

    async fn close(&self, who: &Client) -> Value {
        let input = json!({"input": {"sessionId": self.festival.session}});
        who.run("close_session", input).await["closeSession"].take()
    }

    async fn undo(&self, who: &Client, scan: &Value, id: &str) -> Value {
        let input = json!({"sessionId": self.festival.session, "undoneId": scan, "scanId": id, "reason": "误扫"});
        who.run("undo_scan", json!({"input": input})).await["undoScan"].take()
    }
}

/// The time is so many minutes after the start; an organiser who has signed in since.
async fn at(app: &TestApp, lesson: &Lesson, minutes: i64) -> Client {
    *app.clock() = lesson.starts + TimeDelta::minutes(minutes);
    app.account(Role::OrgAdmin, Over::Organisation(app.root)).await
}

on_both! {
    async fn whoever_leaves_may_come_again_and_the_minutes_count(app) {
        let lesson = Lesson::new(&app, 4).await;
        let door = at(&app, &lesson, 240).await;
        // In from before the start to after the end: the session's 180 minutes.
        assert_eq!(lesson.scan(&door, 0, -30, "ENTRY").await["outcome"], "ADMITTED");
        let out = lesson.scan(&door, 0, 200, "EXIT").await;
        assert_eq!(out["outcome"], "EXITED");
        assert_eq!(out["attendance"]["minutes"], 180);
        assert_eq!(out["attendance"]["status"], "PRESENT");
        // 10 to 60 and 90 to 180: 50 + 90 minutes; late by the first of them. The second entry is no ALREADY_IN.
        for (minutes, direction, outcome) in [(10, "ENTRY", "ADMITTED"), (60, "EXIT", "EXITED"), (90, "ENTRY", "ADMITTED"), (95, "ENTRY", "ALREADY_IN")] {
            assert_eq!(lesson.scan(&door, 1, minutes, direction).await["outcome"], outcome);
        }
        let it = lesson.of(&door, 1).await;
        assert_eq!((&it["status"], &it["minutes"], &it["isInside"]), (&json!("LATE"), &json!(140), &json!(true)));
        // 0 to 169: left eleven minutes before the end.
        lesson.scan(&door, 2, 0, "ENTRY").await;
        lesson.scan(&door, 2, 169, "EXIT").await;
        let it = lesson.of(&door, 2).await;
        assert_eq!((&it["status"], &it["minutes"], &it["isInside"]), (&json!("LEFT_EARLY"), &json!(169), &json!(false)));
        // An exit alone lets nobody in.
        assert_eq!(lesson.scan(&door, 3, 30, "EXIT").await["outcome"], "EXITED");
        assert_eq!(lesson.of(&door, 3).await, Value::Null);
        let summary = &lesson.people(&door).await["summary"];
        let expected = json!({"expected": 4, "present": 2, "late": 1, "leftEarly": 1, "excused": 0, "absent": 1, "notYet": 0,
            "inside": 1, "unexpected": 0, "amended": 0});
        assert_eq!(*summary, expected);
        assert_eq!(recompute(&app.app.db).await.unwrap(), []);
    }

    async fn exits_are_taken_only_where_the_session_says_so(app) {
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let scan = |direction: &str| json!({"input": {"sessionId": festival.session, "ticketCode": ticket.code, "direction": direction, "scanId": app.uuid()}});
        for (direction, code) in [("EXIT", "EXITS_NOT_TAKEN"), ("UNDO", "DIRECTION_UNCLEAR")] {
            let refused = app.organiser().ask(CHECK_IN, scan(direction)).await;
            let refused = &refused["checkIn"];
            assert_eq!((&refused["userErrors"][0]["code"], &refused["scan"]), (&json!(code), &Value::Null), "{refused}");
        }
        assert_eq!(app.count("SELECT count(*) FROM scan").await, 0);
        let minutes = app.organiser().ask(CHECK_IN, scan("ENTRY")).await;
        assert_eq!(minutes["checkIn"]["attendance"]["minutes"], Value::Null);
    }

    async fn an_undone_scan_does_not_count_and_stays_on_record(app) {
        let lesson = Lesson::new(&app, 2).await;
        let door = at(&app, &lesson, 20).await;
        let first = lesson.scan(&door, 0, 0, "ENTRY").await;
        let second = lesson.scan(&door, 0, 15, "ENTRY").await;
        assert_eq!(second["outcome"], "ALREADY_IN");
        let id = app.uuid();
        let undone = lesson.undo(&door, &first["scan"]["id"], &id).await;
        assert_eq!(undone["userErrors"], json!([]));
        assert_eq!((&undone["scan"]["outcome"], &undone["scan"]["reason"]), (&json!("UNDONE"), &json!("误扫")));
        // The second one is still there: late, since 09:15.
        assert_eq!((&undone["attendance"]["status"], &undone["attendance"]["isInside"]), (&json!("LATE"), &json!(true)));
        let again = lesson.undo(&door, &first["scan"]["id"], &id).await;
        assert_eq!((&again["replayed"], &again["scan"]), (&json!(true), &undone["scan"]));
        let other = app.uuid();
        let twice = lesson.undo(&door, &first["scan"]["id"], &other).await;
        assert_eq!(twice["userErrors"][0]["code"], "UNDONE_ALREADY");
        let reused = lesson.undo(&door, &second["scan"]["id"], &id).await;
        assert_eq!(reused["userErrors"][0]["code"], "SCAN_ID_REUSED");
        let nothing = lesson.undo(&door, &undone["scan"]["id"], &other).await;
        assert_eq!(nothing["userErrors"][0]["code"], "NOTHING_TO_UNDO");
        lesson.undo(&door, &second["scan"]["id"], &other).await;
        assert_eq!(lesson.of(&door, 0).await, Value::Null);
        assert_eq!(app.count("SELECT count(*) FROM scan").await, 4);
        assert_eq!(app.count("SELECT count(*) FROM attendance").await, 0);
        assert_eq!(lesson.people(&door).await["summary"]["inside"], 0);
        // And in again, as if nothing had been.
        assert_eq!(lesson.scan(&door, 0, 16, "ENTRY").await["outcome"], "ADMITTED");
        assert_eq!(recompute(&app.app.db).await.unwrap(), []);
    }

    async fn whoever_works_at_a_door_undoes_the_own_scans_for_half_an_hour(app) {
        let lesson = Lesson::new(&app, 2).await;
        let admin = at(&app, &lesson, 0).await;
        let activity = Gid::<ActivityId>::decode(&lesson.festival.activity).unwrap().0;
        let door = app.account(Role::DoorStaff, Over::Activity(activity)).await;
        let (own, theirs) = (lesson.scan(&door, 0, 0, "ENTRY").await, lesson.scan(&admin, 1, 0, "ENTRY").await);
        let refused = lesson.undo(&door, &theirs["scan"]["id"], &app.uuid()).await;
        assert_eq!((&refused["userErrors"][0]["code"], &refused["scan"]), (&json!("NOT_YOURS"), &Value::Null));
        *app.clock() = lesson.starts + TimeDelta::minutes(30);
        let door = app.anew(&door).await;
        let refused = lesson.undo(&door, &own["scan"]["id"], &app.uuid()).await;
        assert_eq!(refused["userErrors"][0]["code"], "NOT_YOURS");
        assert_eq!(app.count("SELECT count(*) FROM scan WHERE direction = 'UNDO'").await, 0);
        let again = lesson.scan(&door, 0, 30, "ENTRY").await;
        let done = lesson.undo(&door, &again["scan"]["id"], &app.uuid()).await;
        assert_eq!(done["userErrors"], json!([]));
    }

    async fn a_correction_stands_over_the_scans_and_both_are_kept(app) {
        let lesson = Lesson::new(&app, 3).await;
        let admin = at(&app, &lesson, 20).await;
        lesson.scan(&admin, 0, 20, "ENTRY").await;
        let done = lesson.correct(&admin, 0, json!("PRESENT")).await;
        assert_eq!(done["userErrors"], json!([]));
        let it = &done["attendance"];
        assert_eq!((&it["status"], &it["byScans"]), (&json!("PRESENT"), &json!("LATE")));
        assert_eq!(it["correction"]["reason"], "以纸质签到表为准");
        for status in ["EXCUSED", "ABSENT", "LEFT_EARLY"] {
            let done = lesson.correct(&admin, 1, json!(status)).await;
            assert_eq!((&done["attendance"]["status"], &done["attendance"]["byScans"]), (&json!(status), &Value::Null));
        }
        // A scan afterwards changes what the scans say, and not what was said.
        lesson.scan(&admin, 1, 5, "ENTRY").await;
        let it = lesson.of(&admin, 1).await;
        assert_eq!((&it["status"], &it["byScans"]), (&json!("LEFT_EARLY"), &json!("PRESENT")));
        let back = lesson.correct(&admin, 1, Value::Null).await;
        assert_eq!((&back["attendance"]["status"], &back["attendance"]["correction"]), (&json!("PRESENT"), &Value::Null));
        let nothing = lesson.correct(&admin, 2, Value::Null).await;
        assert_eq!(nothing["userErrors"][0]["code"], "NOTHING_TO_TAKE_BACK");
        let cancelled = json!({"input": {"registrationId": lesson.tickets[2].registration}});
        admin.run("cancel_registration", cancelled).await;
        let refused = lesson.correct(&admin, 2, json!("PRESENT")).await;
        assert_eq!(refused["userErrors"][0]["code"], "NOT_EXPECTED");
        assert_eq!(app.count("SELECT count(*) FROM correction").await, 5);
        assert_eq!(recompute(&app.app.db).await.unwrap(), []);
    }

    async fn a_correction_of_who_then_cancels_is_in_no_figure(app) {
        let lesson = Lesson::new(&app, 2).await;
        let admin = at(&app, &lesson, 20).await;
        lesson.correct(&admin, 0, json!("EXCUSED")).await;
        assert_eq!(lesson.people(&admin).await["summary"]["excused"], 1);
        let cancelled = json!({"input": {"registrationId": lesson.tickets[0].registration}});
        admin.run("cancel_registration", cancelled).await;
        let people = lesson.people(&admin).await;
        assert_eq!((&people["summary"]["excused"], &people["summary"]["expected"]), (&json!(0), &json!(1)));
        assert_eq!(people["attendances"]["nodes"], json!([]));
        assert_eq!(recompute(&app.app.db).await.unwrap(), []);
    }

    async fn a_closed_session_keeps_its_list_and_shows_what_is_amended(app) {
        let lesson = Lesson::new(&app, 4).await;
        let admin = at(&app, &lesson, -1).await;
        assert_eq!(lesson.close(&admin).await["userErrors"][0]["code"], "NOT_BEGUN");
        let admin = at(&app, &lesson, 170).await;
        lesson.scan(&admin, 0, 0, "ENTRY").await;
        lesson.scan(&admin, 1, 30, "ENTRY").await;
        let closed = lesson.close(&admin).await;
        let summary = |present: i64, late: i64, absent: i64, unexpected: i64, amended: i64| {
            json!({"expected": 4, "present": present, "late": late, "leftEarly": 0, "excused": 0, "absent": absent, "notYet": 0,
                "inside": present + late + unexpected, "unexpected": unexpected, "amended": amended})
        };
        assert_eq!(closed["session"]["summary"], summary(1, 1, 2, 0, 0));
        assert_eq!(lesson.close(&admin).await["userErrors"][0]["code"], "CLOSED_ALREADY");
        let absent = lesson.of(&admin, 3).await;
        assert_eq!((&absent["status"], &absent["byScans"], &absent["expected"]), (&json!("ABSENT"), &Value::Null, &json!(true)));
        // Who comes on the list afterwards was not expected; who leaves it was.
        let guest = json!({"input": {"activityId": lesson.festival.activity, "person": {"name": "李四光", "phone": "13900000000"}}});
        let guest = admin.run("register_attendee", guest).await["registerAttendee"]["registration"]["ticketCode"].take();
        let scan = json!({"sessionId": lesson.festival.session, "ticketCode": guest, "scanId": app.uuid()});
        assert_eq!(admin.run("check_in", json!({"input": scan})).await["checkIn"]["outcome"], "ADMITTED");
        let cancelled = json!({"input": {"registrationId": lesson.tickets[3].registration}});
        admin.run("cancel_registration", cancelled).await;
        assert_eq!(lesson.people(&admin).await["summary"], summary(1, 1, 2, 1, 1));
        // A scan that was made in time and sent later, and a correction: amendments.
        lesson.scan(&admin, 2, -5, "ENTRY").await;
        lesson.correct(&admin, 1, json!("PRESENT")).await;
        assert_eq!(lesson.people(&admin).await["summary"], summary(3, 0, 1, 1, 3));
        let amended = lesson.of(&admin, 2).await;
        assert_eq!((&amended["status"], amended["amendedAt"].is_string()), (&json!("PRESENT"), true));
        assert_eq!(lesson.of(&admin, 0).await["amendedAt"], Value::Null);
        assert_eq!(recompute(&app.app.db).await.unwrap(), []);
    }

    async fn a_session_closes_by_itself_in_its_time(app) {
        let lesson = Lesson::new(&app, 2).await;
        let admin = at(&app, &lesson, 180 + 12 * 60 - 1).await;
        close::close_due(&app.app).await.unwrap();
        assert_eq!(lesson.people(&admin).await["closedAt"], Value::Null);
        let admin = at(&app, &lesson, 180 + 12 * 60).await;
        close::close_due(&app.app).await.unwrap();
        close::close_due(&app.app).await.unwrap();
        let people = lesson.people(&admin).await;
        assert_eq!(people["closedAt"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap(), app.now());
        assert_eq!((&people["summary"]["expected"], &people["summary"]["absent"]), (&json!(2), &json!(2)));
    }

    async fn gates_and_whoever_closes_do_not_lose_anybody(app) {
        let lesson = std::sync::Arc::new(Lesson::new(&app, 16).await);
        let admin = at(&app, &lesson, 5).await;
        let mut acts = JoinSet::new();
        for nth in 0..16 {
            let (lesson, admin) = (lesson.clone(), admin.clone());
            acts.spawn(async move {
                if nth == 7 { lesson.close(&admin).await; }
                lesson.scan(&admin, nth, 0, "ENTRY").await;
            });
        }
        acts.join_all().await;
        let summary = lesson.people(&admin).await["summary"].take();
        assert_eq!((&summary["expected"], &summary["present"], &summary["unexpected"]), (&json!(16), &json!(16), &json!(0)), "{summary}");
        assert_eq!(recompute(&app.app.db).await.unwrap(), []);
    }

    async fn one_scan_sent_fifty_times_from_five_devices_is_one_attendance(app) {
        let lesson = std::sync::Arc::new(Lesson::new(&app, 1).await);
        let admin = at(&app, &lesson, 5).await;
        // Each device has its own id of it, and sends it ten times.
        let ids: Vec<String> = (0..5).map(|_| app.uuid()).collect();
        let mut sent = JoinSet::new();
        for nth in 0..50 {
            let (lesson, admin, id) = (lesson.clone(), admin.clone(), ids[nth % 5].clone());
            sent.spawn(async move {
                let input = json!({"sessionId": lesson.festival.session, "ticketCode": lesson.tickets[0].code, "scanId": id, "gate": format!("{}号门", nth % 5)});
                let done = loop {
                    let mut answer = admin.send(CHECK_IN, json!({"input": input})).await;
                    // A rival that takes the same scan at this moment: a device sends it again.
                    if answer["errors"][0]["extensions"]["code"] != "CONFLICT" { break answer["data"]["checkIn"].take(); }
                };
                (done["outcome"].as_str().unwrap().to_owned(), done["replayed"].as_bool().unwrap())
            });
        }
        let told = sent.join_all().await;
        let count = |outcome: &str, replayed: bool| told.iter().filter(|it| it.0 == outcome && it.1 == replayed).count();
        assert_eq!((count("ADMITTED", false), count("ALREADY_IN", false)), (1, 4), "{told:?}");
        assert_eq!(count("ADMITTED", true) + count("ALREADY_IN", true), 45, "{told:?}");
        assert_eq!(app.count("SELECT count(*) FROM scan").await, 5);
        assert_eq!(app.count("SELECT count(*) FROM attendance").await, 1);
        assert_eq!(lesson.people(&admin).await["summary"]["present"], 1);
    }

    async fn whatever_is_done_in_whatever_order_recomputing_gives_the_same(app) {
        let lesson = Lesson::new(&app, 5).await;
        let admin = at(&app, &lesson, 185).await;
        let act = (0..6_u8, 0..5_usize, -60..200_i64);
        let rounds = proptest::collection::vec(act, 40);
        let mut runner = TestRunner::deterministic();
        for _ in 0..2 {
            let mut taken: Vec<Value> = Vec::new();
            for (what, nth, minutes) in rounds.new_tree(&mut runner).unwrap().current() {
                match what {
                    0..=1 => taken.push(lesson.scan(&admin, nth, minutes, "ENTRY").await),
                    2 => taken.push(lesson.scan(&admin, nth, minutes, "EXIT").await),
                    3 if !taken.is_empty() => {
                        let at = usize::try_from(minutes + 60).unwrap() % taken.len();
                        lesson.undo(&admin, &taken[at]["scan"]["id"], &app.uuid()).await;
                    }
                    4 => drop(lesson.correct(&admin, nth, json!(["PRESENT", "LATE", "EXCUSED", "ABSENT"][nth % 4])).await),
                    _ => drop(lesson.correct(&admin, nth, Value::Null).await),
                }
                let summary = lesson.people(&admin).await["summary"].take();
                let of = |key: &str| summary[key].as_i64().unwrap();
                assert_eq!(of("expected"), of("present") + of("late") + of("excused") + of("absent") + of("notYet"), "{summary}");
            }
            assert_eq!(recompute(&app.app.db).await.unwrap(), []);
            lesson.close(&admin).await;
        }
        // And a row that is not what is on record is found.
        let connection = Database::connect(&app.url).await.unwrap();
        connection.execute_unprepared("UPDATE attendance SET status = 'EXCUSED', by_scans = 'EXCUSED', first_in_at = NULL, first_gate = NULL, first_scan_id = NULL").await.unwrap();
        let found = recompute(&app.app.db).await.unwrap();
        assert!(found.iter().any(|it| matches!(it, Difference::Attendance { .. })), "{found:?}");
        assert!(found.iter().any(|it| matches!(it, Difference::Figures { .. })), "{found:?}");
    }
}
