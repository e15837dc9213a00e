//! GraphQL over HTTP, as the specification has it. Async-graphql's own handler keeps little of it (design notes,
//! `graphql.md`): this one negotiates, reads a bounded body in bounded time, checks limits, and chooses the status.

use std::{sync::Arc, time::Duration};

use async_graphql::{
    Request, Response as GraphQlResponse, ServerError, Variables, parser::types::OperationType,
};
use axum::{
    body::{self, Body},
    extract::{Extension, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Peer, RequestId,
    accept::Media,
    language,
    limits::{self, LONGEST},
    viewer,
};
use crate::{app::App, error::Lang, graphql::publish};

/// The largest body of a request, in bytes.
const LARGEST: usize = 256 * 1024;

/// What a client sends.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    query: String,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    #[serde(default)]
    extensions: Option<Map<String, Value>>,
}

/// The same in the query of an address, where the maps are JSON texts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Address {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

/// A request that was not executed.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

fn refuse(status: StatusCode, code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal { status, code, message: message.into() }
}

fn malformed(message: &str) -> Refusal {
    refuse(StatusCode::BAD_REQUEST, "BAD_USER_INPUT", message)
}

/// What is common to both methods.
struct Call {
    app: Arc<App>,
    headers: HeaderMap,
    id: Uuid,
    peer: Option<Peer>,
    media: Media,
}

pub(super) async fn post(
    State(app): State<Arc<App>>,
    Extension(RequestId(id)): Extension<RequestId>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(media) = negotiated(&headers) else { return not_acceptable() };
    let call = Call { app, headers, id, peer: peer.map(|it| it.0), media };
    let params = match read(&call.headers, body, call.app.config.request_timeout()).await {
        Ok(params) => params,
        Err(refusal) => return call.refused(&refusal),
    };
    call.run(params, true).await
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Extension(RequestId(id)): Extension<RequestId>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    address: Result<Query<Address>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Some(media) = negotiated(&headers) else { return not_acceptable() };
    let call = Call { app, headers, id, peer: peer.map(|it| it.0), media };
    let parsed = |text: Option<String>| match text {
        None => Ok(None),
        Some(text) => serde_json::from_str::<Option<Map<String, Value>>>(&text),
    };
    let params = address.ok().and_then(|Query(it)| {
        Some(Params {
            query: it.query?,
            operation_name: it.operation_name.filter(|it| !it.is_empty()),
            variables: parsed(it.variables).ok()?,
            extensions: parsed(it.extensions).ok()?,
        })
    });
    match params {
        Some(params) => call.run(params, false).await,
        None => call.refused(&malformed(
            "the address needs `query`, and `variables` and `extensions` are JSON objects if they are there",
        )),
    }
}

fn negotiated(headers: &HeaderMap) -> Option<Media> {
    let all: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok()).collect();
    Media::negotiate((!all.is_empty()).then(|| all.join(",")).as_deref())
}

fn not_acceptable() -> Response {
    super::problem(
        StatusCode::NOT_ACCEPTABLE,
        "BAD_USER_INPUT",
        "answers are application/graphql-response+json or application/json",
    )
}

/// Reads and parses the body. Only `application/json` is taken: a page of another origin cannot send it unasked.
async fn read(headers: &HeaderMap, body: Body, timeout: Duration) -> Result<Params, Refusal> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let mut parts = content_type.split(';').map(|it| it.trim().to_ascii_lowercase());
    let is_json = parts.next().as_deref() == Some("application/json");
    let is_utf8 = parts
        .all(|it| it.strip_prefix("charset=").is_none_or(|set| set.trim_matches('"') == "utf-8"));
    if !is_json || !is_utf8 {
        let message = "send application/json in UTF-8";
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BAD_USER_INPUT", message));
    }
    let bytes = tokio::time::timeout(timeout, body::to_bytes(body, LARGEST))
        .await
        .map_err(|_| {
            refuse(StatusCode::REQUEST_TIMEOUT, "BAD_USER_INPUT", "the body did not arrive in time")
        })?
        .map_err(|_| {
            refuse(StatusCode::PAYLOAD_TOO_LARGE, "BAD_USER_INPUT", "a request is at most 256 KiB")
        })?;
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|_| malformed("the body is not JSON"))?;
    if !value.is_object() {
        return Err(malformed("the body is not a JSON object; batches are not taken"));
    }
    serde_json::from_value(value).map_err(|_| {
        malformed("`query` is a string that must be there, `operationName` a string, `variables` and `extensions` objects")
    })
}

