//! Keys by which other systems act for an account.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, TABLE).await
    }
}

const TABLE: &str = "
CREATE TABLE api_key (
  id ID PRIMARY KEY,
  account_id ID NOT NULL REFERENCES account,
  name TEXT NOT NULL,
  hash BYTES NOT NULL UNIQUE,
  begins TEXT NOT NULL,
  scopes JSON NOT NULL,
  created_at INSTANT NOT NULL,
  expires_at INSTANT NOT NULL,
  last_used_at INSTANT,
  revoked_at INSTANT
);
CREATE INDEX api_key_account ON api_key (account_id, id);
";
