//! What front-ends send works: every document of `operations/` runs, and those of the contract are word for word ours.

mod attendee;
mod class;
mod credit;
mod privacy;
mod registration;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use api::{account::grant::Over, graphql::Gid};
use async_graphql::parser::{
    parse_query,
    types::{ExecutableDocument, Selection},
};
use chrono::TimeDelta;
use entity::{
    id::{ActivityId, ScanId, SessionId},
    role_grant::Role,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    app::{Client, PASSWORD, TestApp, document, on_both},
    class::School,
    fixture::{LIST, failed_job, text, told},
    socket::{Came, serve},
};

fn operations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/operations")
}

/// The names of all documents.
pub fn documents() -> BTreeSet<String> {
    std::fs::read_dir(operations())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .map(|it| it.strip_suffix(".graphql").unwrap_or_else(|| panic!("{it}")).to_owned())
        .collect()
}

fn parsed(name: &str) -> ExecutableDocument {
    parse_query(document(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The root fields that a document asks for.
pub fn root_fields(name: &str) -> Vec<String> {
    let document = parsed(name);
    let all: Vec<_> = document.operations.iter().collect();
    assert_eq!(all.len(), 1, "{name} holds several operations");
    let selected = &all[0].1.node.selection_set.node.items;
    let field = |it: &Selection| match it {
        Selection::Field(it) => it.node.name.node.to_string(),
        _ => panic!("{name} has a fragment at its root"),
    };
    selected.iter().map(|it| field(&it.node)).collect()
}

/// The fields of the three roots, as the schema has them.
pub async fn schema_roots(app: &TestApp) -> BTreeSet<String> {
    let asked = "{ __schema { queryType { fields { name } } mutationType { fields { name } }
        subscriptionType { fields { name } } } }";
    let data = app.organiser().ask(asked, json!({})).await;
    ["queryType", "mutationType", "subscriptionType"]
        .iter()
        .flat_map(|root| data["__schema"][root]["fields"].as_array().unwrap().clone())
        .map(|it| text(&it["name"]))
        .collect()
}

#[tokio::test]
async fn every_root_field_has_a_sample_document() {
    let app = TestApp::sqlite().await;
    let shown: BTreeSet<String> = documents().iter().flat_map(|it| root_fields(it)).collect();
    let missing: Vec<String> = schema_roots(&app).await.difference(&shown).cloned().collect();
    assert!(missing.is_empty(), "no document in operations/ asks for {missing:?}: add one each");
}

/// Not a part of the repository: where the colleagues of the front-ends keep the contract.
#[test]
fn the_contract_is_word_for_word_ours() {
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/contract");
    let Ok(files) = std::fs::read_dir(&contract) else {
        println!("{} is not there: nothing to compare with", contract.display());
        return;
    };
    let mut compared = 0;
    for file in files.map(|it| it.unwrap().path()) {
        if file.extension().is_some_and(|it| it == "graphql") {
            let ours = operations().join(file.file_name().unwrap());
            let same = std::fs::read(&file).unwrap() == std::fs::read(&ours).unwrap_or_default();
            assert!(same, "{} tells of drift from {}", ours.display(), file.display());
            compared += 1;
        }
    }
    assert!(compared > 0, "no documents in {}", contract.display());
}

/// Runs documents, and knows which it ran.
pub struct Script<'a> {
    pub app: &'a TestApp,
    ran: RefCell<BTreeSet<String>>,
}

impl Script<'_> {
    pub async fn run(&self, client: &Client, name: &str, variables: Value) -> Value {
        let mut data = client.run(name, variables).await;
        self.ran.borrow_mut().insert(name.to_owned());
        let field = root_fields(name).remove(0);
        let payload = data[&field].take();
        assert!(!payload.is_null(), "{name} gave nothing");
        assert!(payload["userErrors"].as_array().is_none_or(Vec::is_empty), "{name}: {payload}");
        payload
    }

    /// Watches as the administrator, until something comes; `stir` is done again and again until then.
    async fn watch(&self, name: &str, variables: Value, stir: impl Fn()) -> Value {
        let server = serve(self.app.router.clone()).await;
        let mut socket = server.of(self.app.organiser()).await;
        socket.run("1", name, variables).await;
        let Came::Message(mut message) = socket.stirred(stir).await else {
            panic!("{name}: the socket is closed");
        };
        let data = &mut message["payload"]["data"];
        self.ran.borrow_mut().insert(name.to_owned());
        let field = root_fields(name).remove(0);
        let payload = data[&field].take();
        assert!(!payload.is_null(), "{name}: {message}");
        payload
    }

    /// The same for a mutation as the administrator.
    async fn make(&self, name: &str, input: Value) -> Value {
        self.run(self.app.organiser(), name, json!({"input": input})).await
    }

    /// The same for a query as the administrator.
    async fn ask(&self, name: &str, variables: Value) -> Value {
        self.run(self.app.organiser(), name, variables).await
    }
}

