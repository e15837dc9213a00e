//! The academy's classes: series and their runs, trainers, groups, leave.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, CLASSES).await?;
        crate::run(manager, LEAVE).await
    }
}

const CLASSES: &str = "
CREATE TABLE series (
  id ID PRIMARY KEY,
  organisation_id ID NOT NULL REFERENCES organisation,
  title TEXT NOT NULL,
  code TEXT,
  teacher_half_days integer,
  academic_half_days integer,
  created_at INSTANT NOT NULL,
  CHECK ((teacher_half_days IS NULL) = (academic_half_days IS NULL)),
  CHECK (teacher_half_days >= 0 AND academic_half_days >= teacher_half_days)
);
CREATE INDEX series_organisation ON series (organisation_id);
CREATE UNIQUE INDEX series_code ON series (organisation_id, code) WHERE code IS NOT NULL;

CREATE TABLE class (
  activity_id ID PRIMARY KEY REFERENCES activity,
  series_id ID REFERENCES series,
  run_number integer CHECK (run_number > 0),
  teacher_id ID REFERENCES person,
  co_hosts JSON NOT NULL,
  teacher_half_days integer,
  academic_half_days integer,
  CHECK ((series_id IS NULL) = (run_number IS NULL)),
  CHECK ((teacher_half_days IS NULL) = (academic_half_days IS NULL)),
  CHECK (teacher_half_days >= 0 AND academic_half_days >= teacher_half_days)
);
CREATE UNIQUE INDEX class_run ON class (series_id, run_number) WHERE series_id IS NOT NULL;
CREATE INDEX class_teacher ON class (teacher_id) WHERE teacher_id IS NOT NULL;

CREATE TABLE trainer (
  session_id ID NOT NULL REFERENCES session,
  person_id ID NOT NULL REFERENCES person,
  position integer NOT NULL,
  topic TEXT,
  role TEXT,
  PRIMARY KEY (session_id, person_id)
);
CREATE INDEX trainer_person ON trainer (person_id, session_id);

CREATE TABLE class_group (
  id ID PRIMARY KEY,
  activity_id ID NOT NULL REFERENCES activity,
  number integer NOT NULL,
  name TEXT NOT NULL,
  leader_id ID REFERENCES registration ON DELETE SET NULL,
  UNIQUE (activity_id, number),
  UNIQUE (activity_id, name)
);
CREATE INDEX class_group_leader ON class_group (leader_id) WHERE leader_id IS NOT NULL;

CREATE TABLE class_member (
  registration_id ID PRIMARY KEY REFERENCES registration ON DELETE CASCADE,
  activity_id ID NOT NULL REFERENCES activity,
  group_id ID REFERENCES class_group,
  student_no TEXT,
  post TEXT
);
CREATE INDEX class_member_group ON class_member (group_id) WHERE group_id IS NOT NULL;
CREATE UNIQUE INDEX class_member_student_no ON class_member (activity_id, student_no)
  WHERE student_no IS NOT NULL;
";

const LEAVE: &str = "
CREATE TABLE leave (
  id ID PRIMARY KEY,
  registration_id ID NOT NULL REFERENCES registration,
  activity_id ID NOT NULL REFERENCES activity,
  kind TEXT NOT NULL,
  reason TEXT,
  starts_at INSTANT NOT NULL,
  ends_at INSTANT NOT NULL,
  half_days integer NOT NULL,
  rung TEXT NOT NULL,
  status TEXT NOT NULL,
  asked_at INSTANT NOT NULL,
  asked_by ID REFERENCES account,
  decided_at INSTANT,
  decided_by ID REFERENCES account,
  decision_reason TEXT,
  returned_at INSTANT,
  CHECK (starts_at < ends_at),
  CHECK (returned_at IS NULL OR status = 'APPROVED'),
  CHECK (returned_at IS NULL OR (starts_at < returned_at AND returned_at < ends_at))
);
CREATE INDEX leave_registration ON leave (registration_id, starts_at);
CREATE INDEX leave_activity ON leave (activity_id, id);
CREATE INDEX leave_approved ON leave (activity_id, starts_at) WHERE status = 'APPROVED';
";
