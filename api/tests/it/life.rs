//! The life of a registration, from the first way in to the last: what is to happen happens, and what is refused
//! changes nothing.

use chrono::TimeDelta;
use entity::role_grant::Role;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::{
    app::{Client, Festival, TestApp, document, on_both},
    contract::root_fields,
    fixture::{an_activity, organisation, text},
    lists,
};

/// Everything that an act of registration can change.
async fn state(app: &TestApp) -> String {
    let db = app.app.db.read();
    macro_rules! rows {
        ($($table:ident),*) => {
            [$(format!("{:?}", entity::$table::Entity::find().all(db).await.unwrap())),*].join("\n")
        };
    }
    rows!(
        registration,
        capacity_pool,
        decision,
        person,
        activity,
        audit_event,
        idempotency_key,
        job
    )
}

/// What an operation gives, without errors.
async fn run(client: &Client, operation: &str, input: Value) -> Value {
    let field = root_fields(operation).remove(0);
    client.run(operation, json!({"input": input})).await[&field].take()
}

/// The same, with nothing refused.
pub async fn done(client: &Client, operation: &str, input: Value) -> Value {
    let payload = run(client, operation, input).await;
    assert_eq!(payload["userErrors"], json!([]), "{operation}");
    payload
}

/// Refused for this reason, with nothing changed.
pub async fn refused(app: &TestApp, client: &Client, operation: &str, input: Value, code: &str) {
    let before = state(app).await;
    let payload = run(client, operation, input.clone()).await;
    let first = &payload["userErrors"][0];
    assert_eq!(first["code"], code, "{operation} {input}: {payload}");
    assert!(!first["message"].as_str().unwrap().contains("{}"), "{payload}");
    assert!(payload["registration"].is_null() && payload["allocation"].is_null());
    assert_eq!(state(app).await, before, "{operation} was refused and changed something");
}

fn person(nth: usize) -> Value {
    json!({"name": lists::name(nth), "phone": lists::phone(nth)})
}

async fn status(app: &TestApp, id: &str) -> String {
    let found = app.anew(app.organiser()).await.run("registration", json!({"id": id})).await;
    text(&found["registration"]["status"])
}

/// The root's district, its chamber, and an activity far ahead.
struct Tree {
    district: String,
    chamber: String,
    activity: String,
    session: String,
}

impl Tree {
    async fn make(app: &TestApp, capacity: Option<i32>) -> Self {
        Self::make_in(app, capacity, "鹿城区工商联").await
    }

    async fn make_in(app: &TestApp, capacity: Option<i32>, district: &str) -> Self {
        let admin = app.organiser();
        let below = async |parent: &str, kind: &str, name: &str| {
            let input = json!({"parentId": parent, "kind": kind, "name": name});
            text(&done(admin, "create_organisation", input).await["organisation"]["id"])
        };
        let district = below(&app.root_id(), "FEDERATION", district).await;
        let chamber = below(&district, "CHAMBER", "鞋革行业协会").await;
        let programme = app.festival(None, &[]).await.programme;
        let at = |days| (app.now() + TimeDelta::days(days)).to_rfc3339();
        let input = json!({"programmeId": programme, "title": "论坛", "capacity": capacity,
            "categories": [{"name": "企业家"}, {"name": "嘉宾", "capacity": 2}],
            "sessions": [{"title": "论坛", "startsAt": at(30), "endsAt": at(31)}]});
        let made = done(admin, "create_activity", input).await["activity"].take();
        let activity = text(&made["id"]);
        done(admin, "publish_activity", json!({"activityId": activity})).await;
        Self { district, chamber, activity, session: text(&made["sessions"][0]["id"]) }
    }

    async fn register(&self, app: &TestApp, nth: usize) -> String {
        let input = json!({"activityId": self.activity, "person": person(nth)});
        text(&done(app.organiser(), "register_attendee", input).await["registration"]["id"])
    }
}