/// The bare id behind a public one.
pub fn uuid_of(id: &Value) -> Uuid {
    let text = id.as_str().unwrap();
    text.split_once('_').unwrap().1.parse().unwrap()
}

/// The year of one administrator.
#[expect(
    clippy::too_many_lines,
    reason = "one call of each kind, in the order in which people make them"
)]
async fn everything(it: &Script<'_>) {
    let app = it.app;
    let root = app.root_id();
    let at = |minutes| (app.now() + TimeDelta::minutes(minutes)).to_rfc3339();

    // Organisations and people.
    let chamber = json!({"parentId": root, "kind": "CHAMBER", "name": "温州市鞋革行业协会"});
    let chamber = it.make("create_organisation", chamber).await["organisation"]["id"].take();
    it.make("update_organisation", json!({"organisationId": chamber, "code": "WZXG"})).await;
    it.ask("organisation", json!({"id": chamber})).await;
    let all = it.ask("organisations", json!({"first": 10, "parentId": root})).await;
    assert_eq!(all["edges"][0]["node"]["code"], "WZXG");
    let person = json!({"organisationId": chamber, "name": "张三丰", "phone": "13800000000"});
    let person = it.make("create_person", person).await["person"]["id"].take();
    it.make("update_person", json!({"personId": person, "phone": "13800000001"})).await;
    let title = json!({"personId": person, "organisationId": chamber, "title": "副会长", "fromOn": "2024-01-01"});
    let position = it.make("create_position", title).await["position"]["id"].take();
    it.make("end_position", json!({"positionId": position, "untilOn": "2026-10-31"})).await;
    let shown = it.ask("person", json!({"id": person})).await;
    assert_eq!(shown["maskedPhone"], "138****0001");
    assert_eq!(shown["positions"][0]["untilOn"], "2026-10-31");
    let found = it.ask("people", json!({"search": "zhang san"})).await;
    assert_eq!(found["edges"][0]["node"]["id"], person);

    // Activities.
    let programme =
        json!({"kind": "FESTIVAL", "title": "民营企业家节", "year": 2026, "ownerId": root});
    let programme = it.make("create_programme", programme).await["programme"]["id"].take();
    it.ask("programme", json!({"id": programme})).await;
    let listed = it.ask("programmes", json!({"year": 2026})).await;
    assert_eq!(listed["edges"][0]["node"]["id"], programme);
    let draft = json!({
        "programmeId": programme, "title": "开幕式", "capacity": 350, "categories": [{"name": "企业家"}],
        "sessions": [{"title": "开幕式", "startsAt": at(30), "endsAt": at(180), "creditHours": "0.5"}],
    });
    let made = it.make("create_activity", draft).await["activity"].take();
    let (activity, session) = (made["id"].clone(), made["sessions"][0]["id"].clone());
    it.make("update_activity", json!({"activityId": activity, "venue": "温州大剧院"})).await;
    it.make("create_category", json!({"activityId": activity, "name": "媒体", "capacity": 20}))
        .await;
    it.make("set_capacity", json!({"activityId": activity, "category": "媒体", "capacity": 30}))
        .await;
    let second = json!({"title": "分论坛", "startsAt": at(300), "endsAt": at(400)});
    let input = json!({"activityId": activity, "session": second});
    let later = it.make("create_session", input).await["session"]["id"].take();
    it.make("update_session", json!({"sessionId": later, "session": second})).await;
    it.ask("session", json!({"id": session})).await;
    it.make("publish_activity", json!({"activityId": activity})).await;
    let shown = it.ask("activity", json!({"id": activity})).await;
    assert_eq!(shown["__typename"], "FestivalActivity");
    let listed = it.ask("activities", json!({"first": 10, "filter": {"year": 2026}})).await;
    assert_eq!(listed["edges"][0]["node"]["id"], activity);

    // Registrations, by hand and by list.
    let question = json!({"key": "lodging", "kind": "YES_NO", "label": "是否住宿", "purpose": "安排住宿", "keptFor": 30});
    it.make("set_questions", json!({"activityId": activity, "questions": [question]})).await;
    let input = json!({"activityId": activity, "category": "企业家",
        "person": {"name": "李四光", "phone": "13800000002", "organisation": "温州某某有限公司", "title": "董事长"}});
    let registered = it.make("register_attendee", input).await["registration"].take();
    assert_eq!(registered["status"], "CONFIRMED");
    it.ask("registration", json!({"id": registered["id"]})).await;
    let input = json!({"registrationId": registered["id"], "stage": "REGISTRATION",
        "answers": [{"key": "lodging", "flag": true}]});
    let answered = it.make("answer_form", input).await["registration"].take();
    assert_eq!(answered["answers"][0]["text"], "是");
    let input =
        json!({"activityId": activity, "person": {"name": "周芷若", "phone": "13800000003"}});
    let other = it.make("register_attendee", input).await["registration"]["id"].take();
    it.make("cancel_registration", json!({"registrationId": other, "reason": "出差"})).await;
    let upload = app.organiser().upload("名单.csv", LIST.as_bytes()).await;
    let input = json!({"activityId": activity, "uploadId": upload, "profile": "EVENT", "eventDate": "2026-11-01"});
    let batch = it.make("stage_roster", input).await["batch"].take();
    assert_eq!(batch["counts"]["persons"], 2, "{batch}");
    let batch = batch["id"].clone();
    let rows = it.ask("roster_rows", json!({"id": batch, "first": 10, "outcome": "NEW"})).await;
    assert_eq!(rows["rows"]["edges"].as_array().unwrap().len(), 2);
    let done = it.make("commit_roster", json!({"batchId": batch, "category": "企业家"})).await;
    assert_eq!(done["batch"]["registered"], 2);
    it.ask("roster_batch", json!({"id": batch})).await;
    it.ask("roster_batches", json!({"activityId": activity})).await;

    // The door.
    let scan = json!({"sessionId": session, "ticketCode": registered["ticketCode"], "scanId": app.uuid(),
        "gate": "东门", "scannedAt": app.now().to_rfc3339()});
    assert_eq!(it.make("check_in", scan).await["outcome"], "ADMITTED");
    let undone =
        json!({"sessionId": session, "ticketCode": registered["ticketCode"], "scanId": app.uuid()});
    let undone = it.make("check_in", undone).await["scan"]["id"].take();
    let undone =
        json!({"sessionId": session, "undoneId": undone, "scanId": app.uuid(), "reason": "误扫"});
    assert_eq!(it.make("undo_scan", undone).await["attendance"]["status"], "PRESENT");
    let late = json!({"sessionId": session, "registrationId": registered["id"], "status": "LATE", "reason": "补签"});
    assert_eq!(it.make("correct_attendance", late).await["attendance"]["status"], "LATE");
    let back =
        json!({"sessionId": session, "registrationId": registered["id"], "reason": "更正有误"});
    assert_eq!(it.make("correct_attendance", back).await["attendance"]["status"], "PRESENT");
    let came = it.ask("attendances", json!({"sessionId": session})).await;
    assert_eq!(came["scans"]["nodes"][2]["outcome"], "ADMITTED");
    let listed = it.ask("registrations", json!({"activityId": activity, "first": 10})).await;
    let first = &listed["registrations"]["edges"][0]["node"];
    assert_eq!(first["attendances"][0]["session"]["id"], session);
    let input = json!({"activityIds": [activity], "name": "东门一号", "gate": "东门"});
    let made = it.make("create_device", input).await;
    let input = json!({"input": {"code": made["code"], "model": "HUAWEI nova 12"}});
    let token = it.run(&app.anonymous(), "redeem_device", input).await["token"].take();
    let device = Client { token: Some(text(&token)), ..app.anonymous() };
    assert_eq!(it.run(&device, "this_device", json!({})).await["id"], made["device"]["id"]);
    let listed = json!({"sessionId": session, "first": 500});
    let manifest = it.run(&device, "door_manifest", listed).await;
    assert_eq!(manifest["entries"]["edges"][0]["node"]["isInside"], true);
    let since = json!({"sessionId": session, "changedSince": manifest["changes"]});
    assert_eq!(it.run(&device, "door_manifest", since).await["startOver"], false);
    let scan = json!({"scanId": app.uuid(), "ticketCode": registered["ticketCode"], "scannedAt": at(0), "told": "ADMITTED"});
    let sent = json!({"input": {"deviceNow": at(0), "sessionId": session, "scans": [scan]}});
    let synced = it.run(&device, "sync_scans", sent).await["synced"]["results"].take();
    assert_eq!(synced[0]["outcome"], "ALREADY_IN");
    it.make("revoke_device", json!({"deviceId": made["device"]["id"]})).await;
    it.ask("devices", json!({"activityId": activity})).await;
    let summary = it.ask("attendance_summary", json!({"sessionId": session})).await;
    assert_eq!(summary["summary"]["present"], 1);
    let input = json!({"activityId": activity, "format": "XLSX", "purpose": "活动总结"});
    let export = it.make("create_export", input).await["export"].take();
    it.ask("export", json!({"id": export["id"]})).await;
    it.ask("organisation_year", json!({"id": root, "year": 2026})).await;
    it.ask("participants", json!({"id": root, "year": 2026})).await;
    let listed = it.ask("people", json!({"first": 1})).await;
    let somebody = &listed["edges"][0]["node"]["id"];
    it.ask("person_history", json!({"id": somebody, "year": 2026})).await;
    it.ask("export_columns", json!({"activityId": activity})).await;
    let input = json!({"activityId": activity, "name": "上报", "columns": ["name", "phone"]});
    let view = it.make("save_export_view", input).await["exportView"].take();
    it.ask("export_views", json!({"activityId": activity})).await;
    it.make("remove_export_view", json!({"exportViewId": view["id"]})).await;
    let input =
        json!({"activityId": activity, "format": "CSV", "purpose": "活动总结", "background": true});
    let making = it.make("create_export", input).await["export"].take();
    it.make("cancel_export", json!({"exportId": making["id"]})).await;
    privacy::unmasked(it, &activity, &person).await;

    // What is watched, and who is found.
    let scan = came["scans"]["nodes"][0]["id"].clone();
    let ids = [activity.clone(), session.clone(), scan.clone()];
    let [activity_id, session_id, scan_id] = ids.map(|it| uuid_of(&it));
    let stir = || {
        let taken = (ActivityId(activity_id), SessionId(session_id), ScanId(scan_id));
        app.app.live.scanned([taken]);
    };
    let figures = it.watch("session_figures", json!({"sessionId": session}), || {}).await;
    assert_eq!(figures["present"], summary["summary"]["present"]);
    let figures = it.watch("activity_figures", json!({"activityId": activity}), || {}).await;
    assert_eq!(figures["sessions"][0]["session"]["id"], session);
    let fed = it.watch("scan_feed", json!({"sessionId": session}), stir).await;
    assert_eq!(fed["id"], scan);
    let found = json!({"sessionId": session, "text": registered["ticketCode"]});
    let found = it.ask("find_at_door", found).await;
    assert_eq!(found[0]["registration"]["id"], registered["id"]);

    // The list is taken back, and the activity ends.
    it.make("undo_roster", json!({"batchId": batch})).await;
    it.make("copy_activity", json!({"activityId": activity, "firstDay": "2026-12-05"})).await;
    let items = json!([{"title": "接力一", "firstDay": "2026-12-05"}]);
    it.make("create_activity_series", json!({"activityId": activity, "items": items})).await;
    it.make("close_activity", json!({"activityId": activity})).await;
    let third = json!({"programmeId": programme, "title": "参访"});
    let third = it.make("create_activity", third).await["activity"]["id"].take();
    it.make("cancel_activity", json!({"activityId": third, "reason": "台风"})).await;

    // Accounts.
    let input = json!({"organisationId": chamber, "username": "Door.1", "password": PASSWORD, "personId": person});
    let account = it.make("create_account", input).await["account"].take();
    assert_eq!(account["username"], "door.1");
    let account = account["id"].clone();
    it.ask("account", json!({"id": account})).await;
    it.ask("accounts", json!({"first": 10})).await;
    let input = json!({"accountId": account, "reason": "值班", "role": "DOOR_STAFF", "activityId": activity, "expiresAt": at(600)});
    let grant = it.make("grant_role", input).await["grant"]["id"].take();
    let input = json!({"input": {"username": "door.1", "password": PASSWORD}});
    let signed = it.run(&app.anonymous(), "sign_in", input).await;
    assert_eq!(signed["viewer"]["grants"][0]["role"], "DOOR_STAFF");
    let input = json!({"input": {"refreshToken": signed["tokens"]["refreshToken"]}});
    let tokens = it.run(&app.anonymous(), "refresh_tokens", input).await["tokens"].take();
    let door = Client { token: Some(text(&tokens["accessToken"])), ..app.anonymous() };
    let shown = it.run(&door, "sign_ins", json!({})).await;
    assert_eq!(shown["duty"], "CHANGE_PASSWORD");
    let input = json!({"input": {"oldPassword": PASSWORD, "newPassword": "battery staple horse"}});
    it.run(&door, "change_password", input).await;
    let input = json!({"input": {"username": "door.1", "password": "battery staple horse"}});
    let tokens = it.run(&app.anonymous(), "sign_in_on_device", input).await["tokens"].take();
    let door = Client { token: Some(text(&tokens["accessToken"])), ..app.anonymous() };
    assert_eq!(it.run(&door, "viewer", json!({})).await["account"]["person"]["id"], person);
    let secret = it.run(&door, "enrol_second_factor", json!({})).await["secret"].take();
    let code = crate::accounts::code(&text(&secret), app.now());
    it.run(&door, "confirm_second_factor", json!({"input": {"code": code}})).await;
    let code = crate::accounts::code(&text(&secret), app.now() + TimeDelta::seconds(30));
    it.run(&door, "remove_second_factor", json!({"input": {"code": code}})).await;
    let key = json!({"name": "官网", "scopes": ["READ"], "expiresAt": at(60)});
    let key = it.run(&door, "create_api_key", json!({"input": key})).await["apiKey"]["id"].take();
    assert_eq!(it.run(&door, "api_keys", json!({})).await["apiKeys"][0]["id"], key);
    let input = json!({"input": {"apiKeyId": key}});
    assert_eq!(it.run(&door, "revoke_api_key", input).await["revoked"], true);
    assert_eq!(it.run(&door, "end_other_sign_ins", json!({})).await["ended"], 0);
    let own = it.run(&door, "sign_ins", json!({})).await["signIns"][0]["id"].take();
    let input = json!({"input": {"signInId": own}});
    assert_eq!(it.run(&door, "end_sign_in", input).await["ended"], true);
    it.make("end_account_sign_ins", json!({"accountId": account})).await;
    it.make("reset_second_factor", json!({"accountId": account})).await;
    it.make("reset_password", json!({"accountId": account, "password": PASSWORD})).await;
    let again = json!({"input": {"username": "door.1", "password": PASSWORD}});
    let tokens = it.run(&app.anonymous(), "sign_in", again).await["tokens"].take();
    let door = Client { token: Some(text(&tokens["accessToken"])), ..app.anonymous() };
    assert_eq!(it.run(&door, "sign_out", json!({})).await["signedOut"], true);
    it.make("revoke_grant", json!({"grantId": grant, "reason": "已离职"})).await;
    it.make("disable_account", json!({"accountId": account})).await;
    it.make("enable_account", json!({"accountId": account, "reason": "返岗"})).await;
    let own = it.ask("viewer", json!({})).await["grants"][0]["id"].take();
    let lent = json!({"grantId": own, "accountId": account, "until": at(60), "reason": "休假"});
    assert_eq!(it.make("delegate_grant", lent).await["grant"]["delegatesId"], own);

    Box::pin(crate::accounts::providers::lives(it, &account)).await;

    registration::lives(it, &programme, &chamber).await;
    let given = json!({"activityId": activity, "exportId": export["id"], "receiver": "华侨饭店", "purpose": "安排住宿",
        "fields": ["姓名", "手机"], "rows": 3, "sha256": "ab".repeat(32), "deleteBy": "2026-12-01"});
    let given = it.make("record_transfer", given).await["transfer"]["id"].take();
    it.ask("transfers", json!({"organisationId": root})).await;
    it.make("confirm_transfer_deletion", json!({"transferId": given, "deletedOn": "2026-11-01"}))
        .await;
    it.ask("export_people", json!({"exportId": export["id"]})).await;
    it.ask("exports_of", json!({"personId": somebody})).await;
    let rule = json!({"kind": "RELAY", "dataClass": "DETAILS", "days": 60, "reason": "交账"});
    it.make("set_retention", rule).await;
    it.ask("retention_rules", json!({})).await;
    it.ask("purge_preview", json!({"organisationId": root})).await;
    it.ask("purges", json!({"organisationId": root})).await;
    attendee::themselves(it, &programme).await;
    credit::class(it, &programme).await;
    class::lives(it, &root).await;

    // What people are told.
    let words = json!({"activityId": activity, "occasion": "CONFIRMED", "channel": "SMS", "text": "{{姓名}}您好"});
    let template = it.make("set_message_template", words).await["messageTemplate"]["id"].take();
    it.ask("message_templates", json!({"activityId": activity})).await;
    let draft =
        json!({"input": {"activityId": activity, "channel": "SMS", "text": "{{姓名}}您好"}});
    assert!(it.ask("message_preview", draft).await["samples"][0]["text"].is_string());
    told(app, &text(&activity)).await;
    let failed =
        it.ask("messages", json!({"activityId": activity, "filter": {"state": ["FAILED"]}})).await;
    let message = failed["edges"][0]["node"]["id"].clone();
    it.make("retry_message", json!({"messageId": message})).await;
    it.make("remove_message_template", json!({"messageTemplateId": template})).await;
    let hook = json!({"organisationId": root, "url": "https://example.org/hook", "occasions": ["CONFIRMED"]});
    let hook = it.make("create_webhook", hook).await["webhook"]["id"].take();
    it.ask("webhooks", json!({"organisationId": root})).await;
    it.make("disable_webhook", json!({"webhookId": hook})).await;

    // What goes on in the background.
    let job = failed_job(app).await;
    let platform = app.account(Role::PlatformAdmin, Over::Organisation(app.root)).await;
    let failed = json!({"filter": {"state": ["FAILED"]}});
    assert_eq!(it.run(&platform, "jobs", failed).await["nodes"][0]["id"], job);
    it.run(&platform, "retry_job", json!({"input": {"jobId": job}})).await;
    let auditor = app.account(Role::Auditor, Over::Organisation(app.root)).await;
    let jobs = json!({"filter": {"actions": ["RetryJob"]}});
    let event = it.run(&auditor, "audit_events", jobs).await["edges"][0]["node"].take();
    assert_eq!(event["subjectId"], job);
    assert_eq!(it.run(&auditor, "audit_verification", json!({})).await["broken"], json!([]));
    let out = json!({"input": {"organisationId": root, "purpose": "季度审计"}});
    assert!(it.run(&auditor, "export_audit_log", out).await["file"]["count"].as_i64() > Some(10));

    // Anything by its id.
    assert_eq!(it.ask("node", json!({"id": session})).await["__typename"], "Session");
    let ids = json!([root, activity, later, registered["id"], export["id"], account]);
    let nodes = it.ask("nodes", json!({"ids": ids})).await;
    let got: Vec<&Value> = nodes.as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(json!(got), ids);

    // A session that is over.
    *app.clock() = app.now() + TimeDelta::hours(3);
    let organiser = app.anew(app.organiser()).await;
    let closed =
        it.run(&organiser, "close_session", json!({"input": {"sessionId": session}})).await;
    assert!(closed["session"]["closedAt"].is_string(), "{closed}");
}

