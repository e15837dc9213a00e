//! Accounts: what their passwords may be, how often they may be wrong, and how long sign-ins last.

mod lock_out;
mod passwords;
mod sign_ins;

use std::net::SocketAddr;

use api::http::Peer;
use axum::http::Request;
use serde_json::{Value, json};

use crate::{
    app::{Client, PASSWORD, TestApp, document},
    fixture::text,
};

/// A new account at the root, and its username.
async fn somebody(app: &TestApp) -> (Client, String) {
    let client = app.bare_account().await;
    let name = client.run("viewer", json!({})).await;
    (client, text(&name["viewer"]["account"]["username"]))
}

/// Sends a mutation from an address; its payload.
async fn from(client: &Client, address: &str, operation: &str, input: Value) -> Value {
    let body = json!({"query": document(operation), "variables": {"input": input}}).to_string();
    let peer = Peer(SocketAddr::new(address.parse().unwrap(), 50_000));
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("user-agent", "Mozilla/5.0 (test)")
        .extension(peer);
    let answer = client.request(request, body.into()).await.json();
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"].as_object().unwrap().values().next().unwrap().clone()
}

async fn sign_in(app: &TestApp, username: &str, password: &str) -> Value {
    let input = json!({"username": username, "password": password});
    from(&app.anonymous(), "192.0.2.1", "sign_in", input).await
}

fn with(app: &TestApp, payload: &Value) -> Client {
    Client { token: Some(text(&payload["tokens"]["accessToken"])), ..app.anonymous() }
}

/// What was refused, or `ok`.
fn outcome(payload: &Value) -> &str {
    payload["userErrors"][0]["code"].as_str().unwrap_or("ok")
}

/// Signs in, by the password that all test accounts have.
async fn signed_in(app: &TestApp, username: &str) -> Client {
    with(app, &sign_in(app, username, PASSWORD).await)
}
