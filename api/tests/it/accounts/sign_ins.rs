//! How long sign-ins last, where they are seen, and how they are ended.

use api::{graphql::Gid, http, live};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{from, outcome, sign_in, signed_in, somebody, with};
use crate::{
    app::{Client, PASSWORD, TestApp, document, on_both},
    fixture::text,
};

async fn is_alive(client: &Client) -> bool {
    let answer = client.send(&document("viewer"), json!({})).await;
    if answer.get("errors").is_none() {
        return true;
    }
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer}");
    false
}

async fn refresh(app: &TestApp, token: &Value) -> Value {
    let input = json!({"input": {"refreshToken": token}});
    app.anonymous().run("refresh_tokens", input).await["refreshTokens"]["tokens"].take()
}

async fn list(client: &Client) -> Vec<Value> {
    client.run("sign_ins", json!({})).await["viewer"]["signIns"].as_array().unwrap().clone()
}

on_both! {
    async fn a_sign_in_that_nobody_uses_is_over(app) {
        let (_, name) = somebody(&app).await;
        let payload = sign_in(&app, &name, PASSWORD).await;
        let other = signed_in(&app, &name).await;
        *app.clock() += TimeDelta::minutes(30) - TimeDelta::seconds(1);
        let tokens = refresh(&app, &payload["tokens"]["refreshToken"]).await;
        let client = Client { token: Some(text(&tokens["accessToken"])), ..other.clone() };
        assert_eq!(list(&client).await.len(), 3);
        *app.clock() += TimeDelta::seconds(1);
        assert_eq!(list(&client).await.len(), 1, "one that nobody used is shown");
        *app.clock() += TimeDelta::minutes(30) - TimeDelta::seconds(1);
        assert!(refresh(&app, &tokens["refreshToken"]).await.is_null());
    }

    async fn a_sign_in_is_over_however_it_is_used(app) {
        let (_, name) = somebody(&app).await;
        let began = app.now();
        let mut tokens = sign_in(&app, &name, PASSWORD).await["tokens"].take();
        for _ in 0..25 {
            *app.clock() += TimeDelta::minutes(28);
            tokens = refresh(&app, &tokens["refreshToken"]).await;
        }
        // 11 hours and 40 minutes are over.
        let until = |field: &str| -> chrono::DateTime<chrono::Utc> { text(&tokens[field]).parse().unwrap() };
        assert_eq!(until("refreshTokenExpiresAt"), began + TimeDelta::hours(12));
        *app.clock() += TimeDelta::minutes(15);
        let tokens = refresh(&app, &tokens["refreshToken"]).await;
        assert_eq!(text(&tokens["accessTokenExpiresAt"]), text(&tokens["refreshTokenExpiresAt"]));
        let client = Client { token: Some(text(&tokens["accessToken"])), ..app.anonymous() };
        assert!(is_alive(&client).await);
        *app.clock() += TimeDelta::minutes(5);
        assert!(!is_alive(&client).await);
        assert!(refresh(&app, &tokens["refreshToken"]).await.is_null());
    }

    async fn one_sees_from_where_one_is_signed_in_and_ends_it(app) {
        let (_, name) = somebody(&app).await;
        let (first, second, third) =
            (signed_in(&app, &name).await, signed_in(&app, &name).await, signed_in(&app, &name).await);
        let seen = list(&second).await;
        assert_eq!(seen.len(), 4, "{seen:?}");
        assert_eq!(seen.iter().map(|it| it["isCurrent"] == true).collect::<Vec<_>>(), [false, true, false, false]);
        assert_eq!(seen[1]["address"], "192.0.2.1");
        assert_eq!(seen[1]["agent"], "Mozilla/5.0 (test)");
        assert_eq!(seen[3]["address"], Value::Null);

        let end = |it: &Value| json!({"input": {"signInId": it["id"]}});
        let ended = second.run("end_sign_in", end(&seen[0])).await;
        assert_eq!(ended["endSignIn"]["ended"], true);
        assert_eq!(second.run("end_sign_in", end(&seen[0])).await["endSignIn"]["ended"], false);
        assert!(!is_alive(&third).await && is_alive(&first).await);
        // Of another's there is nothing to be ended.
        let (stranger, _) = somebody(&app).await;
        assert_eq!(stranger.run("end_sign_in", end(&seen[2])).await["endSignIn"]["ended"], false);
        assert!(is_alive(&first).await);
        assert_eq!(second.run("end_other_sign_ins", json!({})).await["endOtherSignIns"]["ended"], 2);
        assert!(!is_alive(&first).await && is_alive(&second).await && is_alive(&stranger).await);
    }

    async fn an_administrator_ends_all_of_an_account(app) {
        let (bare, name) = somebody(&app).await;
        let payload = sign_in(&app, &name, PASSWORD).await;
        let input = json!({"accountId": Gid(bare.account).to_string()});
        let done = from(app.organiser(), "192.0.2.2", "end_account_sign_ins", input.clone()).await;
        assert_eq!(outcome(&done), "ok");
        assert!(!is_alive(&bare).await && !is_alive(&with(&app, &payload)).await);
        assert!(refresh(&app, &payload["tokens"]["refreshToken"]).await.is_null());
        let (stranger, _) = somebody(&app).await;
        let input = json!({"input": input});
        assert_eq!(stranger.fail(&document("end_account_sign_ins"), input).await, "NOT_FOUND");
    }

    async fn sign_ins_of_long_ago_are_dropped(app) {
        let (_, name) = somebody(&app).await;
        signed_in(&app, &name).await;
        *app.clock() += TimeDelta::days(191);
        let client = signed_in(&app, &name).await;
        api::housekeeping::keep_house(&app.app).await.unwrap();
        assert_eq!(app.count("SELECT count(*) FROM sign_in").await, 1);
        assert_eq!(app.count("SELECT count(*) FROM refresh_token").await, 1);
        assert!(is_alive(&client).await);
    }
}

