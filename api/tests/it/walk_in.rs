//! Somebody at the door who is on no list, by the session's policy.

use api::account::grant::Over;
use chrono::TimeDelta;
use entity::role_grant::Role;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{Client, Festival, TestApp, document, on_both},
    device::device,
    fixture::{an_activity, text},
};

fn person(name: &str, phone: &str) -> Value {
    json!({"name": name, "phone": phone})
}

/// What a session does with whoever is not registered.
async fn set(app: &TestApp, festival: &Festival, walk_ins: &str) {
    let at = |minutes| (app.now() + TimeDelta::minutes(minutes)).to_rfc3339();
    let session =
        json!({"title": "开幕式", "startsAt": at(30), "endsAt": at(180), "walkIns": walk_ins});
    let input = json!({"sessionId": festival.session, "session": session});
    let done = app.organiser().run("update_session", json!({"input": input})).await;
    assert_eq!(done["updateSession"]["userErrors"], json!([]));
}

async fn come(client: &Client, input: Value) -> Value {
    client.run("register_walk_in", json!({"input": input})).await["registerWalkIn"].take()
}

async fn count(app: &TestApp, table: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM {table}")).await
}

on_both! {
    async fn the_session_says_what_is_done(app) {
        let festival = app.festival(None, &[]).await;
        let (device, _) = device(&app, &[&festival.activity]).await;
        let door = app.account(Role::DoorStaff, an_activity(&festival.activity)).await;
        let organiser = app.account(Role::Organiser, an_activity(&festival.activity)).await;
        let input = |name: &str, phone: &str| {
            json!({"sessionId": festival.session, "scanId": app.uuid(), "person": person(name, phone)})
        };

        set(&app, &festival, "REFUSE").await;
        for client in [&device, &door] {
            let refused = come(client, input("张三丰", "13800000001")).await;
            assert_eq!(refused["userErrors"][0]["code"], "WALK_INS_REFUSED");
        }
        assert_eq!((count(&app, "registration").await, count(&app, "person").await), (0, 0));
        // Whose session it is may still say yes.
        assert_eq!(come(&organiser, input("李四光", "13800000002")).await["outcome"], "ADMITTED");

        set(&app, &festival, "ASK").await;
        let mut asked = input("张三丰", "13800000001");
        for client in [&device, &organiser] {
            let answer = come(client, asked.clone()).await;
            assert_eq!((&answer["outcome"], &answer["scan"]), (&json!("NEEDS_CONFIRMATION"), &Value::Null));
        }
        assert_eq!((count(&app, "registration").await, count(&app, "scan").await), (1, 1));
        asked["confirm"] = json!(true);
        let answer = come(&device, asked).await;
        assert_eq!((&answer["outcome"], &answer["registration"]["way"]), (&json!("ADMITTED"), &json!("WALK_IN")));

        set(&app, &festival, "ACCEPT").await;
        let answer = come(&door, input("周芷若", "13800000003")).await;
        assert_eq!((&answer["outcome"], &answer["attendance"]["isWalkIn"]), (&json!("ADMITTED"), &json!(true)));
        assert_eq!(answer["registration"]["status"], "CONFIRMED");
        let ticket = festival.register(&app, "赵敏敏", "13800000004").await;
        let scan = json!({"sessionId": festival.session, "ticketCode": ticket.code, "scanId": app.uuid()});
        app.organiser().run("check_in", json!({"input": scan})).await;
        let listed = "query($id: ID!) { session(id: $id) { attendances { nodes { isWalkIn } } } }";
        let listed = app.organiser().ask(listed, json!({"id": festival.session})).await;
        let flags: Vec<_> = listed["session"]["attendances"]["nodes"].as_array().unwrap().iter().map(|it| &it["isWalkIn"]).collect();
        assert_eq!(flags, [&json!(true), &json!(true), &json!(true), &json!(false)]);

        let other = app.festival(None, &[]).await;
        let elsewhere = json!({"sessionId": other.session, "scanId": app.uuid(), "person": person("张三丰", "13800000001")});
        assert_eq!(device.fail(&document("register_walk_in"), json!({"input": elsewhere})).await, "NOT_FOUND");
    }

    async fn the_same_scan_again_changes_nothing(app) {
        let festival = app.festival(None, &[]).await;
        set(&app, &festival, "ACCEPT").await;
        let (client, _) = device(&app, &[&festival.activity]).await;
        let input = json!({"sessionId": festival.session, "scanId": app.uuid(), "person": person("张三丰", "13800000001")});
        let mut tasks = JoinSet::new();
        for _ in 0..6 {
            let (client, input) = (client.clone(), input.clone());
            tasks.spawn(async move { come(&client, input).await });
        }
        let answers = tasks.join_all().await;
        assert!(answers.iter().all(|it| it["outcome"] == "ADMITTED"), "{answers:#?}");
        assert_eq!(answers.iter().filter(|it| it["replayed"] == false).count(), 1);
        let one = text(&answers[0]["registration"]["id"]);
        assert!(answers.iter().all(|it| it["registration"]["id"] == one.as_str()));
        for table in ["registration", "person", "scan", "attendance"] {
            assert_eq!(count(&app, table).await, 1, "{table}");
        }
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action = 'RegisterWalkIn'").await, 1);
        let mut otherwise = input.clone();
        otherwise["person"] = person("李四光", "13800000002");
        assert_eq!(come(&client, otherwise).await["userErrors"][0]["code"], "SCAN_ID_REUSED");
        // Another scan of the same person is one more scan and no further registration.
        let mut again = input;
        again["scanId"] = json!(app.uuid());
        assert_eq!(come(&client, again).await["outcome"], "ALREADY_IN");
        assert_eq!((count(&app, "registration").await, count(&app, "scan").await), (1, 2));
    }

    async fn whoever_is_registered_comes_by_that(app) {
        let festival = app.festival(Some(1), &[]).await;
        set(&app, &festival, "ACCEPT").await;
        let (client, _) = device(&app, &[&festival.activity]).await;
        let seated = festival.register(&app, "张三丰", "13800000001").await;
        let waiting = festival.register(&app, "李四光", "13800000002").await;
        assert_eq!(waiting.status, "WAITLISTED");
        for (who, outcome, ticket) in [
            (person("张三丰", "13800000001"), "ADMITTED", &seated),
            (person("李四光", "13800000002"), "NOT_CONFIRMED", &waiting),
        ] {
            let answer = come(&client, json!({"sessionId": festival.session, "scanId": app.uuid(), "person": who})).await;
            assert_eq!((&answer["outcome"], &answer["registration"]["id"]), (&json!(outcome), &json!(ticket.registration)));
        }
        assert_eq!(count(&app, "registration").await, 2);
    }

    async fn no_seat_makes_nobody(app) {
        let festival = app.festival(Some(1), &[]).await;
        set(&app, &festival, "ACCEPT").await;
        festival.register(&app, "张三丰", "13800000001").await;
        let (client, _) = device(&app, &[&festival.activity]).await;
        let input = json!({"sessionId": festival.session, "scanId": app.uuid(), "person": person("李四光", "13800000002")});
        let full = come(&client, input.clone()).await;
        assert_eq!((&full["userErrors"][0]["code"], &full["outcome"]), (&json!("FULL"), &Value::Null));
        assert_eq!((count(&app, "person").await, count(&app, "scan").await), (1, 0));
        let mut over = input.clone();
        over["overCapacity"] = json!(true);
        over["reason"] = json!("贵宾");
        assert!(["NOT_FOUND", "FORBIDDEN"].contains(&client.fail(&document("register_walk_in"), json!({"input": over})).await.as_str()));
        let admin = app.account(Role::OrgAdmin, Over::Organisation(app.root)).await;
        assert_eq!(come(&admin, over).await["outcome"], "ADMITTED");
    }

    async fn a_shut_door_makes_nobody(app) {
        let festival = app.festival(None, &[]).await;
        set(&app, &festival, "ACCEPT").await;
        let (client, _) = device(&app, &[&festival.activity]).await;
        *app.clock() += TimeDelta::hours(4);
        let late = json!({"sessionId": festival.session, "scanId": app.uuid(), "person": person("周芷若", "13800000003")});
        assert_eq!(come(&client, late).await["userErrors"][0]["code"], "DOOR_SHUT");
        for table in ["registration", "person", "scan", "attendance"] {
            assert_eq!(count(&app, table).await, 0, "{table}");
        }
    }
}
