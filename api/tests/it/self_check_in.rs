//! Checking oneself in: a code that rotates, a claim that keeps the moment of scanning, and the door behind it.

mod claims;
mod code;
mod guesses;

use std::net::SocketAddr;

use api::http::{self, Peer};
use axum::http::Request;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{
    app::{Client, Festival, TestApp, document, on_both},
    fixture::{an_activity, text},
};

pub const PHONE: &str = "13800000001";
pub const OTHER: &str = "13800000002";
/// Where a whole hall comes from.
const HALL: &str = "192.0.2.1:1000";

/// An activity at whose session people check themselves in.
async fn offered(app: &TestApp) -> Festival {
    let festival = app.festival(None, &[]).await;
    offer(app, &festival.session).await;
    festival
}

async fn offer(app: &TestApp, session: &str) {
    let document = "query($id: ID!) { session(id: $id) { title startsAt endsAt } }";
    let mut it = app.organiser().ask(document, json!({"id": session})).await["session"].take();
    it["selfCheckIn"] = json!(true);
    let input = json!({"sessionId": session, "session": it});
    let done = app.organiser().run("update_session", json!({"input": input})).await;
    assert_eq!(done["updateSession"]["userErrors"], json!([]));
}

/// What a display shows.
async fn shown(client: &Client, session: &str) -> Value {
    client.run("self_check_in_code", json!({"sessionId": session})).await["selfCheckInCode"].take()
}

/// The code that is shown at this moment, to an organiser who has signed in for it.
pub async fn code(app: &TestApp, session: &str) -> String {
    let client = app.anew(app.organiser()).await;
    text(&shown(&client, session).await["code"])
}

/// Sends a mutation from an address; its payload.
async fn from(client: &Client, address: &str, operation: &str, input: Value) -> Value {
    let body = json!({"query": document(operation), "variables": {"input": input}}).to_string();
    let peer = Peer(address.parse::<SocketAddr>().unwrap());
    let request =
        Request::post("/graphql").header("content-type", "application/json").extension(peer);
    let answer = client.request(request, body.into()).await.json();
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"].as_object().unwrap().values().next().unwrap().clone()
}

/// Exchanges a code; the payload.
pub async fn exchange(client: &Client, session: &str, code: &str, device: &str) -> Value {
    let input = json!({"sessionId": session, "code": code, "deviceId": device});
    from(client, HALL, "claim_check_in", input).await
}

/// What is refused of a mutation, or `ok`.
fn outcome(payload: &Value) -> String {
    payload["userErrors"][0]["code"].as_str().unwrap_or("ok").to_owned()
}

/// Scans what is shown at this moment; the claim.
pub async fn claim(app: &TestApp, session: &str, device: &str) -> String {
    let payload = exchange(&app.anonymous(), session, &code(app, session).await, device).await;
    text(&payload["claim"]["token"])
}

/// Somebody who has proven to have a phone.
pub async fn attendee(app: &TestApp, phone: &str) -> Client {
    let input = json!({"phone": phone});
    let sent = app.anonymous().run("request_code", json!({"input": input})).await;
    assert_eq!(sent["requestCode"]["userErrors"], json!([]));
    let input = json!({"phone": phone, "code": app.codes().last().unwrap().1});
    let done = app.anonymous().run("redeem_code", json!({"input": input})).await;
    Client { token: Some(text(&done["redeemCode"]["token"]["token"])), ..app.anonymous() }
}

/// Uses a claim; the payload.
pub async fn come(app: &TestApp, client: &Client, claim: &str, more: Value) -> Value {
    let mut input = json!({"claim": claim, "scanId": app.uuid()});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    from(client, HALL, "check_myself_in", input).await
}

/// A code that is not this one.
fn wrong(code: &str) -> String {
    code.chars().map(|it| if it == '7' { '8' } else { '7' }).collect()
}

pub fn instant(it: &Value) -> DateTime<Utc> {
    it.as_str().unwrap_or_else(|| panic!("{it}")).parse().unwrap()
}

