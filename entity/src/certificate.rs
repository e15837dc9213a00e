//! A certificate and its number, which is given out once and never again. What it says is in `certificate_face`.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, ActivityId, CertificateId, RegistrationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "certificate")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CertificateId,
    /// Has one valid certificate at most.
    pub registration_id: RegistrationId,
    pub activity_id: ActivityId,
    /// The number with `{seq}` in the place of `seq`: what is counted together.
    pub stem: String,
    pub seq: i32,
    pub number: String,
    /// The version that holds, from 1.
    pub version: i32,
    pub account_id: AccountId,
    pub issued_at: DateTimeUtc,
    pub revoked_at: Option<DateTimeUtc>,
    pub revoked_by: Option<AccountId>,
    pub revoke_reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
