//! What clients see of a fault of the server, and what the log has of it.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
};

use api::error::Error;
use axum::{body::Body, http::Request};
use entity::id::AccountId;
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{assert_is_error, code, send};
use crate::app::{Answer, TestApp};

/// What is logged on this thread.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone());
        tracing::subscriber::set_default(lines.finish())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A fault is said to be one, in no more words than that; the log has them, under the request's id.
fn assert_is_hidden(answer: &Answer, log: &Log, details: &str) {
    assert_is_error(answer);
    assert_eq!(code(answer), "INTERNAL_SERVER_ERROR");
    let json = answer.json();
    for error in json["errors"].as_array().unwrap() {
        let message = error["message"].as_str().unwrap();
        assert!(["internal error", "服务器内部错误"].contains(&message), "{json}");
    }
    let (log, id) = (log.text(), answer.headers["x-request-id"].to_str().unwrap());
    let told = log.lines().any(|line| line.contains(id) && line.contains(details));
    assert!(told, "{id} with {details} is not in: {log}");
}

async fn lose(app: &TestApp, table: &str) {
    let lost: Result<(), Error<api::account::AccountErrorCode>> = app
        .app
        .db
        .by_command("Test", app.now(), async |tx| {
            tx.execute_unprepared(&format!("ALTER TABLE {table} RENAME TO lost_{table}")).await?;
            Ok(AccountId::generate())
        })
        .await;
    lost.unwrap();
}

#[tokio::test]
async fn a_failing_database_is_an_internal_error_and_no_more() {
    let app = TestApp::sqlite().await;
    let log = Log::default();
    let _guard = log.listen();
    lose(&app, "programme").await;
    let answer = send(
        app.organiser(),
        "{ programmes { nodes { id } } viewer { account { id } } }",
        json!({}),
    )
    .await;
    assert_is_hidden(&answer, &log, "no such table");

    lose(&app, "upload").await;
    let request =
        Request::post("/uploads").header("content-disposition", "attachment; filename=a.csv");
    let answer = app.organiser().request(request, "x".into()).await;
    assert_eq!(answer.status.as_u16(), 500);
    assert_is_hidden(&answer, &log, "no such table");

    lose(&app, "export").await;
    let id = entity::id::ExportId::generate();
    let expires = app.now() + chrono::TimeDelta::hours(1);
    let token = app.app.keys.export(id, expires).unwrap();
    let path = format!("/exports/{}?token={token}", api::graphql::Gid(id));
    let answer = app.anonymous().request(Request::get(path), Body::empty()).await;
    assert_eq!(answer.status.as_u16(), 500);
    assert_is_hidden(&answer, &log, "no such table");

    // Before anything is executed: the sign-in cannot be looked up.
    let unknown = app.anew(app.organiser()).await;
    lose(&app, "account").await;
    let answer = send(&unknown, "{ __typename }", json!({})).await;
    assert_eq!(answer.status.as_u16(), 500);
    assert_is_hidden(&answer, &log, "no such table");
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_service_goes_on() {
    let app = TestApp::sqlite().await;
    let log = Log::default();
    let _guard = log.listen();
    let client = app.organiser().clone();
    // A clock whose lock was lost panics whenever it is asked.
    let broken = catch_unwind(AssertUnwindSafe(|| {
        let _held = app.clock();
        panic!("the clock breaks");
    }));
    assert!(broken.is_err());
    let answer = send(&client, "{ __typename }", json!({})).await;
    assert_eq!(answer.status.as_u16(), 500);
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with(super::GRAPHQL));
    assert_is_hidden(&answer, &log, "a panic");
    let answer = client.request(Request::post("/uploads"), "x".into()).await;
    assert_eq!(answer.status.as_u16(), 500);
    assert_is_hidden(&answer, &log, "a panic");
    let alive = client.request(Request::get("/healthz"), Body::empty()).await;
    assert_eq!(alive.status.as_u16(), 200);
}

#[tokio::test]
async fn it_is_ready_while_the_database_answers() {
    let app = TestApp::sqlite().await;
    let ask = async |path: &str| {
        app.anonymous().request(Request::get(path), Body::empty()).await.status.as_u16()
    };
    assert_eq!((ask("/healthz").await, ask("/readyz").await), (200, 200));
    app.app.db.clone().close().await;
    assert_eq!((ask("/healthz").await, ask("/readyz").await), (200, 503));
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let app = TestApp::sqlite().await;
    app.anonymous().request(Request::get("/nowhere"), Body::empty()).await;
    let ask = async |accept: &str| {
        let request = Request::get("/metrics").header("accept", accept);
        let answer = app.anonymous().request(request, Body::empty()).await;
        let media = answer.headers["content-type"].to_str().unwrap().to_owned();
        (media, String::from_utf8(answer.body).unwrap())
    };
    let (media, classic) = ask("*/*").await;
    assert_eq!(media, "text/plain; version=0.0.4; charset=utf-8");
    let mut typed = Vec::new();
    let mut samples = 0;
    for line in classic.lines() {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            let (name, kind) = described.split_once(' ').unwrap();
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            typed.push(name.to_owned());
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let name = name.split('{').next().unwrap();
            assert!(typed.iter().any(|it| it == name), "{line} is not described: {typed:?}");
            assert!(value.parse::<f64>().unwrap() >= 0.0, "{line}");
            samples += 1;
        }
    }
    assert!(samples >= 2, "{classic}");
    assert!(
        classic.contains("qinglan_http_requests_total{route=\"other\",status=\"404\"} 1"),
        "{classic}"
    );
    let (media, open) = ask("application/openmetrics-text;version=1.0.0,text/plain;q=0.5").await;
    assert_eq!(media, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(open.ends_with("# EOF\n"), "{open}");
    assert!(open.contains("# TYPE qinglan_http_requests counter\n"), "{open}");
}
