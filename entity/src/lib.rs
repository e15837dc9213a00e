//! Rows as they are stored. Knows nothing of GraphQL, rules or requests.
#![forbid(unsafe_code)]

pub mod id;

pub mod account;
pub mod activity;
pub mod answer;
pub mod answer_file;
pub mod attendance;
pub mod attendee_code;
pub mod attendee_limit;
pub mod audit_event;
pub mod bulk_act;
pub mod bulk_row;
pub mod capacity_pool;
pub mod category;
pub mod consent;
pub mod decision;
pub mod export;
pub mod export_chunk;
pub mod export_view;
pub mod form_reply;
pub mod hook_event;
pub mod idempotency_key;
pub mod job;
pub mod message;
pub mod message_template;
pub mod notice;
pub mod organisation;
pub mod person;
pub mod person_term;
pub mod position;
pub mod programme;
pub mod question;
pub mod refresh_token;
pub mod registration;
pub mod role_grant;
pub mod roster_batch;
pub mod roster_row;
pub mod scan;
pub mod self_registration;
pub mod session;
pub mod sign_in;
pub mod ticket_revocation;
pub mod ticket_secret;
pub mod upload;
pub mod webhook;
