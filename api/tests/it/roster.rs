//! Lists: staged, looked through, committed, imported again, undone, refused.

use std::{collections::BTreeMap, fmt::Write};

use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::{
    app::{Client, Festival, TestApp, on_both},
    lists,
};

/// Uploads and stages a list; the payload.
async fn try_stage(client: &Client, festival: &Festival, name: &str, content: &[u8]) -> Value {
    let upload = client.upload("list", content).await;
    assert!(upload.starts_with("upload_"), "{name}");
    let input = json!({
        "activityId": festival.activity, "uploadId": upload, "profile": "EVENT",
        "eventDate": "2019-11-01",
    });
    client.run("stage_roster", json!({"input": input})).await["stageRoster"].take()
}

/// Stages a list that can be read; the batch.
async fn stage(client: &Client, festival: &Festival, content: impl AsRef<[u8]>) -> Value {
    let mut staged = try_stage(client, festival, "list", content.as_ref()).await;
    assert_eq!(staged["userErrors"], json!([]));
    staged["batch"].take()
}

const COMMIT: &str = "mutation($input: CommitRosterInput!) { commitRoster(input: $input) {
    batch { id status registered waitlisted declined updated unchanged } userErrors { code message } } }";

async fn commit(client: &Client, batch: &Value) -> Value {
    let done = client.ask(COMMIT, json!({"input": {"batchId": batch["id"]}})).await;
    done["commitRoster"].clone()
}

/// Stages and commits a list: how many were registered, waitlisted, declined, updated, unchanged.
async fn import(
    client: &Client,
    festival: &Festival,
    content: impl AsRef<[u8]>,
) -> (Value, [i64; 5]) {
    let batch = stage(client, festival, content).await;
    let done = commit(client, &batch).await;
    assert_eq!(done["batch"]["status"], "COMMITTED", "{done}");
    (batch, figures(&done["batch"]))
}

fn figures(batch: &Value) -> [i64; 5] {
    ["registered", "waitlisted", "declined", "updated", "unchanged"]
        .map(|key| batch[key].as_i64().unwrap())
}

async fn undo(client: &Client, batch: &Value) -> Value {
    let input = json!({"input": {"batchId": batch["id"]}});
    client.run("undo_roster", input).await["undoRoster"].take()
}

/// The rows of a batch, page by page, forward or backward; in the order of the file.
async fn rows(client: &Client, batch: &Value, outcome: Option<&str>, forward: bool) -> Vec<Value> {
    let document = "query($id: ID!, $first: Int, $after: String, $last: Int, $before: String, $outcome: RosterOutcome) {
        rosterBatch(id: $id) { rows(first: $first, after: $after, last: $last, before: $before, outcome: $outcome) {
            nodes { row outcome codes name phone organisation title mergedInto }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }";
    let (mut all, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = if forward {
            json!({"id": batch["id"], "outcome": outcome, "first": 70, "after": cursor})
        } else {
            json!({"id": batch["id"], "outcome": outcome, "last": 70, "before": cursor})
        };
        let data = client.ask(document, page).await;
        let rows = &data["rosterBatch"]["rows"];
        let nodes = rows["nodes"].as_array().unwrap().clone();
        let (more, next) = if forward {
            all.extend(nodes);
            ("hasNextPage", "endCursor")
        } else {
            all.splice(0..0, nodes);
            ("hasPreviousPage", "startCursor")
        };
        if rows["pageInfo"][more] == false {
            return all;
        }
        cursor = rows["pageInfo"][next].clone();
    }
}

fn row_numbers(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|it| it["row"].as_i64().unwrap()).collect()
}

