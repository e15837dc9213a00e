//! The import contract, sentence by sentence, on lists made for it.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly, and so may what helps it")]
#![expect(clippy::format_push_string, clippy::format_collect, reason = "a test need not be fast")]

mod made;

mod cells;
mod exotic;
mod header;
mod kinds;
mod people;
mod refusals;
mod samples;
mod survival;
mod workbooks;
