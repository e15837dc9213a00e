//! All integration tests of the service, in one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(unreachable_pub, reason = "the modules of a test binary have no outside")]

mod app;
mod capacity;
mod command;
mod crash;
mod day;
mod door;
mod lists;
mod roster;
mod server;
