//! One small federation with a thing of every kind in it, to try every field on as everybody.
//!
//! All stands in the district A, below the root; B is its neighbour, with only what a grant can be over.

use std::{path::Path, sync::Arc};

use api::{
    account::{
        self,
        grant::{self, Over},
    },
    app::App,
    authn::Keys,
    db::Db,
    error::Error,
    graphql::Gid,
    http, job, outbox,
};
use axum::Router;
use entity::{
    id::{AccountId, ActivityId, LinkedIdentityId, OrganisationId, ProgrammeId},
    job::Kind,
    message::Occasion,
    registration,
    role_grant::Role,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, Database, EntityTrait,
    QueryFilter,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{Client, PASSWORD, TestApp};

/// A list of two people, as an organiser has it.
pub const LIST: &str = "姓名,手机号码,工作单位,职务,身份证号\n王小明,13800000011,温州某某有限公司,董事长,330302198001010019\n李小红,13800000012,温州某某有限公司,总经理,\n";
const OTHER_LIST: &str = "姓名,手机号码,工作单位,职务,身份证号\n赵大明,13800000021,温州某某有限公司,董事长,330302198512120025\n";

/// The ids of what stands in A.
pub struct Things {
    pub organisation: String,
    pub neighbour: String,
    pub programme: String,
    /// Published, and its door is open.
    pub activity: String,
    /// A draft with one session.
    pub draft: String,
    pub session: String,
    pub category: String,
    pub person: String,
    pub position: String,
    /// Of the person.
    pub question: String,
    pub registration: String,
    pub code: String,
    /// What a display shows at the session's door.
    pub shown: String,
    /// Of somebody who has not come.
    pub absent: String,
    /// INVITED, OFFERED, WAITLISTED behind that, PENDING at A, and returned by A.
    pub invited: String,
    pub offered: String,
    pub waiting: String,
    pub pending: String,
    pub returned: String,
    pub allocation: String,
    pub bulk: String,
    /// Takes recommendations, which the district approves.
    pub chained: String,
    /// Of somebody who has come.
    pub attendance: String,
    pub scan: String,
    pub export: String,
    /// Of the person, and what its address ends with.
    pub certificate: String,
    pub certificate_token: String,
    /// Of whoever has not come.
    pub make_up: String,
    /// Not made yet, in the background.
    pub making: String,
    pub view: String,
    /// At the doors of the activity, in use; and the code of another that waits.
    pub device: String,
    pub device_code: String,
    /// Given up.
    pub job: String,
    /// It has failed.
    pub message: String,
    pub template: String,
    pub webhook: String,
    pub event: String,
    /// Of the draft.
    pub notice: String,
    /// Of whoever has not come, who asks for another name.
    pub data_request: String,
    pub transfer: String,
    pub staged: String,
    /// A class of an academy's programme, the run of a series.
    pub class: String,
    pub lesson: String,
    pub series: String,
    pub group: String,
    /// On the class: the person, recommended by A.
    pub trainee: String,
    /// The person's, for half a day, a day, and more.
    pub leaves: [String; 3],
    academy: String,
    pub committed: String,
    /// Of somebody who signs in at the door.
    pub account: String,
    /// Of something that was done to that account.
    pub audit_event: String,
    pub username: String,
    pub refresh_token: String,
    /// Of that account, at another system.
    pub identity: String,
    /// Of that account, over the activity.
    pub grant: String,
    neighbours_programme: String,
    neighbours_activity: String,
    pub neighbours_session: String,
}

/// What a role is held over.
#[derive(Clone, Copy)]
pub enum Level {
    Organisation,
    Programme,
    Activity,
}

pub fn text(it: &Value) -> String {
    it.as_str().unwrap_or_else(|| panic!("no text: {it}")).to_owned()
}

async fn made(client: &Client, operation: &str, input: Value) -> Value {
    let mut answer = client.run(operation, json!({"input": input})).await;
    let mut payload = answer.as_object_mut().unwrap().values_mut();
    let payload = payload.next().unwrap();
    assert_eq!(payload["userErrors"], json!([]), "{operation}: {payload}");
    payload.take()
}

impl Things {
    /// Makes them all, by the API.
    pub async fn make(app: &TestApp) -> Self {
        Box::pin(Self::made(app)).await
    }

    #[expect(clippy::too_many_lines, reason = "a thing of every kind")]
    async fn made(app: &TestApp) -> Self {
        let admin = app.organiser();
        let organisation = |name: &'static str| async move {
            let input = json!({"parentId": app.root_id(), "kind": "FEDERATION", "name": name});
            text(&made(admin, "create_organisation", input).await["organisation"]["id"])
        };
        let (a, b) = (organisation("鹿城区工商联").await, organisation("瑞安市工商联").await);
        let (programme, activity) = activity_of(app, &a).await;
        let (neighbours_programme, neighbours_activity) = activity_of(app, &b).await;
        let second =
            json!({"programmeId": programme, "title": "论坛", "sessions": [span(app, "论坛")]});
        let draft = text(&made(admin, "create_activity", second).await["activity"]["id"]);

        let input = json!({"organisationId": a, "name": "张三丰", "phone": "13800000001"});
        let person = text(&made(admin, "create_person", input).await["person"]["id"]);
        let input = json!({"personId": person, "organisationId": a, "title": "副会长"});
        let position = text(&made(admin, "create_position", input).await["position"]["id"]);
        let question = json!({"key": "lodging", "kind": "YES_NO", "label": "是否住宿", "purpose": "安排住宿", "keptFor": 30});
        let input = json!({"activityId": activity.id, "questions": [question]});
        let form = made(admin, "set_questions", input).await;
        let input = json!({"activityId": activity.id, "personId": person, "category": "企业家"});
        let registration = made(admin, "register_attendee", input).await["registration"].take();
        let enrol = |name: &'static str, phone: &'static str| {
            let activity = activity.id.clone();
            async move {
                let input =
                    json!({"activityId": activity, "person": {"name": name, "phone": phone}});
                made(admin, "register_attendee", input).await["registration"].take()
            }
        };
        let absent = enrol("周芷若", "13800000002").await;
        let present = enrol("赵敏敏", "13800000003").await;
        let input = json!({"sessionId": activity.session, "ticketCode": present["ticketCode"], "scanId": app.uuid()});
        let scan = made(admin, "check_in", input).await;
        let shown = admin.run("self_check_in_code", json!({"sessionId": activity.session})).await;
        let came = "query($id: ID!) { registration(id: $id) { attendances { id } } }";
        let attendance = admin.ask(came, json!({"id": present["id"]})).await;

        let input = json!({"activityId": activity.id, "organisationId": a, "seats": 5});
        let allocation = text(&made(admin, "set_allocation", input).await["allocation"]["id"]);
        let input = json!({"activityId": activity.id, "person": {"name": "宋青书", "phone": "13800000004"}});
        let invited = made(admin, "invite_attendee", input).await["registration"].take();
        let input = json!({"activityId": activity.id, "act": {"cancel": {}}, "registrationIds": [of_nobody()]});
        let bulk = text(&made(admin, "change_registrations", input).await["bulkAct"]["id"]);
        let (chained, [pending, returned], [offered, waiting]) = lives(app, &programme, &a).await;

        let input = json!({"activityId": activity.id, "format": "CSV", "purpose": "活动总结"});
        let export = text(&made(admin, "create_export", input).await["export"]["id"]);
        let input =
            json!({"activityId": activity.id, "name": "上报", "columns": ["name", "title"]});
        let view = text(&made(admin, "save_export_view", input).await["exportView"]["id"]);
        let committed = stage(app, &activity.id, "名单.csv", OTHER_LIST).await;
        made(admin, "commit_roster", json!({"batchId": committed})).await;
        let staged = stage(app, &activity.id, "名单.csv", LIST).await;

        let input = json!({"activityId": activity.id, "occasion": "CONFIRMED", "channel": "SMS", "text": "{{姓名}}您好"});
        let template = made(admin, "set_message_template", input).await["messageTemplate"].take();
        let input = json!({"organisationId": a, "url": "https://10.0.0.1.example.invalid/", "occasions": ["CONFIRMED"]});
        let hook = made(admin, "create_webhook", input).await["webhook"].take();
        told(app, &activity.id).await;
        let listed = admin.run("messages", json!({"activityId": activity.id})).await;
        let message = text(&listed["messages"]["edges"][0]["node"]["id"]);
        let listed = admin.run("webhooks", json!({"organisationId": a})).await;
        let event = text(&listed["webhooks"]["edges"][0]["node"]["events"]["nodes"][0]["id"]);
        let (template, webhook) = (text(&template["id"]), text(&hook["id"]));
        let School { academy, class, lesson, series, group, trainee, leaves } =
            school(app, &a).await;

        let (certificate, certificate_token) = certified(app, &registration["id"]).await;
        let make_up = made_up(app, &absent["id"], &activity.session).await;

        // Behind all that has jobs done.
        let input = json!({"activityId": activity.id, "format": "CSV", "purpose": "活动总结", "background": true});
        let making = text(&made(admin, "create_export", input).await["export"]["id"]);
        let device = new_device(app, &[&activity.id]).await;
        let waiting_device = new_device(app, &[&activity.id]).await;
        redeemed(app, &device).await;

        let input = json!({"activityId": draft, "text": "告知书"});
        let notice = text(&made(admin, "publish_notice", input).await["notice"]["version"]);

        let input = json!({"activityId": activity.id, "receiver": "华侨饭店", "purpose": "安排住宿", "fields": ["姓名"],
            "rows": 1, "sha256": "ab".repeat(32), "deleteBy": "2026-12-01"});
        let transfer = text(&made(admin, "record_transfer", input).await["transfer"]["id"]);
        let who = crate::attendee::attendee(app, "13800000002").await;
        let own = who.run("my_data", json!({})).await;
        let input = json!({"personId": own["me"]["people"][0]["id"], "name": "周芷茹"});
        let asked = made(&who, "request_correction", input).await["request"].take();

        let username = "lucheng.door1".to_owned();
        let input = json!({"organisationId": a, "username": username, "password": PASSWORD});
        let account = text(&made(admin, "create_account", input).await["account"]["id"]);
        let input = json!({"accountId": account, "reason": "值班", "role": "DOOR_STAFF", "activityId": activity.id});
        let grant = text(&made(admin, "grant_role", input).await["grant"]["id"]);
        let input = json!({"username": username, "password": PASSWORD});
        let tokens = made(&app.anonymous(), "sign_in", input).await;
        Self {
            organisation: a,
            neighbour: b,
            programme,
            session: activity.session,
            category: activity.category,
            activity: activity.id,
            draft,
            person,
            position,
            question: text(&form["activity"]["questions"][0]["id"]),
            registration: text(&registration["id"]),
            code: text(&registration["ticketCode"]),
            shown: text(&shown["selfCheckInCode"]["code"]),
            absent: text(&absent["id"]),
            invited: text(&invited["id"]),
            offered,
            waiting,
            pending,
            returned,
            allocation,
            bulk,
            chained,
            attendance: text(&attendance["registration"]["attendances"][0]["id"]),
            scan: text(&scan["scan"]["id"]),
            export,
            certificate,
            certificate_token,
            make_up,
            making,
            view,
            device: text(&device["device"]["id"]),
            device_code: text(&waiting_device["code"]),
            job: failed_job(app).await,
            message,
            template,
            webhook,
            event,
            notice,
            transfer,
            data_request: text(&asked["id"]),
            staged,
            class,
            lesson,
            series,
            group,
            trainee,
            leaves,
            academy,
            committed,
            audit_event: event_on(app, &account).await,
            identity: identity(app, &account).await,
            account,
            username,
            refresh_token: text(&tokens["tokens"]["refreshToken"]),
            grant,
            neighbours_programme,
            neighbours_activity: neighbours_activity.id,
            neighbours_session: neighbours_activity.session,
        }
    }

    /// All ids of what stands in A.
    pub fn ids(&self) -> Vec<String> {
        let all = [
            &self.organisation,
            &self.programme,
            &self.activity,
            &self.draft,
            &self.session,
            &self.category,
            &self.person,
            &self.position,
            &self.question,
            &self.registration,
            &self.absent,
            &self.invited,
            &self.offered,
            &self.waiting,
            &self.pending,
            &self.returned,
            &self.allocation,
            &self.bulk,
            &self.chained,
            &self.attendance,
            &self.scan,
            &self.export,
            &self.certificate,
            &self.make_up,
            &self.making,
            &self.view,
            &self.device,
            &self.job,
            &self.message,
            &self.template,
            &self.webhook,
            &self.event,
            &self.staged,
            &self.committed,
            &self.class,
            &self.lesson,
            &self.series,
            &self.group,
            &self.trainee,
            &self.account,
            &self.grant,
        ];
        all.into_iter().chain(&self.leaves).cloned().collect()
    }

    /// The token of a device at the doors in A, or at those in B.
    pub async fn device(&self, app: &TestApp, inside: bool) -> String {
        let doors = if inside {
            vec![self.activity.as_str(), self.draft.as_str()]
        } else {
            vec![self.neighbours_activity.as_str()]
        };
        redeemed(app, &new_device(app, &doors).await).await
    }

    /// Somebody with a role over what is in A, or over the same in B.
    pub async fn actor(&self, app: &TestApp, role: Role, level: Level, inside: bool) -> Client {
        let over = match (level, inside) {
            (Level::Organisation, true) => vec![organisation(&self.organisation)],
            (Level::Organisation, false) => vec![organisation(&self.neighbour)],
            (Level::Programme, true) => {
                vec![programme(&self.programme), programme(&self.academy)]
            }
            (Level::Programme, false) => vec![programme(&self.neighbours_programme)],
            (Level::Activity, true) => {
                [&self.activity, &self.draft, &self.class].map(|it| an_activity(it)).into()
            }
            (Level::Activity, false) => vec![an_activity(&self.neighbours_activity)],
        };
        let client = app.bare_account().await;
        for over in over {
            give(app, client.account, role, over).await;
        }
        client
    }
}

