//! Activities made from another.

use serde_json::{Value, json};

use crate::{
    app::{TestApp, on_both},
    fixture::text,
};

/// A class on the last night of the year, with a form; its programme and its id.
async fn class(app: &TestApp) -> (String, String) {
    let input =
        json!({"kind": "RELAY", "title": "青蓝接力", "year": 2026, "ownerId": app.root_id()});
    let made = app.organiser().run("create_programme", json!({"input": input})).await;
    let programme = text(&made["createProgramme"]["programme"]["id"]);
    let input = json!({
        "programmeId": programme, "title": "接力", "venue": "大礼堂", "capacity": 10,
        "categories": [{"name": "学员", "capacity": 5}, {"name": "嘉宾"}],
        "sessions": [
            // 2026-12-30 00:30 to 02:00 in Shanghai.
            {"title": "夜", "venue": "大礼堂", "startsAt": "2026-12-29T16:30:00Z", "endsAt": "2026-12-29T18:00:00Z",
             "opensAt": "2026-12-29T15:00:00Z", "creditHours": "1.5"},
            {"title": "昼", "venue": "分会场", "startsAt": "2026-12-31T01:00:00Z", "endsAt": "2026-12-31T04:00:00Z"},
        ],
    });
    let made = app.organiser().run("create_activity", json!({"input": input})).await;
    let activity = text(&made["createActivity"]["activity"]["id"]);
    let questions = json!([
        {"key": "lodging", "kind": "YES_NO", "label": "住宿", "purpose": "住宿", "keptFor": 30},
        {"key": "diet", "kind": "TEXT", "label": "忌口", "purpose": "用餐", "keptFor": 30},
    ]);
    for questions in [questions.clone(), json!([questions[0]])] {
        let input = json!({"activityId": activity, "questions": questions});
        app.organiser().run("set_questions", json!({"input": input})).await;
    }
    let input =
        json!({"activityId": activity, "person": {"name": "张三丰", "phone": "13800000001"}});
    app.organiser().run("register_attendee", json!({"input": input})).await;
    (programme, activity)
}

async fn chamber(app: &TestApp, name: &str) -> String {
    let input = json!({"parentId": app.root_id(), "kind": "CHAMBER", "name": name});
    let made = app.organiser().run("create_organisation", json!({"input": input})).await;
    text(&made["createOrganisation"]["organisation"]["id"])
}

async fn series(app: &TestApp, input: &Value) -> Value {
    app.organiser().run("create_activity_series", json!({"input": input})).await["createActivitySeries"].take()
}

async fn activities(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM activity").await
}

/// Codes and paths of what was refused.
fn refusals(payload: &Value) -> Vec<(String, Value)> {
    let all = payload["userErrors"].as_array().unwrap();
    all.iter().map(|it| (text(&it["code"]), it["path"].clone())).collect()
}

