//! What is a person's own, as GraphQL shows it.

mod consent;
mod retention;

pub use self::{consent::*, retention::*};
