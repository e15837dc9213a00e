//! Registering without an account: a phone is proven by a code, and whoever has it reaches their own registrations and
//! nothing else.

mod answers;

use std::sync::{Arc, Mutex};

use api::{attendee::sender::CodeSender, channel::sms::Gateway};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::app::{Client, Festival, TestApp, on_both};

const PHONE: &str = "13800000001";
const OTHER: &str = "13800000002";

fn text(it: &Value) -> &str {
    it.as_str().unwrap_or_else(|| panic!("no text: {it}"))
}

/// What is refused of a mutation, or `ok`.
async fn outcome(client: &Client, operation: &str, input: Value) -> String {
    let done = client.run(operation, json!({"input": input})).await;
    let payload = done.as_object().unwrap().values().next().unwrap();
    payload["userErrors"][0]["code"].as_str().unwrap_or("ok").to_owned()
}

async fn request(app: &TestApp, phone: &str) -> String {
    outcome(&app.anonymous(), "request_code", json!({"phone": phone})).await
}

async fn redeem(app: &TestApp, phone: &str, code: &str) -> String {
    outcome(&app.anonymous(), "redeem_code", json!({"phone": phone, "code": code})).await
}

/// The code that was sent last.
fn last_code(app: &TestApp) -> String {
    app.codes().last().unwrap().1.clone()
}

/// A code that is not this one.
fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

/// Somebody who has proven to have a phone.
pub async fn attendee(app: &TestApp, phone: &str) -> Client {
    assert_eq!(request(app, phone).await, "ok");
    let input = json!({"phone": phone, "code": last_code(app)});
    let done = app.anonymous().run("redeem_code", json!({"input": input})).await;
    let token = text(&done["redeemCode"]["token"]["token"]).to_owned();
    Client { token: Some(token), ..app.anonymous() }
}

/// Publishes a notice for an activity; its version.
async fn notice(app: &TestApp, activity: &str) -> String {
    let input = json!({"activityId": activity, "text": "一、收集目的\n\n二、保存期限"});
    let done = app.organiser().run("publish_notice", json!({"input": input})).await;
    text(&done["publishNotice"]["notice"]["version"]).to_owned()
}

/// Lets people register themselves; the version of the notice.
async fn open(app: &TestApp, festival: &Festival, categories: &[&str]) -> String {
    let version = notice(app, &festival.activity).await;
    let input = json!({"activityId": festival.activity, "allowed": true, "categories": categories});
    assert_eq!(outcome(app.organiser(), "set_self_registration", input).await, "ok");
    version
}

fn form(festival: &Festival, name: &str, version: &str) -> Value {
    json!({"activityId": festival.activity, "name": name, "noticeVersion": version})
}

async fn register(client: &Client, festival: &Festival, name: &str, version: &str) -> Value {
    let input = form(festival, name, version);
    let mut done = client.run("register_myself", json!({"input": input})).await;
    assert_eq!(done["registerMyself"]["userErrors"], json!([]), "{done}");
    done["registerMyself"]["registration"].take()
}

async fn mine(client: &Client) -> Vec<Value> {
    let mut me = client.run("me", json!({})).await;
    serde_json::from_value(me["me"]["registrations"].take()).unwrap()
}

async fn public(app: &TestApp, id: &str) -> Value {
    app.anonymous().run("public_activity", json!({"id": id})).await["publicActivity"].take()
}

