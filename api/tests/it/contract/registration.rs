//! The documents of registration: every way in, and what becomes of one.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::Script;

/// A forum of one seat that takes recommendations, and a salon with seats set aside.
pub async fn lives(it: &Script<'_>, programme: &Value, chamber: &Value) {
    let at = |minutes| (it.app.now() + TimeDelta::minutes(minutes)).to_rfc3339();
    let session =
        json!({"title": "论坛", "startsAt": at(1500), "endsAt": at(1600), "opensAt": at(0)});
    let activity = async |title: &str, capacity: i32| {
        let input = json!({"programmeId": programme, "title": title, "capacity": capacity,
            "categories": [{"name": "嘉宾"}], "sessions": [session]});
        let made = it.make("create_activity", input).await["activity"].take();
        it.make("publish_activity", json!({"activityId": made["id"]})).await;
        (made["id"].clone(), made["sessions"][0]["id"].clone())
    };
    let nth = std::cell::Cell::new(0);
    let person = || {
        nth.set(nth.get() + 1);
        json!({"name": crate::lists::name(700 + nth.get()), "phone": crate::lists::phone(700 + nth.get())})
    };
    let id = |made: &Value| made["registration"]["id"].clone();

    let (salon, door) = activity("沙龙", 6).await;
    let input =
        json!({"activityId": salon, "organisationId": chamber, "seats": 2, "replyBy": at(900)});
    let seats = it.make("set_allocation", input).await["allocation"]["id"].take();
    it.ask("allocation", json!({"id": seats})).await;
    it.ask("allocations", json!({"activityId": salon})).await;
    let input = json!({"activityId": salon, "organisationId": chamber, "person": person()});
    let recommended = it.make("recommend_attendee", input).await;
    assert_eq!(recommended["registration"]["allocation"]["id"], seats);
    it.make("release_allocation", json!({"allocationId": seats, "reason": "人数已定"})).await;
    let input =
        json!({"sessionId": door, "scanId": it.app.uuid(), "person": person(), "confirm": true});
    it.make("register_walk_in", input).await;
    let input = json!({"activityId": salon, "person": person(), "replyBy": at(800)});
    let invited = id(&it.make("invite_attendee", input).await);
    let input = json!({"registrationId": invited, "attending": true});
    let answered = it.make("answer_registration", input).await;
    assert_eq!(answered["registration"]["status"], "CONFIRMED");
    let input = json!({"registrationId": invited, "title": "秘书长"});
    it.make("update_registration", input).await;
    let input = json!({"registrationId": invited, "category": "嘉宾"});
    it.make("move_registration", input).await;
    let input = json!({"registrationId": invited, "person": person(), "reason": "出差"});
    it.make("replace_attendee", input).await;
    it.make("revive_registration", json!({"registrationId": invited})).await;

    let (forum, _) = activity("论坛", 1).await;
    let input = json!({"activityId": forum, "approval": ["CHAMBER", "CITY"], "offerMinutes": 60});
    it.make("set_registration_rules", input).await;
    let mut pending = Vec::new();
    for _ in 0..3 {
        let input = json!({"activityId": forum, "organisationId": chamber, "person": person()});
        pending.push(id(&it.make("recommend_attendee", input).await));
    }
    it.ask("pending_approvals", json!({"activityId": forum})).await;
    let input = json!({"registrationId": pending[2], "verdict": "RETURN", "reason": "缺单位"});
    it.make("decide_registration", input).await;
    it.make("resubmit_registration", json!({"registrationId": pending[2]})).await;
    for it_is in &pending {
        let input = json!({"registrationId": it_is, "verdict": "APPROVE"});
        it.make("decide_registration", input).await;
    }
    let input = json!({"registrationId": pending[2], "priority": 1, "reason": "特邀"});
    it.make("set_priority", input).await;
    it.make("cancel_registration", json!({"registrationId": pending[0]})).await;
    let input =
        json!({"registrationId": pending[1], "insteadOf": pending[2], "reason": "按原顺序"});
    let offered = it.make("offer_seat", input).await;
    assert_eq!(offered["registration"]["status"], "OFFERED");
    let input = json!({"activityId": forum, "act": {"cancel": {"reason": "改期"}}, "registrationIds": pending});
    let bulk = it.make("change_registrations", input).await["bulkAct"].take();
    assert_eq!(
        (&bulk["state"], &bulk["done"], &bulk["refused"]),
        (&json!("DONE"), &json!(2), &json!(1))
    );
    it.ask("bulk_act", json!({"id": bulk["id"]})).await;
    let differences = it.ask("capacity_recount", json!({"activityId": forum})).await;
    assert_eq!(differences, json!([]));
}
