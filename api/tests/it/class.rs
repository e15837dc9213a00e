//! The academy's classes: numbered runs, trainers, groups, enrolment and withdrawal by date.

use chrono::{DateTime, TimeDelta, Utc};
use entity::role_grant::Role;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{Client, TestApp, on_both},
    fixture::text,
};

/// A class of the academy, published.
pub struct School {
    pub programme: String,
    pub activity: String,
    /// Its sessions, in their order.
    pub sessions: Vec<String>,
}

/// What was made or changed; nothing was refused.
pub async fn made(client: &Client, operation: &str, input: Value) -> Value {
    let mut answer = client.run(operation, json!({"input": input})).await;
    let payload = answer.as_object_mut().unwrap().values_mut().next().unwrap();
    assert_eq!(payload["userErrors"], json!([]), "{operation}: {payload}");
    payload.take()
}

/// The code of what is refused of a mutation, or `ok`.
pub async fn outcome(client: &Client, operation: &str, input: Value) -> String {
    let answer = client.send(&crate::app::document(operation), json!({"input": input})).await;
    if let Some(code) = answer["errors"][0]["extensions"]["code"].as_str() {
        return code.to_owned();
    }
    let payload = answer["data"].as_object().unwrap().values().next().unwrap();
    payload["userErrors"][0]["code"].as_str().unwrap_or("ok").to_owned()
}

impl School {
    /// Each session from and until a time of the clock in Wenzhou.
    pub async fn open(app: &TestApp, owner: &str, spans: &[(&str, &str)]) -> Self {
        let admin = app.organiser();
        let input =
            json!({"kind": "ACADEMY", "title": "民营经济学院", "year": 2026, "ownerId": owner});
        let programme = text(&made(admin, "create_programme", input).await["programme"]["id"]);
        Self::of(app, &programme, owner, None, spans).await
    }

    pub async fn of(
        app: &TestApp,
        programme: &str,
        host: &str,
        capacity: Option<i32>,
        spans: &[(&str, &str)],
    ) -> Self {
        let sessions: Vec<Value> = spans
            .iter()
            .zip(1..)
            .map(|((from, until), nth)| {
                json!({"title": format!("第{nth}课"), "startsAt": here(from), "endsAt": here(until), "creditHours": "4"})
            })
            .collect();
        let input = json!({"programmeId": programme, "hostId": host, "title": "研修班", "capacity": capacity, "sessions": sessions});
        let it = made(app.organiser(), "create_activity", input).await["activity"].take();
        made(app.organiser(), "publish_activity", json!({"activityId": it["id"]})).await;
        let mut sessions: Vec<(String, String)> = it["sessions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (text(&it["startsAt"]), text(&it["id"])))
            .collect();
        sessions.sort();
        Self {
            programme: programme.to_owned(),
            activity: text(&it["id"]),
            sessions: sessions.into_iter().map(|it| it.1).collect(),
        }
    }

    /// The id and the code of somebody who is enrolled.
    pub async fn enrol(&self, app: &TestApp, name: &str, phone: &str) -> (String, String) {
        let input = json!({"activityId": self.activity, "person": {"name": name, "phone": phone}});
        let client = app.anew(app.organiser()).await;
        let it = made(&client, "register_attendee", input).await["registration"].take();
        (text(&it["id"]), it["ticketCode"].as_str().unwrap_or_default().to_owned())
    }

    /// One figure of each session.
    pub async fn figures(&self, app: &TestApp, figure: &str) -> Vec<i64> {
        let client = app.anew(app.organiser()).await;
        let document = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Session { summary {
            expected present late excused absent notYet amended } } } }";
        let found = client.ask(document, json!({"ids": self.sessions})).await;
        let nodes = found["nodes"].as_array().unwrap();
        nodes.iter().map(|it| it["summary"][figure].as_i64().unwrap()).collect()
    }
}

/// A time of the clock in Wenzhou.
pub fn here(text: &str) -> String {
    format!("{text}:00+08:00")
}

