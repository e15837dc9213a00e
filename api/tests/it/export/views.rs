//! Columns that were given a name.

use entity::role_grant::Role;

use super::*;
use crate::fixture::an_activity;

async fn save(client: &Client, activity: &str, name: &str, columns: Value) -> Value {
    let input = json!({"activityId": activity, "name": name, "columns": columns, "sort": "PINYIN"});
    client.run("save_export_view", json!({"input": input})).await["saveExportView"].take()
}

on_both! {
    async fn a_view_serves_all_activities_of_a_host(app) {
        let one = app.festival(None, &[]).await;
        let other = app.festival(None, &[]).await;
        let question = json!({"key": "diet", "kind": "TEXT", "label": "忌口", "purpose": "用餐", "keptFor": 30});
        let input = json!({"activityId": one.activity, "questions": [question]});
        app.organiser().run("set_questions", json!({"input": input})).await;
        for festival in [&one, &other] {
            festival.register(&app, "张三丰", "14200000001").await;
            festival.register(&app, "丁一", "14200000002").await;
        }
        let saved = save(app.organiser(), &one.activity, "上报", json!(["answer:diet", "phone", "name"])).await;
        let view = text(&saved["exportView"]["id"]);
        let rows = taken(&app, json!({"activityId": one.activity, "viewId": view})).await;
        assert_eq!(rows[0], ["场次", "忌口", "手机号码", "姓名"]);
        // Where nobody is asked what they eat, that column is left out. The view's order holds unless another is asked for.
        let rows = taken(&app, json!({"activityId": other.activity, "viewId": view})).await;
        assert_eq!(rows[0], ["场次", "手机号码", "姓名"]);
        assert_eq!(column(&rows, "姓名"), ["丁一", "张三丰"]);
        let rows = taken(&app, json!({"activityId": other.activity, "viewId": view, "sort": "LIST"})).await;
        assert_eq!(column(&rows, "姓名"), ["张三丰", "丁一"]);

        let listed = app.organiser().run("export_views", json!({"activityId": other.activity})).await;
        assert_eq!(listed["exportViews"]["edges"][0]["node"]["id"], view);
        let of_log = json!({"activityId": other.activity, "kind": "SCAN_LOG"});
        let listed = app.organiser().run("export_views", of_log).await;
        assert_eq!(listed["exportViews"]["edges"], json!([]));
        // It is of this kind of list, and of this host.
        let district = crate::fixture::Things::make(&app).await;
        for (input, code) in [
            (json!({"activityId": one.activity, "viewId": view, "kind": "SCAN_LOG"}), "VIEW_UNKNOWN"),
            (json!({"activityId": one.activity, "viewId": district.view}), "VIEW_UNKNOWN"),
            (json!({"activityId": one.activity, "viewId": view, "columns": ["name"]}), "COLUMNS_UNCLEAR"),
        ] {
            let refused = ask(app.organiser(), input).await;
            assert_eq!(refused["userErrors"][0]["code"], code, "{refused}");
        }
    }

    async fn a_view_is_saved_once_by_a_name_and_removed_by_whose_activity_it_was(app) {
        let festival = app.festival(None, &[]).await;
        let other = app.festival(None, &[]).await;
        for (name, columns, code) in [
            ("", json!(["name"]), "REQUIRED"),
            ("上报", json!([]), "REQUIRED"),
            ("上报", json!(["name", "salary"]), "COLUMN_UNKNOWN"),
            ("上报", json!(["name", "name"]), "COLUMN_TWICE"),
        ] {
            let refused = save(app.organiser(), &festival.activity, name, columns).await;
            assert_eq!((&refused["userErrors"][0]["code"], &refused["exportView"]), (&json!(code), &Value::Null));
        }
        assert_eq!(app.count("SELECT count(*) FROM export_view").await, 0);
        let mine = app.account(Role::Organiser, an_activity(&festival.activity)).await;
        let saved = save(&mine, &festival.activity, "上报", json!(["name"])).await;
        let view = text(&saved["exportView"]["id"]);
        let again = save(app.organiser(), &other.activity, "上报", json!(["phone"])).await;
        assert_eq!(again["userErrors"][0]["code"], "NAME_TAKEN");

        // Whoever has the other activity uses it, and may not remove it.
        let theirs = app.account(Role::Organiser, an_activity(&other.activity)).await;
        made(&theirs, json!({"activityId": other.activity, "viewId": view})).await;
        let remove = json!({"input": {"exportViewId": view}});
        let document = crate::app::document("remove_export_view");
        let answer = theirs.send(&document, remove.clone()).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
        let done = mine.run("remove_export_view", remove.clone()).await;
        assert_eq!(done["removeExportView"]["exportView"]["id"], view);
        assert_eq!(app.count("SELECT count(*) FROM export_view").await, 0);
        let answer = mine.send(&document, remove).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
    }
}
