//! Signing in and staying signed in: which tokens speak for somebody, and when they stop.

use api::{account::grant::Over, graphql::Gid};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use entity::role_grant::Role;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::{
    app::{Client, PASSWORD, TestApp, document, on_both},
    fixture::text,
};

/// A new account at the root, and its username.
async fn somebody(app: &TestApp) -> (Client, String) {
    let client = app.bare_account().await;
    let name = client.run("viewer", json!({})).await;
    (client, text(&name["viewer"]["account"]["username"]))
}

async fn sign_in(app: &TestApp, username: &str, password: &str) -> Value {
    let input = json!({"input": {"username": username, "password": password}});
    app.anonymous().run("sign_in", input).await["signIn"].take()
}

async fn refresh(app: &TestApp, token: &Value) -> Value {
    let input = json!({"input": {"refreshToken": token}});
    app.anonymous().run("refresh_tokens", input).await["refreshTokens"].take()
}

fn with(app: &TestApp, token: impl Into<String>) -> Client {
    Client { token: Some(token.into()), ..app.anonymous() }
}

async fn is_alive(client: &Client) -> bool {
    let answer = client.send(&document("viewer"), json!({})).await;
    if answer.get("errors").is_none() {
        return true;
    }
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer}");
    false
}

on_both! {
    async fn a_wrong_password_says_no_more_than_a_wrong_name(app) {
        let (_, name) = somebody(&app).await;
        let (gone, gone_name) = somebody(&app).await;
        let input = json!({"input": {"accountId": Gid(gone.account).to_string()}});
        app.organiser().run("disable_account", input).await;
        let wrong = sign_in(&app, &name, "not the password").await;
        assert_eq!(wrong["userErrors"][0]["code"], "INVALID_CREDENTIALS");
        assert_eq!(sign_in(&app, "nobody.at.all", PASSWORD).await, wrong);
        assert_eq!(sign_in(&app, "?", PASSWORD).await, wrong);
        assert_eq!(sign_in(&app, &gone_name, PASSWORD).await, wrong);
        let right = sign_in(&app, &name.to_uppercase(), PASSWORD).await;
        assert!(is_alive(&with(&app, text(&right["tokens"]["accessToken"]))).await);
    }

    async fn a_disabled_account_is_dead_at_once(app) {
        let (client, name) = somebody(&app).await;
        let tokens = sign_in(&app, &name, PASSWORD).await["tokens"].take();
        let second = with(&app, text(&tokens["accessToken"]));
        assert!(is_alive(&client).await && is_alive(&second).await);
        let input = json!({"input": {"accountId": Gid(client.account).to_string()}});
        app.organiser().run("disable_account", input).await;
        assert!(!is_alive(&client).await && !is_alive(&second).await);
        assert!(refresh(&app, &tokens["refreshToken"]).await["tokens"].is_null());
    }

    async fn a_refresh_token_used_twice_ends_the_sign_in(app) {
        let (_, name) = somebody(&app).await;
        let first = sign_in(&app, &name, PASSWORD).await["tokens"].take();
        let bystander = sign_in(&app, &name, PASSWORD).await["tokens"].take();
        let second = refresh(&app, &first["refreshToken"]).await["tokens"].take();
        let old = with(&app, text(&first["accessToken"]));
        let new = with(&app, text(&second["accessToken"]));
        assert!(is_alive(&old).await && is_alive(&new).await);

        let stolen = refresh(&app, &first["refreshToken"]).await;
        assert_eq!(stolen["userErrors"][0]["code"], "INVALID_TOKEN");
        assert!(stolen["tokens"].is_null());
        assert!(!is_alive(&old).await && !is_alive(&new).await);
        assert!(refresh(&app, &second["refreshToken"]).await["tokens"].is_null());
        assert!(is_alive(&with(&app, text(&bystander["accessToken"]))).await, "another sign-in ended too");
    }

    async fn of_two_that_refresh_at_once_one_gets_tokens(app) {
        let (_, name) = somebody(&app).await;
        let first = sign_in(&app, &name, PASSWORD).await["tokens"].take();
        let token = &first["refreshToken"];
        let (a, b, c) = tokio::join!(refresh(&app, token), refresh(&app, token), refresh(&app, token));
        let given = [&a, &b, &c].iter().filter(|it| !it["tokens"].is_null()).count();
        assert_eq!(given, 1, "{a} {b} {c}");
    }

    async fn changing_the_password_ends_all_sign_ins(app) {
        let (client, name) = somebody(&app).await;
        let tokens = sign_in(&app, &name, PASSWORD).await["tokens"].take();
        let change = |old: &str, new: &str| json!({"input": {"oldPassword": old, "newPassword": new}});
        let wrong = client.run("change_password", change("not the password", "battery staple")).await;
        assert_eq!(wrong["changePassword"]["userErrors"][0]["code"], "PASSWORD_WRONG");
        assert!(is_alive(&client).await);

        let done = client.run("change_password", change(PASSWORD, "battery staple")).await;
        assert_eq!(done["changePassword"]["userErrors"], json!([]));
        assert!(!is_alive(&client).await);
        assert!(!is_alive(&with(&app, text(&tokens["accessToken"]))).await);
        assert!(refresh(&app, &tokens["refreshToken"]).await["tokens"].is_null());
        assert!(sign_in(&app, &name, PASSWORD).await["tokens"].is_null());
        assert!(!sign_in(&app, &name, "battery staple").await["tokens"].is_null());
    }

    async fn signing_out_ends_this_sign_in_alone(app) {
        let (client, name) = somebody(&app).await;
        let tokens = sign_in(&app, &name, PASSWORD).await["tokens"].take();
        client.run("sign_out", json!({})).await;
        assert!(!is_alive(&client).await);
        assert!(is_alive(&with(&app, text(&tokens["accessToken"]))).await);
    }

    async fn a_grant_ends_when_it_says_and_when_it_is_taken_back(app) {
        let owner = app.root_id();
        let (client, _) = somebody(&app).await;
        let give = |until: Option<String>| json!({"input": {
            "accountId": Gid(client.account).to_string(), "reason": "值班", "role": "VIEWER", "organisationId": owner, "expiresAt": until,
        }});
        let look = async || client.send(&document("organisation"), json!({"id": owner})).await;
        let until = app.now() + TimeDelta::minutes(5);
        app.organiser().run("grant_role", give(Some(until.to_rfc3339()))).await;
        *app.clock() = until - TimeDelta::seconds(1);
        assert_eq!(look().await["data"]["organisation"]["id"], json!(owner));
        for after in [TimeDelta::zero(), TimeDelta::microseconds(1), TimeDelta::minutes(5)] {
            *app.clock() = until + after;
            assert_eq!(look().await["errors"][0]["extensions"]["code"], "NOT_FOUND");
        }
        assert_eq!(client.run("viewer", json!({})).await["viewer"]["grants"], json!([]));

        let given = app.organiser().run("grant_role", give(None)).await;
        let grant = &given["grantRole"]["grant"]["id"];
        assert_eq!(look().await["data"]["organisation"]["id"], json!(owner));
        app.organiser().run("revoke_grant", json!({"input": {"grantId": grant}})).await;
        assert_eq!(look().await["errors"][0]["extensions"]["code"], "NOT_FOUND");
    }
}