/// A device at the doors of some activities, as `createDevice` gives it.
pub async fn new_device(app: &TestApp, activities: &[&str]) -> Value {
    let input = json!({"activityIds": activities, "name": "东门一号", "gate": "东门"});
    made(app.organiser(), "create_device", input).await
}

/// Brings a device into use; its token.
pub async fn redeemed(app: &TestApp, device: &Value) -> String {
    let input = json!({"code": device["code"], "model": "HUAWEI nova 12"});
    text(&made(&app.anonymous(), "redeem_device", input).await["token"])
}

/// The id of a registration that is not there.
fn of_nobody() -> String {
    Gid(entity::id::RegistrationId::generate()).to_string()
}

/// An activity with steps of approval: one that is PENDING and one that was returned; and on another, with one seat, one
/// that is OFFERED and one that waits.
async fn lives(app: &TestApp, programme: &str, a: &str) -> (String, [String; 2], [String; 2]) {
    let admin = app.organiser();
    let input = json!({"parentId": a, "kind": "CHAMBER", "name": "鞋革行业协会"});
    let chamber = text(&made(admin, "create_organisation", input).await["organisation"]["id"]);
    let activity = |title: &'static str, capacity: i32| async move {
        let input = json!({"programmeId": programme, "title": title, "capacity": capacity, "sessions": [span(app, title)]});
        let id = text(&made(admin, "create_activity", input).await["activity"]["id"]);
        made(admin, "publish_activity", json!({"activityId": id})).await;
        id
    };
    let chained = activity("研讨会", 10).await;
    let input = json!({"activityId": chained, "approval": ["CHAMBER", "DISTRICT"]});
    made(admin, "set_registration_rules", input).await;
    let mut recommended = Vec::new();
    for (name, phone) in [("殷离", "13800000005"), ("韦一笑", "13800000006")] {
        let person = json!({"name": name, "phone": phone});
        let input = json!({"activityId": chained, "organisationId": chamber, "person": person});
        let it = made(admin, "recommend_attendee", input).await;
        recommended.push(text(&it["registration"]["id"]));
    }
    let [pending, returned] = recommended.try_into().unwrap();
    let input = json!({"registrationId": returned, "verdict": "RETURN", "reason": "缺职务"});
    made(admin, "decide_registration", input).await;

    let small = activity("座谈会", 1).await;
    let mut people = Vec::new();
    for (name, phone) in
        [("殷素素", "13800000007"), ("杨不悔", "13800000008"), ("史火龙", "13800000009")]
    {
        let input = json!({"activityId": small, "person": {"name": name, "phone": phone}});
        people.push(text(&made(admin, "register_attendee", input).await["registration"]["id"]));
    }
    let [gone, offered, waiting] = people.try_into().unwrap();
    made(admin, "cancel_registration", json!({"registrationId": gone})).await;
    (chained, [pending, returned], [offered, waiting])
}

