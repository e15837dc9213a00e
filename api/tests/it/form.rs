//! The form of an activity: what is asked, what is answered, what is refused.

use axum::{body::Body, http::Request};
use entity::role_grant::Role;
use serde_json::{Value, json};

use crate::{
    app::{Festival, TestApp, on_both},
    fixture::{LIST, an_activity, organisation, text},
    life::{done, refused},
};

const ID: &str = "11010519491231002X";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

fn question(key: &str, kind: &str, more: Value) -> Value {
    let mut it =
        json!({"key": key, "kind": kind, "label": key, "purpose": "会务安排", "keptFor": 30});
    for (name, value) in more.as_object().unwrap() {
        it[name] = value.clone();
    }
    it
}

/// One question of every kind.
fn every_kind() -> Value {
    let options = json!([{"key": "tea", "label": "茶"}, {"key": "coffee", "label": "咖啡"}]);
    json!([
        question("company", "TEXT", json!({"limits": {"maxLength": 5}, "label": "简称"})),
        question("wishes", "LONG_TEXT", json!({})),
        question("drink", "ONE_OF", json!({"options": options, "label": "饮品"})),
        question("topics", "SEVERAL_OF", json!({"options": options, "label": "话题"})),
        question("lodging", "YES_NO", json!({"required": true, "label": "是否住宿"})),
        question(
            "nights",
            "NUMBER",
            json!({"limits": {"min": 1, "max": 3}, "required": true, "label": "几晚",
            "visibleIf": {"key": "lodging", "isAnyOf": ["true"]}})
        ),
        question(
            "arrival",
            "DATE",
            json!({"limits": {"from": "2026-11-01", "until": "2026-11-30"}})
        ),
        question("contact", "PHONE", json!({"label": "紧急联系电话"})),
        question("idno", "ID_NUMBER", json!({"label": "身份证号"})),
        question("photo", "FILE", json!({"limits": {"maxBytes": 100, "fileTypes": ["PNG"]}})),
        question(
            "notice",
            "CONSENT",
            json!({"required": true, "label": "同意隐私声明", "help": "第一版"})
        ),
    ])
}

async fn set(app: &TestApp, activity: &str, questions: Value) -> Value {
    let input = json!({"activityId": activity, "questions": questions});
    app.organiser().run("set_questions", json!({"input": input})).await["setQuestions"].take()
}

async fn set_well(app: &TestApp, activity: &str, questions: Value) -> Vec<Value> {
    let done = set(app, activity, questions).await;
    assert_eq!(done["userErrors"], json!([]));
    done["activity"]["questions"].as_array().unwrap().clone()
}

async fn answer(app: &TestApp, registration: &str, answers: Value) -> Value {
    answer_stage(app, registration, "REGISTRATION", answers).await
}

async fn answer_stage(app: &TestApp, registration: &str, stage: &str, answers: Value) -> Value {
    let input = json!({"registrationId": registration, "stage": stage, "answers": answers});
    app.organiser().run("answer_form", json!({"input": input})).await["answerForm"].take()
}

/// Codes and paths of what was refused.
fn refusals(payload: &Value) -> Vec<(String, String)> {
    let path = |it: &Value| {
        let all: Vec<String> = it["path"].as_array().unwrap().iter().map(text).collect();
        all[1..].join(".")
    };
    payload["userErrors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (text(&it["code"]), path(it)))
        .collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect()
}

async fn answers(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM answer").await
}

/// Keys and texts of what a registration answered.
async fn shown(app: &TestApp, registration: &str) -> Vec<(String, String)> {
    let document =
        "query($id: ID!) { registration(id: $id) { answers { question { key } text } } }";
    let it = app.organiser().ask(document, json!({"id": registration})).await;
    let all = it["registration"]["answers"].as_array().unwrap();
    all.iter().map(|it| (text(&it["question"]["key"]), text(&it["text"]))).collect()
}

async fn due(app: &TestApp, festival: &Festival, stage: &str) -> Vec<String> {
    let document = "query($id: ID!, $stage: FormStage!) { activity(id: $id) {
        registrations(filter: {formDue: $stage}) { nodes { id } } } }";
    let it = app.organiser().ask(document, json!({"id": festival.activity, "stage": stage})).await;
    let all = it["activity"]["registrations"]["nodes"].as_array().unwrap();
    all.iter().map(|it| text(&it["id"])).collect()
}

