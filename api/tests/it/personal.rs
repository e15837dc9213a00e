//! What of people everybody learns, and by which field: all of the schema is walked over as everybody, inside and outside
//! of what they were given, and the answers are searched for what is known of the people.
//!
//! The outcome is one table, `personal.snap.md`, to be read beside the roles of the product; `UPDATE_SNAPSHOTS=1` writes
//! it anew. Whatever way leads to somebody, it tells no more than asking for the person does.

mod walk;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use async_graphql::parser::types::TypeKind;
use entity::role_grant::Role;
use serde_json::json;

use self::walk::{Seen, Way, walk};
use crate::{
    access::compare,
    app::{Client, TestApp},
    attendee::attendee,
    fixture::{Level, Things},
    grammar::{Grammar, base},
    http::faults::Log,
};

/// The columns.
const EVERYBODY: &[(&str, Role, Level)] = &[
    ("PLATFORM_ADMIN", Role::PlatformAdmin, Level::Organisation),
    ("SECURITY_ADMIN", Role::SecurityAdmin, Level::Organisation),
    ("AUDITOR", Role::Auditor, Level::Organisation),
    ("ORG_ADMIN", Role::OrgAdmin, Level::Organisation),
    ("ORGANISER programme", Role::Organiser, Level::Programme),
    ("ORGANISER activity", Role::Organiser, Level::Activity),
    ("LIAISON", Role::Liaison, Level::Organisation),
    ("DOOR_STAFF activity", Role::DoorStaff, Level::Activity),
    ("VIEWER", Role::Viewer, Level::Organisation),
];

/// Those who are registered, with phones in this order.
const PEOPLE: [(&str, u32); 12] = [
    ("张三丰", 1),
    ("周芷若", 2),
    ("赵敏敏", 3),
    ("宋青书", 4),
    ("殷离", 5),
    ("韦一笑", 6),
    ("殷素素", 7),
    ("杨不悔", 8),
    ("史火龙", 9),
    ("王小明", 11),
    ("李小红", 12),
    ("赵大明", 21),
];

/// The ID numbers of those who came by a list: one that is staged, and one that is committed.
const NUMBERS: [(&str, usize); 2] = [("330302198001010019", 9), ("330302198512120025", 11)];

/// Who asks from here on has the first one's phone.
const OWN: &str = "13800000001";

/// What a field is called that tells something of somebody. A field of one of these names stands in the table, or below.
const NAMES: [&str; 21] = [
    "address",
    "choices",
    "codeHash",
    "email",
    "idNumber",
    "maskedIdNumber",
    "maskedName",
    "maskedPhone",
    "maskedRecipient",
    "name",
    "organisationName",
    "phone",
    "pinyin",
    "post",
    "studentNo",
    "text",
    "ticketCode",
    "token",
    "username",
    "wording",
    "idNo",
];

/// Fields of those names that tell nothing of people, or of nobody but whoever asks.
const PLAIN: [&str; 31] = [
    "Account.username",
    "AnswerFile.address",
    "AnswerFile.name",
    "Answer.choices",
    "Answer.text",
    "Answer.wording",
    "ApiKey.name",
    "AttendeeToken.token",
    "Category.name",
    "CheckInClaim.token",
    "ClassGroup.name",
    "ClassMember.post",
    "ClassMember.studentNo",
    "DataCorrection.name",
    "Device.name",
    "ExportView.name",
    "ManifestEntry.codeHash",
    "MessageTemplate.text",
    "MyRegistration.organisationName",
    "Notice.text",
    "Organisation.name",
    "PublicCategory.name",
    "PublicCertificate.maskedName",
    "Registration.organisationName",
    "SignInProvider.name",
    "Ticket.token",
    // The network address that a sign-in or an act came from, to whoever it is of and to auditors.
    "SignIn.address",
    "AuditEvent.address",
    "AuditEvent.username",
    "UnshownText.text",
    "ManifestEntry.organisationName",
];

/// A way that tells more of a person than the person does, and why it may.
const MORE: [(&str, &str); 3] = [
    ("RosterRow", "the list was brought in by those who may read it, and nobody is on record yet"),
    ("ManifestEntry", "a door without a network needs the names of whom it lets in"),
    ("PublicCertificate", "whoever holds the paper reads the name on it"),
];

