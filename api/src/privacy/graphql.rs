//! What is a person's own, as GraphQL shows it.

mod consent;
mod own;
mod retention;

pub use self::{consent::*, own::*, retention::*};
