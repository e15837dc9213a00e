//! GraphQL over HTTP, as the specification has it. Async-graphql's own handler keeps little of it (design notes,
//! `graphql.md`): this one negotiates, reads a bounded body in bounded time, checks limits, and chooses the status.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{
    Pos, Request, Response as GraphQlResponse, ServerError, Variables,
    parser::types::{ExecutableDocument, OperationType},
};
use axum::{
    body::Body,
    extract::{Extension, Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Asked, Peer,
    accept::Media,
    body::{self, Unread},
    limits, panicked, status_of, viewer,
};
use crate::{app::App, error::Failure, graphql::publish};

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

/// Why a request is not executed: in Chinese, in English, and where in the document.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    words: (&'static str, &'static str),
    at: Option<Pos>,
}

fn refuse(
    status: StatusCode,
    code: &'static str,
    chinese: &'static str,
    english: &'static str,
) -> Refusal {
    Refusal { status, code, words: (chinese, english), at: None }
}

fn malformed(chinese: &'static str, english: &'static str) -> Refusal {
    refuse(StatusCode::BAD_REQUEST, "BAD_USER_INPUT", chinese, english)
}

/// A request that can be executed.
struct Prepared {
    request: Request,
    /// A variable that must be there and is not. Only a document that is in order otherwise is refused for it.
    missing: Option<Pos>,
}

/// What is common to both methods.
struct Call {
    app: Arc<App>,
    asked: Asked,
    headers: HeaderMap,
    peer: Option<Peer>,
    media: Media,
}

pub(super) async fn post(
    State(app): State<Arc<App>>,
    Extension(asked): Extension<Asked>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(media) = negotiated(&headers) else {
        body::let_in(&headers, body);
        return not_acceptable(asked);
    };
    let call = Call { app, asked, headers, peer: peer.map(|it| it.0), media };
    match read(&call.headers, body, call.app.config.request_timeout()).await {
        Ok(params) => call.run(params, true).await,
        Err(refusal) => call.refused(&refusal),
    }
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Extension(asked): Extension<Asked>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    address: Result<Query<Address>, QueryRejection>,
) -> Response {
    let Some(media) = negotiated(&headers) else { return not_acceptable(asked) };
    let call = Call { app, asked, headers, peer: peer.map(|it| it.0), media };
    let parsed = |text: Option<String>| match text {
        None => Ok(None),
        Some(text) => serde_json::from_str::<Option<Map<String, Value>>>(&text),
    };
    let params = address.ok().and_then(|Query(it)| {
        Some(Params {
            query: it.query?,
            operation_name: it.operation_name,
            variables: parsed(it.variables).ok()?,
            extensions: parsed(it.extensions).ok()?,
        })
    });
    match params {
        Some(params) => call.run(params, false).await,
        None => call.refused(&malformed(
            "地址中须有 query；variables 与 extensions 如有，须为 JSON 对象",
            "the address needs `query`, and `variables` and `extensions` are JSON objects if they are there",
        )),
    }
}

fn negotiated(headers: &HeaderMap) -> Option<Media> {
    let all: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok()).collect();
    Media::negotiate((!all.is_empty()).then(|| all.join(",")).as_deref())
}

fn not_acceptable(asked: Asked) -> Response {
    let message = asked.lang.pick(
        "只能以 application/graphql-response+json 或 application/json 作答",
        "answers are application/graphql-response+json or application/json",
    );
    asked.problem(StatusCode::NOT_ACCEPTABLE, "BAD_USER_INPUT", message)
}

