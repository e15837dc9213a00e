//! Attendance to be relied on: exits, undone scans, corrections, leave, sessions that are closed, and kept figures.
//!
//! `scan` and `attendance` are made anew, because SQLite cannot take a NOT NULL off a column.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, TABLES).await?;
        for table in ["scan", "correction"] {
            crate::append_only(manager, table).await?;
        }
        crate::run(manager, COUNTED).await
    }
}

const TABLES: &str = "
ALTER TABLE session ADD COLUMN tracks_exit boolean NOT NULL DEFAULT false;
ALTER TABLE session ADD COLUMN walk_ins TEXT NOT NULL DEFAULT 'ASK';
ALTER TABLE session ADD COLUMN self_check_in boolean NOT NULL DEFAULT false;
ALTER TABLE session ADD COLUMN early_at INSTANT;
ALTER TABLE session ADD COLUMN closes_itself_at INSTANT;
ALTER TABLE session ADD COLUMN closed_at INSTANT;
ALTER TABLE session ADD COLUMN closed_by ID REFERENCES account;
ALTER TABLE session ADD COLUMN expected_count integer;
CREATE INDEX session_to_close ON session (closes_itself_at) WHERE closed_at IS NULL;

ALTER TABLE registration ADD COLUMN enrolled_on date;
ALTER TABLE registration ADD COLUMN withdrawn_on date;

CREATE TABLE scan_anew (
  id ID PRIMARY KEY,
  session_id ID NOT NULL REFERENCES session,
  client_id ID NOT NULL,
  registration_id ID REFERENCES registration,
  code TEXT,
  gate TEXT,
  direction TEXT NOT NULL,
  outcome TEXT NOT NULL,
  told TEXT,
  scanned_at INSTANT NOT NULL,
  clock TEXT NOT NULL,
  device_at INSTANT,
  clock_offset_ms bigint,
  received_at INSTANT NOT NULL,
  account_id ID REFERENCES account,
  device_id ID,
  undoes_id ID REFERENCES scan_anew,
  conflicts_with_id ID REFERENCES scan_anew,
  reason TEXT,
  UNIQUE (session_id, client_id),
  CHECK ((direction = 'UNDO') = (undoes_id IS NOT NULL))
);
INSERT INTO scan_anew (id, session_id, client_id, registration_id, code, gate, direction, outcome, scanned_at, clock,
    device_at, received_at, account_id)
  SELECT id, session_id, client_id, registration_id, code, gate, 'ENTRY', outcome, scanned_at, clock,
    device_at, received_at, account_id FROM scan;

CREATE TABLE attendance_anew (
  id ID PRIMARY KEY,
  session_id ID NOT NULL REFERENCES session,
  registration_id ID NOT NULL REFERENCES registration,
  status TEXT NOT NULL,
  by_scans TEXT,
  first_in_at INSTANT,
  first_gate TEXT,
  first_scan_id ID REFERENCES scan_anew,
  last_in_at INSTANT,
  last_out_at INSTANT,
  is_inside boolean NOT NULL,
  minutes integer,
  is_corrected boolean NOT NULL,
  has_conflict boolean NOT NULL,
  expected boolean,
  amended_at INSTANT,
  UNIQUE (session_id, registration_id)
);
INSERT INTO attendance_anew (id, session_id, registration_id, status, by_scans, first_in_at, first_gate, first_scan_id,
    last_in_at, is_inside, is_corrected, has_conflict)
  SELECT id, session_id, registration_id, status, status, first_in_at, first_gate, first_scan_id,
    first_in_at, true, false, false FROM attendance;

DROP TABLE attendance;
DROP TABLE scan;
ALTER TABLE scan_anew RENAME TO scan;
ALTER TABLE attendance_anew RENAME TO attendance;
CREATE INDEX scan_registration ON scan (registration_id, session_id);
CREATE UNIQUE INDEX scan_undone ON scan (undoes_id) WHERE undoes_id IS NOT NULL;
CREATE INDEX attendance_registration ON attendance (registration_id);

CREATE TABLE correction (
  id ID PRIMARY KEY,
  session_id ID NOT NULL REFERENCES session,
  registration_id ID NOT NULL REFERENCES registration,
  status TEXT,
  reason TEXT NOT NULL,
  account_id ID NOT NULL REFERENCES account,
  at INSTANT NOT NULL
);
CREATE INDEX correction_of ON correction (registration_id, session_id, id);

CREATE TABLE excuse (
  registration_id ID NOT NULL REFERENCES registration,
  session_id ID NOT NULL REFERENCES session,
  leave_id ID NOT NULL,
  PRIMARY KEY (registration_id, session_id, leave_id)
);
CREATE INDEX excuse_leave ON excuse (leave_id);
CREATE INDEX excuse_session ON excuse (session_id);

-- The figures of a session, kept in eight parts so that gates seldom wait for one another over them.
CREATE TABLE tally (
  session_id ID NOT NULL REFERENCES session,
  shard smallint NOT NULL,
  present integer NOT NULL,
  late integer NOT NULL,
  left_early integer NOT NULL,
  excused integer NOT NULL,
  absent integer NOT NULL,
  unexpected integer NOT NULL,
  inside integer NOT NULL,
  PRIMARY KEY (session_id, shard)
);
";

/// What was there before the figures were kept goes into one part of them.
const COUNTED: &str = "
INSERT INTO tally (session_id, shard, present, late, left_early, excused, absent, unexpected, inside)
  SELECT session_id, 0,
    sum(CASE WHEN status = 'PRESENT' THEN 1 ELSE 0 END), sum(CASE WHEN status = 'LATE' THEN 1 ELSE 0 END), 0,
    sum(CASE WHEN status = 'EXCUSED' THEN 1 ELSE 0 END), sum(CASE WHEN status = 'ABSENT' THEN 1 ELSE 0 END), 0,
    sum(CASE WHEN is_inside THEN 1 ELSE 0 END)
  FROM attendance GROUP BY session_id;
";
