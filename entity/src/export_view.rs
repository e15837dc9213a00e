//! Columns of a kind of export that were given a name. Whoever holds an activity of the organisation has it to choose.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    export::{Keys, Kind, Sort},
    id::{AccountId, ActivityId, ExportViewId, OrganisationId},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "export_view")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ExportViewId,
    /// The host of the activity it was made for.
    pub organisation_id: OrganisationId,
    pub activity_id: ActivityId,
    pub account_id: AccountId,
    pub kind: Kind,
    /// Unique for a kind of an organisation.
    pub name: String,
    pub sort: Sort,
    #[sea_orm(column_type = "JsonBinary")]
    pub columns: Keys,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
