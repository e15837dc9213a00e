//! What is dropped of uploaded lists. That a row was there, what it did and what was found in it, stays.

use entity::{
    id::{ActivityId, RegistrationId},
    roster_batch,
    roster_row::{self, Column},
};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    UpdateMany,
    sea_query::{Expr, ExprTrait, SelectStatement},
};
use serde_json::json;

use crate::{db::within, error::Failure};

/// Whether a row still says of whom it was.
#[must_use]
pub fn is_known() -> Condition {
    [Column::Name, Column::Phone, Column::Organisation, Column::Title, Column::Record]
        .into_iter()
        .fold(Condition::any(), |any, it| {
            any.add(Expr::col((roster_row::Entity, it)).is_not_null())
        })
}

/// Drops what some rows of the lists of an activity say, and the lines of those lists that were no rows. `which` selects
/// from the rows. Nobody who was on them can be told from a list that is undone after that.
pub async fn rows(
    tx: &DatabaseTransaction,
    activity: ActivityId,
    mut which: SelectStatement,
) -> Result<u64, Failure> {
    for it in [Column::BatchId, Column::Row] {
        which.column((roster_row::Entity, it));
    }
    let key = Expr::tuple([Expr::col(Column::BatchId), Expr::col(Column::Row)]);
    let done = emptied().filter(key.in_subquery(which)).exec(tx).await?;
    let batches = roster_batch::Entity::find()
        .filter(roster_batch::Column::ActivityId.eq(activity))
        .all(tx)
        .await?;
    for batch in batches {
        let is_said = batch.report["skipped"].as_array().is_some_and(|it| !it.is_empty());
        if is_said {
            let mut report = batch.report.clone();
            report["skipped"] = json!([]);
            let mut row = batch.into_active_model();
            row.report = sea_orm::ActiveValue::Set(report);
            roster_batch::Entity::update(row).exec(tx).await?;
        }
    }
    Ok(done.rows_affected)
}

fn emptied() -> UpdateMany<roster_row::Entity> {
    let nothing = || Expr::value(None::<String>);
    roster_row::Entity::update_many()
        .col_expr(Column::Name, nothing())
        .col_expr(Column::Phone, nothing())
        .col_expr(Column::Organisation, nothing())
        .col_expr(Column::Title, nothing())
        .col_expr(Column::Record, Expr::value(None::<serde_json::Value>))
        .col_expr(Column::Undo, Expr::value(json!({})))
}

/// Drops what lists say of somebody: in the rows that became these registrations, and in those with the phone.
pub async fn of(
    tx: &DatabaseTransaction,
    of: &[RegistrationId],
    phone: Option<&str>,
) -> Result<(), Failure> {
    let became = within((roster_row::Entity, Column::RegistrationId), of.iter().copied());
    let theirs = Condition::any().add(became).add_option(phone.map(|it| Column::Phone.eq(it)));
    emptied().filter(theirs).exec(tx).await?;
    Ok(())
}
