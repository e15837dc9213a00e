//! A day begins at 00:00 in the activity's own zone, wherever the server is. All instants are written as UTC has them.

use axum::http::Request;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::{
    app::{Festival, TestApp, on_both},
    fixture::text,
    self_check_in::{OTHER, PHONE, attendee, claim, code, come, exchange, instant},
};

/// A session that begins half an hour before a day does, one that begins ten minutes after, and the day. The first three
/// pairs are on one day of UTC; of the others the zone's clock was set back on the day before, stands at a quarter of an
/// hour, or is 14 hours ahead.
const MIDNIGHTS: &[(&str, &str, &str, &str)] = &[
    ("Asia/Shanghai", "2026-11-05T15:30:00Z", "2026-11-05T16:10:00Z", "2026-11-06"),
    ("America/New_York", "2026-11-06T04:30:00Z", "2026-11-06T05:10:00Z", "2026-11-06"),
    ("Europe/London", "2027-06-05T22:30:00Z", "2027-06-05T23:10:00Z", "2027-06-06"),
    ("America/New_York", "2026-11-02T04:30:00Z", "2026-11-02T05:10:00Z", "2026-11-02"),
    ("Asia/Kathmandu", "2026-11-05T17:45:00Z", "2026-11-05T18:25:00Z", "2026-11-06"),
    ("Pacific/Kiritimati", "2026-11-05T09:30:00Z", "2026-11-05T10:10:00Z", "2026-11-06"),
];

/// A published activity with sessions of an hour each.
async fn activity(
    app: &TestApp,
    zone: &str,
    begin: &[&str],
    more: &Value,
) -> (Festival, Vec<String>) {
    let admin = app.anew(app.organiser()).await;
    let input = json!({"kind": "ACADEMY", "title": "学院", "year": 2026, "ownerId": app.root_id()});
    let programme = admin.run("create_programme", json!({"input": input})).await;
    let programme = text(&programme["createProgramme"]["programme"]["id"]);
    let session = |from: &&str| {
        let ends = instant(&json!(from)) + TimeDelta::hours(1);
        let mut it = json!({"title": from, "startsAt": from, "endsAt": ends.to_rfc3339(), "selfCheckIn": true});
        it.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        it
    };
    let sessions: Vec<Value> = begin.iter().map(session).collect();
    let input =
        json!({"programmeId": programme, "title": "夜校", "timeZone": zone, "sessions": sessions});
    let made = admin.run("create_activity", json!({"input": input})).await;
    let it = &made["createActivity"]["activity"];
    let sessions: Vec<String> =
        it["sessions"].as_array().unwrap().iter().map(|it| text(&it["id"])).collect();
    let activity = text(&it["id"]);
    admin.run("publish_activity", json!({"input": {"activityId": activity}})).await;
    (Festival { programme, activity, session: sessions[0].clone() }, sessions)
}

/// Registers somebody, who belongs to the class from a day or until a day.
async fn register(
    app: &TestApp,
    on: &Festival,
    name: &str,
    phone: &str,
    sets: Option<(&str, &str)>,
) -> String {
    let admin = app.anew(app.organiser()).await;
    let input = json!({"activityId": on.activity, "person": {"name": name, "phone": phone}});
    let made = admin.run("register_attendee", json!({"input": input})).await;
    let id = text(&made["registerAttendee"]["registration"]["id"]);
    if let Some((column, day)) = sets {
        let of = "person_id = (SELECT id FROM person WHERE name =";
        let sql = format!("UPDATE registration SET {column} = '{day}' WHERE {of} '{name}')");
        app.by_hand(async |tx| Ok(tx.execute_unprepared(&sql).await.map(drop)?)).await;
    }
    id
}

async fn summary(app: &TestApp, session: &str) -> Value {
    let admin = app.anew(app.organiser()).await;
    let data = admin.run("attendance_summary", json!({"sessionId": session})).await;
    data["session"]["summary"].clone()
}

/// What the door says to somebody.
async fn at_door(app: &TestApp, session: &str, registration: &str) -> String {
    let admin = app.anew(app.organiser()).await;
    let input = json!({"sessionId": session, "registrationId": registration, "scanId": app.uuid()});
    text(&admin.run("check_in", json!({"input": input})).await["checkIn"]["outcome"])
}

