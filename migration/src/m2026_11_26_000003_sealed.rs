//! ID numbers are kept sealed, with a mark by which equal ones are found; the keys of a service are known by their ids; exports
//! show personal data whole only where that was asked for.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, TABLES).await
    }
}

// What was kept plain is sealed at the first start that has the keys.
const TABLES: &str = "
ALTER TABLE person ADD COLUMN id_mark BYTES;
CREATE UNIQUE INDEX person_id_mark ON person (id_mark);

CREATE TABLE data_key (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  known_at INSTANT NOT NULL,
  sealed_at INSTANT
);
-- Marks are compared, so there is one key for all of them.
CREATE UNIQUE INDEX data_key_one_index ON data_key (kind) WHERE kind = 'INDEX';

-- Files that show personal data whole, and who else said that they may.
ALTER TABLE export ADD COLUMN is_unmasked boolean NOT NULL DEFAULT false;
ALTER TABLE export ADD COLUMN decided_by ID REFERENCES account CHECK (decided_by <> account_id);
ALTER TABLE export ADD COLUMN decided_at INSTANT;
ALTER TABLE export ADD COLUMN decision_reason TEXT;
";
