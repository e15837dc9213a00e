//! That somebody agreed to a notice, for one registration.

use sea_orm::entity::prelude::*;

use crate::id::{ConsentId, NoticeId, RegistrationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consent")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ConsentId,
    pub registration_id: RegistrationId,
    pub notice_id: NoticeId,
    /// The verified phone by which it was given.
    pub phone: String,
    pub address: Option<String>,
    pub given_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
