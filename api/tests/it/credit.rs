//! Credit hours: what attendance earns by the rule, what makes up for what was missed, and who completes.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    app::{TestApp, on_both},
    fixture::text,
    school::{Class, asked, completion, entries, hours, made, payload, refused},
};

/// Two mornings and an evening of the week before the tests' now, in Shanghai.
const MONDAY: &str = "2026-10-26T01:00:00Z";
const TUESDAY: &str = "2026-10-27T01:00:00Z";

/// The rule that tests begin with; what is given is in place of its own.
fn rule(with: Value) -> Value {
    let mut rule = json!({"late": "1/2", "leftEarly": "1/3"});
    rule.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    rule
}

async fn year(app: &TestApp, registration: &str, year: i32) -> Value {
    let document =
        "query($id: ID!, $year: Int!) { registration(id: $id) { person { credits(year: $year) {
        year hours classes { title hostName hours } } } } }";
    let found = asked(app, document, json!({"id": registration, "year": year})).await;
    found["registration"]["person"]["credits"].clone()
}

async fn make_up(app: &TestApp, who: &str, missed: &str, attended: &str) -> Value {
    let input = json!({"registrationId": who, "missedSessionId": missed, "attendedSessionId": attended, "reason": "同一主题"});
    payload(app, "record_make_up", input).await
}

fn code(payload: &Value) -> String {
    text(&payload["userErrors"][0]["code"])
}

/// A home class and another run of it, with one session each of four hours, both on 26 October; somebody missed the first
/// and attended the second. Closed.
async fn runs(app: &TestApp) -> (Class, Class, String, String) {
    let home = Class::make(app, "研修班第一期", &[(MONDAY, 180, "4")]).await;
    let other = Class::make(app, "研修班第二期", &[(TUESDAY, 180, "4")]).await;
    for class in [&home, &other] {
        class.set_rule(app, rule(json!({}))).await;
    }
    let who = home.enrol(app, 1).await;
    let guest = other.enrol(app, 1).await;
    other.mark(app, &guest, 0, "PRESENT").await;
    home.close(app, 0).await;
    other.close(app, 0).await;
    (home, other, who, guest)
}

