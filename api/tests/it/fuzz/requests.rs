//! Requests: bytes as bodies, texts as documents, values as variables, headers and addresses.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Method, Request},
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{is_clean, runtime};
use crate::app::{Answer, TestApp};

/// Tries a check on many inputs, all on one service.
fn all<S: Strategy>(
    cases: u32,
    strategy: &S,
    check: impl AsyncFn(&TestApp, S::Value) -> (Answer, String),
) {
    runtime().block_on(async {
        let app = TestApp::sqlite().await;
        super::all(cases, strategy, async |input| {
            let (answer, sent) = check(&app, input).await;
            is_clean(&answer, &sent)
        });
    });
}

async fn post(app: &TestApp, body: Vec<u8>) -> Answer {
    let request = Request::post("/graphql").header("content-type", "application/json");
    app.organiser().request(request, body.into()).await
}

/// Texts that somebody would try.
pub(super) fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        select(vec![
            "",
            "\0",
            "a\0b",
            "\u{10FFFF}",
            "'; DROP TABLE account; --",
            "%_\\",
            "../..",
            "null",
            "[]"
        ])
        .prop_map(str::to_owned),
        "(activity|session|account|person|upload|x)_[0-9a-f]{30,33}",
        "[A-Za-z0-9_-]{0,60}",
    ]
}

#[test]
fn any_bytes_may_be_sent_as_a_body() {
    let bodies = prop_oneof![
        vec(any::<u8>(), 0..200),
        vec(select(br#"{}[]":,\ntrue0123"#.to_vec()), 0..60),
    ];
    all(600, &bodies, async |app, body| {
        let sent = String::from_utf8_lossy(&body).into_owned();
        (post(app, body).await, sent)
    });
}

#[test]
fn any_text_may_be_sent_as_a_document() {
    const WORDS: [&str; 34] = [
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "!",
        ":",
        "$n",
        "@skip",
        "@include",
        "...",
        "on",
        "query",
        "mutation",
        "fragment",
        "F",
        "Query",
        "activities",
        "nodes",
        "id",
        "viewer",
        "first",
        "1",
        "-1",
        "null",
        "true",
        "if",
        "\"x\"",
        "\"\"\"",
        "#",
        "__typename",
        "__schema",
        "=",
    ];
    let documents = prop_oneof![
        any::<String>(),
        vec(select(WORDS.to_vec()), 0..30).prop_map(|it| it.join(" ")),
        vec(select(WORDS.to_vec()), 0..10)
            .prop_map(|it| format!("{{ activities {{ nodes {{ id {} }} }} }}", it.join(" "))),
    ];
    all(1_000, &documents, async |app, document| {
        let body = json!({"query": document, "variables": {"n": 1}}).to_string();
        (post(app, body.clone().into()).await, body)
    });
}

#[test]
fn any_value_may_be_sent_as_a_variable() {
    const DOCUMENTS: [&str; 7] = [
        "query($v: ID!) { node(id: $v) { id } }",
        "query($v: ID!) { activity(id: $v) { id } }",
        "query($v: [ID!]!) { nodes(ids: $v) { id } }",
        "query($v: String) { activities(first: 2, after: $v) { nodes { id } } }",
        "query($v: String) { people(last: 2, before: $v) { nodes { id } } }",
        "query($v: Int) { activities(first: $v) { nodes { id } } }",
        "mutation($v: String!) { signIn(input: {username: $v, password: $v}) { userErrors { code } } }",
    ];
    let keys = vec(texts(), 0..3).prop_map(|it| {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        BASE64_URL_SAFE_NO_PAD.encode(json!(it).to_string())
    });
    let values = prop_oneof![
        texts().prop_map(Value::from),
        keys.prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        vec(texts(), 0..3).prop_map(Value::from),
        Just(json!(null)),
        Just(json!({"a": {"b": []}})),
    ];
    all(800, &(select(DOCUMENTS.to_vec()), values), async |app, (document, value)| {
        let body = json!({"query": document, "variables": {"v": value}}).to_string();
        (post(app, body.clone().into()).await, body)
    });
}

#[test]
fn any_header_and_address_may_be_sent() {
    const NAMES: [&str; 9] = [
        "accept",
        "accept-language",
        "authorization",
        "content-type",
        "content-disposition",
        "content-encoding",
        "accept-encoding",
        "cookie",
        "range",
    ];
    const PATHS: [&str; 8] =
        ["/graphql", "/uploads", "/exports/", "/healthz", "/readyz", "/metrics", "/", "/nowhere/"];
    let values = prop_oneof![
        vec(any::<u8>(), 0..60),
        "(attachment; )?filename\\*?=(UTF-8'')?[\"%;\\\\a-z0-9=]{0,30}"
            .prop_map(String::into_bytes),
        "[a-z*]{1,3}/[a-z*+-]{1,5}(;q=[0-9.]{1,4})?(, ?\\*/\\*)?".prop_map(String::into_bytes),
        "Bearer [A-Za-z0-9_.-]{0,40}".prop_map(String::into_bytes),
    ];
    let requests = (
        select(vec![Method::GET, Method::POST, Method::HEAD, Method::OPTIONS, Method::PUT]),
        select(PATHS.to_vec()),
        "[A-Za-z0-9%&=_{}-]{0,40}",
        vec((select(NAMES.to_vec()), values), 0..4),
    );
    all(800, &requests, async |app, (method, path, rest, headers)| {
        let encoded = rest.replace('{', "%7B").replace('}', "%7D");
        let at = if path.ends_with('/') { "" } else { "?query=" };
        let mut request = Request::builder().method(method).uri(format!("{path}{at}{encoded}"));
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request = request.header(HeaderName::from_static(name), value);
            }
        }
        (app.anonymous().request(request, Body::from("{}")).await, String::new())
    });
}
