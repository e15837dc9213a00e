//! Documents that clients name instead of sending them: trusted ones, which are known from the start, and those that a
//! client has sent before (automatic persisted queries).

use std::{collections::HashMap, sync::Arc};

use async_graphql::parser::types::ExecutableDocument;
use aws_lc_rs::digest::{SHA256, digest};
use axum::http::StatusCode;
use quick_cache::{Weighter, sync::Cache};
use serde_json::{Map, Value};

use super::prepare::{Params, Refusal, malformed, refuse};
use crate::config::Outside;

/// A SHA-256.
type Sum = [u8; 32];

/// How much is kept of what clients have sent, in bytes, and about how many documents that is.
const MOST: u64 = 8 << 20;
const ABOUT: usize = 4_096;

pub struct Documents {
    trusted: HashMap<Sum, Arc<str>>,
    trusted_only: bool,
    sent: Cache<Sum, Arc<str>, Length>,
    /// By their texts: a scan's takes as long to parse as to execute, and comes over and over.
    parsed: Cache<Arc<str>, Arc<ExecutableDocument>, Length>,
}

/// A document takes its length, and its key.
#[derive(Clone)]
struct Length;

impl Weighter<Sum, Arc<str>> for Length {
    fn weight(&self, _: &Sum, text: &Arc<str>) -> u64 {
        text.len() as u64 + 64
    }
}

/// What a document takes parsed, times the length of its text.
const PARSED: u64 = 16;

impl Weighter<Arc<str>, Arc<ExecutableDocument>> for Length {
    fn weight(&self, text: &Arc<str>, _: &Arc<ExecutableDocument>) -> u64 {
        text.len() as u64 * PARSED + 64
    }
}

/// The document that a request means.
pub(super) struct Meant {
    pub(super) text: Arc<str>,
    /// Under what it is kept once it is known to be in order.
    keep: Option<Sum>,
}

impl Documents {
    /// Reads the trusted documents. Each must be what its key says, and parse.
    pub fn open(config: &Outside) -> Result<Self, String> {
        let Some(path) = &config.trusted_documents else {
            if config.trusted_only {
                return Err("QINGLAN_TRUSTED_ONLY needs QINGLAN_TRUSTED_DOCUMENTS".to_owned());
            }
            return Ok(Self::with(HashMap::new(), false));
        };
        let wrong = |why: String| format!("QINGLAN_TRUSTED_DOCUMENTS: {}: {why}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let all: HashMap<String, String> = serde_json::from_str(&text).map_err(|error| {
            wrong(format!("not an object of documents by their SHA-256: {error}"))
        })?;
        let mut trusted = HashMap::with_capacity(all.len());
        for (key, text) in all {
            let sum = sum(&text);
            if read_sum(&key) != Some(sum) {
                return Err(wrong(format!("{key} is not the SHA-256 of its document")));
            }
            async_graphql::parser::parse_query(&text)
                .map_err(|error| wrong(format!("{key} does not parse: {error}")))?;
            trusted.insert(sum, text.into());
        }
        Ok(Self::with(trusted, config.trusted_only))
    }

    fn with(trusted: HashMap<Sum, Arc<str>>, trusted_only: bool) -> Self {
        Self {
            trusted,
            trusted_only,
            sent: Cache::with_weighter(ABOUT, MOST, Length),
            parsed: Cache::with_weighter(ABOUT, MOST, Length),
        }
    }

    /// The document that a request has, or names.
    pub(super) fn meant(&self, params: &Params) -> Result<Meant, Refusal> {
        let text = params.query.as_deref();
        let Some(named) = named(params)? else {
            let text = text.ok_or_else(nothing_meant)?;
            if self.trusted_only {
                return self.of_trusted(sum(text)).ok_or_else(not_trusted);
            }
            return Ok(Meant { text: text.into(), keep: None });
        };
        if text.is_some_and(|it| sum(it) != named) {
            return Err(malformed(
                "query 与其 SHA-256 不符",
                "`query` is not what its SHA-256 says",
            ));
        }
        if let Some(trusted) = self.of_trusted(named) {
            return Ok(trusted);
        }
        if self.trusted_only {
            return Err(not_trusted());
        }
        match (text, self.sent.get(&named)) {
            (_, Some(text)) => Ok(Meant { text, keep: None }),
            (Some(text), None) => Ok(Meant { text: text.into(), keep: Some(named) }),
            // Clients of the protocol go by these words, and send the text then.
            (None, None) => Err(refuse(
                StatusCode::BAD_REQUEST,
                "PERSISTED_QUERY_NOT_FOUND",
                "PersistedQueryNotFound",
                "PersistedQueryNotFound",
            )),
        }
    }

    /// A document as it was parsed a while ago.
    pub(super) fn parsed(&self, meant: &Meant) -> Option<Arc<ExecutableDocument>> {
        self.parsed.get(&meant.text)
    }

    /// Keeps a document that is in order, as a client will name it or send it again.
    pub(super) fn keep(&self, meant: &Meant, document: &Arc<ExecutableDocument>) {
        if let Some(sum) = meant.keep {
            self.sent.insert(sum, meant.text.clone());
        }
        if self.parsed.peek(&meant.text).is_none() {
            self.parsed.insert(meant.text.clone(), document.clone());
        }
    }

    fn of_trusted(&self, sum: Sum) -> Option<Meant> {
        Some(Meant { text: self.trusted.get(&sum)?.clone(), keep: None })
    }
}

/// What a request calls its document: by `documentId`, or by the extension `persistedQuery`.
fn named(params: &Params) -> Result<Option<Sum>, Refusal> {
    let wrong = || {
        malformed(
            "documentId 与 persistedQuery.sha256Hash 须为 64 位十六进制的 SHA-256，persistedQuery.version 须为 1",
            "`documentId` and `persistedQuery.sha256Hash` are the 64 hexadecimal digits of a SHA-256, and `persistedQuery.version` is 1",
        )
    };
    if let Some(id) = &params.document_id {
        return read_sum(id.strip_prefix("sha256:").unwrap_or(id)).map(Some).ok_or_else(wrong);
    }
    let Some(persisted) =
        params.extensions.as_ref().and_then(|it: &Map<String, Value>| it.get("persistedQuery"))
    else {
        return Ok(None);
    };
    let hash = persisted["sha256Hash"].as_str().filter(|_| persisted["version"] == 1);
    hash.and_then(read_sum).map(Some).ok_or_else(wrong)
}

fn nothing_meant() -> Refusal {
    malformed(
        "须有 query、documentId 或 persistedQuery",
        "`query`, `documentId` or `persistedQuery` must be there",
    )
}

fn not_trusted() -> Refusal {
    refuse(
        StatusCode::BAD_REQUEST,
        "DOCUMENT_NOT_TRUSTED",
        "此服务只执行登记过的操作",
        "only documents that were made known are executed here",
    )
}

fn sum(text: &str) -> Sum {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    sum
}

fn read_sum(text: &str) -> Option<Sum> {
    let mut sum = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 2 * sum.len() {
        return None;
    }
    for (byte, pair) in sum.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(sum)
}