/// What is registered: name → status, organisation, title.
async fn registered(client: &Client, festival: &Festival) -> BTreeMap<String, [String; 3]> {
    let document = "query($id: ID!, $after: String) { activity(id: $id) { registrations(first: 100, after: $after) {
        nodes { status organisationName title person { name maskedPhone } } pageInfo { hasNextPage endCursor } } } }";
    let (mut all, mut after) = (BTreeMap::new(), Value::Null);
    loop {
        let data = client.ask(document, json!({"id": festival.activity, "after": after})).await;
        let page = &data["activity"]["registrations"];
        for it in page["nodes"].as_array().unwrap() {
            let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
            let key =
                format!("{} {}", text(&it["person"]["name"]), text(&it["person"]["maskedPhone"]));
            let value = [&it["status"], &it["organisationName"], &it["title"]].map(text);
            assert!(all.insert(key.clone(), value).is_none(), "{key} is registered twice");
        }
        if page["pageInfo"]["hasNextPage"] == false {
            return all;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

async fn people(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM person").await
}

/// Pools whose count is not what a recount gives.
async fn assert_pools(app: &TestApp) {
    let wrong = "SELECT count(*) FROM capacity_pool p WHERE p.taken <> (SELECT count(*) FROM registration r
        WHERE r.activity_id = p.activity_id AND (p.category_id IS NULL OR r.category_id = p.category_id)
        AND r.status IN ('CONFIRMED', 'OFFERED'))";
    assert_eq!(app.count(wrong).await, 0);
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(lists::sample(name)).unwrap()
}

/// A list of a few people: name, organisation, phone, whether they come.
fn few(people: &[(&str, &str, usize, &str)]) -> String {
    let mut list = "姓名,单位,职务,手机,是否参会\n".to_owned();
    for (name, organisation, nth, comes) in people {
        writeln!(list, "{name},{organisation},董事长,{},{comes}", lists::phone(*nth)).unwrap();
    }
    list
}

on_both! {
    async fn a_sample_is_staged_as_the_specification_says(app) {
        let festival = app.festival(None, &[]).await;
        let expected: Value = serde_json::from_slice(&sample("A.expected.json")).unwrap();
        let batch = stage(app.organiser(), &festival, sample(lists::SAMPLE_A)).await;
        for (key, theirs) in [("dataRows", "data_rows"), ("acceptedRows", "accepted_rows"), ("rejectedRows", "rejected_rows"),
            ("mergedRows", "merged_rows"), ("persons", "persons")] {
            assert_eq!(batch["counts"][key], expected["counts"][theirs], "{key}");
        }
        assert_eq!((&batch["status"], &batch["sheet"]), (&json!("STAGED"), &expected["sheet"]));
        assert_eq!(batch["unmappedColumns"], expected["unmapped_columns"]);
        assert_eq!(app.count("SELECT count(*) FROM registration").await, 0, "nobody is registered by it");

        let client = app.organiser();
        let all = rows(client, &batch, None, true).await;
        assert_eq!(all.len(), 320);
        assert!(row_numbers(&all).is_sorted());
        assert_eq!(all, rows(client, &batch, None, false).await);
        for (outcome, count) in [("NEW", 290), ("UPDATES", 0), ("UNCHANGED", 0), ("MERGED", 13), ("REJECTED", 17)] {
            let some = rows(client, &batch, Some(outcome), true).await;
            assert_eq!(some.len(), count, "{outcome}");
            assert!(some.iter().all(|it| it["outcome"] == outcome));
            assert_eq!(some, rows(client, &batch, Some(outcome), false).await);
        }
        let rejected = rows(client, &batch, Some("REJECTED"), true).await;
        for (ours, theirs) in rejected.iter().zip(expected["rejected"].as_array().unwrap()) {
            assert_eq!(ours["row"], theirs["row"]);
            let codes = ours["codes"].as_array().unwrap().iter().filter(|it| **it != "HIDDEN_ROW").cloned().collect::<Value>();
            assert_eq!(codes, theirs["codes"]);
        }
        for theirs in expected["accepted"].as_array().unwrap() {
            let ours = all.iter().find(|it| it["row"] == theirs["row"]).unwrap();
            assert_eq!((&ours["name"], &ours["phone"]), (&theirs["data"]["name"], &theirs["data"]["phone"]));
            assert_eq!((&ours["organisation"], &ours["title"]), (&theirs["data"]["org"], &theirs["data"]["title"]));
        }
    }

    async fn a_sample_registers_whom_there_is_room_for_in_its_order(app) {
        let festival = app.festival(Some(200), &[]).await;
        let (batch, figures) = import(app.organiser(), &festival, sample(lists::SAMPLE_A)).await;
        assert_eq!(figures, [200, 81, 9, 0, 0]);
        assert_eq!(festival.seats_taken(&app).await, 200);
        assert_pools(&app).await;
        // Nobody who waits stands before somebody who has a seat.
        let waits_before = "SELECT count(*) FROM registration a JOIN registration b ON b.list_row > a.list_row
            WHERE a.status = 'WAITLISTED' AND b.status = 'CONFIRMED'";
        assert_eq!(app.count(waits_before).await, 0);
        assert_eq!(commit(app.organiser(), &batch).await["userErrors"][0]["code"], "WRONG_STATUS");
    }

    async fn the_same_file_again_registers_nobody_and_changes_nothing(app) {
        let festival = app.festival(Some(250), &[]).await;
        import(app.organiser(), &festival, sample(lists::SAMPLE_A)).await;
        let (before, made) = (registered(app.organiser(), &festival).await, people(&app).await);
        let batch = stage(app.organiser(), &festival, sample(lists::SAMPLE_A)).await;
        assert_eq!(rows(app.organiser(), &batch, Some("UNCHANGED"), true).await.len(), 290);
        let done = commit(app.organiser(), &batch).await;
        assert_eq!(figures(&done["batch"]), [0, 0, 0, 0, 290]);
        assert_eq!(registered(app.organiser(), &festival).await, before);
        assert_eq!(people(&app).await, made);
        assert_pools(&app).await;
    }

    async fn two_lists_of_the_same_people_committed_at_once_register_each_once(app) {
        for size in [30, 700] {
            let festival = app.festival(Some(20), &[]).await;
            let client = app.organiser();
            let list = lists::list(0..size);
            // Backwards, so that the two would meet in the middle.
            let backwards = lists::list((0..size).rev());
            let (one, other) = (stage(client, &festival, &list).await, stage(client, &festival, &backwards).await);
            let (one, other) = tokio::join!(commit(client, &one), commit(client, &other));
            let sum = |at: usize| figures(&one["batch"])[at] + figures(&other["batch"])[at];
            let size = i64::try_from(size).unwrap();
            assert_eq!([sum(0), sum(1), sum(3), sum(4)], [20, size - 20, 0, size]);
            assert_eq!(registered(client, &festival).await.len(), usize::try_from(size).unwrap());
            assert_pools(&app).await;
        }
        assert_eq!(people(&app).await, 700);
    }

    async fn two_activities_take_the_same_new_people_at_once(app) {
        let (one, other) = (app.festival(None, &[]).await, app.festival(None, &[]).await);
        let client = app.organiser();
        let (first, second) = (lists::list(0..600), lists::list((0..600).rev()));
        let (first, second) = (stage(client, &one, first).await, stage(client, &other, second).await);
        let (first, second) = tokio::join!(commit(client, &first), commit(client, &second));
        assert_eq!(figures(&first["batch"]), [600, 0, 0, 0, 0]);
        assert_eq!(figures(&second["batch"]), [600, 0, 0, 0, 0]);
        assert_eq!(people(&app).await, 600);
    }

    async fn a_list_committed_twice_at_once_is_committed_once(app) {
        let festival = app.festival(None, &[]).await;
        let client = app.organiser();
        let batch = stage(client, &festival, lists::list(0..40)).await;
        let done: [Value; 2] = tokio::join!(commit(client, &batch), commit(client, &batch)).into();
        assert_eq!(done.iter().filter(|it| it["batch"]["registered"] == 40).count(), 1);
        assert_eq!(done.iter().filter(|it| it["userErrors"][0]["code"] == "WRONG_STATUS").count(), 1);
        assert_eq!(registered(client, &festival).await.len(), 40);
    }

    async fn a_list_that_says_otherwise_updates(app) {
        let festival = app.festival(None, &[]).await;
        let client = app.organiser();
        import(client, &festival, few(&[("张一", "甲厂", 1, "是"), ("张二", "乙厂", 2, "是")])).await;
        let changed = few(&[("张一", "丙厂", 1, "是"), ("张二", "", 2, "是"), ("张三丰", "丁厂", 3, "是")]);
        let batch = stage(client, &festival, &changed).await;
        let outcomes: Vec<Value> = rows(client, &batch, None, true).await.iter().map(|it| it["outcome"].clone()).collect();
        assert_eq!(outcomes, ["UPDATES", "UNCHANGED", "NEW"]);
        assert_eq!(figures(&commit(client, &batch).await["batch"]), [1, 0, 0, 1, 1]);
        let there = registered(client, &festival).await;
        let organisation = |nth: usize| there.iter().find(|(key, _)| key.ends_with(&api::mask::phone(&lists::phone(nth)))).unwrap().1[1].clone();
        // What a list leaves open stays as it is.
        assert_eq!([organisation(1), organisation(2), organisation(3)], ["丙厂", "乙厂", "丁厂"]);

        assert_eq!(undo(client, &batch).await["batch"]["status"], "UNDONE");
        let there = registered(client, &festival).await;
        assert_eq!(there.values().map(|it| it[1].as_str()).collect::<Vec<_>>(), ["甲厂", "乙厂"]);
        assert_eq!(people(&app).await, 2);
    }

    async fn whoever_does_not_come_has_no_seat_until_they_do(app) {
        let festival = app.festival(Some(2), &[]).await;
        let client = app.organiser();
        let status = async |nth: usize| {
            let there = registered(client, &festival).await;
            there.iter().find(|(key, _)| key.ends_with(&api::mask::phone(&lists::phone(nth)))).unwrap().1[0].clone()
        };
        let list = |one: &str, two: &str, three: &str| few(&[("张一", "甲厂", 1, one), ("张二", "乙厂", 2, two), ("张三丰", "丙厂", 3, three)]);
        let (_, figures) = import(client, &festival, list("是", "请假", "是")).await;
        assert_eq!(figures, [2, 0, 1, 0, 0]);
        assert_eq!([status(1).await, status(2).await], ["CONFIRMED", "DECLINED"]);
        // Full: whoever comes after all has to wait, like everybody else.
        let (late, figures) = import(client, &festival, list("是", "是", "是")).await;
        assert_eq!(figures, [0, 0, 0, 1, 2]);
        assert_eq!(status(2).await, "WAITLISTED");
        assert_eq!(undo(client, &late).await["batch"]["status"], "UNDONE");
        assert_eq!(status(2).await, "DECLINED");
        // One seat is given back, and taken by who comes after all.
        let (away, figures) = import(client, &festival, list("不参加", "请假", "是")).await;
        assert_eq!(figures, [0, 0, 0, 1, 2]);
        assert_eq!(festival.seats_taken(&app).await, 1);
        import(client, &festival, few(&[("张二", "乙厂", 2, "是")])).await;
        assert_eq!([status(1).await, status(2).await], ["DECLINED", "CONFIRMED"]);
        assert_eq!(festival.seats_taken(&app).await, 2);
        // Full again: what was taken from the first cannot be given back.
        undo(client, &away).await;
        assert_eq!(status(1).await, "WAITLISTED");
        assert_eq!(festival.seats_taken(&app).await, 2);
        assert_pools(&app).await;
    }

    async fn a_list_takes_no_more_seats_than_its_category_has(app) {
        let festival = app.festival(Some(10), &[("嘉宾", Some(4))]).await;
        let batch = stage(app.organiser(), &festival, lists::list(0..12)).await;
        let input = json!({"input": {"batchId": batch["id"], "category": "没有的"}});
        assert_eq!(app.organiser().ask(COMMIT, input).await["commitRoster"]["userErrors"][0]["code"], "CATEGORY_UNKNOWN");
        let input = json!({"input": {"batchId": batch["id"], "category": "嘉宾"}});
        let done = app.organiser().ask(COMMIT, input).await;
        assert_eq!(figures(&done["commitRoster"]["batch"]), [4, 8, 0, 0, 0]);
        assert_pools(&app).await;
    }

    async fn an_undo_removes_what_the_list_alone_brought(app) {
        let (festival, other) = (app.festival(Some(50), &[]).await, app.festival(None, &[]).await);
        let client = app.organiser();
        festival.register(&app, &lists::name(0), &lists::phone(0)).await;
        let before = registered(client, &festival).await;
        let (batch, figures) = import(client, &festival, lists::list(0..60)).await;
        assert_eq!(figures, [49, 10, 0, 1, 0]);
        // Somebody whom the list brought is on something else by now, and somebody on another list of the activity.
        other.register(&app, &lists::name(5), &lists::phone(5)).await;
        let (second, _) = import(client, &festival, lists::list(6..7)).await;
        let done = undo(client, &batch).await;
        assert_eq!((&done["batch"]["status"], &done["userErrors"]), (&json!("UNDONE"), &json!([])));
        let after = registered(client, &festival).await;
        assert_eq!(after.len(), 2);
        assert!(before.iter().all(|(key, value)| after.get(key) == Some(value)), "{after:?}");
        assert_eq!(people(&app).await, 3, "one by hand, one elsewhere, one on another list");
        assert_eq!(festival.seats_taken(&app).await, 2);
        assert_eq!(undo(client, &batch).await["userErrors"][0]["code"], "WRONG_STATUS");
        assert_eq!(undo(client, &second).await["batch"]["status"], "UNDONE");
        // What was undone can be brought again.
        let (_, figures) = import(client, &festival, lists::list(0..60)).await;
        assert_eq!(figures[3] + figures[4], 2);
        assert_eq!(figures[0] + figures[1], 58);
        assert_pools(&app).await;
    }

    async fn an_undo_keeps_and_names_who_has_checked_in_since(app) {
        let festival = app.festival(None, &[]).await;
        let client = app.organiser();
        let (batch, _) = import(client, &festival, few(&[("张一", "甲厂", 1, "是"), ("张二", "乙厂", 2, "是"), ("张三丰", "丙厂", 3, "否")])).await;
        let (turned, _) = import(client, &festival, few(&[("张三丰", "丙厂", 3, "是")])).await;
        let data = client.run("registrations", json!({"activityId": festival.activity, "first": 10})).await;
        for name in ["张二", "张三丰"] {
            let edges = data["activity"]["registrations"]["edges"].as_array().unwrap();
            let it = edges.iter().find(|it| it["node"]["person"]["name"] == name).unwrap();
            let input = json!({"sessionId": festival.session, "ticketCode": it["node"]["ticketCode"], "scanId": app.uuid()});
            assert_eq!(client.run("check_in", json!({"input": input})).await["checkIn"]["outcome"], "ADMITTED");
        }
        // Whoever turned to coming and came is kept as coming.
        let done = undo(client, &turned).await;
        assert_eq!(done["batch"], Value::Null, "nothing was undone");
        assert_eq!(done["userErrors"][0]["code"], "CHECKED_IN");
        assert!(done["userErrors"][0]["message"].as_str().unwrap().contains("张三丰"));

        let done = undo(client, &batch).await;
        assert_eq!(done["batch"]["status"], "PARTLY_UNDONE");
        let named: Vec<&str> = done["userErrors"].as_array().unwrap().iter().map(|it| it["message"].as_str().unwrap()).collect();
        assert_eq!(named.len(), 1, "the other one is on another list: {named:?}");
        assert!(named[0].contains("张二"));
        assert_eq!(registered(client, &festival).await.len(), 2);
        assert_eq!(people(&app).await, 2);
        assert_pools(&app).await;
    }

    async fn an_undo_revives_nobody_who_was_cancelled_since(app) {
        let festival = app.festival(Some(5), &[]).await;
        let client = app.organiser();
        import(client, &festival, few(&[("张一", "甲厂", 1, "否"), ("张二", "乙厂", 2, "是")])).await;
        let (turned, _) = import(client, &festival, few(&[("张一", "甲厂", 1, "是"), ("张二", "丙厂", 2, "是")])).await;
        let data = client.run("registrations", json!({"activityId": festival.activity, "first": 10})).await;
        let edges = data["activity"]["registrations"]["edges"].as_array().unwrap();
        let first = edges.iter().find(|it| it["node"]["person"]["name"] == "张一").unwrap();
        assert_eq!(first["node"]["status"], "CONFIRMED");
        let cancel = json!({"input": {"registrationId": first["node"]["id"]}});
        client.run("cancel_registration", cancel).await;
        assert_eq!(undo(client, &turned).await["batch"]["status"], "UNDONE");
        let there = registered(client, &festival).await;
        let status: Vec<&str> = there.values().map(|it| it[0].as_str()).collect();
        assert_eq!(status, ["CANCELLED", "CONFIRMED"]);
        assert_eq!(festival.seats_taken(&app).await, 1);
        assert_pools(&app).await;
    }

    async fn two_rows_about_one_person_on_record_register_that_person_once(app) {
        let festival = app.festival(None, &[]).await;
        let client = app.organiser();
        let (id, other) = ("330302199001019990", "330302198001019978");
        let (id, other) = (with_check_digit(id), with_check_digit(other));
        let head = "姓名,单位,职务,手机,身份证号\n";
        let (one, two) = (lists::phone(1), lists::phone(2));
        import(client, &app.festival(None, &[]).await, format!("{head}张一,甲厂,厂长,{one},{id}\n王五,甲厂,厂长,{two},\n")).await;
        assert_eq!(people(&app).await, 2);
        // The first row is known by name and phone, the second, renamed, by the ID number: the list alone cannot tell.
        let list = format!("{head}张一,甲厂,厂长,{one},\n张壹,乙厂,厂长,{two},{id}\n");
        let (batch, figures) = import(client, &festival, &list).await;
        assert_eq!(figures, [1, 0, 0, 0, 0]);
        let all = rows(client, &batch, None, true).await;
        assert_eq!((&all[1]["outcome"], &all[1]["mergedInto"]), (&json!("MERGED"), &all[0]["row"]));
        assert_eq!(people(&app).await, 2);
        // Namesakes with one phone whom only their ID numbers tell apart: one is who is on record without a number.
        let list = format!("{head}王五,甲厂,厂长,{two},{id2}\n王五,甲厂,厂长,{two},{other}\n", id2 = with_check_digit("330302197001019996"));
        let (_, figures) = import(client, &festival, &list).await;
        assert_eq!(figures, [2, 0, 0, 0, 0]);
        assert_eq!(people(&app).await, 3);
        let (_, figures) = import(client, &festival, &list).await;
        assert_eq!(figures, [0, 0, 0, 0, 2]);
        assert_pools(&app).await;
    }

    async fn the_longest_list_is_asked_about_in_pieces(app) {
        // More than either database takes in one statement once they are padded.
        let ids = (0..50_000).map(|_| entity::id::RegistrationId::generate());
        let inside = api::registration::checked_in(app.app.db.read(), ids).await.unwrap();
        assert!(inside.is_empty());
    }

    async fn a_long_list_is_taken_whole(app) {
        const ROWS: usize = 3000;
        let festival = app.festival(Some(2500), &[]).await;
        let client = app.organiser();
        let list = lists::list(0..ROWS);
        let (batch, figures) = import(client, &festival, &list).await;
        assert_eq!(figures, [2500, 500, 0, 0, 0]);
        assert_eq!(people(&app).await, 3000);
        let out_of_order = "SELECT count(*) FROM registration WHERE list_row NOT BETWEEN 2 AND 3001";
        assert_eq!(app.count(out_of_order).await, 0);
        assert_eq!(app.count("SELECT count(DISTINCT list_row) FROM registration").await, 3000);
        let (again, figures) = import(client, &festival, &list).await;
        assert_eq!(figures, [0, 0, 0, 0, 3000]);
        undo(client, &again).await;
        assert_eq!(app.count("SELECT count(*) FROM registration").await, 3000);
        assert_eq!(undo(client, &batch).await["batch"]["status"], "UNDONE");
        assert_eq!((app.count("SELECT count(*) FROM registration").await, people(&app).await), (0, 0));
        assert_eq!(app.count("SELECT count(*) FROM person_term").await, 0);
        assert_pools(&app).await;
    }
}

/// An ID number of 18 digits from its first 17, by GB 11643.
fn with_check_digit(text: &str) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 =
        text.chars().zip(WEIGHTS).map(|(c, weight)| c.to_digit(10).unwrap() * weight).sum();
    format!("{}{}", &text[..17], &"10X98765432"[(sum % 11) as usize..=(sum % 11) as usize])
}

