//! What is dropped of certificates: whose they are.

use entity::{certificate, certificate_face, id::RegistrationId};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{Expr, Query},
};

use crate::{db::within, error::Failure};

/// Puts another name on all certificates of some registrations. The numbers stay.
pub async fn of(
    tx: &DatabaseTransaction,
    of: &[RegistrationId],
    name: &str,
) -> Result<(), Failure> {
    let own = Query::select()
        .column(certificate::Column::Id)
        .from(certificate::Entity)
        .and_where(within(
            (certificate::Entity, certificate::Column::RegistrationId),
            of.iter().copied(),
        ))
        .to_owned();
    certificate_face::Entity::update_many()
        .col_expr(certificate_face::Column::Name, Expr::value(name))
        .filter(certificate_face::Column::CertificateId.in_subquery(own))
        .exec(tx)
        .await?;
    Ok(())
}
