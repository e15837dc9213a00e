//! The documents of credit hours, make-up, completion and certificates.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::Script;
use crate::{app::TestApp, fixture::text};

/// A class of one session in the morning, which somebody attends and somebody makes up for.
pub async fn class(it: &Script<'_>, programme: &Value) {
    let at = |minutes| (it.app.now() + TimeDelta::minutes(minutes)).to_rfc3339();
    let session =
        json!({"title": "专题讲座", "startsAt": at(-60), "endsAt": at(-10), "creditHours": "4"});
    let input = json!({"programmeId": programme, "title": "研修班", "sessions": [session]});
    let made = it.make("create_activity", input).await["activity"].take();
    let (class, session) = (made["id"].clone(), made["sessions"][0]["id"].clone());
    it.make("publish_activity", json!({"activityId": class})).await;
    let mut people = Vec::new();
    for nth in 750..752 {
        let person = json!({"name": crate::lists::name(nth), "phone": crate::lists::phone(nth)});
        let input = json!({"activityId": class, "person": person});
        people.push(it.make("register_attendee", input).await["registration"]["id"].take());
    }
    let rule = json!({"late": "1/2", "needsCourseWork": true});
    it.make("set_credit_rule", json!({"activityId": class, "rule": rule})).await;
    let input = json!({"sessionId": session, "registrationId": people[0], "status": "PRESENT", "reason": "签到表"});
    it.make("correct_attendance", input).await;
    it.make("close_session", json!({"sessionId": session})).await;

    let online = json!({"title": "网课", "hours": "4", "on": "2026-11-01"});
    let input = json!({"registrationId": people[1], "missedSessionId": session, "online": online, "reason": "同一主题"});
    let made_up = it.make("record_make_up", input).await["makeUp"]["id"].take();
    it.make("undo_make_up", json!({"makeUpId": made_up, "reason": "登记有误"})).await;
    let input = json!({"registrationId": people[0], "hours": "0.5", "reason": "补登"});
    let adjusted = it.make("adjust_credits", input).await["registration"].take();
    assert_eq!(adjusted["creditHours"], "4.5");
    it.make("set_course_work", json!({"registrationId": people[0], "passed": true})).await;
    let all = it.ask("completions", json!({"activityId": class, "status": ["COMPLETED"]})).await;
    assert_eq!(all["edges"][0]["node"]["id"], people[0]);
    assert_eq!(it.ask("credit_recount", json!({"activityId": class})).await, json!([]));

    let pattern = json!({"activityId": class, "pattern": "结字〔{year}〕{seq:3}号"});
    it.make("set_certificate_pattern", pattern).await;
    it.make("issue_certificates", json!({"activityId": class})).await;
    let listed = it.ask("certificates", json!({"activityId": class})).await;
    let certificate = listed["edges"][0]["node"]["id"].clone();
    it.ask("certificate", json!({"id": certificate})).await;
    let why = json!({"certificateId": certificate, "reason": "姓名更正"});
    let anew = it.make("reissue_certificate", why.clone()).await["certificate"].take();
    let url = text(&anew["verifyUrl"]);
    let token = json!({"token": url.rsplit('/').next()});
    let public = it.run(&it.app.anonymous(), "public_certificate", token).await;
    assert_eq!(public["status"], "VALID");
    it.make("revoke_certificate", why).await;
}

/// A make-up to be recorded, and a certificate: of a class that one of two attended.
pub async fn keyed(app: &TestApp, programme: &str) -> (Value, Value) {
    let made = async |name: &str, field: &str, input: Value| {
        app.organiser().run(name, json!({"input": input})).await[field].take()
    };
    let at = |minutes| (app.now() + TimeDelta::minutes(minutes)).to_rfc3339();
    let session =
        json!({"title": "专题讲座", "startsAt": at(-60), "endsAt": at(-10), "creditHours": "4"});
    let input = json!({"programmeId": programme, "title": "研修班", "sessions": [session]});
    let class = made("create_activity", "createActivity", input).await["activity"].take();
    let (id, session) = (&class["id"], &class["sessions"][0]["id"]);
    made("publish_activity", "publishActivity", json!({"activityId": id})).await;
    let mut people = Vec::new();
    for nth in 760..762 {
        let person = json!({"name": crate::lists::name(nth), "phone": crate::lists::phone(nth)});
        let input = json!({"activityId": id, "person": person});
        let mut it = made("register_attendee", "registerAttendee", input).await;
        people.push(it["registration"]["id"].take());
    }
    let input = json!({"sessionId": session, "registrationId": people[0], "status": "PRESENT", "reason": "签到表"});
    made("correct_attendance", "correctAttendance", input).await;
    made("close_session", "closeSession", json!({"sessionId": session})).await;
    made("issue_certificates", "issueCertificates", json!({"activityId": id})).await;
    let listed = app.organiser().run("certificates", json!({"activityId": id})).await;
    let certificate = listed["certificates"]["edges"][0]["node"]["id"].clone();
    let online = json!({"title": "网课", "hours": "4", "on": "2026-11-01"});
    let made_up = json!({"registrationId": people[1], "missedSessionId": session, "online": online, "reason": "同一主题"});
    (made_up, certificate)
}
