//! A person's own data (个人信息保护法): what they agreed to and took back, how long data are kept, what they get of their own,
//! and to whom it was handed.

pub mod consent;
pub mod due;
pub mod erase;
pub mod graphql;
pub mod own;
pub mod purge;
pub mod request;
pub mod retention;
pub mod transfer;
