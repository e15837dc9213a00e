//! Lists that show personal data whole: only where that is asked for, and of many people only by two.

use chrono::TimeDelta;
use entity::role_grant::Role;

use super::*;
use crate::{
    app::Festival,
    fixture::{an_activity, organisation},
    life::{done, refused},
};

const NUMBER: &str = "11010519491231002X";

/// Two people, one of whom has answered with an ID number.
async fn festival(app: &TestApp) -> Festival {
    let festival = app.festival(None, &[]).await;
    let question = json!({"key": "idno", "kind": "ID_NUMBER", "label": "身份证号", "purpose": "住宿", "keptFor": 30});
    let input = json!({"activityId": festival.activity, "questions": [question]});
    done(app.organiser(), "set_questions", input).await;
    let person = json!({"name": "张三丰", "phone": "13800000001"});
    let answers = json!([{"key": "idno", "text": NUMBER}]);
    let input = json!({"activityId": festival.activity, "person": person, "answers": answers});
    done(app.organiser(), "register_attendee", input).await;
    festival.register(app, "李四光", "13800000002").await;
    festival
}

fn whole(festival: &Festival) -> Value {
    json!({"activityId": festival.activity, "unmasked": true, "columns": ["name", "phone", "answer:idno"]})
}

async fn shown(client: &Client, export: &Value) -> Value {
    client.run("export", json!({"id": export["id"]})).await["export"].take()
}

/// Asks for what waits for somebody else.
async fn waiting(app: &TestApp, festival: &Festival) -> Value {
    let made = made(app.organiser(), whole(festival)).await;
    let shown = shown(app.organiser(), &made).await;
    assert_eq!((&shown["state"], &shown["url"]), (&json!("WAITING_APPROVAL"), &Value::Null));
    made
}

