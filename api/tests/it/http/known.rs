//! Documents that are named instead of sent: trusted ones, and automatic persisted queries.

use std::{collections::BTreeMap, fmt::Write};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{GRAPHQL, assert_is_error, code};
use crate::{
    app::{Answer, Client, TestApp, document},
    contract::documents,
    socket::serve,
};

fn sha256(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn persisted(hash: &str) -> Value {
    json!({"persistedQuery": {"version": 1, "sha256Hash": hash}})
}

async fn send(client: &Client, body: Value) -> Answer {
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", GRAPHQL);
    client.request(request, body.to_string().into()).await
}

/// A service that trusts all sample documents, and no others where `only` says so.
async fn trusting(only: bool) -> TestApp {
    let app = TestApp::sqlite().await;
    let all: BTreeMap<String, String> =
        documents().iter().map(|it| document(it)).map(|it| (sha256(&it), it)).collect();
    let path = app.folder().join("trusted.json");
    std::fs::write(&path, json!(all).to_string()).unwrap();
    let only = if only { "true" } else { "false" };
    app.with(&["--trusted-documents", path.to_str().unwrap(), "--trusted-only", only]).await
}

#[tokio::test]
async fn a_document_is_sent_once_and_named_from_then_on() {
    let app = TestApp::sqlite().await;
    let client = app.organiser();
    let text = "query Named { __typename }";
    let hash = sha256(text);
    let by_hash = json!({"extensions": persisted(&hash)});
    let answer = send(client, by_hash.clone()).await;
    assert_eq!(code(&answer), "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(answer.json()["errors"][0]["message"], "PersistedQueryNotFound");
    assert_is_error(&answer);
    let both = json!({"query": text, "extensions": persisted(&hash)});
    let known = json!({"data": {"__typename": "Query"}});
    assert_eq!(send(client, both).await.json(), known);
    assert_eq!(send(client, by_hash.clone()).await.json(), known);
    // To anybody, by any way of naming it.
    let nobody = app.anonymous();
    assert_eq!(send(&nobody, json!({"documentId": hash})).await.json(), known);
    let id = json!({"documentId": format!("sha256:{}", hash.to_uppercase())});
    assert_eq!(send(&nobody, id).await.json(), known);
    let query = format!("extensions={}", by_hash["extensions"].to_string().replace('"', "%22"));
    let query = query.replace('{', "%7B").replace('}', "%7D");
    let request = Request::get(format!("/graphql?{query}"));
    assert_eq!(nobody.request(request, Body::empty()).await.json(), known);
    let request = Request::get(format!("/graphql?documentId={hash}"));
    assert_eq!(nobody.request(request, Body::empty()).await.json(), known);
    // And by a socket.
    let server = serve(app.router.clone()).await;
    let mut socket = server.of(client).await;
    socket.send(json!({"id": "1", "type": "subscribe", "payload": by_hash})).await;
    assert_eq!(socket.data("1").await, json!({"__typename": "Query"}));
}

#[tokio::test]
async fn nothing_is_kept_that_is_not_what_it_is_called_or_not_in_order() {
    let app = TestApp::sqlite().await;
    let client = app.organiser();
    let hash = sha256("{ __typename }");
    let other = json!({"query": "{ viewer { account { id } } }", "extensions": persisted(&hash)});
    let answer = send(client, other).await;
    assert_eq!((answer.status.as_u16(), code(&answer)), (400, "BAD_USER_INPUT".to_owned()));
    assert_eq!(code(&send(client, json!({"documentId": hash})).await), "PERSISTED_QUERY_NOT_FOUND");
    for text in ["{", &format!("{{ {} }}", "a ".repeat(1001)), &"# ".repeat(20_000)] {
        let hash = sha256(text);
        send(client, json!({"query": text, "extensions": persisted(&hash)})).await;
        let again = send(client, json!({"documentId": hash})).await;
        assert_eq!(code(&again), "PERSISTED_QUERY_NOT_FOUND");
    }
    for extensions in [
        json!({"persistedQuery": {"version": 2, "sha256Hash": hash}}),
        json!({"persistedQuery": {"sha256Hash": hash}}),
        json!({"persistedQuery": {"version": 1, "sha256Hash": "x"}}),
        json!({"persistedQuery": {"version": 1, "sha256Hash": 1}}),
        json!({"persistedQuery": "x"}),
    ] {
        let answer = send(client, json!({"extensions": extensions})).await;
        assert_eq!(code(&answer), "BAD_USER_INPUT", "{extensions}");
        assert_is_error(&answer);
    }
    for body in [json!({"documentId": "x"}), json!({"documentId": "é".repeat(32)}), json!({})] {
        assert_eq!(code(&send(client, body).await), "BAD_USER_INPUT");
    }
}

#[tokio::test]
async fn what_clients_send_is_kept_within_bounds() {
    let app = TestApp::sqlite().await;
    let nobody = app.anonymous();
    let long = "a".repeat(19_400);
    let text = |at: usize| format!("query Q{at} {{ __typename }} # {long}");
    for at in 0..450 {
        let text = text(at);
        let body = json!({"query": text, "extensions": persisted(&sha256(&text))});
        assert!(send(&nobody, body).await.json().get("errors").is_none());
    }
    // 8.7 MB were sent, and 8 MiB are kept.
    let mut kept = 0;
    for at in 0..450 {
        let answer = send(&nobody, json!({"documentId": sha256(&text(at))})).await;
        kept += usize::from(answer.json().get("errors").is_none());
    }
    assert!((1..445).contains(&kept), "{kept} are kept");
}

#[tokio::test]
async fn where_only_trusted_documents_are_executed_nothing_else_is() {
    let app = trusting(true).await;
    let client = app.organiser();
    for body in [
        json!({"query": "{ __typename }"}),
        json!({"query": "{ __schema { queryType { name } } }"}),
        json!({"query": "{"}),
        json!({"documentId": sha256("{ __typename }")}),
        json!({"query": "{ __typename }", "extensions": persisted(&sha256("{ __typename }"))}),
        json!({"query": format!("{} ", document("viewer"))}),
    ] {
        let answer = send(client, body.clone()).await;
        assert_eq!(code(&answer), "DOCUMENT_NOT_TRUSTED", "{body}");
        assert_is_error(&answer);
    }
    let server = serve(app.router.clone()).await;
    let mut socket = server.of(client).await;
    socket.ask("1", "{ __typename }", json!({})).await;
    assert_eq!(socket.error("1").await, "DOCUMENT_NOT_TRUSTED");

    let viewer = document("viewer");
    for body in [
        json!({"query": viewer}),
        json!({"documentId": sha256(&viewer)}),
        json!({"extensions": persisted(&sha256(&viewer))}),
    ] {
        let answer = send(client, body).await.json();
        assert!(answer["data"]["viewer"]["account"]["id"].is_string(), "{answer}");
    }
}

/// What front-ends send is known, and within all limits.
#[tokio::test]
async fn every_sample_document_can_be_named_and_says_what_it_costs() {
    for app in [trusting(true).await, trusting(false).await] {
        for name in documents() {
            let text = document(&name);
            if text.contains("subscription ") {
                continue;
            }
            let body = json!({"documentId": sha256(&text), "extensions": {"cost": true}});
            let answer = send(app.organiser(), body).await.json();
            let errors = answer["errors"].as_array();
            for error in errors.into_iter().flatten() {
                // Their variables are not given, and not all is for an administrator.
                let code = error["extensions"]["code"].as_str().unwrap();
                let fine = ["BAD_USER_INPUT", "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"];
                assert!(fine.contains(&code), "{name}: {error}");
            }
            if errors.is_none() {
                let cost = &answer["extensions"]["cost"];
                assert_eq!(cost["most"], api::schema::DEAREST);
                let requested = cost["requested"].as_u64().unwrap();
                assert!((1..=10_000).contains(&requested), "{name}: {cost}");
            }
        }
    }
}

#[tokio::test]
async fn a_manifest_that_is_not_what_it_says_is_refused() {
    let app = TestApp::sqlite().await;
    let path = app.folder().join("trusted.json");
    for (content, wanted) in [
        ("[]".to_owned(), "not an object"),
        (json!({"abc": "{ __typename }"}).to_string(), "not the SHA-256"),
        (json!({sha256("{ a }"): "{ __typename }"}).to_string(), "not the SHA-256"),
        (json!({sha256("{"): "{"}).to_string(), "does not parse"),
    ] {
        std::fs::write(&path, content).unwrap();
        let config = app.configured(&["--trusted-documents", path.to_str().unwrap()]);
        let why = api::http::Documents::open(&config.outside).err().unwrap();
        assert!(why.contains(wanted) && why.contains("trusted.json"), "{why}");
    }
}

#[tokio::test]
async fn an_operation_says_what_it_costs_if_asked() {
    let app = TestApp::sqlite().await;
    let ask = async |document: &str, extensions: Value| {
        let body = json!({"query": document, "variables": {"n": 3}, "extensions": extensions});
        send(app.organiser(), body).await.json()
    };
    let cost = json!({"cost": true});
    let answer = ask("{ __typename }", cost.clone()).await;
    assert_eq!(answer["extensions"], json!({"cost": {"requested": 1, "most": 10_000}}));
    let list = "query($n: Int) { activities(first: $n) { nodes { id title } } }";
    assert_eq!(ask(list, cost.clone()).await["extensions"]["cost"]["requested"], 10);
    // Of two operations the one that is meant.
    let two = "query A { __typename } query B($n: Int) { activities(first: $n) { nodes { id } } }";
    let body = json!({"query": two, "operationName": "A", "extensions": cost});
    let answer = send(app.organiser(), body).await.json();
    assert_eq!(answer["extensions"]["cost"]["requested"], 1);
    for extensions in [json!({}), json!({"cost": false}), json!({"cost": "yes"}), Value::Null] {
        assert!(ask("{ __typename }", extensions).await.get("extensions").is_none());
    }
}
