//! Identities at other systems by which accounts are signed in to, and the ways to them that are under way.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, TABLES).await
    }
}

const TABLES: &str = "
ALTER TABLE sign_in ADD COLUMN provider TEXT;

CREATE TABLE linked_identity (
  id ID PRIMARY KEY,
  account_id ID NOT NULL REFERENCES account,
  provider TEXT NOT NULL,
  subject TEXT NOT NULL,
  created_at INSTANT NOT NULL,
  created_by ID REFERENCES account,
  UNIQUE (provider, subject)
);
CREATE INDEX linked_identity_account ON linked_identity (account_id, id);

CREATE TABLE provider_trip (
  state BYTES PRIMARY KEY,
  secret BYTES NOT NULL,
  provider TEXT NOT NULL,
  return_to TEXT NOT NULL,
  expires_at INSTANT NOT NULL,
  came_at INSTANT,
  code BYTES UNIQUE,
  subject TEXT,
  phone TEXT
);
CREATE INDEX provider_trip_expires ON provider_trip (expires_at);
";
