//! Devices at doors, and what tells them what changed since they last asked.
//!
//! Every registration, person and attendance carries the number of the transaction that changed it last (`changed_in`),
//! which the database itself sets. `change_horizon` is the number below which no change can come any more: on PostgreSQL
//! the oldest transaction that still runs, on SQLite, which has one writer, the next number. Whoever asks from a horizon
//! on misses nothing, however long a transaction took to commit.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{DbBackend, DbErr},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, TABLES).await?;
        let numbered = match manager.get_database_backend() {
            DbBackend::Postgres => POSTGRES,
            _ => SQLITE,
        };
        for sql in [NUMBERED, numbered] {
            crate::run(manager, sql).await?;
        }
        for table in ["registration", "person", "attendance"] {
            number_changes(manager, table).await?;
        }
        Ok(())
    }
}

/// Lets the database number the changes of a table's rows.
async fn number_changes(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let sql = if manager.get_database_backend() == DbBackend::Postgres {
        format!(
            "CREATE TRIGGER {table}_changed BEFORE INSERT OR UPDATE ON {table}
               FOR EACH ROW EXECUTE FUNCTION number_change();"
        )
    } else {
        // The inner update does not fire the triggers again: they are not recursive.
        let number = format!(
            "BEGIN
               UPDATE change_number SET last = last + 1;
               UPDATE {table} SET changed_in = (SELECT last FROM change_number) WHERE id = NEW.id;
             END;"
        );
        format!(
            "CREATE TRIGGER {table}_changed_insert AFTER INSERT ON {table} {number}
             CREATE TRIGGER {table}_changed_update AFTER UPDATE ON {table} WHEN NEW.changed_in = OLD.changed_in {number}"
        )
    };
    manager.get_connection().execute_unprepared(&sql).await.map(drop)
}

const TABLES: &str = "
CREATE TABLE device (
  id ID PRIMARY KEY,
  name TEXT NOT NULL,
  gate TEXT,
  model TEXT,
  code_hash BYTES UNIQUE,
  code_expires_at INSTANT NOT NULL,
  token_hash BYTES UNIQUE,
  clock_offset_ms bigint,
  created_by ID NOT NULL REFERENCES account,
  created_at INSTANT NOT NULL,
  redeemed_at INSTANT,
  expires_at INSTANT NOT NULL,
  revoked_at INSTANT,
  last_seen_at INSTANT,
  CHECK ((token_hash IS NULL) = (redeemed_at IS NULL)),
  CHECK (token_hash IS NULL OR code_hash IS NULL)
);

CREATE TABLE device_activity (
  device_id ID NOT NULL REFERENCES device,
  activity_id ID NOT NULL REFERENCES activity,
  PRIMARY KEY (device_id, activity_id)
);
CREATE INDEX device_activity_activity ON device_activity (activity_id, device_id);

ALTER TABLE audit_event ADD COLUMN device_id ID REFERENCES device;
";

const NUMBERED: &str = "
ALTER TABLE registration ADD COLUMN changed_in bigint NOT NULL DEFAULT 0;
ALTER TABLE person ADD COLUMN changed_in bigint NOT NULL DEFAULT 0;
ALTER TABLE attendance ADD COLUMN changed_in bigint NOT NULL DEFAULT 0;
CREATE INDEX registration_changed ON registration (activity_id, changed_in);
CREATE INDEX person_changed ON person (changed_in);
CREATE INDEX attendance_changed ON attendance (session_id, changed_in);

-- Registrations that were removed altogether, with the list that had brought them.
CREATE TABLE registration_gone (
  activity_id ID NOT NULL REFERENCES activity,
  registration_id ID NOT NULL,
  changed_in bigint NOT NULL,
  PRIMARY KEY (activity_id, registration_id)
);
CREATE INDEX registration_gone_changed ON registration_gone (activity_id, changed_in);
";

const POSTGRES: &str = "
CREATE VIEW change_horizon AS SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS number;

CREATE FUNCTION number_change() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN NEW.changed_in := pg_current_xact_id()::text::bigint; RETURN NEW; END $$;

CREATE FUNCTION note_gone() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN
    INSERT INTO registration_gone VALUES (OLD.activity_id, OLD.id, pg_current_xact_id()::text::bigint);
    RETURN NULL;
  END $$;
CREATE TRIGGER registration_removed AFTER DELETE ON registration
  FOR EACH ROW EXECUTE FUNCTION note_gone();
";

const SQLITE: &str = "
CREATE TABLE change_number (id integer PRIMARY KEY CHECK (id = 1), last bigint NOT NULL);
INSERT INTO change_number VALUES (1, 0);
CREATE VIEW change_horizon AS SELECT last + 1 AS number FROM change_number;

CREATE TRIGGER registration_removed AFTER DELETE ON registration
  BEGIN
    UPDATE change_number SET last = last + 1;
    INSERT INTO registration_gone SELECT OLD.activity_id, OLD.id, last FROM change_number;
  END;
";
