//! How an operation can fail: refused by a rule of the domain, or otherwise.

use std::{fmt, ops::Deref, sync::Arc};

use sea_orm::DbErr;

use crate::authz::Duty;

/// The language of messages to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Lang {
    #[default]
    Zh,
    En,
}

impl Lang {
    #[must_use]
    pub fn pick(self, zh: &'static str, en: &'static str) -> &'static str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

/// A write is refused by rules that the user can act on, or fails. Refusals come all at once.
#[derive(Debug)]
pub enum Error<C> {
    Refused(Vec<Refused<C>>),
    Failed(Failure),
}

/// One rule that was not kept: which, and where in the input.
#[derive(Clone, Debug)]
pub struct Refused<C> {
    pub code: C,
    /// The way to the input at fault, from `input` on.
    pub path: Vec<String>,
    /// What the message speaks of, put in place of its `{}`.
    pub about: String,
}

/// The codes of one mutation's refusals. Made by [`refusals!`](crate::refusals).
pub trait Refusal: Copy + Send + Sync + 'static {
    /// What to tell the user.
    fn message(self, lang: Lang) -> &'static str;

    /// This refusal, at a place in the input.
    fn at<S: Into<String>>(self, path: impl IntoIterator<Item = S>) -> Refused<Self> {
        let path = std::iter::once("input".to_owned()).chain(path.into_iter().map(Into::into));
        Refused { code: self, path: path.collect(), about: String::new() }
    }
}

impl<C> Refused<C> {
    /// Says what the message is about.
    #[must_use]
    pub fn about(mut self, what: impl ToString) -> Self {
        self.about = what.to_string();
        self
    }
}

/// Everything that is no rule of the domain. Reads fail only this way.
#[derive(Clone, Debug)]
pub enum Failure {
    Unauthenticated,
    Forbidden,
    /// Signed in, but something has to be done first.
    Owes(Duty),
    NotFound,
    /// The request is not well-formed in a way that its author can mend: said in Chinese and English.
    BadInput(&'static str, &'static str),
    /// The same key with another input, or a rival change.
    Conflict(&'static str, &'static str),
    /// Asked too often: after how many seconds it may be tried again.
    RateLimited(u64),
    Db(Said),
    /// Something that must not happen did; the text is for the log only.
    Internal(String),
}

impl<C> From<Refused<C>> for Error<C> {
    fn from(refused: Refused<C>) -> Self {
        Self::Refused(vec![refused])
    }
}

impl<C: Refusal> From<C> for Error<C> {
    fn from(code: C) -> Self {
        Self::Refused(vec![code.at::<String>([])])
    }
}

impl<C> From<Failure> for Error<C> {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl<C> From<DbErr> for Error<C> {
    fn from(error: DbErr) -> Self {
        Self::Failed(error.into())
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        if crate::db::is_rivalry(&error) {
            return Self::Conflict(
                "有人正在更改同样的内容，请重试",
                "somebody is changing the same thing; try again",
            );
        }
        Self::Db(Said(Arc::new(error)))
    }
}

impl std::error::Error for Failure {}

/// What a database said.
#[derive(Clone)]
pub struct Said(Arc<DbErr>);

impl Deref for Said {
    type Target = DbErr;

    fn deref(&self) -> &DbErr {
        &self.0
    }
}

/// For the log. What it said of the row at fault is left out: that names people.
impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Failure {
    pub fn internal(what: impl ToString) -> Self {
        Self::Internal(what.to_string())
    }
}

/// Passes on what was refused, if anything was.
pub fn refuse_if_any<C>(refused: Vec<Refused<C>>) -> Result<(), Error<C>> {
    if refused.is_empty() { Ok(()) } else { Err(Error::Refused(refused)) }
}

/// Makes the enum of one mutation's refusals and the type that carries them in its payload.
///
/// Each line is a code, what it means (the schema's description), and the message in Chinese and English, in which
/// `{}` stands for what it is about.
#[macro_export]
macro_rules! refusals {
    ($(#[$doc:meta])* $code:ident, $error:ident { $($(#[$vdoc:meta])* $variant:ident = $zh:literal, $en:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, async_graphql::Enum)]
        pub enum $code {
            $($(#[$vdoc])* $variant,)*
        }

        impl $crate::error::Refusal for $code {
            fn message(self, lang: $crate::error::Lang) -> &'static str {
                match self {
                    $(Self::$variant => lang.pick($zh, $en),)*
                }
            }
        }

        /// One thing that the user can mend.
        #[derive(Clone, Debug, async_graphql::SimpleObject)]
        pub struct $error {
            /// Which rule was not kept.
            pub code: $code,
            /// What to tell the user, in the language of the request.
            pub message: String,
            /// The way to the input at fault, as in `["input", "person", "phone"]`.
            pub path: Vec<String>,
        }

        impl $crate::graphql::UserError for $error {
            type Code = $code;
            fn show(refused: $crate::error::Refused<$code>, lang: $crate::error::Lang) -> Self {
                let message = $crate::error::Refusal::message(refused.code, lang).replace("{}", &refused.about);
                Self { code: refused.code, message, path: refused.path }
            }
        }
    };
}
