//! Leave: who decides by its length, what it excuses from, and what may not be asked for.

use chrono::TimeDelta;
use entity::{message, role_grant::Role};
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::{
    app::{Client, TestApp, on_both},
    attendee::attendee,
    class::{School, here, instant, made, outcome},
    fixture::{an_activity, organisation, programme, text},
};

const PHONE: &str = "13800000001";

/// Three days: mornings and afternoons.
const DAYS: &[(&str, &str)] = &[
    ("2026-11-03T09:00", "2026-11-03T12:00"),
    ("2026-11-03T14:00", "2026-11-03T17:00"),
    ("2026-11-04T09:00", "2026-11-04T12:00"),
    ("2026-11-04T14:00", "2026-11-04T17:00"),
    ("2026-11-05T09:00", "2026-11-05T12:00"),
    ("2026-11-05T14:00", "2026-11-05T17:00"),
];

/// Leave from a half-day to another: `03 M` is the morning of 3 November.
fn leave(registration: &str, from: &str, until: &str) -> Value {
    let half = |it: &str| {
        let half = if it.ends_with('M') { "MORNING" } else { "AFTERNOON" };
        json!({"on": format!("2026-11-{}", &it[..2]), "half": half})
    };
    json!({"registrationId": registration, "kind": "PERSONAL", "from": half(from), "until": half(until), "reason": "家中有事"})
}

async fn ask(client: &Client, registration: &str, from: &str, until: &str) -> Value {
    made(client, "request_leave", leave(registration, from, until)).await["leave"].take()
}

async fn approve(client: &Client, leave: &Value) -> String {
    outcome(client, "decide_leave", json!({"leaveId": leave["id"], "verdict": "APPROVE"})).await
}

/// An approved leave.
async fn granted(app: &TestApp, registration: &str, from: &str, until: &str) -> Value {
    let admin = app.anew(app.organiser()).await;
    let it = ask(&admin, registration, from, until).await;
    assert_eq!(approve(&admin, &it).await, "ok");
    it
}

/// Moves a session of a class.
async fn moved(app: &TestApp, session: &str, from: &str, until: &str) {
    let input = json!({"sessionId": session, "session": {"title": "课", "startsAt": here(from), "endsAt": here(until)}});
    made(&app.anew(app.organiser()).await, "update_session", input).await;
}

/// How somebody attended, session by session, with the time at which each begins.
async fn attended(app: &TestApp, registration: &str) -> Vec<(String, String)> {
    let document =
        "query($id: ID!) { registration(id: $id) { attendances { status session { startsAt } } } }";
    let client = app.anew(app.organiser()).await;
    let found = client.ask(document, json!({"id": registration})).await;
    let all = found["registration"]["attendances"].as_array().unwrap().iter();
    let mut all: Vec<_> = all
        .map(|it| (text(&it["session"]["startsAt"])[..13].to_owned(), text(&it["status"])))
        .collect();
    all.sort();
    all
}

/// A class in a district, a trainee whom a chamber there recommends, and the ids of district and chamber.
async fn district(app: &TestApp) -> (School, String, [String; 2]) {
    let admin = app.organiser();
    let below = async |parent: &str, kind: &str, name: &str| {
        let input = json!({"parentId": parent, "kind": kind, "name": name});
        text(&made(admin, "create_organisation", input).await["organisation"]["id"])
    };
    let district = below(&app.root_id(), "FEDERATION", "鹿城区工商联").await;
    let chamber = below(&app.root_id(), "CHAMBER", "鞋业商会").await;
    let programme =
        json!({"kind": "ACADEMY", "title": "学院", "year": 2026, "ownerId": app.root_id()});
    let programme = text(&made(admin, "create_programme", programme).await["programme"]["id"]);
    let school = School::of(app, &programme, &district, None, DAYS).await;
    let input = json!({"activityId": school.activity, "organisationId": chamber, "seats": 5});
    made(admin, "set_allocation", input).await;
    let person = json!({"name": "张三丰", "phone": PHONE});
    let input = json!({"activityId": school.activity, "organisationId": chamber, "person": person});
    let it = made(admin, "recommend_attendee", input).await["registration"].take();
    assert_eq!(it["status"], "CONFIRMED");
    (school, text(&it["id"]), [district, chamber])
}

