//! Seeing a phone or an ID number whole is an act of its own, which is put on record or does not happen.

use entity::role_grant::Role;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};

use crate::{
    app::{Client, TestApp, document, on_both},
    fixture::{an_activity, organisation, text},
    life::{done, refused},
    lists,
};

const NUMBER: &str = "11010519491231002X";

/// Somebody with a phone, an ID number and a mail address, on an activity; their id and the activity's.
async fn somebody(app: &TestApp) -> (String, String) {
    let festival = app.festival(None, &[]).await;
    let list =
        format!("姓名,单位,职务,手机,身份证号\n张三丰,甲厂,厂长,{},{NUMBER}\n", lists::phone(1));
    let upload = app.organiser().upload("list.csv", list.as_bytes()).await;
    let input = json!({"activityId": festival.activity, "uploadId": upload, "profile": "EVENT", "eventDate": "2026-11-01"});
    let staged = done(app.organiser(), "stage_roster", input).await;
    done(app.organiser(), "commit_roster", json!({"batchId": staged["batch"]["id"]})).await;
    let found = app.organiser().run("people", json!({"search": "张三丰"})).await;
    let id = text(&found["people"]["edges"][0]["node"]["id"]);
    let input = json!({"personId": id, "email": "zhang@example.org"});
    done(app.organiser(), "update_person", input).await;
    (id, festival.activity)
}

fn ask(person: &str, fields: Value, purpose: &str) -> Value {
    json!({"personId": person, "fields": fields, "purpose": purpose})
}

async fn found(client: &Client, search: &str) -> usize {
    let found = client.run("people", json!({"search": search})).await;
    found["people"]["edges"].as_array().unwrap().len()
}