/// Reads and parses the body. Only `application/json` is taken: a page of another origin cannot send it unasked.
async fn read(headers: &HeaderMap, body: Body, time: Duration) -> Result<Params, Refusal> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let mut parts = content_type.split(';').map(|it| it.trim().to_ascii_lowercase());
    let is_json = parts.next().as_deref() == Some("application/json");
    let is_utf8 = parts
        .all(|it| it.strip_prefix("charset=").is_none_or(|set| set.trim_matches('"') == "utf-8"));
    if !is_json || !is_utf8 || !body::is_plain(headers) {
        body::let_in(headers, body);
        return Err(refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "BAD_USER_INPUT",
            "请以 UTF-8 的 application/json 发送，不要压缩",
            "send application/json in UTF-8, not compressed",
        ));
    }
    let bytes = body::whole(headers, body, LARGEST, time).await.map_err(|why| match why {
        Unread::TooLarge => refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            "BAD_USER_INPUT",
            "请求不得超过 256 KiB",
            "a request is at most 256 KiB",
        ),
        Unread::TooLate => refuse(
            StatusCode::REQUEST_TIMEOUT,
            "BAD_USER_INPUT",
            "请求没有及时传完",
            "the body did not arrive in time",
        ),
        Unread::CutOff => malformed("请求没有传完", "the body was cut off"),
    })?;
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|_| malformed("请求不是 JSON", "the body is not JSON"))?;
    if !value.is_object() {
        return Err(malformed(
            "请求须为一个 JSON 对象；不接受批量请求",
            "the body is not a JSON object; batches are not taken",
        ));
    }
    serde_json::from_value(value).map_err(|_| {
        malformed(
            "query 必填且为字符串，operationName 为字符串，variables 与 extensions 为对象",
            "`query` is a string that must be there, `operationName` a string, `variables` and `extensions` objects",
        )
    })
}

impl Call {
    async fn run(self, params: Params, may_change: bool) -> Response {
        let prepared = match prepare(params, may_change, self.app.config.introspection) {
            Ok(prepared) => prepared,
            Err(refusal) => return self.refused(&refusal),
        };
        // Caught here rather than further out, so that the answer has the media type that was agreed upon.
        let caught = AssertUnwindSafe(self.execute(prepared)).catch_unwind().await;
        caught.unwrap_or_else(|panic| self.failed(panicked(panic.as_ref())))
    }

    async fn execute(&self, Prepared { request, missing }: Prepared) -> Response {
        if let Some(at) = missing {
            // This validates, and then resolves nothing of ours.
            let validated = self.app.schema.execute(request.only_introspection()).await;
            if validated.errors.iter().any(|it| !it.locations.is_empty()) {
                return self.answer(validated);
            }
            let mut refusal =
                malformed("缺少必需的变量", "a variable that must be given is missing or null");
            refusal.at = Some(at);
            return self.refused(&refusal);
        }
        let viewer = match viewer(&self.app, self.asked, &self.headers, self.peer).await {
            Ok(viewer) => viewer,
            Err(failure) => return self.failed(failure),
        };
        let executed = self.app.schema.execute(request.data(viewer));
        // What is under way when the time is up is dropped, and with it its transaction.
        match tokio::time::timeout(self.app.config.request_timeout(), executed).await {
            Ok(response) => self.answer(response),
            Err(_) => self.refused(&refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "INTERNAL_SERVER_ERROR",
                "处理超时；如有更改，请核实是否已生效",
                "this took too long; if it was to change something, look whether it did",
            )),
        }
    }

    fn refused(&self, refusal: &Refusal) -> Response {
        let mut message = self.asked.lang.pick(refusal.words.0, refusal.words.1).to_owned();
        let mut error = json!({
            "extensions": { "code": refusal.code, "requestId": self.asked.id.to_string() },
        });
        if let Some(at) = refusal.at {
            message = format!("{message} ({}:{})", at.line, at.column);
            error["locations"] = json!([{ "line": at.line, "column": at.column }]);
        }
        error["message"] = message.into();
        let mut response = self.errors(refusal.status, &json!([error]));
        if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }

    /// A failure before anything is executed.
    fn failed(&self, failure: Failure) -> Response {
        let status = status_of(&failure);
        let error = async_graphql::Error::from(failure).into_server_error(Pos::default());
        let mut response = GraphQlResponse::from_errors(vec![error]);
        response = publish(response, self.asked.lang, self.asked.id);
        response.errors.iter_mut().for_each(|it| it.locations.clear());
        self.errors(status, &serde_json::to_value(&response.errors).unwrap_or_default())
    }

    fn errors(&self, status: StatusCode, errors: &Value) -> Response {
        // To clients of the older media type a request is 200 if it is one, whatever comes of it.
        let is_request = errors[0]["extensions"]["code"] != "BAD_USER_INPUT"
            || errors[0]["locations"].is_array();
        let status = match (self.media, status) {
            (Media::Json, StatusCode::BAD_REQUEST) if is_request => StatusCode::OK,
            (_, status) => status,
        };
        let body = json!({ "errors": errors }).to_string();
        (status, [(header::CONTENT_TYPE, self.media.name())], body).into_response()
    }

    fn answer(&self, response: GraphQlResponse) -> Response {
        let response = publish(response, self.asked.lang, self.asked.id);
        let not_executed = response.data == async_graphql::Value::Null
            && !response.errors.is_empty()
            && response.errors.iter().all(|it| it.path.is_empty());
        let value = serde_json::to_value(&response).unwrap_or_default();
        if not_executed {
            return self.errors(StatusCode::BAD_REQUEST, &value["errors"]);
        }
        (StatusCode::OK, [(header::CONTENT_TYPE, self.media.name())], value.to_string())
            .into_response()
    }
}

