//! People and organisations over the years, by numbers worked out by hand.

use chrono::{TimeDelta, TimeZone, Utc};
use entity::role_grant::Role;
use serde_json::{Value, json};

use crate::{
    app::{Client, TestApp, on_both},
    fixture::{an_activity, organisation, text},
};

/// An activity that an organisation holds, with one session in half an hour.
struct Held {
    activity: String,
    session: String,
}

async fn organisation_below(app: &TestApp, parent: &str, name: &str) -> String {
    let input = json!({"parentId": parent, "kind": "FEDERATION", "name": name});
    let admin = app.anew(app.organiser()).await;
    let made = admin.run("create_organisation", json!({"input": input})).await;
    text(&made["createOrganisation"]["organisation"]["id"])
}

async fn person(app: &TestApp, home: &str, name: &str, nth: usize) -> String {
    let input = json!({"organisationId": home, "name": name, "phone": crate::lists::phone(nth)});
    let admin = app.anew(app.organiser()).await;
    let made = admin.run("create_person", json!({"input": input})).await;
    text(&made["createPerson"]["person"]["id"])
}

/// Holds an activity, to which all these people are registered and the first `came` of them come.
async fn hold(app: &TestApp, host: &str, title: &str, people: &[&String], came: usize) -> Held {
    let admin = app.anew(app.organiser()).await;
    let input = json!({"kind": "RELAY", "title": title, "year": 2026, "ownerId": host});
    let made = admin.run("create_programme", json!({"input": input})).await;
    let at = |minutes| (app.now() + TimeDelta::minutes(minutes)).to_rfc3339();
    let input = json!({"programmeId": made["createProgramme"]["programme"]["id"], "title": title,
        "sessions": [{"title": title, "startsAt": at(30), "endsAt": at(180)}]});
    let made = admin.run("create_activity", json!({"input": input})).await;
    let activity = &made["createActivity"]["activity"];
    let held =
        Held { activity: text(&activity["id"]), session: text(&activity["sessions"][0]["id"]) };
    admin.run("publish_activity", json!({"input": {"activityId": held.activity}})).await;
    for (nth, person) in people.iter().enumerate() {
        let input = json!({"activityId": held.activity, "personId": person});
        let made = admin.run("register_attendee", json!({"input": input})).await;
        let code = &made["registerAttendee"]["registration"]["ticketCode"];
        if nth < came {
            let input =
                json!({"sessionId": held.session, "ticketCode": code, "scanId": app.uuid()});
            let done = admin.run("check_in", json!({"input": input})).await;
            assert_eq!(done["checkIn"]["outcome"], "ADMITTED", "{done}");
        }
    }
    held
}

const HISTORY: &str = "query($id: ID!, $year: Int, $figures: Int!) { person(id: $id) {
    figures(year: $figures) { year activities sessions }
    history(first: 10, year: $year) { nodes { activity { title } counted attended late excused absent attendanceRate
        registration { status attendances { status session { title } } } } } } }";

/// The titles of what somebody sees of a person's history, and the figures of a year.
async fn seen(client: &Client, person: &str, year: Value, figures: i32) -> (Vec<String>, Value) {
    let data = client.ask(HISTORY, json!({"id": person, "year": year, "figures": figures})).await;
    let nodes = data["person"]["history"]["nodes"].as_array().unwrap();
    let titles = nodes.iter().map(|it| text(&it["activity"]["title"])).collect();
    (titles, data["person"]["figures"].clone())
}

const YEAR: &str = "query($id: ID!, $year: Int!) { organisation(id: $id) {
    figures(year: $year) { year activities sessions people personTimes firstTimers regulars expected attendanceRate }
    participation(year: $year) { year activities sessions people personTimes firstTimers regulars expected attendanceRate } } }";

const PEOPLE: &str = "query($id: ID!, $year: Int!, $among: ParticipantGroup!, $first: Int, $after: String) { organisation(id: $id) {
    participation(year: $year) { participants(first: $first, after: $after, among: $among) {
        edges { node { person { name phone } activities sessions isFirstTimer isRegular } } pageInfo { hasNextPage endCursor } } } } }";

fn numbers(it: &Value, keys: &[&str]) -> Vec<i64> {
    keys.iter().map(|key| it[*key].as_i64().unwrap_or_else(|| panic!("{key}: {it}"))).collect()
}

