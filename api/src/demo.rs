//! A year of a synthetic federation, the same each time.

use crate::db::Db;

/// Fills an empty database.
pub async fn fill(_db: &Db, _organisation: &str) -> Result<(), Box<dyn std::error::Error>> {
    Err("not yet".into())
}