on_both! {
    async fn the_longer_the_higher_who_decides(app) {
        let (school, trainee, [district, chamber]) = district(&app).await;
        let below = json!({"parentId": app.root_id(), "kind": "FEDERATION", "name": "瑞安市工商联"});
        let neighbour = text(&made(app.organiser(), "create_organisation", below).await["organisation"]["id"]);
        let who = [
            ("class teacher", app.account(Role::Organiser, an_activity(&school.activity)).await),
            ("programme", app.account(Role::Organiser, programme(&school.programme)).await),
            ("host", app.account(Role::Organiser, organisation(&district)).await),
            ("head", app.account(Role::OrgAdmin, organisation(&district)).await),
            ("sender", app.account(Role::OrgAdmin, organisation(&chamber)).await),
            ("liaison", app.account(Role::Liaison, organisation(&chamber)).await),
            ("liaison of host", app.account(Role::Liaison, organisation(&district)).await),
            ("door", app.account(Role::DoorStaff, an_activity(&school.activity)).await),
            ("neighbour", app.account(Role::OrgAdmin, organisation(&neighbour)).await),
        ];
        let mut table = Vec::new();
        for (name, client) in &who {
            let mut said = Vec::new();
            for (from, until) in [("03M", "03M"), ("03M", "03A"), ("03M", "04M")] {
                let it = ask(app.organiser(), &trainee, from, until).await;
                said.push(approve(client, &it).await);
                made(app.organiser(), "withdraw_leave", json!({"leaveId": it["id"]})).await;
            }
            table.push((*name, said.join(" ")));
        }
        assert_eq!(table, [
            ("class teacher", "ok FORBIDDEN FORBIDDEN".to_owned()),
            ("programme", "ok ok FORBIDDEN".to_owned()),
            ("host", "ok ok FORBIDDEN".to_owned()),
            ("head", "ok ok ok".to_owned()),
            ("sender", "FORBIDDEN FORBIDDEN ok".to_owned()),
            ("liaison", "FORBIDDEN FORBIDDEN FORBIDDEN".to_owned()),
            ("liaison of host", "NOT_FOUND NOT_FOUND NOT_FOUND".to_owned()),
            ("door", "NOT_FOUND NOT_FOUND NOT_FOUND".to_owned()),
            ("neighbour", "NOT_FOUND NOT_FOUND NOT_FOUND".to_owned()),
        ]);
        // Who may decide finds it in a list, and nobody else does.
        let it = ask(app.organiser(), &trainee, "03M", "04M").await;
        let mut sees = Vec::new();
        for (name, client) in &who {
            let found = client.send(&crate::app::document("leaves"), json!({"activityId": school.activity, "filter": {"status": ["ASKED"]}})).await;
            if found.to_string().contains(&text(&it["id"])) {
                sees.push(*name);
            }
        }
        assert_eq!(sees, ["class teacher", "programme", "host", "head", "sender", "liaison"]);
    }

    async fn the_ladder_is_the_class_or_the_series(app) {
        let (school, trainee, [district, _]) = district(&app).await;
        let rung = async |from: &str, until: &str| {
            let it = ask(app.organiser(), &trainee, from, until).await;
            made(app.organiser(), "withdraw_leave", json!({"leaveId": it["id"]})).await;
            text(&it["rung"])
        };
        assert_eq!(rung("03M", "03A").await, "ACADEMIC");
        let ladder = |teacher: i32, academic: i32| json!({"teacherHalfDays": teacher, "academicHalfDays": academic});
        let input = json!({"organisationId": district, "title": "班", "leaveLadder": ladder(2, 3)});
        let series = made(app.organiser(), "create_series", input).await["series"]["id"].take();
        made(app.organiser(), "set_class", json!({"activityId": school.activity, "seriesId": series})).await;
        assert_eq!((rung("03M", "03A").await, rung("03M", "04M").await), ("TEACHER".to_owned(), "ACADEMIC".to_owned()));
        let input = json!({"activityId": school.activity, "seriesId": series, "leaveLadder": ladder(0, 0)});
        made(app.organiser(), "set_class", input).await;
        assert_eq!(rung("03M", "03M").await, "HEAD");
    }

    async fn leave_excuses_by_itself(app) {
        let school = School::open(&app, &app.root_id(), DAYS).await;
        let (trainee, _) = school.enrol(&app, "张三丰", PHONE).await;
        school.enrol(&app, "周芷若", "13800000002").await;
        let excused = async || school.figures(&app, "excused").await;
        let it = ask(app.organiser(), &trainee, "03A", "04M").await;
        assert_eq!(it["halfDays"], 2);
        assert_eq!(it["sessions"].as_array().unwrap().len(), 2);
        assert_eq!(excused().await, [0; 6]);
        assert_eq!(approve(app.organiser(), &it).await, "ok");
        assert_eq!(excused().await, [0, 1, 1, 0, 0, 0]);
        // A session is moved out of it, and back; another is moved in, and one is added.
        moved(&app, &school.sessions[1], "2026-11-06T14:00", "2026-11-06T17:00").await;
        assert_eq!(excused().await, [0, 0, 1, 0, 0, 0]);
        moved(&app, &school.sessions[1], "2026-11-03T14:00", "2026-11-03T17:00").await;
        moved(&app, &school.sessions[5], "2026-11-03T19:00", "2026-11-03T21:00").await;
        assert_eq!(excused().await, [0, 1, 1, 0, 0, 1]);
        // A morning until ten past twelve is no part of the afternoon.
        moved(&app, &school.sessions[0], "2026-11-03T09:00", "2026-11-03T12:10").await;
        assert_eq!(excused().await, [0, 1, 1, 0, 0, 1]);
        let session = json!({"title": "晚课", "startsAt": here("2026-11-03T22:00"), "endsAt": here("2026-11-03T23:00")});
        let input = json!({"activityId": school.activity, "session": session});
        made(app.organiser(), "create_session", input).await;
        assert_eq!(app.count("SELECT count(*) FROM attendance WHERE status = 'EXCUSED'").await, 4);
        // Back early: the sessions after it expect the trainee again.
        let end = |at: &str| json!({"leaveId": it["id"], "at": here(at)});
        assert_eq!(outcome(app.organiser(), "end_leave", end("2026-11-03T12:00")).await, "NOT_WITHIN");
        assert_eq!(outcome(app.organiser(), "end_leave", end("2026-11-04T12:00")).await, "NOT_WITHIN");
        made(app.organiser(), "end_leave", end("2026-11-03T20:00")).await;
        assert_eq!(excused().await, [0, 1, 0, 0, 0, 1]);
        assert_eq!(outcome(app.organiser(), "end_leave", end("2026-11-03T20:00")).await, "ok");
        assert_eq!(outcome(app.organiser(), "end_leave", end("2026-11-03T21:00")).await, "NOT_WITHIN");
        made(app.organiser(), "end_leave", end("2026-11-03T19:10")).await;
        assert_eq!(excused().await, [0, 1, 0, 0, 0, 0]);
        // What is free again may be asked for again.
        granted(&app, &trainee, "04M", "04M").await;
        assert_eq!(excused().await, [0, 1, 1, 0, 0, 0]);
        made(app.organiser(), "withdraw_leave", json!({"leaveId": it["id"]})).await;
        assert_eq!(excused().await, [0, 0, 1, 0, 0, 0]);
        assert_eq!(school.figures(&app, "expected").await, [2; 6]);
    }

    async fn whoever_comes_in_spite_of_leave_has_come(app) {
        let school = School::open(&app, &app.root_id(), DAYS).await;
        let (trainee, code) = school.enrol(&app, "张三丰", PHONE).await;
        granted(&app, &trainee, "03M", "03A").await;
        *app.clock() = instant("2026-11-03T08:50");
        let scan = json!({"sessionId": school.sessions[0], "ticketCode": code, "scanId": app.uuid()});
        let client = app.anew(app.organiser()).await;
        assert_eq!(made(&client, "check_in", scan).await["outcome"], "ADMITTED");
        let all = attended(&app, &trainee).await;
        let statuses: Vec<&str> = all.iter().map(|it| it.1.as_str()).collect();
        assert_eq!(statuses, ["PRESENT", "EXCUSED"]);
        assert_eq!(school.figures(&app, "present").await, [1, 0, 0, 0, 0, 0]);
        assert_eq!(school.figures(&app, "excused").await, [0, 1, 0, 0, 0, 0]);
    }

    async fn what_may_not_be_asked_for(app) {
        let school = School::open(&app, &app.root_id(), &DAYS[..4]).await;
        let (trainee, _) = school.enrol(&app, "张三丰", PHONE).await;
        let (other, _) = school.enrol(&app, "周芷若", "13800000002").await;
        let (gone, _) = school.enrol(&app, "赵敏敏", "13800000003").await;
        made(app.organiser(), "cancel_registration", json!({"registrationId": gone})).await;
        let festival = app.festival(None, &[]).await;
        let guest = festival.register(&app, "谢逊", "13800000004").await.registration;
        granted(&app, &trainee, "03A", "03A").await;
        let asked = ask(app.organiser(), &other, "04M", "04M").await;
        let mut empty = leave(&other, "03M", "03M");
        empty["reason"] = json!(" ");
        for (input, code) in [
            (leave(&trainee, "03M", "04M"), "OVERLAPS"),
            (leave(&other, "04M", "04A"), "OVERLAPS"),
            (leave(&trainee, "05M", "06A"), "NO_SESSION"),
            (leave(&trainee, "02M", "02A"), "NO_SESSION"),
            (leave(&trainee, "04M", "03A"), "SPAN_INVALID"),
            (leave(&gone, "03M", "03M"), "NOT_A_TRAINEE"),
            (leave(&guest, "01M", "01M"), "NOT_A_CLASS"),
            (empty, "REASON_MISSING"),
        ] {
            assert_eq!(outcome(app.organiser(), "request_leave", input.clone()).await, code, "{input}");
        }
        assert_eq!(app.count("SELECT count(*) FROM leave").await, 2);
        let decline = |reason: Value| json!({"leaveId": asked["id"], "verdict": "DECLINE", "reason": reason});
        assert_eq!(outcome(app.organiser(), "decide_leave", decline(json!(null))).await, "REASON_MISSING");
        made(app.organiser(), "decide_leave", decline(json!("课程重要"))).await;
        assert_eq!(approve(app.organiser(), &asked).await, "WRONG_STATUS");
        assert_eq!(outcome(app.organiser(), "end_leave", json!({"leaveId": asked["id"], "at": here("2026-11-04T10:00")})).await, "WRONG_STATUS");
        assert_eq!(outcome(app.organiser(), "withdraw_leave", json!({"leaveId": asked["id"]})).await, "WRONG_STATUS");
        // What was declined stands in nobody's way.
        ask(app.organiser(), &other, "04M", "04M").await;
        assert_eq!(school.figures(&app, "excused").await, [0, 1, 0, 0]);
    }

    async fn of_two_who_decide_one_does(app) {
        let (school, trainee, [district, _]) = district(&app).await;
        let teacher = app.account(Role::Organiser, an_activity(&school.activity)).await;
        let head = app.account(Role::OrgAdmin, organisation(&district)).await;
        for (from, until) in [("03M", "03M"), ("03A", "03A"), ("04M", "04M"), ("04A", "04A")] {
            let it = ask(&teacher, &trainee, from, until).await;
            let say = |verdict: &str| json!({"leaveId": it["id"], "verdict": verdict, "reason": "知悉"});
            let (a, b) = tokio::join!(
                outcome(&teacher, "decide_leave", say("APPROVE")),
                outcome(&head, "decide_leave", say("DECLINE")),
            );
            let mut said = [a, b];
            said.sort();
            assert_eq!(said, ["WRONG_STATUS", "ok"]);
        }
        let approved = app.count("SELECT count(*) FROM leave WHERE status = 'APPROVED'").await;
        assert_eq!(app.count("SELECT count(*) FROM excuse").await, approved);
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action = 'DecideLeave'").await, 4);
        // The same request sent again, and at once, is one leave.
        let mut input = leave(&trainee, "05M", "05M");
        input["idempotencyKey"] = json!("五");
        let send = || made(&teacher, "request_leave", input.clone());
        let (a, b, c) = tokio::join!(send(), send(), send());
        assert!(a == b && b == c);
        assert_eq!(app.count("SELECT count(*) FROM leave").await, 5);
    }

    async fn a_trainee_asks_by_phone(app) {
        let school = School::open(&app, &app.root_id(), DAYS).await;
        let (trainee, _) = school.enrol(&app, "张三丰", PHONE).await;
        school.enrol(&app, "周芷若", "13800000002").await;
        *app.clock() = instant("2026-11-03T10:00");
        let (me, other) = (attendee(&app, PHONE).await, attendee(&app, "13800000002").await);
        assert_eq!(outcome(&other, "request_my_leave", leave(&trainee, "04M", "04M")).await, "NOT_FOUND");
        assert_eq!(outcome(&app.anonymous(), "request_my_leave", leave(&trainee, "04M", "04M")).await, "UNAUTHENTICATED");
        assert_eq!(outcome(&me, "request_my_leave", leave(&trainee, "02A", "04M")).await, "PAST");
        let mut input = leave(&trainee, "03A", "04A");
        input["idempotencyKey"] = json!("一次");
        let it = made(&me, "request_my_leave", input.clone()).await["leave"].take();
        assert_eq!(made(&me, "request_my_leave", input).await["leave"], it);
        assert_eq!((&it["status"], &it["rung"]), (&json!("ASKED"), &json!("HEAD")));
        let withdraw = json!({"leaveId": it["id"]});
        assert_eq!(outcome(&other, "withdraw_my_leave", withdraw.clone()).await, "NOT_FOUND");
        let admin = app.anew(app.organiser()).await;
        assert_eq!(approve(&admin, &it).await, "ok");
        let shown = me.run("me", json!({})).await;
        assert_eq!(shown["me"]["registrations"][0]["leaves"][0]["status"], "APPROVED");
        assert_eq!(school.figures(&app, "excused").await, [0, 1, 1, 1, 0, 0]);
        made(&me, "withdraw_my_leave", withdraw.clone()).await;
        assert_eq!(school.figures(&app, "excused").await, [0; 6]);
        assert_eq!(outcome(&me, "withdraw_my_leave", withdraw).await, "WRONG_STATUS");
        // Once it has begun, it is ended and not taken back.
        let it = made(&me, "request_my_leave", leave(&trainee, "03M", "03A")).await["leave"].take();
        assert_eq!(approve(&admin, &it).await, "ok");
        assert_eq!(outcome(&me, "withdraw_my_leave", json!({"leaveId": it["id"]})).await, "BEGUN");
        let liaison = app.account(Role::Liaison, organisation(&app.root_id())).await;
        assert_eq!(outcome(&liaison, "withdraw_leave", json!({"leaveId": it["id"]})).await, "NOT_FOUND");
        made(&admin, "withdraw_leave", json!({"leaveId": it["id"], "reason": "批错"})).await;
        assert_eq!(app.count("SELECT count(*) FROM excuse").await, 0);
    }

    async fn the_trainee_is_told(app) {
        let school = School::open(&app, &app.root_id(), DAYS).await;
        let (trainee, _) = school.enrol(&app, "张三丰", PHONE).await;
        for (occasion, words) in [("LEAVE_APPROVED", "{{姓名}}，已准假"), ("LEAVE_DECLINED", "{{姓名}}，未准假：{{原因}}")] {
            let input = json!({"activityId": school.activity, "occasion": occasion, "channel": "SMS", "text": words});
            made(app.organiser(), "set_message_template", input).await;
        }
        granted(&app, &trainee, "03M", "03M").await;
        let it = ask(app.organiser(), &trainee, "04M", "04M").await;
        made(app.organiser(), "decide_leave", json!({"leaveId": it["id"], "verdict": "DECLINE", "reason": "当天考试"})).await;
        let told = message::Entity::find().all(app.app.db.read()).await.unwrap();
        let mut texts: Vec<String> = told.into_iter().map(|it| it.text).collect();
        texts.sort();
        assert_eq!(texts, ["张三丰，已准假", "张三丰，未准假：当天考试"]);
    }

    async fn a_late_note_amends_what_was_closed(app) {
        let school = School::open(&app, &app.root_id(), DAYS).await;
        let (trainee, _) = school.enrol(&app, "张三丰", PHONE).await;
        *app.clock() = instant("2026-11-03T17:30");
        let admin = app.anew(app.organiser()).await;
        let close = "mutation($input: CloseSessionInput!) { closeSession(input: $input) { userErrors { code } } }";
        let closed = admin.ask(close, json!({"input": {"sessionId": school.sessions[0]}})).await;
        assert_eq!(closed["closeSession"]["userErrors"], json!([]));
        assert_eq!(school.figures(&app, "absent").await[..2], [1, 1]);
        granted(&app, &trainee, "03M", "03A").await;
        assert_eq!(school.figures(&app, "excused").await[..2], [1, 1]);
        assert_eq!(school.figures(&app, "absent").await[..2], [0, 0]);
        assert_eq!(school.figures(&app, "amended").await[..2], [1, 0]);
        // Behind the day the class teacher notes it still; the trainee does not.
        *app.clock() += TimeDelta::days(1);
        let (trainee, _) = school.enrol(&app, "周芷若", "13800000002").await;
        let me = attendee(&app, "13800000002").await;
        assert_eq!(outcome(&me, "request_my_leave", leave(&trainee, "03M", "03M")).await, "PAST");
        granted(&app, &trainee, "03M", "03M").await;
    }
}
