//! How the credit hours of an activity are earned, and who completes it. Versions are only added; the newest holds.

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::id::ActivityId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "credit_rule")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub activity_id: ActivityId,
    /// From 1; an activity without a row goes by the usual rule, which is version 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i32,
    #[sea_orm(column_type = "JsonBinary")]
    pub rule: Rule,
    pub set_at: DateTimeUtc,
}

/// A part of a whole, from 0 to 1, exact: a seventh is no decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratio {
    pub parts: u16,
    pub whole: u16,
}

/// The rule itself. Hours are in hundredths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Rule {
    pub earning: Earning,
    /// What is earned in part is rounded down to a multiple of this.
    pub unit: i32,
    /// What whoever is late earns of a session.
    pub late: Ratio,
    /// What whoever leaves early earns of a session …
    pub left_early: Ratio,
    /// … unless the minutes count and are known.
    pub left_early_by_minutes: bool,
    /// So many times late, or left early, count as one absence.
    pub lates_per_absence: Option<i32>,
    /// More leave than this part of the planned hours fails.
    pub most_leave: Option<Ratio>,
    /// More absences than this fail.
    pub most_absences: Option<i32>,
    pub least_hours: Option<i32>,
    /// No less than this part of the planned hours.
    pub least_ratio: Option<Ratio>,
    pub needs_course_work: bool,
}

/// What the hours of a session go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Earning {
    /// Whoever was there has them.
    FullIfPresent,
    /// The minutes inside, where exits are scanned.
    ByMinutes,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
