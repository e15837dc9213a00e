//! The documents of the academy's classes.

use serde_json::json;

use super::Script;
use crate::{app::Client, class::School, fixture::text};

/// A class from its series to the leave of a trainee.
pub async fn lives(it: &Script<'_>, root: &str) {
    let days = [("2026-11-03T09:00", "2026-11-03T12:00"), ("2026-11-04T09:00", "2026-11-04T12:00")];
    let school = School::open(it.app, root, &days).await;
    let class = &school.activity;
    let made = it.make("create_series", json!({"organisationId": root, "title": "创新班"})).await;
    let series = made["series"]["id"].clone();
    it.make("update_series", json!({"seriesId": series, "title": "青年企业家创新班"})).await;
    it.make("set_class", json!({"activityId": class, "seriesId": series})).await;
    let run = it.make("create_run", json!({"seriesId": series, "firstDay": "2027-03-05"})).await;
    assert_eq!(run["activity"]["title"], "青年企业家创新班第2期");
    let shown = it.ask("series", json!({"id": series})).await;
    assert_eq!(shown["runs"]["nodes"].as_array().unwrap().len(), 2);
    let listed = it.ask("series_list", json!({"organisationId": root})).await;
    assert_eq!(listed["edges"][0]["node"]["id"], series);

    let phone = "13900000078";
    let (trainee, _) = school.enrol(it.app, "殷天正", phone).await;
    let shown = it.ask("registration", json!({"id": trainee})).await;
    let trainers = json!([{"personId": shown["person"]["id"], "topic": "鹰爪", "role": "主讲"}]);
    it.make("set_trainers", json!({"sessionId": school.sessions[0], "trainers": trainers})).await;
    it.make("divide_class", json!({"activityId": class, "size": 10})).await;
    let group = it.make("create_group", json!({"activityId": class, "name": "第二组"})).await;
    let group = group["group"]["id"].clone();
    let input = json!({"registrationId": trainee, "groupId": group, "post": "班长"});
    it.make("update_trainee", input).await;
    it.make("update_group", json!({"groupId": group, "leaderId": trainee})).await;
    it.make("remove_group", json!({"groupId": group})).await;

    let half = |day: &str| json!({"on": day, "half": "MORNING"});
    let leave = |day: &str| json!({"registrationId": trainee, "kind": "SICK", "from": half(day), "until": half(day), "reason": "感冒"});
    let asked = it.make("request_leave", leave("2026-11-03")).await["leave"]["id"].take();
    it.make("decide_leave", json!({"leaveId": asked, "verdict": "APPROVE"})).await;
    let end = json!({"leaveId": asked, "at": "2026-11-03T10:00:00+08:00"});
    it.make("end_leave", end).await;
    let shown = it.ask("leave", json!({"id": asked})).await;
    assert_eq!(shown["registration"]["person"]["name"], "殷天正");
    let listed = it.ask("leaves", json!({"activityId": class})).await;
    assert_eq!(listed["edges"][0]["node"]["id"], asked);
    it.make("withdraw_leave", json!({"leaveId": asked})).await;

    let anyone = it.app.anonymous();
    it.run(&anyone, "request_code", json!({"input": {"phone": phone}})).await;
    let code = it.app.codes().last().unwrap().1.clone();
    let input = json!({"input": {"phone": phone, "code": code}});
    let token = it.run(&anyone, "redeem_code", input).await["token"]["token"].take();
    let me = Client { token: Some(text(&token)), ..anyone };
    let input = json!({"input": leave("2026-11-04")});
    let own = it.run(&me, "request_my_leave", input).await["leave"]["id"].take();
    it.run(&me, "withdraw_my_leave", json!({"input": {"leaveId": own}})).await;

    it.make("set_enrolment", json!({"registrationId": trainee, "enrolledOn": "2026-11-03"})).await;
    let seats = json!([{"registrationId": trainee, "seat": "3桌5号"}]);
    it.make("set_seats", json!({"activityId": class, "seats": seats})).await;
    let input = json!({"registrationId": trainee, "on": "2026-11-04", "reason": "工作调动"});
    it.make("withdraw_trainee", input).await;
}
