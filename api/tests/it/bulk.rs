//! Acts on many registrations: an outcome for each, once, whatever happens in between.

use serde_json::{Value, json};

use crate::{
    app::{Client, Festival, TestApp, on_both},
    fixture::text,
    lists,
    server::{Server, on_both_servers},
};

const ROWS: usize = 2000;

/// The outcomes of an act, read page by page.
const OUTCOMES: &str = "query($id: ID!, $after: String) { bulkAct(id: $id) { state total done refused
    rows(first: 100, after: $after) { nodes { row outcome code } pageInfo { hasNextPage endCursor } } } }";

async fn change(client: &Client, input: Value) -> Value {
    client.run("change_registrations", json!({"input": input})).await["changeRegistrations"].take()
}

async fn registered(app: &TestApp, festival: &Festival, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for nth in 0..count {
        ids.push(festival.register(app, &lists::name(nth), &lists::phone(nth)).await.registration);
    }
    ids
}

fn codes(act: &Value) -> Vec<String> {
    let rows = act["rows"]["nodes"].as_array().unwrap();
    rows.iter().map(|it| it["code"].as_str().unwrap_or("-").to_owned()).collect()
}

on_both! {
    async fn each_row_has_an_outcome_of_its_own(app) {
        let festival = app.festival(Some(3), &[]).await;
        let ids = registered(&app, &festival, 4).await;
        let other = app.festival(None, &[]).await;
        let elsewhere = other.register(&app, "张三丰", "13800000000").await.registration;
        app.organiser().run("cancel_registration", json!({"input": {"registrationId": ids[1]}})).await;
        // The second is cancelled, the fourth got its seat; one is of another activity, and one is there twice.
        let input = json!({"activityId": festival.activity, "act": {"cancel": {"reason": "改期"}},
            "registrationIds": [ids[0], ids[1], elsewhere, ids[0], ids[3]], "idempotencyKey": "一"});
        let done = change(app.organiser(), input.clone()).await;
        let act = &done["bulkAct"];
        assert_eq!(done["userErrors"], json!([]));
        assert_eq!((&act["state"], &act["total"], &act["done"], &act["refused"]), (&json!("DONE"), &json!(4), &json!(2), &json!(2)));
        assert_eq!(codes(act), ["-", "NOT_LIVE", "NOT_THERE", "-"]);
        assert_eq!(festival.seats_taken(&app).await, 1);
        assert_eq!(other.seats_taken(&app).await, 1);
        // Sent twice it is done once.
        assert_eq!(change(app.organiser(), input).await["bulkAct"]["id"], act["id"]);
        assert_eq!(app.count("SELECT count(*) FROM bulk_act").await, 1);
    }

    async fn all_or_nothing_is_nothing_where_one_is_refused(app) {
        let festival = app.festival(Some(3), &[("嘉宾", Some(1)), ("企业家", None)]).await;
        let ids = registered(&app, &festival, 3).await;
        let input = json!({"activityId": festival.activity, "act": {"move": {"category": "嘉宾"}},
            "registrationIds": ids, "allOrNothing": true});
        let act = change(app.organiser(), input.clone()).await["bulkAct"].take();
        assert_eq!((&act["state"], &act["done"], &act["refused"]), (&json!("REFUSED"), &json!(0), &json!(2)));
        let outcomes: Vec<&Value> = act["rows"]["nodes"].as_array().unwrap().iter().map(|it| &it["outcome"]).collect();
        assert_eq!(outcomes, ["UNDONE", "REFUSED", "REFUSED"]);
        assert_eq!(app.count("SELECT count(*) FROM registration WHERE category_id IS NOT NULL").await, 0);
        assert_eq!(app.count("SELECT CAST(taken AS bigint) FROM capacity_pool WHERE size = 1").await, 0);
        // The same without it moves the one that fits.
        let input = json!({"activityId": festival.activity, "act": {"move": {"category": "嘉宾"}}, "registrationIds": ids});
        let act = change(app.organiser(), input).await["bulkAct"].take();
        assert_eq!((&act["state"], &act["done"], &act["refused"]), (&json!("DONE"), &json!(1), &json!(2)));
    }

    async fn guests_of_one_activity_are_invited_to_another(app) {
        let (festival, next) = (app.festival(None, &[]).await, app.festival(Some(1), &[]).await);
        let ids = registered(&app, &festival, 3).await;
        next.register(&app, &lists::name(1), &lists::phone(1)).await;
        let input = json!({"activityId": festival.activity, "registrationIds": ids,
            "act": {"invite": {"toActivityId": next.activity}}});
        let act = change(app.organiser(), input).await["bulkAct"].take();
        assert_eq!(codes(&act), ["-", "ALREADY_REGISTERED", "-"]);
        let statuses: Vec<&Value> = act["rows"]["nodes"].as_array().unwrap().iter().map(|it| &it["registration"]["status"]).collect();
        assert_eq!(statuses, ["INVITED", "CONFIRMED", "INVITED"]);
        assert_eq!(festival.seats_taken(&app).await, 3, "they stay as they are here");
        assert_eq!(next.seats_taken(&app).await, 1);
    }

    async fn whoever_lost_the_rights_meanwhile_does_nothing_more(app) {
        let festival = app.festival(None, &[]).await;
        let over = crate::fixture::an_activity(&festival.activity);
        let organiser = app.account(entity::role_grant::Role::Organiser, over).await;
        let upload = organiser.upload("list.csv", lists::list(0..300).as_bytes()).await;
        let input = json!({"activityId": festival.activity, "uploadId": upload, "profile": "EVENT"});
        let staged = organiser.run("stage_roster", json!({"input": input})).await;
        let batch = &staged["stageRoster"]["batch"]["id"];
        organiser.run("commit_roster", json!({"input": {"batchId": batch}})).await;
        let input = json!({"activityId": festival.activity, "act": {"cancel": {}}, "filter": {"status": ["CONFIRMED"]}});
        let act = change(&organiser, input).await["bulkAct"].take();
        assert_eq!((&act["state"], &act["total"], &act["done"]), (&json!("RUNNING"), &json!(300), &json!(0)));
        let account = api::graphql::Gid(organiser.account).to_string();
        app.organiser().run("disable_account", json!({"input": {"accountId": account}})).await;
        app.work().await;
        let act = app.organiser().run("bulk_act", json!({"id": act["id"], "first": 1})).await["bulkAct"].take();
        assert_eq!((&act["state"], &act["refused"]), (&json!("DONE"), &json!(300)));
        assert_eq!(act["rows"]["edges"][0]["node"]["code"], "NOT_ALLOWED");
        assert_eq!(festival.seats_taken(&app).await, 300);
    }

    async fn an_act_that_cannot_be_begun_changes_nothing(app) {
        let festival = app.festival(None, &[("嘉宾", None)]).await;
        let ids = registered(&app, &festival, 1).await;
        let too_many: Vec<String> = (0..20_001).map(|_| api::graphql::Gid(entity::id::RegistrationId::generate()).to_string()).collect();
        let past = (app.now() - chrono::TimeDelta::minutes(1)).to_rfc3339();
        let long = "长".repeat(501);
        for (code, act, which) in [
            ("WHICH_UNCLEAR", json!({"cancel": {}}), json!({})),
            ("WHICH_UNCLEAR", json!({"cancel": {}}), json!({"registrationIds": ids, "filter": {}})),
            ("TOO_MANY", json!({"cancel": {}}), json!({"registrationIds": []})),
            ("TOO_MANY", json!({"cancel": {}}), json!({"registrationIds": too_many})),
            ("TARGET_UNCLEAR", json!({"move": {}}), json!({"registrationIds": ids})),
            ("CATEGORY_UNKNOWN", json!({"move": {"category": "没有的"}}), json!({"registrationIds": ids})),
            ("REPLY_BY_PAST", json!({"invite": {"replyBy": past}}), json!({"registrationIds": ids})),
            ("REASON_MISSING", json!({"decline": {"reason": " "}}), json!({"registrationIds": ids})),
            ("TOO_LONG", json!({"cancel": {"reason": long}}), json!({"registrationIds": ids})),
        ] {
            let mut input = json!({"activityId": festival.activity, "act": act});
            input.as_object_mut().unwrap().extend(which.as_object().unwrap().clone());
            let before = app.count("SELECT count(*) FROM audit_event").await;
            // A list of so many ids is longer than a request may be; the limit of the act stands behind that.
            let answer = app.organiser().send(&crate::app::document("change_registrations"), json!({"input": input})).await;
            if let Some(error) = answer["errors"].get(0) {
                assert_eq!((code, &error["extensions"]["code"]), ("TOO_MANY", &json!("BAD_USER_INPUT")), "{answer}");
            } else {
                let done = &answer["data"]["changeRegistrations"];
                assert_eq!((&done["userErrors"][0]["code"], &done["bulkAct"]), (&json!(code), &Value::Null), "{done}");
            }
            assert_eq!(app.count("SELECT count(*) FROM audit_event").await, before);
            assert_eq!(app.count("SELECT count(*) FROM bulk_act").await, 0);
            assert_eq!(festival.seats_taken(&app).await, 1);
        }
    }
}