on_both! {
    async fn two_displays_agree_at_any_instant(app) {
        let festival = offered(&app).await;
        let staff = app.account(entity::role_grant::Role::DoorStaff, an_activity(&festival.activity)).await;
        let second = Client { router: http::router(app.second().await), ..staff.clone() };
        let mut codes = Vec::new();
        for _ in 0..60 {
            let (one, two) = (shown(&staff, &festival.session).await, shown(&second, &festival.session).await);
            assert_eq!(one, two);
            let until = instant(&one["shownUntil"]);
            assert_eq!(instant(&one["serverTime"]), app.now());
            assert_eq!(until.timestamp() % 20, 0);
            assert!(app.now() < until && until <= app.now() + TimeDelta::seconds(20), "{one}");
            codes.push((text(&one["code"]), until));
            *app.clock() += TimeDelta::milliseconds(3700);
        }
        // A code is shown to the end of its step, and not again.
        for (a, b) in codes.iter().zip(codes.iter().skip(1)) {
            assert_eq!(a.0 == b.0, a.1 == b.1);
        }
        codes.dedup();
        assert_eq!(codes.len(), 11, "{codes:?}");
        for (code, _) in &codes {
            assert_eq!(code.len(), 8);
            assert!(code.bytes().all(|it| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&it)), "{code}");
        }
    }

    async fn a_display_shows_the_page_that_opens_by_the_code(app) {
        let festival = offered(&app).await;
        let it = shown(app.organiser(), &festival.session).await;
        let (code, url) = (text(&it["code"]), text(&it["url"]));
        assert_eq!(url, format!("http://127.0.0.1:8000/s/{}?c={code}", festival.session));
        assert!(text(&it["svg"]).starts_with("<svg "), "{it}");
        let moved = app.with(&["--self-check-in-link", "https://h5.example.org/#/in/{session}/{code}"]).await;
        let it = shown(moved.organiser(), &festival.session).await;
        assert_eq!(text(&it["url"]), format!("https://h5.example.org/#/in/{}/{code}", festival.session));
    }

    async fn a_device_at_the_door_shows_the_code_and_sees_nobody(app) {
        let (festival, other) = (offered(&app).await, offered(&app).await);
        let (display, _) = crate::device::device(&app, &[&festival.activity]).await;
        assert_eq!(shown(&display, &festival.session).await, shown(app.organiser(), &festival.session).await);
        let elsewhere = json!({"sessionId": other.session});
        assert_eq!(display.fail(&document("self_check_in_code"), elsewhere).await, "NOT_FOUND");
        let here = json!({"sessionId": festival.session});
        assert_eq!(display.fail(&document("self_check_ins"), here).await, "FORBIDDEN");
    }

    async fn there_is_no_code_where_people_do_not_check_themselves_in(app) {
        let festival = app.festival(None, &[]).await;
        let organiser = app.organiser();
        assert_eq!(shown(organiser, &festival.session).await, Value::Null);
        let refused = exchange(&app.anonymous(), &festival.session, "00000000", "甲").await;
        assert_eq!(outcome(&refused), "NOT_OFFERED");
        offer(&app, &festival.session).await;
        assert_ne!(shown(organiser, &festival.session).await, Value::Null);
        let unknown = "session_00000000000000000000000000000000";
        assert_eq!(outcome(&exchange(&app.anonymous(), unknown, "00000000", "甲").await), "NOT_OFFERED");

        // Every session has codes of its own.
        let other = offered(&app).await;
        let codes = (code(&app, &festival.session).await, code(&app, &other.session).await);
        assert_ne!(codes.0, codes.1);
        assert_eq!(outcome(&exchange(&app.anonymous(), &other.session, &codes.0, "甲").await), "CODE_WRONG");
        assert_eq!(outcome(&exchange(&app.anonymous(), &other.session, &codes.1, "甲").await), "ok");
        organiser.run("cancel_activity", json!({"input": {"activityId": other.activity, "reason": "台风"}})).await;
        assert_eq!(shown(organiser, &other.session).await, Value::Null);
        assert_eq!(outcome(&exchange(&app.anonymous(), &other.session, &codes.1, "甲").await), "NOT_OFFERED");
    }

    async fn the_code_of_the_step_before_is_taken_and_of_three_before_is_not(app) {
        let festival = offered(&app).await;
        let start = DateTime::from_timestamp(app.now().timestamp() / 20 * 20 + 200, 0).unwrap();
        let mut codes = Vec::new();
        for nth in -25..3 {
            *app.clock() = start + TimeDelta::seconds(20 * nth);
            codes.push((nth, code(&app, &festival.session).await));
        }
        *app.clock() = start + TimeDelta::seconds(7);
        for (nth, code) in codes {
            let device = format!("手机{nth}");
            let expected = match nth {
                -1..=1 => "ok",
                -20..=-2 => "CODE_OLD",
                _ => "CODE_WRONG",
            };
            let payload = exchange(&app.anonymous(), &festival.session, &code, &device).await;
            assert_eq!(outcome(&payload), expected, "{nth} steps on: {payload}");
            assert_eq!(payload["claim"].is_null(), expected != "ok");
            if expected == "ok" {
                assert_eq!(instant(&payload["claim"]["scannedAt"]), app.now());
                assert_eq!(instant(&payload["claim"]["goodUntil"]), app.now() + TimeDelta::minutes(10));
                assert_eq!(payload["claim"]["session"]["title"], "开幕式");
            }
        }
        // However it was typed.
        let code = code(&app, &festival.session).await.to_lowercase();
        let typed = format!(" {}-{} ", &code[..4], &code[4..]);
        assert_eq!(outcome(&exchange(&app.anonymous(), &festival.session, &typed, "甲").await), "ok");
        for (device, refused) in [("", "DEVICE_MISSING"), ("  ", "DEVICE_MISSING"), (&"甲".repeat(101), "TOO_LONG")] {
            assert_eq!(outcome(&exchange(&app.anonymous(), &festival.session, &typed, device).await), refused);
        }
    }

    async fn a_code_is_exchanged_while_the_door_is_open(app) {
        let festival = offered(&app).await;
        let opens = app.now() + TimeDelta::minutes(30) - TimeDelta::hours(2);
        let closes = app.now() + TimeDelta::minutes(180);
        for (at, expected) in [
            (opens - TimeDelta::seconds(1), "NOT_OPEN"),
            (opens, "ok"),
            (closes - TimeDelta::seconds(1), "ok"),
        ] {
            *app.clock() = at;
            let code = code(&app, &festival.session).await;
            let payload = exchange(&app.anonymous(), &festival.session, &code, "甲").await;
            assert_eq!(outcome(&payload), expected, "{at}");
        }
        let last = code(&app, &festival.session).await;
        *app.clock() = closes;
        let payload = exchange(&app.anonymous(), &festival.session, &last, "甲").await;
        assert_eq!(outcome(&payload), "NOT_OPEN");
        assert_eq!(shown(&app.anew(app.organiser()).await, &festival.session).await, Value::Null);
    }
}
