//! Who may do what: every root field as everybody, inside and outside of what they were given.
//!
//! The outcome is one table, `access.snap.md`, to be read beside the roles of the product. `UPDATE_SNAPSHOTS=1` writes it
//! anew; then read what changed.

use std::{collections::BTreeSet, fmt::Write, path::Path, sync::Arc};

use api::{app::App, graphql::Gid, live::Notice};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request,
};
use entity::{
    id::{ActivityId, ApiKeyId, ScanId, SessionId, SignInId},
    role_grant::Role,
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{
    app::{PASSWORD, TestApp, document},
    contract::{documents, root_fields, schema_roots, uuid_of},
    fixture::{LIST, Level, Snapshot, Things},
    socket::{Came, serve},
};

/// The columns: what stands above it, the role, and what it is held over.
const EVERYBODY: &[(&str, Option<(Role, Level)>)] = &[
    ("PLATFORM_ADMIN", Some((Role::PlatformAdmin, Level::Organisation))),
    ("SECURITY_ADMIN", Some((Role::SecurityAdmin, Level::Organisation))),
    ("AUDITOR", Some((Role::Auditor, Level::Organisation))),
    ("ORG_ADMIN", Some((Role::OrgAdmin, Level::Organisation))),
    ("ORGANISER programme", Some((Role::Organiser, Level::Programme))),
    ("ORGANISER activity", Some((Role::Organiser, Level::Activity))),
    ("LIAISON", Some((Role::Liaison, Level::Organisation))),
    ("DOOR_STAFF activity", Some((Role::DoorStaff, Level::Activity))),
    ("VIEWER", Some((Role::Viewer, Level::Organisation))),
    ("without a grant", None),
];

/// One line of the table: a document with variables.
struct Line {
    /// What tells it from other lines of the same field.
    how: &'static str,
    document: String,
    field: String,
    variables: Value,
    /// What must be in the data for it to count as seen.
    seen: Option<String>,
}

#[expect(clippy::too_many_lines, reason = "a line for each field")]
fn lines(app: &TestApp, it: &Things) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |name: &str, how: &'static str, variables: Value, seen: Option<&String>| {
        lines.push(Line {
            how,
            document: document(name),
            field: root_fields(name).remove(0),
            variables,
            seen: seen.cloned(),
        });
    };
    let id = |id: &String| json!({"id": id});
    let input = |input: Value| json!({"input": input});
    let at = |minutes| (app.now() + chrono::TimeDelta::minutes(minutes)).to_rfc3339();
    let session = json!({"title": "分论坛", "startsAt": at(30), "endsAt": at(180)});

    add("viewer", "", json!({}), None);
    add("account", "", id(&it.account), None);
    add("accounts", "", json!({}), Some(&it.account));
    add("activity", "", id(&it.activity), None);
    add(
        "registrations",
        ".registrations",
        json!({"activityId": it.activity}),
        Some(&it.registration),
    );
    let search = |search: &str| json!({"activityId": it.activity, "filter": {"search": search}});
    add("registrations", ".registrations by 张三丰", search("张三丰"), Some(&it.registration));
    add("registrations", ".registrations by 张", search("张"), Some(&it.registration));
    add("roster_batches", ".rosterBatches", json!({"activityId": it.activity}), Some(&it.staged));
    add("activities", "", json!({}), Some(&it.activity));
    add("export", "", id(&it.export), None);
    add("exports_to_approve", " of activity", json!({"activityId": it.activity}), None);
    let of = json!({"organisationId": it.organisation});
    add("exports_to_approve", " of organisation", of, None);
    add("export_columns", "", json!({"activityId": it.activity}), None);
    add("export_views", "", json!({"activityId": it.activity}), Some(&it.view));
    add("this_device", "", json!({}), None);
    add("devices", "", json!({"activityId": it.activity}), Some(&it.device));
    let out = json!({"organisationId": it.organisation, "purpose": "季度审计"});
    add("audit_verification", "", json!({}), None);
    add("export_audit_log", "", input(out), None);
    add("audit_events", "", json!({}), Some(&it.audit_event));
    add("jobs", "", json!({}), Some(&it.job));
    add("messages", "", json!({"activityId": it.activity}), Some(&it.message));
    let of = json!({"activityId": it.activity});
    add("message_templates", " of activity", of, Some(&it.template));
    add("message_templates", " of organisation", json!({"organisationId": it.organisation}), None);
    let draft = json!({"activityId": it.activity, "channel": "SMS", "text": "{{姓名}}您好"});
    add("message_preview", "", input(draft), None);
    add("webhooks", "", json!({"organisationId": it.organisation}), Some(&it.webhook));
    add("organisation", "", id(&it.organisation), None);
    add("organisation_year", ".figures", json!({"id": it.organisation, "year": 2026}), None);
    let year = json!({"id": it.organisation, "year": 2026});
    add("participants", ".participants", year, None);
    add("organisations", "", json!({}), Some(&it.organisation));
    add("person", "", id(&it.person), None);
    add("person_history", ".history", json!({"id": it.person, "year": 2026}), Some(&it.activity));
    add("people", "", json!({}), Some(&it.person));
    add("people", " by 张三丰", json!({"search": "张三丰"}), Some(&it.person));
    add("people", " by 张三", json!({"search": "张三"}), Some(&it.person));
    add("programme", "", id(&it.programme), None);
    add("programmes", "", json!({}), Some(&it.programme));
    add("registration", "", id(&it.registration), None);
    add("registration", " recommended", id(&it.pending), None);
    let of = json!({"activityId": it.activity});
    add("completions", "", of.clone(), None);
    add("credit_recount", "", of.clone(), None);
    add("certificates", "", of, Some(&it.certificate));
    add("certificate", "", id(&it.certificate), None);
    add("public_certificate", "", json!({"token": it.certificate_token}), None);
    add("pending_approvals", "", json!({}), Some(&it.pending));
    add("allocation", "", id(&it.allocation), None);
    add("bulk_act", "", id(&it.bulk), None);
    let activity = json!({"activityId": it.activity});
    add("allocations", "", activity.clone(), Some(&it.allocation));
    add("capacity_recount", "", activity, None);
    add("roster_batch", "", id(&it.staged), None);
    add("roster_rows", ".rows", json!({"id": it.staged}), None);
    add("series", "", id(&it.series), None);
    add("series_list", "", json!({}), Some(&it.series));
    add("leave", " TEACHER", id(&it.leaves[0]), None);
    add("leave", " HEAD", id(&it.leaves[2]), None);
    add("leaves", "", json!({"activityId": it.class}), Some(&it.leaves[0]));
    add("session", "", id(&it.session), None);
    let at_door = |text: &str| json!({"sessionId": it.session, "text": text});
    add("find_at_door", " by 0001", at_door("0001"), Some(&it.registration));
    add("find_at_door", " by 张三", at_door("张三"), Some(&it.registration));
    add("session_figures", "", json!({"sessionId": it.session}), None);
    add("activity_figures", "", json!({"activityId": it.activity}), None);
    add("scan_feed", "", json!({"sessionId": it.session}), Some(&it.scan));
    add("attendance_summary", ".summary", json!({"sessionId": it.session}), None);
    let of_session = json!({"sessionId": it.session});
    add("door_manifest", "", of_session, Some(&it.registration));
    add("attendances", ".attendances", json!({"sessionId": it.session}), Some(&it.scan));
    for (how, thing) in [
        (" account", &it.account),
        (" activity", &it.activity),
        (" allocation", &it.allocation),
        (" attendance", &it.attendance),
        (" auditEvent", &it.audit_event),
        (" bulkAct", &it.bulk),
        (" category", &it.category),
        (" certificate", &it.certificate),
        (" dataRequest", &it.data_request),
        (" device", &it.device),
        (" export", &it.export),
        (" exportView", &it.view),
        (" grant", &it.grant),
        (" group", &it.group),
        (" hookEvent", &it.event),
        (" job", &it.job),
        (" leave", &it.leaves[0]),
        (" makeUp", &it.make_up),
        (" message", &it.message),
        (" messageTemplate", &it.template),
        (" organisation", &it.organisation),
        (" person", &it.person),
        (" position", &it.position),
        (" programme", &it.programme),
        (" question", &it.question),
        (" registration", &it.registration),
        (" rosterBatch", &it.staged),
        (" scan", &it.scan),
        (" series", &it.series),
        (" session", &it.session),
        (" transfer", &it.transfer),
        (" webhook", &it.webhook),
    ] {
        add("node", how, id(thing), None);
    }
    let both = json!({"ids": [it.registration, it.activity]});
    add("nodes", " registration", both.clone(), Some(&it.registration));
    add("nodes", " activity", both, Some(&it.activity));

    add("sign_in", "", input(json!({"username": it.username, "password": PASSWORD})), None);
    add("refresh_tokens", "", input(json!({"refreshToken": it.refresh_token})), None);
    add("sign_out", "", json!({}), None);
    let anothers = json!({"signInId": Gid(SignInId::generate()).to_string()});
    add("end_sign_in", " of another", input(anothers), None);
    add("end_other_sign_ins", "", json!({}), None);
    let key = json!({"name": "官网", "scopes": ["READ"], "expiresAt": at(60)});
    add("create_api_key", "", input(key), None);
    let anothers = json!({"apiKeyId": Gid(ApiKeyId::generate()).to_string()});
    add("revoke_api_key", " of another", input(anothers), None);
    add("sign_in_providers", "", json!({}), None);
    let begin = json!({"provider": "sso", "returnTo": "http://127.0.0.1:8000/"});
    add("begin_provider_sign_in", "", input(begin), None);
    let wrong = json!({"providerCode": "x", "secret": "y"});
    add("sign_in_by_provider", " with a wrong code", input(wrong), None);
    let link = json!({"accountId": it.account, "provider": "sso", "subject": "x", "reason": "x"});
    add("link_identity", "", input(link), None);
    let unlink = json!({"identityId": it.identity, "reason": "已离职"});
    add("unlink_identity", "", input(unlink), None);
    add("enrol_second_factor", "", json!({}), None);
    add("confirm_second_factor", "", input(json!({"code": "123456"})), None);
    add("remove_second_factor", "", input(json!({"code": "123456"})), None);
    add("reset_second_factor", "", input(json!({"accountId": it.account})), None);
    add("end_account_sign_ins", "", input(json!({"accountId": it.account})), None);
    add(
        "change_password",
        "",
        input(json!({"oldPassword": PASSWORD, "newPassword": "battery staple"})),
        None,
    );
    add(
        "create_account",
        "",
        input(
            json!({"organisationId": it.organisation, "username": "door.2", "password": PASSWORD}),
        ),
        None,
    );
    add(
        "create_account",
        " for a person",
        input(
            json!({"organisationId": it.organisation, "username": "door.3", "password": PASSWORD, "personId": it.person}),
        ),
        None,
    );
    add("disable_account", "", input(json!({"accountId": it.account})), None);
    add("enable_account", "", input(json!({"accountId": it.account, "reason": "返岗"})), None);
    add("reset_password", "", input(json!({"accountId": it.account, "password": PASSWORD})), None);
    let grant = |role: &str, scope: &str, id: &String| {
        input(json!({"accountId": it.account, "reason": "值班", "role": role, scope: id}))
    };
    add(
        "grant_role",
        " DOOR_STAFF on activity",
        grant("DOOR_STAFF", "activityId", &it.activity),
        None,
    );
    add(
        "grant_role",
        " ORGANISER on activity",
        grant("ORGANISER", "activityId", &it.activity),
        None,
    );
    add(
        "grant_role",
        " DOOR_STAFF on programme",
        grant("DOOR_STAFF", "programmeId", &it.programme),
        None,
    );
    add(
        "grant_role",
        " ORGANISER on programme",
        grant("ORGANISER", "programmeId", &it.programme),
        None,
    );
    add("grant_role", " LIAISON", grant("LIAISON", "organisationId", &it.organisation), None);
    add("grant_role", " ORG_ADMIN", grant("ORG_ADMIN", "organisationId", &it.organisation), None);
    add("grant_role", " AUDITOR", grant("AUDITOR", "organisationId", &it.organisation), None);
    add(
        "grant_role",
        " SECURITY_ADMIN",
        grant("SECURITY_ADMIN", "organisationId", &it.organisation),
        None,
    );
    // It is the account's own, and nobody else's to lend.
    let lent =
        json!({"grantId": it.grant, "accountId": it.account, "until": at(60), "reason": "休假"});
    add("delegate_grant", "", input(lent), None);
    add("revoke_grant", "", input(json!({"grantId": it.grant})), None);
    add(
        "create_organisation",
        "",
        input(json!({"parentId": it.organisation, "kind": "CHAMBER", "name": "商会"})),
        None,
    );
    add(
        "update_organisation",
        "",
        input(json!({"organisationId": it.organisation, "code": "330302"})),
        None,
    );
    add(
        "create_person",
        "",
        input(json!({"organisationId": it.organisation, "name": "李四光", "phone": "13900000000"})),
        None,
    );
    let reveal = |fields: &[&str]| {
        input(json!({"personId": it.person, "fields": fields, "purpose": "联系本人"}))
    };
    add("reveal_person", " PHONE", reveal(&["PHONE"]), None);
    add("reveal_person", " ID_NUMBER", reveal(&["ID_NUMBER"]), None);
    add("update_person", "", input(json!({"personId": it.person, "phone": "13900000001"})), None);
    add(
        "create_position",
        "",
        input(json!({"personId": it.person, "organisationId": it.organisation, "title": "会长"})),
        None,
    );
    add(
        "end_position",
        "",
        input(json!({"positionId": it.position, "untilOn": "2026-10-31"})),
        None,
    );
    add(
        "create_programme",
        "",
        input(
            json!({"kind": "RELAY", "title": "青蓝接力", "year": 2026, "ownerId": it.organisation}),
        ),
        None,
    );
    add("create_activity", "", input(json!({"programmeId": it.programme, "title": "论坛"})), None);
    add(
        "copy_activity",
        "",
        input(json!({"activityId": it.draft, "firstDay": "2026-12-05"})),
        None,
    );
    let items = json!([{"title": "接力一", "firstDay": "2026-12-05"}]);
    add("create_activity_series", "", input(json!({"activityId": it.draft, "items": items})), None);
    add("update_activity", "", input(json!({"activityId": it.activity, "title": "主论坛"})), None);
    add("publish_activity", "", input(json!({"activityId": it.draft})), None);
    add("close_activity", "", input(json!({"activityId": it.activity})), None);
    add("cancel_activity", "", input(json!({"activityId": it.activity, "reason": "台风"})), None);
    add("create_category", "", input(json!({"activityId": it.activity, "name": "媒体"})), None);
    add("set_capacity", "", input(json!({"activityId": it.activity, "capacity": 200})), None);
    let series = json!({"organisationId": it.organisation, "title": "创新班"});
    add("create_series", "", input(series), None);
    add("update_series", "", input(json!({"seriesId": it.series, "title": "创新班"})), None);
    let run = json!({"seriesId": it.series, "firstDay": "2027-03-05"});
    add("create_run", "", input(run), None);
    let class = json!({"activityId": it.class, "seriesId": it.series, "classTeacherId": it.person});
    add("set_class", "", input(class), None);
    let trainers = json!([{"personId": it.person, "topic": "形势"}]);
    let trainers = json!({"sessionId": it.lesson, "trainers": trainers});
    add("set_trainers", "", input(trainers), None);
    let group = json!({"activityId": it.class, "name": "第二组"});
    add("create_group", "", input(group), None);
    add("update_group", "", input(json!({"groupId": it.group, "leaderId": it.trainee})), None);
    add("remove_group", "", input(json!({"groupId": it.group})), None);
    let divided = json!({"activityId": it.class, "size": 10, "anew": true});
    add("divide_class", "", input(divided), None);
    let post = json!({"registrationId": it.trainee, "post": "班长"});
    add("update_trainee", "", input(post), None);
    let seats = json!([{"registrationId": it.trainee, "seat": "5桌3号"}]);
    add("set_seats", "", input(json!({"activityId": it.class, "seats": seats})), None);
    let enrolled = json!({"registrationId": it.trainee, "enrolledOn": "2026-11-04"});
    add("set_enrolment", "", input(enrolled), None);
    let withdrawn = json!({"registrationId": it.trainee, "on": "2026-11-01", "reason": "调动"});
    add("withdraw_trainee", "", input(withdrawn), None);
    let half = |half: &str| json!({"on": "2026-11-03", "half": half});
    let mut asked = json!({"registrationId": it.trainee, "kind": "SICK", "from": half("AFTERNOON"),
        "until": half("AFTERNOON"), "reason": "感冒"});
    // No session is in it, which only who may ask is told.
    add("request_leave", "", input(asked.clone()), None);
    add("request_my_leave", "", input(asked.take()), None);
    for (how, leave) in [" TEACHER", " ACADEMIC", " HEAD"].into_iter().zip(&it.leaves) {
        add("decide_leave", how, input(json!({"leaveId": leave, "verdict": "APPROVE"})), None);
    }
    add("withdraw_leave", "", input(json!({"leaveId": it.leaves[2]})), None);
    add("withdraw_my_leave", "", input(json!({"leaveId": it.leaves[0]})), None);
    // It is not approved, which only who may end it is told.
    let end = json!({"leaveId": it.leaves[2], "at": "2026-11-05T10:00:00+08:00"});
    add("end_leave", "", input(end), None);
    add("create_session", "", input(json!({"activityId": it.activity, "session": session})), None);
    add("update_session", "", input(json!({"sessionId": it.session, "session": session})), None);
    add(
        "register_attendee",
        "",
        input(
            json!({"activityId": it.activity, "person": {"name": "李四光", "phone": "13900000000"}}),
        ),
        None,
    );
    add(
        "register_attendee",
        " on record",
        input(json!({"activityId": it.draft, "personId": it.person})),
        None,
    );
    let person = json!({"name": "李四光", "phone": "13900000000"});
    add(
        "register_attendee",
        " over capacity",
        input(
            json!({"activityId": it.activity, "person": person, "overCapacity": true, "reason": "贵宾"}),
        ),
        None,
    );
    add("invite_attendee", "", input(json!({"activityId": it.activity, "person": person})), None);
    add(
        "recommend_attendee",
        "",
        input(
            json!({"activityId": it.activity, "organisationId": it.organisation, "person": person}),
        ),
        None,
    );
    add(
        "recommend_attendee",
        " to be approved",
        input(
            json!({"activityId": it.chained, "organisationId": it.organisation, "person": person}),
        ),
        None,
    );
    let walk_in =
        json!({"sessionId": it.session, "scanId": app.uuid(), "person": person, "confirm": true});
    add("register_walk_in", "", input(walk_in), None);
    add(
        "replace_attendee",
        "",
        input(json!({"registrationId": it.absent, "person": person})),
        None,
    );
    add(
        "replace_attendee",
        " recommended",
        input(json!({"registrationId": it.pending, "person": person})),
        None,
    );
    let of = |id: &String| input(json!({"registrationId": id}));
    add(
        "answer_registration",
        "",
        input(json!({"registrationId": it.invited, "attending": true})),
        None,
    );
    add(
        "offer_seat",
        "",
        input(json!({"registrationId": it.waiting, "insteadOf": it.offered, "reason": "领导指定"})),
        None,
    );
    add(
        "offer_seat",
        " over capacity",
        input(json!({"registrationId": it.waiting, "overCapacity": true, "reason": "领导指定"})),
        None,
    );
    add(
        "set_priority",
        "",
        input(json!({"registrationId": it.waiting, "priority": 5, "reason": "老会员"})),
        None,
    );
    add(
        "update_registration",
        "",
        input(json!({"registrationId": it.absent, "title": "总经理"})),
        None,
    );
    add(
        "update_registration",
        " recommended",
        input(json!({"registrationId": it.pending, "title": "总经理"})),
        None,
    );
    add(
        "move_registration",
        " category",
        input(json!({"registrationId": it.absent, "category": "企业家"})),
        None,
    );
    add(
        "move_registration",
        " activity",
        input(json!({"registrationId": it.absent, "toActivityId": it.chained})),
        None,
    );
    add("revive_registration", "", of(&it.offered), None);
    add(
        "set_registration_rules",
        "",
        input(json!({"activityId": it.activity, "approval": ["CITY"]})),
        None,
    );
    add(
        "decide_registration",
        "",
        input(json!({"registrationId": it.pending, "verdict": "APPROVE"})),
        None,
    );
    add("resubmit_registration", "", of(&it.returned), None);
    let act = json!({"cancel": {"reason": "改期"}});
    add(
        "change_registrations",
        "",
        input(json!({"activityId": it.activity, "act": act, "registrationIds": [it.absent]})),
        None,
    );
    let act = json!({"invite": {"toActivityId": it.chained}});
    add(
        "change_registrations",
        " to another activity",
        input(json!({"activityId": it.activity, "act": act, "filter": {"status": ["CONFIRMED"]}})),
        None,
    );
    add(
        "set_allocation",
        "",
        input(json!({"activityId": it.activity, "organisationId": it.organisation, "seats": 6})),
        None,
    );
    add("release_allocation", "", input(json!({"allocationId": it.allocation})), None);
    let question =
        json!({"key": "diet", "kind": "TEXT", "label": "忌口", "purpose": "用餐", "keptFor": 30});
    add(
        "set_questions",
        "",
        input(json!({"activityId": it.activity, "questions": [question]})),
        None,
    );
    add(
        "answer_form",
        "",
        input(
            json!({"registrationId": it.registration, "stage": "REGISTRATION", "answers": [{"key": "lodging", "flag": true}]}),
        ),
        None,
    );
    add("cancel_registration", " recommended", of(&it.pending), None);
    add("cancel_registration", "", input(json!({"registrationId": it.absent})), None);
    let lost = json!({"registrationId": it.absent, "reason": "手机丢失"});
    add("reissue_ticket", "", input(lost.clone()), None);
    add("revoke_ticket", "", input(lost), None);
    add("public_activity", "", id(&it.activity), None);
    add("me", "", json!({}), None);
    add("request_code", "", input(json!({"phone": "13800000001"})), None);
    add("redeem_code", "", input(json!({"phone": "13800000001", "code": "000000"})), None);
    let myself = json!({"activityId": it.activity, "name": "李四光"});
    add("register_myself", "", input(myself), None);
    let own = json!({"registrationId": it.registration, "attending": true});
    add("answer_my_registration", "", input(own), None);
    let own = json!({"registrationId": it.registration});
    add("change_my_registration", "", input(own.clone()), None);
    add("cancel_my_registration", "", input(own), None);
    let own = json!({"registrationId": it.registration, "stage": "FOLLOW_UP", "answers": []});
    add("answer_my_form", "", input(own), None);
    let notice = json!({"activityId": it.activity, "text": "告知书"});
    add("publish_notice", " of activity", input(notice), None);
    let notice = json!({"organisationId": it.organisation, "text": "告知书"});
    add("publish_notice", " of organisation", input(notice), None);
    add("data_requests", "", json!({}), Some(&it.data_request));
    add("my_data", "", json!({}), None);
    let decided = json!({"requestId": it.data_request, "verdict": "REFUSE", "reason": "核实中"});
    add("decide_data_request", "", input(decided), None);
    let own = json!({"personId": it.person, "name": "张君宝"});
    add("request_correction", "", input(own), None);
    add("request_erasure", "", input(json!({"personId": it.person})), None);
    add("withdraw_data_request", "", input(json!({"requestId": it.data_request})), None);
    add("transfers", "", json!({"organisationId": it.organisation}), Some(&it.transfer));
    add("export_people", "", json!({"exportId": it.export}), None);
    add("exports_of", "", json!({"personId": it.person}), None);
    let given = json!({"activityId": it.activity, "receiver": "华侨饭店", "purpose": "安排住宿", "fields": ["姓名"],
        "rows": 1, "sha256": "cd".repeat(32), "deleteBy": "2026-12-01"});
    add("record_transfer", "", input(given), None);
    let gone = json!({"transferId": it.transfer, "deletedOn": "2026-11-01"});
    add("confirm_transfer_deletion", "", input(gone), None);
    add("retention_rules", "", json!({}), None);
    add("purge_preview", "", json!({"organisationId": it.organisation}), None);
    add("purges", "", json!({"organisationId": it.organisation}), None);
    let rule = json!({"kind": "RELAY", "dataClass": "DETAILS", "days": 60, "reason": "交账"});
    add("set_retention", "", input(rule), None);
    add("public_notice", "", json!({"version": it.notice}), None);
    let consent = json!({"registrationId": it.absent, "purposes": ["PHOTOS"], "noticeVersion": it.notice, "channel": "PAPER"});
    add("record_consent", "", input(consent), None);
    let recommended = json!({"registrationId": it.pending, "purposes": ["PHOTOS"], "noticeVersion": it.notice, "channel": "CHAMBER"});
    add("record_consent", " recommended", input(recommended), None);
    let against = json!({"registrationId": it.absent, "purpose": "PHOTOS", "reason": "来电"});
    add("withdraw_consent", "", input(against), None);
    let own = json!({"registrationId": it.registration, "purposes": ["PHOTOS"], "noticeVersion": it.notice});
    add("give_my_consent", "", input(own), None);
    let own = json!({"registrationId": it.registration, "purpose": "PHOTOS"});
    add("withdraw_my_consent", "", input(own), None);
    let off = json!({"activityId": it.activity, "allowed": false});
    add("set_self_registration", "", input(off), None);
    let rule = json!({"activityId": it.activity, "rule": {"late": "1/2"}});
    add("set_credit_rule", "", input(rule), None);
    let hours = json!({"registrationId": it.registration, "hours": "1", "reason": "补登"});
    add("adjust_credits", "", input(hours), None);
    let passed = json!({"registrationId": it.registration, "passed": true});
    add("set_course_work", "", input(passed), None);
    let unit = json!({"title": "网课", "hours": "1", "on": "2026-11-01"});
    let made_up = json!({"registrationId": it.absent, "missedSessionId": it.session, "online": unit, "reason": "同一主题"});
    add("record_make_up", "", input(made_up), None);
    let attended = json!({"registrationId": it.absent, "missedSessionId": it.session,
        "attendedSessionId": it.neighbours_session, "reason": "同一主题"});
    add("record_make_up", " by a session elsewhere", input(attended), None);
    add("undo_make_up", "", input(json!({"makeUpId": it.make_up, "reason": "登记有误"})), None);
    add("issue_certificates", "", input(json!({"activityId": it.activity})), None);
    let why = json!({"certificateId": it.certificate, "reason": "姓名有误"});
    add("revoke_certificate", "", input(why.clone()), None);
    add("reissue_certificate", "", input(why), None);
    let pattern = json!({"activityId": it.activity, "pattern": "结字{seq}号"});
    add("set_certificate_pattern", " of activity", input(pattern), None);
    let pattern = json!({"organisationId": it.organisation, "pattern": "结字{seq}号"});
    add("set_certificate_pattern", " of organisation", input(pattern), None);
    let pattern = json!({"seriesId": it.series, "pattern": "结字{seq}号"});
    add("set_certificate_pattern", " of series", input(pattern), None);
    let device = json!({"activityIds": [it.activity], "name": "东门二号"});
    add("create_device", "", input(device), None);
    add("redeem_device", "", input(json!({"code": it.device_code})), None);
    add("revoke_device", "", input(json!({"deviceId": it.device})), None);
    add(
        "check_in",
        "",
        input(json!({"sessionId": it.session, "ticketCode": it.code, "scanId": app.uuid()})),
        None,
    );
    add("self_check_in_code", "", json!({"sessionId": it.session}), None);
    add("self_check_ins", "", json!({"sessionId": it.session}), None);
    let scanned = json!({"sessionId": it.session, "code": it.shown, "deviceId": "手机"});
    add("claim_check_in", "", input(scanned), None);
    add("check_myself_in", "", input(json!({"claim": "x", "scanId": app.uuid()})), None);
    add(
        "undo_scan",
        "",
        input(
            json!({"sessionId": it.session, "undoneId": it.scan, "scanId": app.uuid(), "reason": "误扫"}),
        ),
        None,
    );
    add(
        "correct_attendance",
        "",
        input(
            json!({"sessionId": it.session, "registrationId": it.registration, "status": "LATE", "reason": "补签"}),
        ),
        None,
    );
    add("close_session", "", input(json!({"sessionId": it.session})), None);
    let kept = json!({"scanId": app.uuid(), "sessionId": it.session, "ticketCode": it.code, "scannedAt": at(0), "told": "ADMITTED"});
    let kept = json!({"deviceNow": at(0), "scans": [kept]});
    add("sync_scans", "", input(kept), Some(&"ADMITTED".to_owned()));
    let words = json!({"occasion": "CANCELLED", "channel": "SMS", "text": "{{姓名}}您好"});
    let words = |place: &str, id: &String| {
        let mut words = words.clone();
        words[place] = json!(id);
        input(words)
    };
    add("set_message_template", " of activity", words("activityId", &it.activity), None);
    add(
        "set_message_template",
        " of organisation",
        words("organisationId", &it.organisation),
        None,
    );
    add("remove_message_template", "", input(json!({"messageTemplateId": it.template})), None);
    add("retry_message", "", input(json!({"messageId": it.message})), None);
    let hook = json!({"organisationId": it.organisation, "url": "https://example.org/", "occasions": ["CONFIRMED"]});
    add("create_webhook", "", input(hook), None);
    add("disable_webhook", "", input(json!({"webhookId": it.webhook})), None);
    add("retry_job", "", input(json!({"jobId": it.job})), None);
    add(
        "stage_roster",
        "",
        input(json!({"activityId": it.activity, "uploadId": "UPLOAD", "profile": "EVENT"})),
        None,
    );
    add("commit_roster", "", input(json!({"batchId": it.staged})), None);
    add("undo_roster", "", input(json!({"batchId": it.committed})), None);
    add(
        "create_export",
        "",
        input(json!({"activityId": it.activity, "format": "CSV", "purpose": "活动总结"})),
        None,
    );
    let year = json!({"organisationId": it.organisation, "year": 2026, "kind": "CREDIT_HOURS", "format": "CSV", "purpose": "年报"});
    add("create_export", " of organisation", input(year.clone()), None);
    let mut unmasked = json!({"activityId": it.activity, "format": "CSV", "purpose": "活动总结", "unmasked": true});
    add("create_export", " unmasked", input(unmasked.take()), None);
    unmasked = year;
    unmasked["unmasked"] = json!(true);
    add("create_export", " of organisation, unmasked", input(unmasked), None);
    // It waits for nobody, which only who may have the say is told.
    add("approve_export", "", input(json!({"exportId": it.export})), None);
    add("refuse_export", "", input(json!({"exportId": it.export, "reason": "过大"})), None);
    add("cancel_export", "", input(json!({"exportId": it.making})), None);
    let view = json!({"activityId": it.activity, "name": "全部", "columns": ["name", "phone"]});
    add("save_export_view", "", input(view), None);
    add("remove_export_view", "", input(json!({"exportViewId": it.view})), None);
    lines
}

