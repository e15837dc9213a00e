//! What passwords may be, and that a password somebody else set is changed first.

use api::{
    account::{AccountErrorCode, password},
    config::Config,
    graphql::Gid,
};
use chrono::TimeDelta;
use clap::Parser;
use entity::role_grant::Role;
use serde_json::{Value, json};

use super::{from, outcome, sign_in, somebody, with};
use crate::{
    app::{Client, PASSWORD, TestApp, document, on_both},
    fixture::text,
};

async fn change(client: &Client, old: &str, new: &str) -> Value {
    let input = json!({"input": {"oldPassword": old, "newPassword": new}});
    client.run("change_password", input).await["changePassword"].take()
}

/// Makes an account as its administrator does; its id.
async fn given(app: &TestApp, username: &str) -> String {
    let root = app.root_id();
    let input = json!({"organisationId": root, "username": username, "password": PASSWORD});
    let made = app.organiser().run("create_account", json!({"input": input})).await;
    text(&made["createAccount"]["account"]["id"])
}

on_both! {
    async fn a_password_that_somebody_else_set_opens_nothing_until_it_is_changed(app) {
        let id = given(&app, "liaison.one").await;
        let first = sign_in(&app, "liaison.one", PASSWORD).await;
        assert_eq!(first["viewer"]["account"]["id"], id);
        let client = with(&app, &first);
        let seen = client.run("sign_ins", json!({})).await;
        assert_eq!(seen["viewer"]["duty"], "CHANGE_PASSWORD");
        for (operation, variables) in [
            ("organisation", json!({"id": app.root_id()})),
            ("organisations", json!({})),
            ("account", json!({"id": id})),
        ] {
            let code = client.fail(&document(operation), variables).await;
            assert_eq!(code, "PASSWORD_CHANGE_REQUIRED", "{operation}");
        }
        let upload = client.request(axum::http::Request::post("/uploads"), "x".into()).await;
        assert_eq!(upload.status, 403);

        assert_eq!(outcome(&change(&client, PASSWORD, PASSWORD).await), "PASSWORD_USED_BEFORE");
        assert_eq!(outcome(&change(&client, PASSWORD, "battery staple").await), "ok");
        let second = sign_in(&app, "liaison.one", "battery staple").await;
        let client = with(&app, &second);
        assert_eq!(client.run("sign_ins", json!({})).await["viewer"]["duty"], Value::Null);
        assert_eq!(client.fail(&document("account"), json!({"id": id})).await, "NOT_FOUND");

        // Reset by an administrator, it is again.
        let input = json!({"input": {"accountId": id, "password": "a third one, given"}});
        let reset = app.organiser().run("reset_password", input).await;
        assert_eq!(outcome(&reset["resetPassword"]), "ok");
        let third = sign_in(&app, "liaison.one", "a third one, given").await;
        let client = with(&app, &third);
        let code = client.fail(&document("organisations"), json!({})).await;
        assert_eq!(code, "PASSWORD_CHANGE_REQUIRED");
    }

    async fn none_of_the_last_five_is_taken_again(app) {
        let (mut client, name) = somebody(&app).await;
        let mut now = PASSWORD.to_owned();
        for number in 1..=5 {
            for used in 0..number {
                let used = if used == 0 { PASSWORD.to_owned() } else { format!("password number {used}!") };
                assert_eq!(outcome(&change(&client, &now, &used).await), "PASSWORD_USED_BEFORE", "{used}");
            }
            let new = format!("password number {number}!");
            assert_eq!(outcome(&change(&client, &now, &new).await), "ok");
            now = new;
            client = with(&app, &sign_in(&app, &name, &now).await);
        }
        assert_eq!(outcome(&change(&client, &now, PASSWORD).await), "ok");
        assert_eq!(app.count("SELECT max(n) FROM (SELECT count(*) AS n FROM past_password GROUP BY account_id) AS of_each").await, 5);
    }

    async fn whoever_becomes_an_administrator_with_a_short_password_changes_it(app) {
        let (client, name) = somebody(&app).await;
        assert_eq!(outcome(&change(&client, PASSWORD, "4 words?!").await), "ok");
        assert_eq!(sign_in(&app, &name, "4 words?!").await["viewer"]["duty"], Value::Null);
        let input = json!({"input": {
            "accountId": Gid(client.account).to_string(), "reason": "任命", "role": "ORG_ADMIN", "organisationId": app.root_id(),
        }});
        assert_eq!(outcome(&app.organiser().run("grant_role", input).await["grantRole"]), "ok");
        let again = sign_in(&app, &name, "4 words?!").await;
        let client = with(&app, &again);
        assert_eq!(client.run("sign_ins", json!({})).await["viewer"]["duty"], "CHANGE_PASSWORD");
        assert_eq!(outcome(&change(&client, "4 words?!", "5 words!?").await), "PASSWORD_LENGTH");
        assert_eq!(outcome(&change(&client, "4 words?!", "five words of mine").await), "ok");
    }
}

