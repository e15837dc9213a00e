//! What is said to people on an occasion, by one channel: of an activity, or of an organisation for all below it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    id::{ActivityId, MessageTemplateId, OrganisationId},
    message::{Channel, Occasion},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "message_template")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MessageTemplateId,
    /// Exactly one of the two is set; the database sees to it.
    pub organisation_id: Option<OrganisationId>,
    pub activity_id: Option<ActivityId>,
    pub occasion: Occasion,
    pub channel: Channel,
    /// Of a mail; empty for a short message.
    pub subject: String,
    /// With variables: `{{姓名}}`. Empty: nothing is said, whatever stands above.
    pub text: String,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
