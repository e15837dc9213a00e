//! The router: token → [`Viewer`] → execute → publish; uploads, downloads, health, metrics.

mod accept;
mod graphql;
mod limits;
mod serve;
mod transfer;

use std::{net::SocketAddr, sync::Arc};

use async_graphql::dataloader::DataLoader;
use axum::{
    Json, Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use sea_orm::ConnectionTrait;
use serde_json::json;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};
use uuid::Uuid;

pub use self::serve::serve;
use crate::{
    app::App,
    authn,
    authz::Gate,
    error::{Failure, Lang},
    graphql::Viewer,
    metrics,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of one request, given by the server: in the answer's header, in errors, in the log and in audit events.
#[derive(Clone, Copy)]
struct RequestId(Uuid);

/// Where a request came from, as the connection has it.
#[derive(Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// All routes of the service.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new()
        .route("/graphql", post(graphql::post).get(graphql::get))
        .route("/uploads", post(transfer::upload))
        .route("/exports/{id}", get(transfer::download))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text));
    if app.config.graphiql {
        router = router.route("/", get(graphiql));
    }
    router
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "NOT_FOUND", "not found") })
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(|_| {
            problem(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR", "internal error")
        }))
        .layer(middleware::from_fn_with_state(app.clone(), around))
        .with_state(app)
}

/// Gives the request its id, counts and logs the answer, and sets the headers that every answer has.
async fn around(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7();
    request.extensions_mut().insert(RequestId(id));
    let route =
        request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let started = std::time::Instant::now();
    let mut response = next.run(request).await;
    let status = response.status().as_u16();
    tracing::debug!(%method, route, status, request_id = %id, elapsed = ?started.elapsed(), "answered");
    app.metrics.requests.get_or_create(&metrics::Request { route, status }).inc();
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// An error outside GraphQL, in GraphQL's shape.
fn problem(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let errors = json!([{ "message": message, "extensions": { "code": code } }]);
    (status, Json(json!({ "errors": errors }))).into_response()
}

/// The language that a request asks for: Chinese unless English comes before it.
fn language(headers: &HeaderMap) -> Lang {
    let wanted =
        headers.get(header::ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let first = accept::by_preference(wanted).into_iter().find_map(|tag| {
        let tag = tag.to_ascii_lowercase();
        if tag.starts_with("zh") {
            Some(Lang::Zh)
        } else if tag.starts_with("en") {
            Some(Lang::En)
        } else {
            None
        }
    });
    first.unwrap_or_default()
}

/// Who asks, when, from where.
async fn viewer(
    app: &Arc<App>,
    headers: &HeaderMap,
    request_id: Uuid,
    peer: Option<SocketAddr>,
) -> Result<Viewer, Failure> {
    let now = app.now();
    let header = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let who = authn::authenticate(app, header, now).await?;
    Ok(Viewer {
        now,
        request_id,
        lang: language(headers),
        address: peer.map(|it| it.ip().to_string()),
        db: app.db.clone(),
        gate: Gate::new(who, app.db.clone()),
        app: app.clone(),
        load: DataLoader::new(app.db.clone(), tokio::spawn),
    })
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.db.read().execute_unprepared("SELECT 1").await {
        Ok(_) => "ready".into_response(),
        Err(error) => {
            tracing::error!("not ready: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer").into_response()
        }
    }
}

async fn metrics_text(State(app): State<Arc<App>>) -> Response {
    match app.metrics.text(app.db.statements()) {
        Ok(text) => (
            [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")],
            text,
        )
            .into_response(),
        Err(error) => {
            tracing::error!("metrics: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn graphiql() -> Html<String> {
    Html(
        async_graphql::http::GraphiQLSource::build()
            .endpoint("/graphql")
            .title("青蓝 Qinglan")
            .finish(),
    )
}
