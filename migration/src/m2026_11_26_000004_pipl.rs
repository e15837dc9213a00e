//! A person's own data: consents and their withdrawal, how long data are kept and what was purged, requests and erasures,
//! transfers to others, and who was in which export.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, CONSENTS).await?;
        crate::run(manager, RETENTION).await?;
        crate::run(manager, REQUESTS).await?;
        crate::run(manager, TRANSFERS).await?;
        let forget = match manager.get_database_backend() {
            DbBackend::Postgres => FORGET_ON_POSTGRES,
            _ => FORGET_ON_SQLITE,
        };
        let sql = forget.replace("KEPT", KEPT_OF_SCANS);
        manager.get_connection().execute_unprepared(&sql).await.map(drop)
    }
}

// Made anew: a consent is a person's, has a purpose, and need not have come by a phone.
const CONSENTS: &str = "
CREATE TABLE agreement (
  id ID PRIMARY KEY,
  person_id ID NOT NULL REFERENCES person ON DELETE CASCADE,
  registration_id ID REFERENCES registration ON DELETE SET NULL,
  notice_id ID NOT NULL REFERENCES notice,
  notice_hash BYTES,
  purpose TEXT NOT NULL,
  channel TEXT NOT NULL,
  phone TEXT,
  address TEXT,
  account_id ID REFERENCES account,
  given_at INSTANT NOT NULL,
  withdrawn_at INSTANT
);
INSERT INTO agreement (id, person_id, registration_id, notice_id, purpose, channel, phone, address, given_at)
  SELECT c.id, r.person_id, r.id, c.notice_id, 'REGISTRATION', 'MYSELF', c.phone, c.address, c.given_at
  FROM consent c JOIN registration r ON r.id = c.registration_id;
DROP TABLE consent;
ALTER TABLE agreement RENAME TO consent;
CREATE INDEX consent_person ON consent (person_id);
CREATE INDEX consent_registration ON consent (registration_id);
CREATE INDEX consent_notice ON consent (notice_id);
-- What was agreed to twice stands once.
CREATE UNIQUE INDEX consent_standing ON consent (registration_id, notice_id, purpose)
  WHERE withdrawn_at IS NULL;

CREATE TABLE withdrawal (
  id ID PRIMARY KEY,
  person_id ID NOT NULL REFERENCES person ON DELETE CASCADE,
  purpose TEXT NOT NULL,
  channel TEXT NOT NULL,
  account_id ID REFERENCES account,
  reason TEXT,
  withdrawn_at INSTANT NOT NULL,
  lifted_at INSTANT
);
CREATE INDEX withdrawal_person ON withdrawal (person_id);
CREATE UNIQUE INDEX withdrawal_standing ON withdrawal (person_id, purpose) WHERE lifted_at IS NULL;

-- The first message that told somebody where the notice is.
CREATE TABLE notice_sent (
  registration_id ID PRIMARY KEY REFERENCES registration ON DELETE CASCADE,
  notice_id ID NOT NULL REFERENCES notice,
  sent_at INSTANT NOT NULL
);
";

const RETENTION: &str = "
-- How long data of a class are kept after an activity of a kind; what has no row goes by the usual.
CREATE TABLE retention_rule (
  kind TEXT NOT NULL,
  class TEXT NOT NULL,
  days integer NOT NULL CHECK (days > 0),
  set_at INSTANT NOT NULL,
  account_id ID NOT NULL REFERENCES account,
  PRIMARY KEY (kind, class)
);

CREATE TABLE purge (
  id ID PRIMARY KEY,
  begun_at INSTANT NOT NULL,
  ended_at INSTANT
);

CREATE TABLE purge_line (
  id ID PRIMARY KEY,
  purge_id ID NOT NULL REFERENCES purge,
  class TEXT NOT NULL,
  activity_id ID REFERENCES activity,
  organisation_id ID REFERENCES organisation,
  items bigint NOT NULL,
  CHECK ((activity_id IS NULL) <> (organisation_id IS NULL))
);
CREATE INDEX purge_line_purge ON purge_line (purge_id, class, id);
";

