//! What people are told of how their data are used (告知书), version by version. Never changed.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{ActivityId, NoticeId, OrganisationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "notice")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NoticeId,
    /// Whose it is: of an organisation, for all below it, or of one activity.
    pub organisation_id: Option<OrganisationId>,
    pub activity_id: Option<ActivityId>,
    /// Its place among those of the same organisation or activity, from 1.
    pub number: i32,
    pub text: String,
    pub published_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
