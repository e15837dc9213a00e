//! All integration tests of the service, in one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(unreachable_pub, reason = "the modules of a test binary have no outside")]

mod access;
mod app;
mod contract;
mod door;
mod fixture;
mod queries;
mod schema;
mod scope;
mod sign_in;
mod tidy;
