//! What a version of a certificate says, and the secret of its public address.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, CertificateId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "certificate_face")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub certificate_id: CertificateId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i32,
    /// 128 random bits.
    pub token: String,
    pub name: String,
    /// The class.
    pub title: String,
    /// The number of its run (第N期).
    pub run: Option<i32>,
    pub issuer: String,
    /// The days of the class, in its own zone.
    pub starts_on: Option<Date>,
    pub ends_on: Option<Date>,
    /// Hundredths of a credit hour.
    pub centihours: i32,
    /// The day of this version, in the zone of the class.
    pub issued_on: Date,
    /// Why there is a version after the first.
    pub reason: Option<String>,
    pub account_id: AccountId,
    pub made_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