/// The refusal of a file: what is said of it in Chinese and in English.
async fn refused(content: &[u8]) -> [String; 2] {
    let app = TestApp::sqlite().await;
    let festival = app.festival(None, &[]).await;
    let client = app.organiser();
    let upload = client.upload("名单.xlsx", content).await;
    let input = json!({"activityId": festival.activity, "uploadId": upload, "profile": "EVENT", "eventDate": "2019-11-01"});
    let body =
        json!({"query": crate::app::document("stage_roster"), "variables": {"input": input}})
            .to_string();
    let mut said = Vec::new();
    for lang in ["zh-CN", "en"] {
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept-language", lang);
        let mut answer = client.request(request, body.clone().into()).await.json();
        let payload = answer["data"]["stageRoster"].take();
        assert_eq!(payload["batch"], Value::Null, "{answer}");
        assert_eq!(payload["userErrors"][0]["code"], "UNREADABLE");
        assert_eq!(payload["userErrors"][0]["path"], json!(["input", "uploadId"]));
        said.push(payload["userErrors"][0]["message"].as_str().unwrap().to_owned());
    }
    assert!(said[1].replace("姓名", "").is_ascii(), "{}", said[1]);
    assert_eq!(app.count("SELECT count(*) FROM roster_batch").await, 0);
    said.try_into().unwrap()
}