on_both! {
    async fn what_is_seen_whole_is_on_record(app) {
        let (person, _) = somebody(&app).await;
        let shown = app.organiser().run("person", json!({"id": person})).await["person"].take();
        assert_eq!(shown["maskedPhone"], "142****0001");
        assert_eq!(shown["maskedEmail"], "z***@example.org");
        assert_eq!(shown["maskedIdNumber"], "110105********002X");
        let both = "query($id: ID!) { person(id: $id) { phone email } }";
        let shown = app.organiser().ask(both, json!({"id": person})).await;
        assert_eq!(shown["person"], json!({"phone": "142****0001", "email": "z***@example.org"}));

        let all = json!(["PHONE", "EMAIL", "ID_NUMBER"]);
        let seen = done(app.organiser(), "reveal_person", ask(&person, all.clone(), "联系嘉宾")).await;
        let seen = &seen["revealed"];
        assert_eq!((&seen["phone"], &seen["email"]), (&json!(lists::phone(1)), &json!("zhang@example.org")));
        assert_eq!(seen["idNumber"], NUMBER);
        let seen = done(app.organiser(), "reveal_person", ask(&person, json!(["EMAIL"]), "寄送材料")).await;
        assert_eq!((&seen["revealed"]["phone"], &seen["revealed"]["idNumber"]), (&Value::Null, &Value::Null));
        for (action, purpose) in [("ViewIdNumber", "联系嘉宾"), ("ViewPhone", "寄送材料")] {
            let left = format!(
                "SELECT count(*) FROM audit_event WHERE action = '{action}' AND reason = '{purpose}'
                 AND subject_kind = 'person' AND subject_id IS NOT NULL AND account_id IS NOT NULL"
            );
            assert_eq!(app.count(&left).await, 1, "{action}");
        }
        let which = r#"SELECT count(*) FROM audit_event WHERE details LIKE '%"revealed":[null,["EMAIL"]]%'"#;
        assert_eq!(app.count(which).await, 1);
        for (fields, purpose, code) in [
            (all.clone(), "  ", "PURPOSE_MISSING"), (all.clone(), "联系", "PURPOSE_MISSING"),
            (all.clone(), &"长".repeat(201), "TOO_LONG"), (json!([]), "联系嘉宾", "FIELDS_MISSING"),
        ] {
            let input = ask(&person, fields, purpose);
            refused(&app, app.organiser(), "reveal_person", input.clone(), code).await;
            let payload = app.organiser().run("reveal_person", json!({"input": input})).await;
            assert!(payload["revealPerson"]["revealed"].is_null());
        }
        // What cannot be put on record is not shown.
        let db = Database::connect(&app.url).await.unwrap();
        db.execute_unprepared("ALTER TABLE audit_event RENAME TO audit_event_gone").await.unwrap();
        db.close().await.unwrap();
        let answer = app.organiser().send(&document("reveal_person"), json!({"input": ask(&person, all, "联系嘉宾")})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "INTERNAL_SERVER_ERROR");
        assert!(!answer.to_string().contains(&lists::phone(1)) && !answer.to_string().contains(NUMBER));
    }

    async fn few_see_and_find_by_an_id_number(app) {
        let (person, activity) = somebody(&app).await;
        let root = organisation(&app.root_id());
        let document = document("reveal_person");
        let code = async |client: &Client, field: &str| {
            let answer = client.send(&document, json!({"input": ask(&person, json!([field]), "联系嘉宾")})).await;
            match answer["errors"][0]["extensions"]["code"].as_str() {
                Some(code) => code.to_owned(),
                None => "ok".to_owned(),
            }
        };
        let organiser = app.account(Role::Organiser, an_activity(&activity)).await;
        let liaison = app.account(Role::Liaison, root).await;
        let door = app.account(Role::DoorStaff, an_activity(&activity)).await;
        let viewer = app.account(Role::Viewer, root).await;
        let platform = app.account(Role::PlatformAdmin, root).await;
        for (client, phone, number) in [
            (&organiser, "ok", "ok"), (&liaison, "ok", "FORBIDDEN"), (&door, "FORBIDDEN", "FORBIDDEN"),
            (&viewer, "NOT_FOUND", "NOT_FOUND"), (&platform, "NOT_FOUND", "NOT_FOUND"),
        ] {
            assert_eq!([code(client, "PHONE").await, code(client, "ID_NUMBER").await], [phone, number]);
        }
        // Found by the whole number, by whoever may see it, and by no part of it.
        for typed in [NUMBER.to_lowercase(), format!(" {NUMBER} ")] {
            assert_eq!(found(&organiser, &typed).await, 1);
            assert_eq!(found(&liaison, &typed).await, 0);
            assert_eq!(found(&door, &typed).await, 0);
        }
        for part in [&NUMBER[..17], &NUMBER[..6], &NUMBER[14..], "330302199001011235"] {
            assert_eq!(found(&organiser, part).await, 0, "{part}");
        }
        // Nor is anybody found by a part of a phone.
        let phone = lists::phone(1);
        assert_eq!(found(&organiser, &phone).await, 1);
        for part in [&phone[..10], &phone[1..], &phone[7..]] {
            assert_eq!(found(&organiser, part).await, 0, "{part}");
        }
        let masked = "query($id: ID!) { person(id: $id) { phone email maskedEmail maskedIdNumber maskedPhone } }";
        let seen = door.ask(masked, json!({"id": person})).await;
        assert_eq!(seen["person"], json!({"phone": null, "email": null, "maskedEmail": null, "maskedIdNumber": null, "maskedPhone": "142****0001"}));
        // A refusal says again only what cannot be read as a number.
        let input = json!({"organisationId": app.root_id(), "name": "李四光", "phone": "1380000000012"});
        let payload = app.organiser().run("create_person", json!({"input": input})).await;
        let said = payload["createPerson"]["userErrors"][0]["message"].to_string();
        assert!(said.contains("138******0012"), "{said}");
    }

    async fn a_list_shows_phones_to_who_looks_it_over(app) {
        let festival = app.festival(None, &[]).await;
        let second = app.account(Role::Organiser, an_activity(&festival.activity)).await;
        let upload = app.organiser().upload("list.csv", lists::list(1..2).as_bytes()).await;
        let input = json!({"activityId": festival.activity, "uploadId": upload, "profile": "EVENT", "eventDate": "2026-11-01"});
        let staged = done(app.organiser(), "stage_roster", input).await;
        let batch = text(&staged["batch"]["id"]);
        let phone = async |client: &Client| {
            let rows = client.run("roster_rows", json!({"id": batch})).await;
            text(&rows["rosterBatch"]["rows"]["edges"][0]["node"]["phone"])
        };
        assert_eq!(phone(app.organiser()).await, lists::phone(1));
        assert_eq!(phone(&second).await, "142****0001");
        done(app.organiser(), "commit_roster", json!({"batchId": batch})).await;
        assert_eq!(phone(app.organiser()).await, "142****0001");
    }
}
