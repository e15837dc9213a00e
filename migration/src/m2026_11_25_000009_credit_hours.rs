//! The credit hours of a year, whoever earned them.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, INDEX).await
    }
}

const INDEX: &str = "
CREATE INDEX credit_entry_day ON credit_entry (earned_on, registration_id);
";