pub fn instant(text: &str) -> DateTime<Utc> {
    here(text).parse().unwrap()
}

async fn series(app: &TestApp, code: &str) -> String {
    let input = json!({"organisationId": app.root_id(), "title": "传承研修班", "code": code});
    text(&made(app.organiser(), "create_series", input).await["series"]["id"])
}

const MORNING: &[(&str, &str)] = &[("2026-11-03T09:00", "2026-11-03T12:00")];

/// The group and the student number of everybody in a class, by the order of the list.
async fn members(app: &TestApp, activity: &str) -> Vec<(String, String)> {
    let document = "query($id: ID!) { activity(id: $id) { registrations(first: 100) { nodes {
        status classMember { group { name } studentNo post } } } } }";
    let found = app.organiser().ask(document, json!({"id": activity})).await;
    let nodes = found["activity"]["registrations"]["nodes"].as_array().unwrap();
    let word = |it: &Value| it.as_str().unwrap_or("-").to_owned();
    let member = |it: &Value| {
        let it = &it["classMember"];
        (word(&it["group"]["name"]), word(&it["studentNo"]))
    };
    nodes.iter().map(member).collect()
}

async fn listed(app: &TestApp, school: &School, list: &str) {
    let upload = app.organiser().upload("学员.csv", list.as_bytes()).await;
    let input = json!({"activityId": school.activity, "uploadId": upload, "profile": "CLASS"});
    let batch = made(app.organiser(), "stage_roster", input).await["batch"]["id"].take();
    made(app.organiser(), "commit_roster", json!({"batchId": batch})).await;
}

/// Who leads each group.
async fn leaders(app: &TestApp, activity: &str) -> Vec<(String, i64, Value)> {
    let document = "query($id: ID!) { activity(id: $id) { ... on AcademyClass { groups {
        name memberCount leader { id } } } } }";
    let found = app.organiser().ask(document, json!({"id": activity})).await;
    let groups = found["activity"]["groups"].as_array().unwrap();
    let group = |it: &Value| {
        (text(&it["name"]), it["memberCount"].as_i64().unwrap(), it["leader"]["id"].clone())
    };
    groups.iter().map(group).collect()
}

