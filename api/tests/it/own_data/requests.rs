//! Whoever has the phone gets their own data, has them corrected, and has them erased, or is told why not.

use std::collections::BTreeSet;

use api::privacy::own;
use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{Client, Festival, TestApp, Ticket, document, on_both},
    attendee::attendee,
    fixture::text,
};

const PHONE: &str = "13800000001";

async fn refused(client: &Client, operation: &str, input: Value) -> String {
    let done = client.run(operation, json!({"input": input})).await;
    let payload = done.as_object().unwrap().values().next().unwrap();
    payload["userErrors"][0]["code"].as_str().unwrap_or("ok").to_owned()
}

/// The one person with the phone, as that person sees it.
async fn me(who: &Client) -> Value {
    let mut shown = who.run("my_data", json!({})).await;
    shown["me"].take()
}

async fn person_id(who: &Client) -> String {
    text(&me(who).await["people"][0]["id"])
}

/// Somebody who came to an activity that is over, with everything on record that there is; and the clock is a day and an hour
/// later.
async fn came(app: &TestApp) -> (Festival, Ticket) {
    let festival = app.festival(None, &[]).await;
    let admin = app.organiser();
    let words = json!({"activityId": festival.activity, "occasion": "CONFIRMED", "channel": "SMS", "text": "{{姓名}}您好"});
    admin.run("set_message_template", json!({"input": words})).await;
    let question =
        json!({"key": "diet", "kind": "TEXT", "label": "忌口", "purpose": "用餐", "keptFor": 30});
    let input = json!({"activityId": festival.activity, "questions": [question]});
    admin.run("set_questions", json!({"input": input})).await;
    let list = "姓名,手机号码,身份证号,工作单位,职务,是否住宿\n张三丰,13800000001,11010519491231002X,武当山公司,掌门,是\n";
    let upload = admin.upload("名单.csv", list.as_bytes()).await;
    let input = json!({"activityId": festival.activity, "uploadId": upload, "profile": "EVENT"});
    let done = admin.run("stage_roster", json!({"input": input})).await;
    let batch = json!({"batchId": done["stageRoster"]["batch"]["id"]});
    admin.run("commit_roster", json!({"input": batch})).await;
    let listed =
        admin.run("registrations", json!({"activityId": festival.activity, "first": 10})).await;
    let node = &listed["activity"]["registrations"]["edges"][0]["node"];
    let ticket = Ticket {
        registration: text(&node["id"]),
        code: text(&node["ticketCode"]),
        status: text(&node["status"]),
    };
    let answers = json!([{"key": "diet", "text": "不吃香菜"}]);
    let input =
        json!({"registrationId": ticket.registration, "stage": "REGISTRATION", "answers": answers});
    admin.run("answer_form", json!({"input": input})).await;
    let scan = json!({"sessionId": festival.session, "ticketCode": ticket.code, "scanId": app.uuid(), "gate": "东门"});
    admin.run("check_in", json!({"input": scan})).await;
    app.work().await;
    *app.clock() += TimeDelta::hours(25);
    (festival, ticket)
}

/// The figures of the year and of the session.
async fn figures(app: &TestApp, festival: &Festival) -> [Value; 2] {
    let admin = app.anew(app.organiser()).await;
    [
        admin.run("organisation_year", json!({"id": app.root_id(), "year": 2026})).await,
        admin.run("attendance_summary", json!({"sessionId": festival.session})).await,
    ]
}

/// Whether anything in the database still says one of these, the audit log and kept answers aside.
async fn says(app: &TestApp, words: &[&str]) -> Vec<String> {
    let db = Database::connect(&app.url).await.unwrap();
    let (backend, columns) = if app.url.starts_with("sqlite") {
        (
            DbBackend::Sqlite,
            "SELECT m.name AS t, c.name AS c FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'",
        )
    } else {
        (
            DbBackend::Postgres,
            "SELECT table_name::text AS t, column_name::text AS c FROM information_schema.columns WHERE table_schema = 'public'",
        )
    };
    let mut found = Vec::new();
    for row in db.query_all_raw(Statement::from_string(backend, columns)).await.unwrap() {
        let (table, column): (String, String) =
            (row.try_get("", "t").unwrap(), row.try_get("", "c").unwrap());
        if ["audit_event", "idempotency_key", "attendee_code", "attendee_limit"]
            .contains(&table.as_str())
        {
            continue;
        }
        for word in words {
            let sql = format!(
                "SELECT count(*) FROM \"{table}\" WHERE CAST(\"{column}\" AS text) LIKE '%{word}%'"
            );
            if app.count(&sql).await > 0 {
                found.push(format!("{table}.{column} says {word}"));
            }
        }
    }
    found
}