#[tokio::test]
async fn a_password_grows_old_where_it_is_told_to() {
    let app = TestApp::with_flags(&["--password-days", "90"]).await;
    let (_, name) = somebody(&app).await;
    let duty = async || {
        let payload = sign_in(&app, &name, PASSWORD).await;
        with(&app, &payload).run("sign_ins", json!({})).await["viewer"]["duty"].take()
    };
    *app.clock() += TimeDelta::days(90) - TimeDelta::seconds(1);
    assert_eq!(duty().await, Value::Null);
    *app.clock() += TimeDelta::seconds(1);
    assert_eq!(duty().await, "CHANGE_PASSWORD");
}

#[tokio::test]
async fn the_old_password_is_not_guessed_by_whoever_holds_a_token() {
    let app = TestApp::sqlite().await;
    let (client, _) = somebody(&app).await;
    let wrong = json!({"oldPassword": "a guess", "newPassword": "battery staple"});
    for _ in 0..5 {
        let payload = from(&client, "192.0.2.1", "change_password", wrong.clone()).await;
        assert_eq!(outcome(&payload), "PASSWORD_WRONG");
    }
    let right = json!({"oldPassword": PASSWORD, "newPassword": "battery staple"});
    let payload = from(&client, "192.0.2.1", "change_password", right).await;
    assert_eq!(outcome(&payload), "TOO_MANY_ATTEMPTS");
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

#[test]
fn what_is_no_password_is_told() {
    use AccountErrorCode::{
        PasswordCommon, PasswordHoldsUsername, PasswordLength, PasswordTooPlain,
    };
    let fault = |flags: &[&str], password: &str, role: Option<Role>| {
        let flags = ["test"].iter().chain(flags);
        let rules = Flags::parse_from(flags).config.accounts;
        let roles: Vec<Role> = role.into_iter().collect();
        password::fault(&rules, password, "lucheng.door1", &roles, "password").map(|it| it.code)
    };
    let admin = Some(Role::OrgAdmin);
    for (flags, password, role, expected) in [
        (&[][..], "4 words", None, Some(PasswordLength)),
        (&[], "4 words?", None, None),
        (&[], "温州市工商联的人", None, None),
        (&[], "4 words?", Some(Role::Liaison), None),
        (&[], "eleven char", admin, Some(PasswordLength)),
        (&[], "twelve chars", admin, None),
        (&[], &"长".repeat(200), admin, None),
        (&[], &"长".repeat(201), admin, Some(PasswordLength)),
        (&["--password-length", "20"], "nineteen characters", None, Some(PasswordLength)),
        (&["--password-length", "20"], "nineteen characters", admin, Some(PasswordLength)),
        (&[], "of LUCHENG.door1!", None, Some(PasswordHoldsUsername)),
        (&[], "password1", None, Some(PasswordCommon)),
        (&[], "Password123", None, Some(PasswordCommon)),
        (&[], "woaini1314", None, Some(PasswordCommon)),
        (&["--password-classes", "3"], "only letters and spaces", None, Some(PasswordTooPlain)),
        (&["--password-classes", "3"], "3 kinds of characters", None, None),
    ] {
        assert_eq!(fault(flags, password, role), expected, "{password} {flags:?} {role:?}");
    }
}
