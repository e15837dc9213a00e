//! What the domains' GraphQL share: public ids, the viewer, payloads, and the public face of errors.

use std::{borrow::Cow, fmt, sync::Arc};

use async_graphql::{
    Context, ID, InputType, InputValueError, InputValueResult, OutputType, Positioned, Response,
    ServerResult, Value, context::ContextSelectionSet, dataloader::DataLoader,
    parser::types::Field, registry::Registry,
};
use chrono::{DateTime, Utc};
use entity::id::Id;
use uuid::Uuid;

use crate::{
    app::App,
    authz::Gate,
    db::Db,
    error::{Error, Failure, Lang, Refusal, Refused},
};

/// An id as clients see it: `session_0198…`. An id of another kind is refused where it is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Gid<T>(pub T);

impl<T: Id> Gid<T> {
    /// The id that `text` names, if it is one of this kind.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let hex = text.strip_prefix(T::PREFIX)?.strip_prefix('_')?;
        // Only the one form that is given out: other spellings of a UUID would be other ids of the same thing.
        (hex.len() == 32)
            .then(|| Uuid::try_parse(hex).ok())
            .flatten()
            .map(|uuid| Self(T::from_uuid(uuid)))
    }
}

impl<T: Id> fmt::Display for Gid<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", T::PREFIX, self.0.uuid().simple())
    }
}

impl<T: Id> InputType for Gid<T> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <ID as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let id = ID::parse(value).map_err(InputValueError::propagate)?;
        Self::decode(&id)
            .ok_or_else(|| InputValueError::custom(format!("not the id of a {}", T::PREFIX)))
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

impl<T: Id> OutputType for Gid<T> {
    fn type_name() -> Cow<'static, str> {
        <ID as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as OutputType>::create_type_info(registry)
    }

    async fn resolve(
        &self,
        _: &ContextSelectionSet<'_>,
        _: &Positioned<Field>,
    ) -> ServerResult<Value> {
        Ok(Value::String(self.to_string()))
    }
}

/// Who asks, when, from where and in which language, and all that a resolver may ask in turn.
pub struct Viewer {
    /// One request has one instant.
    pub now: DateTime<Utc>,
    pub request_id: Uuid,
    pub lang: Lang,
    pub address: Option<String>,
    pub db: Db,
    pub gate: Gate,
    pub app: Arc<App>,
    /// For a row that no list fetched ahead. Batches, never caches.
    pub load: DataLoader<Db>,
}

impl Viewer {
    pub fn of<'a>(ctx: &Context<'a>) -> &'a Self {
        ctx.data_unchecked()
    }
}

/// Whether a field is selected of the things of the connection that is being resolved, so that it is fetched ahead.
#[must_use]
pub fn wants(ctx: &Context<'_>, field: &str) -> bool {
    let ahead = ctx.look_ahead();
    ahead.field("nodes").field(field).exists()
        || ahead.field("edges").field("node").field(field).exists()
}

/// The error type of one mutation's payload; see [`refusals!`](crate::refusals).
pub trait UserError: Sized {
    type Code: Refusal;
    fn show(refused: Refused<Self::Code>, lang: Lang) -> Self;
}

/// Splits the outcome of a write into the two parts of its payload.
pub fn settle<T, E: UserError>(
    outcome: Result<T, Error<E::Code>>,
    lang: Lang,
) -> Result<(Option<T>, Vec<E>), Failure> {
    match outcome {
        Ok(done) => Ok((Some(done), Vec::new())),
        Err(Error::Refused(all)) => {
            Ok((None, all.into_iter().map(|it| E::show(it, lang)).collect()))
        }
        Err(Error::Failed(failure)) => Err(failure),
    }
}

impl Failure {
    /// The code and the message that a client sees. What is not the client's is hidden.
    fn face(&self, lang: Lang) -> (&'static str, &'static str) {
        match self {
            Self::Unauthenticated => ("UNAUTHENTICATED", lang.pick("请先登录", "sign in first")),
            Self::Forbidden => ("FORBIDDEN", lang.pick("没有权限", "not allowed")),
            Self::NotFound => ("NOT_FOUND", lang.pick("不存在", "not found")),
            Self::BadInput(zh, en) => ("BAD_USER_INPUT", lang.pick(zh, en)),
            Self::Conflict(zh, en) => ("CONFLICT", lang.pick(zh, en)),
            Self::Db(_) | Self::Internal(_) => INTERNAL(lang),
        }
    }
}

#[expect(non_snake_case, reason = "reads as the constant pair it is")]
fn INTERNAL(lang: Lang) -> (&'static str, &'static str) {
    ("INTERNAL_SERVER_ERROR", lang.pick("服务器内部错误", "internal error"))
}

/// For async-graphql's `?`; clients see [`publish`]'s words instead.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.face(Lang::En).1)
    }
}

/// Gives every error its public face: a code, a message in the client's language, the request's id.
/// What is not known here is logged and hidden.
pub fn publish(mut response: Response, lang: Lang, request_id: Uuid) -> Response {
    const MOST: usize = 10;
    response.errors.truncate(MOST);
    for error in &mut response.errors {
        let code = match error.source::<Failure>() {
            Some(failure) => {
                if let Failure::Db(_) | Failure::Internal(_) = failure {
                    tracing::error!(%request_id, path = ?error.path, "{failure:?}");
                }
                let (code, message) = failure.face(lang);
                message.clone_into(&mut error.message);
                code
            }
            // Async-graphql's own: a faulty document without a path, a faulty value with one.
            None if error.source.is_none() && error.path.is_empty() => "GRAPHQL_VALIDATION_FAILED",
            None if error.source.is_none() => "BAD_USER_INPUT",
            None => {
                tracing::error!(%request_id, path = ?error.path, "unknown error: {}", error.message);
                let (code, message) = INTERNAL(lang);
                message.clone_into(&mut error.message);
                code
            }
        };
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", code);
        extensions.set("requestId", request_id.to_string());
    }
    response
}
