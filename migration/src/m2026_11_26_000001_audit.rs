//! What came of an act and what changed by it; the chains of the audit log, and how far they are dropped by age.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (open, close) = if manager.get_database_backend() == DbBackend::Postgres {
            (OPEN_POSTGRES, CLOSE_POSTGRES)
        } else {
            (OPEN_SQLITE, CLOSE_SQLITE)
        };
        let db = manager.get_connection();
        db.execute_unprepared(open).await?;
        crate::run(manager, TABLES).await?;
        db.execute_unprepared(close).await.map(drop)
    }
}

// `details` is a text of JSON, kept byte by byte as it was written. The events of before are the beginning of chain 0, to be
// sealed at the next start: the key is not known here.
const TABLES: &str = "
ALTER TABLE audit_event ADD COLUMN outcome TEXT NOT NULL DEFAULT 'DONE';
ALTER TABLE audit_event ADD COLUMN details TEXT;
ALTER TABLE audit_event ADD COLUMN chain integer NOT NULL DEFAULT 0;
ALTER TABLE audit_event ADD COLUMN place bigint NOT NULL DEFAULT 0;
ALTER TABLE audit_event ADD COLUMN hash BYTES;
UPDATE audit_event SET place = numbered.place
  FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM audit_event) AS numbered
  WHERE numbered.id = audit_event.id;
CREATE UNIQUE INDEX audit_event_place ON audit_event (chain, place);
CREATE INDEX audit_event_account ON audit_event (account_id, id);
CREATE INDEX audit_event_action ON audit_event (action, id);
CREATE INDEX audit_event_at ON audit_event (at);
CREATE INDEX audit_event_result ON audit_event (result_id) WHERE result_id IS NOT NULL;

CREATE TABLE audit_head (
  chain integer PRIMARY KEY,
  place bigint NOT NULL,
  hash BYTES,
  seal BYTES
);
INSERT INTO audit_head (chain, place) SELECT 0, count(*) FROM audit_event;
INSERT INTO audit_head (chain, place) VALUES (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0);

CREATE TABLE audit_anchor (
  chain integer PRIMARY KEY,
  place bigint NOT NULL,
  hash BYTES NOT NULL,
  at INSTANT NOT NULL,
  seal BYTES NOT NULL
);
";

const OPEN_SQLITE: &str = "
DROP TRIGGER audit_event_no_update;
DROP TRIGGER audit_event_no_delete;
";

// An event without a hash is one of before, until it is sealed. What an anchor covers may be dropped.
const CLOSE_SQLITE: &str = "
CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event WHEN OLD.hash IS NOT NULL
  BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END;
CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event
  WHEN NOT EXISTS (SELECT 1 FROM audit_anchor WHERE chain = OLD.chain AND place >= OLD.place)
  BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END;
";

const OPEN_POSTGRES: &str = "DROP TRIGGER audit_event_append_only ON audit_event;";

const CLOSE_POSTGRES: &str = "
CREATE OR REPLACE FUNCTION audit_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'UPDATE' AND OLD.hash IS NULL THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'DELETE' AND EXISTS (
    SELECT 1 FROM audit_anchor WHERE chain = OLD.chain AND place >= OLD.place
  ) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'audit_event is append-only';
END $$;
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event
  FOR EACH ROW EXECUTE FUNCTION audit_event_is_append_only();
CREATE FUNCTION audit_event_is_whole() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'audit_event is append-only'; END $$;
CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON audit_event
  FOR EACH STATEMENT EXECUTE FUNCTION audit_event_is_whole();
";