on_both! {
    async fn an_offer_lapses_and_passes_on(app) {
        let tree = Tree::make(&app, Some(1)).await;
        let mut ids = Vec::new();
        for nth in 0..4 {
            ids.push(tree.register(&app, nth).await);
        }
        let input = json!({"activityId": tree.activity, "approval": [], "offerMinutes": 60});
        done(app.organiser(), "set_registration_rules", input).await;
        let input = json!({"registrationId": ids[3], "priority": 1, "reason": "老会员"});
        done(app.organiser(), "set_priority", input).await;
        done(app.organiser(), "cancel_registration", json!({"registrationId": ids[0]})).await;
        assert_eq!(status(&app, &ids[3]).await, "OFFERED", "the higher priority goes first");
        assert_eq!(status(&app, &ids[1]).await, "WAITLISTED");

        *app.clock() += TimeDelta::minutes(60);
        let organiser = &app.anew(app.organiser()).await;
        let late = json!({"registrationId": ids[3], "attending": true});
        refused(&app, organiser, "answer_registration", late, "REPLY_TOO_LATE").await;
        app.work().await;
        assert_eq!(status(&app, &ids[3]).await, "EXPIRED");
        assert_eq!(status(&app, &ids[1]).await, "OFFERED");
        // Declined, it passes on in the same transaction.
        let input = json!({"registrationId": ids[1], "attending": false, "reason": "出差"});
        done(organiser, "answer_registration", input).await;
        assert_eq!(status(&app, &ids[2]).await, "OFFERED");
        let input = json!({"registrationId": ids[2], "attending": true});
        assert_eq!(done(organiser, "answer_registration", input).await["registration"]["status"], "CONFIRMED");
        assert_eq!(app.count("SELECT sum(taken) FROM capacity_pool").await, 1);
    }

    async fn an_offer_out_of_order_takes_the_place_of_another(app) {
        let tree = Tree::make(&app, Some(1)).await;
        let (first, second, third) = (tree.register(&app, 0).await, tree.register(&app, 1).await, tree.register(&app, 2).await);
        let offer = json!({"registrationId": third, "reason": "领导指定"});
        refused(&app, app.organiser(), "offer_seat", offer.clone(), "FULL").await;
        done(app.organiser(), "cancel_registration", json!({"registrationId": first})).await;
        assert_eq!(status(&app, &second).await, "OFFERED");
        let mut instead = offer.clone();
        instead["insteadOf"] = json!(second);
        assert_eq!(done(app.organiser(), "offer_seat", instead.clone()).await["registration"]["status"], "OFFERED");
        assert_eq!(status(&app, &second).await, "WAITLISTED", "and waits at its old place");
        refused(&app, app.organiser(), "offer_seat", instead, "WRONG_STATUS").await;
        let input = json!({"registrationId": second, "reason": " "});
        refused(&app, app.organiser(), "offer_seat", input, "REASON_MISSING").await;
        let input = json!({"registrationId": second, "priority": 1001, "reason": "照顾"});
        refused(&app, app.organiser(), "set_priority", input, "PRIORITY_OUT_OF_RANGE").await;
        let input = json!({"registrationId": third, "priority": 1, "reason": "照顾"});
        refused(&app, app.organiser(), "set_priority", input, "WRONG_STATUS").await;
    }

    async fn going_over_needs_a_permission_and_a_reason_and_is_on_record(app) {
        let tree = Tree::make(&app, Some(1)).await;
        let first = tree.register(&app, 0).await;
        let mut input = json!({"activityId": tree.activity, "person": person(1), "overCapacity": true});
        refused(&app, app.organiser(), "register_attendee", input.clone(), "REASON_MISSING").await;
        input["reason"] = json!("省领导临时参加");
        let organiser = app.account(Role::Organiser, an_activity(&tree.activity)).await;
        assert_eq!(organiser.fail(&document("register_attendee"), json!({"input": input})).await, "FORBIDDEN");
        assert_eq!(done(app.organiser(), "register_attendee", input).await["registration"]["status"], "CONFIRMED");
        let on_record = "SELECT count(*) FROM audit_event WHERE reason = '省领导临时参加'";
        assert_eq!(app.count(on_record).await, 1);
        assert_eq!(app.count("SELECT CAST(overbooked AS bigint) FROM capacity_pool WHERE size = 1").await, 1);
        // What was exceeded is no licence for later.
        let third = tree.register(&app, 2).await;
        assert_eq!(status(&app, &third).await, "WAITLISTED");
        done(app.organiser(), "cancel_registration", json!({"registrationId": first})).await;
        assert_eq!(status(&app, &third).await, "WAITLISTED");
        assert_eq!(app.count("SELECT CAST(overbooked AS bigint) FROM capacity_pool WHERE size = 1").await, 0);
    }

    async fn an_allocation_keeps_seats_until_its_time(app) {
        let tree = Tree::make(&app, Some(3)).await;
        let liaison = app.account(Role::Liaison, organisation(&tree.chamber)).await;
        let recommend = |nth: usize| json!({"activityId": tree.activity, "organisationId": tree.chamber, "person": person(nth)});
        // Nothing is set aside yet, so the chamber does not even see the activity.
        let asked = json!({"input": recommend(0)});
        assert_eq!(liaison.fail(&document("recommend_attendee"), asked).await, "NOT_FOUND");
        refused(&app, app.organiser(), "recommend_attendee", recommend(0), "NO_ALLOCATION").await;

        let at = (app.now() + TimeDelta::days(2)).to_rfc3339();
        let set = |seats: i32| json!({"activityId": tree.activity, "organisationId": tree.district, "seats": seats, "replyBy": at});
        refused(&app, app.organiser(), "set_allocation", set(4), "NOT_ENOUGH_LEFT").await;
        refused(&app, app.organiser(), "set_allocation", set(-1), "SEATS_OUT_OF_RANGE").await;
        let mut past = set(2);
        past["replyBy"] = json!((app.now() - TimeDelta::minutes(1)).to_rfc3339());
        refused(&app, app.organiser(), "set_allocation", past, "REPLY_BY_PAST").await;
        let mut unknown = set(2);
        unknown["category"] = json!("没有的");
        refused(&app, app.organiser(), "set_allocation", unknown, "CATEGORY_UNKNOWN").await;
        let mut outside = set(2);
        outside["organisationId"] = json!(api::graphql::Gid(entity::id::OrganisationId::generate()).to_string());
        refused(&app, app.organiser(), "set_allocation", outside, "ORGANISATION_OUTSIDE").await;
        let allocation = text(&done(app.organiser(), "set_allocation", set(2)).await["allocation"]["id"]);

        // Two of three are set aside for the district and its chambers: one is left for all others.
        let (a, b) = (tree.register(&app, 10).await, tree.register(&app, 11).await);
        assert_eq!([status(&app, &a).await, status(&app, &b).await], ["CONFIRMED", "WAITLISTED"]);
        let mine = done(&liaison, "recommend_attendee", recommend(0)).await["registration"].take();
        assert_eq!((&mine["status"], &mine["allocation"]["id"]), (&json!("CONFIRMED"), &json!(allocation)));
        refused(&app, app.organiser(), "set_allocation", set(0), "BELOW_TAKEN").await;
        let resize = json!({"activityId": tree.activity, "capacity": 2});
        let field = app.organiser().run("set_capacity", json!({"input": resize})).await;
        assert_eq!(field["setCapacity"]["userErrors"][0]["code"], "BELOW_TAKEN", "a seat set aside is not there to be taken away");
        // The liaison officer sees the chamber's own people, and nobody else.
        let listed = liaison.run("registrations", json!({"activityId": tree.activity})).await;
        let edges = listed["activity"]["registrations"]["edges"].as_array().unwrap();
        assert_eq!(edges.len(), 1);
        assert_eq!(edges[0]["node"]["id"], mine["id"]);
        assert_eq!(liaison.fail(&document("registration"), json!({"id": a})).await, "NOT_FOUND");

        // After the time what nobody took belongs to all: the one who waits is offered it.
        *app.clock() += TimeDelta::days(2);
        app.work().await;
        let organiser = &app.anew(app.organiser()).await;
        assert_eq!(status(&app, &b).await, "OFFERED");
        let held = "SELECT CAST(held AS bigint) FROM capacity_pool WHERE size = 3";
        assert_eq!(app.count(held).await, 0);
        let by_allocation = json!({"activityId": tree.activity, "person": person(12), "allocationId": allocation});
        refused(&app, organiser, "register_attendee", by_allocation, "ALLOCATION_UNKNOWN").await;
        refused(&app, organiser, "recommend_attendee", recommend(1), "NO_ALLOCATION").await;
        let recount = organiser.run("capacity_recount", json!({"activityId": tree.activity})).await;
        assert_eq!(recount["capacityRecount"], json!([]));
    }

    async fn a_recount_tells_of_a_pool_that_lies(app) {
        let tree = Tree::make(&app, Some(5)).await;
        tree.register(&app, 0).await;
        app.by_hand(async |tx| {
            use sea_orm::ConnectionTrait;
            tx.execute_unprepared("UPDATE capacity_pool SET taken = 3 WHERE size = 5").await?;
            Ok(())
        }).await;
        let recount = app.organiser().run("capacity_recount", json!({"activityId": tree.activity})).await;
        let found = &recount["capacityRecount"];
        assert_eq!(found.as_array().unwrap().len(), 1);
        assert_eq!((&found[0]["seatsTaken"], &found[0]["seatsCounted"]), (&json!(3), &json!(1)));
    }

    async fn a_recommendation_is_approved_step_by_step(app) {
        let tree = Tree::make(&app, Some(1)).await;
        let admin = app.organiser();
        let rules = |approval: Value| json!({"activityId": tree.activity, "approval": approval});
        let twice = admin.run("set_registration_rules", json!({"input": rules(json!(["CITY", "CITY"]))})).await;
        assert_eq!(twice["setRegistrationRules"]["userErrors"][0]["code"], "STEP_TWICE");
        let mut short = rules(json!([]));
        short["offerMinutes"] = json!(9);
        let short = admin.run("set_registration_rules", json!({"input": short})).await;
        assert_eq!(short["setRegistrationRules"]["userErrors"][0]["code"], "OFFER_OUT_OF_RANGE");
        done(admin, "set_registration_rules", rules(json!(["CHAMBER", "DISTRICT", "CITY"]))).await;

        let liaison = app.account(Role::Liaison, organisation(&tree.chamber)).await;
        let district = app.account(Role::OrgAdmin, organisation(&tree.district)).await;
        let input = json!({"activityId": tree.activity, "organisationId": tree.chamber, "person": person(0)});
        let it = done(&liaison, "recommend_attendee", input).await["registration"].take();
        let id = text(&it["id"]);
        // The chamber has said yes by recommending; the district has the next say, and the chamber has none there.
        assert_eq!((&it["status"], &it["step"], &it["waitsFor"]["id"]), (&json!("PENDING"), &json!("DISTRICT"), &json!(tree.district)));
        let decide = |verdict: &str, reason: Value| json!({"registrationId": id, "verdict": verdict, "reason": reason});
        let approve = json!({"input": decide("APPROVE", Value::Null)});
        assert_eq!(liaison.fail(&document("decide_registration"), approve).await, "FORBIDDEN");
        let waiting = district.run("pending_approvals", json!({})).await;
        assert_eq!(waiting["pendingApprovals"]["edges"][0]["node"]["id"], id);
        refused(&app, &district, "decide_registration", decide("RETURN", Value::Null), "REASON_MISSING").await;
        refused(&app, &district, "decide_registration", decide("DECLINE", json!("长".repeat(501))), "TOO_LONG").await;
        let back = done(&district, "decide_registration", decide("RETURN", json!("缺职务"))).await;
        assert_eq!((&back["registration"]["step"], &back["registration"]["waitsFor"]), (&Value::Null, &Value::Null));
        refused(&app, admin, "decide_registration", decide("APPROVE", Value::Null), "WRONG_STATUS").await;
        // Mended and sent again by the chamber, it begins anew; the district passes it on to the city.
        done(&liaison, "update_registration", json!({"registrationId": id, "title": "副会长"})).await;
        done(&liaison, "resubmit_registration", json!({"registrationId": id})).await;
        refused(&app, &liaison, "resubmit_registration", json!({"registrationId": id}), "WRONG_STATUS").await;
        let on = done(&district, "decide_registration", decide("APPROVE", Value::Null)).await;
        assert_eq!(on["registration"]["step"], "CITY");
        let none = district.run("pending_approvals", json!({})).await;
        assert_eq!(none["pendingApprovals"]["edges"], json!([]));
        let yes = done(admin, "decide_registration", decide("APPROVE", Value::Null)).await["registration"].take();
        assert_eq!((&yes["status"], &yes["step"]), (&json!("CONFIRMED"), &Value::Null));
        let said: Vec<&Value> = yes["decisions"].as_array().unwrap().iter().map(|it| &it["verdict"]).collect();
        assert_eq!(said, ["RETURN", "APPROVE", "APPROVE"]);

        // The next one is approved as well, and waits since it is full; one more is declined.
        let input = json!({"activityId": tree.activity, "organisationId": tree.district, "person": person(1)});
        let next = done(&district, "recommend_attendee", input).await["registration"].take();
        assert_eq!(next["step"], "CITY", "no chamber stands above a district, and the district itself recommends");
        let approve = json!({"registrationId": next["id"], "verdict": "APPROVE"});
        assert_eq!(done(admin, "decide_registration", approve).await["registration"]["status"], "WAITLISTED");
        let input = json!({"activityId": tree.activity, "organisationId": tree.chamber, "person": person(2)});
        let last = done(&liaison, "recommend_attendee", input).await["registration"]["id"].take();
        let no = json!({"registrationId": last, "verdict": "DECLINE", "reason": "超出名额"});
        let no = done(admin, "decide_registration", no).await;
        assert_eq!((&no["registration"]["status"], &no["registration"]["decisions"][0]["reason"]), (&json!("DECLINED"), &json!("超出名额")));
    }

    async fn a_guest_answers_an_invitation(app) {
        let tree = Tree::make(&app, Some(1)).await;
        let admin = app.organiser();
        let by = app.now() + TimeDelta::days(3);
        let invite = |nth: usize| json!({"activityId": tree.activity, "person": person(nth), "replyBy": by.to_rfc3339()});
        let mut past = invite(0);
        past["replyBy"] = json!(app.now().to_rfc3339());
        refused(&app, admin, "invite_attendee", past, "REPLY_BY_PAST").await;
        let mut ids = Vec::new();
        for nth in 0..3 {
            let it = done(admin, "invite_attendee", invite(nth)).await["registration"].take();
            assert_eq!(it["status"], "INVITED");
            ids.push(text(&it["id"]));
        }
        refused(&app, admin, "invite_attendee", invite(0), "ALREADY_REGISTERED").await;
        assert_eq!(app.count("SELECT sum(taken) FROM capacity_pool").await, 0, "an invitation holds no seat");
        // A day before the time they are reminded, once.
        *app.clock() = by - TimeDelta::days(1);
        app.work().await;
        let reminded = "SELECT count(*) FROM registration WHERE reminded_at IS NOT NULL";
        assert_eq!(app.count(reminded).await, 3);
        let admin = &app.anew(admin).await;
        let answer = |id: &String, attending: bool| json!({"registrationId": id, "attending": attending});
        let yes = done(admin, "answer_registration", answer(&ids[0], true)).await;
        assert_eq!(yes["registration"]["status"], "CONFIRMED");
        let no = done(admin, "answer_registration", answer(&ids[1], false)).await;
        assert_eq!(no["registration"]["status"], "DECLINED");
        refused(&app, admin, "answer_registration", answer(&ids[1], true), "WRONG_STATUS").await;
        // An organiser may take an answer late; by then it is full.
        *app.clock() = by + TimeDelta::hours(1);
        let admin = &app.anew(admin).await;
        let late = done(admin, "answer_registration", answer(&ids[2], true)).await;
        assert_eq!(late["registration"]["status"], "WAITLISTED");
    }

    async fn an_invitation_that_is_over_keeps_no_server_busy(app) {
        let (tree, closed) = (Tree::make(&app, None).await, Tree::make_in(&app, None, "平阳县工商联").await);
        let by = app.now() + TimeDelta::days(3);
        for (nth, it) in [&tree, &closed].into_iter().enumerate() {
            let input = json!({"activityId": it.activity, "person": person(nth), "replyBy": by.to_rfc3339()});
            done(app.organiser(), "invite_attendee", input).await;
        }
        done(app.organiser(), "close_activity", json!({"activityId": closed.activity})).await;
        // Nobody looked while the time for a reminder came and went; and the other is closed when it comes.
        for at in [by - TimeDelta::hours(12), by + TimeDelta::days(1)] {
            *app.clock() = at;
            app.work().await;
            let waiting = "SELECT count(*) FROM job WHERE kind = 'LAPSE' AND state = 'WAITING'";
            assert_eq!(app.count(waiting).await, 0);
        }
        assert_eq!(app.count("SELECT count(*) FROM registration WHERE reminded_at IS NOT NULL").await, 1);
    }

    async fn moving_between_categories_fills_no_seat_that_is_over(app) {
        let tree = Tree::make(&app, Some(1)).await;
        let first = tree.register(&app, 0).await;
        let over = json!({"activityId": tree.activity, "person": person(1), "overCapacity": true, "reason": "省领导"});
        done(app.organiser(), "register_attendee", over).await;
        let input = json!({"registrationId": first, "category": "嘉宾"});
        done(app.organiser(), "move_registration", input).await;
        assert_eq!(status(&app, &first).await, "CONFIRMED");
    }

    async fn somebody_else_takes_the_very_seat(app) {
        let tree = Tree::make(&app, Some(1)).await;
        let admin = app.organiser();
        let (first, waiting) = (tree.register(&app, 0).await, tree.register(&app, 1).await);
        let replace = |id: &String, nth: usize| json!({"registrationId": id, "person": person(nth), "reason": "出差"});
        refused(&app, admin, "replace_attendee", replace(&first, 1), "ALREADY_REGISTERED").await;
        let it = done(admin, "replace_attendee", replace(&first, 2)).await["registration"].take();
        assert_eq!((&it["status"], &it["way"], &it["replaces"]["id"], &it["replaces"]["status"]),
            (&json!("CONFIRMED"), &json!("REPLACEMENT"), &json!(first), &json!("CANCELLED")));
        assert_eq!(status(&app, &waiting).await, "WAITLISTED", "the seat was never free");
        refused(&app, admin, "replace_attendee", replace(&first, 3), "NOT_LIVE").await;
        refused(&app, admin, "cancel_registration", json!({"registrationId": first}), "NOT_LIVE").await;
        // Who waits is replaced in the waiting list.
        let other = done(admin, "replace_attendee", replace(&waiting, 3)).await["registration"].take();
        assert_eq!(other["status"], "WAITLISTED");
        done(admin, "cancel_registration", json!({"registrationId": it["id"]})).await;
        assert_eq!(status(&app, &text(&other["id"])).await, "OFFERED");
        // Taken up again, the first one waits.
        let again = done(admin, "revive_registration", json!({"registrationId": first})).await;
        assert_eq!(again["registration"]["status"], "WAITLISTED");
        refused(&app, admin, "revive_registration", json!({"registrationId": first}), "WRONG_STATUS").await;
        let gone = json!({"registrationId": it["id"]});
        let anew = json!({"activityId": tree.activity, "person": person(2)});
        done(admin, "register_attendee", anew).await;
        refused(&app, admin, "revive_registration", gone, "ALREADY_REGISTERED").await;
    }

    async fn a_walk_in_finds_a_seat_or_is_told_so(app) {
        let festival: Festival = app.festival(Some(1), &[]).await;
        let door = app.account(Role::DoorStaff, an_activity(&festival.activity)).await;
        let walk_in = |nth: usize| json!({"sessionId": festival.session, "scanId": app.uuid(), "person": person(nth), "confirm": true});
        let it = done(&door, "register_walk_in", walk_in(0)).await["registration"].take();
        assert_eq!((&it["status"], &it["way"]), (&json!("CONFIRMED"), &json!("WALK_IN")));
        refused(&app, &door, "register_walk_in", walk_in(1), "FULL").await;
        let input = json!({"sessionId": festival.session, "registrationId": it["id"], "scanId": app.uuid()});
        assert_eq!(door.run("check_in", json!({"input": input})).await["checkIn"]["outcome"], "ALREADY_IN");
        let id = text(&it["id"]);
        for (operation, input) in [
            ("cancel_registration", json!({"registrationId": id})),
            ("replace_attendee", json!({"registrationId": id, "person": person(2)})),
        ] {
            refused(&app, app.organiser(), operation, input, "CHECKED_IN").await;
        }
    }

    async fn moving_goes_with_the_seat_or_not_at_all(app) {
        let (tree, other) = (Tree::make(&app, Some(10)).await, app.festival(Some(1), &[]).await);
        let admin = app.organiser();
        let mut ids = Vec::new();
        for nth in 0..4 {
            ids.push(tree.register(&app, nth).await);
        }
        let to_guests = |id: &String| json!({"registrationId": id, "category": "嘉宾"});
        for id in &ids[..2] {
            done(admin, "move_registration", to_guests(id)).await;
        }
        refused(&app, admin, "move_registration", to_guests(&ids[2]), "FULL").await;
        refused(&app, admin, "move_registration", json!({"registrationId": ids[2], "category": "没有的"}), "CATEGORY_UNKNOWN").await;
        refused(&app, admin, "move_registration", json!({"registrationId": ids[2]}), "TARGET_UNCLEAR").await;
        let away = |id: &String, to: &String| json!({"registrationId": id, "toActivityId": to});
        let it = done(admin, "move_registration", away(&ids[0], &other.activity)).await["registration"].take();
        assert_eq!((&it["status"], &it["replaces"]["id"]), (&json!("CONFIRMED"), &json!(ids[0])));
        assert_eq!(status(&app, &ids[0]).await, "CANCELLED");
        refused(&app, admin, "move_registration", away(&ids[1], &other.activity), "FULL").await;
        refused(&app, admin, "move_registration", away(&ids[1], &tree.activity), "WRONG_STATUS").await;
        other.register(&app, &lists::name(3), &lists::phone(3)).await;
        refused(&app, admin, "move_registration", away(&ids[3], &other.activity), "ALREADY_REGISTERED").await;
        done(admin, "close_activity", json!({"activityId": other.activity})).await;
        refused(&app, admin, "move_registration", away(&ids[1], &other.activity), "ACTIVITY_NOT_OPEN").await;
        let recount = app.organiser().run("capacity_recount", json!({"activityId": tree.activity})).await;
        assert_eq!(recount["capacityRecount"], json!([]));
    }

    async fn every_way_in_refuses_what_it_cannot_take(app) {
        let tree = Tree::make(&app, Some(10)).await;
        let admin = app.organiser();
        let seats = json!({"activityId": tree.activity, "organisationId": tree.chamber, "seats": 2});
        done(admin, "set_allocation", seats).await;
        let there = tree.register(&app, 0).await;
        let ways = |person: Value| [
            ("register_attendee", json!({"activityId": tree.activity, "person": person})),
            ("invite_attendee", json!({"activityId": tree.activity, "person": person})),
            ("recommend_attendee", json!({"activityId": tree.activity, "organisationId": tree.chamber, "person": person})),
            ("register_walk_in", json!({"sessionId": tree.session, "scanId": app.uuid(), "person": person, "confirm": true})),
            ("replace_attendee", json!({"registrationId": there, "person": person})),
        ];
        for (code, person) in [
            ("NAME_MISSING", json!({"name": " ", "phone": "13800000000"})),
            ("NAME_IS_TEST", json!({"name": "测试", "phone": "13800000000"})),
            ("PHONE_MISSING", json!({"name": "张三丰"})),
            ("PHONE_INVALID", json!({"name": "张三丰", "phone": "12345"})),
            ("TOO_LONG", json!({"name": "张三丰", "phone": "13800000000", "title": "长".repeat(101)})),
            ("PERSON_UNCLEAR", Value::Null),
        ] {
            for (operation, input) in ways(person.clone()) {
                refused(&app, admin, operation, input, code).await;
            }
        }
        for (operation, mut input) in ways(person(1)).into_iter().take(4) {
            input["category"] = json!("没有的");
            refused(&app, admin, operation, input, "CATEGORY_UNKNOWN").await;
        }
        done(admin, "close_activity", json!({"activityId": tree.activity})).await;
        for (operation, input) in ways(person(1)) {
            refused(&app, admin, operation, input, "ACTIVITY_NOT_OPEN").await;
        }
        let seats = json!({"activityId": tree.activity, "organisationId": tree.chamber, "seats": 3});
        refused(&app, admin, "set_allocation", seats, "ACTIVITY_NOT_OPEN").await;
        done(admin, "cancel_registration", json!({"registrationId": there})).await;
        refused(&app, admin, "revive_registration", json!({"registrationId": there}), "ACTIVITY_NOT_OPEN").await;
    }
}
