//! Seats set aside, the waiting list, invitations, and approval step by step.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, POOLS).await?;
        crate::run(manager, REGISTRATIONS).await
    }
}

// Made anew: a category has a pool of its own and may have others in which its seats are set aside.
const POOLS: &str = "
CREATE TABLE seat_pool (
  id ID PRIMARY KEY,
  activity_id ID NOT NULL REFERENCES activity,
  category_id ID REFERENCES category,
  organisation_id ID REFERENCES organisation,
  size integer CHECK (size >= 0),
  taken integer NOT NULL CHECK (taken >= 0),
  held integer NOT NULL CHECK (held >= 0),
  overbooked integer NOT NULL CHECK (overbooked >= 0),
  reply_by INSTANT,
  released_at INSTANT,
  CHECK (size IS NULL OR taken + held <= size + overbooked),
  CHECK (organisation_id IS NULL OR (size IS NOT NULL AND held = 0)),
  CHECK (organisation_id IS NOT NULL OR (reply_by IS NULL AND released_at IS NULL))
);
INSERT INTO seat_pool (id, activity_id, category_id, size, taken, held, overbooked)
  SELECT id, activity_id, category_id, size, taken, 0, 0 FROM capacity_pool;
DROP TABLE capacity_pool;
ALTER TABLE seat_pool RENAME TO capacity_pool;
CREATE INDEX capacity_pool_activity ON capacity_pool (activity_id);
CREATE UNIQUE INDEX capacity_pool_whole ON capacity_pool (activity_id)
  WHERE category_id IS NULL AND organisation_id IS NULL;
CREATE UNIQUE INDEX capacity_pool_category ON capacity_pool (category_id)
  WHERE category_id IS NOT NULL AND organisation_id IS NULL;
-- An organisation has one allocation for a category of an activity, and one for all categories.
CREATE UNIQUE INDEX capacity_pool_allocation ON capacity_pool (activity_id, organisation_id)
  WHERE organisation_id IS NOT NULL AND category_id IS NULL;
CREATE UNIQUE INDEX capacity_pool_category_allocation
  ON capacity_pool (activity_id, organisation_id, category_id)
  WHERE organisation_id IS NOT NULL AND category_id IS NOT NULL;
CREATE INDEX capacity_pool_organisation ON capacity_pool (organisation_id)
  WHERE organisation_id IS NOT NULL;
";

const REGISTRATIONS: &str = "
ALTER TABLE activity ADD COLUMN approval JSON NOT NULL DEFAULT '[]';
ALTER TABLE activity ADD COLUMN offer_minutes integer NOT NULL DEFAULT 1440;

ALTER TABLE registration RENAME COLUMN cancel_reason TO status_reason;
ALTER TABLE registration ADD COLUMN allocation_id ID REFERENCES capacity_pool;
ALTER TABLE registration ADD COLUMN priority integer NOT NULL DEFAULT 0;
ALTER TABLE registration ADD COLUMN queued_at INSTANT;
ALTER TABLE registration ADD COLUMN way TEXT NOT NULL DEFAULT 'ORGANISER';
ALTER TABLE registration ADD COLUMN reply_by INSTANT;
ALTER TABLE registration ADD COLUMN reminded_at INSTANT;
ALTER TABLE registration ADD COLUMN replaces_id ID REFERENCES registration;
ALTER TABLE registration ADD COLUMN recommender_id ID REFERENCES organisation;
ALTER TABLE registration ADD COLUMN step TEXT;
ALTER TABLE registration ADD COLUMN waits_for_id ID REFERENCES organisation;
UPDATE registration SET way = 'ROSTER' WHERE batch_id IS NOT NULL;
UPDATE registration SET queued_at = status_at WHERE status = 'WAITLISTED';
CREATE INDEX registration_waiting ON registration (activity_id, priority DESC, queued_at, id)
  WHERE status = 'WAITLISTED';
CREATE INDEX registration_reply_by ON registration (activity_id, reply_by)
  WHERE status IN ('INVITED', 'OFFERED');
CREATE INDEX registration_waits_for ON registration (waits_for_id, id) WHERE status = 'PENDING';
CREATE INDEX registration_recommender ON registration (recommender_id)
  WHERE recommender_id IS NOT NULL;
CREATE INDEX registration_allocation ON registration (allocation_id)
  WHERE allocation_id IS NOT NULL;
CREATE INDEX registration_replaces ON registration (replaces_id) WHERE replaces_id IS NOT NULL;

CREATE TABLE decision (
  id ID PRIMARY KEY,
  registration_id ID NOT NULL REFERENCES registration ON DELETE CASCADE,
  step TEXT NOT NULL,
  organisation_id ID REFERENCES organisation,
  account_id ID REFERENCES account,
  verdict TEXT NOT NULL,
  reason TEXT,
  at INSTANT NOT NULL
);
CREATE INDEX decision_registration ON decision (registration_id, id);
";
