//! Documents that are made by the schema's own grammar, and such that are nearly so, sent by everybody.

use std::{cell::Cell, fmt::Write};

use api::account::grant::Over;
use async_graphql::parser::types::{BaseType, InputValueDefinition, Type, TypeKind};
use axum::http::Request;
use entity::role_grant::Role;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::json;

use super::{all, is_clean, runtime, says_nothing_of};
use crate::{
    app::{Client, TestApp},
    attendee::attendee,
    fixture::{Things, an_activity},
    grammar::{Grammar, base},
};

/// A document grows by these choices; where they end, so does it.
struct Writer<'a> {
    grammar: &'a Grammar,
    ids: &'a [String],
    choices: std::slice::Iter<'a, u16>,
}

const TEXTS: [&str; 10] = [
    "",
    "张三",
    "张三丰",
    "13800000001",
    "%",
    "a\\u0000",
    "2026-11-01T00:00:00Z",
    "x",
    "EVENT",
    "12.5",
];

impl Writer<'_> {
    fn choose(&mut self, among: usize) -> usize {
        self.choices.next().map_or(0, |it| usize::from(*it) % among.max(1))
    }

    fn document(&mut self, allow_mutations: bool) -> String {
        let root = if allow_mutations && self.choose(3) == 2 { "Mutation" } else { "Query" };
        let fields = self.grammar.fields(root);
        let mut text = format!("{} {{", root.to_lowercase());
        for _ in 0..=self.choose(2) {
            let field = &fields[self.choose(fields.len())].node;
            self.field(&mut text, field, 3);
        }
        text + " }"
    }

    fn field(
        &mut self,
        text: &mut String,
        field: &async_graphql::parser::types::FieldDefinition,
        depth: usize,
    ) {
        write!(text, " {}", field.name.node).unwrap();
        let mut given = Vec::new();
        for argument in &field.arguments {
            if !argument.node.ty.node.nullable || self.choose(4) == 1 {
                given.push(self.argument(&argument.node, 4));
            }
        }
        if !given.is_empty() {
            write!(text, "({})", given.join(", ")).unwrap();
        }
        let of = base(&field.ty.node);
        if self.grammar.is_composite(of) {
            self.selection(text, of, depth);
        }
    }

    fn selection(&mut self, text: &mut String, of: &str, depth: usize) {
        let grammar = self.grammar;
        text.push_str(" { __typename");
        let fields = grammar.fields(of);
        if depth > 0 {
            for _ in 0..=self.choose(4) {
                let Some(field) = fields.get(self.choose(fields.len())) else { break };
                self.field(text, &field.node, depth - 1);
            }
            let possible = grammar.possible(of);
            if let Some(object) = possible.get(self.choose(possible.len() + 1)) {
                write!(text, " ... on {object}").unwrap();
                self.selection(text, object, depth - 1);
            }
        }
        text.push_str(" }");
    }

    fn argument(&mut self, argument: &InputValueDefinition, depth: usize) -> String {
        format!("{}: {}", argument.name.node, self.value(&argument.ty.node, depth))
    }

    fn value(&mut self, ty: &Type, depth: usize) -> String {
        if ty.nullable && self.choose(6) == 5 {
            return "null".to_owned();
        }
        let name = match &ty.base {
            BaseType::List(inner) => {
                let many = self.choose(3);
                let values: Vec<String> = (0..many).map(|_| self.value(inner, depth)).collect();
                return format!("[{}]", values.join(", "));
            }
            BaseType::Named(name) => name.as_str(),
        };
        match self.grammar.kind(name) {
            Some(TypeKind::Enum(it)) => {
                it.values[self.choose(it.values.len())].node.value.to_string()
            }
            Some(TypeKind::InputObject(_)) => {
                let mut given = Vec::new();
                for field in self.grammar.inputs(name) {
                    let is_needed = !field.node.ty.node.nullable;
                    if depth > 0 && (is_needed || self.choose(3) == 1) {
                        given.push(self.argument(&field.node, depth - 1));
                    }
                }
                format!("{{{}}}", given.join(", "))
            }
            _ => match name {
                "Int" => ["0", "1", "-1", "20", "2026", "2147483647"][self.choose(6)].to_owned(),
                "Float" => ["0", "1.5", "-1e308"][self.choose(3)].to_owned(),
                "Boolean" => ["true", "false"][self.choose(2)].to_owned(),
                "ID" if self.choose(8) < 7 => {
                    format!("\"{}\"", self.ids[self.choose(self.ids.len())])
                }
                "DateTime" if self.choose(4) < 3 => [
                    "\"2026-11-01T01:30:00Z\"",
                    "\"9999-12-31T23:59:59Z\"",
                    "\"0001-01-01T00:00:00Z\"",
                ][self.choose(3)]
                .to_owned(),
                "NaiveDate" if self.choose(4) < 3 => {
                    ["\"2026-11-01\"", "\"9999-12-31\"", "\"-2000-01-01\""][self.choose(3)]
                        .to_owned()
                }
                _ => format!("\"{}\"", TEXTS[self.choose(TEXTS.len())]),
            },
        }
    }
}

