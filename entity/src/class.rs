//! What an activity has that is a class of the academy. There is no row while nothing was said.

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::id::{ActivityId, OrganisationId, PersonId, SeriesId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "class")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub activity_id: ActivityId,
    pub series_id: Option<SeriesId>,
    /// 第N期: unique in the series, there with it and not without.
    pub run_number: Option<i32>,
    /// 班主任
    pub teacher_id: Option<PersonId>,
    #[sea_orm(column_type = "JsonBinary")]
    pub co_hosts: CoHosts,
    /// As of a series; where there is none, the series' hold.
    pub teacher_half_days: Option<i32>,
    pub academic_half_days: Option<i32>,
}

/// The organisations that hold a class together with its host, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct CoHosts(pub Vec<OrganisationId>);

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
