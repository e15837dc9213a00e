//! What a client may say, and what is said at the end of a socket.

use axum::extract::ws::CloseFrame;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::prepare::Params;

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client is gone, or does not answer: there is nobody to be told.
    Gone,
    Away,
    TooLarge,
    Internal,
    Invalid,
    Unauthorised,
    Forbidden,
    Protocol,
    InitTimeout,
    Duplicate,
    InitTwice,
}

impl End {
    /// The code, and the reason, which has at most 123 bytes.
    pub(super) fn frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Gone => return None,
            Self::Away => (1001, "The server stops"),
            Self::TooLarge => (1009, "A message is at most 256 KiB"),
            Self::Internal => (1011, "Internal error"),
            Self::Invalid => (4400, "Invalid message"),
            Self::Unauthorised => (4401, "Unauthorized"),
            Self::Forbidden => (4403, "Forbidden"),
            Self::Protocol => (4406, "Subprotocol not acceptable"),
            Self::InitTimeout => (4408, "Connection initialisation timeout"),
            Self::Duplicate => (4409, "Subscriber for this id already exists"),
            Self::InitTwice => (4429, "Too many initialisation requests"),
        };
        Some(CloseFrame { code, reason: reason.into() })
    }
}

/// What a client says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Heard {
    ConnectionInit {
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    Ping {
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    Pong {},
    Subscribe {
        id: String,
        payload: Params,
    },
    Complete {
        id: String,
    },
}