macro_rules! refusals {
    ($($name:ident: $content:expr => $zh:literal, $en:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let content = $content;
            let [zh, en] = refused(&content[..]).await;
            assert!(zh.contains($zh), "{zh}");
            assert!(en.contains($en), "{en}");
        }
    )*};
}

refusals! {
    a_file_with_a_password_is_refused: compound("EncryptedPackage") => "密码", "password";
    a_file_of_old_excel_is_refused: compound("Workbook") => "旧版 Excel", "old Excel";
    a_web_page_named_xls_is_refused: b"<html><head><meta charset=gbk></head><body><table><tr><td>x" => "网页", "web page";
    a_workbook_cut_off_is_refused: &sample(lists::SAMPLE_A)[..20_000] => "损坏", "damaged";
    a_workbook_with_flipped_bytes_is_refused: flipped() => "损坏", "damaged";
    an_archive_of_another_kind_is_refused: archive() => "压缩包", "archive";
    a_picture_is_refused: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0" => "无法识别", "neither";
    a_list_without_a_header_is_refused: "张三,甲厂,厂长,14200000001\n".as_bytes() => "表头", "header";
    a_file_of_blanks_is_refused: b" \r\n \n" => "空", "empty";
    a_list_of_too_many_columns_is_refused: format!("姓名,单位,职务,手机{}多\n张一,甲,乙,14200000001\n", ",".repeat(200)).into_bytes() => "200 列", "column 200";
    a_list_of_too_many_rows_is_refused: lists::list(0..50_001).into_bytes() => "50000 行", "50,000 rows";
}

