//! How far a chain of audit events was dropped by age.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "audit_anchor")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain: i32,
    /// Of the last event that was dropped.
    pub place: i64,
    /// Of the last event that was dropped.
    pub hash: Vec<u8>,
    pub at: DateTimeUtc,
    /// Vouches for chain, place and hash.
    pub seal: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
