//! Qinglan (青蓝): the event and training service of a federation of industry and commerce.
//!
//! Modules in reading order; ARCHITECTURE.md walks through them.
#![forbid(unsafe_code)]
// Async-graphql 7 nests one future in another for each of the merged roots.
#![recursion_limit = "512"]

pub mod config;
pub mod connector;

pub mod app;
pub mod authn;
pub mod authz;
pub mod can;
pub mod channel;
pub mod db;
pub mod digest;
pub mod error;
pub mod form;
pub mod graphql;
pub mod housekeeping;
pub mod http;
pub mod load;
pub mod log;
pub mod mask;
pub mod metrics;
pub mod node;
pub mod page;
pub mod qr;
pub mod schema;
mod secret_file;
pub mod text;
pub mod vault;
pub mod write;
pub mod year;

pub mod account;
pub mod activity;
pub mod attendance;
pub mod attendee;
pub mod audit;
pub mod capacity;
pub mod certificate;
pub mod class;
pub mod credit;
pub mod demo;
pub mod device;
pub mod export;
pub mod job;
pub mod leave;
pub mod live;
pub mod organisation;
pub mod outbox;
pub mod person;
pub mod privacy;
pub mod programme;
pub mod registration;
pub mod roster;
pub mod self_check_in;
pub mod session;
pub mod ticket;
