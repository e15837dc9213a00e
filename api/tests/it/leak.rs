//! The whole schema walked as those who see little: whole phones, ID numbers, mail addresses and names outside their scope
//! are in no answer, no error and no line of the log.
//!
//! Queries are made from the schema: each root field with each id that fits, all that is below it three things deep.
//! Whatever is refused is left out, and the rest asked for again, so that a refusal hides nothing beside it.

mod walk;

use std::{
    io,
    sync::{Arc, Mutex},
};

use api::log::Masked;
use entity::role_grant::Role;
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt;

use self::walk::{Schema, Sel};
use crate::{
    app::{Client, TestApp},
    fixture::{Level, Things, text},
    life::done,
    self_check_in::attendee,
};

/// Somebody of whom all is known that is looked for.
struct Marked {
    name: &'static str,
    pinyin: &'static str,
    phone: &'static str,
    email: &'static str,
    number: &'static str,
}

/// On the activity of those who ask, and on another.
const INSIDE: Marked = Marked {
    name: "慕容内甲",
    pinyin: "mu rong nei jia",
    phone: "15911110001",
    email: "neijia@inside.example",
    number: "11010519491231002X",
};
const OUTSIDE: Marked = Marked {
    name: "慕容外乙",
    pinyin: "mu rong wai yi",
    phone: "15922220002",
    email: "waiyi@outside.example",
    number: "330302199001011235",
};
/// Answers to questions of the form.
const ANSWERED: [&str; 2] = ["15933330003", "330302198001011230"];
/// Of the fixtures: who is on the activity, and who is the attendee.
const OTHERS: [&str; 3] = ["周芷若", "赵敏敏", "赵大明"];
const PHONES: [&str; 3] = ["13800000001", "13800000002", "13800000003"];

impl Marked {
    /// What nobody sees without saying what for.
    fn whole(&self) -> Vec<String> {
        let numbers = [self.number.to_owned(), self.number.to_lowercase()];
        [self.phone, self.email].map(str::to_owned).into_iter().chain(numbers).collect()
    }

    /// What nobody sees outside their scope.
    fn all(&self) -> Vec<String> {
        let masked = [
            api::mask::phone(self.phone),
            api::mask::email(self.email),
            api::mask::id_number(self.number),
        ];
        let names = [self.name, self.pinyin].map(str::to_owned);
        self.whole().into_iter().chain(masked).chain(names).collect()
    }

    /// Brings them onto an activity by a list, with answers to its form; the ids of what they are there.
    async fn on(&self, app: &TestApp, activity: &str, session: &str) -> Vec<String> {
        let admin = app.organiser();
        let list = format!(
            "姓名,单位,职务,手机,身份证号\n{},甲厂,厂长,{},{}\n",
            self.name, self.phone, self.number
        );
        let upload = admin.upload("list.csv", list.as_bytes()).await;
        let input = json!({"activityId": activity, "uploadId": upload, "profile": "EVENT", "eventDate": "2026-11-01"});
        let staged = done(admin, "stage_roster", input).await;
        let batch = text(&staged["batch"]["id"]);
        done(admin, "commit_roster", json!({"batchId": batch})).await;
        let found = admin.run("people", json!({"search": self.name})).await;
        let person = text(&found["people"]["edges"][0]["node"]["id"]);
        done(admin, "update_person", json!({"personId": person, "email": self.email})).await;
        let filter = json!({"activityId": activity, "filter": {"search": self.name}});
        let listed = admin.run("registrations", filter).await;
        let registration = &listed["activity"]["registrations"]["edges"][0]["node"];
        let input = json!({"sessionId": session, "ticketCode": registration["ticketCode"], "scanId": app.uuid()});
        let scan = done(admin, "check_in", input).await;
        let input = json!({"activityId": activity, "format": "CSV", "purpose": "活动总结"});
        let export = done(admin, "create_export", input).await;
        let of = [&registration["id"], &scan["scan"]["id"], &export["export"]["id"]].map(text);
        let own = [activity, session].map(str::to_owned);
        [batch, person].into_iter().chain(of).chain(own).collect()
    }
}

/// The form of an activity asks for two things that are nobody's business, and somebody answers.
async fn answered(app: &TestApp, activity: &str, registration: &str) {
    let question = |key: &str, kind: &str| json!({"key": key, "kind": kind, "label": key, "purpose": "会务", "keptFor": 30});
    let questions = [question("contact", "PHONE"), question("idno", "ID_NUMBER")];
    let input = json!({"activityId": activity, "questions": questions});
    done(app.organiser(), "set_questions", input).await;
    let answers =
        json!([{"key": "contact", "text": ANSWERED[0]}, {"key": "idno", "text": ANSWERED[1]}]);
    let input =
        json!({"registrationId": registration, "stage": "REGISTRATION", "answers": answers});
    done(app.organiser(), "answer_form", input).await;
}

/// Where the log goes.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Somebody who asks for everything, and what must not come.
struct Asker {
    who: &'static str,
    client: Client,
    forbidden: Vec<String>,
}