on_both! {
    async fn a_history_is_every_activity_and_what_came_of_it(app) {
        let root = app.root_id();
        let (a, b) = (organisation_below(&app, &root, "鹿城区").await, organisation_below(&app, &root, "瑞安市").await);
        *app.clock() = Utc.with_ymd_and_hms(2025, 12, 31, 15, 20, 0).unwrap();
        let one = person(&app, &a, "张三丰", 1).await;
        let other = person(&app, &a, "李四光", 2).await;
        // 23:50 on New Year's Eve in Shanghai; the next one begins ten minutes into the new year.
        hold(&app, &a, "除夕", &[&one], 1).await;
        *app.clock() += TimeDelta::minutes(20);
        hold(&app, &a, "元旦", &[&one, &other], 2).await;
        *app.clock() = Utc.with_ymd_and_hms(2026, 3, 1, 1, 0, 0).unwrap();
        let spring = hold(&app, &b, "春季", &[&other, &one], 1).await;
        *app.clock() += TimeDelta::days(1);

        let admin = app.anew(app.organiser()).await;
        let (all, figures) = seen(&admin, &one, Value::Null, 2026).await;
        assert_eq!(all, ["春季", "元旦", "除夕"]);
        assert_eq!(numbers(&figures, &["activities", "sessions"]), [1, 1]);
        assert_eq!(seen(&admin, &one, json!(2025), 2025).await.0, ["除夕"]);
        assert_eq!(seen(&admin, &one, json!(2026), 2025).await.0, ["春季", "元旦"]);
        let data = admin.ask(HISTORY, json!({"id": one, "year": 2026, "figures": 2026})).await;
        let nodes = &data["person"]["history"]["nodes"];
        let keys = ["counted", "attended", "late", "excused", "absent"];
        assert_eq!(numbers(&nodes[0], &keys), [1, 0, 0, 0, 1]);
        assert_eq!(numbers(&nodes[1], &keys), [1, 1, 0, 0, 0]);
        assert_eq!(nodes[1]["registration"]["attendances"][0]["session"]["title"], "元旦");
        assert_eq!((&nodes[0]["attendanceRate"], &nodes[1]["attendanceRate"]), (&json!(0.0), &json!(1.0)));

        // Whoever sees an activity alone sees that alone, and counts no more.
        let organiser = app.account(Role::Organiser, an_activity(&spring.activity)).await;
        let (titles, figures) = seen(&organiser, &other, Value::Null, 2026).await;
        assert_eq!((titles, numbers(&figures, &["activities", "sessions"])), (vec!["春季".to_owned()], vec![1, 1]));
        let district = app.account(Role::OrgAdmin, organisation(&a)).await;
        let (titles, figures) = seen(&district, &other, Value::Null, 2026).await;
        assert_eq!((titles, numbers(&figures, &["activities", "sessions"])), (vec!["元旦".to_owned()], vec![1, 1]));
        // A liaison officer sees the own people, and what the own organisation recommended them for: nothing here.
        let liaison = app.account(Role::Liaison, organisation(&a)).await;
        let (titles, figures) = seen(&liaison, &other, Value::Null, 2026).await;
        assert_eq!((titles, numbers(&figures, &["activities", "sessions"])), (vec![], vec![0, 0]));
        let door = app.account(Role::DoorStaff, an_activity(&spring.activity)).await;
        let answer = door.send(HISTORY, json!({"id": other, "year": null, "figures": 2026})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
        let answer = admin.send(HISTORY, json!({"id": other, "year": 12, "figures": 2026})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    }

    async fn a_long_history_takes_no_more_statements(app) {
        let one = person(&app, &app.root_id(), "张三丰", 1).await;
        for nth in 0..12 {
            hold(&app, &app.root_id(), &format!("接力{nth}"), &[&one], 1).await;
        }
        let admin = app.anew(app.organiser()).await;
        let count = async |first: usize| {
            let document = HISTORY.replace("first: 10", &format!("first: {first}"));
            let before = app.app.db.statements();
            let data = admin.ask(&document, json!({"id": one, "year": 2026, "figures": 2026})).await;
            assert_eq!(data["person"]["history"]["nodes"].as_array().unwrap().len(), first);
            app.app.db.statements() - before
        };
        count(2).await;
        assert_eq!(count(2).await, count(12).await);
    }

    async fn a_year_of_an_organisation_is_what_a_hand_counts(app) {
        let root = app.root_id();
        let (a, b) = (organisation_below(&app, &root, "鹿城区").await, organisation_below(&app, &root, "瑞安市").await);
        let chamber = organisation_below(&app, &a, "鞋革行业协会").await;
        *app.clock() = Utc.with_ymd_and_hms(2025, 5, 1, 1, 0, 0).unwrap();
        // 一 and 二 are of the chamber below A, 三 is A's own, 四 is B's.
        let mut people = Vec::new();
        for (nth, (name, home)) in [("张一一", &chamber), ("张二二", &chamber), ("张三三", &a), ("张四四", &b)].into_iter().enumerate() {
            people.push(person(&app, home, name, nth).await);
        }
        let [one, two, three, four] = &people[..] else { panic!() };
        // Last year only 二 came to something.
        hold(&app, &b, "去年", &[two, one], 1).await;
        *app.clock() = Utc.with_ymd_and_hms(2026, 5, 1, 1, 0, 0).unwrap();
        hold(&app, &a, "甲", &[one, two, four, three], 3).await;
        hold(&app, &chamber, "乙", &[one, two], 2).await;
        hold(&app, &b, "丙", &[one, three], 1).await;
        // 甲, 乙 and 丙 are over, and closed a day later.
        *app.clock() += TimeDelta::days(2);
        api::housekeeping::begin(&app.app).await.unwrap();
        app.work().await;

        let admin = app.anew(app.organiser()).await;
        let year = async |client: &Client, id: &str, year: i32| {
            client.ask(YEAR, json!({"id": id, "year": year})).await["organisation"].take()
        };
        let keys = ["activities", "sessions", "people", "personTimes", "firstTimers", "regulars", "expected"];
        let of_a = year(&admin, &a, 2026).await;
        // What A and its chamber held: 甲 with 一, 二 and 四 of four, 乙 with 一 and 二.
        assert_eq!(numbers(&of_a["figures"], &keys), [2, 2, 3, 5, 2, 0, 6]);
        assert!((of_a["figures"]["attendanceRate"].as_f64().unwrap() - 5.0 / 6.0).abs() < 1e-9);
        // A's people: 一 thrice, 二 twice, 三 never, wherever they were.
        assert_eq!(numbers(&of_a["participation"], &keys), [3, 3, 2, 5, 1, 1, 7]);
        assert!((of_a["participation"]["attendanceRate"].as_f64().unwrap() - 5.0 / 7.0).abs() < 1e-9);
        let of_root = year(&admin, &root, 2026).await;
        assert_eq!(numbers(&of_root["figures"], &keys), [3, 3, 3, 6, 2, 1, 8]);
        assert_eq!(numbers(&of_root["participation"], &keys), [3, 3, 3, 6, 2, 1, 8]);
        let of_b = year(&admin, &b, 2025).await;
        assert_eq!(numbers(&of_b["figures"], &keys), [1, 1, 1, 1, 1, 0, 2]);
        assert_eq!(numbers(&year(&admin, &b, 2024).await["participation"], &keys), [0; 7]);
        assert_eq!(year(&admin, &b, 2024).await["participation"]["attendanceRate"], Value::Null);

        // The lists behind the figures, page by page.
        let list = async |client: &Client, among: &str| {
            let (mut after, mut all) = (Value::Null, Vec::new());
            loop {
                let variables = json!({"id": a, "year": 2026, "among": among, "first": 1, "after": after});
                let data = client.ask(PEOPLE, variables).await;
                let page = &data["organisation"]["participation"]["participants"];
                for it in page["edges"].as_array().unwrap() {
                    let it = &it["node"];
                    all.push((text(&it["person"]["name"]), it["activities"].as_i64().unwrap(), it["sessions"].as_i64().unwrap(),
                        it["isFirstTimer"] == true, it["isRegular"] == true));
                }
                if page["pageInfo"]["hasNextPage"] == false {
                    return all;
                }
                after = page["pageInfo"]["endCursor"].clone();
            }
        };
        let (first, second) = (("张一一".to_owned(), 3, 3, true, true), ("张二二".to_owned(), 2, 2, false, false));
        assert_eq!(list(&admin, "ALL").await, [first.clone(), second]);
        assert_eq!(list(&admin, "FIRST_TIMERS").await, std::slice::from_ref(&first));
        assert_eq!(list(&admin, "REGULARS").await, [first]);

        // A VIEWER sees figures and nobody; whoever is of the neighbour sees neither.
        let viewer = app.account(Role::Viewer, organisation(&a)).await;
        assert_eq!(year(&viewer, &a, 2026).await, of_a);
        let variables = json!({"id": a, "year": 2026, "among": "ALL", "first": 1, "after": null});
        let answer = viewer.send(PEOPLE, variables.clone()).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
        assert!(!answer.to_string().contains("张一一"));
        let neighbour = app.account(Role::OrgAdmin, organisation(&b)).await;
        let answer = neighbour.send(PEOPLE, variables).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
    }
}
