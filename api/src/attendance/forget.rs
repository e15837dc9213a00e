//! What is dropped of scans: where a code was read, and what it was. Who came, and when, stays.

use entity::{
    attendance,
    id::{RegistrationId, ScanId},
    scan::{self, Column},
};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, SimpleExpr},
};

use crate::{db::within, error::Failure};

/// Drops the places of some scans, and of the attendance that follows from them.
pub async fn places(tx: &DatabaseTransaction, scans: &[ScanId]) -> Result<(), Failure> {
    let nothing = || -> SimpleExpr { Expr::value(None::<String>) };
    scan::Entity::update_many()
        .col_expr(Column::Gate, nothing())
        .col_expr(Column::Code, nothing())
        .filter(within(Column::Id, scans.iter().copied()))
        .exec(tx)
        .await?;
    attendance::Entity::update_many()
        .col_expr(attendance::Column::FirstGate, nothing())
        .filter(within(attendance::Column::FirstScanId, scans.iter().copied()))
        .filter(attendance::Column::FirstGate.is_not_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Drops the places of all scans of some registrations; which scans those are.
pub async fn of(tx: &DatabaseTransaction, of: &[RegistrationId]) -> Result<Vec<ScanId>, Failure> {
    let scans: Vec<ScanId> = scan::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(within((scan::Entity, Column::RegistrationId), of.iter().copied()))
        .into_tuple()
        .all(tx)
        .await?;
    places(tx, &scans).await?;
    Ok(scans)
}