impl Asker {
    /// Asks, and asks again without what was refused. Whether anything came that is no error.
    async fn ask(&self, kind: &str, root: &Sel) -> bool {
        let mut waiting = vec![root.clone()];
        let mut came = false;
        while let Some(mut tree) = waiting.pop() {
            loop {
                let document = format!("{kind} {{ {} }}", tree.text());
                let answer = self.client.send(&document, Value::Null).await;
                let said = answer.to_string();
                let leaks: Vec<_> =
                    self.forbidden.iter().filter(|it| said.contains(it.as_str())).collect();
                // What was asked by is said again by nobody.
                assert!(leaks.is_empty(), "{} sees {leaks:?}: {answer}\n{document}", self.who);
                let Some(error) = answer["errors"].get(0) else {
                    came = true;
                    break;
                };
                let code = error["extensions"]["code"].as_str().unwrap_or_default();
                // An input of which one field must be given is made without any, which is right of no document.
                let is_made_well = kind == "mutation" || code != "GRAPHQL_VALIDATION_FAILED";
                assert!(is_made_well, "{answer}\n{document}");
                assert_ne!(code, "INTERNAL_SERVER_ERROR", "{answer}\n{document}");
                if code == "QUERY_TOO_COMPLEX" {
                    waiting.extend(tree.halves());
                    break;
                }
                let all = answer["errors"].as_array().unwrap();
                // Nothing is left to be taken out where the root itself was refused.
                if all.iter().filter(|it| tree.without(&path(it))).count() == 0 {
                    break;
                }
            }
        }
        came
    }
}

/// Where something was refused, from below the root.
fn path(error: &Value) -> Vec<&str> {
    let path = error["path"].as_array().map(Vec::as_slice).unwrap_or_default();
    path.iter().filter_map(Value::as_str).skip(1).collect()
}

#[tokio::test]
async fn nobody_comes_by_what_is_not_theirs_to_see() {
    let lines = Lines::default();
    let to = lines.clone();
    // As it is written, and not as the log masks it.
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || to.clone());
    let filter: tracing_subscriber::filter::Targets = "info,api=debug,sqlx=warn".parse().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer).with(filter);
    let _guard = tracing::subscriber::set_default(subscriber);

    // Everything is asked at once, which is not what is looked at here.
    let any =
        ["--requests-per-account", "0", "--requests-per-door", "0", "--requests-per-address", "0"];
    let app = TestApp::with_flags(&any).await;
    let things = Things::make(&app).await;
    let inside = INSIDE.on(&app, &things.activity, &things.session).await;
    let other = app.festival(None, &[]).await;
    let outside = OUTSIDE.on(&app, &other.activity, &other.session).await;
    answered(&app, &other.activity, &outside[2]).await;
    let ids = inside.into_iter().chain(outside).chain(things.ids());
    let ids =
        ids.chain([&things.neighbour, &things.neighbours_session].map(String::clone)).collect();
    let texts = [OUTSIDE.name, INSIDE.name, OUTSIDE.phone, "0002", OUTSIDE.number];
    let schema = Schema::new(ids, texts.map(str::to_owned).to_vec());

    let everything = |also: &[&str]| -> Vec<String> {
        let of = [INSIDE.all(), OUTSIDE.all()].into_iter().flatten();
        of.chain(ANSWERED.map(str::to_owned))
            .chain(also.iter().map(|it| (*it).to_owned()))
            .collect()
    };
    let at_the_door: Vec<String> = OUTSIDE
        .all()
        .into_iter()
        .chain(INSIDE.whole())
        .chain(ANSWERED.into_iter().chain(PHONES).map(str::to_owned))
        .collect();
    let names_and_phones = [OTHERS.as_slice(), PHONES.as_slice()].concat();
    let own_but = [OTHERS.as_slice(), &PHONES[1..]].concat();
    let door = things.actor(&app, Role::DoorStaff, Level::Activity, true).await;
    let askers = [
        ("an attendee", attendee(&app, PHONES[0]).await, everything(&own_but)),
        ("DOOR_STAFF", door, at_the_door),
    ]
    .map(|(who, client, forbidden)| Asker { who, client, forbidden });
    let mut came = [0; 2];
    for root in schema.roots("Query", 2) {
        for (nth, asker) in askers.iter().enumerate() {
            came[nth] += usize::from(asker.ask("query", &root).await);
        }
    }
    // The walk is worth something only where answers come.
    assert!(came[0] >= 1 && came[1] >= 8, "{came:?}");
    // Refusals of what is done to others' things; what is done changes the fixtures, so it comes last.
    for root in schema.roots("Mutation", 1) {
        for asker in &askers {
            asker.ask("mutation", &root).await;
        }
    }

    let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(written.contains("answered"), "nothing was logged");
    let at = |it: &String| written.find(it.as_str()).map(|at| (it.clone(), at));
    let found: Vec<_> = everything(&names_and_phones).iter().filter_map(at).collect();
    assert!(found.is_empty(), "the log has {found:?}");
}

#[test]
fn the_log_masks_whatever_is_written() {
    let lines = Lines::default();
    let to = lines.clone();
    let layer = tracing_subscriber::fmt::layer().with_writer(Masked(move || to.clone()));
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(phone = INSIDE.phone, "{} of {} wrote", INSIDE.number, INSIDE.email);
    });
    let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(written.contains("159****0001") && written.contains("110105********002X"), "{written}");
    assert!(INSIDE.whole().iter().all(|it| !written.contains(it.as_str())), "{written}");
}
