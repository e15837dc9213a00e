//! Files: lists that were damaged on the way, and bytes of all kinds, through the real addresses.

use axum::http::Request;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::json;

use super::{all, is_clean, runtime};
use crate::{app::TestApp, lists};

/// What may be done to a file; places are in thousandths of its length.
#[derive(Clone, Debug)]
enum Harm {
    Set(u32, u8),
    Cut(u32),
    Drop(u32, u32),
    Twice(u32, u32),
    Insert(u32, Vec<u8>),
}

fn harms() -> impl Strategy<Value = Harm> {
    let place = || 0..1000_u32;
    prop_oneof![
        4 => (place(), any::<u8>()).prop_map(|(at, to)| Harm::Set(at, to)),
        1 => place().prop_map(Harm::Cut),
        1 => (place(), 1..50_u32).prop_map(|(at, many)| Harm::Drop(at, many)),
        1 => (place(), 1..50_u32).prop_map(|(at, many)| Harm::Twice(at, many)),
        2 => (place(), vec(select(b"\"\n\r,;\t\0=@<>\xff\xef".to_vec()), 1..6))
            .prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
    ]
}

fn harmed(mut file: Vec<u8>, harm: &Harm) -> Vec<u8> {
    let length = file.len();
    let at = |thousandths: u32| length * usize::try_from(thousandths).unwrap() / 1000;
    let span =
        |from: u32, many: u32| at(from)..(at(from) + usize::try_from(many).unwrap()).min(length);
    match harm {
        Harm::Set(place, to) => {
            if let Some(byte) = file.get_mut(at(*place)) {
                *byte = *to;
            }
        }
        Harm::Cut(place) => file.truncate(at(*place)),
        Harm::Drop(place, many) => drop(file.drain(span(*place, *many))),
        Harm::Twice(place, many) => {
            let again = file[span(*place, *many)].to_vec();
            file.splice(at(*place)..at(*place), again);
        }
        Harm::Insert(place, bytes) => drop(file.splice(at(*place)..at(*place), bytes.clone())),
    }
    file
}

/// A file that is refused is refused in words; one that is taken is read, and every row of it is accounted for.
async fn send(app: &TestApp, activity: &str, file: Vec<u8>) -> Result<(), TestCaseError> {
    let name = "attachment; filename=list.xlsx";
    let request = Request::post("/uploads").header("content-disposition", name);
    let sent = String::from_utf8_lossy(&file).into_owned();
    let kept = app.organiser().request(request, file.into()).await;
    is_clean(&kept, &sent)?;
    if kept.status.as_u16() != 201 {
        return Ok(());
    }
    let id = kept.json()["id"].clone();
    for profile in ["EVENT", "CLASS", "FORM"] {
        let input = json!({"activityId": activity, "uploadId": id, "profile": profile});
        let document = crate::app::document("stage_roster");
        let body = json!({"query": document, "variables": {"input": input}}).to_string();
        let request = Request::post("/graphql").header("content-type", "application/json");
        let answer = app.organiser().request(request, body.into()).await;
        is_clean(&answer, &sent)?;
        let answer = answer.json();
        prop_assert!(answer.get("errors").is_none(), "{answer}");
        let staged = &answer["data"]["stageRoster"];
        if let Some(counts) = staged["batch"]["counts"].as_object() {
            let count = |name: &str| counts[name].as_i64().unwrap_or_default();
            let rows = count("acceptedRows") + count("rejectedRows");
            prop_assert!(rows <= count("dataRows"), "{staged}");
        } else {
            prop_assert!(staged["userErrors"][0]["message"].is_string(), "{answer}");
        }
    }
    Ok(())
}

#[test]
fn a_list_that_was_damaged_is_read_or_refused() {
    runtime().block_on(async {
        let app = TestApp::sqlite().await;
        let activity = app.festival(None, &[]).await.activity;
        let sample = |name: &str| std::fs::read(lists::sample(name)).unwrap();
        let files = vec![
            lists::list(0..30).into_bytes(),
            sample("B-民营经济学院学员名册.csv"),
            sample("C-青蓝接力报名导出.xlsx"),
        ];
        all(120, &(select(files), vec(harms(), 1..8)), async |(file, harms)| {
            send(&app, &activity, harms.iter().fold(file, harmed)).await
        });
    });
}

#[test]
fn any_bytes_may_be_sent_as_a_file() {
    runtime().block_on(async {
        let app = TestApp::sqlite().await;
        let activity = app.festival(None, &[]).await.activity;
        let openings = vec![
            b"".as_slice(),
            b"PK\x03\x04",
            b"PK\x05\x06",
            b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
            b"%PDF-1.7",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            b"\xEF\xBB\xBF",
            b"\xFF\xFE",
            b"<?xml version=\"1.0\"?>",
            b"<html>",
            b"\x1f\x8b",
        ];
        let bytes = prop_oneof![
            vec(any::<u8>(), 0..400),
            vec(select("姓名手机,\n\"\t;1380000张三".as_bytes().to_vec()), 0..400),
        ];
        all(300, &(select(openings), bytes), async |(opening, bytes)| {
            send(&app, &activity, [opening, &bytes].concat()).await
        });
    });
}