on_both_servers! {
    async fn an_act_on_two_thousand_survives_the_kill_of_the_server(home) {
        let (mut server, mut organiser) = home.open().await;
        let festival = organiser.festival(None).await;
        // A dead server's work is taken up after a second.
        server.kill();
        let start = || Server::start({
            let mut command = home.command(&["serve", "--job-lease", "1"]);
            command.env("QINGLAN_LOG", "warn");
            command
        });
        server = start();
        organiser = organiser.at(&server);
        let batch = organiser.stage(&festival, "来宾.csv", lists::list(0..ROWS)).await;
        assert_eq!(organiser.commit(&batch).await["registered"], ROWS);
        let input = json!({"activityId": festival.activity, "act": {"cancel": {"reason": "改期"}},
            "filter": {"status": ["CONFIRMED"]}, "idempotencyKey": "全部取消"});
        let begun = organiser.run("change_registrations", json!({"input": input})).await;
        let id = text(&begun["changeRegistrations"]["bulkAct"]["id"]);
        let done = async |client: &crate::server::Remote| {
            let answer = client.ask("query($id: ID!) { bulkAct(id: $id) { state done } }", json!({"id": id})).await;
            (answer["bulkAct"]["state"] == "DONE", answer["bulkAct"]["done"].as_u64().unwrap())
        };
        // Killed three times on the way, each time after some more rows.
        let mut kills = 0;
        for part in 1..=3 {
            loop {
                let (is_over, count) = done(&organiser).await;
                if is_over || count >= part * 400 {
                    break;
                }
                tokio::task::yield_now().await;
            }
            if !done(&organiser).await.0 {
                kills += 1;
            }
            server.kill();
            server = start();
            organiser = organiser.at(&server);
        }
        assert!(kills > 0, "the act was over before anybody was killed");
        while !done(&organiser).await.0 {
            tokio::task::yield_now().await;
        }
        let (mut after, mut rows) = (Value::Null, 0);
        loop {
            let page = organiser.ask(OUTCOMES, json!({"id": id, "after": after})).await["bulkAct"].take();
            let nodes = page["rows"]["nodes"].as_array().unwrap();
            // One that was done twice would be refused as not live the second time.
            assert!(nodes.iter().all(|it| it["outcome"] == "DONE"), "{page}");
            rows += nodes.len();
            after = page["rows"]["pageInfo"]["endCursor"].clone();
            if page["rows"]["pageInfo"]["hasNextPage"] == false {
                assert_eq!((&page["done"], &page["refused"]), (&json!(ROWS), &json!(0)));
                break;
            }
        }
        assert_eq!(rows, ROWS);
        assert_eq!(home.count("SELECT count(*) FROM registration WHERE status = 'CANCELLED'").await, i64::try_from(ROWS).unwrap());
        assert_eq!(home.count("SELECT sum(taken) FROM capacity_pool").await, 0);
    }
}
