//! The tables of the main job: who, what, lists, doors, exports, and the trail they leave.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, TABLES).await?;
        for table in ["scan", "audit_event"] {
            crate::append_only(manager, table).await?;
        }
        Ok(())
    }
}

const TABLES: &str = "
CREATE TABLE organisation (
  id ID PRIMARY KEY,
  parent_id ID REFERENCES organisation,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  code TEXT,
  path TEXT NOT NULL UNIQUE,
  created_at INSTANT NOT NULL,
  UNIQUE (parent_id, name)
);
CREATE UNIQUE INDEX organisation_one_root ON organisation (kind) WHERE parent_id IS NULL;

CREATE TABLE person (
  id ID PRIMARY KEY,
  name TEXT NOT NULL,
  pinyin TEXT NOT NULL,
  pinyin_key BYTES NOT NULL,
  stroke_key BYTES NOT NULL,
  phone TEXT,
  gender TEXT,
  birth TEXT,
  ethnicity TEXT,
  political TEXT,
  id_no TEXT UNIQUE,
  home_id ID NOT NULL REFERENCES organisation,
  created_at INSTANT NOT NULL
);
-- One person per name and phone, but for those whose ID numbers tell them apart.
CREATE UNIQUE INDEX person_identity ON person (phone, name, coalesce(id_no, '')) WHERE phone IS NOT NULL;
CREATE INDEX person_home ON person (home_id);

CREATE TABLE person_term (
  term TEXT NOT NULL,
  person_id ID NOT NULL REFERENCES person ON DELETE CASCADE,
  PRIMARY KEY (term, person_id)
);
CREATE INDEX person_term_person ON person_term (person_id);

CREATE TABLE position (
  id ID PRIMARY KEY,
  person_id ID NOT NULL REFERENCES person ON DELETE CASCADE,
  organisation_id ID NOT NULL REFERENCES organisation,
  title TEXT NOT NULL,
  from_on date,
  until_on date,
  CHECK (from_on IS NULL OR until_on IS NULL OR from_on <= until_on)
);
CREATE INDEX position_person ON position (person_id);
CREATE INDEX position_organisation ON position (organisation_id);

CREATE TABLE account (
  id ID PRIMARY KEY,
  username TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  person_id ID REFERENCES person,
  home_id ID NOT NULL REFERENCES organisation,
  created_at INSTANT NOT NULL,
  disabled_at INSTANT
);
CREATE INDEX account_home ON account (home_id);

CREATE TABLE programme (
  id ID PRIMARY KEY,
  owner_id ID NOT NULL REFERENCES organisation,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  year integer NOT NULL,
  created_at INSTANT NOT NULL
);
CREATE INDEX programme_owner ON programme (owner_id);

CREATE TABLE activity (
  id ID PRIMARY KEY,
  programme_id ID NOT NULL REFERENCES programme,
  kind TEXT NOT NULL,
  host_id ID NOT NULL REFERENCES organisation,
  title TEXT NOT NULL,
  venue TEXT,
  status TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  starts_at INSTANT,
  ends_at INSTANT,
  cancel_reason TEXT,
  created_at INSTANT NOT NULL,
  CHECK ((status = 'CANCELLED') = (cancel_reason IS NOT NULL))
);
CREATE INDEX activity_programme ON activity (programme_id);
CREATE INDEX activity_host ON activity (host_id);

CREATE TABLE role_grant (
  id ID PRIMARY KEY,
  account_id ID NOT NULL REFERENCES account,
  role TEXT NOT NULL,
  organisation_id ID REFERENCES organisation,
  programme_id ID REFERENCES programme,
  activity_id ID REFERENCES activity,
  expires_at INSTANT,
  created_at INSTANT NOT NULL,
  created_by ID REFERENCES account,
  revoked_at INSTANT,
  CHECK ((organisation_id IS NOT NULL AND programme_id IS NULL AND activity_id IS NULL)
      OR (organisation_id IS NULL AND programme_id IS NOT NULL AND activity_id IS NULL)
      OR (organisation_id IS NULL AND programme_id IS NULL AND activity_id IS NOT NULL))
);
CREATE INDEX role_grant_account ON role_grant (account_id);

CREATE TABLE sign_in (
  id ID PRIMARY KEY,
  account_id ID NOT NULL REFERENCES account,
  created_at INSTANT NOT NULL,
  ended_at INSTANT
);
CREATE INDEX sign_in_account ON sign_in (account_id);

CREATE TABLE refresh_token (
  id ID PRIMARY KEY,
  sign_in_id ID NOT NULL REFERENCES sign_in,
  hash BYTES NOT NULL UNIQUE,
  expires_at INSTANT NOT NULL,
  used_at INSTANT
);
CREATE INDEX refresh_token_sign_in ON refresh_token (sign_in_id);

CREATE TABLE category (
  id ID PRIMARY KEY,
  activity_id ID NOT NULL REFERENCES activity,
  name TEXT NOT NULL,
  position integer NOT NULL,
  UNIQUE (activity_id, name)
);

CREATE TABLE capacity_pool (
  id ID PRIMARY KEY,
  activity_id ID NOT NULL REFERENCES activity,
  category_id ID UNIQUE REFERENCES category,
  size integer CHECK (size >= 0),
  taken integer NOT NULL DEFAULT 0 CHECK (taken >= 0),
  CHECK (size IS NULL OR taken <= size)
);
CREATE INDEX capacity_pool_activity ON capacity_pool (activity_id);
CREATE UNIQUE INDEX capacity_pool_whole ON capacity_pool (activity_id) WHERE category_id IS NULL;

