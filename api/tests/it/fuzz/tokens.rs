//! Tokens, and addresses that are signed: what is not exactly what was given out opens nothing.

use api::graphql::Gid;
use axum::{body::Body, http::Request};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use entity::id::ExportId;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{all, is_clean, runtime};
use crate::{
    app::TestApp,
    attendee::attendee,
    fixture::{new_device, redeemed},
};

/// What may be done to a token.
#[derive(Clone, Debug)]
enum Harm {
    /// Another character at a place, in thousandths of its length.
    Change(u32, char),
    Cut(u32),
    Insert(u32, String),
    /// Another header or other claims in front of the same signature.
    Header(Value),
    Claim(&'static str, Value),
    /// Signed by nobody.
    Unsigned,
    /// The parts of it in another order, or twice.
    Parts(Vec<usize>),
}

fn harms() -> impl Strategy<Value = Harm> {
    let values = prop_oneof![
        any::<i64>().prop_map(Value::from),
        Just(json!(null)),
        Just(json!(4_102_444_800_i64)),
        "[a-z0-9-]{0,36}".prop_map(Value::from),
        Just(json!(["a"])),
    ];
    prop_oneof![
        (0..1000_u32, any::<char>()).prop_map(|(at, to)| Harm::Change(at, to)),
        (0..1000_u32, "[A-Za-z0-9_-]")
            .prop_map(|(at, to)| Harm::Change(at, to.chars().next().unwrap())),
        (0..1000_u32).prop_map(Harm::Cut),
        (0..1000_u32, "[ .=A-Z\\n]{1,5}").prop_map(|(at, text)| Harm::Insert(at, text)),
        select(vec!["none", "None", "HS256", "ES256", "RS256", "EdDSA", ""]).prop_map(|alg| {
            Harm::Header(json!({"alg": alg, "typ": "JWT", "kid": "../../dev/null"}))
        }),
        (select(vec!["exp", "sub", "aud", "iss", "sid", "iat", "nbf"]), values)
            .prop_map(|(name, value)| Harm::Claim(name, value)),
        Just(Harm::Unsigned),
        vec(0..4_usize, 0..5).prop_map(Harm::Parts),
    ]
}

fn harmed(token: &str, harm: &Harm) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let at = |thousandths: &u32| {
        let mut at = token.len() * usize::try_from(*thousandths).unwrap() / 1000;
        while !token.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let coded = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    match harm {
        Harm::Change(place, to) => {
            let rest: String = token[at(place)..].chars().skip(1).collect();
            format!("{}{to}{rest}", &token[..at(place)])
        }
        Harm::Cut(place) => token[..at(place)].to_owned(),
        Harm::Insert(place, text) => {
            format!("{}{text}{}", &token[..at(place)], &token[at(place)..])
        }
        Harm::Header(header) => {
            [vec![coded(header).as_str()], parts[1..].to_vec()].concat().join(".")
        }
        Harm::Claim(name, value) => {
            let decoded = parts.get(1).and_then(|it| BASE64_URL_SAFE_NO_PAD.decode(it).ok());
            let claims = decoded.and_then(|it| serde_json::from_slice::<Value>(&it).ok());
            let Some(mut claims) = claims.filter(Value::is_object) else { return token.to_owned() };
            claims[*name] = value.clone();
            [parts[0], &coded(&claims), parts.last().unwrap_or(&"")].join(".")
        }
        Harm::Unsigned => format!("{}.", parts[..parts.len().saturating_sub(1)].join(".")),
        Harm::Parts(order) => {
            let chosen: Vec<&str> = order.iter().filter_map(|it| parts.get(*it).copied()).collect();
            chosen.join(".")
        }
    }
}

#[test]
fn a_token_that_was_tampered_with_opens_nothing() {
    runtime().block_on(async {
        let app = TestApp::sqlite().await;
        let festival = app.festival(None, &[]).await;
        let device = redeemed(&app, &new_device(&app, &[&festival.activity]).await).await;
        let phone = attendee(&app, "13800000001").await.token.unwrap();
        let tokens = vec![app.organiser().token.clone().unwrap(), device, phone];
        let document = "{ viewer { account { id } } thisDevice { id } me { phone } }";
        let ask = async |token: &str| {
            let Ok(value) = axum::http::HeaderValue::try_from(format!("Bearer {token}")) else {
                return None;
            };
            let request = Request::post("/graphql")
                .header("content-type", "application/json")
                .header("authorization", value);
            let body = json!({"query": document}).to_string();
            Some(app.anonymous().request(request, body.into()).await)
        };
        let is_open =
            |data: &Value| data.as_object().is_some_and(|it| it.values().any(|it| !it.is_null()));
        for token in &tokens {
            assert!(is_open(&ask(token).await.unwrap().json()["data"]), "{token}");
        }
        all(1_200, &(select(tokens), vec(harms(), 1..3)), async |(token, harms)| {
            let bad = harms.iter().fold(token.clone(), |token, harm| harmed(&token, harm));
            prop_assume!(bad.trim() != token);
            let Some(answer) = ask(&bad).await else { return Ok(()) };
            is_clean(&answer, &bad)?;
            prop_assert!(!is_open(&answer.json()["data"]), "{bad} opens {}", answer.json());
            Ok(())
        });
    });
}

#[test]
fn a_signed_address_that_was_tampered_with_opens_nothing() {
    runtime().block_on(async {
        let app = TestApp::sqlite().await;
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        let input =
            json!({"activityId": festival.activity, "format": "CSV", "purpose": "活动总结"});
        let export = app.organiser().run("create_export", json!({"input": input})).await;
        let export = export["createExport"]["export"]["url"].as_str().unwrap().to_owned();
        let urls = "query($id: ID!) { registration(id: $id) { ticket { svgUrl icsUrl } } }";
        let ticket = app.organiser().ask(urls, json!({"id": ticket.registration})).await;
        let ticket = ["svgUrl", "icsUrl"]
            .map(|it| ticket["registration"]["ticket"][it].as_str().unwrap().to_owned());
        let other = Gid(ExportId::generate());
        let later = app.now() + TimeDelta::hours(1);
        let others = app.app.keys.export(other.0, later).unwrap();
        let [svg, ics] = ticket;
        let urls = [export, svg, ics];
        let fetch = async |path: &str| {
            let uri: axum::http::Uri = path.parse().ok()?;
            Some(app.anonymous().request(Request::get(uri), Body::empty()).await)
        };
        for url in &urls {
            assert_eq!(fetch(url).await.unwrap().status.as_u16(), 200, "{url}");
        }
        let (path, _) = urls[0].split_once("token=").unwrap();
        assert_eq!(fetch(&format!("{path}token={others}")).await.unwrap().status.as_u16(), 404);
        all(1_000, &(select(urls.to_vec()), harms()), async |(url, harm)| {
            let (path, token) = url.split_once("token=").unwrap();
            let bad = harmed(token, &harm);
            prop_assume!(bad != token && !bad.contains(['&', '#', '+', '%']));
            let Some(answer) = fetch(&format!("{path}token={bad}")).await else { return Ok(()) };
            is_clean(&answer, &bad)?;
            prop_assert!(answer.status.as_u16() != 200, "{bad} opens {path}");
            Ok(())
        });
    });
}
