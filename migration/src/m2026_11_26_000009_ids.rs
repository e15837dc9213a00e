//! Ids of people in an export, which hardly compress, are kept as they are.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            crate::run(manager, AS_THEY_ARE).await?;
        }
        Ok(())
    }
}

const AS_THEY_ARE: &str = "ALTER TABLE export_people ALTER COLUMN ids SET STORAGE EXTERNAL";