CREATE TABLE session (
  id ID PRIMARY KEY,
  activity_id ID NOT NULL REFERENCES activity,
  title TEXT NOT NULL,
  venue TEXT,
  starts_at INSTANT NOT NULL,
  ends_at INSTANT NOT NULL,
  opens_at INSTANT NOT NULL,
  late_at INSTANT NOT NULL,
  closes_at INSTANT NOT NULL,
  credit_centihours integer NOT NULL CHECK (credit_centihours >= 0),
  CHECK (starts_at < ends_at),
  CHECK (opens_at < closes_at)
);
CREATE INDEX session_activity ON session (activity_id, starts_at, id);

CREATE TABLE roster_batch (
  id ID PRIMARY KEY,
  activity_id ID NOT NULL REFERENCES activity,
  account_id ID NOT NULL REFERENCES account,
  file_name TEXT NOT NULL,
  sheet TEXT,
  profile TEXT NOT NULL,
  event_date date NOT NULL,
  status TEXT NOT NULL,
  report JSON NOT NULL,
  registered integer NOT NULL,
  waitlisted integer NOT NULL,
  declined integer NOT NULL,
  updated integer NOT NULL,
  unchanged integer NOT NULL,
  created_at INSTANT NOT NULL,
  committed_at INSTANT
);
CREATE INDEX roster_batch_activity ON roster_batch (activity_id, id);

CREATE TABLE registration (
  id ID PRIMARY KEY,
  activity_id ID NOT NULL REFERENCES activity,
  person_id ID NOT NULL REFERENCES person,
  category_id ID REFERENCES category,
  status TEXT NOT NULL,
  ticket_code TEXT NOT NULL UNIQUE,
  organisation_name TEXT,
  title TEXT,
  details JSON NOT NULL,
  list_key ID NOT NULL,
  list_row integer NOT NULL,
  batch_id ID REFERENCES roster_batch,
  registered_at INSTANT NOT NULL,
  status_at INSTANT NOT NULL,
  cancel_reason TEXT
);
-- A person has at most one live registration per activity.
CREATE UNIQUE INDEX registration_live ON registration (activity_id, person_id)
  WHERE status IN ('INVITED', 'PENDING', 'CONFIRMED', 'WAITLISTED', 'OFFERED');
CREATE INDEX registration_activity ON registration (activity_id, id);
CREATE INDEX registration_person ON registration (person_id);
CREATE INDEX registration_batch ON registration (batch_id);

CREATE TABLE roster_row (
  batch_id ID NOT NULL REFERENCES roster_batch,
  row integer NOT NULL,
  outcome TEXT NOT NULL,
  codes JSON NOT NULL,
  name TEXT,
  phone TEXT,
  organisation TEXT,
  title TEXT,
  record JSON,
  merged_into integer,
  registration_id ID,
  undo JSON,
  PRIMARY KEY (batch_id, row)
);
CREATE INDEX roster_row_registration ON roster_row (registration_id);

CREATE TABLE scan (
  id ID PRIMARY KEY,
  session_id ID NOT NULL REFERENCES session,
  client_id ID NOT NULL,
  registration_id ID REFERENCES registration,
  code TEXT,
  gate TEXT,
  outcome TEXT NOT NULL,
  scanned_at INSTANT NOT NULL,
  clock TEXT NOT NULL,
  device_at INSTANT,
  received_at INSTANT NOT NULL,
  account_id ID NOT NULL REFERENCES account,
  UNIQUE (session_id, client_id)
);
CREATE INDEX scan_registration ON scan (registration_id);

CREATE TABLE attendance (
  id ID PRIMARY KEY,
  session_id ID NOT NULL REFERENCES session,
  registration_id ID NOT NULL REFERENCES registration,
  status TEXT NOT NULL,
  first_in_at INSTANT,
  first_gate TEXT,
  first_scan_id ID REFERENCES scan,
  UNIQUE (session_id, registration_id)
);
CREATE INDEX attendance_registration ON attendance (registration_id);

CREATE TABLE upload (
  id ID PRIMARY KEY,
  account_id ID NOT NULL REFERENCES account,
  file_name TEXT NOT NULL,
  size bigint NOT NULL,
  content BYTES NOT NULL,
  created_at INSTANT NOT NULL
);
CREATE INDEX upload_age ON upload (created_at);

CREATE TABLE export (
  id ID PRIMARY KEY,
  activity_id ID NOT NULL REFERENCES activity,
  account_id ID NOT NULL REFERENCES account,
  format TEXT NOT NULL,
  sort TEXT NOT NULL,
  purpose TEXT NOT NULL,
  created_at INSTANT NOT NULL,
  expires_at INSTANT NOT NULL
);

CREATE TABLE audit_event (
  id ID PRIMARY KEY,
  at INSTANT NOT NULL,
  account_id ID REFERENCES account,
  action TEXT NOT NULL,
  subject_kind TEXT NOT NULL,
  subject_id ID,
  result_kind TEXT,
  result_id ID,
  reason TEXT,
  request_id ID NOT NULL,
  address TEXT
);
CREATE INDEX audit_event_subject ON audit_event (subject_id);

CREATE TABLE idempotency_key (
  account_id ID NOT NULL REFERENCES account,
  action TEXT NOT NULL,
  key TEXT NOT NULL,
  input_hash BYTES NOT NULL,
  answer JSON,
  created_at INSTANT NOT NULL,
  PRIMARY KEY (account_id, action, key)
);
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);
";