/// What is looked for: a text, whose it is, and what of them.
fn secrets(code: &str) -> Vec<(String, usize, &'static str)> {
    let mut all = vec![
        ("zhang san feng".to_owned(), 0, "pinyin"),
        ("zsf@example.org".to_owned(), 0, "email"),
        (api::mask::email("zsf@example.org"), 0, "masked email"),
        ("感冒".to_owned(), 0, "reason of leave"),
        (code.to_owned(), 0, "ticket"),
    ];
    for (who, (name, phone)) in PEOPLE.iter().enumerate() {
        all.push(((*name).to_owned(), who, "name"));
        all.push((format!("138{phone:08}"), who, "phone"));
        all.push((format!("138****{phone:04}"), who, "masked phone"));
    }
    for (number, who) in NUMBERS {
        all.push((number.to_owned(), who, "ID number"));
        all.push((api::mask::id_number(number), who, "masked ID number"));
    }
    all
}

async fn askers(app: &TestApp, things: &Things) -> Vec<(bool, &'static str, Client)> {
    let mut all = Vec::new();
    for inside in [true, false] {
        for (name, role, level) in EVERYBODY {
            all.push((inside, *name, things.actor(app, *role, *level, inside).await));
        }
        let device = Client { token: Some(things.device(app, inside).await), ..app.anonymous() };
        all.push((inside, "device", device));
        let phone = if inside { OWN } else { "13800000099" };
        all.push((inside, "attendee", attendee(app, phone).await));
        let (name, nobody) = if inside {
            ("without a grant", app.bare_account().await)
        } else {
            ("anonymous", app.anonymous())
        };
        all.push((inside, name, nobody));
    }
    all
}

#[tokio::test]
async fn everybody_learns_of_people_what_the_table_says() {
    let app = TestApp::sqlite().await;
    let things = Things::make(&app).await;
    let input = json!({"personId": things.person, "email": "zsf@example.org"});
    app.organiser().run("update_person", json!({"input": input})).await;
    app.work().await;
    let askers = askers(&app, &things).await;
    let ways = Way::all(&app, &things).await;
    let secrets = secrets(&things.code);
    let log = Log::default();
    let _guard = log.listen();
    let mut columns = Vec::new();
    let mut faults = BTreeSet::new();
    for (inside, name, client) in askers {
        let seen = walk(&client, &ways, &secrets, &mut faults).await;
        faults.extend(more_than_the_person(name, &seen));
        columns.push((inside, name, seen));
    }
    faults.extend(unjudged(&columns));
    let log = log.text();
    for (secret, ..) in secrets.iter().filter(|it| log.contains(&it.0)) {
        faults.insert(format!("the log has {secret}"));
    }
    let table = table(&columns);
    assert!(faults.is_empty(), "{faults:#?}\n{table}");
    compare("personal.snap.md", &table);
}

/// What a way tells of somebody that asking for the person does not, unless the way is named above.
fn more_than_the_person(name: &str, seen: &Seen) -> BTreeSet<String> {
    let mut more = BTreeSet::new();
    // An attendee sees what is theirs, which is no person to them.
    if name == "attendee" {
        return more;
    }
    for (place, what) in seen.all() {
        let ty = place.split('.').next().unwrap();
        if ty == "Person" || MORE.iter().any(|it| it.0 == ty) {
            continue;
        }
        for (who, kind) in what.iter().filter(|it| ["name", "phone", "email"].contains(&it.1)) {
            if !seen.directly(*who, kind) {
                more.insert(format!("to {name} {place} tells the {kind} of {}", PEOPLE[*who].0));
            }
        }
    }
    more
}

