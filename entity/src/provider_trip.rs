//! A browser's way to another system and back, for as long as signing in takes. Of what its ends hold only hashes are kept.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_trip")]
pub struct Model {
    /// SHA-256 of the `state` that goes there and comes back.
    #[sea_orm(primary_key, auto_increment = false)]
    pub state: Vec<u8>,
    /// SHA-256 of what the page that sent the browser keeps.
    pub secret: Vec<u8>,
    pub provider: String,
    /// The page that it comes back to in the end.
    pub return_to: String,
    pub expires_at: DateTimeUtc,
    /// When it came back, which it does once.
    pub came_at: Option<DateTimeUtc>,
    /// SHA-256 of the code that it came back to the page with.
    pub code: Option<Vec<u8>>,
    /// Who the other system says it is.
    pub subject: Option<String>,
    /// Their phone, where the other system has verified it.
    pub phone: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
