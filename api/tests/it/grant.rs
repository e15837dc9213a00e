//! Who may have which role: the three administrators apart, a stand-in for an absence, and nobody who is long gone.

use api::{
    account::{grant::Over, stale::disable_stale},
    authz,
    graphql::Gid,
};
use chrono::TimeDelta;
use entity::role_grant::Role;
use serde_json::{Value, json};

use crate::{
    app::{Client, TestApp, document, on_both},
    fixture::{give, text},
    life::done,
};

fn id(client: &Client) -> String {
    Gid(client.account).to_string()
}

/// Refused for this reason, with no grant more than before.
async fn refused(app: &TestApp, client: &Client, operation: &str, input: Value, code: &str) {
    let count = "SELECT count(*) FROM role_grant";
    let before = app.count(count).await;
    let answer = client.run(operation, json!({"input": input})).await;
    let payload = answer.as_object().unwrap().values().next().unwrap();
    assert_eq!(payload["userErrors"][0]["code"], code, "{operation} {input}: {payload}");
    assert_eq!(app.count(count).await, before, "{operation} was refused and gave something");
}

/// The roles that an account holds now.
async fn roles(app: &TestApp, client: &Client) -> Vec<Role> {
    let held = authz::grants_of(app.app.db.read(), client.account, app.now()).await.unwrap();
    held.into_iter().map(|it| it.row.role).collect()
}

async fn security(app: &TestApp) -> Client {
    app.account(Role::SecurityAdmin, Over::Organisation(app.root)).await
}

fn over_root(app: &TestApp, to: &Client, role: &str) -> Value {
    json!({"accountId": id(to), "role": role, "organisationId": app.root_id(), "reason": "任命"})
}

