//! Templates: activities that are there to be copied, and never leave the draft.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, COLUMN).await
    }
}

const COLUMN: &str = "
ALTER TABLE activity ADD COLUMN is_template boolean NOT NULL DEFAULT false
  CHECK (NOT is_template OR status = 'DRAFT');
";
