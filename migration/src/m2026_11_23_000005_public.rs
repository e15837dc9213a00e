//! Tickets that can be revoked and verified without the server.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, TABLES).await?;
        // The database's own strong random bytes: a UUID of version 4 has 122 of its 128 bits at random.
        let random = match manager.get_database_backend() {
            DbBackend::Postgres => {
                "decode(replace(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')"
            }
            _ => "randomblob(48)",
        };
        let sql = format!("INSERT INTO ticket_secret (id, secret) VALUES (1, {random})");
        manager.get_connection().execute_unprepared(&sql).await.map(drop)
    }
}

const TABLES: &str = "
CREATE TABLE ticket_secret (
  id integer PRIMARY KEY CHECK (id = 1),
  secret BYTES NOT NULL CHECK (length(secret) = 48)
);

CREATE TABLE ticket_revocation (
  registration_id ID NOT NULL REFERENCES registration,
  serial integer NOT NULL CHECK (serial > 0),
  activity_id ID NOT NULL REFERENCES activity,
  code TEXT NOT NULL UNIQUE,
  reason TEXT NOT NULL,
  revoked_at INSTANT NOT NULL,
  PRIMARY KEY (registration_id, serial)
);
CREATE INDEX ticket_revocation_activity ON ticket_revocation (activity_id);
";
