//! Activities that are there to be copied, and to which nobody comes.

use entity::role_grant::Role;
use serde_json::{Value, json};

use crate::{
    app::{Client, Festival, TestApp, on_both},
    fixture::{LIST, organisation, text},
    life::{done, refused},
};

/// A template with one session in an hour and a form; its id and its session's.
async fn template(app: &TestApp, programme: &str) -> (String, String) {
    let input = json!({
        "programmeId": programme, "title": "模板", "capacity": 10, "isTemplate": true,
        "sessions": [{"title": "昼", "startsAt": "2026-11-01T02:00:00Z", "endsAt": "2026-11-01T03:00:00Z"}],
    });
    let made = done(app.organiser(), "create_activity", input).await["activity"].take();
    let id = text(&made["id"]);
    let asked = "query($id: ID!) { activity(id: $id) { isTemplate status } }";
    let shown = app.organiser().ask(asked, json!({"id": id})).await;
    assert_eq!(shown["activity"], json!({"isTemplate": true, "status": "DRAFT"}));
    let question = json!({"key": "lodging", "kind": "YES_NO", "label": "住宿", "purpose": "住宿", "keptFor": 30});
    let input = json!({"activityId": id, "questions": [question]});
    done(app.organiser(), "set_questions", input).await;
    (id, text(&made["sessions"][0]["id"]))
}

/// The titles of the activities in a list.
async fn titles(client: &Client, filter: Value) -> Vec<String> {
    let listed = client.run("activities", json!({"first": 100, "filter": filter})).await;
    let all = listed["activities"]["edges"].as_array().unwrap();
    all.iter().map(|it| text(&it["node"]["title"])).collect()
}

/// Somebody who is registered for an activity that is none.
async fn somebody(app: &TestApp, festival: &Festival) -> String {
    festival.register(app, "张三丰", "13800000001").await.registration
}