on_both! {
    async fn every_document_runs(app) {
        let script = Script { app: &app, ran: RefCell::default() };
        Box::pin(everything(&script)).await;
        let left: Vec<_> = documents().difference(&script.ran.borrow()).cloned().collect();
        assert!(left.is_empty(), "run these too: {left:?}");
    }

    async fn the_same_key_gives_the_first_answer(app) {
        for (name, input, other) in keyed(&app).await {
            let mut with_key = input.clone();
            with_key["idempotencyKey"] = json!("一把钥匙");
            let first = app.organiser().run(name, json!({"input": with_key})).await;
            let field = root_fields(name).remove(0);
            assert_eq!(first[&field]["userErrors"], json!([]), "{name}: {first}");
            let before = things(&app).await;
            let again = app.organiser().run(name, json!({"input": with_key})).await;
            assert_eq!(again, first, "{name}: another answer");
            assert_eq!(things(&app).await, before, "{name}: the second was done as well");

            let mut with_other = other.clone();
            with_other["idempotencyKey"] = json!("一把钥匙");
            let code = app.organiser().fail(&document(name), json!({"input": with_other})).await;
            assert_eq!(code, "CONFLICT", "{name}");
            assert_eq!(things(&app).await, before, "{name}: the refused one was done");
        }
    }

    async fn the_same_key_sent_at_once_does_one_thing(app) {
        for (name, mut input, _) in keyed(&app).await {
            input["idempotencyKey"] = json!("同时");
            let variables = json!({"input": input});
            let mut alone = things(&app).await;
            let send = || app.organiser().run(name, variables.clone());
            let (a, b, c, d) = tokio::join!(send(), send(), send(), send());
            assert!(a == b && b == c && c == d, "{name}: {a} {b} {c} {d}");
            let after = things(&app).await;
            *alone.get_mut("audit_event").unwrap() += 1;
            assert_eq!(after["audit_event"], alone["audit_event"], "{name} was done more than once");
        }
    }

    /// One mutation may be several actions of the policy; its keys are one set all the same.
    async fn a_key_belongs_to_the_mutation(app) {
        let festival = app.festival(None, &[]).await;
        let door = Gid(app.bare_account().await.account).to_string();
        let input = |scope: &str, id: &str| json!({"input": {
            "accountId": door, "reason": "值班", "role": "DOOR_STAFF", scope: id, "idempotencyKey": "k",
        }});
        app.organiser().run("grant_role", input("activityId", &festival.activity)).await;
        let other = input("programmeId", &festival.programme);
        assert_eq!(app.organiser().fail(&document("grant_role"), other).await, "CONFLICT");
        assert_eq!(app.count("SELECT count(*) FROM role_grant").await, 2);
    }
}