impl Call {
    fn lang(&self) -> Lang {
        language(&self.headers)
    }

    async fn run(self, params: Params, may_change: bool) -> Response {
        let request = match prepare(params, may_change, self.app.config.introspection) {
            Ok(request) => request,
            Err(refusal) => return self.refused(&refusal),
        };
        let viewer = match viewer(&self.app, &self.headers, self.id, self.peer.map(|it| it.0)).await
        {
            Ok(viewer) => viewer,
            Err(failure) => {
                let error = async_graphql::Error::from(failure)
                    .into_server_error(async_graphql::Pos::default());
                return self.answer(GraphQlResponse::from_errors(vec![error]));
            }
        };
        let executed = self.app.schema.execute(request.data(viewer));
        // What is under way when the time is up is dropped, and with it its transaction.
        match tokio::time::timeout(self.app.config.request_timeout(), executed).await {
            Ok(response) => self.answer(response),
            Err(_) => self.refused(&refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "INTERNAL_SERVER_ERROR",
                self.lang()
                    .pick("处理超时，未作任何更改", "this took too long; nothing was changed"),
            )),
        }
    }

    fn refused(&self, refusal: &Refusal) -> Response {
        let errors = json!([{
            "message": refusal.message,
            "extensions": { "code": refusal.code, "requestId": self.id.to_string() },
        }]);
        // A well-formed HTTP request whose document is at fault is 200 to clients of the older media type.
        let is_about_document = matches!(
            refusal.code,
            "GRAPHQL_PARSE_FAILED" | "GRAPHQL_VALIDATION_FAILED" | "QUERY_TOO_COMPLEX"
        );
        let status = match (self.media, refusal.status) {
            (Media::Json, StatusCode::BAD_REQUEST) if is_about_document => StatusCode::OK,
            (_, status) => status,
        };
        let mut response = (
            status,
            [(header::CONTENT_TYPE, self.media.name())],
            json!({ "errors": errors }).to_string(),
        )
            .into_response();
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        }
        response
    }

    fn answer(&self, response: GraphQlResponse) -> Response {
        let response = publish(response, self.lang(), self.id);
        let not_executed = response.data == async_graphql::Value::Null
            && !response.errors.is_empty()
            && response.errors.iter().all(|it| it.path.is_empty());
        let status = if not_executed && self.media == Media::GraphQl {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        };
        let mut value = serde_json::to_value(&response).unwrap_or_default();
        if let Value::Object(map) = &mut value
            && not_executed
        {
            map.remove("data");
        }
        (status, [(header::CONTENT_TYPE, self.media.name())], value.to_string()).into_response()
    }
}

/// Parses and bounds a document, and finds out what its operation does.
fn prepare(params: Params, may_change: bool, introspection: bool) -> Result<Request, Refusal> {
    let too_much = |message: &str| refuse(StatusCode::BAD_REQUEST, "QUERY_TOO_COMPLEX", message);
    let invalid =
        |message: &str| refuse(StatusCode::BAD_REQUEST, "GRAPHQL_VALIDATION_FAILED", message);
    if params.query.len() > LONGEST {
        return Err(too_much("a document is at most 20 KB"));
    }
    let document = async_graphql::parser::parse_query(&params.query).map_err(|error| {
        let error = ServerError::from(error);
        let at =
            error.locations.first().map(|at| format!(" at line {}, column {}", at.line, at.column));
        let message = format!("the document does not parse{}", at.unwrap_or_default());
        refuse(StatusCode::BAD_REQUEST, "GRAPHQL_PARSE_FAILED", message)
    })?;
    limits::check(&document).map_err(|excess| too_much(excess.message()))?;
    let operation = limits::operation(&document, params.operation_name.as_deref())
        .ok_or_else(|| invalid("no operation, or not clear which: give `operationName`"))?;
    let ty = operation.node.ty;
    if !may_change && ty != OperationType::Query {
        let message = "only queries go by GET; send the rest by POST";
        return Err(refuse(StatusCode::METHOD_NOT_ALLOWED, "BAD_USER_INPUT", message));
    }
    if !introspection && limits::introspects(&document) {
        return Err(invalid("introspection is turned off"));
    }
    let mut request = Request::new(params.query);
    request.operation_name = params.operation_name;
    request.variables = Variables::from_json(Value::Object(params.variables.unwrap_or_default()));
    drop(params.extensions);
    request.set_parsed_query(document);
    Ok(request)
}