const REQUESTS: &str = "
CREATE TABLE data_request (
  id ID PRIMARY KEY,
  person_id ID NOT NULL REFERENCES person ON DELETE CASCADE,
  organisation_id ID NOT NULL REFERENCES organisation,
  requester ID NOT NULL,
  kind TEXT NOT NULL,
  registration_id ID REFERENCES registration ON DELETE SET NULL,
  changes JSON NOT NULL,
  remark TEXT,
  due_on date NOT NULL,
  state TEXT NOT NULL,
  created_at INSTANT NOT NULL,
  decided_at INSTANT,
  account_id ID REFERENCES account,
  reason TEXT,
  CHECK ((state = 'OPEN') = (decided_at IS NULL)),
  CHECK (state <> 'REFUSED' OR reason IS NOT NULL)
);
CREATE UNIQUE INDEX data_request_open ON data_request (person_id, kind) WHERE state = 'OPEN';
CREATE INDEX data_request_organisation ON data_request (organisation_id, id);
CREATE INDEX data_request_requester ON data_request (requester, id);

CREATE TABLE erasure (
  person_id ID PRIMARY KEY REFERENCES person ON DELETE CASCADE,
  extent TEXT NOT NULL,
  erased_at INSTANT NOT NULL
);
";

const TRANSFERS: &str = "
CREATE TABLE transfer (
  id ID PRIMARY KEY,
  activity_id ID NOT NULL REFERENCES activity,
  export_id ID REFERENCES export,
  receiver TEXT NOT NULL,
  purpose TEXT NOT NULL,
  fields JSON NOT NULL,
  rows bigint NOT NULL CHECK (rows >= 0),
  sha256 BYTES NOT NULL CHECK (length(sha256) = 32),
  delete_by date NOT NULL,
  deleted_on date,
  refusers bigint NOT NULL,
  account_id ID NOT NULL REFERENCES account,
  recorded_at INSTANT NOT NULL
);
CREATE INDEX transfer_activity ON transfer (activity_id, id);
CREATE INDEX transfer_open ON transfer (delete_by) WHERE deleted_on IS NULL;

CREATE TABLE export_people (
  id ID PRIMARY KEY,
  export_id ID NOT NULL REFERENCES export,
  set_hash BYTES NOT NULL,
  made_at INSTANT NOT NULL,
  first_id ID NOT NULL,
  last_id ID NOT NULL,
  ids BYTES NOT NULL
);
CREATE INDEX export_people_export ON export_people (export_id, set_hash);
CREATE INDEX export_people_span ON export_people (last_id, first_id);
";

/// What a scan is kept for ever with. Its place, and the code that was read, can be forgotten, and nothing else.
const KEPT_OF_SCANS: &str = "id, session_id, client_id, registration_id, direction, outcome, told, scanned_at, clock, \
    device_at, clock_offset_ms, received_at, account_id, device_id, undoes_id, conflicts_with_id, reason";

const FORGET_ON_POSTGRES: &str = "
DROP TRIGGER scan_append_only ON scan;
CREATE TRIGGER scan_append_only BEFORE DELETE OR UPDATE OF KEPT ON scan
  FOR EACH ROW EXECUTE FUNCTION scan_is_append_only();
CREATE TRIGGER scan_forgets_only BEFORE UPDATE OF code, gate ON scan
  FOR EACH ROW WHEN (NEW.code IS NOT NULL OR NEW.gate IS NOT NULL) EXECUTE FUNCTION scan_is_append_only();
";

const FORGET_ON_SQLITE: &str = "
DROP TRIGGER scan_no_update;
CREATE TRIGGER scan_no_update BEFORE UPDATE OF KEPT ON scan
  BEGIN SELECT RAISE(ABORT, 'scan is append-only'); END;
CREATE TRIGGER scan_forgets_only BEFORE UPDATE OF code, gate ON scan
  WHEN NEW.code IS NOT NULL OR NEW.gate IS NOT NULL
  BEGIN SELECT RAISE(ABORT, 'scan is append-only'); END;
";
