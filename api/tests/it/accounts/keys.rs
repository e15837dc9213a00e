//! The keys that sign tokens: one follows the other, and none that is another's is taken for one.

use api::{
    authn::{OVERLAP, SETTLES},
    http,
};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use axum::{body::Body, http::Request};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{sign_in, signed_in, somebody, with};
use crate::{
    app::{Client, PASSWORD, TestApp, document, on_both},
    fixture::text,
    server::on_both_servers,
};

fn head(client: &Client) -> Value {
    let token = client.token.clone().unwrap();
    let head = token.split('.').next().unwrap().to_owned();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap()
}

async fn is_alive(client: &Client) -> bool {
    let answer = client.send(&document("viewer"), json!({})).await;
    answer.get("errors").is_none()
}

/// The names of the keys that the service says are its own.
async fn told(app: &TestApp) -> Vec<Value> {
    let request = Request::get("/.well-known/jwks.json");
    let answer = app.anonymous().request(request, Body::empty()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    answer.json()["keys"].as_array().unwrap().clone()
}

on_both! {
    async fn a_key_is_known_before_it_signs_and_after(app) {
        let (_, name) = somebody(&app).await;
        let old = signed_in(&app, &name).await;
        let first = head(&old)["kid"].clone();
        let second = app.app.keys.rotate(&app.app.db, app.now()).await.unwrap();
        let look = async || app.app.keys.refresh(&app.app.db, app.now()).await.unwrap();
        look().await;
        let kids = |keys: &[Value]| keys.iter().map(|it| it["kid"].clone()).collect::<Vec<_>>();
        assert_eq!(kids(&told(&app).await), [first.clone(), json!(second)]);
        assert_eq!(head(&signed_in(&app, &name).await)["kid"], first, "it signs before it is known");

        *app.clock() += SETTLES;
        look().await;
        let new = signed_in(&app, &name).await;
        assert_eq!(head(&new)["kid"], json!(second));
        assert!(is_alive(&old).await && is_alive(&new).await);
        // A server that has not looked for a while, and one that starts now.
        let other = app.second().await;
        other.keys.refresh(&other.db, app.now()).await.unwrap();
        let there = Client { router: http::router(other), ..new.clone() };
        assert!(is_alive(&there).await);

        *app.clock() += OVERLAP - TimeDelta::seconds(1);
        look().await;
        assert_eq!(told(&app).await.len(), 2);
        *app.clock() += TimeDelta::seconds(1);
        look().await;
        assert_eq!(kids(&told(&app).await), [json!(second)]);
        let newest = signed_in(&app, &name).await;
        assert!(is_alive(&newest).await);
        // What the first signs from now on is nobody's: it may have got into other hands.
        let claims = decoded(&newest);
        assert!(!is_alive(&signed(&app, &stale_key(&app), Header::new(Algorithm::EdDSA), &claims)).await);
    }

    async fn keys_follow_each_other_by_themselves(app) {
        let count = async || app.count("SELECT count(*) FROM signing_key").await;
        api::housekeeping::keep_house(&app.app).await.unwrap();
        assert_eq!(count().await, 1);
        *app.clock() += TimeDelta::days(90) - TimeDelta::seconds(1);
        api::housekeeping::keep_house(&app.app).await.unwrap();
        assert_eq!(count().await, 1);
        *app.clock() += TimeDelta::seconds(1);
        api::housekeeping::keep_house(&app.app).await.unwrap();
        assert_eq!(count().await, 2);
    }
}

on_both_servers! {
    async fn the_command_line_makes_the_next_key(home) {
        let (server, _) = home.open().await;
        let made = home.run(&["key", "rotate-signing"], "");
        assert!(made.status.success(), "{made:?}");
        let said = String::from_utf8(made.stdout).unwrap();
        assert!(said.contains("signs tokens from ten minutes on"));
        drop(server);
        let server = home.start();
        let keys = server.client().http.get(format!("{}/.well-known/jwks.json", server.client().base));
        let keys: Value = keys.send().await.unwrap().json().await.unwrap();
        let mut keys = keys["keys"].as_array().unwrap().iter();
        assert!(keys.any(|it| said.contains(&text(&it["kid"]))), "{said}");
        server.client().sign_in("organiser", PASSWORD).await;
        drop(server);
        // Whoever brings another file learns it at the start.
        std::fs::remove_file(home.data_dir().join("token-key.der")).unwrap();
        let refused = home.command(&["serve"]).output().unwrap();
        assert!(!refused.status.success());
        assert!(String::from_utf8(refused.stderr).unwrap().contains("token-key.der"));
    }
}

fn decoded(client: &Client) -> Value {
    let token = client.token.clone().unwrap();
    let claims = token.split('.').nth(1).unwrap().to_owned();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

fn stale_key(app: &TestApp) -> EncodingKey {
    EncodingKey::from_ed_der(&std::fs::read(app.folder().join("token-key.der")).unwrap())
}

fn signed(app: &TestApp, key: &EncodingKey, head: Header, claims: &Value) -> Client {
    let token = jsonwebtoken::encode(&head, claims, key).unwrap();
    Client { token: Some(token), ..app.anonymous() }
}

#[tokio::test]
async fn a_token_that_is_not_ours_speaks_for_nobody() {
    let app = TestApp::sqlite().await;
    let (_, name) = somebody(&app).await;
    let payload = sign_in(&app, &name, PASSWORD).await;
    let client = with(&app, &payload);
    let (claims, head) = (decoded(&client), head(&client));
    let kid = text(&head["kid"]);
    let own = stale_key(&app);
    let named = |kid: &str| Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) };
    assert!(is_alive(&signed(&app, &own, named(&kid), &claims)).await, "the test's signing");

    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let other = EncodingKey::from_ed_der(pkcs8.as_ref());
    let public = {
        let der = std::fs::read(app.folder().join("token-key.der")).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(&der).unwrap();
        pair.public_key().as_ref().to_vec()
    };
    let changed = |field: &str, value: Value| {
        let mut claims = claims.clone();
        claims[field] = value;
        claims
    };
    let at = |seconds: i64| json!(app.now().timestamp() + seconds);
    let none = BASE64_URL_SAFE_NO_PAD.encode(json!({"alg": "none", "kid": kid}).to_string());
    let body = client.token.clone().unwrap().split('.').nth(1).unwrap().to_owned();
    let unsigned = Client { token: Some(format!("{none}.{body}.")), ..client.clone() };
    assert!(!is_alive(&unsigned).await, "no algorithm");
    // The public half is known to everybody: as the secret of another algorithm it is worth nothing.
    let symmetric = Header { kid: Some(kid.clone()), ..Header::new(Algorithm::HS256) };
    for (what, forged) in [
        ("symmetric", signed(&app, &EncodingKey::from_secret(&public), symmetric, &claims)),
        ("another key", signed(&app, &other, named(&kid), &claims)),
        ("an unknown key", signed(&app, &other, named("of-another"), &claims)),
        ("a key of another name", signed(&app, &own, named("of-another"), &claims)),
        ("expired", signed(&app, &own, named(&kid), &changed("exp", at(0)))),
        ("not yet valid", signed(&app, &own, named(&kid), &changed("iat", at(61)))),
        ("for others", signed(&app, &own, named(&kid), &changed("aud", json!("qinglan/ticket")))),
        ("by others", signed(&app, &own, named(&kid), &changed("iss", json!("https://x.example")))),
    ] {
        assert!(!is_alive(&forged).await, "{what}");
    }
    // Used twice, the refresh token ends the sign-in, and that is on record.
    let again = json!({"input": {"refreshToken": payload["tokens"]["refreshToken"]}});
    let first = app.anonymous().run("refresh_tokens", again.clone()).await;
    assert!(!first["refreshTokens"]["tokens"].is_null() && is_alive(&client).await);
    let second = app.anonymous().run("refresh_tokens", again).await;
    assert!(second["refreshTokens"]["tokens"].is_null() && !is_alive(&client).await);
    let events = "SELECT count(*) FROM audit_event WHERE action = 'RefreshTokens' AND outcome = 'REFUSED' AND subject_id IS NOT NULL";
    assert_eq!(app.count(events).await, 1);
}
