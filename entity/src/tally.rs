//! The figures of a session, kept in a few parts: their sum counts.

use sea_orm::entity::prelude::*;

use crate::id::SessionId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tally")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Which part.
    #[sea_orm(primary_key, auto_increment = false)]
    pub shard: i16,
    pub present: i32,
    pub late: i32,
    pub left_early: i32,
    pub excused: i32,
    pub absent: i32,
    /// Those who are not on the list of a closed session; in none of the figures above.
    pub unexpected: i32,
    pub inside: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::session::Entity",
        from = "Column::SessionId",
        to = "super::session::Column::Id"
    )]
    Session,
}

impl ActiveModelBehavior for ActiveModel {}
