//! Who came. An attendance is derived from scans, leave and corrections: working it out again gives the same.
//!
//! `door` gathers scans, `plain` and `scan` take them, `undo` undoes them, `correct` says otherwise, `excuse` notes leave, `close` freezes a session.
//! All of them write over a [`book::Book`], which derives (`derive`) and keeps the figures (`tally`).

pub mod book;
pub mod close;
pub mod correct;
pub mod derive;
pub mod door;
pub mod excuse;
pub mod forget;
pub mod graphql;
pub mod past;
mod plain;
pub mod recompute;
pub mod scan;
pub mod sync;
pub mod tally;
pub mod undo;
pub mod walk_in;

use chrono::{DateTime, Utc};
use entity::{
    attendance::{self, Column},
    id::{AttendanceId, RegistrationId, SessionId},
    registration,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QuerySelect,
};

use self::book::{Book, Held, Pair};
use crate::error::Failure;

/// The attendance of a registration at a session.
pub async fn of(
    db: &impl ConnectionTrait,
    session: SessionId,
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

/// The registrations that are expected at a session: the same as [`Held::has`], for the database.
#[must_use]
pub fn expected_at(held: &Held) -> Condition {
    use registration::{Column, Status};
    let was_there = Condition::all()
        .add(Column::Status.eq(Status::Cancelled))
        .add(Column::WithdrawnOn.is_not_null());
    Condition::all()
        .add(Column::ActivityId.eq(held.session.activity_id))
        .add(Condition::any().add(Column::Status.eq(Status::Confirmed)).add(was_there))
        .add(
            Condition::any()
                .add(Column::EnrolledOn.is_null())
                .add(Column::EnrolledOn.lte(held.day)),
        )
        .add(
            Condition::any()
                .add(Column::WithdrawnOn.is_null())
                .add(Column::WithdrawnOn.gt(held.day)),
        )
}

/// Derives anew what is known of a session whose times were changed.
pub async fn judge_again(
    tx: &DatabaseTransaction,
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let mut book = Book::open(tx, now);
    book.settle_session(session).await?;
    book.close().await
}

/// Derives anew what is known of registrations whose status or enrolment changed.
pub async fn follow(
    tx: &DatabaseTransaction,
    registrations: impl IntoIterator<Item = RegistrationId>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let ids: Vec<RegistrationId> = registrations.into_iter().collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut pairs = std::collections::BTreeSet::new();
    for chunk in ids.chunks(crate::db::many::ROWS) {
        let attended: Vec<Pair> = attendance::Entity::find()
            .select_only()
            .columns([Column::SessionId, Column::RegistrationId])
            .filter(crate::db::among(
                tx,
                (attendance::Entity, Column::RegistrationId),
                chunk.iter().copied(),
            ))
            .into_tuple()
            .all(tx)
            .await?;
        let excused: Vec<Pair> = entity::excuse::Entity::find()
            .select_only()
            .columns([entity::excuse::Column::SessionId, entity::excuse::Column::RegistrationId])
            .filter(crate::db::among(
                tx,
                (entity::excuse::Entity, entity::excuse::Column::RegistrationId),
                chunk.iter().copied(),
            ))
            .into_tuple()
            .all(tx)
            .await?;
        pairs.extend(attended.into_iter().chain(excused));
    }
    if pairs.is_empty() {
        return Ok(());
    }
    let mut book = Book::open(tx, now);
    book.settle_all(&pairs).await?;
    book.close().await
}
