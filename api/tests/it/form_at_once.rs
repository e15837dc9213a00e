//! The form of an activity under several hands at once.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::{
    app::{Client, TestApp, document, on_both},
    contract::root_fields,
    fixture::text,
    life::done,
};

const ROUNDS: usize = 12;

/// What both give when they are sent at the same moment.
async fn at_once(app: &TestApp, requests: [(&'static str, Value); 2]) -> [Value; 2] {
    let start = Arc::new(Barrier::new(2));
    let one = |(operation, input): (&'static str, Value)| {
        let (client, start): (Client, _) = (app.organiser().clone(), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            client.send(&document(operation), json!({"input": input})).await
        })
    };
    let names = [requests[0].0, requests[1].0];
    let [first, second] = requests.map(one);
    let mut answers = [first.await.unwrap(), second.await.unwrap()];
    for (answer, name) in answers.iter_mut().zip(names) {
        if answer.get("errors").is_none() {
            *answer = answer["data"][root_fields(name).remove(0)].take();
        }
    }
    answers
}

/// The code of what was refused, or of the error; none where it was done.
fn code(answer: &Value) -> Option<&str> {
    let refused = answer["userErrors"].get(0).map(|it| &it["code"]);
    let failed = answer["errors"].get(0).map(|it| &it["extensions"]["code"]);
    refused.or(failed).and_then(Value::as_str)
}

fn question(key: &str, kind: &str) -> Value {
    json!({"key": key, "kind": kind, "label": key, "purpose": "会务安排", "keptFor": 30})
}

/// A choice of drinks, with tea or without.
fn drinks(with_tea: bool) -> Value {
    let mut it = question("drink", "ONE_OF");
    let all = [("tea", "茶"), ("coffee", "咖啡")];
    let options = all.iter().filter(|it| with_tea || it.0 != "tea");
    it["options"] = options.map(|(key, label)| json!({"key": key, "label": label})).collect();
    json!([it])
}

/// What is on record of a registration, by the questions' keys.
async fn on_record(app: &TestApp, id: &str) -> Vec<(String, String)> {
    let document =
        "query($id: ID!) { registration(id: $id) { answers { question { key } text } } }";
    let it = app.organiser().ask(document, json!({"id": id})).await;
    let all = it["registration"]["answers"].as_array().unwrap();
    all.iter().map(|it| (text(&it["question"]["key"]), text(&it["text"]))).collect()
}

on_both! {
    async fn two_answer_the_same_form_at_once(app) {
        let festival = app.festival(None, &[]).await;
        let mut nights = question("nights", "NUMBER");
        nights["visibleIf"] = json!({"key": "lodging", "isAnyOf": ["true"]});
        let questions = json!([question("lodging", "YES_NO"), nights, question("diet", "TEXT"), question("flight", "TEXT")]);
        done(app.organiser(), "set_questions", json!({"activityId": festival.activity, "questions": questions})).await;
        for nth in 0..ROUNDS {
            let id = festival.register(&app, "张三丰", &format!("138000001{nth:02}")).await.registration;
            let answers = |answers: Value| json!({"registrationId": id, "stage": "REGISTRATION", "answers": answers});
            done(app.organiser(), "answer_form", answers(json!([{"key": "lodging", "flag": true}]))).await;
            let one = answers(json!([{"key": "lodging", "flag": false}, {"key": "diet", "text": "素"}]));
            let other = answers(json!([{"key": "nights", "number": 2.0}, {"key": "diet", "text": "清真"}, {"key": "flight", "text": "CA1"}]));
            let both = at_once(&app, [("answer_form", one), ("answer_form", other)]).await;
            assert_eq!(both.each_ref().map(code), [None, None], "{both:?}");
            // What either said alone is there, of what both said the later word, and nothing that is not shown.
            let found = on_record(&app, &id).await;
            let keys: Vec<&str> = found.iter().map(|it| it.0.as_str()).collect();
            assert_eq!(keys, ["lodging", "diet", "flight"], "{found:?}");
            assert_eq!((found[0].1.as_str(), found[2].1.as_str()), ("否", "CA1"));
            assert!(["素", "清真"].contains(&found[1].1.as_str()), "{found:?}");
        }
        let replies = i64::try_from(ROUNDS).unwrap();
        assert_eq!(app.count("SELECT count(*) FROM form_reply").await, replies);
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action = 'AnswerForm'").await, 3 * replies);
    }

    async fn the_form_is_set_while_it_is_answered(app) {
        let festival = app.festival(None, &[]).await;
        let set = |with_tea: bool| json!({"activityId": festival.activity, "questions": drinks(with_tea)});
        let id = festival.register(&app, "张三丰", "13800000001").await.registration;
        for nth in 0..ROUNDS {
            done(app.organiser(), "set_questions", set(true)).await;
            let answer = json!([{"key": "drink", "choice": "tea"}]);
            let input = json!({"registrationId": id, "stage": "REGISTRATION", "answers": answer});
            // By turns an answer of somebody on record, and one of somebody who comes.
            let comes = json!({"activityId": festival.activity, "answers": answer,
                "person": {"name": "李四光", "phone": format!("138000002{nth:02}")}});
            let answering = if nth % 2 == 0 { ("answer_form", input) } else { ("register_attendee", comes) };
            let people = app.count("SELECT count(*) FROM registration").await;
            let both = at_once(&app, [answering.clone(), ("set_questions", set(false))]).await;
            let found = app.count("SELECT count(*) FROM answer").await;
            let came = app.count("SELECT count(*) FROM registration").await - people;
            let tea = app.count("SELECT count(*) FROM question WHERE CAST(options AS text) LIKE '%tea%'").await;
            let is_register = answering.0 == "register_attendee";
            match both.each_ref().map(code) {
                // Tea was taken, and stays.
                [None, Some("OPTION_CHOSEN")] => assert_eq!((found, tea, came), (1, 1, i64::from(is_register)), "{both:?}"),
                // Tea was gone.
                [Some("OPTION_UNKNOWN" | "ANSWER_INVALID" | "CONFLICT"), None] => assert_eq!((found, tea, came), (0, 0, 0), "{both:?}"),
                _ => panic!("{both:?}"),
            }
            if found == 1 {
                let taker = both[0]["registration"]["id"].clone();
                let back = json!({"registrationId": taker, "stage": "REGISTRATION", "answers": [{"key": "drink"}]});
                done(app.organiser(), "answer_form", back).await;
            }
        }
    }
}
