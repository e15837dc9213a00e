//! Data are kept as long as the rules say and no longer, and the figures stay as they were.

use api::{attendance::recompute::recompute, privacy::purge};
use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use serde_json::{Value, json};

use crate::{
    app::{Client, Festival, TestApp, on_both},
    fixture::text,
};

/// A list with what belongs to one event only, and a line that is no row.
const LIST: &str = "姓名,手机号码,工作单位,职务,是否住宿\n王小明,13800000011,温州某某有限公司,董事长,是\n\
    李小红,13800000012,温州某某有限公司,总经理,是\n填表人：赵大明 13800000099,,,,\n";

/// An activity with everything on it that is not kept for ever: 张三丰 has come and answered, and two are listed.
async fn held(app: &TestApp) -> Festival {
    let festival = app.festival(None, &[]).await;
    let admin = app.organiser();
    let words = json!({"activityId": festival.activity, "occasion": "CONFIRMED", "channel": "SMS", "text": "{{姓名}}您好"});
    admin.run("set_message_template", json!({"input": words})).await;
    let question = |key: &str, days: i32| json!({"key": key, "kind": "TEXT", "label": key, "purpose": "安排", "keptFor": days});
    let input = json!({"activityId": festival.activity, "questions": [question("diet", 10), question("work", 100)]});
    admin.run("set_questions", json!({"input": input})).await;
    let guest = festival.register(app, "张三丰", "13800000001").await;
    let answers = json!([{"key": "diet", "text": "清淡"}, {"key": "work", "text": "论文"}]);
    let input =
        json!({"registrationId": guest.registration, "stage": "REGISTRATION", "answers": answers});
    admin.run("answer_form", json!({"input": input})).await;
    let scan = json!({"sessionId": festival.session, "ticketCode": guest.code, "scanId": app.uuid(), "gate": "东门"});
    admin.run("check_in", json!({"input": scan})).await;
    let upload = admin.upload("名单.csv", LIST.as_bytes()).await;
    let input = json!({"activityId": festival.activity, "uploadId": upload, "profile": "EVENT"});
    let done = admin.run("stage_roster", json!({"input": input})).await;
    let batch = json!({"batchId": done["stageRoster"]["batch"]["id"]});
    let done = admin.run("commit_roster", json!({"input": batch})).await;
    assert_eq!(done["commitRoster"]["userErrors"], json!([]), "{done}");
    app.work().await;
    festival
}

/// Whoever looks after the data, in use whatever the clock says: accounts go out of use that nobody uses.
async fn keeper(app: &TestApp) -> Client {
    let revived = async |tx: &DatabaseTransaction| {
        tx.execute_unprepared("UPDATE account SET disabled_at = NULL").await?;
        Ok(())
    };
    app.by_hand(revived).await;
    app.anew(app.organiser()).await
}

async fn preview(app: &TestApp) -> Vec<(String, i64)> {
    let admin = keeper(app).await;
    let shown = admin.run("purge_preview", json!({"organisationId": app.root_id()})).await;
    totals(&shown["purgePreview"])
}

fn totals(report: &Value) -> Vec<(String, i64)> {
    let total = |it: &Value| (text(&it["dataClass"]), it["items"].as_i64().unwrap());
    report["totals"].as_array().unwrap().iter().map(total).collect()
}

/// Purges once; what the report of it says.
async fn purged(app: &TestApp) -> Vec<(String, i64)> {
    purge::begin(&app.app).await.unwrap();
    assert!(app.work().await > 0);
    let admin = keeper(app).await;
    let listed = admin.run("purges", json!({"organisationId": app.root_id()})).await;
    let last = &listed["purges"]["nodes"][0];
    assert_ne!(last["endedAt"], Value::Null);
    totals(&last["report"])
}

fn so(lines: &[(&str, i64)]) -> Vec<(String, i64)> {
    lines.iter().map(|(class, items)| ((*class).to_owned(), *items)).collect()
}

/// All figures that there are of the year, the session and the activity.
async fn figures(app: &TestApp, festival: &Festival) -> Vec<Value> {
    let admin = keeper(app).await;
    let year = json!({"id": app.root_id(), "year": 2026});
    vec![
        admin.run("organisation_year", year.clone()).await,
        admin.run("attendance_summary", json!({"sessionId": festival.session})).await,
        admin.ask("query($id: ID!) { activity(id: $id) { seatsTaken sessions { summary { expected present late absent } } } }", json!({"id": festival.activity})).await,
    ]
}

