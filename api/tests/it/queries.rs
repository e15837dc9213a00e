//! A list of a hundred costs as many statements as a list of two.

use std::fmt::Write;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    app::{TestApp, document, on_both},
    fixture::{new_device, text},
    school::{Class, made},
};

const MANY: usize = 100;

/// How many statements one request takes.
async fn statements(app: &TestApp, operation: &str, variables: &Value, first: usize) -> u64 {
    let mut variables = variables.clone();
    variables["first"] = json!(first);
    let before = app.app.db.statements();
    let data = app.organiser().ask(operation, variables).await;
    let taken = app.app.db.statements() - before;
    let listed = edges(&data).unwrap_or_else(|| panic!("{operation}: no list in {data}"));
    assert_eq!(listed, first, "{operation} lists others than it was asked for");
    taken
}

/// How long the list is that an answer holds.
fn edges(data: &Value) -> Option<usize> {
    let fields = data.as_object()?;
    fields.values().find_map(|it| it["edges"].as_array().map(Vec::len).or_else(|| edges(it)))
}

async fn is_flat(app: &TestApp, operation: &str, variables: Value) {
    is_flat_document(app, &document(operation), variables).await;
}

/// Costs a few statements more at most: what is asked of each row is gathered for as many as ask at the same moment.
async fn is_batched(app: &TestApp, operation: &str, variables: Value) {
    statements(app, operation, &variables, 2).await;
    let few = statements(app, operation, &variables, 2).await;
    let many = statements(app, operation, &variables, MANY).await;
    assert!(many < few + MANY as u64 / 2, "{operation}: {few} statements for 2, {many} for {MANY}");
}

async fn is_flat_document(app: &TestApp, operation: &str, variables: Value) {
    // The first request of a kind may prepare something.
    statements(app, operation, &variables, 2).await;
    let few = statements(app, operation, &variables, 2).await;
    let many = statements(app, operation, &variables, MANY).await;
    assert_eq!(few, many, "{operation}: {few} statements for 2, {many} for {MANY}");
}

/// A list of people, and the batch and the activity it was committed for.
async fn crowd(app: &TestApp) -> (String, String, String) {
    let festival = app.festival(None, &[("企业家", None)]).await;
    let mut list = String::from("姓名,手机号码,工作单位,职务\n");
    for nth in 0..MANY {
        let name: String =
            ['赵', '钱', '孙', '李', '周'].iter().cycle().skip(nth).take(2).collect();
        writeln!(list, "{name}一,1390000{nth:04},温州某某有限公司,董事长").unwrap();
    }
    let upload = app.organiser().upload("名单.csv", list.as_bytes()).await;
    let input = json!({"activityId": festival.activity, "uploadId": upload, "profile": "EVENT"});
    let batch = app.organiser().run("stage_roster", json!({"input": input})).await;
    let batch = text(&batch["stageRoster"]["batch"]["id"]);
    let input = json!({"batchId": batch, "category": "企业家"});
    let done = app.organiser().run("commit_roster", json!({"input": input})).await;
    assert_eq!(done["commitRoster"]["batch"]["registered"], MANY);
    (festival.activity, festival.session, batch)
}

/// A `changedSince` from which on everything has changed.
fn before_all(manifest: &Value) -> Value {
    // Eight bytes of zero, as long as what was given.
    let given = text(&manifest["doorManifest"]["changes"]);
    json!("A".repeat(given.len()))
}