on_both! {
    async fn phones_and_id_numbers_are_masked_unless_that_is_asked_for(app) {
        let festival = festival(&app).await;
        let mut of = whole(&festival);
        let rows = taken(&app, of.clone()).await;
        assert_eq!(rows[1..], [["开幕式", "张三丰", "13800000001", NUMBER], ["开幕式", "李四光", "13800000002", ""]]);
        of["unmasked"] = json!(false);
        let rows = taken(&app, of).await;
        assert_eq!(rows[1..], [["开幕式", "张三丰", "138****0001", "110105********002X"], ["开幕式", "李四光", "138****0002", ""]]);
        let left = "SELECT count(*) FROM audit_event WHERE action = 'ExportUnmasked' AND reason = '活动总结'";
        assert_eq!(app.count(left).await, 2);
        // Of a file that waits to be fetched nothing is kept plain.
        let mut of = whole(&festival);
        of["background"] = json!(true);
        let export = made(app.organiser(), of).await;
        app.work().await;
        let url = shown(app.organiser(), &export).await["url"].take();
        assert!(String::from_utf8_lossy(&get(&app, &url, &[]).await.body).contains(NUMBER));
        let plain = if app.url.starts_with("sqlite") {
            format!("SELECT count(*) FROM export_chunk WHERE instr(content, CAST('{NUMBER}' AS blob)) > 0")
        } else {
            format!("SELECT count(*) FROM export_chunk WHERE position('{NUMBER}'::bytea in content) > 0")
        };
        assert_eq!(app.count(&plain).await, 0);
        assert_eq!(app.count("SELECT count(*) FROM export_chunk").await, 1);
    }

    async fn of_many_people_somebody_else_has_the_say(app) {
        let festival = festival(&app).await;
        let app = app.with(&["--unmasked-rows", "1"]).await;
        let second = app.account(Role::Organiser, an_activity(&festival.activity)).await;
        let export = waiting(&app, &festival).await;
        let input = json!({"exportId": export["id"]});
        assert_eq!(app.work().await, 0);
        // Not one's own, and of nobody who may not take the same out.
        refused(&app, app.organiser(), "approve_export", input.clone(), "OWN_EXPORT").await;
        let other = app.festival(None, &[]).await;
        for (role, over, code) in [
            (Role::Organiser, an_activity(&other.activity), "NOT_FOUND"),
            (Role::DoorStaff, an_activity(&festival.activity), "NOT_FOUND"),
            (Role::Viewer, organisation(&app.root_id()), "NOT_FOUND"),
        ] {
            let client = app.account(role, over).await;
            let document = crate::app::document("approve_export");
            assert_eq!(client.fail(&document, json!({"input": input})).await, code);
        }
        let of = json!({"activityId": festival.activity});
        let listed = second.run("exports_to_approve", of.clone()).await;
        assert_eq!(listed["exportsToApprove"]["nodes"][0]["id"], export["id"]);

        let approved = done(&second, "approve_export", input.clone()).await;
        assert_eq!(approved["export"]["state"], "WAITING");
        // Sent again it is the same; of anybody else it is too late.
        assert_eq!(done(&second, "approve_export", input.clone()).await["export"]["id"], export["id"]);
        let third = app.account(Role::OrgAdmin, organisation(&app.root_id())).await;
        refused(&app, &third, "approve_export", input.clone(), "NOT_WAITING").await;
        let no = json!({"exportId": export["id"], "reason": "过大"});
        refused(&app, &second, "refuse_export", no, "NOT_WAITING").await;
        assert_eq!(app.work().await, 1);
        assert_eq!(second.run("exports_to_approve", of).await["exportsToApprove"]["nodes"], json!([]));
        let ready = shown(app.organiser(), &export).await;
        assert_eq!((&ready["state"], &ready["unmasked"]), (&json!("READY"), &json!(true)));
        assert_eq!(ready["decidedBy"]["id"], approved["export"]["decidedBy"]["id"]);
        assert_eq!(shown(&second, &export).await["url"], Value::Null);
        let rows = of_csv(&get(&app, &ready["url"], &[]).await.body);
        assert_eq!(column(&rows, "手机号码"), ["13800000001", "13800000002"]);
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action = 'ApproveExport'").await, 2);
    }

    async fn what_is_refused_or_waited_too_long_is_never_made(app) {
        let festival = festival(&app).await;
        let app = app.with(&["--unmasked-rows", "1"]).await;
        let second = app.account(Role::OrgAdmin, organisation(&app.root_id())).await;
        let (one, two) = (waiting(&app, &festival).await, waiting(&app, &festival).await);
        let no = |export: &Value, reason: &str| json!({"exportId": export["id"], "reason": reason});
        refused(&app, &second, "refuse_export", no(&one, " "), "REASON_MISSING").await;
        let done = done(&second, "refuse_export", no(&one, "与用途不符")).await;
        assert_eq!((&done["export"]["state"], &done["export"]["decisionReason"]), (&json!("REFUSED"), &json!("与用途不符")));
        refused(&app, &second, "approve_export", json!({"exportId": one["id"]}), "NOT_WAITING").await;
        *app.clock() += TimeDelta::hours(73);
        let second = app.anew(&second).await;
        refused(&app, &second, "approve_export", json!({"exportId": two["id"]}), "EXPIRED").await;
        assert_eq!(shown(&second, &two).await["state"], "EXPIRED");
        assert_eq!(app.work().await, 0);
    }

    async fn of_two_who_decide_at_once_one_does(app) {
        let festival = festival(&app).await;
        let app = app.with(&["--unmasked-rows", "1"]).await;
        let export = waiting(&app, &festival).await;
        let one = app.account(Role::OrgAdmin, organisation(&app.root_id())).await;
        let two = app.account(Role::OrgAdmin, organisation(&app.root_id())).await;
        let yes = json!({"input": {"exportId": export["id"]}});
        let no = json!({"input": {"exportId": export["id"], "reason": "过大"}});
        let (yes, no) = tokio::join!(one.run("approve_export", yes), two.run("refuse_export", no));
        let was_done = |it: &Value| it["userErrors"] == json!([]);
        let (yes, no) = (was_done(&yes["approveExport"]), was_done(&no["refuseExport"]));
        assert!(yes != no);
        assert_eq!(app.work().await, usize::from(yes));
        let state = shown(app.organiser(), &export).await["state"].take();
        assert_eq!(state, if yes { "READY" } else { "REFUSED" });
    }

    async fn a_list_that_grew_is_asked_for_again(app) {
        let festival = festival(&app).await;
        let app = app.with(&["--unmasked-rows", "2"]).await;
        let small = made(app.organiser(), whole(&festival)).await;
        assert_eq!(get(&app, &small["url"], &[]).await.status.as_u16(), 200);
        festival.register(&app, "王重阳", "13800000003").await;
        let refused = get(&app, &small["url"], &[]).await;
        assert_eq!(refused.status.as_u16(), 409);
        assert!(!String::from_utf8_lossy(&refused.body).contains("13800000001"));
    }
}