on_both! {
    async fn attendance_earns_by_the_rule(app) {
        let class = Class::make(&app, "研修班", &[(MONDAY, 180, "4"), (TUESDAY, 180, "3")]).await;
        class.set_rule(&app, rule(json!({}))).await;
        let statuses = ["PRESENT", "LATE", "LEFT_EARLY", "EXCUSED", "ABSENT"];
        let mut people = Vec::new();
        for (nth, status) in statuses.iter().enumerate() {
            let who = class.enrol(&app, nth).await;
            for session in 0..2 {
                class.mark(&app, &who, session, status).await;
            }
            people.push(who);
        }
        class.close(&app, 0).await;
        // Nothing counts before a session is closed: 4, a half of 4, a third of 4 (1.33, which is 1 in half hours).
        for (who, earned) in people.iter().zip(["4", "2", "1", "0", "0"]) {
            assert_eq!(hours(&app, who).await, earned);
        }
        class.close(&app, 1).await;
        // 4 + 3; 2 + 1.5; 1 + 1.
        for (who, earned) in people.iter().zip(["7", "3.5", "2", "0", "0"]) {
            assert_eq!(hours(&app, who).await, earned);
        }
        let row = |kind: &str, hours: &str| (kind.to_owned(), hours.to_owned());
        assert_eq!(entries(&app, &people[1]).await, [row("LATE", "2"), row("LATE", "1.5")]);
        assert_eq!(entries(&app, &people[2]).await, [row("PARTIAL", "1"), row("PARTIAL", "1")]);
        assert_eq!(entries(&app, &people[3]).await, []);
        class.is_right(&app).await;

        // By another rule the whole ledger is another one; the same rule again is none.
        let set = class.set_rule(&app, rule(json!({"late": "1", "unit": "0.01"}))).await;
        assert_eq!(set["version"], 2);
        assert_eq!(hours(&app, &people[1]).await, "7");
        assert_eq!(hours(&app, &people[2]).await, "2.33");
        let again = class.set_rule(&app, rule(json!({"late": "1", "unit": "0.01"}))).await;
        assert_eq!(again["version"], 2);
        class.is_right(&app).await;
    }

    async fn minutes_count_where_exits_are_scanned(app) {
        // Five hours ago, for 170 minutes; whole hours would not be scanned for exits.
        let start = app.now() - TimeDelta::hours(5);
        let at = start.to_rfc3339();
        let class = Class::make(&app, "研修班", &[(at.as_str(), 170, "3")]).await;
        class.set_rule(&app, rule(json!({"earning": "BY_MINUTES", "unit": "0.25"}))).await;
        let scan = async |who: &str, minutes: i64, direction: &str| {
            let at = (start + TimeDelta::minutes(minutes)).to_rfc3339();
            let input = json!({"sessionId": class.sessions[0], "registrationId": who, "scanId": app.uuid(),
                "scannedAt": at, "direction": direction});
            made(&app, "check_in", input).await
        };
        let (early, whole, corrected) =
            (class.enrol(&app, 1).await, class.enrol(&app, 2).await, class.enrol(&app, 3).await);
        scan(&early, -5, "ENTRY").await;
        scan(&early, 100, "EXIT").await;
        scan(&whole, 0, "ENTRY").await;
        scan(&corrected, 0, "ENTRY").await;
        scan(&corrected, 30, "EXIT").await;
        class.mark(&app, &corrected, 0, "PRESENT").await;
        class.close(&app, 0).await;
        // 100 of 170 minutes of 3 hours are 1.76, in quarters 1.75. What was corrected goes by what was said.
        assert_eq!(hours(&app, &early).await, "1.75");
        assert_eq!(hours(&app, &whole).await, "3");
        assert_eq!(hours(&app, &corrected).await, "3");
        class.set_rule(&app, rule(json!({"leftEarlyByMinutes": true}))).await;
        // Whoever left early goes by minutes in this rule too: 1.76, in halves 1.5.
        assert_eq!(hours(&app, &early).await, "1.5");
        class.set_rule(&app, rule(json!({}))).await;
        assert_eq!(hours(&app, &early).await, "1");
        class.is_right(&app).await;
    }

    async fn an_amendment_changes_hours(app) {
        let class = Class::make(&app, "研修班", &[(MONDAY, 180, "4")]).await;
        class.set_rule(&app, rule(json!({}))).await;
        let who = class.enrol(&app, 1).await;
        class.close(&app, 0).await;
        assert_eq!(hours(&app, &who).await, "0");
        class.mark(&app, &who, 0, "PRESENT").await;
        assert_eq!(hours(&app, &who).await, "4");
        class.mark(&app, &who, 0, "LATE").await;
        assert_eq!(hours(&app, &who).await, "2");
        let session = json!({"title": "第1课", "startsAt": MONDAY, "endsAt": "2026-10-26T04:00:00Z", "creditHours": "3"});
        made(&app, "update_session", json!({"sessionId": class.sessions[0], "session": session})).await;
        // A half of three hours.
        assert_eq!(hours(&app, &who).await, "1.5");
        class.mark(&app, &who, 0, "ABSENT").await;
        assert_eq!(hours(&app, &who).await, "0");
        class.is_right(&app).await;
        assert_eq!(app.count("SELECT count(*) FROM credit_entry").await, 0);
    }

    async fn a_make_up_counts_at_home_and_nowhere_else(app) {
        let (home, other, who, guest) = runs(&app).await;
        assert_eq!((hours(&app, &who).await, hours(&app, &guest).await), ("0".to_owned(), "4".to_owned()));
        let it = make_up(&app, &who, &home.sessions[0], &other.sessions[0]).await;
        assert_eq!(it["userErrors"], json!([]), "{it}");
        assert_eq!(it["makeUp"]["madeUpOn"], "2026-10-27");
        let id = text(&it["makeUp"]["id"]);
        let both = async || (hours(&app, &who).await, hours(&app, &guest).await);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(both().await, pair("4", "0"));
        assert_eq!(entries(&app, &who).await, [pair("MAKE_UP", "4")]);
        assert_eq!(year(&app, &who, 2026).await["hours"], "4");

        // What is amended at either end is followed: late there, then not there at all, then there after all at home.
        other.mark(&app, &guest, 0, "LATE").await;
        assert_eq!(both().await, pair("2", "0"));
        other.mark(&app, &guest, 0, "ABSENT").await;
        assert_eq!(both().await, pair("0", "0"));
        other.mark(&app, &guest, 0, "PRESENT").await;
        home.mark(&app, &who, 0, "LATE").await;
        assert_eq!(both().await, pair("2", "4"));
        home.mark(&app, &who, 0, "EXCUSED").await;
        assert_eq!(both().await, pair("4", "0"));
        home.is_right(&app).await;
        other.is_right(&app).await;

        let undo = json!({"makeUpId": id, "reason": "登记有误"});
        let undone = made(&app, "undo_make_up", undo.clone()).await;
        assert_eq!(undone["makeUp"]["undoReason"], "登记有误");
        assert_eq!(both().await, pair("0", "4"));
        assert_eq!(refused(&app, "undo_make_up", undo).await.0, "UNDONE_ALREADY");
        // And once more.
        assert_eq!(make_up(&app, &who, &home.sessions[0], &other.sessions[0]).await["userErrors"], json!([]));
        assert_eq!(both().await, pair("4", "0"));
        home.is_right(&app).await;
        other.is_right(&app).await;
    }

    async fn a_make_up_has_its_reasons(app) {
        let (home, other, who, guest) = runs(&app).await;
        let third = Class::make(&app, "研修班第三期", &[
            ("2025-12-31T10:00:00Z", 60, "4"), (MONDAY, 180, "4"), (TUESDAY, 180, "0"), ("2026-10-28T01:00:00Z", 180, "4"),
        ]).await;
        let (came, absent) = (third.enrol(&app, 1).await, third.enrol(&app, 2).await);
        let (late, missed, free, open) = (&third.sessions[0], &third.sessions[1], &third.sessions[2], &third.sessions[3]);
        third.mark(&app, &came, 0, "PRESENT").await;
        third.mark(&app, &came, 3, "PRESENT").await;
        for session in 0..3 {
            third.close(&app, session).await;
        }
        let home_session = &home.sessions[0];
        let refusal = async |who: &str, missed: &str, attended: &str| code(&make_up(&app, who, missed, attended).await);
        assert_eq!(refusal(&who, home_session, late).await, "NOT_SAME_YEAR");
        assert_eq!(refusal(&who, home_session, open).await, "NOT_CLOSED");
        assert_eq!(refusal(&who, home_session, missed).await, "NOT_ATTENDED");
        assert_eq!(refusal(&who, home_session, home_session).await, "SAME_CLASS");
        assert_eq!(refusal(&who, missed, &other.sessions[0]).await, "SESSION_ELSEWHERE");
        assert_eq!(refusal(&guest, &other.sessions[0], late).await, "ATTENDED_AT_HOME");
        assert_eq!(refusal(&came, free, &other.sessions[0]).await, "NO_HOURS");
        assert_eq!(refusal(&came, open, &other.sessions[0]).await, "NOT_CLOSED");
        // Somebody else was there.
        assert_eq!(refusal(&absent, missed, &other.sessions[0]).await, "NOT_ATTENDED");
        let unclear = json!({"registrationId": who, "missedSessionId": home_session, "reason": "同一主题"});
        assert_eq!(refused(&app, "record_make_up", unclear).await.0, "SOURCE_UNCLEAR");
        assert_eq!(app.count("SELECT count(*) FROM make_up").await, 0);

        // Used once, and made up for once.
        assert_eq!(make_up(&app, &who, home_session, &other.sessions[0]).await["userErrors"], json!([]));
        assert_eq!(refusal(&came, missed, &other.sessions[0]).await, "USED_ALREADY");
        let online = json!({"registrationId": who, "missedSessionId": home_session, "reason": "同一主题",
            "online": {"title": "数字化转型网课", "hours": "6", "on": "2026-10-30"}});
        assert_eq!(refused(&app, "record_make_up", online.clone()).await.0, "MADE_UP_ALREADY");
        assert_eq!(app.count("SELECT count(*) FROM make_up").await, 1);

        // An online unit counts no more than what was missed.
        let mut online = online;
        online["registrationId"] = json!(came);
        online["missedSessionId"] = json!(missed);
        made(&app, "record_make_up", online).await;
        // Four of 2025, and six hours of which four count.
        assert_eq!(hours(&app, &came).await, "8");
        third.is_right(&app).await;
    }

    async fn hours_by_hand_and_the_hours_of_a_year(app) {
        // 2026-01-01 00:30 in Shanghai, and an evening of 2025 there.
        let class = Class::make(&app, "跨年班", &[("2025-12-31T16:30:00Z", 60, "2"), ("2025-12-31T10:00:00Z", 60, "1.5")]).await;
        let who = class.enrol(&app, 1).await;
        for session in 0..2 {
            class.mark(&app, &who, session, "PRESENT").await;
            class.close(&app, session).await;
        }
        assert_eq!(year(&app, &who, 2026).await["hours"], "2");
        assert_eq!(year(&app, &who, 2025).await["hours"], "1.5");
        let adjust = |hours: &str| json!({"registrationId": who, "hours": hours, "reason": "补登"});
        made(&app, "adjust_credits", adjust("1.25")).await;
        assert_eq!(hours(&app, &who).await, "4.75");
        assert_eq!(refused(&app, "adjust_credits", adjust("-5")).await.0, "BELOW_ZERO");
        for wrong in ["0", "1.234", "1001", "abc", "--1"] {
            assert_eq!(refused(&app, "adjust_credits", adjust(wrong)).await.0, "HOURS_INVALID");
        }
        made(&app, "adjust_credits", adjust("-0.25")).await;
        let of_year = year(&app, &who, 2026).await;
        // 2 + 1.25 - 0.25.
        assert_eq!(of_year["hours"], "3");
        assert_eq!(of_year["classes"], json!([{"title": "跨年班", "hostName": "温州市工商业联合会", "hours": "3"}]));
        // What is derived anew leaves it alone.
        class.mark(&app, &who, 0, "ABSENT").await;
        assert_eq!(hours(&app, &who).await, "2.5");
        class.is_right(&app).await;
        let document = "query($id: ID!) { registration(id: $id) { person { credits(year: 1900) { hours } } } }";
        assert_eq!(app.organiser().fail(document, json!({"id": who})).await, "BAD_USER_INPUT");
    }

    async fn completion_says_why(app) {
        let mut days: Vec<String> = Vec::new();
        for day in 19..26 {
            days.push(format!("2026-10-{day}T01:00:00Z"));
        }
        let spans: Vec<(&str, i64, &str)> = days.iter().map(|it| (it.as_str(), 180, "4")).collect();
        // Seven sessions of four hours: 28, of which a seventh is 4 and six sevenths are 24.
        let class = Class::make(&app, "研修班", &spans).await;
        class.set_rule(&app, rule(json!({"absencesAtMost": 1, "latesPerAbsence": 3, "needsCourseWork": true}))).await;
        let (good, lates, leave, away) =
            (class.enrol(&app, 1).await, class.enrol(&app, 2).await, class.enrol(&app, 3).await, class.enrol(&app, 4).await);
        for session in 0..7 {
            class.mark(&app, &good, session, if session == 6 { "EXCUSED" } else { "PRESENT" }).await;
            class.mark(&app, &lates, session, if session < 3 { "LATE" } else { "PRESENT" }).await;
            class.mark(&app, &leave, session, if session < 2 { "EXCUSED" } else { "PRESENT" }).await;
        }
        for session in 0..6 {
            class.close(&app, session).await;
        }
        // Six of seven sessions are closed: 24 hours are there already.
        let (status, reasons) = completion(&app, &good).await;
        assert_eq!(status, "NOT_YET");
        assert_eq!(reasons, ["SESSIONS_CLOSED OPEN 6/7", "HOURS MET 24/24", "LEAVE MET 0/4", "ABSENCES MET 0/1", "COURSE_WORK OPEN -/-"]);
        class.close(&app, 6).await;
        for who in [&good, &lates, &leave] {
            made(&app, "set_course_work", json!({"registrationId": who, "passed": true})).await;
        }
        let (status, reasons) = completion(&app, &good).await;
        assert_eq!(status, "COMPLETED");
        assert_eq!(reasons, ["HOURS MET 24/24", "LEAVE MET 4/4", "ABSENCES MET 0/1", "COURSE_WORK MET -/-"]);
        // Three lates of two hours each and four whole ones: 22, and one absence by conversion.
        let (status, reasons) = completion(&app, &lates).await;
        assert_eq!(status, "FAILED");
        assert_eq!(reasons[..3], ["HOURS FAILED 22/24", "LEAVE MET 0/4", "ABSENCES MET 1/1"]);
        let (status, reasons) = completion(&app, &leave).await;
        assert_eq!(status, "FAILED");
        assert_eq!(reasons[..2], ["HOURS FAILED 20/24", "LEAVE FAILED 8/4"]);
        let (_, reasons) = completion(&app, &away).await;
        assert_eq!(reasons, ["HOURS FAILED 0/24", "LEAVE MET 0/4", "ABSENCES FAILED 7/1", "COURSE_WORK OPEN -/-"]);

        // One of the two made up for online: 24 hours, and four of leave.
        let online = json!({"registrationId": leave, "missedSessionId": class.sessions[0], "reason": "同一主题",
            "online": {"title": "网课", "hours": "4", "on": "2026-10-30"}});
        made(&app, "record_make_up", online).await;
        assert_eq!(completion(&app, &leave).await.0, "COMPLETED");

        let document = "query($id: ID!, $status: [CompletionStatus!]) { completions(activityId: $id, status: $status) { nodes { id } }
            activity(id: $id) { completion { completed notYet failed rate } } }";
        let found = asked(&app, document, json!({"id": class.id, "status": ["COMPLETED"]})).await;
        assert_eq!(found["completions"]["nodes"], json!([{"id": good}, {"id": leave}]));
        assert_eq!(found["activity"]["completion"], json!({"completed": 2, "notYet": 0, "failed": 2, "rate": 0.5}));
        made(&app, "set_course_work", json!({"registrationId": good, "passed": false})).await;
        assert_eq!(completion(&app, &good).await.0, "FAILED");
        made(&app, "set_course_work", json!({"registrationId": good, "passed": null})).await;
        assert_eq!(completion(&app, &good).await.0, "NOT_YET");
    }

    async fn a_rule_is_looked_at_and_goes_with_a_copy(app) {
        let class = Class::make(&app, "研修班", &[(MONDAY, 180, "4")]).await;
        let document = "query($id: ID!) { activity(id: $id) { creditRule { version late leaveAtMost ratioAtLeast unit } } }";
        let usual = asked(&app, document, json!({"id": class.id})).await;
        let expected = json!({"version": 0, "late": "1", "leaveAtMost": "1/7", "ratioAtLeast": "6/7", "unit": "0.5"});
        assert_eq!(usual["activity"]["creditRule"], expected);
        for (field, value, code) in [
            ("late", json!("2/1"), "RATIO_INVALID"), ("late", json!("1/0"), "RATIO_INVALID"), ("late", json!("0.5"), "RATIO_INVALID"),
            ("leaveAtMost", json!("-1/7"), "RATIO_INVALID"), ("ratioAtLeast", json!("1/1001"), "RATIO_INVALID"),
            ("unit", json!("0"), "HOURS_INVALID"), ("hoursAtLeast", json!("1.234"), "HOURS_INVALID"),
            ("absencesAtMost", json!(-1), "OUT_OF_RANGE"), ("latesPerAbsence", json!(0), "OUT_OF_RANGE"),
        ] {
            let input = json!({"activityId": class.id, "rule": rule(json!({field: value}))});
            let found = refused(&app, "set_credit_rule", input).await;
            assert_eq!(found, (code.to_owned(), json!(["input", "rule", field])));
        }
        assert_eq!(app.count("SELECT count(*) FROM credit_rule").await, 0);
        class.set_rule(&app, rule(json!({"leaveAtMost": null}))).await;
        let copied = made(&app, "copy_activity", json!({"activityId": class.id, "firstDay": "2027-03-01"})).await;
        let copy = asked(&app, document, json!({"id": copied["activity"]["id"]})).await;
        let expected = json!({"version": 1, "late": "1/2", "leaveAtMost": null, "ratioAtLeast": "6/7", "unit": "0.5"});
        assert_eq!(copy["activity"]["creditRule"], expected);
    }
}
