//! Lists on paper: how they are laid out, and what could not be shown.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, COLUMNS).await
    }
}

const COLUMNS: &str = "
ALTER TABLE export ADD COLUMN layout JSON NOT NULL DEFAULT '{}';
ALTER TABLE export ADD COLUMN unshown JSON NOT NULL DEFAULT '[]';
";
