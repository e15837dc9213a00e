//! Accounts: what their passwords may be, how often they may be wrong, and how long sign-ins last.

mod api_keys;
mod keys;
mod lock_out;
mod passwords;
pub mod providers;
mod second_factor;
mod sign_ins;

use std::net::SocketAddr;

use api::{account::totp, http::Peer};
use axum::http::Request;
use chrono::{DateTime, Utc};
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

/// The code that an app shows at an instant, for a secret in base 32.
pub fn code(secret: &str, at: DateTime<Utc>) -> String {
    let (mut held, mut bits, mut bytes) = (0_u32, 0, Vec::new());
    for digit in secret.bytes() {
        let value = if digit.is_ascii_digit() { digit - b'2' + 26 } else { digit - b'A' };
        held = (held << 5) | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 255).unwrap());
        }
    }
    totp::code(&bytes, at.timestamp().div_euclid(30))
}
