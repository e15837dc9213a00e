//! What `GET /metrics` tells, in Prometheus text.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// One kind of answered request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    /// The route, not the path: `/exports/{id}`.
    pub route: String,
    pub status: u16,
}

pub struct Metrics {
    registry: Registry,
    pub requests: Family<Request, Counter>,
    statements: Gauge<u64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("qinglan");
        let requests = Family::default();
        registry.register("http_requests", "Answered requests", requests.clone());
        let statements = Gauge::default();
        registry.register("sql_statements", "Statements sent to the database", statements.clone());
        Self { registry, requests, statements }
    }
}

impl Metrics {
    /// All of it, with the statements as they are counted elsewhere.
    pub fn text(&self, statements: u64) -> Result<String, std::fmt::Error> {
        self.statements.set(statements);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
