//! How much a purge dropped of a class: of an activity, or of the people whose records an organisation keeps.

use sea_orm::entity::prelude::*;

use crate::{
    id::{ActivityId, OrganisationId, PurgeId},
    retention_rule::Class,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "purge_line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub purge_id: PurgeId,
    pub class: Class,
    pub activity_id: Option<ActivityId>,
    pub organisation_id: Option<OrganisationId>,
    pub items: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
