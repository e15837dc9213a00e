//! Who reads the audit log, and what they find.

use api::{account::grant::Over, graphql::Gid};
use entity::role_grant::Role;
use serde_json::{Value, json};

use crate::{
    app::{Client, on_both},
    fixture::text,
    life::done,
};

/// The actions that a filter leaves of the first hundred events, newest first.
async fn actions(client: &Client, filter: Value) -> Vec<String> {
    events(client, filter).await.iter().map(|it| text(&it["action"])).collect()
}

async fn events(client: &Client, filter: Value) -> Vec<Value> {
    let page = client.run("audit_events", json!({"first": 100, "filter": filter})).await;
    let edges = page["auditEvents"]["edges"].as_array().unwrap().clone();
    edges.into_iter().map(|mut it| it["node"].take()).collect()
}

on_both! {
    async fn an_auditor_finds_what_was_done(app) {
        let auditor = app.account(Role::Auditor, Over::Organisation(app.root)).await;
        let festival = app.festival(None, &[]).await;
        let begun = app.now();
        *app.clock() += chrono::TimeDelta::minutes(1);
        let input = json!({"activityId": festival.activity, "reason": "台风，详询13800138000"});
        done(app.organiser(), "cancel_activity", input).await;

        let admin = Gid(app.organiser().account).to_string();
        let about = events(&auditor, json!({"thingId": festival.activity})).await;
        let said: Vec<_> = about.iter().map(|it| it["action"].as_str().unwrap()).collect();
        assert_eq!(said, ["CancelActivity", "PublishActivity", "CreateActivity"]);
        let cancelled = &about[0];
        assert_eq!(cancelled["subjectId"], festival.activity);
        assert_eq!((&cancelled["accountId"], &cancelled["username"]), (&json!(admin), &json!("user0")));
        assert_eq!((&cancelled["outcome"], &cancelled["reason"]), (&json!("DONE"), &json!("台风，详询138****8000")));
        let status = json!({"field": "status", "before": "PUBLISHED", "after": "CANCELLED"});
        assert!(cancelled["changes"].as_array().unwrap().contains(&status), "{cancelled}");
        assert_eq!(about[2]["resultId"], festival.activity);

        let since = app.now().to_rfc3339();
        assert_eq!(actions(&auditor, json!({"from": since})).await, ["CancelActivity"]);
        let until = (begun + chrono::TimeDelta::seconds(1)).to_rfc3339();
        assert!(!actions(&auditor, json!({"until": until})).await.contains(&"CancelActivity".to_owned()));
        assert_eq!(actions(&auditor, json!({"actions": ["PublishActivity"], "accountId": admin})).await, ["PublishActivity"]);
        let request = json!({"requestId": cancelled["requestId"]});
        assert_eq!(actions(&auditor, request).await, ["CancelActivity"]);
        assert!(actions(&auditor, json!({"outcome": "REFUSED"})).await.is_empty());
        assert!(actions(&auditor, json!({"address": "192.0.2.1"})).await.is_empty());
        for wrong in [json!({"address": "nowhere"}), json!({"thingId": "x"}), json!({"requestId": "x"})] {
            let document = crate::app::document("audit_events");
            assert_eq!(auditor.fail(&document, json!({"filter": wrong})).await, "BAD_USER_INPUT", "{wrong}");
        }

        // Page by page, and by its id.
        let first = auditor.run("audit_events", json!({"first": 2})).await["auditEvents"].take();
        assert_eq!(first["pageInfo"]["hasNextPage"], true);
        let rest = json!({"first": 100, "after": first["pageInfo"]["endCursor"]});
        let rest = auditor.run("audit_events", rest).await["auditEvents"]["edges"].take();
        let count = usize::try_from(app.count("SELECT count(*) FROM audit_event").await).unwrap();
        assert_eq!(rest.as_array().unwrap().len() + 2, count);
        let node = "query($id: ID!) { node(id: $id) { id ... on AuditEvent { action place } } }";
        let one = auditor.ask(node, json!({"id": cancelled["id"]})).await;
        assert_eq!((&one["node"]["action"], &one["node"]["place"]), (&json!("CancelActivity"), &cancelled["place"]));
        assert_eq!(app.organiser().fail(node, json!({"id": cancelled["id"]})).await, "NOT_FOUND");
        let all = crate::app::document("audit_events");
        assert_eq!(app.organiser().fail(&all, json!({})).await, "FORBIDDEN");
        assert_eq!(app.anonymous().fail(&all, json!({})).await, "UNAUTHENTICATED");
    }

    async fn the_log_is_taken_out_and_that_is_on_it(app) {
        let auditor = app.account(Role::Auditor, Over::Organisation(app.root)).await;
        let festival = app.festival(None, &[]).await;
        festival.register(&app, "单小明", "13800138000").await;
        let ask = |purpose: &str| json!({"organisationId": app.root_id(), "purpose": purpose, "filter": {"actions": ["RegisterAttendee"]}});
        let refused = auditor.run("export_audit_log", json!({"input": ask(" ")})).await;
        assert_eq!(refused["exportAuditLog"]["userErrors"][0]["code"], "PURPOSE_MISSING");
        let file = done(&auditor, "export_audit_log", ask("季度审计")).await["file"].take();
        let content = text(&file["content"]);
        let lines: Vec<_> = content.trim_start_matches('\u{feff}').lines().collect();
        assert_eq!((lines.len(), &file["count"]), (2, &json!(1)), "{content}");
        assert!(lines[0].starts_with("编号,时间,账号") && lines[1].contains(",user0,,RegisterAttendee,activity_"), "{content}");
        assert!(!content.contains("小明") && !content.contains("13800138000"));
        let on_record = events(&auditor, json!({"actions": ["ExportAuditLog"]})).await;
        assert_eq!((on_record.len(), &on_record[0]["reason"], &on_record[0]["count"]), (1, &json!("季度审计"), &json!(1)));
        let document = crate::app::document("export_audit_log");
        assert_eq!(app.organiser().fail(&document, json!({"input": ask("看看")})).await, "FORBIDDEN");
    }

    async fn an_auditor_has_the_log_verified(app) {
        let auditor = app.account(Role::Auditor, Over::Organisation(app.root)).await;
        let festival = app.festival(None, &[]).await;
        let look = async || auditor.run("audit_verification", json!({})).await["auditVerification"].take();
        let events = app.count("SELECT count(*) FROM audit_event").await;
        assert_eq!(look().await, json!({"events": events, "broken": []}));
        super::chain::disarm(&app).await;
        super::run_sql(&app, "UPDATE audit_event SET reason = '另有原因' WHERE action = 'CreateActivity'").await.unwrap();
        let broken = look().await["broken"].take();
        let event = &super::list::events(&auditor, json!({"thingId": festival.activity, "actions": ["CreateActivity"]})).await[0];
        assert_eq!(broken, json!([{"place": event["place"], "eventId": event["id"], "fault": "CHANGED"}]));
    }

    async fn an_auditor_below_the_root_sees_the_acts_of_its_own_accounts(app) {
        let input = json!({"parentId": app.root_id(), "kind": "CHAMBER", "name": "服装商会"});
        let made = done(app.organiser(), "create_organisation", input).await;
        let chamber = text(&made["organisation"]["id"]);
        let over = Over::Organisation(Gid::decode(&chamber).unwrap().0);
        let auditor = app.account(Role::Auditor, over).await;
        app.festival(None, &[]).await;
        assert_eq!(events(&auditor, json!({})).await, Vec::<Value>::new());
        let input = json!({"organisationId": chamber, "username": "liaison.one", "password": crate::app::PASSWORD});
        let made = done(app.organiser(), "create_account", input).await["account"]["id"].take();
        let input = json!({"username": "liaison.one", "password": crate::app::PASSWORD});
        app.anonymous().run("sign_in", json!({"input": input})).await;
        let input = json!({"accountId": made});
        done(app.organiser(), "disable_account", input).await;
        let seen = actions(&auditor, json!({})).await;
        assert_eq!(seen, ["DisableAccount", "SignIn"], "what was done by and to its accounts");
    }
}
