//! A class that is held again and again (班次): its runs are numbered activities.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{OrganisationId, SeriesId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "series")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SeriesId,
    /// The academy or the chamber that it belongs to.
    pub organisation_id: OrganisationId,
    pub title: String,
    /// Unique in the organisation.
    pub code: Option<String>,
    /// Up to how many half-days the class teacher grants leave; with the next one, or none for the usual.
    pub teacher_half_days: Option<i32>,
    /// Up to how many half-days the academic office grants leave.
    pub academic_half_days: Option<i32>,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