on_both! {
    async fn who_belongs_to_a_class_by_the_day_belongs_to_its_sessions_of_the_zones_day(app) {
        for ((zone, before, after, day), nth) in MIDNIGHTS.iter().zip("一二三四五六".chars()) {
            let (class, sessions) = activity(&app, zone, &[before, after], &json!({})).await;
            let comes = format!("来{nth}");
            let goes = format!("去{nth}");
            let comes = register(&app, &class, &comes, "13900000001", Some(("enrolled_on", day))).await;
            let goes = register(&app, &class, &goes, "13900000002", Some(("withdrawn_on", day))).await;
            let all = ["before", "after"].iter().zip(&sessions).zip([before, after]);
            for ((which, session), starts) in all {
                *app.clock() = instant(&json!(starts));
                assert_eq!(summary(&app, session).await["expected"], 1, "{zone}, {which}");
                let (here, elsewhere) = if *which == "before" { (&goes, &comes) } else { (&comes, &goes) };
                assert_eq!(at_door(&app, session, elsewhere).await, "NOT_CONFIRMED", "{zone}, {which}");
                assert_eq!(at_door(&app, session, here).await, "ADMITTED", "{zone}, {which}");
            }
        }
    }

    async fn a_session_that_is_closed_freezes_those_of_its_own_day(app) {
        for ((zone, before, after, day), nth) in MIDNIGHTS.iter().zip("一二".chars()) {
            let (class, sessions) = activity(&app, zone, &[before, after], &json!({})).await;
            register(&app, &class, &format!("张{nth}"), "13900000001", None).await;
            register(&app, &class, &format!("来{nth}"), "13900000002", Some(("enrolled_on", day))).await;
            *app.clock() = instant(&json!(after)) + TimeDelta::hours(2);
            for (session, expected) in sessions.iter().zip([1, 2]) {
                let admin = app.anew(app.organiser()).await;
                let done = admin.run("close_session", json!({"input": {"sessionId": session}})).await;
                assert_eq!(done["closeSession"]["userErrors"], json!([]), "{done}");
                let it = summary(&app, session).await;
                assert_eq!((&it["expected"], &it["absent"]), (&json!(expected), &json!(expected)), "{zone}: {it}");
            }
        }
    }

    async fn a_session_over_midnight_is_one_session(app) {
        // From 23:30 to 00:30 in Shanghai. Steps of 17 seconds do not turn at midnight.
        let more = json!({"lateAt": "2026-11-05T16:05:00Z", "codeSeconds": 17});
        let (class, _) = activity(&app, "Asia/Shanghai", &["2026-11-05T15:30:00Z"], &more).await;
        let midnight: DateTime<Utc> = "2026-11-05T16:00:00Z".parse().unwrap();
        for (name, phone) in [("张三丰", PHONE), ("周芷若", OTHER), ("赵敏敏", "13800000003")] {
            register(&app, &class, name, phone, None).await;
        }
        // Scanned on the fifth, and used on the sixth when others are late already.
        *app.clock() = midnight - TimeDelta::seconds(10);
        let early = claim(&app, &class.session, "甲").await;
        let shown = code(&app, &class.session).await;
        *app.clock() = midnight + TimeDelta::seconds(3);
        let payload = exchange(&app.anonymous(), &class.session, &shown, "乙").await;
        let over = text(&payload["claim"]["token"]);
        *app.clock() = midnight + TimeDelta::seconds(7 * 60 + 50);
        let late = claim(&app, &class.session, "丙").await;
        for (phone, claim, status, at) in [
            (PHONE, early, "PRESENT", midnight - TimeDelta::seconds(10)),
            (OTHER, over, "PRESENT", midnight + TimeDelta::seconds(3)),
            ("13800000003", late, "LATE", app.now()),
        ] {
            let me = attendee(&app, phone).await;
            let payload = come(&app, &me, &claim, json!({})).await;
            assert_eq!((&payload["outcome"], &payload["status"]), (&json!("ADMITTED"), &json!(status)), "{payload}");
            assert_eq!(instant(&payload["firstInAt"]), at);
        }
        let it = summary(&app, &class.session).await;
        assert_eq!((&it["expected"], &it["present"], &it["late"]), (&json!(3), &json!(2), &json!(1)), "{it}");
        // Whoever reads the list reads the clock of the place.
        let admin = app.anew(app.organiser()).await;
        let input = json!({"activityId": class.activity, "format": "CSV", "purpose": "活动总结"});
        let made = admin.run("create_export", json!({"input": input})).await;
        let url = text(&made["createExport"]["export"]["url"]);
        let answer = app.anonymous().request(Request::get(url), axum::body::Body::empty()).await;
        let list = String::from_utf8(answer.body).unwrap();
        for at in ["2026-11-05 23:59:50", "2026-11-06 00:00:03", "2026-11-06 00:07:50"] {
            assert!(list.contains(at), "{at}: {list}");
        }
    }
}