on_both! {
    async fn runs_are_numbered_without_doubles(app) {
        let series = series(&app, "CC").await;
        let school = School::open(&app, &app.root_id(), MORNING).await;
        let input = json!({"seriesId": series, "firstDay": "2027-03-05"});
        assert_eq!(outcome(app.organiser(), "create_run", input).await, "NOTHING_TO_COPY");
        let set = json!({"activityId": school.activity, "seriesId": series});
        let it = made(app.organiser(), "set_class", set.clone()).await;
        assert_eq!(it["activity"]["runNumber"], 1);
        // Some are copied and some are put into the series, all at once.
        let mut others = Vec::new();
        for _ in 0..4 {
            others.push(School::of(&app, &school.programme, &app.root_id(), None, MORNING).await.activity);
        }
        let mut all = JoinSet::new();
        for (nth, other) in others.into_iter().enumerate() {
            let (client, series) = (app.organiser().clone(), series.clone());
            all.spawn(async move {
                let input = json!({"seriesId": series, "firstDay": format!("2027-03-0{}", nth + 1)});
                let run = made(&client, "create_run", input).await;
                let input = json!({"activityId": other, "seriesId": series});
                let set = made(&client, "set_class", input).await;
                [run, set].map(|it| it["activity"]["runNumber"].as_i64().unwrap())
            });
        }
        let mut numbers: Vec<i64> = all.join_all().await.into_iter().flatten().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (2..=9).collect::<Vec<_>>());
        // Said again, it keeps its number; another may be said, but none that is taken.
        assert_eq!(made(app.organiser(), "set_class", set.clone()).await["activity"]["runNumber"], 1);
        let number = |number: i32| json!({"activityId": school.activity, "seriesId": series, "runNumber": number});
        assert_eq!(outcome(app.organiser(), "set_class", number(5)).await, "NUMBER_TAKEN");
        assert_eq!(outcome(app.organiser(), "set_class", number(0)).await, "NUMBER_OUT_OF_RANGE");
        assert_eq!(outcome(app.organiser(), "set_class", number(12)).await, "ok");
        assert_eq!(app.count("SELECT count(*) FROM class WHERE run_number = 12").await, 1);
        let input = json!({"seriesId": series, "firstDay": "2027-04-01", "number": 12});
        assert_eq!(outcome(app.organiser(), "create_run", input).await, "NUMBER_TAKEN");
        assert_eq!(app.count("SELECT count(*) FROM activity").await, 9);
    }

    async fn a_run_is_copied_from_the_last(app) {
        let series = series(&app, "CC").await;
        let school = School::open(&app, &app.root_id(), MORNING).await;
        let input = json!({"parentId": app.root_id(), "kind": "CHAMBER", "name": "鞋业商会"});
        let chamber = text(&made(app.organiser(), "create_organisation", input).await["organisation"]["id"]);
        let input = json!({"organisationId": app.root_id(), "name": "张三丰", "phone": "13800000001"});
        let teacher = text(&made(app.organiser(), "create_person", input).await["person"]["id"]);
        let input = json!({
            "activityId": school.activity, "seriesId": series, "runNumber": 7, "classTeacherId": teacher,
            "coHostIds": [chamber], "leaveLadder": {"teacherHalfDays": 2, "academicHalfDays": 4},
        });
        let set = made(app.organiser(), "set_class", input).await["activity"].take();
        assert_eq!((&set["classTeacher"]["name"], &set["coHosts"][0]["name"]), (&json!("张三丰"), &json!("鞋业商会")));
        let input = json!({"seriesId": series, "firstDay": "2027-03-05", "idempotencyKey": "八"});
        let run = made(app.organiser(), "create_run", input.clone()).await["activity"].take();
        assert_eq!((&run["title"], &run["status"], &run["runNumber"]), (&json!("传承研修班第8期"), &json!("DRAFT"), &json!(8)));
        assert_eq!(run["coHosts"], json!([{"id": chamber}]));
        assert_eq!(&text(&run["sessions"][0]["startsAt"])[..16], "2027-03-05T01:00");
        assert_eq!(made(app.organiser(), "create_run", input).await["activity"]["id"], run["id"]);
        let shown = app.organiser().run("series", json!({"id": series})).await;
        let runs = shown["series"]["runs"]["nodes"].as_array().unwrap();
        assert_eq!(runs.len(), 2);
        assert_eq!((&runs[0]["runNumber"], &runs[0]["classTeacher"]), (&json!(8), &json!(null)));
        let ladder = "query($id: ID!) { activity(id: $id) { ... on AcademyClass { leaveLadder { teacherHalfDays academicHalfDays } } } }";
        let shown = app.organiser().ask(ladder, json!({"id": run["id"]})).await;
        assert_eq!(shown["activity"]["leaveLadder"], json!({"teacherHalfDays": 2, "academicHalfDays": 4}));

        // A series of one chamber is none of its neighbours', and a festival has no classes.
        let input = json!({"organisationId": chamber, "title": "鞋业班"});
        let other = text(&made(app.organiser(), "create_series", input).await["series"]["id"]);
        let input = json!({"activityId": school.activity, "seriesId": other});
        assert_eq!(outcome(app.organiser(), "set_class", input).await, "SERIES_OUTSIDE_HOST");
        let festival = app.festival(None, &[]).await;
        let input = json!({"activityId": festival.activity, "seriesId": series});
        assert_eq!(outcome(app.organiser(), "set_class", input).await, "NOT_A_CLASS");
        let input = json!({"seriesId": series, "activityId": festival.activity, "firstDay": "2027-03-05"});
        assert_eq!(outcome(app.organiser(), "create_run", input).await, "NOT_A_CLASS");
        let twice = json!({"organisationId": app.root_id(), "title": "又一班", "code": "CC"});
        assert_eq!(outcome(app.organiser(), "create_series", twice).await, "CODE_TAKEN");
        let odd = json!({"organisationId": app.root_id(), "title": "班", "leaveLadder": {"teacherHalfDays": 3, "academicHalfDays": 2}});
        assert_eq!(outcome(app.organiser(), "create_series", odd).await, "LADDER_INVALID");
        assert_eq!(app.count("SELECT count(*) FROM series").await, 2);
        assert_eq!(app.count("SELECT count(*) FROM class").await, 2);
    }

    async fn trainers_are_seen_at_the_session_and_at_the_person(app) {
        let school = School::open(&app, &app.root_id(), MORNING).await;
        let mut people = Vec::new();
        for (name, phone) in [("张三丰", "13800000001"), ("周芷若", "13800000002")] {
            let input = json!({"organisationId": app.root_id(), "name": name, "phone": phone});
            people.push(text(&made(app.organiser(), "create_person", input).await["person"]["id"]));
        }
        let trainer = |at: usize, topic: &str| json!({"personId": people[at], "topic": topic, "role": "主讲"});
        let set = |all: Value| json!({"sessionId": school.sessions[0], "trainers": all});
        let both = set(json!([trainer(1, "形势"), trainer(0, "太极")]));
        let it = made(app.organiser(), "set_trainers", both).await;
        let names: Vec<&Value> =
            it["session"]["trainers"].as_array().unwrap().iter().map(|it| &it["person"]["name"]).collect();
        assert_eq!(names, ["周芷若", "张三丰"]);
        let again = set(json!([trainer(0, "太极"), trainer(0, "剑法")]));
        assert_eq!(outcome(app.organiser(), "set_trainers", again).await, "TWICE");
        made(app.organiser(), "set_trainers", set(json!([trainer(0, "太极")]))).await;

        let taught = "query($id: ID!) { person(id: $id) { teaching { nodes { topic role session { id activity { title } } } } } }";
        let shown = app.organiser().ask(taught, json!({"id": people[0]})).await;
        let nodes = shown["person"]["teaching"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 1);
        assert_eq!((&nodes[0]["topic"], &nodes[0]["session"]["id"]), (&json!("太极"), &json!(school.sessions[0])));
        let shown = app.organiser().ask(taught, json!({"id": people[1]})).await;
        assert_eq!(shown["person"]["teaching"]["nodes"], json!([]));
        // Figures are no people.
        let viewer = app.account(Role::Viewer, api::account::grant::Over::Organisation(app.root)).await;
        let seen = "query($id: ID!) { session(id: $id) { trainers { topic } } }";
        let shown = viewer.ask(seen, json!({"id": school.sessions[0]})).await;
        assert_eq!(shown["session"]["trainers"], json!([]));
    }

    async fn a_class_is_divided_as_the_list_says_or_by_size(app) {
        let school = School::open(&app, &app.root_id(), MORNING).await;
        let divide = |size: Value, anew: bool| json!({"activityId": school.activity, "size": size, "anew": anew});
        assert_eq!(outcome(app.organiser(), "divide_class", divide(json!(3), false)).await, "NOBODY_TO_DIVIDE");
        listed(&app, &school, "学号,姓名,手机号码,工作单位,职务,小组\n\
            01,赵一,13800000001,温州某某有限公司,董事长,甲组\n\
            02,钱二,13800000002,温州某某有限公司,董事长,乙组\n\
            02,孙三,13800000003,温州某某有限公司,董事长,甲组\n\
            ,李四,13800000004,温州某某有限公司,董事长,\n").await;
        // What the list says is shown before it is taken over.
        let before = members(&app, &school.activity).await;
        assert_eq!(before[0], ("-".to_owned(), "01".to_owned()));
        made(app.organiser(), "divide_class", divide(json!(null), false)).await;
        let of = |all: &[(&str, &str)]| all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
        let now = members(&app, &school.activity).await;
        assert_eq!(now, of(&[("甲组", "01"), ("乙组", "02"), ("甲组", "02"), ("-", "-")]));
        // Two cannot have one number: the second still shows what the list said of it.
        assert_eq!(app.count("SELECT count(*) FROM class_member WHERE student_no = '02'").await, 1);

        assert_eq!(outcome(app.organiser(), "divide_class", divide(json!(3), false)).await, "GROUPS_EXIST");
        assert_eq!(outcome(app.organiser(), "divide_class", divide(json!(1), true)).await, "SIZE_OUT_OF_RANGE");
        let it = made(app.organiser(), "divide_class", divide(json!(3), true)).await;
        let groups = it["activity"]["groups"].as_array().unwrap();
        let sizes: Vec<_> = groups.iter().map(|it| (&it["name"], &it["memberCount"])).collect();
        assert_eq!(sizes, [(&json!("第1组"), &json!(2)), (&json!("第2组"), &json!(2))]);
    }

    async fn a_group_is_led_by_a_member(app) {
        let school = School::open(&app, &app.root_id(), MORNING).await;
        let (one, _) = school.enrol(&app, "赵一", "13800000001").await;
        let (two, _) = school.enrol(&app, "钱二", "13800000002").await;
        let group = async |name: &str| {
            let input = json!({"activityId": school.activity, "name": name});
            text(&made(app.organiser(), "create_group", input).await["group"]["id"])
        };
        let (a, b) = (group("甲组").await, group("乙组").await);
        let input = json!({"activityId": school.activity, "name": "甲组"});
        assert_eq!(outcome(app.organiser(), "create_group", input).await, "NAME_TAKEN");
        let into = |who: &str, group: &str| json!({"registrationId": who, "groupId": group});
        made(app.organiser(), "update_trainee", into(&one, &a)).await;
        let lead = |group: &str, who: &str| json!({"groupId": group, "leaderId": who});
        assert_eq!(outcome(app.organiser(), "update_group", lead(&a, &two)).await, "NOT_A_MEMBER");
        made(app.organiser(), "update_group", lead(&a, &one)).await;
        let input = json!({"registrationId": one, "studentNo": "01", "post": "班长"});
        let it = made(app.organiser(), "update_trainee", input).await["registration"]["classMember"].take();
        assert_eq!((&it["post"], &it["group"]["name"]), (&json!("班长"), &json!("甲组")));
        let input = json!({"registrationId": two, "studentNo": "01"});
        assert_eq!(outcome(app.organiser(), "update_trainee", input).await, "STUDENT_NO_TAKEN");
        assert_eq!(leaders(&app, &school.activity).await, [("甲组".to_owned(), 1, json!(one)), ("乙组".to_owned(), 0, json!(null))]);

        // Lists say what the class says, and where the person sits.
        let seats = json!([{"registrationId": one, "seat": "3桌"}]);
        made(app.organiser(), "set_seats", json!({"activityId": school.activity, "seats": seats})).await;
        let listed = json!({"activityId": school.activity, "columns": ["studentNo", "group", "seat"]});
        let rows = crate::export::taken(&app, listed).await;
        assert!(rows.iter().any(|it| it[it.len() - 3..] == ["01", "甲组", "3桌"]), "{rows:?}");

        let in_group = "query($id: ID!, $group: ID!) { activity(id: $id) { registrations(filter: {groupId: $group}) { nodes { id } } } }";
        let found = app.organiser().ask(in_group, json!({"id": school.activity, "group": a})).await;
        assert_eq!(found["activity"]["registrations"]["nodes"], json!([{"id": one}]));
        // Whoever goes elsewhere leads it no more; a group that is removed leaves its members.
        made(app.organiser(), "update_trainee", into(&one, &b)).await;
        assert_eq!(leaders(&app, &school.activity).await, [("甲组".to_owned(), 0, json!(null)), ("乙组".to_owned(), 1, json!(null))]);
        made(app.organiser(), "remove_group", json!({"groupId": b})).await;
        assert_eq!(members(&app, &school.activity).await[0], ("-".to_owned(), "01".to_owned()));
        assert_eq!(app.organiser().fail(&crate::app::document("remove_group"), json!({"input": {"groupId": b}})).await, "NOT_FOUND");
        let other = School::of(&app, &school.programme, &app.root_id(), None, MORNING).await;
        let input = json!({"activityId": other.activity, "name": "甲组"});
        let elsewhere = text(&made(app.organiser(), "create_group", input).await["group"]["id"]);
        assert_eq!(outcome(app.organiser(), "update_trainee", into(&one, &elsewhere)).await, "GROUP_UNKNOWN");
    }

    /// Twenty minutes before and after midnight in Wenzhou, which is no midnight for the server.
    async fn trainees_are_expected_from_day_to_day(app) {
        let school = School::open(&app, &app.root_id(), &[
            ("2026-11-03T09:00", "2026-11-03T12:00"),
            ("2026-11-03T23:40", "2026-11-03T23:59"),
            ("2026-11-04T00:20", "2026-11-04T01:20"),
            ("2026-11-05T09:00", "2026-11-05T12:00"),
        ]).await;
        school.enrol(&app, "赵一", "13800000001").await;
        let (late, _) = school.enrol(&app, "钱二", "13800000002").await;
        let (gone, code) = school.enrol(&app, "孙三", "13800000003").await;
        assert_eq!(school.figures(&app, "expected").await, [3, 3, 3, 3]);
        let enrol = |on: Value| json!({"registrationId": late, "enrolledOn": on});
        made(app.organiser(), "set_enrolment", enrol(json!("2026-11-04"))).await;
        assert_eq!(school.figures(&app, "expected").await, [2, 2, 3, 3]);
        assert_eq!(outcome(app.organiser(), "set_enrolment", enrol(json!("2026-11-06"))).await, "DAY_INVALID");
        made(app.organiser(), "set_enrolment", enrol(json!(null))).await;
        assert_eq!(school.figures(&app, "expected").await, [3, 3, 3, 3]);
        made(app.organiser(), "set_enrolment", enrol(json!("2026-11-04"))).await;

        *app.clock() = instant("2026-11-03T09:00");
        let client = app.anew(app.organiser()).await;
        let scan = |session: &str| json!({"sessionId": session, "ticketCode": code, "scanId": app.uuid()});
        assert_eq!(made(&client, "check_in", scan(&school.sessions[0])).await["outcome"], "ADMITTED");
        // Announced for tomorrow: it holds its seat until then.
        let leave = |on: &str| json!({"registrationId": gone, "on": on, "reason": "工作调动"});
        let it = made(&client, "withdraw_trainee", leave("2026-11-04")).await["registration"].take();
        assert_eq!((&it["status"], &it["withdrawnOn"]), (&json!("CONFIRMED"), &json!("2026-11-04")));
        assert_eq!(school.figures(&app, "expected").await, [2, 2, 2, 2]);
        *app.clock() = instant("2026-11-03T23:55");
        app.work().await;
        let client = app.anew(app.organiser()).await;
        assert_eq!(made(&client, "check_in", scan(&school.sessions[1])).await["outcome"], "ADMITTED");
        *app.clock() = instant("2026-11-04T00:00");
        app.work().await;
        let shown = client.run("registration", json!({"id": gone})).await["registration"].take();
        assert_eq!((&shown["status"], &shown["statusReason"]), (&json!("CANCELLED"), &json!("工作调动")));
        assert_eq!(shown["attendances"].as_array().unwrap().len(), 2);
        assert_eq!(made(&client, "check_in", scan(&school.sessions[2])).await["outcome"], "CANCELLED");
        assert_eq!(school.figures(&app, "expected").await, [2, 2, 2, 2]);
        assert_eq!(school.figures(&app, "present").await, [1, 0, 0, 0]);
        assert_eq!(school.figures(&app, "late").await, [0, 1, 0, 0]);
        // Twice is refused, and one who comes back belongs to all days again.
        assert_eq!(outcome(&client, "withdraw_trainee", leave("2026-11-05")).await, "WRONG_STATUS");
        made(&client, "revive_registration", json!({"registrationId": gone})).await;
        assert_eq!(school.figures(&app, "expected").await, [2, 2, 3, 3]);
    }

    async fn who_withdraws_frees_the_seat(app) {
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "孙三", "13800000003").await;
        let input = json!({"kind": "ACADEMY", "title": "民营经济学院", "year": 2026, "ownerId": app.root_id()});
        let programme = text(&made(app.organiser(), "create_programme", input).await["programme"]["id"]);
        let school = School::of(&app, &programme, &app.root_id(), Some(1), &[
            ("2026-11-03T09:00", "2026-11-03T12:00"), ("2026-11-04T09:00", "2026-11-04T12:00"),
        ]).await;
        let (gone, _) = school.enrol(&app, "赵一", "13800000001").await;
        let (next, _) = school.enrol(&app, "钱二", "13800000002").await;
        let leave = |on: &str| json!({"registrationId": gone, "on": on, "reason": "工作调动"});
        assert_eq!(outcome(app.organiser(), "withdraw_trainee", leave("2026-11-05")).await, "DAY_INVALID");
        assert_eq!(outcome(app.organiser(), "withdraw_trainee", json!({"registrationId": gone, "on": "2026-11-04", "reason": " "})).await, "REASON_MISSING");
        made(app.organiser(), "withdraw_trainee", leave("2026-11-04")).await;
        assert_eq!(school.figures(&app, "expected").await, [1, 0]);
        // Taken back, said again, and come.
        made(app.organiser(), "revive_registration", json!({"registrationId": gone})).await;
        assert_eq!(school.figures(&app, "expected").await, [1, 1]);
        made(app.organiser(), "withdraw_trainee", leave("2026-11-03")).await;
        *app.clock() = instant("2026-11-03T00:00") - TimeDelta::seconds(1);
        app.work().await;
        let client = app.anew(app.organiser()).await;
        let status = async |id: &str| text(&client.run("registration", json!({"id": id})).await["registration"]["status"]);
        assert_eq!((status(&gone).await, status(&next).await), ("CONFIRMED".to_owned(), "WAITLISTED".to_owned()));
        *app.clock() = instant("2026-11-03T00:00");
        app.work().await;
        assert_eq!((status(&gone).await, status(&next).await), ("CANCELLED".to_owned(), "OFFERED".to_owned()));
        // A withdrawal of today is one at once.
        made(&client, "answer_registration", json!({"registrationId": next, "attending": true})).await;
        let input = json!({"registrationId": next, "on": "2026-11-03", "reason": "出国"});
        assert_eq!(made(&client, "withdraw_trainee", input).await["registration"]["status"], "CANCELLED");
        assert_eq!(school.figures(&app, "expected").await, [0, 0]);
        let input = json!({"registrationId": ticket.registration, "on": "2026-11-03", "reason": "出国"});
        assert_eq!(outcome(&client, "withdraw_trainee", input).await, "NOT_A_CLASS");
    }

    /// A list of classes costs as many statements as one class.
    async fn a_list_of_classes_is_flat(app) {
        let series = series(&app, "CC").await;
        let school = School::open(&app, &app.root_id(), MORNING).await;
        made(app.organiser(), "set_class", json!({"activityId": school.activity, "seriesId": series})).await;
        for day in 1..=9 {
            let input = json!({"seriesId": series, "firstDay": format!("2027-03-0{day}")});
            made(app.organiser(), "create_run", input).await;
        }
        let document = "query($first: Int) { activities(first: $first) { nodes { ... on AcademyClass {
            runNumber series { title } coHosts { name } classTeacher { name } leaveLadder { teacherHalfDays } sessions { trainers { topic } } } } } }";
        let mut taken = Vec::new();
        for first in [10, 2, 10] {
            let before = app.app.db.statements();
            let shown = app.organiser().ask(document, json!({"first": first})).await;
            taken.push(app.app.db.statements() - before);
            assert_eq!(shown["activities"]["nodes"].as_array().unwrap().len(), first);
        }
        assert_eq!(taken[1], taken[2], "{taken:?}");
    }
}
