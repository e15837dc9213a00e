//! What an activity asks of those who register.

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::id::{ActivityId, QuestionId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "question")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: QuestionId,
    pub activity_id: ActivityId,
    /// What it is called on this activity, for ever.
    pub key: String,
    pub stage: Stage,
    /// Its place in the whole form, from 0.
    pub position: i32,
    pub kind: Kind,
    pub label: String,
    pub label_en: Option<String>,
    pub help: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub options: Options,
    pub required: bool,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub visible_if: Option<Condition>,
    #[sea_orm(column_type = "JsonBinary")]
    pub limits: Limits,
    /// What the answer is needed for.
    pub purpose: String,
    /// Days after the activity's end.
    pub kept_for: i32,
    /// Since when it is not asked any more.
    pub archived_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
}

/// What an answer is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    Text,
    LongText,
    OneOf,
    SeveralOf,
    YesNo,
    Number,
    Date,
    Phone,
    IdNumber,
    File,
    Consent,
}

/// When it is asked.
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
pub enum Stage {
    /// With the registration.
    Registration,
    /// Later on, of those who come.
    FollowUp,
}

/// The choices of a question, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Options(pub Vec<Choice>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub key: String,
    pub label: String,
    pub label_en: Option<String>,
}

/// Which answer of an earlier question it takes for this one to be shown: the keys of choices, or `true` or `false`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Condition {
    pub key: String,
    pub is_any_of: Vec<String>,
}

/// What an answer keeps to. Each has a meaning for some kinds only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(default)]
pub struct Limits {
    /// Characters.
    pub max_length: Option<i32>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub from: Option<chrono::NaiveDate>,
    pub until: Option<chrono::NaiveDate>,
    pub max_bytes: Option<i32>,
    /// None: all that are taken.
    pub file_types: Option<Vec<FileType>>,
}

/// What a file is, by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FileType {
    Pdf,
    Png,
    Jpeg,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