/// Parses and bounds a document, and finds out what its operation does.
fn prepare(params: Params, may_change: bool, introspection: bool) -> Result<Prepared, Refusal> {
    let about = |code, (chinese, english)| refuse(StatusCode::BAD_REQUEST, code, chinese, english);
    let document = parse(&params.query)?;
    let variables = Variables::from_json(Value::Object(params.variables.unwrap_or_default()));
    limits::check(&document, &variables).map_err(|excess| about(excess.code(), excess.words()))?;
    let name = params.operation_name.filter(|it| !it.is_empty());
    let operation = limits::operation(&document, name.as_deref()).ok_or_else(|| {
        about(
            "GRAPHQL_VALIDATION_FAILED",
            (
                "没有此操作，或不清楚是哪一个：请给出 operationName",
                "no operation, or not clear which: give `operationName`",
            ),
        )
    })?;
    if !may_change && operation.node.ty != OperationType::Query {
        return Err(refuse(
            StatusCode::METHOD_NOT_ALLOWED,
            "BAD_USER_INPUT",
            "GET 只能查询，其余请用 POST",
            "only queries go by GET; send the rest by POST",
        ));
    }
    if operation.node.ty == OperationType::Subscription {
        return Err(about(
            "GRAPHQL_VALIDATION_FAILED",
            ("订阅请连接 /graphql/ws", "subscriptions go by /graphql/ws"),
        ));
    }
    if !introspection && limits::introspects(&document) {
        return Err(about(
            "GRAPHQL_VALIDATION_FAILED",
            ("不开放内省", "introspection is turned off"),
        ));
    }
    let missing = limits::missing(&operation.node, &variables);
    let mut request = Request::new(params.query);
    request.operation_name = name;
    request.variables = variables;
    // Nothing is made of these yet.
    drop(params.extensions);
    request.set_parsed_query(document);
    Ok(Prepared { request, missing })
}

fn parse(text: &str) -> Result<ExecutableDocument, Refusal> {
    if text.len() > limits::LONGEST {
        return Err(refuse(
            StatusCode::BAD_REQUEST,
            "QUERY_TOO_COMPLEX",
            "查询文档不得超过 20 KB",
            "a document is at most 20 KB",
        ));
    }
    async_graphql::parser::parse_query(text).map_err(|error| {
        let mut refusal = refuse(
            StatusCode::BAD_REQUEST,
            "GRAPHQL_PARSE_FAILED",
            "查询文档有语法错误",
            "the document does not parse",
        );
        refusal.at = ServerError::from(error).locations.first().copied();
        refusal
    })
}
