//! What was given to others is on record, and so is whose data were in what was taken out.

use axum::http::Request;
use serde_json::{Value, json};

use crate::{
    app::{Client, Festival, TestApp, on_both},
    attendee::attendee,
    fixture::text,
};

async fn refused(client: &Client, operation: &str, input: Value) -> String {
    let done = client.run(operation, json!({"input": input})).await;
    let payload = done.as_object().unwrap().values().next().unwrap();
    payload["userErrors"][0]["code"].as_str().unwrap_or("ok").to_owned()
}

/// Takes a list out of an activity and fetches it.
async fn taken(app: &TestApp, festival: &Festival, kind: &str) -> Value {
    let input =
        json!({"activityId": festival.activity, "kind": kind, "format": "CSV", "purpose": "住宿"});
    let mut made = app.organiser().run("create_export", json!({"input": input})).await;
    let export = made["createExport"]["export"].take();
    fetch(app, &export).await;
    export
}

async fn fetch(app: &TestApp, export: &Value) {
    let url = text(&export["url"]);
    let answer = app.anonymous().request(Request::get(url), axum::body::Body::empty()).await;
    assert_eq!(answer.status.as_u16(), 200);
}

async fn names(app: &TestApp, export: &Value) -> Vec<String> {
    let shown = app.organiser().run("export_people", json!({"exportId": export["id"]})).await;
    let mut names: Vec<String> = shown["exportPeople"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| text(&it["name"]))
        .collect();
    names.sort();
    names
}

on_both! {
    async fn who_was_in_an_export_is_on_record_with_its_file(app) {
        let festival = app.festival(None, &[]).await;
        for (name, phone) in [("张三丰", "13800000001"), ("周芷若", "13800000002")] {
            festival.register(&app, name, phone).await;
        }
        let gone = festival.register(&app, "赵敏敏", "13800000003").await;
        let input = json!({"registrationId": gone.registration});
        assert_eq!(refused(app.organiser(), "cancel_registration", input).await, "ok");
        let input = json!({"activityId": festival.activity, "format": "CSV", "purpose": "住宿"});
        let made = app.organiser().run("create_export", json!({"input": input})).await;
        // Nothing left yet.
        assert_eq!(names(&app, &made["createExport"]["export"]).await, Vec::<String>::new());

        let list = taken(&app, &festival, "ATTENDANCE_LIST").await;
        assert_eq!(names(&app, &list).await, ["周芷若", "张三丰"]);
        let all = taken(&app, &festival, "REGISTRATIONS").await;
        assert_eq!(names(&app, &all).await, ["周芷若", "张三丰", "赵敏敏"]);
        // Fetched again it leaves nothing more, until somebody has come in between.
        fetch(&app, &list).await;
        let count = "SELECT count(*) FROM export_people";
        assert_eq!(app.count(count).await, 2);
        festival.register(&app, "殷离", "13800000004").await;
        fetch(&app, &list).await;
        assert_eq!(app.count(count).await, 3);
        assert_eq!(names(&app, &list).await, ["周芷若", "张三丰", "殷离"]);
        // In the background, too.
        let input = json!({"activityId": festival.activity, "format": "XLSX", "purpose": "住宿", "background": true});
        let made = app.organiser().run("create_export", json!({"input": input})).await;
        app.work().await;
        assert_eq!(names(&app, &made["createExport"]["export"]).await.len(), 3);

        let found = app.organiser().run("people", json!({"search": "殷离"})).await;
        let person = &found["people"]["edges"][0]["node"]["id"];
        let shown = app.organiser().run("exports_of", json!({"personId": person})).await;
        let ids: Vec<&Value> = shown["exportsOf"].as_array().unwrap().iter().map(|it| &it["export"]["id"]).collect();
        assert_eq!(ids, [&made["createExport"]["export"]["id"], &list["id"]]);
        let found = app.organiser().run("people", json!({"search": "赵敏敏"})).await;
        let person = &found["people"]["edges"][0]["node"]["id"];
        let shown = app.organiser().run("exports_of", json!({"personId": person})).await;
        assert_eq!(shown["exportsOf"][0]["export"]["id"], all["id"]);
        assert_eq!(shown["exportsOf"].as_array().unwrap().len(), 1);
    }

    async fn what_is_handed_on_is_put_on_record_until_it_is_deleted(app) {
        let festival = app.festival(None, &[]).await;
        let guest = festival.register(&app, "张三丰", "13800000001").await;
        let who = attendee(&app, "13800000001").await;
        let input = json!({"registrationId": guest.registration, "purpose": "SHARING"});
        assert_eq!(refused(&who, "withdraw_my_consent", input).await, "ok");
        let input = json!({"activityId": festival.activity, "format": "CSV", "purpose": "住宿", "background": true});
        let made = app.organiser().run("create_export", json!({"input": input})).await;
        let export = made["createExport"]["export"]["id"].clone();
        app.work().await;
        let whole = json!({"activityId": festival.activity, "exportId": export, "receiver": "华侨饭店", "purpose": "安排住宿",
            "fields": ["姓名", "手机"], "deleteBy": "2026-11-10"});
        let with = |field: &str, value: Value| {
            let mut input = whole.clone();
            input[field] = value;
            input
        };
        let elsewhere = app.festival(None, &[]).await;
        let admin = app.organiser();
        for (input, code) in [
            (with("receiver", json!(" ")), "REQUIRED"),
            (with("fields", json!([])), "REQUIRED"),
            (with("fields", json!(vec!["名"; 101])), "TOO_LONG"),
            (with("sha256", json!("xyz")), "HASH_INVALID"),
            (with("sha256", json!("é".repeat(32))), "HASH_INVALID"),
            (with("sha256", json!("ab".repeat(32))), "HASH_DIFFERS"),
            (with("deleteBy", json!("2026-10-31")), "DAY_INVALID"),
            (with("activityId", json!(elsewhere.activity)), "EXPORT_UNKNOWN"),
            (with("exportId", Value::Null), "ROWS_INVALID"),
            (with("rows", json!(-1)), "ROWS_INVALID"),
        ] {
            assert_eq!(refused(admin, "record_transfer", input.clone()).await, code, "{input}");
        }
        assert_eq!(app.count("SELECT count(*) FROM transfer").await, 0);
        let done = admin.run("record_transfer", json!({"input": whole})).await;
        let given = &done["recordTransfer"]["transfer"];
        assert_eq!((&given["rows"], &given["refusers"]), (&json!(1), &json!(1)), "{done}");
        assert_eq!(given["sha256"].as_str().unwrap().len(), 64);

        let overdue = async |admin: &Client| {
            let asked = json!({"organisationId": app.root_id(), "overdue": true});
            let shown = admin.run("transfers", asked).await;
            shown["transfers"]["nodes"].as_array().unwrap().len()
        };
        assert_eq!(overdue(admin).await, 0);
        *app.clock() += chrono::TimeDelta::days(10);
        let admin = app.anew(admin).await;
        assert_eq!(overdue(&admin).await, 1);
        let gone = |on: &str| json!({"transferId": given["id"], "deletedOn": on});
        for (on, code) in [("2026-10-31", "DELETED_INVALID"), ("2026-11-12", "DELETED_INVALID"), ("2026-11-11", "ok"), ("2026-11-11", "ALREADY_DELETED")] {
            assert_eq!(refused(&admin, "confirm_transfer_deletion", gone(on)).await, code);
        }
        assert_eq!(overdue(&admin).await, 0);
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action IN ('RecordTransfer', 'ConfirmDeletion')").await, 2);
    }
}
