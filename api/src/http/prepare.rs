//! What comes before an operation is executed, by whatever way it came: the document is parsed and bounded.

use std::sync::Arc;

use async_graphql::{
    Pos, Request, Response, ServerError, Variables,
    parser::types::{ExecutableDocument, OperationType},
};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Asked, limits};
use crate::{app::App, error::Failure, graphql::publish, schema};

/// The largest body of a request, and the largest message of a socket, in bytes.
pub(super) const LARGEST: usize = 256 * 1024;

/// By which way an operation came, which bounds what it may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Get,
    Post,
    Socket,
}

/// What a client sends.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Params {
    #[serde(default)]
    pub(super) query: Option<String>,
    /// The SHA-256 of a document that is known here, in the place of `query`.
    #[serde(default)]
    pub(super) document_id: Option<String>,
    #[serde(default)]
    pub(super) operation_name: Option<String>,
    #[serde(default)]
    pub(super) variables: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) extensions: Option<Map<String, Value>>,
}

impl Params {
    /// Whether there is anything that could be a document.
    pub(super) fn mean_something(&self) -> bool {
        self.query.is_some()
            || self.document_id.is_some()
            || self.extension("persistedQuery").is_some()
    }

    pub(super) fn extension(&self, name: &str) -> Option<&Value> {
        self.extensions.as_ref()?.get(name)
    }
}

/// Why a request is not executed: in Chinese, in English, and where in the document.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    code: &'static str,
    words: (&'static str, &'static str),
    at: Option<Pos>,
}

pub(super) fn refuse(
    status: StatusCode,
    code: &'static str,
    chinese: &'static str,
    english: &'static str,
) -> Refusal {
    Refusal { status, code, words: (chinese, english), at: None }
}

pub(super) fn malformed(chinese: &'static str, english: &'static str) -> Refusal {
    refuse(StatusCode::BAD_REQUEST, "BAD_USER_INPUT", chinese, english)
}

/// What is said of a variable that must have a value and has none.
pub(super) fn missing(at: Pos) -> Refusal {
    let refusal = malformed("缺少必需的变量", "a variable that must be given is missing or null");
    Refusal { at: Some(at), ..refusal }
}

/// What is said when the time of an operation is up. What was under way is dropped, and with it its transaction.
pub(super) fn too_late() -> Refusal {
    refuse(
        StatusCode::SERVICE_UNAVAILABLE,
        "INTERNAL_SERVER_ERROR",
        "处理超时；如有更改，请核实是否已生效",
        "this took too long; if it was to change something, look whether it did",
    )
}

impl Refusal {
    /// The error as clients get it.
    pub(super) fn error(&self, asked: Asked) -> Value {
        let mut message = asked.lang.pick(self.words.0, self.words.1).to_owned();
        let mut error = json!({
            "extensions": { "code": self.code, "requestId": asked.id.to_string() },
        });
        if let Some(at) = self.at {
            message = format!("{message} ({}:{})", at.line, at.column);
            error["locations"] = json!([{ "line": at.line, "column": at.column }]);
        }
        error["message"] = message.into();
        error
    }
}

/// A failure before anything is executed, as clients get it: an array of one error.
pub(super) fn failed(failure: Failure, asked: Asked) -> Value {
    let error = async_graphql::Error::from(failure).into_server_error(Pos::default());
    let mut response = publish(Response::from_errors(vec![error]), asked.lang, asked.id);
    response.errors.iter_mut().for_each(|it| it.locations.clear());
    serde_json::to_value(&response.errors).unwrap_or_default()
}

/// A request that can be executed.
pub(super) struct Prepared {
    pub(super) request: Request,
    /// A variable that must be there and is not. Only a document that is in order otherwise is refused for it.
    pub(super) missing: Option<Pos>,
    pub(super) is_subscription: bool,
    /// Whether it does nothing but what is done at a door.
    pub(super) is_of_a_door: bool,
    /// What it costs, where that was asked for.
    pub(super) cost: Option<usize>,
}

/// Tells what an operation cost, to whoever asked for that.
pub(super) fn tell_cost(response: &mut Response, cost: Option<usize>) {
    if let Some(cost) = cost {
        let told = async_graphql::value!({ "requested": cost, "most": schema::DEAREST });
        response.extensions.insert("cost".to_owned(), told);
    }
}

/// Finds, parses and bounds a document, and finds out what its operation does.
pub(super) fn prepare(app: &App, params: Params, by: By) -> Result<Prepared, Refusal> {
    let about = |code, (chinese, english)| refuse(StatusCode::BAD_REQUEST, code, chinese, english);
    let meant = app.documents.meant(&params)?;
    let document = match app.documents.parsed(&meant) {
        Some(document) => document,
        None => Arc::new(parse(&meant.text)?),
    };
    let tells_cost = params.extension("cost").is_some_and(|it| *it == true);
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
    let kind = operation.node.ty;
    if by == By::Get && kind != OperationType::Query {
        return Err(refuse(
            StatusCode::METHOD_NOT_ALLOWED,
            "BAD_USER_INPUT",
            "GET 只能查询，其余请用 POST",
            "only queries go by GET; send the rest by POST",
        ));
    }
    let is_subscription = kind == OperationType::Subscription;
    if is_subscription && by != By::Socket {
        return Err(about(
            "GRAPHQL_VALIDATION_FAILED",
            ("订阅请连接 /graphql/ws", "subscriptions go by /graphql/ws"),
        ));
    }
    if is_subscription && limits::roots(&document, &operation.node.selection_set.node) != 1 {
        return Err(about(
            "GRAPHQL_VALIDATION_FAILED",
            ("一个订阅只能有一个根字段", "a subscription selects one root field"),
        ));
    }
    if !app.config.outside.introspection() && limits::introspects(&document) {
        return Err(about(
            "GRAPHQL_VALIDATION_FAILED",
            ("不开放内省", "introspection is turned off"),
        ));
    }
    let missing = limits::missing(&operation.node, &variables);
    let is_of_a_door = limits::is_of_a_door(&operation.node);
    let cost = if tells_cost {
        let cost = limits::cost(&document, &variables, &operation.node);
        Some(cost.map_err(|excess| about(excess.code(), excess.words()))?)
    } else {
        None
    };
    app.documents.keep(&meant, &document);
    let mut request = Request::new(&*meant.text);
    request.operation_name = name;
    request.variables = variables;
    request.set_parsed_query(Arc::unwrap_or_clone(document));
    Ok(Prepared { request, missing, is_subscription, is_of_a_door, cost })
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