/// Who asks: a token, and a file of their own that waits.
struct Actor {
    token: Option<String>,
    upload: String,
}

/// What came of one request.
fn cell(line: &Line, answer: &Value) -> String {
    if let Some(error) = answer["errors"].get(0) {
        return text_of(&error["extensions"]["code"]);
    }
    let payload = &answer["data"][&line.field];
    if let Some(error) = payload["userErrors"].get(0) {
        return format!("user:{}", text_of(&error["code"]));
    }
    match &line.seen {
        Some(id) if !payload.to_string().contains(id.as_str()) => "none".to_owned(),
        _ if payload.is_null() => "null".to_owned(),
        _ => "ok".to_owned(),
    }
}

fn text_of(it: &Value) -> String {
    it.as_str().unwrap_or("no code").to_owned()
}

/// A service on a copy of the fixtures, which is thrown away after the first change.
struct Stage {
    app: Arc<App>,
    /// A scan that is told of to whoever listens.
    scan: Notice,
    router: Router,
    watch: DatabaseConnection,
    _folder: TempDir,
}

impl Stage {
    async fn open(snapshot: &Snapshot, scan: Notice) -> Self {
        let (app, router, url, folder) = snapshot.open().await;
        Self {
            app,
            scan,
            router,
            watch: Database::connect(format!("{url}?mode=ro")).await.unwrap(),
            _folder: folder,
        }
    }