/// What stands in a class.
struct School {
    academy: String,
    class: String,
    lesson: String,
    series: String,
    group: String,
    trainee: String,
    leaves: [String; 3],
}

/// A class with one trainee, who is on record, and three leaves that wait.
async fn school(app: &TestApp, a: &str) -> School {
    let admin = app.organiser();
    let input = json!({"kind": "ACADEMY", "title": "民营经济学院", "year": 2026, "ownerId": a});
    let academy = text(&made(admin, "create_programme", input).await["programme"]["id"]);
    let session = |day: i32, from: &str, until: &str| {
        let at = |time: &str| format!("2026-11-0{day}T{time}:00+08:00");
        json!({"title": "专题讲座", "startsAt": at(from), "endsAt": at(until)})
    };
    let sessions = json!([
        session(3, "09:00", "12:00"),
        session(4, "09:00", "17:00"),
        session(6, "09:00", "17:00")
    ]);
    let input = json!({"programmeId": academy, "title": "研修班", "sessions": sessions});
    let class = made(admin, "create_activity", input).await["activity"].take();
    let lesson = text(&class["sessions"][0]["id"]);
    let class = text(&class["id"]);
    made(admin, "publish_activity", json!({"activityId": class})).await;
    let input = json!({"organisationId": a, "title": "传承研修班", "code": "CC"});
    let series = text(&made(admin, "create_series", input).await["series"]["id"]);
    made(admin, "set_class", json!({"activityId": class, "seriesId": series})).await;
    let seats = json!({"activityId": class, "organisationId": a, "seats": 5});
    made(admin, "set_allocation", seats).await;
    let person = json!({"name": "张三丰", "phone": "13800000001"});
    let input = json!({"activityId": class, "organisationId": a, "person": person});
    let it = made(admin, "recommend_attendee", input).await;
    let trainee = text(&it["registration"]["id"]);
    let input = json!({"activityId": class, "name": "第一组"});
    let group = text(&made(admin, "create_group", input).await["group"]["id"]);
    made(admin, "update_trainee", json!({"registrationId": trainee, "groupId": group})).await;
    let mut leaves = Vec::new();
    for (from, until, last) in [(3, 3, "MORNING"), (4, 4, "AFTERNOON"), (5, 6, "AFTERNOON")] {
        let half = |day: i32, half: &str| json!({"on": format!("2026-11-0{day}"), "half": half});
        let input = json!({"registrationId": trainee, "kind": "SICK", "reason": "感冒",
            "from": half(from, "MORNING"), "until": half(until, last)});
        leaves.push(text(&made(admin, "request_leave", input).await["leave"]["id"]));
    }
    let leaves = leaves.try_into().unwrap();
    School { academy, class, lesson, series, group, trainee, leaves }
}

