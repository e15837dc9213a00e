//! A device at the doors of some activities, which acts by a token of its own.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, DeviceId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "device")]
#[expect(clippy::struct_field_names, reason = "a device is of a model, and every row is a Model")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeviceId,
    pub name: String,
    /// Where it stands, if it always stands there.
    pub gate: Option<String>,
    /// What it says that it is.
    pub model: Option<String>,
    /// Of the code that brings it into use, until it was used.
    pub code_hash: Option<Vec<u8>>,
    pub code_expires_at: DateTimeUtc,
    /// Of its token, once it is in use.
    pub token_hash: Option<Vec<u8>>,
    /// How far its clock was behind the server's when it was last measured, in milliseconds.
    pub clock_offset_ms: Option<i64>,
    pub created_by: AccountId,
    pub created_at: DateTimeUtc,
    pub redeemed_at: Option<DateTimeUtc>,
    pub expires_at: DateTimeUtc,
    pub revoked_at: Option<DateTimeUtc>,
    /// To the minute.
    pub last_seen_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        has_many = "super::device_activity::Entity",
        from = "Column::Id",
        to = "super::device_activity::Column::DeviceId"
    )]
    DeviceActivity,
}

impl Related<super::device_activity::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::DeviceActivity.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
