//! API keys: a part of what their account may do, until they are over.

use std::collections::BTreeSet;

use api::{
    authz::{keyed, policy::POLICY},
    graphql::Gid,
};
use chrono::TimeDelta;
use entity::api_key::Scope;
use serde_json::{Value, json};

use super::{outcome, somebody};
use crate::{
    app::{Client, TestApp, document, on_both},
    fixture::text,
};

async fn made(app: &TestApp, client: &Client, scopes: &[&str]) -> Value {
    let until = (app.now() + TimeDelta::days(30)).to_rfc3339();
    let input = json!({"input": {"name": "官网", "scopes": scopes, "expiresAt": until}});
    client.run("create_api_key", input).await["createApiKey"].take()
}

fn by(app: &TestApp, made: &Value) -> Client {
    Client { token: Some(text(&made["key"])), ..app.anonymous() }
}

on_both! {
    async fn a_key_does_what_its_scopes_say_and_nothing_else(app) {
        let festival = app.festival(None, &[]).await;
        let admin = app.organiser();
        let reads = by(&app, &made(&app, admin, &["READ"]).await);
        let writes = by(&app, &made(&app, admin, &["REGISTRATION_WRITE"]).await);
        let doors = by(&app, &made(&app, admin, &["CHECK_IN", "CHECK_IN"]).await);
        assert!(reads.token.clone().unwrap().starts_with("qlk_"));
        let activity = json!({"id": festival.activity});
        let asked = "query($id: ID!) { activity(id: $id) { id title } }";
        reads.ask(asked, activity.clone()).await;
        assert_eq!(writes.fail(asked, activity).await, "FORBIDDEN");
        let input = json!({"input": {"activityId": festival.activity, "person": {"name": "张三丰", "phone": "13800000001"}}});
        let done = "mutation($input: RegisterAttendeeInput!) { registerAttendee(input: $input) { registration { id } userErrors { code } } }";
        assert_eq!(reads.fail(done, input.clone()).await, "FORBIDDEN");
        let by_key = writes.ask(done, input).await["registerAttendee"].take();
        assert_eq!(outcome(&by_key), "ok");
        let ticket = festival.register(&app, "李四海", "13800000002").await;
        let scan = json!({"input": {"sessionId": festival.session, "ticketCode": ticket.code, "scanId": app.uuid()}});
        let asked = "mutation($input: CheckInInput!) { checkIn(input: $input) { outcome } }";
        assert_eq!(reads.fail(asked, scan.clone()).await, "FORBIDDEN");
        assert_eq!(doors.ask(asked, scan).await["checkIn"]["outcome"], "ADMITTED");

        // What is of the account itself is for people.
        for operation in ["viewer", "sign_out", "enrol_second_factor", "end_other_sign_ins"] {
            assert_eq!(reads.fail(&document(operation), json!({})).await, "FORBIDDEN", "{operation}");
        }
        let until = (app.now() + TimeDelta::days(30)).to_rfc3339();
        let another = json!({"input": {"name": "x", "scopes": ["READ"], "expiresAt": until}});
        assert_eq!(reads.fail(&document("create_api_key"), another).await, "FORBIDDEN");
        // The audit log says by which key.
        let events = "SELECT count(*) FROM audit_event WHERE action = 'RegisterAttendee' AND details LIKE '%\"api_key\":\"apiKey_%'";
        assert_eq!(app.count(events).await, 1);
    }

    async fn a_key_is_shown_once_listed_and_over(app) {
        let (client, _) = somebody(&app).await;
        let made_now = made(&app, &client, &["READ"]).await;
        let key = by(&app, &made_now);
        let organisation = json!({"id": app.root_id()});
        // The account may see nothing, so the key may not either.
        assert_eq!(key.fail(&document("organisation"), organisation.clone()).await, "NOT_FOUND");
        let listed = client.run("api_keys", json!({})).await["viewer"]["apiKeys"].take();
        assert_eq!(listed[0]["begins"], text(&made_now["key"])[..10]);
        assert!(!listed[0]["lastUsedAt"].is_null() && listed[0].get("key").is_none());
        assert!(!listed.to_string().contains(&text(&made_now["key"])));

        let end = json!({"input": {"apiKeyId": listed[0]["id"]}});
        let (stranger, _) = somebody(&app).await;
        assert_eq!(stranger.run("revoke_api_key", end.clone()).await["revokeApiKey"]["revoked"], false);
        assert_eq!(client.run("revoke_api_key", end).await["revokeApiKey"]["revoked"], true);
        assert_eq!(key.fail(&document("organisation"), organisation.clone()).await, "UNAUTHENTICATED");

        let second = by(&app, &made(&app, &client, &["READ"]).await);
        let third = made(&app, &client, &["READ"]).await;
        let input = json!({"input": {"accountId": Gid(client.account).to_string()}});
        app.organiser().run("end_account_sign_ins", input).await;
        for key in [second, by(&app, &third)] {
            assert_eq!(key.fail(&document("organisation"), organisation.clone()).await, "UNAUTHENTICATED");
        }
        let client = app.anew(&client).await;
        let fourth = by(&app, &made(&app, &client, &["READ"]).await);
        assert_eq!(fourth.fail(&document("organisation"), organisation.clone()).await, "NOT_FOUND");
        *app.clock() += TimeDelta::days(30);
        assert_eq!(fourth.fail(&document("organisation"), organisation).await, "UNAUTHENTICATED");
    }

    async fn what_is_no_key_is_told(app) {
        let (client, _) = somebody(&app).await;
        for (days, scopes, name, expected) in [
            (0, &["READ"][..], "x", "EXPIRES_AT_UNFIT"),
            (367, &["READ"], "x", "EXPIRES_AT_UNFIT"),
            (1, &[], "x", "SCOPE_MISSING"),
            (1, &["READ"], " ", "NAME_MISSING"),
        ] {
            let until = (app.now() + TimeDelta::days(days)).to_rfc3339();
            let input = json!({"input": {"name": name, "scopes": scopes, "expiresAt": until}});
            let payload = client.run("create_api_key", input).await["createApiKey"].take();
            assert_eq!(outcome(&payload), expected);
            assert!(payload["key"].is_null());
        }
        for _ in 0..20 {
            assert_eq!(outcome(&made(&app, &client, &["READ"]).await), "ok");
        }
        assert_eq!(outcome(&made(&app, &client, &["READ"]).await), "TOO_MANY");
    }
}

/// A scope that names what is not there names nothing.
#[test]
fn scopes_name_actions_of_the_policy() {
    let actions: BTreeSet<&str> = POLICY.iter().map(|it| it.0).collect();
    for scope in [Scope::Read, Scope::RegistrationWrite, Scope::CheckIn] {
        let unknown: Vec<_> =
            keyed::all(scope).iter().filter(|it| !actions.contains(*it)).collect();
        assert!(unknown.is_empty(), "{scope:?}: {unknown:?}");
    }
}
