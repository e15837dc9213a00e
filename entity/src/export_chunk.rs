//! A piece of a file that was made in the background. All but the last are of one size.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::ExportId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "export_chunk")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub export_id: ExportId,
    /// From 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub nth: i32,
    pub content: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
