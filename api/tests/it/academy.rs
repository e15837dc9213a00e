//! A class of 69 from its enrolment to its certificates. What it comes to was worked out by hand.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{
    app::{TestApp, document, on_both},
    fixture::text,
    school::{Class, asked, completion, hours, made},
};

/// Six days, each with a morning and an afternoon of four hours: twelve sessions, 48 hours.
const SESSIONS: [&str; 12] = [
    "2026-11-02T01:00:00Z",
    "2026-11-02T06:00:00Z",
    "2026-11-03T01:00:00Z",
    "2026-11-03T06:00:00Z",
    "2026-11-04T01:00:00Z",
    "2026-11-04T06:00:00Z",
    "2026-11-05T01:00:00Z",
    "2026-11-05T06:00:00Z",
    "2026-11-06T01:00:00Z",
    "2026-11-06T06:00:00Z",
    "2026-11-07T01:00:00Z",
    "2026-11-07T06:00:00Z",
];

/// How somebody comes to a session.
#[derive(Clone, Copy, PartialEq)]
enum Comes {
    InTime,
    Late,
    Not,
}

/// The 69, by their numbers.
///
/// | who | what | hours | |
/// |---|---|---|---|
/// | 0–49 | there at all twelve sessions | 12 × 4 = 48 | complete |
/// | 50–53 | late at sessions 0, 2, 4, which earns a half | 48 - 3 × 2 = 42; 3 lates are an absence | complete |
/// | 54–57 | leave for session 3 | 48 - 4 = 44; 4 of leave, and a seventh of 48 is 6.85 | complete |
/// | 58, 59 | leave for a day, sessions 6 and 7 | 48 - 8 = 40; 8 of leave are too much | 58 makes up for one: 44, 4 of leave |
/// | 60–62 | away from sessions 8, 9, 10 | 48 - 12 = 36, of which 40 are needed; 3 absences of 2 | 60 makes up for one online: 40, 2 |
/// | 63, 64 | in the class from the third day | 8 × 4 = 32 | fail |
/// | 65, 66 | out of it from the fourth day | 6 × 4 = 24 | fail |
/// | 67 | asked for leave from session 11 in vain | 48 - 4 = 44; 1 absence | completes |
/// | 68 | there always, and failed the exam | 48 | fails |
fn comes(who: usize, session: usize) -> Comes {
    match (who, session) {
        (50..=53, 0 | 2 | 4) => Comes::Late,
        (54..=57, 3)
        | (58..=59, 6 | 7)
        | (60..=62, 8..=10)
        | (63..=64, 0..=3)
        | (65..=66, 6..)
        | (67, 11) => Comes::Not,
        _ => Comes::InTime,
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Asks for leave on a day of November, and decides.
async fn leave(app: &TestApp, who: &str, day: &str, halves: [&str; 2], verdict: &str) {
    let half = |half: &str| json!({"on": format!("2026-11-{day}"), "half": half});
    let input = json!({"registrationId": who, "kind": "PERSONAL", "from": half(halves[0]), "until": half(halves[1]), "reason": "家中有事"});
    let asked = made(app, "request_leave", input).await["leave"]["id"].take();
    let input = json!({"leaveId": asked, "verdict": verdict, "reason": "按规定"});
    made(app, "decide_leave", input).await;
}

/// Everybody comes to the session of an index, or not; then it is closed.
async fn hold(app: &TestApp, class: &Class, people: &[String], session: usize) {
    let start = at(SESSIONS[session]);
    for (minutes, how) in [(-5, Comes::InTime), (20, Comes::Late)] {
        *app.clock() = start + TimeDelta::minutes(minutes);
        let door = app.anew(app.organiser()).await;
        for (nth, who) in people.iter().enumerate().filter(|it| comes(it.0, session) == how) {
            let input = json!({"sessionId": class.sessions[session], "registrationId": who, "scanId": app.uuid()});
            let answer = door.run("check_in", json!({"input": input})).await;
            assert_eq!(answer["checkIn"]["outcome"], "ADMITTED", "{nth} at {session}: {answer}");
        }
    }
    *app.clock() = start + TimeDelta::hours(4);
    class.close(app, session).await;
}

/// The five figures of a session.
async fn figures(app: &TestApp, session: &str) -> [i64; 5] {
    let found = asked(app, &document("attendance_summary"), json!({"sessionId": session})).await;
    let it = found["session"]["summary"].clone();
    ["expected", "present", "late", "excused", "absent"].map(|key| it[key].as_i64().unwrap())
}

async fn certificates(app: &TestApp, class: &Class) -> Vec<Value> {
    let variables = json!({"activityId": class.id, "first": 100});
    let found = asked(app, &document("certificates"), variables).await;
    found["certificates"]["edges"].as_array().unwrap().iter().map(|it| it["node"].clone()).collect()
}

/// The 58th run of a series and the 59th, the series, and the 69 of the 58th, with leave asked for before it begins.
async fn enrolled(app: &TestApp) -> (Class, Class, Value, Vec<String>) {
    let spans: Vec<(&str, i64, &str)> = SESSIONS.iter().map(|it| (*it, 180, "4")).collect();
    let class = Class::make(app, "新生代温商传承研修班第58期", &spans).await;
    let next =
        Class::make(app, "新生代温商传承研修班第59期", &[("2026-11-20T01:00:00Z", 180, "4")]).await;
    let series = json!({"organisationId": app.root_id(), "title": "新生代温商传承研修班"});
    let series = made(app, "create_series", series).await["series"]["id"].take();
    for (class, number) in [(&class, 58), (&next, 59)] {
        made(
            app,
            "set_class",
            json!({"activityId": class.id, "seriesId": series, "runNumber": number}),
        )
        .await;
    }
    class
        .set_rule(
            app,
            json!({"late": "1/2", "leaveAtMost": "1/7", "absencesAtMost": 2, "latesPerAbsence": 3,
        "ratioAtLeast": "5/6", "needsCourseWork": true}),
        )
        .await;

    // Enrolment, and leave asked for before the class begins.
    let mut people = Vec::new();
    for nth in 0..69 {
        people.push(class.enrol(app, nth).await);
    }
    for who in &people[63..65] {
        made(app, "set_enrolment", json!({"registrationId": who, "enrolledOn": "2026-11-04"}))
            .await;
    }
    for who in &people[54..58] {
        leave(app, who, "03", ["AFTERNOON", "AFTERNOON"], "APPROVE").await;
    }
    for who in &people[58..60] {
        leave(app, who, "05", ["MORNING", "AFTERNOON"], "APPROVE").await;
    }
    leave(app, &people[67], "07", ["AFTERNOON", "AFTERNOON"], "DECLINE").await;
    (class, next, series, people)
}

/// Those who completed have certificates, numbered within the run; and who completes later has the next.
async fn certified(app: &TestApp, class: &Class, series: &Value, people: &[String]) {
    // Certificates, numbered within the run.
    let pattern = json!({"seriesId": series, "pattern": "温民院结字〔{year}〕第{run:4}-{seq:3}号", "issuer": "温州民营经济学院"});
    made(app, "set_certificate_pattern", pattern).await;
    let issue = async || {
        made(app, "issue_certificates", json!({"activityId": class.id})).await["issued"].clone()
    };
    assert_eq!(issue().await, 61);
    let all = certificates(app, class).await;
    let numbers: Vec<String> = all.iter().map(|it| text(&it["number"])).collect();
    let wanted: Vec<String> =
        (1..=61).map(|nth| format!("温民院结字〔2026〕第0058-{nth:03}号")).collect();
    assert_eq!(numbers, wanted);
    let holder = |nth: usize| text(&all[nth]["registration"]["id"]);
    // In the order of enrolment: the 60th is 60's, the last one 67's.
    assert_eq!(
        (holder(0), holder(58), holder(59), holder(60)),
        (people[0].clone(), people[58].clone(), people[60].clone(), people[67].clone())
    );
    assert_eq!(
        (&all[59]["hours"], &all[59]["startsOn"], &all[59]["endsOn"]),
        (&json!("40"), &json!("2026-11-02"), &json!("2026-11-07"))
    );
    assert_eq!((&all[59]["run"], &all[59]["issuedOn"]), (&json!(58), &json!("2026-11-20")));

    // 61 was there at session 8 after all: 40 hours, two absences, and the next number.
    class.mark(app, &people[61], 8, "PRESENT").await;
    assert_eq!(completion(app, &people[61]).await.0, "COMPLETED");
    assert_eq!(issue().await, 1);
    assert_eq!(certificates(app, class).await[61]["number"], "温民院结字〔2026〕第0058-062号");
    class.is_right(app).await;
}

on_both! {
    async fn a_class_of_69(app) {
        let (class, next, series, people) = enrolled(&app).await;
        for session in 0..12 {
            if session == 6 {
                for who in &people[65..67] {
                    made(&app, "withdraw_trainee", json!({"registrationId": who, "on": "2026-11-05", "reason": "工作调动"})).await;
                }
            }
            hold(&app, &class, &people, session).await;
        }
        // Expected, present, late, excused, absent. 69 less the two who come later; then less the two who left.
        for (session, expected) in [
            (0, [67, 63, 4, 0, 0]),
            (3, [67, 63, 0, 4, 0]),
            (4, [69, 65, 4, 0, 0]),
            (6, [67, 65, 0, 2, 0]),
            (8, [67, 64, 0, 0, 3]),
            (11, [67, 66, 0, 0, 1]),
        ] {
            assert_eq!(figures(&app, &class.sessions[session]).await, expected, "session {session}");
        }

        // What each earned, before anything is made up for.
        for (nth, earned) in [
            (0, "48"), (49, "48"), (50, "42"), (53, "42"), (54, "44"), (57, "44"), (58, "40"), (59, "40"), (60, "36"), (62, "36"),
            (63, "32"), (64, "32"), (65, "24"), (66, "24"), (67, "44"), (68, "48"),
        ] {
            assert_eq!(hours(&app, &people[nth]).await, earned, "{nth}");
        }

        // 58 is a guest of the next run; 60 takes an online unit.
        let guest = next.enrol(&app, 58).await;
        *app.clock() = at("2026-11-20T00:55:00Z");
        made(&app, "check_in", json!({"sessionId": next.sessions[0], "registrationId": guest, "scanId": app.uuid()})).await;
        *app.clock() = at("2026-11-20T05:00:00Z");
        next.close(&app, 0).await;
        let made_up = json!({"registrationId": people[58], "missedSessionId": class.sessions[6],
            "attendedSessionId": next.sessions[0], "reason": "同一专题"});
        made(&app, "record_make_up", made_up).await;
        let online = json!({"registrationId": people[60], "missedSessionId": class.sessions[8], "reason": "同一专题",
            "online": {"title": "网络课程", "hours": "4", "on": "2026-11-19"}});
        made(&app, "record_make_up", online).await;
        for nth in (0..65).chain(67..69) {
            made(&app, "set_course_work", json!({"registrationId": people[nth], "passed": nth != 68})).await;
        }

        // In hours, which are stored in hundredths: 50 × 48 = 2400, 4 × 42 = 168, 4 × 44 = 176, 44 + 40 = 84, 40 + 36 + 36 = 112, 2 × 32 = 64, 2 × 24 = 48,
        // 44 + 48 = 92: together 3144. What 58 earned in the next run counts at home and not there.
        assert_eq!(app.count("SELECT CAST(sum(centihours) AS bigint) FROM credit_entry").await, 314_400);
        assert_eq!(hours(&app, &guest).await, "0");
        let of_year = asked(&app, "query($id: ID!) { registration(id: $id) { person { credits(year: 2026) { hours } } } }", json!({"id": people[58]})).await;
        assert_eq!(of_year["registration"]["person"]["credits"]["hours"], "44");
        class.is_right(&app).await;
        next.is_right(&app).await;

        // 40 of 48 hours are five sixths.
        for (nth, status, reasons) in [
            (0, "COMPLETED", "HOURS MET 48/40, LEAVE MET 0/6.85, ABSENCES MET 0/2, COURSE_WORK MET -/-"),
            (50, "COMPLETED", "HOURS MET 42/40, LEAVE MET 0/6.85, ABSENCES MET 1/2, COURSE_WORK MET -/-"),
            (54, "COMPLETED", "HOURS MET 44/40, LEAVE MET 4/6.85, ABSENCES MET 0/2, COURSE_WORK MET -/-"),
            (58, "COMPLETED", "HOURS MET 44/40, LEAVE MET 4/6.85, ABSENCES MET 0/2, COURSE_WORK MET -/-"),
            (59, "FAILED", "HOURS MET 40/40, LEAVE FAILED 8/6.85, ABSENCES MET 0/2, COURSE_WORK MET -/-"),
            (60, "COMPLETED", "HOURS MET 40/40, LEAVE MET 0/6.85, ABSENCES MET 2/2, COURSE_WORK MET -/-"),
            (61, "FAILED", "HOURS FAILED 36/40, LEAVE MET 0/6.85, ABSENCES FAILED 3/2, COURSE_WORK MET -/-"),
            (63, "FAILED", "HOURS FAILED 32/40, LEAVE MET 0/6.85, ABSENCES MET 0/2, COURSE_WORK MET -/-"),
            (65, "FAILED", "HOURS FAILED 24/40, LEAVE MET 0/6.85, ABSENCES MET 0/2, COURSE_WORK OPEN -/-, WITHDRAWN FAILED -/-"),
            (67, "COMPLETED", "HOURS MET 44/40, LEAVE MET 0/6.85, ABSENCES MET 1/2, COURSE_WORK MET -/-"),
            (68, "FAILED", "HOURS MET 48/40, LEAVE MET 0/6.85, ABSENCES MET 0/2, COURSE_WORK FAILED -/-"),
        ] {
            let found = completion(&app, &people[nth]).await;
            assert_eq!((found.0.as_str(), found.1.join(", ").as_str()), (status, reasons), "{nth}");
        }
        // 50 + 4 + 4 + 1 + 1 + 1 complete: 61. Of 58 and 59 one fails, of 60 to 62 two, then two, two, and 68: 8.
        let document = "query($id: ID!) { activity(id: $id) { completion { completed notYet failed } } }";
        let found = asked(&app, document, json!({"id": class.id})).await;
        assert_eq!(found["activity"]["completion"], json!({"completed": 61, "notYet": 0, "failed": 8}));
        certified(&app, &class, &series, &people).await;
    }
}