/// Gives a role, asking nobody.
pub async fn give(app: &TestApp, to: AccountId, role: Role, over: Over) {
    let now = app.now();
    let done: Result<(), Error<account::AccountErrorCode>> = app
        .app
        .db
        .by_command("Test", now, async |tx| {
            grant::insert(tx, to, role, over, None, None, now).await?;
            Ok(to)
        })
        .await;
    done.unwrap();
}

pub fn organisation(id: &str) -> Over {
    Over::Organisation(Gid::<OrganisationId>::decode(id).unwrap().0)
}

pub fn programme(id: &str) -> Over {
    Over::Programme(Gid::<ProgrammeId>::decode(id).unwrap().0)
}

pub fn an_activity(id: &str) -> Over {
    Over::Activity(Gid::<ActivityId>::decode(id).unwrap().0)
}

/// Tells those on an activity that they have a seat, by a service that cannot send.
pub async fn told(app: &TestApp, activity: &str) {
    use sea_orm::{ColumnTrait, QueryFilter};
    let id = Gid::<ActivityId>::decode(activity).unwrap().0;
    let rows = registration::Entity::find()
        .filter(registration::Column::ActivityId.eq(id))
        .filter(registration::Column::Status.eq(registration::Status::Confirmed))
        .all(app.app.db.read())
        .await
        .unwrap();
    let now = app.now();
    app.by_hand(async |tx| outbox::tell(tx, Occasion::Confirmed, &rows, now).await).await;
    app.work().await;
}

