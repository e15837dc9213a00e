//! Exports of several kinds, made in the background where they are large, and views of their columns.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, TABLES).await
    }
}

// Made anew: it is of an activity, or of a year of an organisation.
const TABLES: &str = "
CREATE TABLE taken_out (
  id ID PRIMARY KEY,
  kind TEXT NOT NULL,
  activity_id ID REFERENCES activity,
  session_id ID REFERENCES session,
  organisation_id ID REFERENCES organisation,
  year integer,
  account_id ID NOT NULL REFERENCES account,
  format TEXT NOT NULL,
  sort TEXT NOT NULL,
  columns JSON NOT NULL,
  filter JSON NOT NULL,
  purpose TEXT NOT NULL,
  state TEXT NOT NULL,
  run ID,
  rows_done bigint NOT NULL,
  rows_total bigint NOT NULL,
  size bigint,
  sha256 BYTES,
  created_at INSTANT NOT NULL,
  finished_at INSTANT,
  expires_at INSTANT NOT NULL,
  CHECK ((activity_id IS NULL) = (organisation_id IS NOT NULL)),
  CHECK (session_id IS NULL OR activity_id IS NOT NULL),
  CHECK ((organisation_id IS NULL) = (year IS NULL)),
  CHECK (state <> 'READY' OR (size IS NOT NULL AND sha256 IS NOT NULL))
);
INSERT INTO taken_out (id, kind, activity_id, account_id, format, sort, columns, filter, purpose, state,
    rows_done, rows_total, created_at, expires_at)
  SELECT id, 'ATTENDANCE_LIST', activity_id, account_id, format, sort, '[]', '{}', purpose, 'ON_FETCH',
    0, 0, created_at, expires_at FROM export;
DROP TABLE export;
ALTER TABLE taken_out RENAME TO export;

CREATE TABLE export_chunk (
  export_id ID NOT NULL REFERENCES export,
  nth integer NOT NULL,
  content BYTES NOT NULL,
  PRIMARY KEY (export_id, nth)
);

CREATE TABLE export_view (
  id ID PRIMARY KEY,
  organisation_id ID NOT NULL REFERENCES organisation,
  activity_id ID NOT NULL REFERENCES activity,
  account_id ID NOT NULL REFERENCES account,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  sort TEXT NOT NULL,
  columns JSON NOT NULL,
  created_at INSTANT NOT NULL,
  UNIQUE (organisation_id, kind, name)
);

-- The order of a list, page by page.
CREATE INDEX registration_list ON registration (activity_id, list_key, list_row, id);
-- The sessions of a year.
CREATE INDEX session_start ON session (starts_at);
-- The scans of a session in the order in which they came.
CREATE INDEX scan_session ON scan (session_id, id);
";
