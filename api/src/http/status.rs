//! How the service is: alive, ready, and in numbers.

use std::{collections::HashSet, sync::Arc};

use axum::{
    extract::{Extension, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use sea_orm::ConnectionTrait;

use super::Asked;
use crate::{app::App, error::Failure};

pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.db.read().execute_unprepared("SELECT 1").await {
        Ok(_) => "ready".into_response(),
        Err(error) => {
            tracing::error!("not ready: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer").into_response()
        }
    }
}

/// The numbers as Prometheus has read them since its beginning, or as `OpenMetrics` to whoever asks for that.
pub(super) async fn metrics(
    State(app): State<Arc<App>>,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
) -> Response {
    let text = match app.metrics.text(app.db.statements(), app.live.watchers()) {
        Ok(text) => text,
        Err(error) => return asked.failed(&Failure::internal(error)),
    };
    let is_open = headers
        .get(header::ACCEPT)
        .and_then(|it| it.to_str().ok())
        .is_some_and(|it| it.contains("application/openmetrics-text"));
    if is_open {
        let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        return ([(header::CONTENT_TYPE, media)], text).into_response();
    }
    let media = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, media)], classic(&text)).into_response()
}

/// In the older text a counter is described by the name that its samples have, and nothing marks the end.
fn classic(open: &str) -> String {
    let counters: HashSet<&str> = open
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(open.len() + 64);
    for line in open.lines().filter(|it| *it != "# EOF" && !it.starts_with("# UNIT ")) {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(word), Some(name), Some(rest)) if counters.contains(name) => {
                text.extend(["# ", word, " ", name, "_total ", rest]);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}
