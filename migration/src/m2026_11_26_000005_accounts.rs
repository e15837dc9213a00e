//! Passwords of before, attempts that were counted, sign-ins that end by themselves, second factors, and the keys that sign
//! tokens.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, TABLES).await
    }
}

// Whoever was signed in signs in once more: their sign-ins had no end.
const TABLES: &str = "
ALTER TABLE account ADD COLUMN must_change boolean NOT NULL DEFAULT false;

CREATE TABLE past_password (
  id ID PRIMARY KEY,
  account_id ID NOT NULL REFERENCES account,
  hash TEXT NOT NULL,
  set_at INSTANT NOT NULL
);
CREATE INDEX past_password_account ON past_password (account_id, id);

CREATE TABLE attempt (
  key TEXT PRIMARY KEY,
  empty_at INSTANT NOT NULL
);
CREATE INDEX attempt_empty ON attempt (empty_at);

DROP TABLE refresh_token;
DROP TABLE sign_in;

CREATE TABLE sign_in (
  id ID PRIMARY KEY,
  account_id ID NOT NULL REFERENCES account,
  address TEXT,
  agent TEXT,
  created_at INSTANT NOT NULL,
  last_used_at INSTANT NOT NULL,
  expires_at INSTANT NOT NULL,
  ended_at INSTANT
);
CREATE INDEX sign_in_account ON sign_in (account_id, id);
CREATE INDEX sign_in_expires ON sign_in (expires_at);

CREATE TABLE refresh_token (
  id ID PRIMARY KEY,
  sign_in_id ID NOT NULL REFERENCES sign_in,
  hash BYTES NOT NULL UNIQUE,
  expires_at INSTANT NOT NULL,
  used_at INSTANT
);
CREATE INDEX refresh_token_sign_in ON refresh_token (sign_in_id);

CREATE TABLE signing_key (
  kid TEXT PRIMARY KEY,
  sealed BYTES NOT NULL,
  created_at INSTANT NOT NULL
);

CREATE TABLE second_factor (
  account_id ID PRIMARY KEY REFERENCES account,
  sealed BYTES NOT NULL,
  confirmed_at INSTANT,
  last_step bigint NOT NULL,
  created_at INSTANT NOT NULL
);

CREATE TABLE recovery_code (
  account_id ID NOT NULL REFERENCES account,
  hash BYTES NOT NULL,
  used_at INSTANT,
  PRIMARY KEY (account_id, hash)
);
";