async fn send(client: &Client, document: &str) -> crate::app::Answer {
    let request = Request::post("/graphql").header("content-type", "application/json");
    client.request(request, json!({"query": document}).to_string().into()).await
}

/// The phones of those who are registered, but for the first, who asks.
const PHONES: [&str; 9] = [
    "13800000002",
    "13800000003",
    "13800000004",
    "13800000005",
    "13800000006",
    "13800000007",
    "13800000008",
    "13800000009",
    "13800000021",
];

#[test]
fn documents_that_the_schema_allows_are_answered_and_tell_nobody_too_much() {
    runtime().block_on(async {
        let app = TestApp::sqlite().await;
        let things = Things::make(&app).await;
        let ids = things.ids();
        let grammar = Grammar::new();
        let door = app.account(Role::DoorStaff, an_activity(&things.activity)).await;
        let other = app.account(Role::OrgAdmin, Over::Organisation(app.root)).await;
        let attendee = attendee(&app, "13800000001").await;
        let askers = [(other, true), (door, false), (attendee, false), (app.anonymous(), false)];
        let inputs = (0..askers.len(), vec(any::<u16>(), 10..160));
        let executed = Cell::new(0);
        all(2_000, &inputs, async |(asker, choices)| {
            let (client, may_see) = &askers[asker];
            let choices = choices.iter();
            let mut writer = Writer { grammar: &grammar, ids: &ids, choices };
            let document = writer.document(*may_see);
            let answer = send(client, &document).await;
            is_clean(&answer, &document)?;
            if answer.json().get("data").is_some() {
                executed.set(executed.get() + 1);
            }
            if !may_see {
                let body = String::from_utf8_lossy(&answer.body);
                says_nothing_of(&body, &PHONES, &document)?;
            }
            Ok(())
        });
        assert!(executed.get() > 500, "only {} were documents", executed.get());
    });
}

#[test]
fn documents_that_are_nearly_right_are_refused_in_words() {
    runtime().block_on(async {
        let app = TestApp::sqlite().await;
        let grammar = Grammar::new();
        let ids = [app.root_id()];
        let marks = select(vec![
            "{",
            "}",
            "(",
            ")",
            "!",
            "$",
            "@skip(if: true)",
            "...",
            "\"",
            "#",
            ":",
            "é",
            "[",
            "=",
            "|",
            "1e",
            "null",
        ]);
        let inputs = (vec(any::<u16>(), 10..60), vec((0..1000_u32, 0..6_usize, marks), 1..4));
        all(1_500, &inputs, async |(choices, harms)| {
            let choices = choices.iter();
            let mut document = Writer { grammar: &grammar, ids: &ids, choices }.document(true);
            for (at, dropped, mark) in harms {
                let letters: Vec<char> = document.chars().collect();
                let at = letters.len() * usize::try_from(at).unwrap() / 1000;
                let rest = letters[at..].iter().skip(dropped);
                document = letters[..at]
                    .iter()
                    .copied()
                    .chain(mark.chars())
                    .chain(rest.copied())
                    .collect();
            }
            is_clean(&send(&app.anonymous(), &document).await, &document)
        });
    });
}