on_both! {
    async fn a_copy_has_all_but_the_people(app) {
        let (_, activity) = class(&app).await;
        let input = json!({"activityId": activity, "firstDay": "2027-01-02", "venue": "新礼堂"});
        let made = app.organiser().run("copy_activity", json!({"input": input})).await;
        let copy = &made["copyActivity"]["activity"];
        assert_eq!((&copy["title"], &copy["status"], &copy["venue"]), (&json!("接力"), &json!("DRAFT"), &json!("新礼堂")));
        assert_eq!((&copy["capacity"], &copy["seatsTaken"]), (&json!(10), &json!(0)));
        assert_eq!(copy["categories"], json!([{"name": "学员", "capacity": 5}, {"name": "嘉宾", "capacity": null}]));
        // Three days later, over the end of the year; what is retired is not asked.
        assert_eq!(copy["questions"], json!([{"key": "lodging"}]));
        let sessions = copy["sessions"].as_array().unwrap();
        let span = |it: &Value| (text(&it["startsAt"])[..16].to_owned(), text(&it["endsAt"])[..16].to_owned());
        assert_eq!(span(&sessions[0]), ("2027-01-01T16:30".to_owned(), "2027-01-01T18:00".to_owned()));
        assert_eq!(span(&sessions[1]), ("2027-01-03T01:00".to_owned(), "2027-01-03T04:00".to_owned()));
        assert_eq!(&text(&sessions[0]["opensAt"])[..16], "2027-01-01T15:00");
        assert_eq!(&text(&sessions[0]["lateAt"])[..16], "2027-01-01T16:40");
        assert_eq!((&sessions[0]["creditHours"], &sessions[1]["creditHours"]), (&json!("1.5"), &json!("0")));
        // What took place at the activity's place moved with it.
        assert_eq!((&sessions[0]["venue"], &sessions[1]["venue"]), (&json!("新礼堂"), &json!("分会场")));
        assert_eq!(app.count("SELECT count(*) FROM registration").await, 1);
    }

    async fn a_series_is_made_once(app) {
        let (_, activity) = class(&app).await;
        let host = chamber(&app, "鞋业商会").await;
        let items = json!([
            {"title": "第一场", "firstDay": "2026-12-05"},
            {"title": "第二场", "firstDay": "2027-01-05", "hostId": host, "venue": "鞋都"},
        ]);
        let input = json!({"activityId": activity, "items": items, "idempotencyKey": "december"});
        let (first, again) = (series(&app, &input).await, series(&app, &input).await);
        assert_eq!(first, again);
        let made = first["series"]["activities"].as_array().unwrap();
        assert_eq!(made.len(), 2);
        assert_eq!((&made[0]["title"], &made[0]["venue"], &made[0]["host"]["id"]), (&json!("第一场"), &json!("大礼堂"), &json!(app.root_id())));
        assert_eq!((&made[1]["title"], &made[1]["venue"], &made[1]["host"]["id"]), (&json!("第二场"), &json!("鞋都"), &json!(host)));
        assert_eq!(activities(&app).await, 3);
    }

    async fn a_day_is_in_the_calendar(app) {
        let (_, activity) = class(&app).await;
        // The last session, the day after the first, would be in the year 10000; the first, before the first year.
        for day in ["9999-12-31", "0000-12-31", "+262142-12-31"] {
            let input = json!({"activityId": activity, "firstDay": day});
            let mut copy = app.organiser().run("copy_activity", json!({"input": input})).await;
            let copy = copy["copyActivity"].take();
            assert_eq!(refusals(&copy), [("DAY_INVALID".to_owned(), json!(["input", "firstDay"]))], "{day}");
            let items = json!([{"title": "第一场", "firstDay": "2026-12-05"}, {"title": "第二场", "firstDay": day}]);
            let second = json!(["input", "items", "1", "firstDay"]);
            assert_eq!(refusals(&series(&app, &json!({"activityId": activity, "items": items})).await), [("DAY_INVALID".to_owned(), second)]);
        }
        assert_eq!(activities(&app).await, 1);
        let input = json!({"activityId": activity, "firstDay": "9999-12-30"});
        let copy = app.organiser().run("copy_activity", json!({"input": input})).await;
        let sessions = &copy["copyActivity"]["activity"]["sessions"];
        assert_eq!(&text(&sessions[1]["startsAt"])[..16], "9999-12-31T01:00");
    }

    async fn a_series_is_made_whole_or_not_at_all(app) {
        let (_, activity) = class(&app).await;
        let (shoes, pens) = (chamber(&app, "鞋业商会").await, chamber(&app, "制笔商会").await);
        let input = json!({"kind": "RELAY", "title": "鞋业接力", "year": 2026, "ownerId": shoes});
        let other = app.organiser().run("create_programme", json!({"input": input})).await;
        let items = json!([
            {"title": "第一场", "firstDay": "2026-12-05"},
            {"title": "第二场", "firstDay": "2026-12-06", "hostId": pens},
        ]);
        let input = json!({"activityId": activity, "programmeId": other["createProgramme"]["programme"]["id"], "items": items});
        let outside = json!(["input", "items", "1", "hostId"]);
        assert_eq!(refusals(&series(&app, &input).await), [("HOST_OUTSIDE_PROGRAMME".to_owned(), outside)]);
        let input = json!({"activityId": activity, "items": [{"title": " ", "firstDay": "2026-12-05"}]});
        let untitled = json!(["input", "items", "0", "title"]);
        assert_eq!(refusals(&series(&app, &input).await), [("REQUIRED".to_owned(), untitled)]);
        let many: Vec<Value> = (0..61).map(|nth| json!({"title": format!("第{nth}场"), "firstDay": "2026-12-05"})).collect();
        for items in [json!([]), json!(many)] {
            let input = json!({"activityId": activity, "items": items});
            assert_eq!(refusals(&series(&app, &input).await), [("TOO_MANY".to_owned(), json!(["input", "items"]))]);
        }
        assert_eq!(activities(&app).await, 1);
        let input = json!({"activityId": activity, "items": many[..60]});
        assert_eq!(refusals(&series(&app, &input).await), []);
        assert_eq!(activities(&app).await, 61);
    }
}