on_both! {
    async fn a_code_is_good_once_for_five_minutes_and_for_its_own_phone(app) {
        assert_eq!(request(&app, PHONE).await, "ok");
        let code = last_code(&app);
        assert_eq!(app.codes(), [(PHONE.to_owned(), code.clone())]);
        assert!(code.len() == 6 && code.bytes().all(|it| it.is_ascii_digit()), "{code}");
        assert_eq!(redeem(&app, OTHER, &code).await, "CODE_WRONG");
        assert_eq!(redeem(&app, PHONE, &wrong(&code)).await, "CODE_WRONG");
        assert_eq!(redeem(&app, PHONE, "").await, "CODE_WRONG");
        assert_eq!(redeem(&app, PHONE, &code).await, "ok");
        assert_eq!(redeem(&app, PHONE, &code).await, "CODE_WRONG");

        *app.clock() += TimeDelta::minutes(1);
        assert_eq!(request(&app, PHONE).await, "ok");
        let code = last_code(&app);
        *app.clock() += TimeDelta::minutes(5);
        assert_eq!(redeem(&app, PHONE, &code).await, "CODE_WRONG");
        assert_eq!(request(&app, PHONE).await, "ok");
        let earlier = last_code(&app);
        *app.clock() += TimeDelta::minutes(1);
        assert_eq!(request(&app, PHONE).await, "ok");
        let later = last_code(&app);
        if earlier != later {
            assert_eq!(redeem(&app, PHONE, &earlier).await, "CODE_WRONG");
        }
        *app.clock() += TimeDelta::seconds(299);
        assert_eq!(redeem(&app, PHONE, &later).await, "ok");
        assert_eq!(app.count("SELECT count(*) FROM attendee_code WHERE used_at IS NOT NULL").await, 2);
    }

    async fn a_code_has_five_guesses(app) {
        assert_eq!(request(&app, PHONE).await, "ok");
        let code = last_code(&app);
        let mut all = JoinSet::new();
        for _ in 0..8 {
            let (client, guess) = (app.anonymous(), wrong(&code));
            all.spawn(async move {
                outcome(&client, "redeem_code", json!({"phone": PHONE, "code": guess})).await
            });
        }
        assert!(all.join_all().await.iter().all(|it| it == "CODE_WRONG"));
        assert_eq!(app.count("SELECT count(*) FROM attendee_code WHERE guesses = 5").await, 1);
        assert_eq!(redeem(&app, PHONE, &code).await, "CODE_WRONG");
        assert_eq!(app.count("SELECT count(*) FROM attendee_code WHERE used_at IS NOT NULL").await, 0);
    }

    async fn codes_are_limited_for_a_phone(app) {
        let mut all = JoinSet::new();
        for _ in 0..8 {
            let client = app.anonymous();
            all.spawn(async move { outcome(&client, "request_code", json!({"phone": PHONE})).await });
        }
        // However many ask at once, one is sent.
        let sent = all.join_all().await;
        assert_eq!(sent.iter().filter(|it| *it == "ok").count(), 1, "{sent:?}");
        assert!(sent.iter().all(|it| it == "ok" || it == "TOO_OFTEN"));
        assert_eq!(app.codes().len(), 1);
        // Somebody else's phone is another matter.
        assert_eq!(request(&app, OTHER).await, "ok");
        *app.clock() += TimeDelta::seconds(59);
        assert_eq!(request(&app, PHONE).await, "TOO_OFTEN");
        for _ in 0..4 {
            *app.clock() += TimeDelta::seconds(60);
            assert_eq!(request(&app, PHONE).await, "ok");
        }
        *app.clock() += TimeDelta::minutes(10);
        assert_eq!(request(&app, PHONE).await, "TOO_OFTEN");
        *app.clock() += TimeDelta::hours(1);
        for _ in 0..5 {
            assert_eq!(request(&app, PHONE).await, "ok");
            *app.clock() += TimeDelta::minutes(2);
        }
        *app.clock() += TimeDelta::hours(2);
        assert_eq!(request(&app, PHONE).await, "TOO_OFTEN");
        *app.clock() += TimeDelta::days(1);
        assert_eq!(request(&app, PHONE).await, "ok");
        assert_eq!(app.codes().iter().filter(|it| it.0 == PHONE).count(), 11);
    }

    async fn a_code_is_only_sent_where_messages_go(app) {
        for phone in ["", "张三", "0577-88001234", "12345", "1380000000"] {
            assert_eq!(request(&app, phone).await, "PHONE_INVALID", "{phone}");
        }
        assert_eq!(request(&app, "+86 138-0000-0001").await, "ok");
        assert_eq!(app.codes()[0].0, PHONE);
        assert_eq!(app.count("SELECT count(*) FROM attendee_code").await, 1);
        let code = last_code(&app);
        assert_eq!(app.count(&format!("SELECT count(*) FROM attendee_code WHERE CAST(hash AS text) LIKE '%{code}%'")).await, 0);
    }

    async fn the_public_sees_what_is_published_and_open_to_it(app) {
        let festival = app.festival(Some(2), &[("企业家", Some(1)), ("领导", None)]).await;
        let nothing = public(&app, "activity_00000000000000000000000000000000").await;
        assert_eq!(nothing, Value::Null);
        // Published, and people do not register themselves.
        assert_eq!(public(&app, &festival.activity).await, nothing);
        let input = json!({"activityId": festival.activity, "allowed": true});
        assert_eq!(outcome(app.organiser(), "set_self_registration", input).await, "NOTICE_MISSING");
        assert_eq!(app.count("SELECT count(*) FROM self_registration").await, 0);

        let version = open(&app, &festival, &["企业家"]).await;
        let it = public(&app, &festival.activity).await;
        assert_eq!(it["title"], "开幕式");
        assert_eq!(it["hostName"], "温州市工商业联合会");
        assert_eq!((&it["seatsLeft"], &it["isRegistrationOpen"]), (&json!(2), &json!(true)));
        assert_eq!(it["categories"], json!([{"name": "企业家", "isFull": false}]));
        assert_eq!(it["notice"]["version"], version.as_str());
        assert_eq!(it["notice"]["text"], "一、收集目的\n\n二、保存期限");
        festival.register(&app, "张三丰", PHONE).await;
        let it = public(&app, &festival.activity).await;
        assert_eq!(it["seatsLeft"], 1);
        assert!(!it.to_string().contains("张三丰"));

        let draft = json!({"programmeId": festival.programme, "title": "论坛", "sessions": [
            {"title": "论坛", "startsAt": app.now().to_rfc3339(), "endsAt": (app.now() + TimeDelta::hours(1)).to_rfc3339()}]});
        let draft = app.organiser().run("create_activity", json!({"input": draft})).await;
        let draft = text(&draft["createActivity"]["activity"]["id"]).to_owned();
        notice(&app, &draft).await;
        let input = json!({"activityId": draft, "allowed": true});
        assert_eq!(outcome(app.organiser(), "set_self_registration", input).await, "ok");
        assert_eq!(public(&app, &draft).await, nothing);

        let who = attendee(&app, OTHER).await;
        for id in [&draft, "activity_00000000000000000000000000000000"] {
            let mut input = form(&festival, "周芷若", &version);
            input["activityId"] = json!(id);
            let answer = who.send(&crate::app::document("register_myself"), json!({"input": input})).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
        }
        app.organiser().run("close_activity", json!({"input": {"activityId": festival.activity}})).await;
        assert_eq!(public(&app, &festival.activity).await, nothing);
        let input = form(&festival, "周芷若", &version);
        let answer = who.send(&crate::app::document("register_myself"), json!({"input": input})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
        assert_eq!(app.count("SELECT count(*) FROM registration").await, 1);
    }

    async fn whoever_registers_has_a_seat_or_waits(app) {
        let festival = app.festival(Some(1), &[("企业家", None), ("领导", None)]).await;
        let version = open(&app, &festival, &["企业家"]).await;
        let who = attendee(&app, PHONE).await;
        let mut input = form(&festival, "张三丰", &version);
        input["category"] = json!("企业家");
        input["organisation"] = json!("温州某某有限公司");
        input["idempotencyKey"] = json!("1");
        let first = who.run("register_myself", json!({"input": input})).await;
        assert_eq!(first["registerMyself"]["registration"]["status"], "CONFIRMED", "{first}");
        // Sent twice, it is one.
        assert_eq!(who.run("register_myself", json!({"input": input})).await, first);
        input["idempotencyKey"] = json!("2");
        assert_eq!(outcome(&who, "register_myself", input.clone()).await, "ALREADY_REGISTERED");
        assert_eq!(app.count("SELECT count(*) FROM registration").await, 1);
        assert_eq!(app.count("SELECT count(*) FROM consent WHERE phone = '13800000001'").await, 1);
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action = 'RegisterMyself' AND account_id IS NULL
            AND subject_kind = 'activity' AND result_kind = 'registration'").await, 1);

        // A phone may be two people's: both are shown, and nobody else's.
        assert_eq!(register(&who, &festival, "赵敏敏", &version).await["status"], "WAITLISTED");
        let stranger = attendee(&app, OTHER).await;
        assert_eq!(register(&stranger, &festival, "张三丰", &version).await["status"], "WAITLISTED");
        let all = mine(&who).await;
        let names: Vec<&str> = all.iter().map(|it| text(&it["name"])).collect();
        assert_eq!(names, ["赵敏敏", "张三丰"]);
        assert_eq!(mine(&stranger).await.len(), 1);
        assert_eq!(all[0]["ticketCode"], Value::Null);
        assert_eq!(all[1]["way"], "PUBLIC");

        // Their own code gets them in, and their picture and calendar open.
        let ticket = &all[1]["ticket"];
        for url in ["svgUrl", "pngUrl", "icsUrl"] {
            let answer = app.anonymous().request(Request::get(text(&ticket[url])), Body::empty()).await;
            assert_eq!(answer.status, StatusCode::OK);
        }
        let input = json!({"sessionId": festival.session, "ticketCode": ticket["token"], "scanId": app.uuid()});
        let done = app.organiser().run("check_in", json!({"input": input})).await;
        assert_eq!(done["checkIn"]["outcome"], "ADMITTED");
    }

    async fn consent_is_to_the_notice_that_holds(app) {
        let festival = app.festival(None, &[]).await;
        let old = open(&app, &festival, &[]).await;
        let who = attendee(&app, PHONE).await;
        let new = notice(&app, &festival.activity).await;
        let mut input = form(&festival, "张三丰", &old);
        assert_eq!(outcome(&who, "register_myself", input.clone()).await, "CONSENT_MISSING");
        input.as_object_mut().unwrap().remove("noticeVersion");
        assert_eq!(outcome(&who, "register_myself", input).await, "CONSENT_MISSING");
        assert_eq!(app.count("SELECT count(*) FROM registration").await, 0);
        assert_eq!(app.count("SELECT count(*) FROM person WHERE phone = '13800000001'").await, 0);
        register(&who, &festival, "张三丰", &new).await;
        assert_eq!(app.count("SELECT count(*) FROM consent c JOIN notice n ON n.id = c.notice_id WHERE n.number = 2").await, 1);

        // An organisation's holds for what is below it and has none of its own.
        let other = app.festival(None, &[]).await;
        let input = json!({"organisationId": app.root_id(), "text": "总则"});
        let done = app.organiser().run("publish_notice", json!({"input": input})).await;
        let general = text(&done["publishNotice"]["notice"]["version"]).to_owned();
        let input = json!({"activityId": other.activity, "allowed": true});
        assert_eq!(outcome(app.organiser(), "set_self_registration", input).await, "ok");
        let input = form(&other, "张三丰", &new);
        assert_eq!(outcome(&who, "register_myself", input).await, "CONSENT_MISSING");
        register(&who, &other, "张三丰", &general).await;
        for (input, code) in [
            (json!({"text": "总则"}), "WHOSE_UNCLEAR"),
            (json!({"organisationId": app.root_id(), "text": " \n "}), "REQUIRED"),
            (json!({"organisationId": app.root_id(), "text": "长".repeat(20_001)}), "TOO_LONG"),
        ] {
            assert_eq!(outcome(app.organiser(), "publish_notice", input).await, code);
        }
        assert_eq!(app.count("SELECT count(*) FROM notice").await, 3);
    }

    async fn what_is_not_right_registers_nobody(app) {
        let festival = app.festival(None, &[("企业家", None), ("领导", None)]).await;
        let version = open(&app, &festival, &["企业家"]).await;
        let who = attendee(&app, PHONE).await;
        for (field, value, code) in [
            ("name", json!(" "), "NAME_MISSING"),
            ("name", json!("测试"), "NAME_IS_TEST"),
            ("organisation", json!("长".repeat(201)), "TOO_LONG"),
            ("category", json!("领导"), "CATEGORY_UNKNOWN"),
            ("category", json!("记者"), "CATEGORY_UNKNOWN"),
        ] {
            let mut input = form(&festival, "张三丰", &version);
            input[field] = value;
            assert_eq!(outcome(&who, "register_myself", input).await, code);
        }
        let at = |minutes| (app.now() + TimeDelta::minutes(minutes)).to_rfc3339();
        let window = json!({"activityId": festival.activity, "allowed": true, "opensAt": at(5), "closesAt": at(10)});
        assert_eq!(outcome(app.organiser(), "set_self_registration", window).await, "ok");
        let input = form(&festival, "张三丰", &version);
        assert_eq!(outcome(&who, "register_myself", input.clone()).await, "NOT_OPEN");
        *app.clock() += TimeDelta::minutes(10);
        assert_eq!(outcome(&who, "register_myself", input.clone()).await, "NOT_OPEN");
        assert_eq!(app.count("SELECT count(*) FROM registration").await, 0);
        *app.clock() -= TimeDelta::minutes(5);
        assert_eq!(outcome(&who, "register_myself", input).await, "ok");
        for (window, code) in [
            (json!({"opensAt": at(5), "closesAt": at(5)}), "WINDOW_INVALID"),
            (json!({"categories": ["记者"]}), "CATEGORY_UNKNOWN"),
        ] {
            let mut input = json!({"activityId": festival.activity, "allowed": true});
            input.as_object_mut().unwrap().extend(window.as_object().unwrap().clone());
            assert_eq!(outcome(app.organiser(), "set_self_registration", input).await, code);
        }
        for nth in 1..10 {
            register(&who, &festival, &format!("张{}", ["一", "二", "三", "四", "五", "六", "七", "八", "九"][nth - 1]), &version).await;
        }
        let input = form(&festival, "张十一", &version);
        assert_eq!(outcome(&who, "register_myself", input).await, "TOO_MANY");
        assert_eq!(app.count("SELECT count(*) FROM registration").await, 10);
    }

    async fn an_activity_with_steps_of_approval_asks_first(app) {
        let festival = app.festival(Some(1), &[]).await;
        let version = open(&app, &festival, &[]).await;
        let who = attendee(&app, PHONE).await;
        for (steps, name) in [(json!(["CITY"]), "张三丰"), (json!(["CHAMBER"]), "赵敏敏")] {
            let input = json!({"activityId": festival.activity, "approval": steps});
            assert_eq!(outcome(app.organiser(), "set_registration_rules", input).await, "ok");
            let it = register(&who, &festival, name, &version).await;
            assert_eq!(it["status"], "PENDING");
            assert_eq!(festival.seats_taken(&app).await, 0);
        }
        let id = mine(&who).await[0]["id"].clone();
        let input = json!({"registrationId": id, "verdict": "APPROVE"});
        assert_eq!(outcome(app.organiser(), "decide_registration", input).await, "ok");
        assert_eq!(mine(&who).await[0]["status"], "CONFIRMED");
    }

    async fn a_phone_reaches_its_own_registrations_only(app) {
        let festival = app.festival(Some(5), &[("企业家", None), ("领导", None)]).await;
        open(&app, &festival, &["企业家"]).await;
        let ticket = festival.register(&app, "张三丰", PHONE).await;
        let (who, stranger) = (attendee(&app, PHONE).await, attendee(&app, OTHER).await);
        let before = mine(&who).await;
        let unknown = "registration_00000000000000000000000000000000";
        for (client, id) in [(&stranger, ticket.registration.as_str()), (&stranger, unknown), (&who, unknown)] {
            for (operation, more) in [
                ("change_my_registration", json!({"title": "董事长"})),
                ("cancel_my_registration", json!({})),
                ("answer_my_registration", json!({"attending": false})),
            ] {
                let mut input = more;
                input["registrationId"] = json!(id);
                let answer = client.send(&crate::app::document(operation), json!({"input": input})).await;
                assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{operation}");
                assert!(!answer.to_string().contains("张三丰"));
            }
        }
        assert_eq!(mine(&who).await.len(), 1);
        assert_eq!(mine(&who).await[0]["status"], before[0]["status"]);
        assert_eq!(mine(&who).await[0]["title"], Value::Null);

        let input = json!({"registrationId": ticket.registration, "title": "董事长", "category": "企业家"});
        let done = who.run("change_my_registration", json!({"input": input})).await;
        let it = &done["changeMyRegistration"]["registration"];
        assert_eq!((&it["title"], &it["category"]), (&json!("董事长"), &json!("企业家")));
        let input = json!({"registrationId": ticket.registration, "category": "领导"});
        assert_eq!(outcome(&who, "change_my_registration", input).await, "CATEGORY_UNKNOWN");
        assert_eq!(mine(&who).await[0]["category"], "企业家");
        let input = json!({"registrationId": ticket.registration, "reason": "出差"});
        assert_eq!(outcome(&who, "cancel_my_registration", input.clone()).await, "ok");
        assert_eq!(festival.seats_taken(&app).await, 0);
        assert_eq!(outcome(&who, "cancel_my_registration", input).await, "NOT_LIVE");
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action = 'CancelMyRegistration' AND subject_kind = 'registration' AND account_id IS NULL").await, 1);
    }

    async fn an_invitation_is_answered_by_its_phone(app) {
        let festival = app.festival(Some(5), &[]).await;
        let input = json!({"activityId": festival.activity, "person": {"name": "张三丰", "phone": PHONE}});
        let done = app.organiser().run("invite_attendee", json!({"input": input})).await;
        let id = text(&done["inviteAttendee"]["registration"]["id"]).to_owned();
        let who = attendee(&app, PHONE).await;
        assert_eq!(mine(&who).await[0]["status"], "INVITED");
        let input = json!({"registrationId": id, "attending": true});
        assert_eq!(outcome(&who, "answer_my_registration", input.clone()).await, "ok");
        assert_eq!(mine(&who).await[0]["status"], "CONFIRMED");
        assert_eq!(outcome(&who, "answer_my_registration", input).await, "WRONG_STATUS");
        assert_eq!(festival.seats_taken(&app).await, 1);
    }

    async fn a_token_of_one_kind_is_none_of_the_other(app) {
        let festival = app.festival(Some(5), &[]).await;
        let version = open(&app, &festival, &[]).await;
        let ticket = festival.register(&app, "张三丰", PHONE).await;
        let who = attendee(&app, PHONE).await;
        // Nothing that staff do, not even for the own registration.
        assert_eq!(who.fail(&crate::app::document("viewer"), json!({})).await, "UNAUTHENTICATED");
        for (operation, variables) in [
            ("registration", json!({"id": ticket.registration})),
            ("activity", json!({"id": festival.activity})),
            ("node", json!({"id": ticket.registration})),
            ("cancel_registration", json!({"input": {"registrationId": ticket.registration}})),
        ] {
            let code = who.fail(&crate::app::document(operation), variables).await;
            assert_eq!(code, "UNAUTHENTICATED", "{operation}");
        }
        let answer = who.request(Request::post("/uploads"), "x".into()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        // And nothing of an attendee's for staff, who act in their own names.
        let admin = app.organiser();
        assert_eq!(admin.fail(&crate::app::document("me"), json!({})).await, "UNAUTHENTICATED");
        let input = form(&festival, "周芷若", &version);
        assert_eq!(admin.fail(&crate::app::document("register_myself"), json!({"input": input})).await, "UNAUTHENTICATED");
        let input = json!({"registrationId": ticket.registration});
        assert_eq!(admin.fail(&crate::app::document("cancel_my_registration"), json!({"input": input})).await, "UNAUTHENTICATED");
        assert_eq!(festival.seats_taken(&app).await, 1);
        *app.clock() += TimeDelta::minutes(44);
        assert_eq!(mine(&who).await.len(), 1);
        *app.clock() += TimeDelta::minutes(1);
        assert_eq!(who.fail(&crate::app::document("me"), json!({})).await, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn codes_are_limited_for_an_address() {
    let app = TestApp::with_flags(&["--codes-per-address", "2"]).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/graphql", listener.local_addr().unwrap());
    let ended = stop.clone();
    let server = tokio::spawn(api::http::serve(
        listener,
        app.router.clone(),
        async move { ended.cancelled().await },
        std::time::Duration::from_secs(5),
    ));
    let ask = async |phone: &str| {
        let body = json!({"query": crate::app::document("request_code"), "variables": {"input": {"phone": phone}}});
        let answer: Value = reqwest::Client::new()
            .post(&url)
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        answer["data"]["requestCode"]["userErrors"][0]["code"].as_str().unwrap_or("ok").to_owned()
    };
    assert_eq!(ask("13800000001").await, "ok");
    assert_eq!(ask("13800000002").await, "ok");
    assert_eq!(ask("13800000003").await, "TOO_OFTEN");
    *app.clock() += TimeDelta::hours(1);
    assert_eq!(ask("13800000003").await, "ok");
    stop.cancel();
    server.await.unwrap().unwrap();
    assert_eq!(app.codes().len(), 3);
}

/// What a gateway was asked: method and path, the media type, the body.
type Asked = Arc<Mutex<Vec<(String, String, String)>>>;

#[tokio::test]
async fn a_gateway_is_asked_as_its_template_says() {
    let asked = Asked::default();
    let kept = asked.clone();
    let gateway = Router::new().fallback(move |request: axum::extract::Request| {
        let kept = kept.clone();
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            let media = request
                .headers()
                .get("content-type")
                .map_or("", |it| it.to_str().unwrap())
                .to_owned();
            let body = to_bytes(request.into_body(), 10_000).await.unwrap();
            kept.lock().unwrap().push((
                line.clone(),
                media,
                String::from_utf8(body.to_vec()).unwrap(),
            ));
            if line.contains("down") { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, gateway).await });
    let read = |send: Value| {
        let file = json!({"send": send});
        Gateway::read(&file.to_string(), std::time::Duration::from_secs(5))
    };

    let json =
        read(json!({"url": format!("{url}/send"), "headers": {"content-type": "application/json"},
        "body": "{\"to\":\"{{phone}}\",\"text\":\"验证码{{text}}\"}"}))
        .unwrap();
    CodeSender::send(&json, "+85291234567", "012345").await.unwrap();
    let get = read(
        json!({"method": "GET", "url": format!("{url}/send?to={{{{phone}}}}&code={{{{text}}}}")}),
    )
    .unwrap();
    CodeSender::send(&get, "+85291234567", "012345").await.unwrap();
    let down = read(json!({"url": format!("{url}/down")})).unwrap();
    let why = CodeSender::send(&down, PHONE, "012345").await.unwrap_err();
    assert!(why.contains("503") && !why.contains(PHONE) && !why.contains("012345"), "{why}");
    assert_eq!(
        *asked.lock().unwrap(),
        [
            (
                "POST /send".to_owned(),
                "application/json".to_owned(),
                "{\"to\":\"+85291234567\",\"text\":\"验证码012345\"}".to_owned()
            ),
            ("GET /send?to=%2B85291234567&code=012345".to_owned(), String::new(), String::new()),
            ("POST /down".to_owned(), String::new(), String::new()),
        ]
    );
    server.abort();
    let _ = server.await;
    let why = CodeSender::send(&get, PHONE, "012345").await.unwrap_err();
    assert!(!why.contains(PHONE) && !why.contains("012345"), "{why}");
    for wrong in [
        json!({}),
        json!({"url": "x"}),
        json!({"url": url, "metod": "GET"}),
        json!({"url": url, "method": " "}),
    ] {
        assert!(read(wrong).is_err());
    }
}
