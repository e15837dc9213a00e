//! Acts on many registrations at once, with an outcome for each.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, TABLES).await
    }
}

const TABLES: &str = "
CREATE TABLE bulk_act (
  id ID PRIMARY KEY,
  activity_id ID NOT NULL REFERENCES activity,
  account_id ID NOT NULL REFERENCES account,
  act JSON NOT NULL,
  all_or_nothing boolean NOT NULL,
  state TEXT NOT NULL,
  total integer NOT NULL,
  done integer NOT NULL,
  refused integer NOT NULL,
  created_at INSTANT NOT NULL,
  finished_at INSTANT,
  CHECK (done + refused <= total),
  CHECK ((state IN ('DONE', 'REFUSED')) = (finished_at IS NOT NULL))
);
CREATE INDEX bulk_act_activity ON bulk_act (activity_id, id);

CREATE TABLE bulk_row (
  bulk_id ID NOT NULL REFERENCES bulk_act,
  row integer NOT NULL,
  registration_id ID NOT NULL,
  outcome TEXT NOT NULL,
  code TEXT,
  result_id ID,
  PRIMARY KEY (bulk_id, row),
  UNIQUE (bulk_id, registration_id)
);
CREATE INDEX bulk_row_left ON bulk_row (bulk_id, row) WHERE outcome = 'WAITING';
";
