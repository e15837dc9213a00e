//! What documents may ask for, and what is said of those that ask for more.

use std::{fmt::Write, time::Instant};

use serde_json::{Value, json};

use super::{assert_is_error, code, send};
use crate::app::TestApp;

/// Sends what must be refused before execution; its code.
async fn refused(app: &TestApp, document: &str, variables: Value) -> String {
    let started = Instant::now();
    let answer = send(app.organiser(), document, variables).await;
    // Two seconds are much on a machine that does other things, and nothing beside what is refused here.
    assert!(started.elapsed().as_secs() < 2, "{:?}", started.elapsed());
    assert_eq!(answer.status.as_u16(), 400, "{}", answer.json());
    assert!(answer.json().get("data").is_none());
    assert_is_error(&answer);
    code(&answer)
}

fn bomb(levels: usize, last: &str) -> String {
    let mut document = "{ ...F0 }".to_owned();
    for level in 0..levels {
        let next = level + 1;
        write!(document, " fragment F{level} on Query {{ ...F{next} ...F{next} }}").unwrap();
    }
    document + last
}

#[tokio::test]
async fn bombs_of_fragments_are_refused_at_once() {
    let app = TestApp::sqlite().await;
    let last = " fragment F28 on Query { __typename }";
    assert_eq!(refused(&app, &bomb(28, last), json!({})).await, "QUERY_TOO_COMPLEX");
    // Nothing at the end: the spreads alone are walked.
    assert_eq!(refused(&app, &bomb(28, ""), json!({})).await, "QUERY_TOO_COMPLEX");
    // Used by nothing.
    let unused = bomb(28, last).replacen("{ ...F0 }", "{ __typename }", 1);
    assert_eq!(refused(&app, &unused, json!({})).await, "QUERY_TOO_COMPLEX");
    // A chain as long as a document can hold.
    let mut chain = "{...f0}".to_owned();
    for level in 0..600 {
        write!(chain, "fragment f{level} on Query{{...f{}}}", level + 1).unwrap();
    }
    assert_eq!(refused(&app, &chain, json!({})).await, "QUERY_TOO_COMPLEX");
    let cycle = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }";
    assert_eq!(refused(&app, cycle, json!({})).await, "GRAPHQL_VALIDATION_FAILED");
}

#[tokio::test]
async fn what_is_too_much_is_said_to_be_too_complex() {
    let app = TestApp::sqlite().await;
    let many = |count: usize, each: &dyn Fn(usize) -> String| {
        (0..count).map(each).collect::<Vec<_>>().join(" ")
    };
    let aliases = |n| format!("{{ {} }}", many(n, &|i| format!("a{i}: __typename")));
    let answer = send(app.organiser(), &aliases(30), json!({})).await;
    assert_eq!(answer.status.as_u16(), 200);
    let mutations = |n| {
        let one = |i| format!("a{i}: signOut {{ __typename }}");
        format!("mutation {{ {} }}", many(n, &one))
    };
    let operations = |n| many(n, &|i| format!("query Q{i} {{ __typename }}"));
    let nested = |n: usize| {
        let open = "activities { nodes { programme { ".repeat(n);
        format!("{{ {open} activities {{ nodes {{ id }} }} {} }}", "} } }".repeat(n))
    };
    let schema = |n: usize| {
        let open = "fields { type { ".repeat(n);
        format!("{{ __schema {{ types {{ {open} name {} }} }} }}", "} }".repeat(n))
    };
    assert_eq!(send(app.organiser(), &schema(2), json!({})).await.status.as_u16(), 200);
    for (document, variables) in [
        (aliases(31), json!({})),
        (mutations(11), json!({})),
        (format!("{{ {} }}", many(31, &|_| "__typename".into())), json!({})),
        (format!("{} query A {{ __typename }}", operations(10)), json!({})),
        (format!("{{ viewer {{ {} }} }}", many(1001, &|_| "__typename".into())), json!({})),
        (format!("{{ __typename {} }}", "@skip(if: false) ".repeat(6)), json!({})),
        (format!("query {} {{ __typename }}", "@x ".repeat(6)), json!({})),
        (nested(20), json!({})),
        (schema(3), json!({})),
        ("{ activities(first: 100) { nodes { registrations(first: 100) { nodes { id } } } } }".into(), json!({})),
        ("query($n: Int) { activities(first: $n) { nodes { registrations(first: $n) { nodes { id } } } } }".into(), json!({"n": 100})),
        ("query($n: Int = 100) { activities(last: $n) { nodes { registrations(last: $n) { nodes { id } } } } }".into(), json!({})),
    ] {
        let short: String = document.chars().take(100).collect();
        assert_eq!(refused(&app, &document, variables).await, "QUERY_TOO_COMPLEX", "{short}");
    }
    // On an interface too, through fragments too, and whether a size is given or not.
    let pages = "{ activities(first: 100) { nodes { registrations { ...R } } } } fragment R on RegistrationConnection { ... { nodes { id code: ticketCode status person { id name } } } }";
    assert_eq!(refused(&app, pages, json!({})).await, "QUERY_TOO_COMPLEX");
    let small = "query($n: Int) { activities(first: $n) { nodes { registrations(first: $n) { nodes { id } } } } }";
    assert_eq!(send(app.organiser(), small, json!({"n": 3})).await.status.as_u16(), 200);
}

