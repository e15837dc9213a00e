//! One human being, with or without an account.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{OrganisationId, PersonId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "person")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PersonId,
    pub name: String,
    /// Syllables without tones, the surname read right: `shan xiao ming`.
    pub pinyin: String,
    /// The order of names by pinyin, byte by byte.
    pub pinyin_key: Vec<u8>,
    /// The order of names by stroke count (按姓氏笔画), byte by byte.
    pub stroke_key: Vec<u8>,
    /// Digits, or `+` and digits for a foreign number. Two people may share one.
    pub phone: Option<String>,
    pub email: Option<String>,
    pub gender: Option<Gender>,
    /// `YYYY-MM`.
    pub birth: Option<String>,
    pub ethnicity: Option<String>,
    pub political: Option<String>,
    /// Sealed; see `api::vault`.
    pub id_no: Option<String>,
    /// By which an equal ID number is found.
    pub id_mark: Option<Vec<u8>>,
    /// The organisation that keeps this person's record.
    pub home_id: OrganisationId,
    pub created_at: DateTimeUtc,
}

/// As GB/T 2261.1 names them.
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
pub enum Gender {
    /// 男
    Male,
    /// 女
    Female,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