/// A certificate of somebody whose class was long ago; its id, and what its address ends with.
async fn certified(app: &TestApp, registration: &Value) -> (String, String) {
    use entity::{certificate, certificate_counter, certificate_face, id::CertificateId};
    let registration = Gid::<entity::id::RegistrationId>::decode(&text(registration)).unwrap().0;
    let row = registration::Entity::find_by_id(registration).one(app.app.db.read()).await;
    let row = row.unwrap().unwrap();
    let (id, by, now) = (CertificateId::generate(), app.organiser().account, app.now());
    let token = "0123456789abcdefghijkl".to_owned();
    let counter = certificate_counter::Model { stem: "旧字{seq}号".to_owned(), last: 1 };
    let certificate = certificate::Model {
        id,
        registration_id: row.id,
        activity_id: row.activity_id,
        stem: counter.stem.clone(),
        seq: 1,
        number: "旧字1号".to_owned(),
        version: 1,
        account_id: by,
        issued_at: now,
        revoked_at: None,
        revoked_by: None,
        revoke_reason: None,
    };
    let face = certificate_face::Model {
        certificate_id: id,
        version: 1,
        token: token.clone(),
        name: "张三丰".to_owned(),
        title: "开幕式".to_owned(),
        run: None,
        issuer: "鹿城区工商联".to_owned(),
        starts_on: None,
        ends_on: None,
        centihours: 400,
        issued_on: now.date_naive(),
        reason: None,
        account_id: by,
        made_at: now,
    };
    app.by_hand(async |tx| {
        certificate_counter::ActiveModel::from(counter).reset_all().insert(tx).await?;
        certificate::ActiveModel::from(certificate).reset_all().insert(tx).await?;
        certificate_face::ActiveModel::from(face).reset_all().insert(tx).await?;
        Ok(())
    })
    .await;
    (Gid(id).to_string(), token)
}

