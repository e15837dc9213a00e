//! Data that were given to somebody else: a hotel, an insurer, a co-host. What happens there is outside of this service, so
//! that it is put on record who got what, what for, and until when.

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, ActivityId, ExportId, TransferId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "transfer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TransferId,
    pub activity_id: ActivityId,
    /// The export whose file was handed over, where it was one.
    pub export_id: Option<ExportId>,
    /// Who got it.
    pub receiver: String,
    pub purpose: String,
    /// Which fields, as people call them.
    #[sea_orm(column_type = "JsonBinary")]
    pub fields: Fields,
    pub rows: i64,
    /// Of the file.
    pub sha256: Vec<u8>,
    /// The last day on which the receiver may have it.
    pub delete_by: Date,
    /// The day on which the receiver deleted it, as they say.
    pub deleted_on: Option<Date>,
    /// How many of those in the export did not want their data handed on.
    pub refusers: i64,
    pub account_id: AccountId,
    pub recorded_at: DateTimeUtc,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Fields(pub Vec<String>);

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
