//! Five hundred for a hundred seats by five ways at once; and thirty seats freed at once, offered in order.

use std::sync::Arc;

use entity::role_grant::Role;
use serde_json::{Value, json};
use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    app::{Client, Festival, TestApp, document, on_both},
    fixture::{organisation, text},
    lists,
};

const SEATS: i64 = 100;
const SET_ASIDE: i64 = 20;
/// How many come by each way.
const EACH: usize = 100;

/// One request, sent again for as long as the server is too busy.
async fn persist(client: &Client, operation: &str, input: Value) -> Value {
    let field = crate::contract::root_fields(operation).remove(0);
    loop {
        let mut answer = client.send(&document(operation), json!({"input": input})).await;
        let Some(error) = answer["errors"].get(0) else {
            return answer["data"][&field].take();
        };
        let is_busy = error["extensions"]["code"] == "CONFLICT"
            || error["message"].as_str().is_some_and(|it| it.contains("处理超时"));
        assert!(is_busy, "{answer}");
    }
}

fn person(nth: usize) -> Value {
    json!({"name": lists::name(nth), "phone": lists::phone(nth)})
}

/// What each of the five hundred sends: the operation, its input, and who sends it.
async fn requests(app: &TestApp, festival: &Festival) -> Vec<(Client, &'static str, Value)> {
    let organiser = app.organiser();
    let chamber = json!({"parentId": app.root_id(), "kind": "CHAMBER", "name": "鞋革行业协会"});
    let made = organiser.run("create_organisation", json!({"input": chamber})).await;
    let chamber = text(&made["createOrganisation"]["organisation"]["id"]);
    let seats =
        json!({"activityId": festival.activity, "organisationId": chamber, "seats": SET_ASIDE});
    organiser.run("set_allocation", json!({"input": seats})).await;
    let liaison = app.account(Role::Liaison, organisation(&chamber)).await;
    let door = app.account(Role::DoorStaff, crate::fixture::an_activity(&festival.activity)).await;

    let mut requests = Vec::new();
    for nth in 0..EACH {
        let key = |way: &str| json!(format!("{way} {nth}"));
        let input = json!({"activityId": festival.activity, "person": person(nth), "idempotencyKey": key("single")});
        requests.push((organiser.clone(), "register_attendee", input));
        let input = json!({"activityId": festival.activity, "organisationId": chamber,
            "person": person(EACH + nth), "idempotencyKey": key("liaison")});
        requests.push((liaison.clone(), "recommend_attendee", input));
        let input = json!({"sessionId": festival.session, "person": person(2 * EACH + nth),
            "scanId": app.uuid(), "confirm": true});
        requests.push((door.clone(), "register_walk_in", input));

        let input = json!({"activityId": festival.activity, "person": person(3 * EACH + nth)});
        let invited = organiser.run("invite_attendee", json!({"input": input})).await;
        let id = &invited["inviteAttendee"]["registration"]["id"];
        let input = json!({"registrationId": id, "attending": true});
        requests.push((organiser.clone(), "answer_registration", input));

        let input = json!({"activityId": festival.activity, "person": person(4 * EACH + nth)});
        let gone = organiser.run("invite_attendee", json!({"input": input})).await;
        let input = json!({"registrationId": gone["inviteAttendee"]["registration"]["id"]});
        organiser.run("cancel_registration", json!({"input": input.clone()})).await;
        requests.push((organiser.clone(), "revive_registration", input));
    }
    requests
}

async fn seated(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM registration WHERE status IN ('CONFIRMED', 'OFFERED')").await
}

async fn recount(app: &TestApp, festival: &Festival) -> Value {
    let asked = json!({"activityId": festival.activity});
    app.organiser().run("capacity_recount", asked).await["capacityRecount"].take()
}

/// The ids of those with a status, in the order of the waiting list.
async fn in_order(app: &TestApp, status: &str, and: &str) -> Vec<String> {
    use sea_orm::{ConnectionTrait, Statement};
    let sql = format!(
        "SELECT id FROM registration WHERE status = '{status}' {and} ORDER BY priority DESC, queued_at, id"
    );
    let db = app.app.db.read();
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    let id = |row: sea_orm::QueryResult| row.try_get_by_index::<uuid::Uuid>(0).unwrap();
    rows.unwrap().into_iter().map(|it| id(it).to_string()).collect()
}

on_both! {
    async fn five_hundred_by_five_ways_take_exactly_a_hundred_seats(app) {
        let festival = app.festival(Some(i32::try_from(SEATS).unwrap()), &[]).await;
        let requests = requests(&app, &festival).await;
        let gate = Arc::new(Barrier::new(requests.len()));
        let mut racing = JoinSet::new();
        for (client, operation, input) in requests {
            let gate = gate.clone();
            racing.spawn(async move {
                gate.wait().await;
                persist(&client, operation, input).await
            });
        }
        let answers = racing.join_all().await;
        assert_eq!(answers.len(), 5 * EACH);
        assert_eq!(seated(&app).await, SEATS);
        let by_liaison = "SELECT count(*) FROM registration WHERE status = 'CONFIRMED' AND way = 'LIAISON'";
        assert_eq!(app.count(by_liaison).await, SET_ASIDE);
        let told = |status: &str| {
            answers.iter().filter(|it| it["registration"]["status"] == status).count()
        };
        assert_eq!(told("CONFIRMED"), usize::try_from(SEATS).unwrap());
        let full = answers.iter().filter(|it| it["userErrors"][0]["code"] == "FULL").count();
        assert_eq!(told("CONFIRMED") + told("WAITLISTED") + full, 5 * EACH);
        assert_eq!(recount(&app, &festival).await, json!([]));

        // Thirty seats at once, none of them set aside: offered to the first thirty who wait for such.
        let is_general = "AND allocation_id IS NULL";
        let waiting = in_order(&app, "WAITLISTED", is_general).await;
        // Whoever came by the door is inside, and does not leave.
        let outside = "AND allocation_id IS NULL AND way <> 'WALK_IN'";
        let leaving: Vec<String> = in_order(&app, "CONFIRMED", outside).await.into_iter().take(30).collect();
        let mut racing = JoinSet::new();
        for id in leaving {
            let client = app.organiser().clone();
            let id = format!("registration_{}", id.replace('-', ""));
            racing.spawn(async move {
                persist(&client, "cancel_registration", json!({"registrationId": id})).await
            });
        }
        let answers = racing.join_all().await;
        assert!(answers.iter().all(|it| it["registration"]["status"] == "CANCELLED"), "{answers:?}");
        assert_eq!(in_order(&app, "OFFERED", "").await, waiting[..30]);
        assert_eq!(seated(&app).await, SEATS);
        assert_eq!(recount(&app, &festival).await, json!([]));
    }
}
