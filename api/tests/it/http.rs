//! The service as HTTP clients see it: well-behaved ones, slow ones, and hostile ones.

mod documents;
pub mod faults;
mod files;
mod known;
mod media;
mod outside;
mod rate;
mod server;

use axum::http::Request;
use serde_json::{Value, json};

use crate::app::{Answer, Client, TestApp};

const GRAPHQL: &str = "application/graphql-response+json";

/// Sends a document to a client that takes the newer media type and reads English.
async fn send(client: &Client, document: &str, variables: Value) -> Answer {
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept-language", "en")
        .header("accept", GRAPHQL);
    let body = json!({"query": document, "variables": variables}).to_string();
    client.request(request, body.into()).await
}

/// Sends a body as JSON.
async fn post(app: &TestApp, accept: &str, body: impl Into<axum::body::Body>) -> Answer {
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", accept);
    app.anonymous().request(request, body.into()).await
}

/// The code of an answer's first error.
fn code(answer: &Answer) -> String {
    let json = answer.json();
    let code = json["errors"][0]["extensions"]["code"].as_str();
    code.unwrap_or_else(|| panic!("no error: {json}")).to_owned()
}

/// What every error has, whatever it is: words, a code of the closed list, and the id of its request.
fn assert_is_error(answer: &Answer) {
    const CODES: [&str; 12] = [
        "UNAUTHENTICATED",
        "FORBIDDEN",
        "NOT_FOUND",
        "BAD_USER_INPUT",
        "CONFLICT",
        "RATE_LIMITED",
        "QUERY_TOO_COMPLEX",
        "INTERNAL_SERVER_ERROR",
        "GRAPHQL_PARSE_FAILED",
        "GRAPHQL_VALIDATION_FAILED",
        "PERSISTED_QUERY_NOT_FOUND",
        "DOCUMENT_NOT_TRUSTED",
    ];
    let json = answer.json();
    let errors = json["errors"].as_array().unwrap_or_else(|| panic!("no errors: {json}"));
    assert!((1..=10).contains(&errors.len()), "{json}");
    for error in errors {
        assert!(!error["message"].as_str().unwrap().is_empty(), "{json}");
        assert!(CODES.contains(&error["extensions"]["code"].as_str().unwrap()), "{json}");
        assert_eq!(
            error["extensions"]["requestId"].as_str().unwrap(),
            answer.headers["x-request-id"].to_str().unwrap(),
            "{json}"
        );
    }
}
