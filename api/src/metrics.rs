//! What `GET /metrics` tells, in Prometheus text.

use std::sync::atomic::AtomicU64;

use chrono::{DateTime, Utc};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::job::Queue;

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
    jobs_due: Gauge,
    jobs_oldest: Gauge,
    jobs_failed: Gauge,
    watchers: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("qinglan");
        let requests = Family::default();
        registry.register("http_requests", "Answered requests", requests.clone());
        let statements = Gauge::default();
        registry.register("sql_statements", "Statements sent to the database", statements.clone());
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let jobs_due = gauge("jobs_due", "Background jobs that are due and not begun");
        let jobs_oldest = gauge("jobs_oldest_due_seconds", "For how long the first of them is due");
        let jobs_failed = gauge("jobs_failed", "Background jobs that were given up");
        let watchers = gauge("subscriptions", "Subscriptions that run");
        Self { registry, requests, statements, jobs_due, jobs_oldest, jobs_failed, watchers }
    }
}

impl Metrics {
    /// Takes down how the queue of jobs is.
    pub fn queue(&self, queue: &Queue, now: DateTime<Utc>) {
        let waits = queue.oldest.map_or(0, |it| (now - it).num_seconds().max(0));
        self.jobs_due.set(queue.due);
        self.jobs_oldest.set(waits);
        self.jobs_failed.set(queue.failed);
    }

    /// All of it, with the statements and the subscriptions as they are counted elsewhere.
    pub fn text(&self, statements: u64, watchers: usize) -> Result<String, std::fmt::Error> {
        self.statements.set(statements);
        self.watchers.set(i64::try_from(watchers).unwrap_or(i64::MAX));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
