//! The terms that people are found by go with their person by a trigger, not by a foreign key: a person has a dozen, and to look
//! for the person behind each one took as long as to write it. They are only ever written beside the person.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        crate::run(manager, if postgres { POSTGRES } else { SQLITE }).await
    }
}

const POSTGRES: &str = "
ALTER TABLE person_term DROP CONSTRAINT person_term_person_id_fkey;
CREATE FUNCTION person_takes_terms_along() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN DELETE FROM person_term WHERE person_id = OLD.id; RETURN NULL; END $$;
CREATE TRIGGER person_takes_terms_along AFTER DELETE ON person
  FOR EACH ROW EXECUTE FUNCTION person_takes_terms_along();
";

// The table is its own index here, so that each term is kept twice and not three times.
const SQLITE: &str = "
CREATE TABLE person_term_anew (
  term TEXT NOT NULL,
  person_id ID NOT NULL,
  PRIMARY KEY (term, person_id)
) WITHOUT ROWID;
INSERT INTO person_term_anew SELECT term, person_id FROM person_term;
DROP TABLE person_term;
ALTER TABLE person_term_anew RENAME TO person_term;
CREATE INDEX person_term_person ON person_term (person_id);
CREATE TRIGGER person_takes_terms_along AFTER DELETE ON person
  BEGIN DELETE FROM person_term WHERE person_id = OLD.id; END;
";
