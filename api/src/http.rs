//! The router: token → [`Viewer`] → execute → publish; uploads, downloads, health, metrics.

mod accept;
mod answer;
mod auth;
mod body;
mod certificate;
mod disposition;
mod documents;
mod graphql;
mod limits;
mod origin;
mod prepare;
mod range;
mod rate;
mod serve;
mod socket;
mod stall;
mod status;
mod ticket;
mod transfer;

use std::{
    any::Any,
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::Arc,
};

use async_graphql::dataloader::DataLoader;
use axum::{
    Json, Router,
    extract::{Extension, MatchedPath, Request, State},
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use serde_json::json;
use tower_http::compression::{
    CompressionLayer,
    predicate::{DefaultPredicate, NotForContentType, Predicate},
};
use uuid::Uuid;

pub use self::{documents::Documents, rate::Rates, serve::serve};
use crate::{
    account::api_key,
    app::App,
    authn,
    authz::Gate,
    device,
    error::{Failure, Lang},
    graphql::Viewer,
    metrics, text,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known of every request from its beginning.
#[derive(Clone, Copy)]
struct Asked {
    /// Given by the server: in the answer's header, in errors, in the log and in audit events.
    id: Uuid,
    /// The language of what people read of the answer.
    lang: Lang,
}

/// Where a request came from, as the connection has it, or as a trusted proxy says.
#[derive(Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// GraphiQL is loaded from where its package is published, and only while developing.
const GRAPHIQL_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'unsafe-inline' https://unpkg.com; style-src 'unsafe-inline' https://unpkg.com; \
     font-src data: https://unpkg.com; img-src data: https://graphql.org; connect-src 'self'; frame-ancestors 'none'",
);

/// All routes of the service.
pub fn router(app: Arc<App>) -> Router {
    // What is asked for by its address alone, or is nobody's yet.
    let unsigned = Router::new()
        .route("/graphql/ws", get(socket::open))
        .route("/exports/{id}", get(transfer::download))
        .route("/tickets/{file}", get(ticket::ticket))
        .route("/organisations/{id}/calendar.ics", get(ticket::feed))
        .route("/certificates/{token}", get(certificate::verify))
        .route("/auth/{provider}", get(auth::back))
        .route_layer(middleware::from_fn_with_state(app.clone(), counted));
    let mut router = Router::new()
        .merge(unsigned)
        .route("/graphql", post(graphql::post).get(graphql::get))
        .route("/uploads", post(transfer::upload))
        .route("/answers/{registration}/{question}", get(answer::download))
        .route("/.well-known/jwks.json", get(jwks))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(status::ready))
        .route("/metrics", get(status::metrics));
    if app.config.outside.graphiql() {
        router = router.route("/", get(graphiql));
    }
    // A workbook is compressed already, and what is fetched in parts is the same bytes each time.
    let is_whole = |_: StatusCode, _, headers: &HeaderMap, _: &Extensions| {
        !headers.contains_key(header::ACCEPT_RANGES)
    };
    let worth_it = DefaultPredicate::new()
        .and(NotForContentType::const_new("application/vnd.openxmlformats-officedocument"))
        .and(is_whole);
    router
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .layer(CompressionLayer::new().compress_when(worth_it))
        .layer(origin::cors(&app))
        .layer(middleware::from_fn_with_state(app.clone(), around))
        .with_state(app)
}

/// Gives the request its id, counts and logs the answer, and sets the headers that every answer has.
async fn around(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let asked = Asked { id: Uuid::now_v7(), lang: language(request.headers()) };
    request.extensions_mut().insert(asked);
    if let Some(Peer(peer)) = request.extensions().get().copied() {
        let trusted = &app.config.outside.trusted_proxies;
        let client = origin::client(peer.ip(), request.headers(), trusted);
        request.extensions_mut().insert(Peer(SocketAddr::new(client, peer.port())));
    }
    let route =
        request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let started = std::time::Instant::now();
    // Everything of a request is its own or outlives a panic: locks, pools and channels of others let go of it.
    let caught = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = caught.unwrap_or_else(|panic| asked.failed(&panicked(panic.as_ref())));
    let status = response.status().as_u16();
    tracing::debug!(%method, route, status, request_id = %asked.id, elapsed = ?started.elapsed(), "answered");
    app.metrics.requests.get_or_create(&metrics::Request { route, status }).inc();
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&asked.id.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    if app.config.public_url.starts_with("https://") {
        let a_year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, a_year);
    }
    response
}

/// Counts a request by its address before anything is done about it.
async fn counted(
    State(app): State<Arc<App>>,
    Extension(asked): Extension<Asked>,
    peer: Option<Extension<Peer>>,
    request: Request,
    next: Next,
) -> Response {
    match app.rates.count_address(peer.map(|it| it.0.address())) {
        Ok(()) => next.run(request).await,
        Err(failure) => asked.failed(&failure),
    }
}

impl Peer {
    fn address(self) -> IpAddr {
        self.0.ip()
    }
}

/// A panic as what it is to clients: a fault of the server.
fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    Failure::internal(format!("a panic: {}", text.unwrap_or("without words")))
}

impl Asked {
    /// An error outside GraphQL, in GraphQL's shape.
    fn problem(self, status: StatusCode, code: &str, message: &str) -> Response {
        let extensions = json!({ "code": code, "requestId": self.id.to_string() });
        let errors = json!([{ "message": message, "extensions": extensions }]);
        (status, Json(json!({ "errors": errors }))).into_response()
    }

