//! The audit log: what an event says, and that nobody changes it unnoticed.

mod chain;
mod list;

use sea_orm::{ConnectionTrait, Database, DbBackend, DbErr, Statement};
use serde_json::{Value, json};

use crate::{
    app::{TestApp, on_both},
    fixture::text,
    life::done,
};

/// Runs SQL on the test's database, past everything.
fn statement(app: &TestApp, sql: &str) -> Statement {
    let is_sqlite = app.url.starts_with("sqlite");
    let backend = if is_sqlite { DbBackend::Sqlite } else { DbBackend::Postgres };
    Statement::from_string(backend, sql)
}

/// Runs SQL on a connection of its own, as whoever has the database's password can.
async fn run_sql(app: &TestApp, sql: &str) -> Result<u64, DbErr> {
    let connection = Database::connect(&app.url).await.unwrap();
    let done = connection.execute_raw(statement(app, sql)).await;
    connection.close().await.unwrap();
    Ok(done?.rows_affected())
}

/// What the last event of an action says beside who and when.
async fn details(app: &TestApp, action: &str) -> Value {
    let sql = format!(
        "SELECT details FROM audit_event WHERE action = '{action}' ORDER BY id DESC LIMIT 1"
    );
    let row = app.app.db.read().query_one_raw(statement(app, &sql)).await.unwrap().unwrap();
    let kept: Option<String> = row.try_get_by_index(0).unwrap();
    kept.map_or(Value::Null, |it| serde_json::from_str(&it).unwrap())
}

on_both! {
    async fn an_event_says_what_stood_and_what_stands(app) {
        let festival = app.festival(None, &[]).await;
        let input = json!({"activityId": festival.activity, "title": "开幕式暨论坛"});
        done(app.organiser(), "update_activity", input).await;
        let said = json!({"changes": {"title": ["开幕式", "开幕式暨论坛"]}});
        assert_eq!(details(&app, "UpdateActivity").await, said);
        assert_eq!(details(&app, "PublishActivity").await["changes"]["status"], json!(["DRAFT", "PUBLISHED"]));
        // What was made had nothing before.
        assert_eq!(details(&app, "CreateProgramme").await["changes"]["title"], json!([null, "民营企业家节"]));
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE outcome <> 'DONE'").await, 0);
    }

    async fn an_event_shows_no_personal_data(app) {
        let festival = app.festival(None, &[]).await;
        festival.register(&app, "单小明", "13800138000").await;
        let input = json!({"organisationId": app.root_id(), "name": "单晓明", "phone": "13800138000", "email": "shan@example.org"});
        let made = done(app.organiser(), "create_person", input).await;
        let person = text(&made["person"]["id"]);
        done(app.organiser(), "update_person", json!({"personId": person, "phone": "13900139000"})).await;
        assert_eq!(details(&app, "UpdatePerson").await["changes"], json!({"phone": ["138****8000", "139****9000"]}));
        let made = details(&app, "CreatePerson").await;
        assert_eq!(made["changes"]["name"], json!([null, "单*"]));
        let registered = details(&app, "RegisterAttendee").await;
        assert_eq!(registered["changes"]["status"], json!([null, "CONFIRMED"]));
        assert_eq!(registered["changes"]["ticketCode"], json!([null, "***"]));
        for hidden in ["小明", "晓明", "13800138000", "13900139000", "shan@"] {
            let sql = format!("SELECT count(*) FROM audit_event WHERE details LIKE '%{hidden}%' OR reason LIKE '%{hidden}%'");
            assert_eq!(app.count(&sql).await, 0, "{hidden}");
        }
    }
}
