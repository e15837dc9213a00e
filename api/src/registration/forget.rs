//! What is dropped of registrations while they stay: figures are counted from them.

use entity::{
    decision,
    id::RegistrationId,
    registration::{self, Column, Details},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{Expr, SelectStatement},
};

use crate::{db::within, error::Failure};

/// Drops what lists said of some registrations beyond who comes. `which` selects from them.
pub async fn details(tx: &DatabaseTransaction, mut which: SelectStatement) -> Result<u64, Failure> {
    which.column((registration::Entity, Column::Id));
    let done = registration::Entity::update_many()
        .col_expr(Column::Details, Expr::value(Details::default()))
        .filter(Column::Id.in_subquery(which))
        .exec(tx)
        .await?;
    Ok(done.rows_affected)
}

/// Drops of some registrations all that was given with them, and why they stand as they do.
pub async fn of(tx: &DatabaseTransaction, of: &[RegistrationId]) -> Result<(), Failure> {
    let ids = || of.iter().copied();
    let nothing = || Expr::value(None::<String>);
    registration::Entity::update_many()
        .col_expr(Column::OrganisationName, nothing())
        .col_expr(Column::Title, nothing())
        .col_expr(Column::StatusReason, nothing())
        .col_expr(Column::Details, Expr::value(Details::default()))
        .filter(within((registration::Entity, Column::Id), ids()))
        .exec(tx)
        .await?;
    decision::Entity::update_many()
        .col_expr(decision::Column::Reason, nothing())
        .filter(within((decision::Entity, decision::Column::RegistrationId), ids()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Corrects what was given with a registration; what is not given stays. The activity may be over.
pub async fn correct(
    tx: &DatabaseTransaction,
    id: RegistrationId,
    organisation: Option<String>,
    title: Option<String>,
) -> Result<(), Failure> {
    let mut row = registration::ActiveModel { id: Unchanged(id), ..Default::default() };
    if organisation.is_some() {
        row.organisation_name = Set(organisation);
    }
    if title.is_some() {
        row.title = Set(title);
    }
    if row.is_changed() {
        registration::Entity::update(row).exec(tx).await?;
    }
    Ok(())
}
