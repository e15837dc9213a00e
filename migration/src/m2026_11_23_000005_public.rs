//! Tickets that can be revoked and verified without the server; registering without an account.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, TABLES).await?;
        // The database's own strong random bytes: a UUID of version 4 has 122 of its 128 bits at random.
        let random = match manager.get_database_backend() {
            DbBackend::Postgres => {
                "decode(replace(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')"
            }
            _ => "randomblob(48)",
        };
        let sql = format!("INSERT INTO ticket_secret (id, secret) VALUES (1, {random})");
        manager.get_connection().execute_unprepared(&sql).await.map(drop)
    }
}

const TABLES: &str = "
CREATE TABLE ticket_secret (
  id integer PRIMARY KEY CHECK (id = 1),
  secret BYTES NOT NULL CHECK (length(secret) = 48)
);

CREATE TABLE ticket_revocation (
  registration_id ID NOT NULL REFERENCES registration,
  serial integer NOT NULL CHECK (serial > 0),
  activity_id ID NOT NULL REFERENCES activity,
  code TEXT NOT NULL UNIQUE,
  reason TEXT NOT NULL,
  revoked_at INSTANT NOT NULL,
  PRIMARY KEY (registration_id, serial)
);
CREATE INDEX ticket_revocation_activity ON ticket_revocation (activity_id);

-- Whoever acts has a place in it: an account, or somebody with a phone and no account.
CREATE TABLE sent_once (
  actor_id ID NOT NULL,
  action TEXT NOT NULL,
  key TEXT NOT NULL,
  input_hash BYTES NOT NULL,
  answer JSON,
  created_at INSTANT NOT NULL,
  PRIMARY KEY (actor_id, action, key)
);
INSERT INTO sent_once (actor_id, action, key, input_hash, answer, created_at)
  SELECT account_id, action, key, input_hash, answer, created_at FROM idempotency_key;
DROP TABLE idempotency_key;
ALTER TABLE sent_once RENAME TO idempotency_key;
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);

CREATE TABLE self_registration (
  activity_id ID PRIMARY KEY REFERENCES activity,
  opens_at INSTANT,
  closes_at INSTANT,
  categories JSON NOT NULL,
  CHECK (opens_at IS NULL OR closes_at IS NULL OR opens_at < closes_at)
);

CREATE TABLE notice (
  id ID PRIMARY KEY,
  organisation_id ID REFERENCES organisation,
  activity_id ID REFERENCES activity,
  number integer NOT NULL CHECK (number > 0),
  text TEXT NOT NULL,
  published_at INSTANT NOT NULL,
  CHECK ((organisation_id IS NULL) <> (activity_id IS NULL)),
  UNIQUE (organisation_id, number),
  UNIQUE (activity_id, number)
);

CREATE TABLE consent (
  id ID PRIMARY KEY,
  registration_id ID NOT NULL REFERENCES registration,
  notice_id ID NOT NULL REFERENCES notice,
  phone TEXT NOT NULL,
  address TEXT,
  given_at INSTANT NOT NULL
);
CREATE INDEX consent_registration ON consent (registration_id);
CREATE INDEX consent_notice ON consent (notice_id);

CREATE TABLE attendee_code (
  id ID PRIMARY KEY,
  phone TEXT NOT NULL,
  address TEXT,
  hash BYTES NOT NULL,
  guesses integer NOT NULL CHECK (guesses >= 0),
  created_at INSTANT NOT NULL,
  used_at INSTANT
);
CREATE INDEX attendee_code_phone ON attendee_code (phone, created_at);
CREATE INDEX attendee_code_address ON attendee_code (address, created_at);
CREATE INDEX attendee_code_age ON attendee_code (created_at);

-- A row per phone and per address, to be locked while its codes are counted.
CREATE TABLE attendee_limit (
  key TEXT PRIMARY KEY,
  created_at INSTANT NOT NULL
);
CREATE INDEX attendee_limit_age ON attendee_limit (created_at);
";
