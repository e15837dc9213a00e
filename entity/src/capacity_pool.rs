//! Seats that can run out: those of a whole activity, of one category of it, or set aside for an organisation.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{ActivityId, AllocationId, CategoryId, OrganisationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "capacity_pool")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AllocationId,
    pub activity_id: ActivityId,
    /// None where the category does not matter.
    pub category_id: Option<CategoryId>,
    /// The organisation, with everything below it, for which an allocation sets seats aside; none for the pools of the
    /// activity itself.
    pub organisation_id: Option<OrganisationId>,
    /// None: as many as come.
    pub size: Option<i32>,
    pub taken: i32,
    /// Seats that are nobody's yet but set aside by allocations. With `taken`, never more than `size` and
    /// `overbooked`: the database sees to it.
    pub held: i32,
    /// By how many seats the size was knowingly exceeded.
    pub overbooked: i32,
    /// Until when an allocation's seats are set aside.
    pub reply_by: Option<DateTimeUtc>,
    /// Since when an allocation's unused seats belong to all again.
    pub released_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
