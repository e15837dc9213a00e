//! Credit hours: the rule of a class, the ledger, make-up, course work; and certificates with their numbers.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, CREDIT).await?;
        crate::run(manager, CERTIFICATES).await
    }
}

const CREDIT: &str = "
CREATE TABLE credit_rule (
  activity_id ID NOT NULL REFERENCES activity,
  version integer NOT NULL,
  rule JSON NOT NULL,
  set_at INSTANT NOT NULL,
  PRIMARY KEY (activity_id, version)
);

CREATE TABLE make_up (
  id ID PRIMARY KEY,
  registration_id ID NOT NULL REFERENCES registration,
  session_id ID NOT NULL REFERENCES session,
  source_registration_id ID REFERENCES registration,
  source_session_id ID REFERENCES session,
  online_centihours integer,
  online_unit TEXT,
  made_up_on date NOT NULL,
  reason TEXT NOT NULL,
  account_id ID NOT NULL REFERENCES account,
  made_at INSTANT NOT NULL,
  undone_at INSTANT,
  undone_by ID REFERENCES account,
  undo_reason TEXT,
  CHECK ((source_session_id IS NULL) = (source_registration_id IS NULL)),
  CHECK ((source_session_id IS NULL) = (online_centihours IS NOT NULL)),
  CHECK ((online_centihours IS NULL) = (online_unit IS NULL))
);
CREATE UNIQUE INDEX make_up_missed ON make_up (registration_id, session_id) WHERE undone_at IS NULL;
CREATE UNIQUE INDEX make_up_source ON make_up (source_registration_id, source_session_id)
  WHERE undone_at IS NULL AND source_session_id IS NOT NULL;

-- At most one entry per registration and session, so that no hour is earned twice.
CREATE TABLE credit_entry (
  id ID PRIMARY KEY,
  registration_id ID NOT NULL REFERENCES registration ON DELETE CASCADE,
  session_id ID REFERENCES session,
  make_up_id ID REFERENCES make_up,
  kind TEXT NOT NULL,
  centihours integer NOT NULL,
  earned_on date NOT NULL,
  rule integer,
  reason TEXT,
  account_id ID REFERENCES account,
  posted_at INSTANT NOT NULL,
  CHECK ((kind = 'ADJUSTMENT') = (session_id IS NULL)),
  CHECK ((kind = 'ADJUSTMENT') = (rule IS NULL)),
  CHECK ((kind = 'MAKE_UP') = (make_up_id IS NOT NULL))
);
CREATE UNIQUE INDEX credit_entry_session ON credit_entry (registration_id, session_id) WHERE session_id IS NOT NULL;
CREATE UNIQUE INDEX credit_entry_make_up ON credit_entry (make_up_id) WHERE make_up_id IS NOT NULL;
CREATE INDEX credit_entry_registration ON credit_entry (registration_id, id);

CREATE TABLE course_work (
  registration_id ID PRIMARY KEY REFERENCES registration ON DELETE CASCADE,
  passed boolean NOT NULL,
  account_id ID NOT NULL REFERENCES account,
  set_at INSTANT NOT NULL
);
";

const CERTIFICATES: &str = "
CREATE TABLE certificate_pattern (
  id ID PRIMARY KEY,
  organisation_id ID REFERENCES organisation,
  series_id ID REFERENCES series,
  activity_id ID REFERENCES activity,
  pattern TEXT NOT NULL,
  issuer TEXT,
  set_at INSTANT NOT NULL,
  CHECK ((CASE WHEN organisation_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN series_id IS NULL THEN 0 ELSE 1 END)
    + (CASE WHEN activity_id IS NULL THEN 0 ELSE 1 END) = 1)
);
CREATE UNIQUE INDEX certificate_pattern_organisation ON certificate_pattern (organisation_id)
  WHERE organisation_id IS NOT NULL;
CREATE UNIQUE INDEX certificate_pattern_series ON certificate_pattern (series_id) WHERE series_id IS NOT NULL;
CREATE UNIQUE INDEX certificate_pattern_activity ON certificate_pattern (activity_id) WHERE activity_id IS NOT NULL;

-- The last number given out of those that differ in nothing else.
CREATE TABLE certificate_counter (
  stem TEXT PRIMARY KEY,
  last integer NOT NULL CHECK (last >= 0)
);

CREATE TABLE certificate (
  id ID PRIMARY KEY,
  registration_id ID NOT NULL REFERENCES registration,
  activity_id ID NOT NULL REFERENCES activity,
  stem TEXT NOT NULL REFERENCES certificate_counter,
  seq integer NOT NULL,
  number TEXT NOT NULL UNIQUE,
  version integer NOT NULL CHECK (version > 0),
  account_id ID NOT NULL REFERENCES account,
  issued_at INSTANT NOT NULL,
  revoked_at INSTANT,
  revoked_by ID REFERENCES account,
  revoke_reason TEXT,
  UNIQUE (stem, seq),
  CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)),
  CHECK ((revoked_at IS NULL) = (revoke_reason IS NULL))
);
CREATE UNIQUE INDEX certificate_valid ON certificate (registration_id) WHERE revoked_at IS NULL;
CREATE INDEX certificate_registration ON certificate (registration_id);
CREATE INDEX certificate_activity ON certificate (activity_id, id);

-- What each version of a certificate says, and the secret of its public address.
CREATE TABLE certificate_face (
  certificate_id ID NOT NULL REFERENCES certificate,
  version integer NOT NULL,
  token TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  title TEXT NOT NULL,
  run integer,
  issuer TEXT NOT NULL,
  starts_on date,
  ends_on date,
  centihours integer NOT NULL,
  issued_on date NOT NULL,
  reason TEXT,
  account_id ID NOT NULL REFERENCES account,
  made_at INSTANT NOT NULL,
  PRIMARY KEY (certificate_id, version)
);
";