/// Every mutation that takes a key, with an input and another.
#[expect(clippy::too_many_lines, reason = "an entry for each mutation")]
async fn keyed(app: &TestApp) -> Vec<(&'static str, Value, Value)> {
    let festival = app.festival(Some(100), &[]).await;
    let lost = festival.register(app, "谢逊", "13800000040").await.registration;
    let (root, activity, programme) = (app.root_id(), &festival.activity, &festival.programme);
    let person = json!({"organisationId": root, "name": "张三丰", "phone": "13800000000"});
    let person = app.organiser().run("create_person", json!({"input": person})).await;
    let person = &person["createPerson"]["person"]["id"];
    let door = Gid(app.bare_account().await.account).to_string();
    let own = app.organiser().run("viewer", json!({})).await["viewer"]["grants"][0]["id"].take();
    let upload = app.organiser().upload("名单.csv", LIST.as_bytes()).await;
    let stage = json!({"activityId": activity, "uploadId": upload, "profile": "EVENT"});
    let batch = async || {
        let batch = app.organiser().run("stage_roster", json!({"input": stage})).await;
        text(&batch["stageRoster"]["batch"]["id"])
    };
    let (batch, other_batch) = (batch().await, batch().await);
    let at = |minutes| (app.now() + TimeDelta::minutes(minutes)).to_rfc3339();
    let session = |title: &str| json!({"title": title, "startsAt": at(30), "endsAt": at(180)});
    let seats = json!({"activityId": activity, "organisationId": root, "seats": 5});
    app.organiser().run("set_allocation", json!({"input": seats})).await;
    let declined = festival.register(app, "朱九真", "13800000030").await.registration;
    app.organiser()
        .run("cancel_registration", json!({"input": {"registrationId": declined}}))
        .await;
    let replaced = festival.register(app, "张无忌", "13800000031").await.registration;
    let (made_up, certificate) = credit::keyed(app, programme).await;
    let hook = |url: &str| json!({"organisationId": root, "url": url, "occasions": ["CONFIRMED"]});
    let school = School::open(app, &root, &[("2026-11-03T09:00", "2026-11-03T17:00")]).await;
    let (trainee, _) = school.enrol(app, "殷素素", "13800000041").await;
    let title = |title: &str| json!({"organisationId": root, "title": title});
    let series = app.organiser().run("create_series", json!({"input": title("班")})).await;
    let series = &series["createSeries"]["series"]["id"];
    let group = |name: &str| json!({"activityId": school.activity, "name": name});
    let run =
        |day: &str| json!({"seriesId": series, "activityId": school.activity, "firstDay": day});
    let leave = |half: &str| {
        let half = json!({"on": "2026-11-03", "half": half});
        json!({"registrationId": trainee, "kind": "SICK", "from": half, "until": half, "reason": "感冒"})
    };
    vec![
        ("create_series", title("甲班"), title("乙班")),
        ("create_run", run("2027-03-05"), run("2027-03-06")),
        ("create_group", group("甲组"), group("乙组")),
        ("request_leave", leave("MORNING"), leave("AFTERNOON")),
        ("create_webhook", hook("https://example.org/a"), hook("https://example.org/b")),
        (
            "create_organisation",
            json!({"parentId": root, "kind": "CHAMBER", "name": "甲"}),
            json!({"parentId": root, "kind": "CHAMBER", "name": "乙"}),
        ),
        (
            "create_person",
            json!({"organisationId": root, "name": "李四光", "phone": "13800000001"}),
            json!({"organisationId": root, "name": "李四光", "phone": "13800000002"}),
        ),
        (
            "create_position",
            json!({"personId": person, "organisationId": root, "title": "会长"}),
            json!({"personId": person, "organisationId": root, "title": "副会长"}),
        ),
        (
            "create_account",
            json!({"organisationId": root, "username": "door.1", "password": PASSWORD}),
            json!({"organisationId": root, "username": "door.1", "password": "another password"}),
        ),
        (
            "grant_role",
            json!({"accountId": door, "reason": "值班", "role": "DOOR_STAFF", "activityId": activity}),
            json!({"accountId": door, "reason": "值班", "role": "ORGANISER", "activityId": activity}),
        ),
        (
            "delegate_grant",
            json!({"grantId": own, "accountId": door, "until": at(60), "reason": "休假"}),
            json!({"grantId": own, "accountId": door, "until": at(90), "reason": "休假"}),
        ),
        (
            "create_programme",
            json!({"kind": "RELAY", "title": "青蓝接力", "year": 2026, "ownerId": root}),
            json!({"kind": "RELAY", "title": "青蓝接力", "year": 2027, "ownerId": root}),
        ),
        (
            "create_activity",
            json!({"programmeId": programme, "title": "论坛", "sessions": [session("上午")]}),
            json!({"programmeId": programme, "title": "论坛", "sessions": [session("下午")]}),
        ),
        (
            "create_category",
            json!({"activityId": activity, "name": "媒体"}),
            json!({"activityId": activity, "name": "媒体", "capacity": 1}),
        ),
        (
            "create_session",
            json!({"activityId": activity, "session": session("上午")}),
            json!({"activityId": activity, "session": session("下午")}),
        ),
        (
            "adjust_credits",
            json!({"registrationId": lost, "hours": "1", "reason": "补登"}),
            json!({"registrationId": lost, "hours": "2", "reason": "补登"}),
        ),
        (
            "record_make_up",
            made_up.clone(),
            json!({"reason": "另一主题", "registrationId": made_up["registrationId"], "missedSessionId": made_up["missedSessionId"], "online": made_up["online"]}),
        ),
        (
            "reissue_certificate",
            json!({"certificateId": certificate, "reason": "姓名更正"}),
            json!({"certificateId": certificate, "reason": "纸质遗失"}),
        ),
        (
            "issue_certificates",
            json!({"activityId": activity}),
            json!({"activityId": activity, "registrationIds": []}),
        ),
        (
            "register_attendee",
            json!({"activityId": activity, "personId": person}),
            json!({"activityId": activity, "person": {"name": "赵敏敏", "phone": "13800000003"}}),
        ),
        (
            "copy_activity",
            json!({"activityId": activity, "firstDay": "2026-12-05"}),
            json!({"activityId": activity, "firstDay": "2026-12-06"}),
        ),
        (
            "create_activity_series",
            json!({"activityId": activity, "items": [{"title": "接力一", "firstDay": "2026-12-05"}]}),
            json!({"activityId": activity, "items": [{"title": "接力二", "firstDay": "2026-12-05"}]}),
        ),
        ("set_questions", json!({"activityId": activity, "questions": []}), {
            let question = json!({"key": "diet", "kind": "TEXT", "label": "忌口", "purpose": "用餐", "keptFor": 30});
            json!({"activityId": activity, "questions": [question]})
        }),
        (
            "answer_form",
            json!({"registrationId": replaced, "stage": "REGISTRATION", "answers": []}),
            json!({"registrationId": replaced, "stage": "FOLLOW_UP", "answers": []}),
        ),
        ("stage_roster", stage.clone(), {
            let mut other = stage.clone();
            other["profile"] = json!("CLASS");
            other
        }),
        ("commit_roster", json!({"batchId": batch}), json!({"batchId": other_batch})),
        (
            "invite_attendee",
            json!({"activityId": activity, "person": {"name": "周芷若", "phone": "13800000032"}}),
            json!({"activityId": activity, "person": {"name": "赵敏敏", "phone": "13800000033"}}),
        ),
        (
            "recommend_attendee",
            json!({"activityId": activity, "organisationId": root, "person": {"name": "殷素素", "phone": "13800000034"}}),
            json!({"activityId": activity, "organisationId": root, "person": {"name": "殷离", "phone": "13800000035"}}),
        ),
        (
            "replace_attendee",
            json!({"registrationId": replaced, "person": {"name": "杨不悔", "phone": "13800000038"}}),
            json!({"registrationId": replaced, "person": {"name": "史火龙", "phone": "13800000039"}}),
        ),
        (
            "reissue_ticket",
            json!({"registrationId": lost, "reason": "手机丢失"}),
            json!({"registrationId": lost, "reason": "冒用"}),
        ),
        (
            "record_transfer",
            json!({"activityId": activity, "receiver": "甲", "purpose": "住宿", "fields": ["姓名"], "rows": 1,
                "sha256": "ab".repeat(32), "deleteBy": "2026-12-01"}),
            json!({"activityId": activity, "receiver": "乙", "purpose": "住宿", "fields": ["姓名"], "rows": 1,
                "sha256": "ab".repeat(32), "deleteBy": "2026-12-01"}),
        ),
        (
            "publish_notice",
            json!({"activityId": activity, "text": "告知书"}),
            json!({"activityId": activity, "text": "告知书，第二版"}),
        ),
        (
            "change_registrations",
            json!({"activityId": activity, "act": {"invite": {}}, "registrationIds": [declined]}),
            json!({"activityId": activity, "act": {"cancel": {}}, "registrationIds": [declined]}),
        ),
        (
            "correct_attendance",
            json!({"sessionId": festival.session, "registrationId": lost, "status": "LATE", "reason": "补签"}),
            json!({"sessionId": festival.session, "registrationId": lost, "status": "PRESENT", "reason": "补签"}),
        ),
        (
            "create_export",
            json!({"activityId": activity, "format": "XLSX", "purpose": "活动总结"}),
            json!({"activityId": activity, "format": "CSV", "purpose": "活动总结"}),
        ),
        (
            "save_export_view",
            json!({"activityId": activity, "name": "上报", "columns": ["name"]}),
            json!({"activityId": activity, "name": "上报", "columns": ["phone"]}),
        ),
    ]
}