    /// A number that changes when anybody else writes to the database.
    async fn version(&self) -> i64 {
        let sql = Statement::from_string(DbBackend::Sqlite, "PRAGMA data_version");
        let row = self.watch.query_one_raw(sql).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// How many acts were done that leave an audit event.
    async fn acts(&self) -> i64 {
        let sql = "SELECT count(*) FROM audit_event WHERE outcome = 'DONE'";
        let sql = Statement::from_string(DbBackend::Sqlite, sql);
        self.watch.query_one_raw(sql).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    /// Subscribes, and waits for what comes first.
    async fn watch(&self, line: &Line, actor: &Actor) -> Value {
        let code = |code: String| json!({"errors": [{"extensions": {"code": code}}]});
        let server = serve(self.router.clone()).await;
        let mut socket = server.open().await;
        socket.init(actor.token.as_deref().unwrap_or_default()).await;
        match socket.came().await {
            Came::Message(message) => assert_eq!(message["type"], "connection_ack"),
            Came::Close(closed, _) => return code(closed.to_string()),
        }
        socket.ask("1", &line.document, line.variables.clone()).await;
        let Notice::Scan(activity, session, scan) = self.scan else { panic!("no scan") };
        let stir = || self.app.live.scanned([(activity, session, scan)]);
        match socket.stirred(stir).await {
            Came::Message(mut message) if message["type"] == "next" => message["payload"].take(),
            Came::Message(mut message) => json!({"errors": message["payload"].take()}),
            Came::Close(closed, _) => code(closed.to_string()),
        }
    }

    async fn send(&self, line: &Line, actor: &Actor) -> Value {
        if line.document.contains("\nsubscription ") {
            return self.watch(line, actor).await;
        }
        let variables: Value =
            serde_json::from_str(&line.variables.to_string().replace("UPLOAD", &actor.upload))
                .unwrap();
        let body = json!({"query": line.document, "variables": variables}).to_string();
        let mut request = Request::post("/graphql").header("content-type", "application/json");
        if let Some(token) = &actor.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer =
            self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        serde_json::from_slice(&to_bytes(answer.into_body(), usize::MAX).await.unwrap()).unwrap()
    }
}

/// What must not be in any answer to somebody, of the people who are registered.
fn secrets(name: &str, inside: bool) -> &'static [&'static str] {
    const PHONES: &[&str] = &["13800000001", "13800000002", "13800000003"];
    const ALL: &[&str] = &[
        "张三丰",
        "周芷若",
        "赵敏敏",
        "赵大明",
        "zhang san feng",
        "13800000001",
        "13800000002",
        "13800000003",
        "138****",
    ];
    match name {
        _ if !inside => ALL,
        "PLATFORM_ADMIN" | "SECURITY_ADMIN" | "AUDITOR" | "VIEWER" | "without a grant"
        | "anonymous" => ALL,
        "DOOR_STAFF activity" | "device" => PHONES,
        _ => &[],
    }
}

/// One column: the outcomes of all lines, in their order.
async fn column(
    snapshot: &Snapshot,
    scan: Notice,
    lines: &[Line],
    name: &str,
    inside: bool,
    actor: &Actor,
) -> Vec<String> {
    let mut stage = Stage::open(snapshot, scan).await;
    let mut cells = Vec::with_capacity(lines.len());
    for line in lines {
        let (before, acts) = (stage.version().await, stage.acts().await);
        let answer = stage.send(line, actor).await;
        let cell = cell(line, &answer);
        assert_ne!(cell, "INTERNAL_SERVER_ERROR", "{}{}: {answer}", line.field, line.how);
        let changed = stage.version().await != before;
        let leaks = secrets(name, inside).iter().filter(|it| answer.to_string().contains(**it));
        let leaks: Vec<_> = leaks.collect();
        assert!(leaks.is_empty(), "{name} sees {leaks:?} in {}{}: {answer}", line.field, line.how);
        let refused = cell.starts_with("user:")
            || matches!(cell.as_str(), "UNAUTHENTICATED" | "FORBIDDEN" | "NOT_FOUND");
        // What is refused of grants and accounts is put on the audit log, and nothing else.
        let leaves_refusals = matches!(
            line.field.as_str(),
            "grantRole" | "revokeGrant" | "disableAccount" | "resetPassword"
        );
        let is_put_on_record = leaves_refusals && stage.acts().await == acts;
        assert!(
            !(refused && changed && !is_put_on_record),
            "{}{} was refused and changed something",
            line.field,
            line.how
        );
        if changed {
            stage = Stage::open(snapshot, scan).await;
        }
        cells.push(cell);
    }
    cells
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_may_do_what_the_table_says() {
    let app = TestApp::sqlite().await;
    let things = Things::make(&app).await;
    let lines = lines(&app, &things);

    let mut columns = Vec::new();
    for inside in [true, false] {
        for (name, role) in EVERYBODY {
            let client = match role {
                Some((role, level)) => things.actor(&app, *role, *level, inside).await,
                None if inside => app.bare_account().await,
                None => continue,
            };
            let upload = client.upload("名单.csv", LIST.as_bytes()).await;
            columns.push((inside, *name, Actor { token: client.token, upload }));
        }
    }
    let upload = columns[0].2.upload.clone();
    let nobody = Actor { token: None, upload: upload.clone() };
    columns.insert(EVERYBODY.len(), (true, "anonymous", nobody));
    // A device has nothing to upload with.
    for inside in [true, false] {
        let token = Some(things.device(&app, inside).await);
        let at = if inside { EVERYBODY.len() } else { columns.len() };
        columns.insert(at, (inside, "device", Actor { token, upload: upload.clone() }));
    }

    let snapshot = Snapshot::take(&app).await;
    let ids = [&things.activity, &things.session, &things.scan].map(|it| uuid_of(&json!(it)));
    let scan = Notice::Scan(ActivityId(ids[0]), SessionId(ids[1]), ScanId(ids[2]));
    let (snapshot, lines) = (Arc::new(snapshot), Arc::new(lines));
    let tasks: Vec<_> = columns
        .into_iter()
        .map(|(inside, name, actor)| {
            let (snapshot, lines) = (snapshot.clone(), lines.clone());
            let run = async move { column(&snapshot, scan, &lines, name, inside, &actor).await };
            (inside, name, tokio::spawn(run))
        })
        .collect();
    let mut done = Vec::new();
    for (inside, name, task) in tasks {
        done.push((inside, name, task.await.unwrap()));
    }
    compare("access.snap.md", &table(&lines, &done));
}

/// The table as it is kept.
fn table(lines: &[Line], columns: &[(bool, &str, Vec<String>)]) -> String {
    let mut text = String::from(
        "# Who may do what\n\nMade by access.rs: every root field, run as everybody. `none`: a list without the thing. \
         `user:`: refused by a rule, in `userErrors`.\n",
    );
    for (inside, heading) in [(true, "Inside the scope"), (false, "Outside the scope")] {
        let columns: Vec<_> = columns.iter().filter(|it| it.0 == inside).collect();
        write!(text, "\n## {heading}\n\n| |").unwrap();
        for (_, name, _) in &columns {
            write!(text, " {name} |").unwrap();
        }
        writeln!(text, "\n|---|{}", "---|".repeat(columns.len())).unwrap();
        for (nth, line) in lines.iter().enumerate() {
            write!(text, "| {}{} |", line.field, line.how).unwrap();
            for (.., cells) in &columns {
                write!(text, " {} |", cells[nth]).unwrap();
            }
            text.push('\n');
        }
    }
    text
}

/// Compares with a kept file, or writes it where that is asked for.
pub fn compare(file: &str, now: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(file);
    #[expect(clippy::disallowed_methods, reason = "the tests' own configuration")]
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, now).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let changed: Vec<String> = kept
        .lines()
        .zip(now.lines())
        .filter(|(kept, now)| kept != now)
        .map(|(kept, now)| format!("- {kept}\n+ {now}"))
        .collect();
    assert!(
        kept == now,
        "{file} has {} lines, now {}. See whether this is right, then UPDATE_SNAPSHOTS=1.\n{}",
        kept.lines().count(),
        now.lines().count(),
        changed.join("\n")
    );
}

#[tokio::test]
async fn every_root_field_has_a_line() {
    let app = TestApp::sqlite().await;
    let things = Things::make(&app).await;
    let tried: BTreeSet<String> = lines(&app, &things).into_iter().map(|it| it.field).collect();
    let missing: Vec<String> = schema_roots(&app).await.difference(&tried).cloned().collect();
    assert!(
        missing.is_empty(),
        "nobody tried {missing:?}: add a line for each to `lines` in access.rs"
    );
    let shown: BTreeSet<String> = documents().iter().flat_map(|it| root_fields(it)).collect();
    assert!(shown.is_superset(&tried));
}
