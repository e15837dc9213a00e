//! Devices at doors: how one comes into use, what it may do, and how it is taken out of use.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{Client, TestApp, on_both},
    fixture::{new_device, redeemed, text},
};

/// Somebody who acts by a device's token.
pub async fn device(app: &TestApp, activities: &[&str]) -> (Client, String) {
    let made = new_device(app, activities).await;
    let token = redeemed(app, &made).await;
    (Client { token: Some(token), ..app.anonymous() }, text(&made["device"]["id"]))
}

async fn redeem(app: &TestApp, code: &str) -> Value {
    let input = json!({"input": {"code": code}});
    app.anonymous().run("redeem_device", input).await["redeemDevice"].take()
}

async fn states(app: &TestApp, activity: &str) -> Vec<String> {
    let listed = app.organiser().run("devices", json!({"activityId": activity})).await;
    let edges = listed["devices"]["edges"].as_array().unwrap();
    edges.iter().map(|it| text(&it["node"]["state"])).collect()
}

on_both! {
    async fn a_code_is_used_once(app) {
        let festival = app.festival(None, &[]).await;
        let made = new_device(&app, &[&festival.activity]).await;
        let code = text(&made["code"]);
        let qr: Value = serde_json::from_str(&text(&made["qr"])).unwrap();
        assert_eq!(qr, json!({"url": app.app.config.public_url, "code": code}));
        assert!(text(&made["qrSvg"]).starts_with("<svg"));
        assert_eq!(states(&app, &festival.activity).await, ["WAITING"]);

        // As somebody types it.
        let typed = format!("{}-{}", &code[..8].to_lowercase(), &code[8..]);
        let redeemed = redeem(&app, &typed).await;
        let token = text(&redeemed["token"]);
        assert_eq!(redeemed["device"]["state"], "IN_USE");
        assert_eq!(redeem(&app, &code).await["userErrors"][0]["code"], "CODE_WRONG");
        assert_eq!(redeem(&app, "0000000000000000").await["userErrors"][0]["code"], "CODE_WRONG");

        let client = Client { token: Some(token.clone()), ..app.anonymous() };
        let this = client.run("this_device", json!({})).await;
        assert_eq!(this["thisDevice"]["activities"][0]["id"], festival.activity);
        // Neither the code nor the token is kept.
        for secret in [&code, &token] {
            let kept = format!("SELECT count(*) FROM device WHERE name LIKE '%{secret}%' OR model LIKE '%{secret}%'");
            assert_eq!(app.count(&kept).await, 0);
        }
        let trail = "SELECT count(*) FROM audit_event WHERE action = 'RedeemDevice' AND device_id IS NOT NULL AND account_id IS NULL";
        assert_eq!(app.count(trail).await, 1);
    }

    async fn of_five_who_redeem_at_once_one_does(app) {
        let festival = app.festival(None, &[]).await;
        let code = text(&new_device(&app, &[&festival.activity]).await["code"]);
        let mut tasks = JoinSet::new();
        for _ in 0..5 {
            let (client, code) = (app.anonymous(), code.clone());
            tasks.spawn(async move {
                client.run("redeem_device", json!({"input": {"code": code}})).await["redeemDevice"].take()
            });
        }
        let done = tasks.join_all().await;
        assert_eq!(done.iter().filter(|it| it["token"].is_string()).count(), 1, "{done:?}");
        assert_eq!(done.iter().filter(|it| it["userErrors"][0]["code"] == "CODE_WRONG").count(), 4);
    }

    async fn a_code_lapses_after_a_quarter_of_an_hour(app) {
        let festival = app.festival(None, &[]).await;
        let [first, second] = [new_device(&app, &[&festival.activity]).await, new_device(&app, &[&festival.activity]).await];
        *app.clock() += TimeDelta::minutes(15) - TimeDelta::milliseconds(1);
        assert!(redeem(&app, &text(&first["code"])).await["token"].is_string());
        *app.clock() += TimeDelta::milliseconds(1);
        assert_eq!(redeem(&app, &text(&second["code"])).await["userErrors"][0]["code"], "CODE_WRONG");
        let organiser = app.anew(app.organiser()).await;
        let listed = organiser.run("devices", json!({"activityId": festival.activity})).await;
        let listed = &listed["devices"]["edges"];
        assert_eq!((&listed[0]["node"]["state"], &listed[1]["node"]["state"]), (&json!("LAPSED"), &json!("IN_USE")));
    }

    async fn it_may_what_door_staff_may_and_nothing_else(app) {
        let (here, there) = (app.festival(None, &[]).await, app.festival(None, &[]).await);
        here.register(&app, "张三丰", "13800000001").await;
        let (client, id) = device(&app, &[&here.activity]).await;

        let find = |activity: &str| json!({"activityId": activity, "filter": {"search": "张三丰"}});
        let found = client.run("registrations", find(&here.activity)).await;
        let found = found.to_string();
        assert!(found.contains("138****0001") && !found.contains("13800000001"), "{found}");
        let document = crate::app::document("registrations");
        assert_eq!(client.fail(&document, find(&there.activity)).await, "NOT_FOUND");
        assert_eq!(client.fail(&document, json!({"activityId": here.activity})).await, "BAD_USER_INPUT");
        let summary = crate::app::document("attendance_summary");
        client.ask(&summary, json!({"sessionId": here.session})).await;
        assert_eq!(client.fail(&summary, json!({"sessionId": there.session})).await, "NOT_FOUND");

        let refused: [(&str, Value, &str); 5] = [
            ("viewer", json!({}), "FORBIDDEN"),
            ("attendances", json!({"sessionId": here.session}), "FORBIDDEN"),
            ("create_export", json!({"input": {"activityId": here.activity, "format": "CSV", "purpose": "活动总结"}}), "FORBIDDEN"),
            ("create_device", json!({"input": {"activityIds": [here.activity], "name": "又一台"}}), "FORBIDDEN"),
            ("revoke_device", json!({"input": {"deviceId": id}}), "NOT_FOUND"),
        ];
        for (operation, variables, code) in refused {
            assert_eq!(client.fail(&crate::app::document(operation), variables).await, code, "{operation}");
        }
        let me = crate::app::document("me");
        assert_eq!(client.fail(&me, json!({})).await, "UNAUTHENTICATED");
        assert_eq!(app.organiser().fail(&crate::app::document("this_device"), json!({})).await, "FORBIDDEN");
    }

    async fn one_that_is_revoked_or_expired_is_nobody(app) {
        let festival = app.festival(None, &[]).await;
        let (revoked, id) = device(&app, &[&festival.activity]).await;
        let (expired, _) = device(&app, &[&festival.activity]).await;
        let input = json!({"input": {"deviceId": id}});
        let done = app.organiser().run("revoke_device", input.clone()).await;
        assert_eq!(done["revokeDevice"]["device"]["state"], "REVOKED");
        let again = app.organiser().run("revoke_device", input).await;
        assert_eq!(again["revokeDevice"]["userErrors"][0]["code"], "REVOKED_ALREADY");
        let summary = crate::app::document("attendance_summary");
        let of = json!({"sessionId": festival.session});
        assert_eq!(revoked.fail(&summary, of.clone()).await, "UNAUTHENTICATED");
        expired.ask(&summary, of.clone()).await;
        *app.clock() += TimeDelta::days(30);
        assert_eq!(expired.fail(&summary, of).await, "UNAUTHENTICATED");
    }

    async fn it_takes_every_activity_to_make_one(app) {
        let (here, there) = (app.festival(None, &[]).await, app.festival(None, &[]).await);
        let over = crate::fixture::an_activity(&here.activity);
        let organiser = app.account(entity::role_grant::Role::Organiser, over).await;
        let input = |of: &[&str], until: Option<&str>| json!({"input": {"activityIds": of, "name": "东门一号", "expiresAt": until}});
        let document = crate::app::document("create_device");
        assert_eq!(organiser.fail(&document, input(&[&here.activity, &there.activity], None)).await, "NOT_FOUND");
        for (input, code) in [
            (input(&[], None), "ACTIVITIES_UNFIT"),
            (input(&[&here.activity], Some("2026-11-01T01:00:00Z")), "EXPIRES_AT_UNFIT"),
            (input(&[&here.activity], Some("2028-01-01T00:00:00Z")), "EXPIRES_AT_UNFIT"),
        ] {
            let refused = organiser.ask(&document, input).await;
            assert_eq!(refused["createDevice"]["userErrors"][0]["code"], code);
        }
        assert_eq!(app.count("SELECT count(*) FROM device").await, 0);
        // Whoever has one of its activities sees it and may revoke it, and sees nothing of the others.
        let made = new_device(&app, &[&here.activity, &there.activity]).await;
        let listed = organiser.run("devices", json!({"activityId": here.activity})).await;
        let seen = listed["devices"]["edges"][0]["node"]["activities"].as_array().unwrap();
        assert_eq!(seen.iter().map(|it| text(&it["id"])).collect::<Vec<_>>(), [here.activity]);
        let done = organiser.run("revoke_device", json!({"input": {"deviceId": made["device"]["id"]}})).await;
        assert_eq!(done["revokeDevice"]["device"]["state"], "REVOKED");
        assert_eq!(redeem(&app, &text(&made["code"])).await["userErrors"][0]["code"], "CODE_WRONG");
    }

    async fn it_is_seen_to_the_minute(app) {
        let festival = app.festival(None, &[]).await;
        let (client, _) = device(&app, &[&festival.activity]).await;
        let began = app.now();
        let seen = async |client: &Client| {
            client.run("this_device", json!({})).await;
            let listed = app.organiser().run("devices", json!({"activityId": festival.activity})).await;
            let at = text(&listed["devices"]["edges"][0]["node"]["lastSeenAt"]);
            at.parse::<chrono::DateTime<chrono::Utc>>().unwrap() - began
        };
        *app.clock() += TimeDelta::seconds(59);
        assert_eq!(seen(&client).await, TimeDelta::zero());
        // A gate may be remembered for ten seconds, in which nobody looks.
        *app.clock() += TimeDelta::seconds(11);
        assert_eq!(seen(&client).await, TimeDelta::seconds(70));
    }
}
