//! Telling people: what is to be said on which occasion, what was sent and what came of it, and who listens.

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
ALTER TABLE person ADD COLUMN email TEXT;

CREATE TABLE message_template (
  id ID PRIMARY KEY,
  organisation_id ID REFERENCES organisation,
  activity_id ID REFERENCES activity,
  occasion TEXT NOT NULL,
  channel TEXT NOT NULL,
  subject TEXT NOT NULL,
  text TEXT NOT NULL,
  updated_at INSTANT NOT NULL,
  CHECK ((organisation_id IS NULL) <> (activity_id IS NULL))
);
CREATE UNIQUE INDEX message_template_organisation ON message_template (organisation_id, occasion, channel)
  WHERE organisation_id IS NOT NULL;
CREATE UNIQUE INDEX message_template_activity ON message_template (activity_id, occasion, channel)
  WHERE activity_id IS NOT NULL;

-- A registration may be gone again while its messages are kept.
CREATE TABLE message (
  id ID PRIMARY KEY,
  activity_id ID NOT NULL REFERENCES activity,
  registration_id ID NOT NULL,
  occasion TEXT NOT NULL,
  channel TEXT NOT NULL,
  recipient TEXT,
  subject TEXT NOT NULL,
  text TEXT NOT NULL,
  state TEXT NOT NULL,
  due_at INSTANT,
  attempts integer NOT NULL,
  asked integer NOT NULL,
  last_error TEXT,
  created_at INSTANT NOT NULL,
  sent_at INSTANT
);
CREATE INDEX message_activity ON message (activity_id, id);
CREATE INDEX message_registration ON message (registration_id);
CREATE INDEX message_due ON message (activity_id, channel, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX message_age ON message (created_at);

CREATE TABLE webhook (
  id ID PRIMARY KEY,
  organisation_id ID NOT NULL REFERENCES organisation,
  url TEXT NOT NULL,
  secret TEXT NOT NULL,
  occasions JSON NOT NULL,
  sequence bigint NOT NULL,
  failures integer NOT NULL,
  due_at INSTANT NOT NULL,
  created_at INSTANT NOT NULL,
  disabled_at INSTANT
);
CREATE INDEX webhook_organisation ON webhook (organisation_id, id);

CREATE TABLE hook_event (
  id ID PRIMARY KEY,
  webhook_id ID NOT NULL REFERENCES webhook,
  occasion TEXT NOT NULL,
  about JSON NOT NULL,
  sequence bigint,
  state TEXT NOT NULL,
  attempts integer NOT NULL,
  last_error TEXT,
  created_at INSTANT NOT NULL,
  finished_at INSTANT,
  UNIQUE (webhook_id, sequence)
);
CREATE INDEX hook_event_webhook ON hook_event (webhook_id, id);
CREATE INDEX hook_event_queued ON hook_event (webhook_id, id) WHERE state = 'QUEUED';
CREATE INDEX hook_event_age ON hook_event (created_at);
";
