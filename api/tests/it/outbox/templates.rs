//! What is said on which occasion: the nearest template speaks, and what nobody knows is refused.

use entity::message::Occasion;
use serde_json::{Value, json};

use super::{activity, guest, messages, set, tell};
use crate::app::{TestApp, on_both};

async fn templates(app: &TestApp, place: Value) -> Vec<Value> {
    let listed = app.organiser().run("message_templates", place).await;
    listed["messageTemplates"].as_array().unwrap().clone()
}

on_both! {
    async fn the_nearest_template_speaks(app) {
        let festival = app.festival(None, &[]).await;
        guest(&app, &festival, "张三丰", "13800000001").await;
        let root = json!({"organisationId": app.root_id()});
        let said = async || {
            let before = messages(&app).await.len();
            tell(&app, &festival, Occasion::Confirmed).await;
            messages(&app).await.split_off(before).into_iter().map(|it| it.text).collect::<Vec<_>>()
        };
        assert!(said().await.is_empty());
        set(&app, root.clone(), "CONFIRMED", "SMS", "{{主办}}：{{姓名}}您好").await;
        set(&app, root.clone(), "CANCELLED", "SMS", "已取消").await;
        assert_eq!(said().await, ["温州市工商业联合会：张三丰您好"]);
        let own = set(&app, activity(&festival), "CONFIRMED", "SMS", "{{姓名}}请于{{时间}}到{{地点}}{{类别}}{{原因}}").await;
        assert_eq!(said().await, ["张三丰请于2026年11月1日09:30到温州大剧院"]);
        let all = templates(&app, json!({"activityId": festival.activity})).await;
        assert_eq!(all.iter().map(|it| it["occasion"].clone()).collect::<Vec<_>>(), ["CANCELLED", "CONFIRMED"]);
        assert_eq!((&all[1]["id"], &all[0]["organisationId"]), (&own["id"], &json!(app.root_id())));
        assert_eq!(templates(&app, root).await.len(), 2);
        // Empty: nothing is said, whatever stands above.
        let same = set(&app, activity(&festival), "CONFIRMED", "SMS", " ").await;
        assert_eq!(same["id"], own["id"]);
        assert!(said().await.is_empty());
        let remove = json!({"input": {"messageTemplateId": own["id"]}});
        app.organiser().run("remove_message_template", remove.clone()).await;
        assert_eq!(said().await, ["温州市工商业联合会：张三丰您好"]);
        let document = crate::app::document("remove_message_template");
        assert_eq!(app.organiser().fail(&document, remove).await, "NOT_FOUND");
    }

    async fn an_organisation_between_speaks_for_those_below_it(app) {
        let input = json!({"parentId": app.root_id(), "kind": "FEDERATION", "name": "鹿城区工商联"});
        let made = app.organiser().run("create_organisation", json!({"input": input})).await;
        let district = made["createOrganisation"]["organisation"]["id"].clone();
        let input = json!({"kind": "RELAY", "title": "青蓝接力", "year": 2026, "ownerId": district});
        let made = app.organiser().run("create_programme", json!({"input": input})).await;
        let input = json!({"programmeId": made["createProgramme"]["programme"]["id"], "title": "走进企业"});
        let made = app.organiser().run("create_activity", json!({"input": input})).await;
        let id = made["createActivity"]["activity"]["id"].clone();
        set(&app, json!({"organisationId": app.root_id()}), "INVITED", "SMS", "市").await;
        set(&app, json!({"organisationId": district}), "INVITED", "SMS", "区").await;
        let all = templates(&app, json!({"activityId": id})).await;
        assert_eq!(all.iter().map(|it| it["text"].clone()).collect::<Vec<_>>(), ["区"]);
        // The festival is the root's own, and nothing of the district's.
        let festival = app.festival(None, &[]).await;
        let all = templates(&app, json!({"activityId": festival.activity})).await;
        assert_eq!(all.iter().map(|it| it["text"].clone()).collect::<Vec<_>>(), ["市"]);
    }

    async fn what_nobody_knows_is_refused(app) {
        let festival = app.festival(None, &[]).await;
        let try_out = async |input: Value| {
            let mut input = input;
            input["occasion"] = json!("CONFIRMED");
            let done = app.organiser().run("set_message_template", json!({"input": input})).await;
            let errors = done["setMessageTemplate"]["userErrors"].as_array().unwrap().clone();
            errors.into_iter().map(|it| (it["code"].clone(), it["path"].clone())).collect::<Vec<_>>()
        };
        let id = &festival.activity;
        let refused = |code: &str, path: &str| (json!(code), json!(["input", path]));
        let unknown = json!({"activityId": id, "channel": "SMS", "text": "{{名字}}您好{{时间"});
        let both = [refused("VARIABLE_UNKNOWN", "text"), refused("VARIABLE_UNKNOWN", "text")];
        assert_eq!(try_out(unknown).await, both);
        let bare = json!({"activityId": id, "channel": "MAIL", "text": "您好"});
        assert_eq!(try_out(bare).await, [refused("SUBJECT_MISSING", "subject")]);
        let unfit = json!({"activityId": id, "channel": "SMS", "subject": "通知", "text": "您好"});
        assert_eq!(try_out(unfit).await, [refused("SUBJECT_UNFIT", "subject")]);
        let long = json!({"activityId": id, "channel": "SMS", "text": "青".repeat(501)});
        assert_eq!(try_out(long).await, [refused("TOO_LONG", "text")]);
        let nobodys = json!({"channel": "SMS", "text": "您好"});
        assert_eq!(try_out(nobodys).await, [refused("PLACE_UNCLEAR", "activityId")]);
        let two = json!({"activityId": id, "organisationId": app.root_id(), "channel": "SMS", "text": "您好"});
        assert_eq!(try_out(two).await, [refused("PLACE_UNCLEAR", "activityId")]);
        assert_eq!(app.count("SELECT count(*) FROM message_template").await, 0);
    }

    async fn a_draft_is_tried_out_on_registrations(app) {
        let festival = app.festival(None, &[]).await;
        let mut ids = Vec::new();
        for (nth, name) in ["张三丰", "周芷若", "赵敏敏", "{{参会码}}"].iter().enumerate() {
            ids.push(guest(&app, &festival, name, &format!("1380000000{nth}")).await);
        }
        let preview = async |words: &str, of: &[&String]| {
            let input = json!({"activityId": festival.activity, "channel": "SMS", "text": words, "registrationIds": of});
            app.organiser().run("message_preview", json!({"input": input})).await["messagePreview"].take()
        };
        let three = preview("{{姓名}}您好", &[]).await;
        let texts: Vec<_> = three["samples"].as_array().unwrap().iter().map(|it| it["text"].clone()).collect();
        assert_eq!(texts, ["张三丰您好", "周芷若您好", "赵敏敏您好"]);
        assert_eq!((&three["samples"][0]["length"], &three["samples"][0]["parts"]), (&json!(5), &json!(1)));
        // A name is never taken for a variable.
        let odd = preview("{{姓名}}", &[&ids[3]]).await;
        assert_eq!(odd["samples"][0]["text"], "{ {参会码}}");
        let two = preview(&"{{姓名}}您好".repeat(15), &[&ids[1]]).await;
        assert_eq!((&two["samples"][0]["length"], &two["samples"][0]["parts"]), (&json!(75), &json!(2)));
        let unknown = preview("{{名字}}", &[]).await;
        assert_eq!(unknown["unknownVariables"], json!(["名字"]));
        assert_eq!(app.count("SELECT count(*) FROM message_template").await, 0);
        assert_eq!(app.count("SELECT count(*) FROM message").await, 0);
    }

    async fn a_mail_address_is_looked_at_and_kept(app) {
        let create = async |email: &str, phone: &str| {
            let input = json!({"organisationId": app.root_id(), "name": "张三丰", "phone": phone, "email": email});
            app.organiser().run("create_person", json!({"input": input})).await["createPerson"].take()
        };
        let refused = create("张三@", "13800000001").await;
        assert_eq!(refused["userErrors"][0]["code"], "EMAIL_INVALID");
        assert_eq!(app.count("SELECT count(*) FROM person").await, 0);
        let made = create(" zhang@example.org ", "13800000001").await;
        let id = &made["person"]["id"];
        let shown = async || {
            let document = "query($id: ID!) { person(id: $id) { maskedEmail } }";
            app.organiser().ask(document, json!({"id": id})).await["person"]["maskedEmail"].clone()
        };
        assert_eq!(shown().await, "z***@example.org");
        let change = async |email: &str| {
            let input = json!({"personId": id, "email": email});
            app.organiser().run("update_person", json!({"input": input})).await["updatePerson"]["userErrors"].clone()
        };
        assert_eq!(change("nobody").await[0]["code"], "EMAIL_INVALID");
        assert_eq!(shown().await, "z***@example.org");
        assert_eq!(change("zsf@example.com").await, json!([]));
        assert_eq!(shown().await, "z***@example.com");
        assert_eq!(change("").await, json!([]));
        assert_eq!(shown().await, json!(null));
        // Somebody on record without an address gets the one that comes with a registration.
        let festival = app.festival(None, &[]).await;
        guest(&app, &festival, "张三丰", "13800000001").await;
        assert_eq!(shown().await, "u***@example.org");
        let input = json!({"activityId": festival.activity, "person": {"name": "李四光", "phone": "13800000002", "email": "x"}});
        let refused = app.organiser().run("register_attendee", json!({"input": input})).await;
        assert_eq!(refused["registerAttendee"]["userErrors"][0]["code"], "EMAIL_INVALID");
    }
}
