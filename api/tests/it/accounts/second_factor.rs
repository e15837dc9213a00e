//! The second factor: asked for where there is one, demanded where a role asks for it, and each code taken once.

use api::graphql::Gid;
use chrono::TimeDelta;
use entity::role_grant::Role;
use serde_json::{Value, json};

use super::{code, from, outcome, somebody, with};
use crate::{
    app::{Client, PASSWORD, TestApp, document, on_both},
    fixture::text,
};

/// Sets one up; its secret and the recovery codes.
async fn enrolled(app: &TestApp, client: &Client) -> (String, Vec<String>) {
    let begun = client.run("enrol_second_factor", json!({})).await["enrolSecondFactor"].take();
    let secret = text(&begun["secret"]);
    assert!(text(&begun["url"]).contains(&secret) && text(&begun["qrSvg"]).contains("<svg"));
    let input = json!({"input": {"code": code(&secret, app.now())}});
    let done = client.run("confirm_second_factor", input).await["confirmSecondFactor"].take();
    let codes = done["recoveryCodes"].as_array().unwrap_or_else(|| panic!("{done}"));
    (secret, codes.iter().map(text).collect())
}

async fn sign_in_by(app: &TestApp, name: &str, code: Option<&str>) -> Value {
    let input = json!({"username": name, "password": PASSWORD, "code": code});
    from(&app.anonymous(), "192.0.2.1", "sign_in_on_device", input).await
}

on_both! {
    async fn each_code_signs_in_once(app) {
        let (client, name) = somebody(&app).await;
        let (secret, recovery) = enrolled(&app, &client).await;
        assert_eq!(outcome(&sign_in_by(&app, &name, None).await), "SECOND_FACTOR_NEEDED");
        // The code that confirmed it was used.
        let used = code(&secret, app.now());
        assert_eq!(outcome(&sign_in_by(&app, &name, Some(&used)).await), "SECOND_FACTOR_WRONG");
        *app.clock() += TimeDelta::seconds(30);
        let now = code(&secret, app.now());
        let both = tokio::join!(sign_in_by(&app, &name, Some(&now)), sign_in_by(&app, &name, Some(&now)));
        let mut outcomes = [outcome(&both.0), outcome(&both.1)];
        outcomes.sort_unstable();
        assert_eq!(outcomes, ["SECOND_FACTOR_WRONG", "ok"]);

        let typed = recovery[3].to_lowercase();
        let payload = sign_in_by(&app, &name, Some(&typed)).await;
        assert_eq!(outcome(&payload), "ok");
        assert_eq!(payload["viewer"]["hasSecondFactor"], true);
        assert_eq!(outcome(&sign_in_by(&app, &name, Some(&typed)).await), "SECOND_FACTOR_WRONG");
        let again = with(&app, &payload).run("enrol_second_factor", json!({})).await;
        assert_eq!(outcome(&again["enrolSecondFactor"]), "ENROLLED_ALREADY");
    }

    async fn wrong_codes_are_counted_like_wrong_passwords(app) {
        let (client, name) = somebody(&app).await;
        let (secret, _) = enrolled(&app, &client).await;
        *app.clock() += TimeDelta::seconds(30);
        for _ in 0..5 {
            assert_eq!(outcome(&sign_in_by(&app, &name, Some("nonsense")).await), "SECOND_FACTOR_WRONG");
        }
        let now = code(&secret, app.now());
        assert_eq!(outcome(&sign_in_by(&app, &name, Some(&now)).await), "TOO_MANY_ATTEMPTS");
        let events = "SELECT count(*) FROM audit_event WHERE action = 'SignIn' AND outcome = 'REFUSED'";
        assert_eq!(app.count(events).await, 5);
        // Nor are they guessed from inside.
        let wrong = json!({"code": "nonsense"});
        let other = from(&client, "192.0.2.9", "remove_second_factor", wrong.clone()).await;
        assert_eq!(outcome(&other), "CODE_WRONG");
        let same = from(&client, "192.0.2.1", "remove_second_factor", wrong).await;
        assert_eq!(outcome(&same), "TOO_MANY_ATTEMPTS");
    }

    async fn whoever_lost_it_is_helped_by_an_administrator(app) {
        let (client, name) = somebody(&app).await;
        enrolled(&app, &client).await;
        let input = json!({"input": {"accountId": Gid(client.account).to_string()}});
        let done = app.organiser().run("reset_second_factor", input).await;
        assert_eq!(outcome(&done["resetSecondFactor"]), "ok");
        assert_eq!(client.fail(&document("viewer"), json!({})).await, "UNAUTHENTICATED");
        assert_eq!(outcome(&sign_in_by(&app, &name, None).await), "ok");
        let events = "SELECT count(*) FROM audit_event WHERE action = 'ResetSecondFactor'";
        assert_eq!(app.count(events).await, 1);
        let own = json!({"input": {"accountId": Gid(app.organiser().account).to_string()}});
        let own = app.organiser().run("reset_second_factor", own).await;
        assert_eq!(outcome(&own["resetSecondFactor"]), "OWN_ACCOUNT");
    }

    async fn a_role_that_asks_for_one_opens_nothing_without_it(app) {
        let app = app.with(&["--second-factor", "ORG_ADMIN,AUDITOR"]).await;
        let admin = app.account(Role::OrgAdmin, api::account::grant::Over::Organisation(app.root)).await;
        assert_eq!(admin.run("sign_ins", json!({})).await["viewer"]["duty"], "ENROL_SECOND_FACTOR");
        assert_eq!(admin.fail(&document("organisations"), json!({})).await, "SECOND_FACTOR_REQUIRED");
        let (secret, _) = enrolled(&app, &admin).await;
        assert_eq!(admin.run("sign_ins", json!({})).await["viewer"]["duty"], Value::Null);
        admin.run("organisations", json!({})).await;
        // Who does without again has to set up another.
        *app.clock() += TimeDelta::seconds(30);
        let input = json!({"input": {"code": code(&secret, app.now())}});
        assert_eq!(admin.run("remove_second_factor", input).await["removeSecondFactor"]["removed"], true);
        assert_eq!(admin.fail(&document("organisations"), json!({})).await, "SECOND_FACTOR_REQUIRED");
        // Others are not asked.
        let other = app.account(Role::Liaison, api::account::grant::Over::Organisation(app.root)).await;
        assert_eq!(other.run("sign_ins", json!({})).await["viewer"]["duty"], Value::Null);
    }
}
