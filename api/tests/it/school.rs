//! Classes of the academy, as tests of several kinds need them.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{app::TestApp, fixture::text, lists};

/// A published class and its sessions, in their order.
pub struct Class {
    pub id: String,
    pub sessions: Vec<String>,
}

/// The payload of a mutation by the administrator, refused or not.
pub async fn payload(app: &TestApp, operation: &str, input: Value) -> Value {
    let client = app.anew(app.organiser()).await;
    let mut answer = client.run(operation, json!({"input": input})).await;
    answer.as_object_mut().unwrap().values_mut().next().unwrap().take()
}

/// The same, which must not be refused.
pub async fn made(app: &TestApp, operation: &str, input: Value) -> Value {
    let payload = payload(app, operation, input).await;
    assert_eq!(payload["userErrors"], json!([]), "{operation}: {payload}");
    payload
}

/// The code and the path of the only refusal.
pub async fn refused(app: &TestApp, operation: &str, input: Value) -> (String, Value) {
    let payload = payload(app, operation, input).await;
    let all = payload["userErrors"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{operation}: {payload}");
    (text(&all[0]["code"]), all[0]["path"].clone())
}

/// What a query of the administrator gives.
pub async fn asked(app: &TestApp, document: &str, variables: Value) -> Value {
    app.anew(app.organiser()).await.ask(document, variables).await
}

impl Class {
    /// A class of sessions, each with its start (an instant), its length in minutes and its credit hours. Exits are scanned
    /// of those that do not last whole hours.
    pub async fn make(app: &TestApp, title: &str, sessions: &[(&str, i64, &str)]) -> Self {
        let session = |(nth, (starts_at, minutes, hours)): (usize, &(&str, i64, &str))| {
            let start: DateTime<Utc> = starts_at.parse().unwrap();
            let end = start + TimeDelta::minutes(*minutes);
            json!({"title": format!("第{}课", nth + 1), "startsAt": starts_at, "endsAt": end.to_rfc3339(),
                "creditHours": hours, "tracksExit": *minutes % 60 != 0})
        };
        let sessions: Vec<Value> = sessions.iter().enumerate().map(session).collect();
        let input =
            json!({"kind": "ACADEMY", "title": "学院", "year": 2026, "ownerId": app.root_id()});
        let programme = made(app, "create_programme", input).await["programme"]["id"].take();
        let input = json!({"programmeId": programme, "title": title, "sessions": sessions});
        let it = made(app, "create_activity", input).await["activity"].take();
        made(app, "publish_activity", json!({"activityId": it["id"]})).await;
        let sessions = asked(
            app,
            "query($id: ID!) { activity(id: $id) { sessions { id title } } }",
            json!({"id": it["id"]}),
        )
        .await;
        // In the order in which they were given, which is that of their titles.
        let mut sessions: Vec<(String, String)> = sessions["activity"]["sessions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (text(&it["title"]), text(&it["id"])))
            .collect();
        sessions.sort_by_key(|it| (it.0.len(), it.0.clone()));
        Self { id: text(&it["id"]), sessions: sessions.into_iter().map(|it| it.1).collect() }
    }

    /// Registers the person of a number.
    pub async fn enrol(&self, app: &TestApp, nth: usize) -> String {
        let person = json!({"name": lists::name(nth), "phone": lists::phone(nth)});
        let input = json!({"activityId": self.id, "person": person});
        text(&made(app, "register_attendee", input).await["registration"]["id"])
    }

    /// Says how somebody attended the session of an index.
    pub async fn mark(&self, app: &TestApp, who: &str, session: usize, status: &str) {
        let input = json!({"sessionId": self.sessions[session], "registrationId": who, "status": status, "reason": "签到表"});
        made(app, "correct_attendance", input).await;
    }

    pub async fn close(&self, app: &TestApp, session: usize) {
        made(app, "close_session", json!({"sessionId": self.sessions[session]})).await;
    }

    pub async fn set_rule(&self, app: &TestApp, rule: Value) -> Value {
        let input = json!({"activityId": self.id, "rule": rule});
        made(app, "set_credit_rule", input).await["activity"]["creditRule"].take()
    }

    /// That the ledger is what would be derived from the attendances.
    pub async fn is_right(&self, app: &TestApp) {
        let document = "query($id: ID!) { creditRecount(activityId: $id) { sessionId hoursStored hoursDerived } }";
        let found = asked(app, document, json!({"id": self.id})).await;
        assert_eq!(found["creditRecount"], json!([]));
    }
}

/// The hours of a registration.
pub async fn hours(app: &TestApp, who: &str) -> String {
    let document = "query($id: ID!) { registration(id: $id) { creditHours } }";
    text(&asked(app, document, json!({"id": who})).await["registration"]["creditHours"])
}

/// The ledger of a registration: kinds and hours.
pub async fn entries(app: &TestApp, who: &str) -> Vec<(String, String)> {
    let document = "query($id: ID!) { registration(id: $id) { creditEntries { kind hours } } }";
    let found = asked(app, document, json!({"id": who})).await;
    let rows = found["registration"]["creditEntries"].as_array().unwrap();
    rows.iter().map(|it| (text(&it["kind"]), text(&it["hours"]))).collect()
}

/// The completion of a registration: its status, and of each condition its code, how it stands, and the two numbers.
pub async fn completion(app: &TestApp, who: &str) -> (String, Vec<String>) {
    let document = "query($id: ID!) { registration(id: $id) { completion { status reasons { code status actual required } } } }";
    let found = asked(app, document, json!({"id": who})).await;
    let it = &found["registration"]["completion"];
    let reason = |it: &Value| {
        let part = |key: &str| it[key].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}/{}", part("code"), part("status"), part("actual"), part("required"))
    };
    let reasons = it["reasons"].as_array().unwrap().iter().map(reason).collect();
    (text(&it["status"]), reasons)
}