on_both! {
    async fn a_template_is_listed_and_copied_as_such(app) {
        let festival = app.festival(None, &[]).await;
        somebody(&app, &festival).await;
        let (id, _) = template(&app, &festival.programme).await;
        let organiser = app.organiser();
        assert_eq!(titles(organiser, json!({})).await, ["开幕式"]);
        assert_eq!(titles(organiser, json!({"templates": false, "status": ["DRAFT"]})).await, Vec::<String>::new());
        assert_eq!(titles(organiser, json!({"templates": true})).await, ["模板"]);

        // What is made from it is none, unless that is asked for, and goes on like any other.
        let input = json!({"activityId": id, "firstDay": "2026-12-05", "title": "副本"});
        let copy = done(organiser, "copy_activity", input).await["activity"].take();
        assert_eq!((&copy["isTemplate"], &copy["questions"]), (&json!(false), &json!([{"key": "lodging"}])));
        done(organiser, "publish_activity", json!({"activityId": copy["id"]})).await;
        let items = json!([{"title": "第一场", "firstDay": "2026-12-06"}]);
        let made = done(organiser, "create_activity_series", json!({"activityId": id, "items": items})).await;
        assert_eq!(made["series"]["activities"][0]["isTemplate"], false);
        let input = json!({"activityId": festival.activity, "firstDay": "2026-12-05", "title": "模板二", "asTemplate": true});
        let other = done(organiser, "copy_activity", input).await["activity"].take();
        assert_eq!((&other["isTemplate"], &other["seatsTaken"]), (&json!(true), &json!(0)));
        assert_eq!(titles(organiser, json!({"templates": true})).await, ["模板二", "模板"]);
        assert_eq!(titles(organiser, json!({})).await, ["第一场", "副本", "开幕式"]);
    }

    async fn a_template_goes_no_further(app) {
        let festival = app.festival(None, &[]).await;
        let (id, _) = template(&app, &festival.programme).await;
        for operation in ["publish_activity", "close_activity"] {
            refused(&app, app.organiser(), operation, json!({"activityId": id}), "IS_TEMPLATE").await;
        }
        let cancel = json!({"activityId": id, "reason": "不用了"});
        refused(&app, app.organiser(), "cancel_activity", cancel, "IS_TEMPLATE").await;
    }

    async fn nobody_is_registered_for_a_template(app) {
        let festival = app.festival(None, &[]).await;
        let registration = somebody(&app, &festival).await;
        let (id, session) = template(&app, &festival.programme).await;
        let person = json!({"name": "李四光", "phone": "13800000002"});
        let of = |more: Value| {
            let mut input = json!({"activityId": id, "person": person});
            for (name, value) in more.as_object().unwrap() {
                input[name] = value.clone();
            }
            input
        };
        let ways = [
            ("register_attendee", of(json!({}))),
            ("register_attendee", of(json!({"overCapacity": true, "reason": "领导要求"}))),
            ("invite_attendee", of(json!({}))),
            ("recommend_attendee", of(json!({"organisationId": app.root_id()}))),
            (
                "register_walk_in",
                json!({"sessionId": session, "scanId": app.uuid(), "person": person, "confirm": true}),
            ),
            ("move_registration", json!({"registrationId": registration, "toActivityId": id})),
            ("set_allocation", json!({"activityId": id, "organisationId": app.root_id(), "seats": 1})),
        ];
        for (operation, input) in ways {
            refused(&app, app.organiser(), operation, input, "ACTIVITY_NOT_OPEN").await;
        }
        let upload = app.organiser().upload("名单.csv", LIST.as_bytes()).await;
        let input = json!({"activityId": id, "uploadId": upload, "profile": "EVENT"});
        let staged = done(app.organiser(), "stage_roster", input).await;
        let commit = json!({"batchId": staged["batch"]["id"]});
        refused(&app, app.organiser(), "commit_roster", commit, "ACTIVITY_NOT_OPEN").await;

        // An act on many says so of each, and leaves each where it is.
        for act in [json!({"move": {"toActivityId": id}}), json!({"invite": {"toActivityId": id}})] {
            let input = json!({"activityId": festival.activity, "act": act, "registrationIds": [registration]});
            let mut done = done(app.organiser(), "change_registrations", input).await;
            let act = done["bulkAct"].take();
            assert_eq!((&act["done"], &act["refused"]), (&json!(0), &json!(1)), "{act}");
            assert_eq!(act["rows"]["nodes"][0]["code"], "ACTIVITY_NOT_OPEN");
        }
        let live = "SELECT count(*) FROM registration WHERE status = 'CONFIRMED'";
        assert_eq!((app.count(live).await, app.count("SELECT count(*) FROM registration").await), (1, 1));
    }

    async fn a_template_is_for_its_host_alone(app) {
        let festival = app.festival(None, &[]).await;
        let (id, _) = template(&app, &festival.programme).await;
        let input = json!({"parentId": app.root_id(), "kind": "CHAMBER", "name": "鞋业商会"});
        let chamber = done(app.organiser(), "create_organisation", input).await;
        let chamber = text(&chamber["organisation"]["id"]);
        let liaison = app.account(Role::Liaison, organisation(&chamber)).await;
        // Recommendations are taken by both, and only the one is an activity.
        for activity in [&festival.activity, &id] {
            let input = json!({"activityId": activity, "approval": ["CITY"]});
            done(app.organiser(), "set_registration_rules", input).await;
        }
        assert_eq!(titles(&liaison, json!({})).await, ["开幕式"]);
        assert_eq!(titles(&liaison, json!({"templates": true})).await, Vec::<String>::new());
        let one = "query($id: ID!) { activity(id: $id) { title } }";
        assert_eq!(liaison.ask(one, json!({"id": festival.activity})).await["activity"]["title"], "开幕式");
        assert_eq!(liaison.fail(one, json!({"id": id})).await, "NOT_FOUND");
        let copy = json!({"input": {"activityId": id, "firstDay": "2026-12-05", "hostId": chamber}});
        assert_eq!(liaison.fail(&crate::app::document("copy_activity"), copy).await, "NOT_FOUND");
        assert_eq!(app.count("SELECT count(*) FROM activity").await, 2);
    }
}
