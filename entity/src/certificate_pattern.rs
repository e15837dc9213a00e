//! How the certificates of a class, a series, or an organisation and all below it are numbered, and who issues them.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{ActivityId, CertificatePatternId, OrganisationId, SeriesId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "certificate_pattern")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CertificatePatternId,
    /// Exactly one of the three is set; the database sees to it.
    pub organisation_id: Option<OrganisationId>,
    pub series_id: Option<SeriesId>,
    pub activity_id: Option<ActivityId>,
    /// With `{year}`, `{run}` and once `{seq}`, each with a width if wanted: `{seq:3}`.
    pub pattern: String,
    /// As it is printed; the host's name where there is none.
    pub issuer: Option<String>,
    pub set_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
