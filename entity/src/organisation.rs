//! A node of the one tree of organisations.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::OrganisationId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "organisation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrganisationId,
    /// None for the root alone.
    pub parent_id: Option<OrganisationId>,
    pub kind: Kind,
    pub name: String,
    /// The code that others know it by: GB/T 2260 for a district's federation, a credit code for an enterprise.
    pub code: Option<String>,
    /// The ids from the root to this node, each as 32 hex digits behind a slash: a subtree is a prefix.
    pub path: String,
    pub created_at: DateTimeUtc,
}

/// What an organisation is.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// 工商联
    Federation,
    /// 商会、协会
    Chamber,
    /// 企业
    Enterprise,
    /// 政府部门
    Department,
    /// 院校
    School,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