on_both! {
    async fn people_and_registrations(app) {
        let (activity, session, batch) = crowd(&app).await;
        let listed = app.organiser().run("registrations", json!({"activityId": activity, "first": 100})).await;
        for edge in listed["activity"]["registrations"]["edges"].as_array().unwrap() {
            let input = json!({"sessionId": session, "ticketCode": edge["node"]["ticketCode"], "scanId": app.uuid()});
            app.organiser().run("check_in", json!({"input": input})).await;
            let input = json!({"personId": edge["node"]["person"]["id"], "organisationId": app.root_id(), "title": "会员"});
            app.organiser().run("create_position", json!({"input": input})).await;
        }
        is_flat(&app, "registrations", json!({"activityId": activity})).await;
        let question = json!({"key": "lodging", "kind": "YES_NO", "label": "是否住宿", "purpose": "安排住宿", "keptFor": 30});
        let input = json!({"activityId": activity, "questions": [question]});
        app.organiser().run("set_questions", json!({"input": input})).await;
        for edge in listed["activity"]["registrations"]["edges"].as_array().unwrap() {
            let input = json!({"registrationId": edge["node"]["id"], "stage": "REGISTRATION", "answers": [{"key": "lodging", "flag": true}]});
            app.organiser().run("answer_form", json!({"input": input})).await;
        }
        let deep = "query($activityId: ID!, $first: Int) { activity(id: $activityId) { registrations(first: $first) { edges { node {
            recommender { name } waitsFor { name } allocation { seats } decisions { verdict }
            answers { question { key } text } creditHours completion { status } } } } } }";
        is_flat_document(&app, deep, json!({"activityId": activity})).await;
        let can = "query($activityId: ID!, $first: Int) { activity(id: $activityId) { registrations(first: $first) { edges { node {
            viewerCan { cancel decide } person { viewerCan { update } } } } } } }";
        is_batched(&app, can, json!({"activityId": activity})).await;
        is_flat(&app, "attendances", json!({"sessionId": session})).await;
        is_flat(&app, "door_manifest", json!({"sessionId": session})).await;
        let beginning = app.organiser().run("door_manifest", json!({"sessionId": session, "first": 1})).await;
        let since = json!({"sessionId": session, "changedSince": before_all(&beginning)});
        is_flat(&app, "door_manifest", since).await;
        is_flat(&app, "people", json!({})).await;
        is_flat(&app, "roster_rows", json!({"id": batch})).await;
    }

    async fn completions_and_certificates(app) {
        let class = Class::make(&app, "研修班", &[("2026-10-26T01:00:00Z", 180, "4")]).await;
        for nth in 0..MANY {
            let who = class.enrol(&app, nth).await;
            class.mark(&app, &who, 0, "PRESENT").await;
        }
        class.close(&app, 0).await;
        made(&app, "issue_certificates", json!({"activityId": class.id})).await;
        is_flat(&app, "completions", json!({"activityId": class.id})).await;
        is_flat(&app, "certificates", json!({"activityId": class.id})).await;
    }

    async fn activities_and_programmes(app) {
        let root = app.root_id();
        let at = |minutes| (app.now() + TimeDelta::minutes(minutes)).to_rfc3339();
        for nth in 0..MANY {
            let input = json!({"kind": "RELAY", "title": format!("青蓝接力{nth}"), "year": 2026, "ownerId": root});
            let programme = app.organiser().run("create_programme", json!({"input": input})).await;
            let input = json!({
                "programmeId": programme["createProgramme"]["programme"]["id"], "title": format!("接力{nth}"),
                "categories": [{"name": "企业家"}],
                "sessions": [{"title": "上午", "startsAt": at(30), "endsAt": at(180)}],
            });
            app.organiser().run("create_activity", json!({"input": input})).await;
        }
        is_flat(&app, "programmes", json!({})).await;
        is_flat(&app, "activities", json!({})).await;
        let deep = "query($first: Int) { activities(first: $first) { edges { node {
            categories { name seatsTaken } sessions { title } } } } }";
        is_flat_document(&app, deep, json!({})).await;
        let can = "query($first: Int) { activities(first: $first) { edges { node {
            viewerCan { update } programme { viewerCan { createActivity } } sessions { viewerCan { checkIn } } } } } }";
        is_batched(&app, can, json!({})).await;
    }

    async fn devices(app) {
        let festival = app.festival(None, &[]).await;
        for _ in 0..MANY {
            new_device(&app, &[&festival.activity]).await;
        }
        is_flat(&app, "devices", json!({"activityId": festival.activity})).await;
    }

    async fn organisations_and_accounts(app) {
        for nth in 0..MANY {
            let input = json!({"parentId": app.root_id(), "kind": "CHAMBER", "name": format!("商会{nth}")});
            app.organiser().run("create_organisation", json!({"input": input})).await;
            app.bare_account().await;
        }
        is_flat(&app, "organisations", json!({})).await;
        is_flat(&app, "accounts", json!({})).await;
    }
}
