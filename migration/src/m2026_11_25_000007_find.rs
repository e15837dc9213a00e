//! People are found at the door by the last four digits of their phones.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, INDEX).await
    }
}

// The expression is one on both databases, and has to stand word for word in the query.
const INDEX: &str = "CREATE INDEX person_last_four ON person (substr(phone, length(phone) - 3));";