on_both! {
    async fn every_kind_is_answered_and_shown(app) {
        let festival = app.festival(None, &[]).await;
        let questions = set_well(&app, &festival.activity, every_kind()).await;
        assert_eq!(questions.len(), 11);
        assert_eq!(questions[5]["visibleIf"], json!({"key": "lodging", "isAnyOf": ["true"]}));
        assert_eq!((&questions[0]["purpose"], &questions[0]["keptFor"]), (&json!("会务安排"), &json!(30)));
        let upload = app.organiser().upload("我的照片.exe", PNG).await;
        let given = json!([
            {"key": "company", "text": " 青　蓝 "}, {"key": "wishes", "text": "一\n\n\n二"},
            {"key": "drink", "choice": "tea"}, {"key": "topics", "choices": ["coffee", "tea", "tea"]},
            {"key": "lodging", "flag": true}, {"key": "nights", "number": 2.0}, {"key": "arrival", "date": "2026-11-05"},
            {"key": "contact", "text": "+86 138 0000 0009"}, {"key": "idno", "text": ID.to_lowercase()},
            {"key": "photo", "uploadId": upload}, {"key": "notice", "flag": true},
        ]);
        let input = json!({"activityId": festival.activity, "person": {"name": "张三丰", "phone": "13800000001"},
            "answers": given});
        let made = app.organiser().run("register_attendee", json!({"input": input})).await;
        assert_eq!(made["registerAttendee"]["userErrors"], json!([]));
        let registration = text(&made["registerAttendee"]["registration"]["id"]);
        let expected = pairs(&[
            ("company", "青 蓝"), ("wishes", "一\n\n二"), ("drink", "茶"), ("topics", "茶、咖啡"), ("lodging", "是"),
            ("nights", "2"), ("arrival", "2026-11-05"), ("contact", "138****0009"), ("idno", "110105********002X"),
            ("photo", "我的照片.exe"), ("notice", "同意"),
        ]);
        assert_eq!(shown(&app, &registration).await, expected);
        assert_eq!(due(&app, &festival, "REGISTRATION").await, Vec::<String>::new());

        // The file moved, and its type is what its bytes are.
        assert_eq!(app.count("SELECT count(*) FROM upload").await, 0);
        let document = "query($id: ID!) { registration(id: $id) { answers { question { key } wording file { address fileType size } } } }";
        let it = app.organiser().ask(document, json!({"id": registration})).await;
        let all = it["registration"]["answers"].as_array().unwrap();
        assert_eq!(all[10]["wording"], "同意隐私声明\n第一版");
        assert_eq!((&all[9]["file"]["fileType"], &all[9]["file"]["size"]), (&json!("PNG"), &json!(12)));
        let address = text(&all[9]["file"]["address"]);
        let events = "SELECT count(*) FROM audit_event WHERE action = 'TakeAnswerFile'";
        let got = app.organiser().request(Request::get(&address), Body::empty()).await;
        assert_eq!((got.status.as_u16(), got.body.as_slice()), (200, PNG));
        assert_eq!(got.headers["content-type"], "image/png");
        assert!(got.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
        assert_eq!(app.count(events).await, 1);
        let door = app.account(Role::DoorStaff, an_activity(&festival.activity)).await;
        for (nobody, status) in [(&app.anonymous(), 401), (&door, 404), (&app.bare_account().await, 404)] {
            let got = nobody.request(Request::get(&address), Body::empty()).await;
            assert_eq!(got.status.as_u16(), status);
        }
        assert_eq!(app.count(events).await, 1);
        let closed = door.ask("query($id: ID!) { registration(id: $id) { answers { text } } }", json!({"id": registration})).await;
        assert_eq!(closed["registration"]["answers"], json!([]));
    }

    async fn wrong_answers_are_refused_all_at_once(app) {
        let festival = app.festival(None, &[]).await;
        set_well(&app, &festival.activity, every_kind()).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        let large = app.organiser().upload("大.png", &[PNG, &[0; 200]].concat()).await;
        let pdf = app.organiser().upload("假.png", b"%PDF-1.7").await;
        let strangers = app.bare_account().await.upload("照片.png", PNG).await;
        let given = json!([
            {"key": "company", "text": "一二三四五六"}, {"key": "drink", "choice": "wine"},
            {"key": "topics", "choices": ["tea", "wine"]}, {"key": "lodging", "flag": true},
            {"key": "nights", "number": 4.0}, {"key": "arrival", "date": "2026-12-01"},
            {"key": "contact", "text": "12345"}, {"key": "idno", "text": "110105194912310021"},
            {"key": "photo", "uploadId": large}, {"key": "notice", "flag": false},
            {"key": "nothing", "text": "x"}, {"key": "wishes", "number": 1.0}, {"key": "wishes", "text": "x"},
        ]);
        let done = answer(&app, &ticket.registration, given.clone()).await;
        let expected = [
            ("QUESTION_UNKNOWN", "answers.10.key"), ("ANSWERED_TWICE", "answers.12.key"), ("TOO_LONG", "answers.0.text"),
            ("OPTION_UNKNOWN", "answers.1.choice"), ("OPTION_UNKNOWN", "answers.2.choices"),
            ("OUT_OF_RANGE", "answers.4.number"), ("OUT_OF_RANGE", "answers.5.date"),
            ("PHONE_INVALID", "answers.6.text"), ("ID_NUMBER_INVALID", "answers.7.text"),
            ("FILE_TOO_LARGE", "answers.8.uploadId"), ("CONSENT_NEEDED", "answers.9.flag"),
        ];
        assert_eq!(refusals(&done), pairs(&expected));
        assert!(!done.to_string().contains("11010519491231"), "{done}");
        for (upload, code) in [(pdf, "FILE_TYPE_UNFIT"), (strangers, "FILE_UNKNOWN")] {
            let done = answer(&app, &ticket.registration, json!([{"key": "photo", "uploadId": upload}])).await;
            assert_eq!(refusals(&done), pairs(&[(code, "answers.0.uploadId")]));
        }
        let done = answer(&app, &ticket.registration, json!([{"key": "wishes", "number": 1.0, "text": "x"}])).await;
        assert_eq!(refusals(&done), pairs(&[("WRONG_KIND", "answers.0.key")]));
        assert_eq!(answers(&app).await, 0);
        assert_eq!(app.count("SELECT count(*) FROM form_reply").await, 0);

        // The same while registering: nobody is registered.
        let input = json!({"activityId": festival.activity, "person": {"name": "李四光", "phone": "13800000002"},
            "answers": [{"key": "contact", "text": "12345"}, {"key": "wishes", "text": "x"}]});
        let made = app.organiser().run("register_attendee", json!({"input": input})).await;
        assert_eq!(refusals(&made["registerAttendee"]), pairs(&[("ANSWER_INVALID", "answers.0.text")]));
        assert_eq!(made["registerAttendee"]["userErrors"][0]["message"], "“12345”不是有效的电话号码");
        assert_eq!(answers(&app).await, 0);
        assert_eq!(app.count("SELECT count(*) FROM registration").await, 1);

        // A registration that is over takes no answers.
        let input = json!({"registrationId": ticket.registration});
        app.organiser().run("cancel_registration", json!({"input": input})).await;
        let done = answer(&app, &ticket.registration, json!([{"key": "wishes", "text": "x"}])).await;
        assert_eq!(refusals(&done), pairs(&[("NOT_LIVE", "registrationId")]));
        assert_eq!(answers(&app).await, 0);
    }

    async fn a_recommendation_comes_with_answers(app) {
        let festival = app.festival(Some(5), &[]).await;
        set_well(&app, &festival.activity, every_kind()).await;
        let input = json!({"parentId": app.root_id(), "kind": "CHAMBER", "name": "鞋业商会"});
        let chamber = done(app.organiser(), "create_organisation", input).await;
        let chamber = text(&chamber["organisation"]["id"]);
        let input = json!({"activityId": festival.activity, "organisationId": chamber, "seats": 1});
        done(app.organiser(), "set_allocation", input).await;
        let liaison = app.account(Role::Liaison, organisation(&chamber)).await;
        let recommend = |answers: Value| json!({"activityId": festival.activity, "organisationId": chamber,
            "person": {"name": "张三丰", "phone": "13800000001"}, "answers": answers});
        let faulty = recommend(json!([{"key": "drink", "choice": "tea"}, {"key": "nights", "number": 9.0}, {"key": "lodging", "flag": true}]));
        refused(&app, &liaison, "recommend_attendee", faulty, "ANSWER_INVALID").await;
        assert_eq!(answers(&app).await, 0);
        // The file is the liaison officer's own; what is required may be left for later.
        let upload = liaison.upload("照片.png", PNG).await;
        let given = recommend(json!([{"key": "drink", "choice": "tea"}, {"key": "photo", "uploadId": upload}]));
        let made = done(&liaison, "recommend_attendee", given).await;
        let id = text(&made["registration"]["id"]);
        assert_eq!(made["registration"]["status"], "CONFIRMED");
        assert_eq!(shown(&app, &id).await, pairs(&[("drink", "茶"), ("photo", "照片.png")]));
        assert_eq!(due(&app, &festival, "REGISTRATION").await, [id]);
    }

    async fn answers_stay_where_they_were_given(app) {
        let (festival, other) = (app.festival(None, &[]).await, app.festival(None, &[]).await);
        for it in [&festival, &other] {
            set_well(&app, &it.activity, every_kind()).await;
        }
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        answer(&app, &ticket.registration, json!([{"key": "lodging", "flag": false}, {"key": "notice", "flag": true}])).await;
        let input = json!({"registrationId": ticket.registration, "toActivityId": other.activity});
        let moved = done(app.organiser(), "move_registration", input).await;
        let id = text(&moved["registration"]["id"]);
        assert_eq!(shown(&app, &id).await, []);
        assert_eq!(due(&app, &other, "REGISTRATION").await, [id]);
        assert_eq!(shown(&app, &ticket.registration).await, pairs(&[("lodging", "否"), ("notice", "同意")]));
    }

    async fn answers_to_what_is_not_shown_are_dropped(app) {
        let festival = app.festival(None, &[]).await;
        set_well(&app, &festival.activity, every_kind()).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        let id = &ticket.registration;
        assert_eq!(due(&app, &festival, "REGISTRATION").await, std::slice::from_ref(id));
        answer(&app, id, json!([{"key": "lodging", "flag": false}, {"key": "nights", "number": 2.0}, {"key": "notice", "flag": true}])).await;
        assert_eq!(shown(&app, id).await, pairs(&[("lodging", "否"), ("notice", "同意")]));
        assert_eq!(due(&app, &festival, "REGISTRATION").await, Vec::<String>::new());
        // Shown now, required, and left for later.
        answer(&app, id, json!([{"key": "lodging", "flag": true}])).await;
        assert_eq!(due(&app, &festival, "REGISTRATION").await, std::slice::from_ref(id));
        answer(&app, id, json!([{"key": "nights", "number": 2.0}])).await;
        assert_eq!(shown(&app, id).await, pairs(&[("lodging", "是"), ("nights", "2"), ("notice", "同意")]));
        assert_eq!(due(&app, &festival, "REGISTRATION").await, Vec::<String>::new());
        // What hides another takes its answer along, and an answer can be taken back.
        answer(&app, id, json!([{"key": "lodging", "flag": false}])).await;
        assert_eq!(shown(&app, id).await, pairs(&[("lodging", "否"), ("notice", "同意")]));
        answer(&app, id, json!([{"key": "lodging"}])).await;
        assert_eq!(shown(&app, id).await, pairs(&[("notice", "同意")]));
        assert_eq!(due(&app, &festival, "REGISTRATION").await, std::slice::from_ref(id));
    }

    async fn a_follow_up_is_due_until_it_is_answered(app) {
        let festival = app.festival(Some(1), &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        festival.register(&app, "李四光", "13800000002").await;
        assert_eq!(due(&app, &festival, "FOLLOW_UP").await, Vec::<String>::new());
        let flight = question("flight", "TEXT", json!({"stage": "FOLLOW_UP", "visibleIf": {"key": "lodging", "isAnyOf": ["true"]}}));
        let form = json!([flight.clone(), question("lodging", "YES_NO", json!({}))]);
        let questions = set_well(&app, &festival.activity, form.clone()).await;
        // What is asked first stands first.
        assert_eq!((&questions[0]["key"], &questions[1]["key"]), (&json!("lodging"), &json!("flight")));
        // Whoever waits for a seat has nothing to follow up.
        assert_eq!(due(&app, &festival, "FOLLOW_UP").await, std::slice::from_ref(&ticket.registration));
        let wrong = answer(&app, &ticket.registration, json!([{"key": "flight", "text": "CA1"}])).await;
        assert_eq!(refusals(&wrong), pairs(&[("QUESTION_UNKNOWN", "answers.0.key")]));
        answer(&app, &ticket.registration, json!([{"key": "lodging", "flag": true}])).await;
        answer_stage(&app, &ticket.registration, "FOLLOW_UP", json!([{"key": "flight", "text": "CA1"}])).await;
        assert_eq!(shown(&app, &ticket.registration).await, pairs(&[("lodging", "是"), ("flight", "CA1")]));
        assert_eq!(due(&app, &festival, "FOLLOW_UP").await, Vec::<String>::new());
        // More is required: due again.
        let mut more = form.as_array().unwrap().clone();
        more.push(question("diet", "TEXT", json!({"stage": "FOLLOW_UP", "required": true})));
        set_well(&app, &festival.activity, json!(more)).await;
        assert_eq!(due(&app, &festival, "FOLLOW_UP").await, std::slice::from_ref(&ticket.registration));
        answer_stage(&app, &ticket.registration, "FOLLOW_UP", json!([{"key": "diet", "text": "素"}])).await;
        assert_eq!(due(&app, &festival, "FOLLOW_UP").await, Vec::<String>::new());
    }

    async fn faulty_forms_are_refused_all_at_once(app) {
        let festival = app.festival(None, &[]).await;
        let options = json!([{"key": "a", "label": "甲"}]);
        let form = json!([
            question("Ab", "TEXT", json!({"label": " ", "purpose": ""})),
            question("twice", "ONE_OF", json!({"options": options})),
            question("twice", "TEXT", json!({"options": options})),
            question("c", "ONE_OF", json!({"options": [{"key": "x", "label": ""}, {"key": "x", "label": "乙"}]})),
            question("d", "SEVERAL_OF", json!({})),
            question("e", "TEXT", json!({"visibleIf": {"key": "f", "isAnyOf": ["true"]}})),
            question("f", "YES_NO", json!({"visibleIf": {"key": "f", "isAnyOf": ["true"]}})),
            question("g", "TEXT", json!({"visibleIf": {"key": "f", "isAnyOf": ["maybe"]}})),
            question("h", "TEXT", json!({"limits": {"min": 1.0}})),
            question("i", "NUMBER", json!({"limits": {"min": 2.0, "max": 1.0}})),
            question("j", "DATE", json!({"limits": {"from": "2026-11-02", "until": "2026-11-01"}})),
            question("k", "FILE", json!({"limits": {"maxBytes": 10_485_761}})),
            question("l", "TEXT", json!({"keptFor": 4000, "help": "长".repeat(2001)})),
            question("m", "FILE", json!({"stage": "FOLLOW_UP"})),
            question("n", "TEXT", json!({"visibleIf": {"key": "m", "isAnyOf": ["true"]}})),
        ]);
        let done = set(&app, &festival.activity, form).await;
        let expected = [
            ("REQUIRED", "questions.0.label"), ("REQUIRED", "questions.0.purpose"),
            ("REQUIRED", "questions.3.options.0.label"), ("TOO_LONG", "questions.12.help"),
            ("KEY_INVALID", "questions.0.key"), ("KEY_TWICE", "questions.2.key"), ("OPTIONS_UNFIT", "questions.2.options"),
            ("KEY_TWICE", "questions.3.options.1.key"), ("OPTIONS_UNFIT", "questions.4.options"),
            ("CONDITION_NOWHERE", "questions.5.visibleIf.key"), ("CONDITION_NOWHERE", "questions.6.visibleIf.key"),
            ("CONDITION_NEVER", "questions.7.visibleIf.isAnyOf"), ("LIMIT_UNFIT", "questions.8.limits.min"),
            ("LIMIT_UNFIT", "questions.9.limits.max"), ("LIMIT_UNFIT", "questions.10.limits.until"),
            ("LIMIT_UNFIT", "questions.11.limits.maxBytes"), ("KEPT_FOR_OUT_OF_RANGE", "questions.12.keptFor"),
            ("CONDITION_NOWHERE", "questions.14.visibleIf.key"),
        ];
        assert_eq!(refusals(&done), pairs(&expected));
        let many: Vec<Value> = (0..101).map(|nth| question(&format!("q{nth}"), "TEXT", json!({}))).collect();
        let done = set(&app, &festival.activity, json!(many)).await;
        assert_eq!(refusals(&done), pairs(&[("TOO_MANY", "questions")]));
        let many: Vec<Value> = (0..101).map(|nth| json!({"key": format!("q{nth}"), "label": "甲"})).collect();
        let done = set(&app, &festival.activity, json!([question("a", "ONE_OF", json!({"options": many}))])).await;
        assert_eq!(refusals(&done), pairs(&[("TOO_MANY", "questions.0.options")]));
        let input = json!({"activityId": festival.activity, "reason": "台风"});
        app.organiser().run("cancel_activity", json!({"input": input})).await;
        let done = set(&app, &festival.activity, every_kind()).await;
        assert_eq!(refusals(&done), pairs(&[("ACTIVITY_CANCELLED", "activityId")]));
        assert_eq!(app.count("SELECT count(*) FROM question").await, 0);
    }

    async fn what_was_answered_stays(app) {
        let festival = app.festival(None, &[]).await;
        set_well(&app, &festival.activity, every_kind()).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        answer(&app, &ticket.registration, json!([{"key": "drink", "choice": "tea"}, {"key": "company", "text": "青蓝"}])).await;
        let form = json!([
            question("drink", "ONE_OF", json!({"options": [{"key": "coffee", "label": "咖啡"}], "label": "饮品"})),
            question("company", "NUMBER", json!({"label": "简称"})),
        ]);
        let done = set(&app, &festival.activity, form).await;
        assert_eq!(refusals(&done), pairs(&[("OPTION_CHOSEN", "questions.0.options"), ("KIND_FIXED", "questions.1.kind")]));
        assert_eq!(app.count("SELECT count(*) FROM question WHERE archived_at IS NULL").await, 11);

        // An option that nobody chose may go, a kind that nobody answered may change, the rest is retired.
        let form = json!([
            question("drink", "ONE_OF", json!({"options": [{"key": "tea", "label": "绿茶"}], "label": "饮品"})),
            question("wishes", "TEXT", json!({})),
        ]);
        let questions = set_well(&app, &festival.activity, form).await;
        assert_eq!(questions.len(), 2);
        // The answer to what is retired is still there, behind the others.
        assert_eq!(shown(&app, &ticket.registration).await, pairs(&[("drink", "绿茶"), ("company", "青蓝")]));
        let document = "query($id: ID!) { activity(id: $id) { questions(retired: true) { key archivedAt } follow: questions(stage: FOLLOW_UP) { key } } }";
        let it = app.organiser().ask(document, json!({"id": festival.activity})).await;
        assert_eq!(it["activity"]["questions"].as_array().unwrap().len(), 11);
        assert_eq!(it["activity"]["follow"], json!([]));
        let refused = answer(&app, &ticket.registration, json!([{"key": "company", "text": "红"}])).await;
        assert_eq!(refusals(&refused), pairs(&[("QUESTION_UNKNOWN", "answers.0.key")]));
        // It comes back with its key.
        let before = app.count("SELECT count(*) FROM question").await;
        set_well(&app, &festival.activity, every_kind()).await;
        assert_eq!(app.count("SELECT count(*) FROM question").await, before);
        assert_eq!(shown(&app, &ticket.registration).await, pairs(&[("company", "青蓝"), ("drink", "茶")]));
    }

    async fn answers_go_with_their_registration(app) {
        let festival = app.festival(None, &[]).await;
        set_well(&app, &festival.activity, every_kind()).await;
        let upload = app.organiser().upload("名单.csv", LIST.as_bytes()).await;
        let input = json!({"activityId": festival.activity, "uploadId": upload, "profile": "EVENT"});
        let batch = app.organiser().run("stage_roster", json!({"input": input})).await;
        let batch = text(&batch["stageRoster"]["batch"]["id"]);
        app.organiser().run("commit_roster", json!({"input": {"batchId": batch}})).await;
        let id = due(&app, &festival, "REGISTRATION").await.remove(0);
        let upload = app.organiser().upload("照片.png", PNG).await;
        answer(&app, &id, json!([{"key": "photo", "uploadId": upload}])).await;
        // Another file takes its place.
        let upload = app.organiser().upload("照片2.png", PNG).await;
        answer(&app, &id, json!([{"key": "photo", "uploadId": upload}])).await;
        assert_eq!((answers(&app).await, app.count("SELECT count(*) FROM answer_file").await), (1, 1));
        app.organiser().run("undo_roster", json!({"input": {"batchId": batch}})).await;
        assert_eq!(app.count("SELECT count(*) FROM registration").await, 0);
        for table in ["answer", "answer_file", "form_reply"] {
            assert_eq!(app.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
        }
    }

    async fn the_same_key_answers_once(app) {
        let festival = app.festival(None, &[]).await;
        set_well(&app, &festival.activity, every_kind()).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        let upload = app.organiser().upload("照片.png", PNG).await;
        let input = json!({"registrationId": ticket.registration, "stage": "REGISTRATION", "idempotencyKey": "k",
            "answers": [{"key": "photo", "uploadId": upload}]});
        for _ in 0..2 {
            // The upload is gone the second time, and is not looked for.
            let done = app.organiser().run("answer_form", json!({"input": input})).await;
            assert_eq!(done["answerForm"]["userErrors"], json!([]));
        }
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action = 'AnswerForm'").await, 1);
    }

    async fn answers_are_columns_of_exports(app) {
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        festival.register(&app, "李四光", "13800000002").await;
        let mut form = every_kind().as_array().unwrap().clone();
        form.push(question("flight", "TEXT", json!({"label": "简称", "stage": "FOLLOW_UP"})));
        set_well(&app, &festival.activity, json!(form)).await;
        answer(&app, &ticket.registration, json!([
            {"key": "company", "text": "=1+1"}, {"key": "contact", "text": "13800000009"}, {"key": "idno", "text": ID},
            {"key": "topics", "choices": ["tea", "coffee"]},
        ])).await;
        for format in ["CSV", "XLSX"] {
            let input = json!({"activityId": festival.activity, "format": format, "purpose": "活动总结"});
            let made = app.organiser().run("create_export", json!({"input": input})).await;
            let url = text(&made["createExport"]["export"]["url"]);
            let path = url.find("/exports/").map(|at| &url[at..]).unwrap();
            let got = app.anonymous().request(Request::get(path), Body::empty()).await;
            assert_eq!(got.status.as_u16(), 200);
            let rows = if format == "CSV" { csv_rows(&got.body) } else { xlsx_rows(&got.body) };
            let heading = &rows[0];
            let at = |title: &str| heading.iter().position(|it| it == title).unwrap_or_else(|| panic!("{title}: {heading:?}"));
            let zhang = rows.iter().find(|it| it.contains(&"张三丰".to_owned())).unwrap();
            let cell = |title: &str| zhang[at(title)].trim_start_matches('\'').to_owned();
            assert_eq!(cell("简称（company）"), "=1+1");
            assert_eq!(cell("话题"), "茶、咖啡");
            assert_eq!(cell("紧急联系电话"), "138****0009");
            assert_eq!(cell("身份证号"), "110105********002X");
            assert_eq!(cell("简称（flight）"), "");
            assert!(at("简称（company）") > at("备注") && at("简称（flight）") > at("同意隐私声明"));
            let li = rows.iter().find(|it| it.contains(&"李四光".to_owned())).unwrap();
            assert_eq!(li.get(at("身份证号")).map_or("", String::as_str), "");
        }
    }
}

fn csv_rows(body: &[u8]) -> Vec<Vec<String>> {
    let text = std::str::from_utf8(body).unwrap().trim_start_matches('\u{feff}').to_owned();
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    reader.records().map(|it| it.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// The rows of the first sheet below its title. Every cell of an answer is text.
fn xlsx_rows(body: &[u8]) -> Vec<Vec<String>> {
    use calamine::{Data, Reader, Xlsx};
    let mut book = Xlsx::new(std::io::Cursor::new(body.to_vec())).unwrap();
    let sheet = book.worksheet_range_at(0).unwrap().unwrap();
    let cell = |it: &Data| match it {
        Data::String(it) => it.clone(),
        Data::Empty => String::new(),
        other => format!("not text: {other}"),
    };
    sheet.rows().skip(1).map(|row| row.iter().map(cell).collect()).collect()
}
