//! Background jobs: what is to be done, when, and who is at it.

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
CREATE TABLE job (
  id ID PRIMARY KEY,
  kind TEXT NOT NULL,
  about JSON NOT NULL,
  key TEXT,
  state TEXT NOT NULL,
  due_at INSTANT NOT NULL,
  again_at INSTANT,
  attempts integer NOT NULL,
  lease ID,
  leased_until INSTANT,
  last_error TEXT,
  created_at INSTANT NOT NULL,
  finished_at INSTANT,
  CHECK ((state = 'RUNNING') = (lease IS NOT NULL)),
  CHECK ((lease IS NULL) = (leased_until IS NULL)),
  CHECK ((state IN ('DONE', 'FAILED')) = (finished_at IS NOT NULL))
);
-- One unfinished job of a kind per key.
CREATE UNIQUE INDEX job_key ON job (kind, key) WHERE state IN ('WAITING', 'RUNNING');
CREATE INDEX job_due ON job (due_at) WHERE state = 'WAITING';
CREATE INDEX job_leased ON job (leased_until) WHERE state = 'RUNNING';
CREATE INDEX job_finished ON job (finished_at) WHERE state IN ('DONE', 'FAILED');
";
