//! The walk: things of every kind by their ids with all of its fields, every root field, and every address that comes up on the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use async_graphql::parser::types::FieldDefinition;
use axum::{
    body::Body,
    http::{Request, Uri},
};
use serde_json::{Value, json};

use crate::{
    app::{Client, TestApp},
    fixture::Things,
    grammar::{Grammar, base},
};

/// Whose, and what of them.
type What = (usize, &'static str);

/// What was found, by the field that told it.
#[derive(Default)]
pub struct Seen(BTreeMap<String, BTreeSet<What>>);

impl Seen {
    pub fn all(&self) -> impl Iterator<Item = (&String, &BTreeSet<What>)> {
        self.0.iter()
    }

    pub fn at(&self, place: &str) -> impl Iterator<Item = &What> {
        self.0.get(place).into_iter().flatten()
    }

    /// Whether the person tells it.
    pub fn directly(&self, who: usize, kind: &'static str) -> bool {
        let persons = self.0.iter().filter(|(place, _)| place.starts_with("Person."));
        persons.flat_map(|(_, what)| what).any(|it| *it == (who, kind))
    }

    fn note(&mut self, place: &str, text: &str, secrets: &[(String, usize, &'static str)]) {
        for (secret, who, kind) in secrets {
            if text.contains(secret.as_str()) {
                self.0.entry(place.to_owned()).or_default().insert((*who, *kind));
            }
        }
    }
}

/// A document that is sent on the walk.
pub struct Way(String);

/// Root fields with which nothing is to be found, or which another one leads to.
const BESIDE: [&str; 2] = ["node", "nodes"];

/// The most fields of one document about one thing, and of one about ten things, below what a document may select and
/// cost.
const MOST: usize = 800;
const MOST_OF_EACH: usize = 250;

impl Way {
    pub async fn all(app: &TestApp, things: &Things) -> Vec<Self> {
        let grammar = Grammar::new();
        let mut ways = Vec::new();
        let mut walked: BTreeMap<String, usize> = BTreeMap::new();
        for id in things.ids() {
            // What an ORG_ADMIN may not see is reached by its root field alone.
            let named = "query($id: ID!) { node(id: $id) { __typename } }";
            let found = app.organiser().send(named, json!({"id": id})).await;
            let Some(ty) = found["data"]["node"]["__typename"].as_str() else { continue };
            // The others of a kind are on the way from these.
            let many = walked.entry(ty.to_owned()).or_default();
            *many += 1;
            if *many > 2 {
                continue;
            }
            let open = format!("{{ node(id: \"{id}\") {{ __typename ... on {ty}");
            for selection in whole(&grammar, ty, MOST) {
                ways.push(Self(format!("{open} {{ {selection} }} }} }}")));
            }
        }
        for field in grammar.fields("Query").iter().map(|it| &it.node) {
            let name = field.name.node.as_str();
            if BESIDE.contains(&name) {
                continue;
            }
            let given = root_arguments(things, field);
            let of = base(&field.ty.node);
            let node = of.strip_suffix("Connection");
            let most = if node.is_some() { MOST_OF_EACH } else { MOST };
            for selection in whole(&grammar, node.unwrap_or(of), most) {
                let selection = match node {
                    Some(_) => format!("nodes {{ {selection} }}"),
                    None => selection,
                };
                ways.push(Self(format!("{{ {name}{given} {{ {selection} }} }}")));
            }
        }
        ways
    }
}

/// Selections that together read all of a type, each small enough for a document.
fn whole(grammar: &Grammar, ty: &str, most: usize) -> Vec<String> {
    let of = |depth: usize| {
        let mut all = grammar.whole(ty, depth, &arguments);
        for object in grammar.possible(ty) {
            let more = grammar.whole(object, depth, &arguments);
            all.extend(more.into_iter().map(|it| format!("... on {object} {{ {it} }}")));
        }
        all
    };
    let fields = |text: &str| text.split(' ').filter(|it| !["{", "}", "..."].contains(it)).count();
    let mut packed: Vec<String> = Vec::new();
    for (deep, shallow) in of(2).into_iter().zip(of(1)) {
        let selection = if fields(&deep) <= most { deep } else { shallow };
        match packed.last_mut() {
            Some(last) if fields(last) + fields(&selection) <= most && last.len() < 8_000 => {
                write!(last, " {selection}").unwrap();
            }
            _ => packed.push(selection),
        }
    }
    packed
}

/// Pages are short; what needs more than a year or a text is left out.
fn arguments(_: &str, field: &FieldDefinition) -> Option<String> {
    let mut given = Vec::new();
    for argument in field.arguments.iter().map(|it| &it.node) {
        match argument.name.node.as_str() {
            "first" => given.push("first: 3".to_owned()),
            "year" => given.push("year: 2026".to_owned()),
            name @ ("search" | "text") => given.push(format!("{name}: \"张三丰\"")),
            _ => {}
        }
    }
    (!given.is_empty()).then(|| given.join(", "))
}

/// What a root field is asked with: the things of inside.
#[expect(clippy::match_same_arms, reason = "one line for each place that takes an id")]
fn root_arguments(things: &Things, field: &FieldDefinition) -> String {
    let mut given = Vec::new();
    for argument in field.arguments.iter().map(|it| &it.node) {
        let name = argument.name.node.as_str();
        let id = match (field.name.node.as_str(), name) {
            ("account", "id") => &things.account,
            ("activity" | "publicActivity", "id") => &things.activity,
            ("allocation", "id") => &things.allocation,
            ("bulkAct", "id") => &things.bulk,
            ("certificate", "id") => &things.certificate,
            ("export", "id") => &things.export,
            ("leave", "id") => &things.leaves[0],
            ("organisation", "id") => &things.organisation,
            ("person", "id") => &things.person,
            ("programme", "id") => &things.programme,
            ("registration", "id") => &things.registration,
            ("rosterBatch", "id") => &things.staged,
            ("series", "id") => &things.series,
            ("session", "id") => &things.session,
            ("leaves", "activityId") => &things.class,
            (_, "activityId") => &things.activity,
            (_, "sessionId") => &things.session,
            (_, "organisationId") => &things.organisation,
            (_, "token") => &things.certificate_token,
            ("publicNotice", "version") => &things.notice,
            ("exportPeople", "exportId") => &things.export,
            (_, "personId") => &things.person,
            (_, "first") => {
                given.push("first: 10".to_owned());
                continue;
            }
            (_, "text" | "search") => {
                given.push(format!("{name}: \"张三丰\""));
                continue;
            }
            ("messagePreview", "input") => {
                let activity = &things.activity;
                given.push(format!(
                    "input: {{activityId: \"{activity}\", channel: SMS, text: \"{{{{姓名}}}}您好\"}}"
                ));
                continue;
            }
            (root, name) => {
                let needed = !argument.ty.node.nullable && argument.default_value.is_none();
                assert!(
                    !needed,
                    "what is {root} to be asked with for {name}? Say it in personal/walk.rs"
                );
                continue;
            }
        };
        // One of two places suffices.
        if !given.iter().any(|it: &String| it.starts_with("activityId")) {
            given.push(format!("{name}: \"{id}\""));
        }
    }
    if given.is_empty() { String::new() } else { format!("({})", given.join(", ")) }
}

/// Sends all, and finds what the answers tell.
pub async fn walk(
    client: &Client,
    ways: &[Way],
    secrets: &[(String, usize, &'static str)],
    faults: &mut BTreeSet<String>,
) -> Seen {
    let mut seen = Seen::default();
    let mut addresses = BTreeSet::new();
    for Way(document) in ways {
        let request = Request::post("/graphql").header("content-type", "application/json");
        let body = json!({"query": document}).to_string();
        let answer = client.request(request, body.into()).await.json();
        for error in answer["errors"].as_array().into_iter().flatten() {
            let code = error["extensions"]["code"].as_str().unwrap();
            let fine = ["UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "BAD_USER_INPUT"];
            if !fine.contains(&code) {
                let document: String = document.chars().take(300).collect();
                faults.insert(format!("{code} {}: {document}", error["message"]));
            }
            seen.note("errors", &error.to_string(), secrets);
        }
        look("Query", &answer["data"], &mut seen, &mut addresses, secrets);
    }
    for address in addresses {
        let Ok(uri) = address.parse::<Uri>() else { continue };
        let path = uri.path_and_query().map(|it| it.as_str().to_owned()).unwrap_or_default();
        let answer = client.request(Request::get(&path), Body::empty()).await;
        assert!(answer.status.as_u16() < 500, "{path}");
        let folder = path.split('/').nth(1).unwrap_or_default();
        seen.note(&format!("GET /{folder}"), &String::from_utf8_lossy(&answer.body), secrets);
    }
    seen
}

/// Looks through an answer, each text under the field that has it.
fn look(
    ty: &str,
    value: &Value,
    seen: &mut Seen,
    addresses: &mut BTreeSet<String>,
    secrets: &[(String, usize, &'static str)],
) {
    let Value::Object(fields) = value else { return };
    let ty = fields.get("__typename").and_then(Value::as_str).unwrap_or(ty);
    for (name, value) in fields {
        let place = format!("{ty}.{name}");
        for value in value.as_array().unwrap_or(&vec![value.clone()]) {
            match value {
                Value::String(text) => {
                    seen.note(&place, text, secrets);
                    let served = ["/exports/", "/tickets/", "/answers/", "/certificates/"];
                    if served.iter().any(|it| text.contains(it)) {
                        addresses.insert(text.clone());
                    }
                }
                Value::Array(rows) => {
                    for it in rows {
                        look(&place, it, seen, addresses, secrets);
                    }
                }
                _ => look(&place, value, seen, addresses, secrets),
            }
        }
    }
}
