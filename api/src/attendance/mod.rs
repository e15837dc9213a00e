//! What scans say of who came. A row is derived: working it out again from the scans gives the same.

pub mod graphql;
pub mod past;
pub mod scan;

use entity::{
    attendance::{self, Column, Status},
    scan as scan_row, session,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{CaseStatement, Expr, ExprTrait},
};

use entity::id::{AttendanceId, RegistrationId};

use crate::error::Failure;

/// How whoever came in at `at` attended the session.
#[must_use]
pub fn judge(session: &session::Model, at: chrono::DateTime<chrono::Utc>) -> Status {
    if at < session.late_at { Status::Present } else { Status::Late }
}

/// The attendance of a registration at a session.
pub async fn of(
    db: &impl ConnectionTrait,
    session: entity::id::SessionId,
    registration: RegistrationId,
) -> Result<Option<attendance::Model>, Failure> {
    Ok(attendance::Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::RegistrationId.eq(registration))
        .one(db)
        .await?)
}

/// One attendance by its id.
pub async fn find(
    db: &impl ConnectionTrait,
    id: AttendanceId,
) -> Result<attendance::Model, Failure> {
    attendance::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)
}

/// Takes in a scan that let somebody in. The earliest such scan is when they came, in whatever order scans arrive.
/// The registration is locked.
pub async fn note(
    tx: &DatabaseTransaction,
    session: &session::Model,
    registration: RegistrationId,
    before: Option<attendance::Model>,
    scan: &scan_row::Model,
) -> Result<attendance::Model, Failure> {
    let earlier =
        before.as_ref().and_then(|it| it.first_in_at).is_some_and(|at| at <= scan.scanned_at);
    match before {
        Some(before) if earlier => Ok(before),
        Some(before) => {
            let row = attendance::ActiveModel {
                id: Unchanged(before.id),
                status: Set(judge(session, scan.scanned_at)),
                first_in_at: Set(Some(scan.scanned_at)),
                first_gate: Set(scan.gate.clone()),
                first_scan_id: Set(Some(scan.id)),
                ..Default::default()
            };
            Ok(attendance::Entity::update(row).exec(tx).await?)
        }
        None => {
            let row = attendance::Model {
                id: AttendanceId::generate(),
                session_id: session.id,
                registration_id: registration,
                status: judge(session, scan.scanned_at),
                first_in_at: Some(scan.scanned_at),
                first_gate: scan.gate.clone(),
                first_scan_id: Some(scan.id),
            };
            attendance::Entity::insert(attendance::ActiveModel::from(row.clone()).reset_all())
                .exec_without_returning(tx)
                .await?;
            Ok(row)
        }
    }
}

/// Judges again who was late at a session whose times were changed.
pub async fn judge_again(
    tx: &DatabaseTransaction,
    session: &session::Model,
) -> Result<(), Failure> {
    let status = CaseStatement::new()
        .case(Expr::col(Column::FirstInAt).lt(session.late_at), Expr::value(Status::Present))
        .finally(Expr::value(Status::Late));
    attendance::Entity::update_many()
        .col_expr(Column::Status, status.into())
        .filter(Column::SessionId.eq(session.id))
        .filter(Column::FirstInAt.is_not_null())
        .exec(tx)
        .await?;
    Ok(())
}
