//! The form, answered by whoever registers themselves.

use serde_json::{Value, json};

use super::{OTHER, PHONE, attendee, form, mine, open, outcome, public, text};
use crate::app::{Client, Festival, TestApp, on_both};

const ID_NUMBER: &str = "11010519491231002X";

fn question(key: &str, kind: &str, more: Value) -> Value {
    let mut it = json!({"key": key, "kind": kind, "label": key, "purpose": "会务", "keptFor": 30});
    it.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    it
}

async fn ask(app: &TestApp, festival: &Festival) {
    let questions = json!([
        question("lodging", "YES_NO", json!({"required": true})),
        question(
            "nights",
            "NUMBER",
            json!({"required": true, "limits": {"min": 1, "max": 3},
            "visibleIf": {"key": "lodging", "isAnyOf": ["true"]}})
        ),
        question("idno", "ID_NUMBER", json!({})),
        question("photo", "FILE", json!({"required": true})),
        question("rating", "NUMBER", json!({"required": true, "stage": "FOLLOW_UP"})),
        question("remarks", "TEXT", json!({"stage": "FOLLOW_UP"})),
    ]);
    let input = json!({"activityId": festival.activity, "questions": questions});
    assert_eq!(outcome(app.organiser(), "set_questions", input).await, "ok");
}

/// Codes and paths of what is refused.
async fn faults(client: &Client, operation: &str, input: Value) -> Vec<(String, String)> {
    let done = client.run(operation, json!({"input": input})).await;
    let payload = done.as_object().unwrap().values().next().unwrap();
    assert_eq!(payload["registration"], Value::Null);
    let path = |it: &Value| {
        let all: Vec<&str> = it["path"].as_array().unwrap().iter().map(text).collect();
        all.join(".")
    };
    let all = payload["userErrors"].as_array().unwrap();
    all.iter().map(|it| (text(&it["code"]).to_owned(), path(it))).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect()
}

/// Keys and texts of what was answered.
fn answers(registration: &Value) -> Vec<(&str, &str)> {
    let all = registration["answers"].as_array().unwrap();
    all.iter().map(|it| (text(&it["question"]["key"]), text(&it["text"]))).collect()
}

async fn due(app: &TestApp, festival: &Festival, stage: &str) -> usize {
    let document = "query($id: ID!, $stage: FormStage!) { activity(id: $id) {
        registrations(filter: {formDue: $stage}) { nodes { id } } } }";
    let it = app.organiser().ask(document, json!({"id": festival.activity, "stage": stage})).await;
    it["activity"]["registrations"]["nodes"].as_array().unwrap().len()
}