/// Fields that are called like one of a person's, that nobody was shown anything by, and that are not said to be plain;
/// and such as are said to be plain and are not.
fn unjudged(columns: &[(bool, &str, Seen)]) -> BTreeSet<String> {
    let grammar = Grammar::new();
    let shown: BTreeSet<&str> =
        columns.iter().flat_map(|it| it.2.all().map(|(place, _)| place.as_str())).collect();
    let mut faults = BTreeSet::new();
    let mut named = BTreeSet::new();
    // What only mutations give has a line in the table of access.
    let readable = grammar.readable();
    for ty in grammar.types().filter(|it| matches!(it.kind, TypeKind::Object(_))) {
        let is_read = readable.contains(ty.name.node.as_str());
        for field in grammar.fields(&ty.name.node).iter().map(|it| &it.node) {
            if !NAMES.contains(&field.name.node.as_str()) || base(&field.ty.node) != "String" {
                continue;
            }
            let place = format!("{}.{}", ty.name.node, field.name.node);
            match (shown.contains(place.as_str()), PLAIN.contains(&place.as_str())) {
                (false, false) if is_read => {
                    let what = "is it of people? Let the walk find it, or say that it is plain";
                    faults.insert(format!("{place}: {what}"));
                }
                (true, true) => {
                    faults.insert(format!("{place} is said to be plain, and tells of people"));
                }
                _ => {}
            }
            named.insert(place);
        }
    }
    let gone = PLAIN.iter().filter(|it| !named.contains(**it));
    faults.extend(gone.map(|it| format!("{it} is not there any more")));
    faults
}

/// The table as it is kept.
fn table(columns: &[(bool, &str, Seen)]) -> String {
    let mut text = String::from(
        "# What of people who learns\n\nMade by personal.rs, which walks over all of the schema, follows every address that it is \
         given, and searches the answers: what is found, by the field that told it. Outside is outside of one's scope.\n",
    );
    for (inside, heading) in [(true, "Inside the scope"), (false, "Outside the scope")] {
        let columns: Vec<_> = columns.iter().filter(|it| it.0 == inside).collect();
        let places: BTreeSet<&String> =
            columns.iter().flat_map(|it| it.2.all().map(|(place, _)| place)).collect();
        write!(text, "\n## {heading}\n\n| |").unwrap();
        for (_, name, _) in &columns {
            write!(text, " {name} |").unwrap();
        }
        writeln!(text, "\n|---|{}", "---|".repeat(columns.len())).unwrap();
        for place in places {
            write!(text, "| {place} |").unwrap();
            for (.., seen) in &columns {
                let kinds: BTreeMap<&str, usize> =
                    seen.at(place).fold(BTreeMap::new(), |mut kinds, (_, kind)| {
                        *kinds.entry(*kind).or_default() += 1;
                        kinds
                    });
                let kinds: Vec<&str> = kinds.into_keys().collect();
                write!(text, " {} |", kinds.join(", ")).unwrap();
            }
            text.push('\n');
        }
    }
    text
}

/// What is outside of one's scope answers as what is not there: in the same words, and after a few more statements, which
/// find out where it stands. An id has 74 random bits, so that nobody who was not told one has one to ask about.
#[tokio::test]
async fn what_is_outside_is_as_if_it_were_not_there() {
    let app = TestApp::sqlite().await;
    let things = Things::make(&app).await;
    let askers = askers(&app, &things).await;
    let ask = async |client: &Client, id: &str| {
        let before = app.app.db.statements();
        let document = "query($id: ID!) { node(id: $id) { __typename id } }";
        let mut answer = client.send(document, json!({"id": id})).await;
        for error in answer["errors"].as_array_mut().into_iter().flatten() {
            error["extensions"].as_object_mut().unwrap().remove("requestId");
        }
        (answer, app.app.db.statements() - before)
    };
    let mut unlike = BTreeSet::new();
    for (inside, name, client) in askers {
        if inside || name == "attendee" || name == "anonymous" {
            continue;
        }
        // From here on it is recognised, so that only the thing is looked up.
        ask(&client, &things.organisation).await;
        for id in things.ids() {
            let (kind, _) = id.rsplit_once('_').unwrap();
            let nowhere = format!("{kind}_{}", "0123456789abcdef".repeat(2));
            let ((there, cost), (gone, least)) =
                (ask(&client, &id).await, ask(&client, &nowhere).await);
            if there != gone {
                unlike.insert(format!("{name} on {kind}: {there}, not {gone}"));
            }
            if cost > least + 8 {
                unlike.insert(format!("{name} on {kind}: {cost} statements, not {least}"));
            }
        }
    }
    assert!(unlike.is_empty(), "{unlike:#?}");
}
