//! Checking oneself in by a code that rotates.

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
ALTER TABLE session ADD COLUMN code_seconds integer NOT NULL DEFAULT 20 CHECK (code_seconds BETWEEN 15 AND 30);

-- By which claim and on which device somebody came in by themselves.
CREATE TABLE self_scan (
  scan_id ID PRIMARY KEY REFERENCES scan,
  session_id ID NOT NULL REFERENCES session,
  registration_id ID NOT NULL REFERENCES registration,
  claim_id ID NOT NULL,
  device TEXT NOT NULL
);
CREATE INDEX self_scan_session ON self_scan (session_id, scan_id);
CREATE INDEX self_scan_device ON self_scan (session_id, device, registration_id);
CREATE INDEX self_scan_registration ON self_scan (registration_id);

-- How often a device, a phone or an address was wrong of late.
CREATE TABLE wrong_code (
  key TEXT PRIMARY KEY,
  wrong integer NOT NULL CHECK (wrong >= 0),
  since INSTANT NOT NULL
);
CREATE INDEX wrong_code_age ON wrong_code (since);
";
