//! By which claim and on which device somebody came in by themselves.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{RegistrationId, ScanId, SessionId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "self_scan")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub scan_id: ScanId,
    pub session_id: SessionId,
    pub registration_id: RegistrationId,
    /// Names the claim, so the one time at which a code was scanned.
    pub claim_id: Uuid,
    /// What the device calls itself.
    pub device: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
