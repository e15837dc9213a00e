//! Finding people at the door.

use api::{
    account::grant::Over,
    registration::at_door::{Typed, query},
};
use entity::{id::ActivityId, role_grant::Role};
use sea_orm::{ConnectionTrait, Database, DbBackend, QueryTrait, Statement, TransactionTrait};
use serde_json::{Value, json};

use crate::{
    app::{Client, Festival, document, on_both},
    fixture::an_activity,
};

async fn found(client: &Client, festival: &Festival, text: &str) -> Vec<Value> {
    let variables = json!({"sessionId": festival.session, "text": text});
    let mut data = client.run("find_at_door", variables).await;
    data["findAtDoor"].as_array_mut().unwrap_or_else(|| panic!("nothing")).split_off(0)
}

async fn names(client: &Client, festival: &Festival, text: &str) -> Vec<String> {
    let all = found(client, festival, text).await;
    let name = |it: &Value| it["registration"]["person"]["name"].as_str().unwrap().to_owned();
    all.iter().map(name).collect()
}

on_both! {
    async fn people_are_found_by_what_they_have_or_say(app) {
        let festival = app.festival(None, &[]).await;
        let elsewhere = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "单小明", "13812340001").await;
        festival.register(&app, "单晓敏", "13812340002").await;
        festival.register(&app, "欧阳修", "13912340001").await;
        festival.register(&app, "Anna Weber", "+4915123450001").await;
        let other = elsewhere.register(&app, "单小明", "13812340001").await;
        elsewhere.register(&app, "单小芳", "13700000001").await;
        let door = app.account(Role::DoorStaff, an_activity(&festival.activity)).await;
        for (text, expected) in [
            (ticket.code.as_str(), vec!["单小明"]),
            (&ticket.code.to_lowercase(), vec!["单小明"]),
            (&other.code, vec![]),
            ("0001", vec!["单小明", "欧阳修", "Anna Weber"]),
            ("0002", vec!["单晓敏"]),
            ("9999", vec![]),
            ("13812340001", vec!["单小明"]),
            ("+86 138 1234 0001", vec!["单小明"]),
            ("+4915123450001", vec!["Anna Weber"]),
            ("单小", vec!["单小明"]),
            ("小明", vec!["单小明"]),
            ("单小明", vec!["单小明"]),
            ("欧阳", vec!["欧阳修"]),
            ("shan", vec!["单小明", "单晓敏"]),
            ("sxm", vec!["单小明", "单晓敏"]),
            ("oyx", vec!["欧阳修"]),
            ("ANNA", vec!["Anna Weber"]),
            ("Web", vec!["Anna Weber"]),
        ] {
            assert_eq!(names(&door, &festival, text).await, expected, "{text}");
        }
        for text in ["", "单", "sx", "12", "001", "12345", "，。"] {
            let variables = json!({"sessionId": festival.session, "text": text});
            assert_eq!(door.fail(&document("find_at_door"), variables).await, "BAD_USER_INPUT", "{text}");
        }
        for first in [0, 21, -1] {
            let asked = format!("{{ findAtDoor(sessionId: \"{}\", text: \"0001\", first: {first}) {{ registration {{ id }} }} }}", festival.session);
            assert_eq!(door.fail(&asked, json!({})).await, "BAD_USER_INPUT", "{first}");
        }
    }

    async fn the_door_is_told_what_it_needs_and_no_more(app) {
        let festival = app.festival(Some(1), &[("嘉宾", None)]).await;
        let person = json!({"name": "张三丰", "phone": "13800001234", "organisation": "武当", "title": "掌门"});
        let input = json!({"activityId": festival.activity, "person": person, "category": "嘉宾"});
        let made = app.organiser().run("register_attendee", json!({"input": input})).await;
        let code = made["registerAttendee"]["registration"]["ticketCode"].clone();
        festival.register(&app, "张三疯", "13900001234").await;
        let door = app.account(Role::DoorStaff, an_activity(&festival.activity)).await;
        let input = json!({"sessionId": festival.session, "ticketCode": code, "scanId": app.uuid(), "gate": "东门"});
        door.run("check_in", json!({"input": input})).await;
        for client in [&door, app.organiser()] {
            let all = found(client, &festival, "1234").await;
            // Who has a seat stands first, though both are shown.
            let (in_already, waits) = (&all[0], &all[1]);
            assert_eq!(in_already["registration"]["person"], json!({"name": "张三丰", "maskedPhone": "138****1234"}));
            assert_eq!(in_already["registration"]["organisationName"], "武当");
            assert_eq!(in_already["registration"]["title"], "掌门");
            assert_eq!(in_already["registration"]["category"]["name"], "嘉宾");
            assert_eq!(in_already["attendance"]["firstGate"], "东门");
            assert_eq!((&waits["registration"]["status"], &waits["attendance"]), (&json!("WAITLISTED"), &Value::Null));
            let secrets = "query($id: ID!) { findAtDoor(sessionId: $id, text: \"张三\") { registration { ticketCode ticket { token } person { phone } } } }";
            let told = client.ask(secrets, json!({"id": festival.session})).await;
            for it in told["findAtDoor"].as_array().unwrap() {
                let expected = json!({"ticketCode": null, "ticket": null, "person": {"phone": null}});
                assert_eq!(it["registration"], expected);
            }
        }
        for (client, code) in [
            (app.account(Role::Viewer, Over::Organisation(app.root)).await, "FORBIDDEN"),
            (app.account(Role::Liaison, Over::Organisation(app.root)).await, "FORBIDDEN"),
            (app.bare_account().await, "NOT_FOUND"),
        ] {
            let variables = json!({"sessionId": festival.session, "text": "1234"});
            assert_eq!(client.fail(&document("find_at_door"), variables).await, code);
        }
    }

    /// However many people there are, and however many are registered.
    async fn whatever_is_typed_is_looked_up_by_an_index(app) {
        let is_sqlite = app.url.starts_with("sqlite");
        let backend = if is_sqlite { DbBackend::Sqlite } else { DbBackend::Postgres };
        let connection = Database::connect(&app.url).await.unwrap();
        let connection = connection.begin().await.unwrap();
        if !is_sqlite {
            // So few rows as here are not worth an index.
            connection.execute_unprepared("SET LOCAL enable_seqscan = off").await.unwrap();
        }
        for (text, index) in [
            ("1234", "person_last_four"),
            ("13800001234", "person_identity"),
            ("张三", "person_term"),
            ("zsf", "person_term"),
        ] {
            let typed = Typed::read(text).unwrap();
            let sql = query(ActivityId::generate(), &typed, 10).build(backend).to_string();
            let explain = if is_sqlite { "EXPLAIN QUERY PLAN" } else { "EXPLAIN" };
            let explain = Statement::from_string(backend, format!("{explain} {sql}"));
            let at = if is_sqlite { "detail" } else { "QUERY PLAN" };
            let plan: Vec<String> = connection
                .query_all_raw(explain)
                .await
                .unwrap()
                .iter()
                .map(|it| it.try_get::<String>("", at).unwrap())
                .collect();
            let plan = plan.join("\n");
            assert!(plan.contains(index), "{text}: {plan}");
            assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN person"), "{text}: {plan}");
            assert!(!plan.contains("SCAN registration"), "{text}: {plan}");
        }
    }
}
