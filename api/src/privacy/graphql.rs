//! What is a person's own, as GraphQL shows it.

mod consent;
mod own;
mod request;
mod retention;
mod transfer;

pub use self::{consent::*, own::*, request::*, retention::*, transfer::*};