/// A session that an online unit made up for.
async fn made_up(app: &TestApp, registration: &Value, session: &str) -> String {
    use entity::{id::MakeUpId, make_up};
    let row = make_up::Model {
        id: MakeUpId::generate(),
        registration_id: Gid::decode(&text(registration)).unwrap().0,
        session_id: Gid::decode(session).unwrap().0,
        source_registration_id: None,
        source_session_id: None,
        online_centihours: Some(400),
        online_unit: Some("网课".to_owned()),
        made_up_on: app.now().date_naive(),
        reason: "同一主题".to_owned(),
        account_id: app.organiser().account,
        made_at: app.now(),
        undone_at: None,
        undone_by: None,
        undo_reason: None,
    };
    let id = Gid(row.id).to_string();
    app.by_hand(async |tx| {
        make_up::ActiveModel::from(row).reset_all().insert(tx).await?;
        Ok(())
    })
    .await;
    id
}

/// An audit event of something that was done to an account.
async fn event_on(app: &TestApp, account: &str) -> String {
    let account = Gid::<AccountId>::decode(account).unwrap().0;
    let done: Result<(), Error<account::AccountErrorCode>> =
        app.app.db.by_command("Test", app.now(), async |_| Ok(account)).await;
    done.unwrap();
    let found = entity::audit_event::Entity::find()
        .filter(entity::audit_event::Column::SubjectId.eq(account.0))
        .filter(entity::audit_event::Column::Action.eq("Test"))
        .one(app.app.db.read())
        .await
        .unwrap()
        .unwrap();
    Gid(found.id).to_string()
}

