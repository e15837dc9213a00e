//! Who was in an export when its file was made: their ids in one order, at most 65,536 in a row.

use sea_orm::entity::prelude::*;

use crate::id::{ExportId, PersonId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "export_people")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub export_id: ExportId,
    /// SHA-256 of all ids of this making: a file that is made again of the same people leaves no more rows.
    pub set_hash: Vec<u8>,
    pub made_at: DateTimeUtc,
    pub first_id: PersonId,
    pub last_id: PersonId,
    /// 16 bytes each.
    pub ids: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
