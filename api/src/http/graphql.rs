//! GraphQL over HTTP, as the specification has it. Async-graphql's own handler keeps little of it (design notes,
//! `graphql.md`): this one negotiates, reads a bounded body in bounded time, and chooses the status.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{Response as GraphQlResponse, ServerError};
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
    admitted, agent,
    body::{self, Unread},
    panicked,
    prepare::{
        By, LARGEST, Params, Prepared, Refusal, failed, malformed, missing, prepare, refuse,
        tell_cost, too_late,
    },
    status_of, viewer_at, wait_of,
};
use crate::{
    app::App,
    error::Failure,
    graphql::{Viewer, publish},
};

/// The same in the query of an address, where the maps are JSON texts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Address {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
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
        Ok(params) => Box::pin(call.run(params, By::Post)).await,
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
            query: it.query,
            document_id: it.document_id,
            operation_name: it.operation_name,
            variables: parsed(it.variables).ok()?,
            extensions: parsed(it.extensions).ok()?,
        })
    });
    match params {
        Some(params) => Box::pin(call.run(params, By::Get)).await,
        None => call.refused(&malformed(
            "地址中的 variables 与 extensions 须为 JSON 对象",
            "`variables` and `extensions` in the address are JSON objects",
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
            "query、documentId 与 operationName 为字符串，variables 与 extensions 为对象",
            "`query`, `documentId` and `operationName` are strings, `variables` and `extensions` objects",
        )
    })
}

impl Call {
    async fn run(self, params: Params, by: By) -> Response {
        // Caught here rather than further out, so that the answer has the media type that was agreed upon.
        let caught = AssertUnwindSafe(self.admit(params, by)).catch_unwind().await;
        match caught.unwrap_or_else(|panic| Err(panicked(panic.as_ref()))) {
            Ok(response) => response,
            Err(failure) => self.failed(failure),
        }
    }

    /// Before anything is made of a document it is counted whose it is: parsing one is work, too.
    async fn admit(&self, params: Params, by: By) -> Result<Response, Failure> {
        let now = self.app.now();
        let gate = admitted(&self.app, &self.headers, self.peer, now).await?;
        let prepared = prepare(&self.app, params, by);
        let is_of_a_door = prepared.as_ref().is_ok_and(|it| it.is_of_a_door);
        self.app.rates.count(&gate, is_of_a_door)?;
        Ok(match prepared {
            Ok(prepared) => {
                let viewer = viewer_at(&self.app, gate, self.asked, self.peer, now);
                let viewer = Viewer { agent: agent(&self.headers), ..viewer };
                self.execute(prepared, viewer).await
            }
            Err(refusal) => self.refused(&refusal),
        })
    }

    async fn execute(&self, prepared: Prepared, viewer: Viewer) -> Response {
        let Prepared { request, missing: absent, cost, .. } = prepared;
        if let Some(at) = absent {
            // This validates, and then resolves nothing of ours.
            let validated = self.app.schema.execute(request.only_introspection()).await;
            // Counting what a list costs already asks for its value, and misses it in these words.
            let misses =
                |text: &str| text.starts_with("Variable ") && text.ends_with(" is not defined.");
            let is_faulty = |it: &ServerError| !it.locations.is_empty() && !misses(&it.message);
            if validated.errors.iter().any(is_faulty) {
                return self.answer(validated);
            }
            return self.refused(&missing(at));
        }
        let executed = self.app.schema.execute(request.data(viewer));
        match tokio::time::timeout(self.app.config.request_timeout(), executed).await {
            Ok(mut response) => {
                tell_cost(&mut response, cost);
                self.answer(response)
            }
            Err(_) => self.refused(&too_late()),
        }
    }

    fn refused(&self, refusal: &Refusal) -> Response {
        let mut response = self.errors(refusal.status, &json!([refusal.error(self.asked)]));
        if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }

    /// A failure before anything is executed.
    fn failed(&self, failure: Failure) -> Response {
        let (status, wait) = (status_of(&failure), wait_of(&failure));
        let mut response = self.errors(status, &failed(failure, self.asked));
        response.headers_mut().extend(wait);
        response
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
        if not_executed {
            let errors = serde_json::to_value(&response.errors).unwrap_or_default();
            return self.errors(StatusCode::BAD_REQUEST, &errors);
        }
        let body = serde_json::to_vec(&response).unwrap_or_default();
        (StatusCode::OK, [(header::CONTENT_TYPE, self.media.name())], body).into_response()
    }
}
