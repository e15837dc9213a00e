//! What a registration answered to a question.

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use super::question::FileType;
use crate::id::{QuestionId, RegistrationId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "answer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub registration_id: RegistrationId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub question_id: QuestionId,
    #[sea_orm(column_type = "JsonBinary")]
    pub value: Value,
    /// What was consented to, word for word.
    pub wording: Option<String>,
    pub answered_at: DateTimeUtc,
}

/// An answer as it was found right for its question's kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(rename_all = "camelCase")]
pub enum Value {
    /// Of a text, a phone.
    Text(String),
    /// Of an ID number, sealed; see `api::vault`.
    IdNumber(String),
    Number(f64),
    /// Of yes or no, and of a consent.
    Flag(bool),
    /// The keys of what was chosen: one of ONE_OF, in the form's order of SEVERAL_OF.
    Choices(Vec<String>),
    Date(chrono::NaiveDate),
    /// The bytes are in `answer_file`.
    File(File),
}

/// What is known of a file without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub name: String,
    pub size: i64,
    pub kind: FileType,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
