//! A person's own data: kept no longer than needed, given to whom it is of, and taken away.

mod requests;
mod retention;
mod transfers;