    /// A failure outside GraphQL. Who may not do a thing there is not told that it exists.
    fn failed(self, failure: &Failure) -> Response {
        if let Failure::Db(_) | Failure::Internal(_) = failure {
            tracing::error!(request_id = %self.id, "{failure:?}");
        }
        let failure = if let Failure::Forbidden = failure { &Failure::NotFound } else { failure };
        let status = status_of(failure);
        let (code, message) = failure.face(self.lang);
        let mut response = self.problem(status, code, message);
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response.headers_mut().extend(wait_of(failure));
        response
    }
}

fn status_of(failure: &Failure) -> StatusCode {
    match failure {
        Failure::Unauthenticated => StatusCode::UNAUTHORIZED,
        Failure::Forbidden | Failure::Owes(_) => StatusCode::FORBIDDEN,
        Failure::NotFound => StatusCode::NOT_FOUND,
        Failure::BadInput(..) => StatusCode::BAD_REQUEST,
        Failure::Conflict(..) => StatusCode::CONFLICT,
        Failure::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
        Failure::Db(_) | Failure::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// When it may be tried again, where that is known.
fn wait_of(failure: &Failure) -> Option<(HeaderName, HeaderValue)> {
    let Failure::RateLimited(seconds) = failure else { return None };
    Some((header::RETRY_AFTER, HeaderValue::from(*seconds)))
}

async fn unknown(Extension(asked): Extension<Asked>) -> Response {
    asked.failed(&Failure::NotFound)
}

async fn not_allowed(Extension(asked): Extension<Asked>) -> Response {
    let message = asked.lang.pick("此地址不支持这种方法", "this address does not take this method");
    asked.problem(StatusCode::METHOD_NOT_ALLOWED, "BAD_USER_INPUT", message)
}

/// The language that a request asks for: Chinese unless English comes before it.
fn language(headers: &HeaderMap) -> Lang {
    let wanted: Vec<&str> =
        headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|it| it.to_str().ok()).collect();
    let first = accept::by_preference(&wanted.join(",")).into_iter().find_map(|tag| {
        let primary = tag.split('-').next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("zh") {
            Some(Lang::Zh)
        } else if primary.eq_ignore_ascii_case("en") {
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
    asked: Asked,
    headers: &HeaderMap,
    peer: Option<Peer>,
) -> Result<Viewer, Failure> {
    let now = app.now();
    let gate = admitted(app, headers, peer, now).await?;
    app.rates.count(&gate, false)?;
    Ok(Viewer { agent: agent(headers), ..viewer_at(app, gate, asked, peer, now) })
}

/// The public halves of the keys that sign tokens. A new one is known for ten minutes before it signs, so that whoever keeps
/// this for five minutes has it.
async fn jwks(State(app): State<Arc<App>>) -> Response {
    let kept = [(header::CACHE_CONTROL, "public, max-age=300")];
    (kept, Json(app.keys.public())).into_response()
}

/// What a client calls itself: at most 300 characters of it.
fn agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(text::line(text).chars().take(300).collect())
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok())
}

/// The gate of whom a request speaks for. Who was not recognised a moment ago is counted by address, because looking
/// somebody up is work.
async fn admitted(
    app: &Arc<App>,
    headers: &HeaderMap,
    peer: Option<Peer>,
    now: DateTime<Utc>,
) -> Result<Gate, Failure> {
    let header = authorization(headers);
    if let (Some(text), Some(access)) = (header, app.live.access())
        && let Some(gate) = app.recognised.find(text, access, now)
    {
        return Ok(gate);
    }
    app.rates.count_address(peer.map(Peer::address))?;
    gate(app, header, now).await
}

/// The gate of whom an `Authorization` header speaks for.
async fn gate(app: &Arc<App>, header: Option<&str>, now: DateTime<Utc>) -> Result<Gate, Failure> {
    let access = app.live.access();
    let (Some(text), Some(access)) = (header, access) else {
        return look_up(app, header, now).await;
    };
    if let Some(gate) = app.recognised.find(text, access, now) {
        return Ok(gate);
    }
    let gate = look_up(app, header, now).await?;
    if let Some(expires) = gate.until().or_else(|| app.keys.expiry(text)).filter(|_| gate.is_held())
    {
        let until = gate.changes_at().map_or(expires, |it| std::cmp::min(it, expires));
        app.recognised.keep(text, &gate, access, now, until);
    }
    Ok(gate)
}

async fn look_up(
    app: &Arc<App>,
    header: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Gate, Failure> {
    Ok(if let Some(doorkeeper) = device::authenticate(&app.db, header, now).await? {
        Gate::of_device(doorkeeper, app.db.clone())
    } else if let Some(phone) = app.keys.attendee_phone(header, now) {
        Gate::of_attendee(phone, app.db.clone())
    } else if let Some(who) = api_key::authenticate(&app.db, header, now).await? {
        Gate::new(Some(who), app.db.clone())
    } else {
        Gate::new(authn::authenticate(app, header, now).await?, app.db.clone())
    })
}

fn viewer_at(
    app: &Arc<App>,
    gate: Gate,
    asked: Asked,
    peer: Option<Peer>,
    now: DateTime<Utc>,
) -> Viewer {
    Viewer {
        now,
        request_id: asked.id,
        lang: asked.lang,
        address: peer.map(|it| it.address().to_string()),
        agent: None,
        db: app.db.clone(),
        gate,
        app: app.clone(),
        load: DataLoader::new(app.db.clone(), tokio::spawn),
    }
}

async fn graphiql() -> impl IntoResponse {
    let page = async_graphql::http::GraphiQLSource::build()
        .endpoint("/graphql")
        .title("青蓝 Qinglan")
        .finish();
    ([(header::CONTENT_SECURITY_POLICY, GRAPHIQL_POLICY)], Html(page))
}