async fn set(client: &Client, class: &str, days: Value) -> String {
    let input = json!({"kind": "FESTIVAL", "dataClass": class, "days": days, "reason": "制度"});
    let done = client.run("set_retention", json!({"input": input})).await;
    done["setRetention"]["userErrors"][0]["code"].as_str().unwrap_or("ok").to_owned()
}

on_both! {
    async fn what_was_kept_long_enough_goes_and_the_figures_stay(app) {
        let festival = held(&app).await;
        *app.clock() += TimeDelta::days(2);
        api::housekeeping::begin(&app.app).await.unwrap();
        app.work().await;
        let before = figures(&app, &festival).await;
        assert_eq!(preview(&app).await, []);
        assert_eq!(purged(&app).await, []);

        // The diet after 10 days, lodging after 30, what was worked on after 100.
        *app.clock() += TimeDelta::days(9);
        assert_eq!(preview(&app).await, so(&[("ANSWERS", 1)]));
        assert_eq!(purged(&app).await, so(&[("ANSWERS", 1)]));
        assert_eq!(app.count("SELECT count(*) FROM answer").await, 1);
        *app.clock() += TimeDelta::days(20);
        assert_eq!(purged(&app).await, so(&[("DETAILS", 2)]));
        *app.clock() += TimeDelta::days(150);
        let due = so(&[("ANSWERS", 1), ("PLACES", 1), ("MESSAGES", 3), ("ROSTERS", 2)]);
        assert_eq!(preview(&app).await, due);
        assert_eq!(app.count("SELECT count(*) FROM message").await, 3);
        assert_eq!(purged(&app).await, due);
        for table in ["message", "answer", "roster_row WHERE name IS NOT NULL", "scan WHERE gate IS NOT NULL",
            "attendance WHERE first_gate IS NOT NULL", "scan WHERE code IS NOT NULL"] {
            assert_eq!(app.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
        }
        let like = "SELECT count(*) FROM roster_batch WHERE CAST(report AS text) LIKE '%13800000099%'";
        assert_eq!(app.count(like).await, 0);
        assert_eq!(recompute(&app.app.db).await.unwrap(), []);
        // People are still reached.
        assert_eq!(app.count("SELECT count(*) FROM person WHERE phone IS NOT NULL").await, 3);
        *app.clock() += TimeDelta::days(200);
        assert_eq!(purged(&app).await, so(&[("CONTACT", 3)]));
        assert_eq!(app.count("SELECT count(*) FROM person WHERE phone IS NOT NULL OR email IS NOT NULL").await, 0);
        assert_eq!(app.count("SELECT count(*) FROM person WHERE name = '张三丰'").await, 1);

        assert_eq!(figures(&app, &festival).await, before);
        assert_eq!(preview(&app).await, []);
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action = 'Purge' AND reason LIKE 'Contact 3'").await, 1);
    }

    async fn who_is_on_something_newer_or_holds_an_office_is_still_reached(app) {
        held(&app).await;
        *app.clock() += TimeDelta::days(300);
        let newer = keeper(&app).await;
        let app = TestAppAs { app: &app, admin: newer };
        let programme = json!({"kind": "RELAY", "title": "青蓝接力", "year": 2027, "ownerId": app.app.root_id()});
        let programme = app.made("create_programme", programme).await["programme"]["id"].take();
        let at = |minutes| (app.app.now() + TimeDelta::minutes(minutes)).to_rfc3339();
        let sessions = json!([{"title": "接力", "startsAt": at(30), "endsAt": at(60)}]);
        let activity = json!({"programmeId": programme, "title": "接力", "sessions": sessions});
        let activity = app.made("create_activity", activity).await["activity"]["id"].take();
        app.made("publish_activity", json!({"activityId": activity})).await;
        let person = json!({"name": "张三丰", "phone": "13800000001"});
        app.made("register_attendee", json!({"activityId": activity, "person": person})).await;
        let people = app.admin.run("people", json!({"search": "王小明"})).await;
        let person = &people["people"]["edges"][0]["node"]["id"];
        let office = json!({"personId": person, "organisationId": app.app.root_id(), "title": "副会长"});
        app.made("create_position", office).await;
        *app.app.clock() += TimeDelta::days(100);
        let all = purged(app.app).await;
        assert!(all.contains(&("CONTACT".to_owned(), 1)), "{all:?}");
        assert_eq!(app.app.count("SELECT count(*) FROM person WHERE phone IN ('13800000001', '13800000011')").await, 2);
        assert_eq!(app.app.count("SELECT count(*) FROM person WHERE phone = '13800000012'").await, 0);
    }

    async fn a_purge_that_broke_off_is_gone_on_with(app) {
        held(&app).await;
        *app.clock() += TimeDelta::days(40);
        // Begun by a server that died before it did anything.
        let now = app.now();
        app.by_hand(async |tx| {
            use sea_orm::{EntityTrait, IntoActiveModel, ActiveModelTrait};
            let row = entity::purge::Model { id: entity::id::PurgeId::generate(), begun_at: now, ended_at: None };
            entity::purge::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx).await?;
            Ok(())
        }).await;
        *app.clock() += TimeDelta::hours(1);
        assert_eq!(purged(&app).await, so(&[("DETAILS", 2), ("ANSWERS", 1)]));
        assert_eq!(app.count("SELECT count(*) FROM purge").await, 1);
        // The next is a day after the last, by one job, whichever server asks.
        for _ in 0..2 {
            purge::begin(&app.app).await.unwrap();
        }
        assert_eq!(app.count("SELECT count(*) FROM job WHERE kind = 'PURGE' AND state = 'WAITING'").await, 1);
    }

    async fn rules_are_set_for_the_whole_service(app) {
        held(&app).await;
        let admin = app.organiser();
        for (class, days, code) in [
            ("DETAILS", json!(0), "DAYS_OUT_OF_RANGE"),
            ("DETAILS", json!(36_501), "DAYS_OUT_OF_RANGE"),
            ("ANSWERS", json!(10), "BY_QUESTION"),
        ] {
            assert_eq!(set(admin, class, days).await, code);
        }
        assert_eq!(app.count("SELECT count(*) FROM retention_rule").await, 0);
        assert_eq!(set(admin, "DETAILS", json!(5)).await, "ok");
        assert_eq!(set(admin, "DETAILS", json!(3)).await, "ok");
        let shown = admin.run("retention_rules", json!({})).await;
        let of = |class: &str| {
            let rules = shown["retentionRules"].as_array().unwrap();
            let mut found = rules.iter().filter(|it| it["kind"] == "FESTIVAL" && it["dataClass"] == class);
            found.next().unwrap().clone()
        };
        assert_eq!(of("DETAILS")["days"], 3);
        assert_eq!(of("ANSWERS")["days"], Value::Null);
        assert_eq!((&of("CONTACT")["days"], &of("CONTACT")["setAt"]), (&json!(365), &Value::Null));
        *app.clock() += TimeDelta::days(4);
        assert_eq!(preview(&app).await, so(&[("DETAILS", 2)]));
        let admin = app.anew(admin).await;
        assert_eq!(set(&admin, "DETAILS", Value::Null).await, "ok");
        assert_eq!(preview(&app).await, []);
    }

    async fn of_a_scan_only_the_place_is_forgotten(app) {
        held(&app).await;
        let db = sea_orm::Database::connect(&app.url).await.unwrap();
        for change in ["gate = '西门'", "code = 'x'", "outcome = 'TOO_LATE'", "registration_id = NULL"] {
            let sql = format!("UPDATE scan SET {change}");
            let error = db.execute_unprepared(&sql).await.unwrap_err();
            assert!(error.to_string().contains("append-only"), "{change}: {error}");
        }
        assert!(db.execute_unprepared("DELETE FROM scan").await.is_err());
        assert_eq!(app.count("SELECT count(*) FROM scan WHERE gate = '东门'").await, 1);
    }
}

/// The administrator signed in anew.
struct TestAppAs<'a> {
    app: &'a TestApp,
    admin: Client,
}

impl TestAppAs<'_> {
    async fn made(&self, operation: &str, input: Value) -> Value {
        let mut done = self.admin.run(operation, json!({"input": input})).await;
        let payload = done.as_object_mut().unwrap().values_mut().next().unwrap();
        assert_eq!(payload["userErrors"], json!([]), "{operation}: {payload}");
        payload.take()
    }
}