/// A compound file, as Office writes what it encrypts and Excel 97 wrote all.
fn compound(inside: &str) -> Vec<u8> {
    let mut bytes = vec![0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
    bytes.resize(2000, 0);
    bytes.extend(inside.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}

/// The sample with bytes changed in the middle of its parts.
fn flipped() -> Vec<u8> {
    let mut bytes = sample(lists::SAMPLE_A);
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle - 6000..middle + 6000] {
        *byte ^= 0x55;
    }
    bytes
}

/// A zip archive with one empty file, `mimetype`.
fn archive() -> Vec<u8> {
    let name = b"mimetype";
    let mut bytes = b"PK\x03\x04\x14\0\0\0\0\0\0\0\x21\0".to_vec();
    bytes.extend([0; 12]);
    bytes.extend([8, 0, 0, 0]);
    bytes.extend(name);
    let directory = u32::try_from(bytes.len()).unwrap();
    bytes.extend(b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\x21\0");
    bytes.extend([0; 12]);
    bytes.extend([8, 0]);
    bytes.extend([0; 16]);
    bytes.extend(name);
    let size = u32::try_from(bytes.len()).unwrap() - directory;
    bytes.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    bytes.extend(size.to_le_bytes());
    bytes.extend(directory.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

#[tokio::test]
async fn a_file_over_twenty_megabytes_is_refused_where_it_is_sent() {
    let app = TestApp::sqlite().await;
    let most = 20 * 1024 * 1024;
    for (lang, says) in [("zh-CN", "20 MB"), ("en", "over 20 MB")] {
        for declared in [true, false] {
            let mut request = Request::post("/uploads").header("accept-language", lang);
            if declared {
                request = request.header("content-length", most + 1);
            }
            let answer = app.organiser().request(request, vec![b' '; most + 1].into()).await;
            assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
            let error = answer.json()["errors"][0].take();
            assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT");
            assert!(error["message"].as_str().unwrap().contains(says), "{error}");
        }
    }
    assert_eq!(app.count("SELECT count(*) FROM upload").await, 0);
    let empty = app.organiser().request(Request::post("/uploads"), Vec::new().into()).await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
    let nobody = app.anonymous().request(Request::post("/uploads"), b"x".to_vec().into()).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    // Exactly so much is taken.
    app.organiser().upload("空.csv", &vec![b' '; most]).await;
}

#[tokio::test]
async fn a_text_list_is_read_in_each_encoding() {
    let app = TestApp::sqlite().await;
    let client = app.organiser();
    // 张一,甲厂,厂长 and the header, in GB18030.
    let mut gb = b"\xD0\xD5\xC3\xFB,\xB5\xA5\xCE\xBB,\xD6\xB0\xCE\xF1,\xCA\xD6\xBB\xFA\r\n\xD5\xC5\xD2\xBB,\xBC\xD7\xB3\xA7,\xB3\xA7\xB3\xA4,".to_vec();
    gb.extend(lists::phone(1).bytes());
    gb.extend(b"\r\n");
    let plain = format!("姓名,单位,职务,手机\r\n张一,甲厂,厂长,{}\r\n", lists::phone(1));
    let marked = format!("\u{feff}{plain}");
    let mut first = None;
    for content in [plain.as_bytes(), marked.as_bytes(), &gb] {
        let festival = app.festival(None, &[]).await;
        let (_, figures) = import(client, &festival, content).await;
        assert_eq!(figures, [1, 0, 0, 0, 0]);
        let there = registered(client, &festival).await;
        assert_eq!(first.get_or_insert_with(|| there.clone()), &there);
    }
    assert_eq!(people(&app).await, 1);
}

#[tokio::test]
async fn a_file_is_read_by_its_sender_alone() {
    let app = TestApp::sqlite().await;
    let festival = app.festival(None, &[]).await;
    let upload = app.organiser().upload("list.csv", lists::list(0..2).as_bytes()).await;
    let root = api::account::grant::Over::Organisation(app.root);
    let other = app.account(entity::role_grant::Role::OrgAdmin, root).await;
    let input = json!({"activityId": festival.activity, "uploadId": upload, "profile": "EVENT"});
    let document = crate::app::document("stage_roster");
    assert_eq!(other.fail(&document, json!({"input": input})).await, "NOT_FOUND");
}