#[tokio::test]
async fn every_mutation_with_a_key_is_tried() {
    let app = TestApp::sqlite().await;
    let asked = "{ __schema { types { name inputFields { name } } } }";
    let data = app.organiser().ask(asked, json!({})).await;
    let with_key: BTreeSet<String> = data["__schema"]["types"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| {
            let fields = it["inputFields"].as_array();
            fields.is_some_and(|all| all.iter().any(|it| it["name"] == "idempotencyKey"))
        })
        .map(|it| text(&it["name"]))
        .collect();
    let mut tried: BTreeSet<String> = keyed(&app)
        .await
        .iter()
        .map(|(name, ..)| root_fields(name).remove(0))
        .map(|it| format!("{}{}Input", it[..1].to_uppercase(), &it[1..]))
        .collect();
    // Nothing that an account does: see attendee.rs and leave.rs.
    let by_phone = ["RegisterMyselfInput", "AnswerMyFormInput", "RequestMyLeaveInput"];
    tried.extend(by_phone.map(str::to_owned));
    assert_eq!(tried, with_key);
}

/// How many rows there are of all that can be made.
async fn things(app: &TestApp) -> BTreeMap<&'static str, i64> {
    let mut counts = BTreeMap::new();
    for table in [
        "account",
        "activity",
        "audit_event",
        "capacity_pool",
        "category",
        "correction",
        "class_group",
        "export",
        "export_view",
        "idempotency_key",
        "leave",
        "organisation",
        "person",
        "position",
        "programme",
        "registration",
        "role_grant",
        "roster_batch",
        "series",
        "session",
    ] {
        counts.insert(table, app.count(&format!("SELECT count(*) FROM {table}")).await);
    }
    counts
}