async fn decide(app: &TestApp, verdict: &str, reason: Option<&str>) -> Value {
    let admin = app.anew(app.organiser()).await;
    let waiting = admin.run("data_requests", json!({"state": "OPEN"})).await;
    let id = &waiting["dataRequests"]["nodes"][0]["id"];
    let input = json!({"requestId": id, "verdict": verdict, "reason": reason});
    admin.run("decide_data_request", json!({"input": input})).await["decideDataRequest"].take()
}

on_both! {
    async fn people_get_all_that_is_on_record_of_them(app) {
        let (_, ticket) = came(&app).await;
        let who = attendee(&app, PHONE).await;
        let data = me(&who).await["people"][0]["data"].take();
        let content: Value = serde_json::from_str(data["content"].as_str().unwrap()).unwrap();
        let rows = |table: &str| content["tables"][table]["rows"].as_array().unwrap().clone();
        assert_eq!(rows("person")[0]["phone"], PHONE);
        assert_eq!(rows("registration")[0]["ticket_code"], ticket.code);
        assert_eq!(rows("answer")[0]["value"]["text"], "不吃香菜");
        assert_eq!(rows("scan")[0]["gate"], "东门");
        assert_eq!(rows("message").len(), 1);
        assert_eq!(rows("roster_row").len(), 1);
        assert!(data["fileName"].as_str().unwrap().starts_with("个人信息_张三丰_2026-11-02"));
        // Nobody else's.
        let stranger = attendee(&app, "13800000002").await;
        assert!(!me(&stranger).await.to_string().contains(PHONE));
        let input = json!({"personId": person_id(&who).await});
        let answer = stranger.send(&document("request_erasure"), json!({"input": input})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
    }

    async fn a_correction_is_made_once_it_is_accepted(app) {
        let (_, ticket) = came(&app).await;
        let who = attendee(&app, PHONE).await;
        let person = person_id(&who).await;
        let of = |more: Value| {
            let mut input = json!({"personId": person});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        for (input, code) in [
            (of(json!({})), "NOTHING_ASKED"),
            (of(json!({"name": " "})), "NAME_MISSING"),
            (of(json!({"name": "测试"})), "NAME_IS_TEST"),
            (of(json!({"title": "真人"})), "REGISTRATION_UNKNOWN"),
            (of(json!({"title": "长".repeat(101), "registrationId": ticket.registration})), "TOO_LONG"),
        ] {
            assert_eq!(refused(&who, "request_correction", input.clone()).await, code, "{input}");
        }
        let input = of(json!({"name": "张君宝", "title": "真人", "registrationId": ticket.registration, "remark": "写错了"}));
        let mut all = JoinSet::new();
        for _ in 0..4 {
            let (who, input) = (who.clone(), input.clone());
            all.spawn(async move { refused(&who, "request_correction", input).await });
        }
        let mut all = all.join_all().await;
        all.sort();
        assert_eq!(all, ["ALREADY_ASKED", "ALREADY_ASKED", "ALREADY_ASKED", "ok"]);
        assert_eq!(app.count("SELECT count(*) FROM person WHERE name = '张三丰'").await, 1);

        let done = decide(&app, "REFUSE", None).await;
        assert_eq!(done["userErrors"][0]["code"], "REASON_MISSING");
        let done = decide(&app, "ACCEPT", None).await;
        assert_eq!(done["userErrors"], json!([]), "{done}");
        let shown = me(&who).await;
        assert_eq!(shown["people"][0]["name"], "张君宝");
        assert_eq!(shown["dataRequests"][0]["state"], "ACCEPTED");
        assert_eq!(app.count("SELECT count(*) FROM registration WHERE title = '真人' AND organisation_name = '武当山公司'").await, 1);
        let admin = app.anew(app.organiser()).await;
        let found = admin.run("people", json!({"search": "zhang jun bao"})).await;
        assert_eq!(found["people"]["edges"][0]["node"]["id"], person);
        // Decided twice, it is decided once.
        let id = &shown["dataRequests"][0]["id"];
        let input = json!({"requestId": id, "verdict": "REFUSE", "reason": "迟了"});
        assert_eq!(refused(&admin, "decide_data_request", input).await, "NOT_OPEN");
        assert_eq!(refused(&who, "withdraw_data_request", json!({"requestId": id})).await, "NOT_OPEN");
    }

    async fn a_refusal_is_shown_with_its_reason_and_what_is_taken_back_is_over(app) {
        came(&app).await;
        let who = attendee(&app, PHONE).await;
        let input = json!({"personId": person_id(&who).await, "remark": "请删除"});
        assert_eq!(refused(&who, "request_erasure", input.clone()).await, "ok");
        let done = decide(&app, "REFUSE", Some("账目未清")).await;
        assert_eq!(done["request"]["state"], "REFUSED");
        let shown = me(&who).await;
        assert_eq!(shown["dataRequests"][0]["reason"], "账目未清");
        assert_eq!(shown["people"][0]["name"], "张三丰");
        assert_eq!(refused(&who, "request_erasure", input).await, "ok");
        let id = text(&me(&who).await["dataRequests"][0]["id"]);
        let stranger = attendee(&app, "13800000002").await;
        let answer = stranger.send(&document("withdraw_data_request"), json!({"input": {"requestId": id}})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
        assert_eq!(refused(&who, "withdraw_data_request", json!({"requestId": id})).await, "ok");
        assert_eq!(app.count("SELECT count(*) FROM data_request WHERE state = 'OPEN'").await, 0);
    }

    async fn who_was_erased_is_nowhere_and_the_figures_stay(app) {
        let (festival, _) = came(&app).await;
        api::housekeeping::begin(&app.app).await.unwrap();
        app.work().await;
        let before = figures(&app, &festival).await;
        let words = ["张三丰", PHONE, "武当山公司", "掌门", "不吃香菜", "11010519491231002X", "zhang san feng"];
        assert!(says(&app, &words[..2]).await.len() > 3);
        let who = attendee(&app, PHONE).await;
        let input = json!({"personId": person_id(&who).await, "remark": "我是张三丰"});
        assert_eq!(refused(&who, "request_erasure", input).await, "ok");
        let done = decide(&app, "ACCEPT", Some("同意")).await;
        assert_eq!(done["userErrors"], json!([]), "{done}");
        assert_eq!(done["request"]["person"]["name"], "已删除");
        assert_eq!(says(&app, &words).await, Vec::<String>::new());
        assert_eq!(figures(&app, &festival).await, before);
        assert_eq!(api::attendance::recompute::recompute(&app.app.db).await.unwrap(), []);
        // The phone still learns what became of it.
        let shown = me(&who).await;
        assert_eq!(shown["people"], json!([]));
        assert_eq!((&shown["dataRequests"][0]["state"], &shown["dataRequests"][0]["reason"]), (&json!("ACCEPTED"), &json!("同意")));
        let admin = app.anew(app.organiser()).await;
        for search in ["张三丰", "已删除", "zhang"] {
            let found = admin.run("people", json!({"search": search})).await;
            assert_eq!(found["people"]["edges"], json!([]), "{search}");
        }
    }

    async fn who_comes_to_something_stays_until_that_is_over(app) {
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", PHONE).await;
        let who = attendee(&app, PHONE).await;
        let input = json!({"personId": person_id(&who).await});
        assert_eq!(refused(&who, "request_erasure", input.clone()).await, "UPCOMING");
        assert_eq!(refused(&who, "cancel_my_registration", json!({"registrationId": ticket.registration})).await, "ok");
        assert_eq!(refused(&who, "request_erasure", input).await, "ok");
        // Registered again before it is decided.
        festival.register(&app, "张三丰", PHONE).await;
        let done = decide(&app, "ACCEPT", None).await;
        assert_eq!(done["userErrors"][0]["code"], "UPCOMING");
        assert_eq!(app.count("SELECT count(*) FROM person WHERE name = '张三丰'").await, 1);
        assert_eq!(app.count("SELECT count(*) FROM erasure").await, 0);
    }

    async fn being_erased_and_registered_at_once_is_one_or_the_other(app) {
        came(&app).await;
        let who = attendee(&app, PHONE).await;
        let input = json!({"personId": person_id(&who).await});
        assert_eq!(refused(&who, "request_erasure", input).await, "ok");
        let admin = app.anew(app.organiser()).await;
        let input = json!({"kind": "RELAY", "title": "青蓝接力", "year": 2026, "ownerId": app.root_id()});
        let made = admin.run("create_programme", json!({"input": input})).await;
        let at = |minutes| (app.now() + TimeDelta::minutes(minutes)).to_rfc3339();
        let sessions = json!([{"title": "接力", "startsAt": at(30), "endsAt": at(60)}]);
        let input = json!({"programmeId": made["createProgramme"]["programme"]["id"], "title": "接力", "sessions": sessions});
        let made = admin.run("create_activity", json!({"input": input})).await;
        let activity = text(&made["createActivity"]["activity"]["id"]);
        admin.run("publish_activity", json!({"input": {"activityId": activity}})).await;
        let waiting = admin.run("data_requests", json!({"state": "OPEN"})).await;
        let request = waiting["dataRequests"]["nodes"][0]["id"].clone();
        let mut all = JoinSet::new();
        let decider = admin.clone();
        all.spawn(async move {
            let input = json!({"requestId": request, "verdict": "ACCEPT"});
            decider.send(&document("decide_data_request"), json!({"input": input})).await;
        });
        all.spawn(async move {
            let person = json!({"name": "张三丰", "phone": PHONE});
            let input = json!({"activityId": activity, "person": person});
            admin.send(&document("register_attendee"), json!({"input": input})).await;
        });
        all.join_all().await;
        // Nobody who was erased is on what is to come.
        let sql = "SELECT count(*) FROM registration r JOIN erasure e ON e.person_id = r.person_id
            JOIN activity a ON a.id = r.activity_id WHERE a.title = '接力'";
        assert_eq!(app.count(sql).await, 0);
        assert_eq!(app.count("SELECT count(*) FROM person WHERE name = '张三丰' AND phone IS NULL").await, 0);
    }
}

/// Tables that name a person or a registration are in what people get of their own, or left out for a reason.
#[tokio::test]
async fn nothing_that_names_a_person_is_left_out_of_their_own_data() {
    let app = TestApp::sqlite().await;
    let festival = app.festival(None, &[]).await;
    festival.register(&app, "张三丰", PHONE).await;
    let who = attendee(&app, PHONE).await;
    let data = me(&who).await["people"][0]["data"].take();
    let content: Value = serde_json::from_str(data["content"].as_str().unwrap()).unwrap();
    let mut known: BTreeSet<String> =
        content["tables"].as_object().unwrap().keys().cloned().collect();
    known.extend(own::LEFT_OUT.iter().map(|(table, _)| (*table).to_owned()));
    let db = Database::connect(&app.url).await.unwrap();
    let sql = "SELECT DISTINCT m.name AS t FROM sqlite_master m JOIN pragma_table_info(m.name) c
        WHERE m.type = 'table' AND c.name IN ('person_id', 'registration_id', 'leader_id')";
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
    let tables: Vec<String> = rows.iter().map(|it| it.try_get("", "t").unwrap()).collect();
    assert!(tables.len() > 20);
    let missing: Vec<_> = tables.iter().filter(|it| !known.contains(*it)).collect();
    assert!(
        missing.is_empty(),
        "{missing:?}: add them to own::collect, or to LEFT_OUT with a reason"
    );
}
