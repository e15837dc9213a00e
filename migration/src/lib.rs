//! The tables, a migration per step. Never imports `entity`: a migration says what was true when it was written.
#![forbid(unsafe_code)]

use sea_orm_migration::{
    prelude::*,
    sea_orm::{DbBackend, DbErr},
};

mod m2026_11_23_000001_main_job;
mod m2026_11_23_000002_registration;
mod m2026_11_23_000003_jobs;
mod m2026_11_23_000004_form;
mod m2026_11_23_000005_public;
mod m2026_11_23_000006_telling;
mod m2026_11_23_000007_bulk;
mod m2026_11_23_000008_template;
mod m2026_11_25_000001_attendance;
mod m2026_11_25_000002_device;
mod m2026_11_25_000003_self_check_in;
mod m2026_11_25_000004_class;
mod m2026_11_25_000005_credit;
mod m2026_11_25_000006_export;
mod m2026_11_25_000007_find;
mod m2026_11_25_000008_paper;
mod m2026_11_25_000009_credit_hours;
mod m2026_11_26_000001_audit;
mod m2026_11_26_000002_grants;
mod m2026_11_26_000003_sealed;
mod m2026_11_26_000004_pipl;
mod m2026_11_26_000005_accounts;
mod m2026_11_26_000006_api_key;
mod m2026_11_26_000007_identity;
mod m2026_11_26_000008_term;
mod m2026_11_26_000009_long_lists;

pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m2026_11_23_000001_main_job::Migration),
            Box::new(m2026_11_23_000002_registration::Migration),
            Box::new(m2026_11_23_000003_jobs::Migration),
            Box::new(m2026_11_23_000004_form::Migration),
            Box::new(m2026_11_23_000005_public::Migration),
            Box::new(m2026_11_23_000006_telling::Migration),
            Box::new(m2026_11_23_000007_bulk::Migration),
            Box::new(m2026_11_23_000008_template::Migration),
            Box::new(m2026_11_25_000001_attendance::Migration),
            Box::new(m2026_11_25_000002_device::Migration),
            Box::new(m2026_11_25_000007_find::Migration),
            Box::new(m2026_11_25_000003_self_check_in::Migration),
            Box::new(m2026_11_25_000004_class::Migration),
            Box::new(m2026_11_25_000005_credit::Migration),
            Box::new(m2026_11_25_000006_export::Migration),
            Box::new(m2026_11_25_000008_paper::Migration),
            Box::new(m2026_11_25_000009_credit_hours::Migration),
            Box::new(m2026_11_26_000001_audit::Migration),
            Box::new(m2026_11_26_000002_grants::Migration),
            Box::new(m2026_11_26_000003_sealed::Migration),
            Box::new(m2026_11_26_000004_pipl::Migration),
            Box::new(m2026_11_26_000005_accounts::Migration),
            Box::new(m2026_11_26_000006_api_key::Migration),
            Box::new(m2026_11_26_000007_identity::Migration),
            Box::new(m2026_11_26_000008_term::Migration),
            Box::new(m2026_11_26_000009_long_lists::Migration),
        ]
    }
}

/// Runs SQL written once for both databases: the words below in capitals stand for the type of each.
/// Text compares byte by byte on both, so that orders and keyset pages agree.
async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let postgres = manager.get_database_backend() == DbBackend::Postgres;
    let types = if postgres {
        [
            ("TEXT", "text COLLATE \"C\""),
            ("ID", "uuid"),
            ("INSTANT", "timestamptz"),
            ("BYTES", "bytea"),
            ("JSON", "jsonb"),
        ]
    } else {
        [("TEXT", "text"), ("ID", "blob"), ("INSTANT", "text"), ("BYTES", "blob"), ("JSON", "text")]
    };
    let mut out = String::with_capacity(sql.len() * 2);
    for word in sql.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        match types.iter().find(|(name, _)| *name == bare) {
            Some((_, own)) => {
                out.push_str(own);
                out.push_str(&word[bare.len()..]);
            }
            None => out.push_str(word),
        }
    }
    manager.get_connection().execute_unprepared(&out).await.map(drop)
}

/// Makes a table append-only, in the database itself.
async fn append_only(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let sql = if manager.get_database_backend() == DbBackend::Postgres {
        format!(
            "CREATE OR REPLACE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$;
             CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
               FOR EACH ROW EXECUTE FUNCTION {table}_is_append_only();"
        )
    } else {
        format!(
            "CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
               BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
             CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
               BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;"
        )
    };
    manager.get_connection().execute_unprepared(&sql).await.map(drop)
}
