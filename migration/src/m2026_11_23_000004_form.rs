//! The form: what an activity asks, and what was answered.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, TABLES).await
    }
}

// What a registration answered goes with it.
const TABLES: &str = "
CREATE TABLE question (
  id ID PRIMARY KEY,
  activity_id ID NOT NULL REFERENCES activity,
  key TEXT NOT NULL,
  stage TEXT NOT NULL,
  position integer NOT NULL,
  kind TEXT NOT NULL,
  label TEXT NOT NULL,
  label_en TEXT,
  help TEXT,
  options JSON NOT NULL,
  required boolean NOT NULL,
  visible_if JSON,
  limits JSON NOT NULL,
  purpose TEXT NOT NULL,
  kept_for integer NOT NULL CHECK (kept_for >= 0),
  archived_at INSTANT,
  created_at INSTANT NOT NULL,
  UNIQUE (activity_id, key)
);

CREATE TABLE answer (
  registration_id ID NOT NULL REFERENCES registration ON DELETE CASCADE,
  question_id ID NOT NULL REFERENCES question,
  value JSON NOT NULL,
  wording TEXT,
  answered_at INSTANT NOT NULL,
  PRIMARY KEY (registration_id, question_id)
);
CREATE INDEX answer_question ON answer (question_id);

CREATE TABLE answer_file (
  registration_id ID NOT NULL,
  question_id ID NOT NULL,
  content BYTES NOT NULL,
  PRIMARY KEY (registration_id, question_id),
  FOREIGN KEY (registration_id, question_id) REFERENCES answer ON DELETE CASCADE
);

CREATE TABLE form_reply (
  registration_id ID NOT NULL REFERENCES registration ON DELETE CASCADE,
  stage TEXT NOT NULL,
  complete boolean NOT NULL,
  replied_at INSTANT NOT NULL,
  PRIMARY KEY (registration_id, stage)
);
";
