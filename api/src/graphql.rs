//! What the domains' GraphQL share: public ids, the viewer, payloads, and the public face of errors.

use std::{borrow::Cow, fmt, sync::Arc};

use async_graphql::{
    Context, ID, InputType, InputValueError, InputValueResult, OutputType, Positioned, Response,
    ServerError, ServerResult, Value, context::ContextSelectionSet, dataloader::DataLoader,
    parser::types::Field, registry::Registry,
};
use chrono::{DateTime, Utc};
use entity::id::Id;
use uuid::Uuid;

use crate::{
    app::App,
    authz::{Duty, Gate},
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
    /// What the client calls itself, at most 300 characters of it.
    pub agent: Option<String>,
    pub db: Db,
    pub gate: Gate,
    pub app: Arc<App>,
    /// For a row that no list fetched ahead. Batches, never caches.
    pub load: DataLoader<Db>,
}

impl Viewer {
    #[must_use]
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
    pub(crate) fn face(&self, lang: Lang) -> (&'static str, &'static str) {
        match self {
            Self::Unauthenticated => ("UNAUTHENTICATED", lang.pick("请先登录", "sign in first")),
            Self::Forbidden => ("FORBIDDEN", lang.pick("没有权限", "not allowed")),
            Self::Owes(Duty::ChangePassword) => (
                "PASSWORD_CHANGE_REQUIRED",
                lang.pick("请先修改密码", "change your password first"),
            ),
            Self::Owes(Duty::EnrolSecondFactor) => (
                "SECOND_FACTOR_REQUIRED",
                lang.pick("请先启用两步验证", "set up the second factor first"),
            ),
            Self::NotFound => ("NOT_FOUND", lang.pick("不存在", "not found")),
            Self::BadInput(zh, en) => ("BAD_USER_INPUT", lang.pick(zh, en)),
            Self::Conflict(zh, en) => ("CONFLICT", lang.pick(zh, en)),
            Self::RateLimited(_) => (
                "RATE_LIMITED",
                lang.pick("请求过于频繁，请稍后再试", "too many requests; try again later"),
            ),
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
        let mut after = None;
        let code = match error.source::<Failure>() {
            Some(failure) => {
                if let Failure::RateLimited(seconds) = failure {
                    after = Some(*seconds);
                }
                if let Failure::Db(_) | Failure::Internal(_) = failure {
                    tracing::error!(%request_id, path = ?error.path, "{failure:?}");
                }
                let (code, message) = failure.face(lang);
                message.clone_into(&mut error.message);
                code
            }
            None if error.source.is_none() => {
                let (code, chinese) = kind_of(error);
                error.message = worded(&error.message, chinese, lang);
                code
            }
            None => {
                tracing::error!(%request_id, path = ?error.path, "unknown error: {}", error.message);
                let (code, message) = INTERNAL(lang);
                message.clone_into(&mut error.message);
                code
            }
        };
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", code);
        if let Some(seconds) = after {
            extensions.set("retryAfter", seconds);
        }
        extensions.set("requestId", request_id.to_string());
    }
    response
}

/// The code of one of async-graphql's own errors, which have words only, and what it is in Chinese.
///
/// A document is faulty by itself (`GRAPHQL_VALIDATION_FAILED`); a value is faulty wherever it stands, in the document or
/// in a variable (`BAD_USER_INPUT`), so that a client need not know when the server looks at it.
fn kind_of(error: &ServerError) -> (&'static str, &'static str) {
    const LIMITS: [&str; 4] = [
        "Query is too complex",
        "Query is nested too deep",
        "The recursion depth of the query",
        "The number of directives on the field",
    ];
    const VALUES: [&str; 4] = [
        "Invalid value for argument",
        "Invalid default value",
        "Failed to parse \"",
        "Expected input type \"",
    ];
    let begins_with = |all: &[&str]| all.iter().any(|it| error.message.starts_with(it));
    if begins_with(&LIMITS) {
        ("QUERY_TOO_COMPLEX", "查询过于复杂")
    } else if begins_with(&VALUES) || !error.path.is_empty() {
        ("BAD_USER_INPUT", "输入的值不合规范")
    } else {
        ("GRAPHQL_VALIDATION_FAILED", "查询文档不合规范")
    }
}

/// The words of async-graphql, which are English and repeat what they are about, however long that is.
fn worded(text: &str, chinese: &str, lang: Lang) -> String {
    const LONGEST: usize = 200;
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    match lang {
        Lang::Zh => format!("{chinese}：{short}"),
        Lang::En => short,
    }
}

/// Makes the payloads of mutations: the thing, and what the user can mend.
#[macro_export]
macro_rules! payloads {
    ($($(#[doc = $doc:literal])+ $name:ident { $field:ident: $node:ty, $error:ty })*) => {$(
        $(#[doc = $doc])+
        #[derive(async_graphql::SimpleObject)]
        pub struct $name {
            /// What was made or changed; null where it was refused.
            $field: Option<$node>,
            /// Why it was refused, all reasons at once; empty where it was done.
            user_errors: Vec<$error>,
        }
    )*};
}
