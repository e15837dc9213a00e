//! A key by which data are sealed or marked. The key itself is not in the database.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "data_key")]
pub struct Model {
    /// Told by the key, so that a server notices that it has another one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub kind: Kind,
    pub known_at: DateTimeUtc,
    /// Of the index: since when nothing is kept plain any more that is to be sealed.
    pub sealed_at: Option<DateTimeUtc>,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Marks, by which equal ID numbers are found. There is one.
    Index,
    /// Seals and opens.
    Seal,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
