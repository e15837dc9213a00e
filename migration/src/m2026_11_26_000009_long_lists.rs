//! Lists that are long: ids of people in an export, which hardly compress, are kept as they are; those who came to a
//! session stand in an index in their order.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            crate::run(manager, AS_THEY_ARE).await?;
        }
        crate::run(manager, IN_ORDER).await
    }
}

const AS_THEY_ARE: &str = "ALTER TABLE export_people ALTER COLUMN ids SET STORAGE EXTERNAL";
const IN_ORDER: &str = "CREATE INDEX attendance_session ON attendance (session_id, id)";
