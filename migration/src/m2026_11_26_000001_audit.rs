//! What came of an act, and what changed by it.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, COLUMNS).await
    }
}

// `details` is a text of JSON, kept byte by byte as it was written.
const COLUMNS: &str = "
ALTER TABLE audit_event ADD COLUMN outcome TEXT NOT NULL DEFAULT 'DONE';
ALTER TABLE audit_event ADD COLUMN details TEXT;
CREATE INDEX audit_event_account ON audit_event (account_id, id);
CREATE INDEX audit_event_action ON audit_event (action, id);
";