on_both! {
    async fn the_three_administrators_are_apart(app) {
        let security = security(&app).await;
        let all = ["PLATFORM_ADMIN", "SECURITY_ADMIN", "AUDITOR"];
        for (first, second) in [(0, 1), (1, 2), (2, 0)] {
            let somebody = app.bare_account().await;
            done(&security, "grant_role", over_root(&app, &somebody, all[first])).await;
            for role in [all[second], "ORG_ADMIN", "LIAISON"] {
                refused(&app, &security, "grant_role", over_root(&app, &somebody, role), "KEPT_APART").await;
            }
            // Figures show nobody.
            done(&security, "grant_role", over_root(&app, &somebody, "VIEWER")).await;
        }
        let organiser = app.account(Role::OrgAdmin, Over::Organisation(app.root)).await;
        refused(&app, &security, "grant_role", over_root(&app, &organiser, "AUDITOR"), "KEPT_APART").await;

        // Taken back, it stands in nobody's way.
        let somebody = app.bare_account().await;
        let given = done(&security, "grant_role", over_root(&app, &somebody, "AUDITOR")).await;
        done(&security, "revoke_grant", json!({"grantId": given["grant"]["id"], "reason": "轮岗"})).await;
        done(&security, "grant_role", over_root(&app, &somebody, "PLATFORM_ADMIN")).await;
    }

    async fn two_grants_at_once_do_not_slip_past_each_other(app) {
        let (one, other) = (security(&app).await, security(&app).await);
        for _ in 0..5 {
            let somebody = app.bare_account().await;
            let document = document("grant_role");
            let ask = |role| json!({"input": over_root(&app, &somebody, role)});
            tokio::join!(one.send(&document, ask("AUDITOR")), other.send(&document, ask("PLATFORM_ADMIN")));
            assert_eq!(roles(&app, &somebody).await.len(), 1);
        }
    }

    async fn the_database_keeps_them_apart_too(app) {
        let somebody = app.account(Role::Auditor, Over::Organisation(app.root)).await;
        let now = app.now();
        let over = Over::Organisation(app.root);
        let given: Result<(), api::error::Error<api::account::AccountErrorCode>> = app
            .app
            .db
            .by_command("Test", now, async |tx| {
                api::account::grant::insert(tx, somebody.account, Role::OrgAdmin, over, None, None, now).await?;
                Ok(somebody.account)
            })
            .await;
        assert!(given.is_err());
        assert_eq!(roles(&app, &somebody).await, [Role::Auditor]);
    }

    async fn a_grant_says_who_gave_it_and_why_and_what_was_refused_is_on_record(app) {
        let security = security(&app).await;
        let somebody = app.bare_account().await;
        let mut input = over_root(&app, &somebody, "ORG_ADMIN");
        input["reason"] = json!("  ");
        refused(&app, &security, "grant_role", input.clone(), "REASON_MISSING").await;
        input["reason"] = json!("接任秘书长");
        let given = done(&security, "grant_role", input).await["grant"].take();
        assert_eq!((&given["givenBy"], &given["reason"], &given["accountId"]), (&json!("user1"), &json!("接任秘书长"), &json!(id(&somebody))));
        let taken = done(&security, "revoke_grant", json!({"grantId": given["id"], "reason": "离任"})).await;
        assert_eq!((&taken["grant"]["revokedBy"], &taken["grant"]["revokeReason"]), (&json!("user1"), &json!("离任")));

        let own = over_root(&app, &security, "ORG_ADMIN");
        refused(&app, &security, "grant_role", own, "OWN_ACCOUNT").await;
        let viewer = app.account(Role::Viewer, Over::Organisation(app.root)).await;
        let input = over_root(&app, &somebody, "VIEWER");
        assert_eq!(viewer.fail(&document("grant_role"), json!({"input": input})).await, "FORBIDDEN");
        let auditor = app.account(Role::Auditor, Over::Organisation(app.root)).await;
        let seen = auditor.run("audit_events", json!({"filter": {"outcome": "REFUSED"}})).await;
        let seen: Vec<_> = seen["auditEvents"]["edges"].as_array().unwrap().iter().map(|it| {
            let it = &it["node"];
            (text(&it["username"]), text(&it["action"]), text(&it["subjectId"]), text(&it["reason"]))
        }).collect();
        let all = |who: &str, to: &Client, why: &str| (who.to_owned(), "GrantRole".to_owned(), id(to), why.to_owned());
        assert_eq!(seen, [
            all("user3", &somebody, "没有权限"),
            all("user1", &security, "不能给自己授权"),
            all("user1", &somebody, "请说明理由"),
        ]);
    }

    async fn somebody_stands_in_for_an_absence(app) {
        let holder = app.account(Role::Liaison, Over::Organisation(app.root)).await;
        let (stand_in, third) = (app.bare_account().await, app.bare_account().await);
        let own = holder.run("viewer", json!({})).await["viewer"]["grants"][0]["id"].take();
        let at = |hours: i64| (app.now() + TimeDelta::hours(hours)).to_rfc3339();
        let ask = |to: &Client, from: i64, until: i64| json!({"grantId": own, "accountId": id(to), "from": at(from), "until": at(until), "reason": "休假"});
        for (from, until) in [(2, 1), (-2, -1), (0, 24 * 93)] {
            refused(&app, &holder, "delegate_grant", ask(&stand_in, from, until), "ABSENCE_UNCLEAR").await;
        }
        refused(&app, &holder, "delegate_grant", ask(&holder, 0, 1), "OWN_ACCOUNT").await;
        let auditor = app.account(Role::Auditor, Over::Organisation(app.root)).await;
        refused(&app, &holder, "delegate_grant", ask(&auditor, 0, 1), "KEPT_APART").await;
        // It is the holder's alone to lend.
        let others = json!({"input": ask(&third, 1, 3)});
        assert_eq!(app.organiser().fail(&document("delegate_grant"), others).await, "NOT_FOUND");

        let lent = done(&holder, "delegate_grant", ask(&stand_in, 1, 3)).await["grant"].take();
        assert_eq!((&lent["delegatesId"], &lent["reason"], &lent["role"]), (&own, &json!("休假"), &json!("LIAISON")));
        assert!(roles(&app, &stand_in).await.is_empty(), "not yet");
        *app.clock() += TimeDelta::hours(1);
        let fresh = async |client: &Client| app.anew(client).await;
        let people = document("people");
        assert!(fresh(&stand_in).await.send(&people, json!({})).await.get("errors").is_none());
        let on = json!({"grantId": lent["id"], "accountId": id(&third), "until": (app.now() + TimeDelta::hours(1)).to_rfc3339(), "reason": "转托"});
        refused(&app, &fresh(&stand_in).await, "delegate_grant", on, "DELEGATED_ALREADY").await;
        // At its end it is over, to the microsecond, also for a gate that was remembered.
        let client = fresh(&stand_in).await;
        *app.clock() += TimeDelta::hours(2) - TimeDelta::microseconds(1);
        let client = app.anew(&client).await;
        assert!(client.send(&people, json!({})).await.get("errors").is_none());
        *app.clock() += TimeDelta::microseconds(1);
        assert_eq!(client.fail(&people, json!({})).await, "FORBIDDEN");

        // What was lent can be taken back by whoever lent it, and goes with the grant.
        let ask = json!({"grantId": own, "accountId": id(&stand_in), "until": (app.now() + TimeDelta::hours(1)).to_rfc3339(), "reason": "开会"});
        let lent = done(&fresh(&holder).await, "delegate_grant", ask.clone()).await["grant"]["id"].take();
        assert_eq!(roles(&app, &stand_in).await, [Role::Liaison]);
        done(&fresh(&holder).await, "revoke_grant", json!({"grantId": lent})).await;
        assert!(roles(&app, &stand_in).await.is_empty());
        done(&fresh(&holder).await, "delegate_grant", ask).await;
        let client = fresh(&stand_in).await;
        assert!(client.send(&people, json!({})).await.get("errors").is_none());
        done(&fresh(app.organiser()).await, "revoke_grant", json!({"grantId": own})).await;
        assert_eq!(client.fail(&people, json!({})).await, "FORBIDDEN");
    }

    async fn an_account_that_nobody_uses_goes_out_of_use(app) {
        let (idle, busy) = (app.bare_account().await, app.bare_account().await);
        give(&app, idle.account, Role::Viewer, Over::Organisation(app.root)).await;
        *app.clock() += TimeDelta::days(89);
        let organiser = app.anew(app.organiser()).await;
        app.anew(&busy).await;
        let admin = app.account(Role::PlatformAdmin, Over::Organisation(app.root)).await;
        disable_stale(&app.app).await.unwrap();
        assert_eq!(app.count("SELECT count(*) FROM account WHERE disabled_at IS NOT NULL").await, 0);
        *app.clock() += TimeDelta::days(2);
        let admin = app.anew(&admin).await;
        let since = (app.now() - TimeDelta::days(60)).to_rfc3339();
        let found = admin.run("accounts", json!({"first": 100, "filter": {"unusedSince": since, "disabled": false}})).await;
        let found: Vec<_> = found["accounts"]["edges"].as_array().unwrap().iter().map(|it| it["node"]["id"].clone()).collect();
        assert_eq!(found, [json!(id(&idle))]);
        disable_stale(&app.app).await.unwrap();
        assert_eq!(app.count("SELECT count(*) FROM account WHERE disabled_at IS NOT NULL").await, 1);
        let account = admin.run("account", json!({"id": id(&idle)})).await["account"].take();
        assert!(!account["disabledAt"].is_null() && account["lastSignInAt"] == "2026-11-01T01:00:00+00:00", "{account}");
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action = 'DisableStaleAccount' AND reason = '90天未登录' AND account_id IS NULL").await, 1);

        // Taken into use again it stays so, though nobody has signed in yet.
        done(&admin, "enable_account", json!({"accountId": id(&idle), "reason": "返岗"})).await;
        disable_stale(&app.app).await.unwrap();
        assert_eq!(app.count("SELECT count(*) FROM account WHERE disabled_at IS NOT NULL").await, 0);
        drop(organiser);
    }
}
