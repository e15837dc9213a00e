//! Erasing somebody: who it was goes, and that somebody came stays, so that no figure changes.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    account, activity, certificate,
    consent::{self, Column},
    data_request::{self, Changes},
    erasure::{self, Extent},
    id::{PersonId, RegistrationId},
    person, registration, session, trainer, withdrawal,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, PaginatorTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict, Query},
};

use crate::{
    attendance, certificate as certificates, class,
    db::within,
    error::Failure,
    form, leave, outbox,
    person::{forget as people, name::Namer},
    registration as registrations, roster, self_check_in, ticket,
};

/// How long certificates are kept that are not revoked.
const CERTIFICATES_KEPT: TimeDelta = TimeDelta::days(3_650);

/// Why somebody cannot be erased now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// On an activity, or teaching at one, that is not over.
    Upcoming,
    /// Signs in.
    Account,
}

/// What stands against erasing somebody. The caller has locked the person, where it is to hold.
pub async fn obstacle(
    db: &impl ConnectionTrait,
    id: PersonId,
    now: DateTime<Utc>,
) -> Result<Option<Obstacle>, Failure> {
    let open = [activity::Status::Draft, activity::Status::Published];
    let to_come = Query::select()
        .column(activity::Column::Id)
        .from(activity::Entity)
        .and_where(activity::Column::Status.is_in(open))
        .cond_where(
            Condition::any()
                .add(activity::Column::EndsAt.is_null())
                .add(activity::Column::EndsAt.gt(now)),
        )
        .to_owned();
    let sessions = Query::select()
        .column(session::Column::Id)
        .from(session::Entity)
        .and_where(session::Column::ActivityId.in_subquery(to_come.clone()))
        .to_owned();
    let comes = registration::Entity::find()
        .filter(registration::Column::PersonId.eq(id))
        .filter(registration::Column::Status.is_in(registration::Status::LIVE))
        .filter(registration::Column::ActivityId.in_subquery(to_come))
        .count(db)
        .await?;
    let teaches = trainer::Entity::find()
        .filter(trainer::Column::PersonId.eq(id))
        .filter(trainer::Column::SessionId.in_subquery(sessions))
        .count(db)
        .await?;
    if comes + teaches > 0 {
        return Ok(Some(Obstacle::Upcoming));
    }
    let signs_in =
        account::Entity::find().filter(account::Column::PersonId.eq(id)).count(db).await?;
    Ok((signs_in > 0).then_some(Obstacle::Account))
}

/// How far somebody can be erased: whoever has a certificate is kept on record with it.
pub async fn extent(
    db: &impl ConnectionTrait,
    id: PersonId,
    now: DateTime<Utc>,
) -> Result<Extent, Failure> {
    let own = registrations_of(db, id).await?;
    let certified = certificate::Entity::find()
        .filter(within((certificate::Entity, certificate::Column::RegistrationId), own))
        .filter(certificate::Column::RevokedAt.is_null())
        .filter(certificate::Column::IssuedAt.gt(now - CERTIFICATES_KEPT))
        .count(db)
        .await?;
    Ok(if certified > 0 { Extent::Restricted } else { Extent::Erased })
}

async fn registrations_of(
    db: &impl ConnectionTrait,
    id: PersonId,
) -> Result<Vec<RegistrationId>, Failure> {
    Ok(registration::Entity::find()
        .select_only()
        .column(registration::Column::Id)
        .filter(registration::Column::PersonId.eq(id))
        .into_tuple()
        .all(db)
        .await?)
}

/// Locks a person, so that nobody refers to them anew until the transaction ends.
pub async fn lock(tx: &DatabaseTransaction, id: PersonId) -> Result<person::Model, Failure> {
    let found = person::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    found.ok_or(Failure::NotFound)
}

/// Erases what is known of a person whom the caller has locked. Once more, it changes nothing.
pub async fn erase(
    tx: &DatabaseTransaction,
    namer: &Namer,
    it: &person::Model,
    extent: Extent,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let own = registrations_of(tx, it.id).await?;
    form::forget::of(tx, &own).await?;
    outbox::forget::of(tx, &own).await?;
    roster::forget::of(tx, &own, it.phone.as_deref()).await?;
    leave::forget(tx, &own).await?;
    let scans = attendance::forget::of(tx, &own).await?;
    self_check_in::flags::forget(tx, &scans).await?;
    registrations::forget::of(tx, &own).await?;
    ticket::forget(tx, &own).await?;
    if extent == Extent::Erased {
        certificates::forget::of(tx, &own, people::ERASED).await?;
        class::group::forget(tx, &own).await?;
    }
    people::of_one(tx, namer, it, extent == Extent::Restricted).await?;
    consent::Entity::update_many()
        .col_expr(Column::Phone, Expr::value(None::<String>))
        .col_expr(Column::Address, Expr::value(None::<String>))
        .filter(Column::PersonId.eq(it.id))
        .exec(tx)
        .await?;
    withdrawal::Entity::update_many()
        .col_expr(withdrawal::Column::Reason, Expr::value(None::<String>))
        .filter(withdrawal::Column::PersonId.eq(it.id))
        .exec(tx)
        .await?;
    data_request::Entity::update_many()
        .col_expr(data_request::Column::Changes, Expr::value(Changes::default()))
        .col_expr(data_request::Column::Remark, Expr::value(None::<String>))
        .filter(data_request::Column::PersonId.eq(it.id))
        .exec(tx)
        .await?;
    let row = erasure::Model { person_id: it.id, extent, erased_at: now };
    let again = OnConflict::column(erasure::Column::PersonId)
        .update_columns([erasure::Column::Extent, erasure::Column::ErasedAt])
        .to_owned();
    erasure::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(again)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