#[tokio::test]
async fn a_faulty_value_is_bad_input_wherever_it_stands() {
    let app = TestApp::sqlite().await;
    let scan = "mutation($i: CheckInInput!) { checkIn(input: $i) { outcome } }";
    for (document, variables) in [
        ("{ activity(id: \"nope\") { id } }", json!({})),
        ("query($i: ID!) { activity(id: $i) { id } }", json!({"i": "nope"})),
        ("query($i: ID!) { activity(id: $i) { id } }", json!({"i": {}})),
        ("query($i: ID!) { activity(id: $i) { id } }", json!({"i": null})),
        ("query($i: ID!) { activity(id: $i) { id } }", json!({})),
        ("query($n: Int) { activities(first: $n) { nodes { id } } }", json!({"n": "1"})),
        (
            "query($n: Int) { activities(first: $n) { nodes { id } } }",
            json!({"n": 99_999_999_999_u64}),
        ),
        ("query($n: Int = \"x\") { activities(first: $n) { nodes { id } } }", json!({})),
        ("{ activities(first: \"x\") { nodes { id } } }", json!({})),
        ("{ activities(first: 0) { nodes { id } } }", json!({})),
        ("{ activities(first: 101) { nodes { id } } }", json!({})),
        ("{ activities(first: 1, after: \"garbage\") { nodes { id } } }", json!({})),
        (scan, json!({"i": {"sessionId": "x"}})),
        (scan, json!({"i": {"sessionId": "x", "ticketCode": "x", "scanId": "x"}})),
        (
            "mutation($i: CreateProgrammeInput!) { createProgramme(input: $i) { __typename } }",
            json!({"i": {"kind": "NOPE", "title": "x", "year": 2026, "ownerId": "x"}}),
        ),
    ] {
        let answer = send(app.organiser(), document, variables.clone()).await;
        assert_eq!(code(&answer), "BAD_USER_INPUT", "{document} {variables}");
        assert_is_error(&answer);
    }
    // A faulty document is found before a missing value.
    let both = "query($i: ID!) { activity(id: $i) { nothing } }";
    assert_eq!(refused(&app, both, json!({})).await, "GRAPHQL_VALIDATION_FAILED");
    // A value that is not needed may be left out.
    let optional = "query($n: Int) { activities(first: $n) { nodes { id } } }";
    let answer = send(app.organiser(), optional, json!({})).await;
    assert!(answer.json().get("errors").is_none(), "{}", answer.json());
}

#[tokio::test]
async fn errors_are_few_and_short_and_show_nothing_of_the_inside() {
    let app = TestApp::sqlite().await;
    let many = (0..900).map(|i| format!("nothing{i}")).collect::<Vec<_>>().join(" ");
    let answer = send(app.organiser(), &format!("{{ viewer {{ {many} }} }}"), json!({})).await;
    assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 10);
    let long = "x".repeat(100_000);
    let document = "query($n: Int) { activities(first: $n) { nodes { id } } }";
    let answer = send(app.organiser(), document, json!({"n": long})).await;
    assert!(answer.body.len() < 2000, "{}", answer.body.len());
    // No suggestions of what else there is.
    let answer = send(app.organiser(), "{ activitie { id } }", json!({})).await;
    let message = answer.json()["errors"][0]["message"].to_string();
    assert!(!message.contains("activities"), "{message}");
    // A parse error is a place, not a picture of the grammar.
    let answer = send(app.organiser(), "{\n  a b(", json!({})).await;
    let error = &answer.json()["errors"][0];
    assert_eq!(error["locations"][0]["line"], 2);
    let message = error["message"].as_str().unwrap();
    assert!(message.len() < 60 && !message.contains("-->"), "{message}");
}

#[tokio::test]
async fn without_introspection_the_schema_stays_unknown() {
    let app = TestApp::with_flags(&["--introspection", "false"]).await;
    for document in [
        "{ __schema { types { name } } }",
        "{ a: __schema { types { name } } }",
        "{ ... { __schema { queryType { name } } } }",
        "{ ...F } fragment F on Query { __schema { queryType { name } } }",
        "mutation { __schema { types { name } } }",
    ] {
        assert_eq!(
            refused(&app, document, json!({})).await,
            "GRAPHQL_VALIDATION_FAILED",
            "{document}"
        );
    }
    // As of a type that is not there.
    let answer =
        send(&app.anonymous(), "{ __type(name: \"Query\") { name fields { name } } }", json!({}))
            .await;
    assert_eq!(answer.json(), json!({"data": {"__type": null}}));
    let typename = send(&app.anonymous(), "{ __typename }", json!({})).await;
    assert_eq!(typename.json()["data"]["__typename"], "Query");
}