#[tokio::test]
async fn tokens_expire() {
    let app = TestApp::sqlite().await;
    let (_, name) = somebody(&app).await;
    let tokens = sign_in(&app, &name, PASSWORD).await["tokens"].take();
    let client = with(&app, text(&tokens["accessToken"]));
    let until =
        |field: &str| -> chrono::DateTime<chrono::Utc> { text(&tokens[field]).parse().unwrap() };
    *app.clock() = until("accessTokenExpiresAt") - TimeDelta::seconds(1);
    assert!(is_alive(&client).await);
    *app.clock() = until("accessTokenExpiresAt");
    assert!(!is_alive(&client).await);
    *app.clock() = until("refreshTokenExpiresAt");
    assert!(refresh(&app, &tokens["refreshToken"]).await["tokens"].is_null());
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn encoded(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn forged_tokens_speak_for_nobody() {
    let app = TestApp::sqlite().await;
    let client = app.account(Role::OrgAdmin, Over::Organisation(app.root)).await;
    let token = client.token.clone().unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let (head, claims) = (decoded(parts[0]), decoded(parts[1]));
    assert_eq!(head["alg"], "EdDSA");
    assert!(is_alive(&with(&app, token.clone())).await);

    let none = encoded(&json!({"alg": "none", "typ": "JWT"}));
    let mut of_another = claims.clone();
    of_another["sub"] = json!(Gid(app.organiser().account).to_string());
    let key = std::fs::read(app.folder().join("token-key.der")).unwrap();
    let sign = |algorithm, key: &EncodingKey, claims: &Value| {
        jsonwebtoken::encode(&Header::new(algorithm), claims, key).unwrap()
    };
    let own = EncodingKey::from_ed_der(&key);
    assert!(
        is_alive(&with(&app, sign(Algorithm::EdDSA, &own, &claims))).await,
        "the test's signing"
    );
    let other_key = {
        let elsewhere = tempfile::TempDir::new().unwrap();
        api::authn::Keys::load(elsewhere.path(), "http://127.0.0.1:8000").unwrap();
        EncodingKey::from_ed_der(&std::fs::read(elsewhere.path().join("token-key.der")).unwrap())
    };
    let changed = |field: &str, value: Value| {
        let mut claims = claims.clone();
        claims[field] = value;
        sign(Algorithm::EdDSA, &own, &claims)
    };
    let without = |field: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(field);
        sign(Algorithm::EdDSA, &own, &claims)
    };
    for (what, forged) in [
        ("no algorithm", format!("{none}.{}.", parts[1])),
        ("no algorithm, with the signature", format!("{none}.{}.{}", parts[1], parts[2])),
        ("other claims", format!("{}.{}.{}", parts[0], encoded(&of_another), parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("another key", sign(Algorithm::EdDSA, &other_key, &claims)),
        ("a symmetric key", sign(Algorithm::HS256, &EncodingKey::from_secret(&key), &claims)),
        ("of exports", changed("aud", json!("qinglan/export"))),
        ("of another service", changed("iss", json!("http://elsewhere.example"))),
        ("another's sign-in", sign(Algorithm::EdDSA, &own, &of_another)),
        ("expired", changed("exp", json!(app.now().timestamp()))),
        ("without an end", without("exp")),
        ("without an audience", without("aud")),
        ("without a subject", without("sub")),
        ("nothing", String::new()),
        ("no token", "ey".to_owned()),
    ] {
        assert!(!is_alive(&with(&app, forged)).await, "{what} was taken for a token");
    }
}

#[tokio::test]
async fn the_address_of_an_export_is_no_token_and_a_token_opens_no_export() {
    let app = TestApp::sqlite().await;
    let festival = app.festival(None, &[]).await;
    let input =
        json!({"input": {"activityId": festival.activity, "format": "CSV", "purpose": "总结"}});
    let made = app.organiser().run("create_export", input).await;
    let url = text(&made["createExport"]["export"]["url"]);
    let (path, token) = url.split_once("?token=").unwrap();
    let get = async |address: String| {
        let request = axum::http::Request::get(address);
        app.anonymous().request(request, axum::body::Body::empty()).await.status
    };
    assert_eq!(get(url.clone()).await, 200);
    assert!(!is_alive(&with(&app, token)).await);
    let own = app.organiser().token.clone().unwrap();
    assert_eq!(get(format!("{path}?token={own}")).await, 404);
    assert_eq!(get(path.to_owned()).await, 404);
}
