//! An address that is told of what happens on the activities of an organisation and those below it.

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::{
    id::{OrganisationId, WebhookId},
    message::Occasion,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "webhook")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookId,
    pub organisation_id: OrganisationId,
    pub url: String,
    /// The key of its signatures, shown in the answer to its making alone.
    pub secret: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub occasions: Occasions,
    /// The number of the last event that was begun.
    pub sequence: i64,
    /// How often in a row it did not take an event.
    pub failures: i32,
    /// Not called before.
    pub due_at: DateTimeUtc,
    pub created_at: DateTimeUtc,
    pub disabled_at: Option<DateTimeUtc>,
}

/// What it is told of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Occasions(pub Vec<Occasion>);

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