on_both! {
    async fn whoever_registers_answers_what_is_required(app) {
        let festival = app.festival(Some(5), &[]).await;
        let version = open(&app, &festival, &[]).await;
        ask(&app, &festival).await;
        let shown = public(&app, &festival.activity).await;
        let keys: Vec<&str> = shown["questions"].as_array().unwrap().iter().map(|it| text(&it["key"])).collect();
        assert_eq!(keys, ["lodging", "nights", "idno", "photo"]);
        assert_eq!(shown["questions"][1]["visibleIf"], json!({"key": "lodging", "isAnyOf": ["true"]}));

        let who = attendee(&app, PHONE).await;
        let with = |answers: Value| {
            let mut input = form(&festival, "张三丰", &version);
            input["answers"] = answers;
            input
        };
        for (answers, wrong) in [
            (json!([]), vec![("ANSWER_INVALID", "input.answers")]),
            (json!([{"key": "lodging", "flag": true}]), vec![("ANSWER_INVALID", "input.answers")]),
            (json!([{"key": "lodging", "flag": true}, {"key": "nights", "number": 4}, {"key": "idno", "text": "123"}]),
                vec![("ANSWER_INVALID", "input.answers.1.number"), ("ANSWER_INVALID", "input.answers.2.text")]),
            (json!([{"key": "lodging", "flag": false}, {"key": "rating", "number": 5}]), vec![("ANSWER_INVALID", "input.answers.1.key")]),
            // Whoever has no account sends no file, be it somebody else's or none.
            (json!([{"key": "lodging", "flag": false}, {"key": "photo", "uploadId": "upload_00000000000000000000000000000000"}]),
                vec![("ANSWER_INVALID", "input.answers.1.key")]),
        ] {
            assert_eq!(faults(&who, "register_myself", with(answers)).await, pairs(&wrong));
        }
        // All faults at once.
        let mut input = with(json!([]));
        input["noticeVersion"] = Value::Null;
        assert_eq!(faults(&who, "register_myself", input).await,
            pairs(&[("CONSENT_MISSING", "input.noticeVersion"), ("ANSWER_INVALID", "input.answers")]));
        for table in ["registration", "answer", "form_reply", "person", "consent"] {
            assert_eq!(app.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
        }
        assert_eq!(festival.seats_taken(&app).await, 0);

        let input = with(json!([{"key": "lodging", "flag": true}, {"key": "nights", "number": 2}, {"key": "idno", "text": ID_NUMBER}]));
        let done = who.run("register_myself", json!({"input": input})).await;
        assert_eq!(done["registerMyself"]["userErrors"], json!([]));
        let own = mine(&who).await;

        assert_eq!(answers(&own[0]).len(), 3);
        assert_eq!(answers(&own[0])[..2], [("lodging", "是"), ("nights", "2")]);
        assert_eq!(answers(&own[0])[2], ("idno", "110105********002X"));
        assert_eq!(answers(&done["registerMyself"]["registration"]), answers(&own[0]));
        // The file is the organiser's to add.
        assert_eq!(due(&app, &festival, "REGISTRATION").await, 1);
    }

    async fn a_form_is_answered_later_and_corrected_by_its_phone(app) {
        let festival = app.festival(Some(5), &[]).await;
        let version = open(&app, &festival, &[]).await;
        ask(&app, &festival).await;
        let (who, stranger) = (attendee(&app, PHONE).await, attendee(&app, OTHER).await);
        let mut input = form(&festival, "张三丰", &version);
        input["answers"] = json!([{"key": "lodging", "flag": true}, {"key": "nights", "number": 2}]);
        assert_eq!(outcome(&who, "register_myself", input).await, "ok");
        let own = mine(&who).await;
        let keys: Vec<&str> = own[0]["questions"].as_array().unwrap().iter().map(|it| text(&it["key"])).collect();
        assert_eq!(keys, ["rating", "remarks"]);
        assert_eq!(due(&app, &festival, "FOLLOW_UP").await, 1);

        let id = own[0]["id"].clone();
        let to = |stage: &str, answers: Value| json!({"registrationId": id, "stage": stage, "answers": answers});
        let rating = to("FOLLOW_UP", json!([{"key": "rating", "number": 5}]));
        for client in [&stranger, app.organiser(), &app.anonymous()] {
            let code = client.fail(&crate::app::document("answer_my_form"), json!({"input": rating})).await;
            assert!(code == "NOT_FOUND" || code == "UNAUTHENTICATED", "{code}");
        }
        for (stage, given, code, path) in [
            ("FOLLOW_UP", json!([]), "REQUIRED", "input.answers"),
            ("FOLLOW_UP", json!([{"key": "remarks", "text": "好"}]), "REQUIRED", "input.answers"),
            ("FOLLOW_UP", json!([{"key": "rating"}]), "REQUIRED", "input.answers.0"),
            ("REGISTRATION", json!([{"key": "nights", "number": 9}]), "OUT_OF_RANGE", "input.answers.0.number"),
            ("REGISTRATION", json!([{"key": "nights"}]), "REQUIRED", "input.answers.0"),
            ("REGISTRATION", json!([{"key": "photo"}]), "FILE_NOT_TAKEN", "input.answers.0.key"),
        ] {
            assert_eq!(faults(&who, "answer_my_form", to(stage, given)).await, pairs(&[(code, path)]));
        }
        assert_eq!(mine(&who).await, own);
        assert_eq!(app.count("SELECT count(*) FROM answer").await, 2);

        assert_eq!(outcome(&who, "answer_my_form", rating.clone()).await, "ok");
        assert_eq!(due(&app, &festival, "FOLLOW_UP").await, 0);
        // Who needs no room any more is not asked how long.
        let correction = to("REGISTRATION", json!([{"key": "lodging", "flag": false}]));
        assert_eq!(outcome(&who, "answer_my_form", correction).await, "ok");
        assert_eq!(answers(&mine(&who).await[0]), [("lodging", "否"), ("rating", "5")]);
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action = 'AnswerMyForm' AND account_id IS NULL").await, 2);

        assert_eq!(outcome(&who, "cancel_my_registration", json!({"registrationId": id})).await, "ok");
        assert_eq!(outcome(&who, "answer_my_form", rating).await, "NOT_LIVE");
        assert_eq!(app.count("SELECT count(*) FROM answer").await, 2);
    }

    async fn what_was_set_of_self_registration_is_read(app) {
        let festival = app.festival(Some(5), &[("企业家", None), ("领导", None)]).await;
        let read = async || {
            app.organiser().run("activity", json!({"id": festival.activity})).await["activity"]["selfRegistration"].take()
        };
        assert_eq!(read().await, Value::Null);
        open(&app, &festival, &["领导"]).await;
        assert_eq!(read().await, json!({"opensAt": null, "closesAt": null, "categories": ["领导"]}));
        let input = json!({"activityId": festival.activity, "allowed": true, "opensAt": "2026-11-01T00:00:00Z",
            "closesAt": "2026-11-02T00:00:00Z", "categories": ["领导", "企业家"]});
        assert_eq!(outcome(app.organiser(), "set_self_registration", input).await, "ok");
        let set = read().await;
        assert!(text(&set["opensAt"]).starts_with("2026-11-01T00:00:00"), "{set}");
        assert!(text(&set["closesAt"]).starts_with("2026-11-02T00:00:00"), "{set}");
        assert_eq!(set["categories"], json!(["企业家", "领导"]));
        let input = json!({"activityId": festival.activity, "allowed": false});
        assert_eq!(outcome(app.organiser(), "set_self_registration", input).await, "ok");
        assert_eq!(read().await, Value::Null);
    }
}