/// Who an account is at another system, linked as a phone would.
async fn identity(app: &TestApp, account: &str) -> String {
    let row = entity::linked_identity::ActiveModel {
        id: Set(LinkedIdentityId::generate()),
        account_id: Set(Gid::decode(account).unwrap().0),
        provider: Set("sso".to_owned()),
        subject: Set("248289761001".to_owned()),
        created_at: Set(app.now()),
        created_by: Set(None),
    };
    Gid(app.by_hand(async |tx| Ok(row.insert(tx).await?)).await.id).to_string()
}

/// A job that nobody can do, as it stands after the last attempt.
pub async fn failed_job(app: &TestApp) -> String {
    let now = app.now();
    app.by_hand(async |tx| {
        job::enqueue(tx, Kind::Bulk, json!({}), None, now, now).await?;
        tx.execute_unprepared(
            "UPDATE job SET state = 'FAILED', attempts = 10, finished_at = created_at WHERE kind = 'BULK'",
        )
        .await?;
        Ok(())
    })
    .await;
    let found = entity::job::Entity::find()
        .filter(entity::job::Column::Kind.eq(Kind::Bulk))
        .one(app.app.db.read())
        .await
        .unwrap()
        .unwrap();
    Gid(found.id).to_string()
}

struct Made {
    id: String,
    session: String,
    category: String,
}

fn span(app: &TestApp, title: &str) -> Value {
    let at = |minutes| (app.now() + chrono::TimeDelta::minutes(minutes)).to_rfc3339();
    json!({"title": title, "startsAt": at(30), "endsAt": at(180), "selfCheckIn": true})
}

/// A programme of an organisation with a published activity.
async fn activity_of(app: &TestApp, owner: &str) -> (String, Made) {
    let admin = app.organiser();
    let input =
        json!({"kind": "FESTIVAL", "title": "民营企业家节", "year": 2026, "ownerId": owner});
    let programme = text(&made(admin, "create_programme", input).await["programme"]["id"]);
    let input = json!({
        "programmeId": programme, "title": "开幕式", "capacity": 100,
        "categories": [{"name": "企业家"}], "sessions": [span(app, "开幕式")],
    });
    let it = made(admin, "create_activity", input).await["activity"].take();
    made(admin, "publish_activity", json!({"activityId": it["id"]})).await;
    let made = Made {
        id: text(&it["id"]),
        session: text(&it["sessions"][0]["id"]),
        category: text(&it["categories"][0]["id"]),
    };
    (programme, made)
}

async fn stage(app: &TestApp, activity: &str, name: &str, list: &str) -> String {
    let upload = app.organiser().upload(name, list.as_bytes()).await;
    let input = json!({"activityId": activity, "uploadId": upload, "profile": "EVENT"});
    text(&made(app.organiser(), "stage_roster", input).await["batch"]["id"])
}

/// What a database held at one moment, to begin from there any number of times.
pub struct Snapshot {
    file: std::path::PathBuf,
    app: Arc<App>,
}

impl Snapshot {
    /// Only of SQLite.
    pub async fn take(app: &TestApp) -> Self {
        let file = app.folder().join("snapshot.db");
        let connection = Database::connect(&app.url).await.unwrap();
        let sql = format!("VACUUM INTO '{}'", file.display());
        connection.execute_unprepared(&sql).await.unwrap();
        Self { file, app: app.app.clone() }
    }

    /// A service on a copy of it, with the same key, so that tokens hold there too.
    pub async fn open(&self) -> (Arc<App>, Router, String, TempDir) {
        let folder = TempDir::new().unwrap();
        let copy = folder.path().join("copy.db");
        std::fs::copy(&self.file, &copy).unwrap();
        let url = format!("sqlite://{}", copy.display());
        let db = Db::connect(&url, self.app.db.seal().clone()).await.unwrap();
        let keys = Path::new(&self.file).parent().unwrap();
        let keys = Keys::load(keys, &self.app.config.public_url).unwrap();
        let now = self.app.now();
        let app = App::new(
            self.app.config.clone(),
            db,
            keys,
            Arc::new(move || now),
            Box::new(crate::app::Codes::default()),
        )
        .unwrap();
        (app.clone(), http::router(app), url, folder)
    }
}