/// The token is remembered by the other server when the account is disabled at this one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_account_is_dead_on_the_other_server_too() {
    let app = TestApp::postgres().await;
    let other = app.second().await;
    let silence = CancellationToken::new();
    let both = [&app.app, &other].map(|it| tokio::spawn(live::run(it.clone(), silence.clone())));
    let (_, name) = somebody(&app).await;
    let here = signed_in(&app, &name).await;
    let there = Client { router: http::router(other.clone()), ..here.clone() };
    // It remembers once it hears the others.
    while other.live.access().is_none() {
        tokio::task::yield_now().await;
    }
    assert!(is_alive(&here).await && is_alive(&there).await);
    let id = here.run("viewer", json!({})).await["viewer"]["account"]["id"].take();
    app.organiser().run("disable_account", json!({"input": {"accountId": id}})).await;
    assert!(!is_alive(&here).await);
    // The clock stands still, so that nothing but the notice can have told it.
    let told = async {
        while is_alive(&there).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), told).await.expect("nobody told it");
    silence.cancel();
    for it in both {
        it.await.unwrap();
    }
}

/// What the database alone was told is noticed after ten seconds.
#[tokio::test]
async fn an_account_that_was_disabled_behind_its_back_is_dead_within_seconds() {
    let app = TestApp::sqlite().await;
    let (_, name) = somebody(&app).await;
    let client = signed_in(&app, &name).await;
    assert!(is_alive(&client).await);
    app.by_hand(async |tx| {
        use sea_orm::ConnectionTrait;
        let sql = format!("UPDATE account SET disabled_at = created_at WHERE username = '{name}'");
        tx.execute_unprepared(&sql).await?;
        Ok(())
    })
    .await;
    *app.clock() += TimeDelta::seconds(10);
    assert!(!is_alive(&client).await);
}
