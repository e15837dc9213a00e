//! All integration tests of the service, in one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(unreachable_pub, reason = "the modules of a test binary have no outside")]

mod access;
mod app;
mod attendance;
mod attendee;
mod bulk;
mod capacity;
mod command;
mod contract;
mod crash;
mod day;
mod demo;
mod device;
mod door;
mod fixture;
mod form;
mod form_at_once;
mod gates;
mod http;
mod job;
mod life;
mod lists;
mod manifest;
mod muddle;
mod outbox;
mod queries;
mod roster;
mod schema;
mod scope;
mod seats;
mod series;
mod server;
mod sign_in;
mod sync;
mod template;
mod ticket;
mod tidy;
mod walk_in;
