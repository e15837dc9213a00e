//! Why a role was granted and taken back, delegation for an absence, and the separation of the administrators.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, COLUMNS).await?;
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        let triggers = if postgres { POSTGRES } else { SQLITE }.replace("{CLASH}", CLASH);
        manager.get_connection().execute_unprepared(&triggers).await.map(drop)
    }
}

const COLUMNS: &str = "
ALTER TABLE role_grant ADD COLUMN reason TEXT;
ALTER TABLE role_grant ADD COLUMN starts_at INSTANT;
ALTER TABLE role_grant ADD COLUMN delegates_id ID REFERENCES role_grant;
ALTER TABLE role_grant ADD COLUMN revoked_by ID REFERENCES account;
ALTER TABLE role_grant ADD COLUMN revoke_reason TEXT;
CREATE INDEX role_grant_delegates ON role_grant (delegates_id) WHERE delegates_id IS NOT NULL;
ALTER TABLE account ADD COLUMN enabled_at INSTANT;
";

// An account that is one of the three administrators is nothing else, but for figures.
const CLASH: &str = "
  SELECT 1 FROM role_grant AS held
    WHERE held.account_id = NEW.account_id AND held.id <> NEW.id AND held.revoked_at IS NULL
      AND (held.expires_at IS NULL OR held.expires_at > NEW.created_at)
      AND held.role <> NEW.role AND held.role <> 'VIEWER' AND NEW.role <> 'VIEWER'
      AND (held.role IN ('PLATFORM_ADMIN', 'SECURITY_ADMIN', 'AUDITOR')
        OR NEW.role IN ('PLATFORM_ADMIN', 'SECURITY_ADMIN', 'AUDITOR'))
";

const SQLITE: &str = "
CREATE TRIGGER role_grant_separation BEFORE INSERT ON role_grant WHEN EXISTS ({CLASH})
  BEGIN SELECT RAISE(ABORT, 'the administrators are separate'); END;
CREATE TRIGGER role_grant_separation_kept BEFORE UPDATE ON role_grant
  WHEN NEW.revoked_at IS NULL AND EXISTS ({CLASH})
  BEGIN SELECT RAISE(ABORT, 'the administrators are separate'); END;
";

// The account is locked, so that two grants to it at once see each other.
const POSTGRES: &str = "
CREATE FUNCTION role_grant_is_separate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM 1 FROM account WHERE id = NEW.account_id FOR NO KEY UPDATE;
  IF NEW.revoked_at IS NULL AND EXISTS ({CLASH}) THEN
    RAISE EXCEPTION 'the administrators are separate';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER role_grant_separation BEFORE INSERT OR UPDATE ON role_grant
  FOR EACH ROW EXECUTE FUNCTION role_grant_is_separate();
";
