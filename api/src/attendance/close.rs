//! Closing a session: from then on it is fixed who was expected, and what changes is an amendment.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::{
    attendance,
    id::{AccountId, AttendanceId, RegistrationId, SessionId},
    registration, session,
};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    book::{self, Book, Held},
    derive::{Derived, Facts},
};
use crate::{
    app::App,
    authz::{Permit, policy::CloseSession},
    error::{Error, Failure, Refusal},
    refusals,
};

refusals! {
    /// Why a session was not closed.
    CloseSessionErrorCode, CloseSessionUserError {
        /// The session has not begun.
        NotBegun = "场次尚未开始，不能结束考勤", "the session has not begun";
        /// It is closed already.
        ClosedAlready = "场次考勤已结束", "the session is closed already";
    }
}

/// Freezes who was expected at a session. Whoever did not come is absent.
pub async fn close(
    tx: &DatabaseTransaction,
    permit: &Permit<CloseSession>,
    now: DateTime<Utc>,
) -> Result<session::Model, Error<CloseSessionErrorCode>> {
    let session = permit.on();
    if now < session.starts_at {
        return Err(CloseSessionErrorCode::NotBegun.at(["sessionId"]).into());
    }
    freeze(tx, session.id, Some(permit.actor()), now)
        .await?
        .ok_or_else(|| CloseSessionErrorCode::ClosedAlready.at(["sessionId"]).into())
}

/// Closes what is due to close by itself, one session after another.
pub async fn close_due(app: &App) -> Result<(), Failure> {
    let now = app.now();
    for id in crate::session::to_close(app.db.read(), now).await? {
        app.db.transaction(async |tx| freeze(tx, id, None, now).await).await?;
    }
    Ok(())
}

/// None where it is closed already.
async fn freeze(
    tx: &DatabaseTransaction,
    id: SessionId,
    by: Option<AccountId>,
    now: DateTime<Utc>,
) -> Result<Option<session::Model>, Failure> {
    if !crate::session::mark_closed(tx, id, by, now).await? {
        return Ok(None);
    }
    let held = book::held(tx, [id]).await?.remove(&id).ok_or(Failure::NotFound)?;
    // Behind these locks no scan of anybody expected is under way.
    let expected: Vec<RegistrationId> = registration::Entity::find()
        .select_only()
        .column(registration::Column::Id)
        .filter(super::expected_at(&held))
        .order_by_asc(registration::Column::Id)
        .lock_exclusive()
        .into_tuple()
        .all(tx)
        .await?;
    let there =
        attendance::Entity::find().filter(attendance::Column::SessionId.eq(id)).all(tx).await?;
    let mut book = Book::open(tx, now);
    let mut listed: HashSet<RegistrationId> = expected.iter().copied().collect();
    for before in there {
        let is_listed = listed.remove(&before.registration_id);
        let after = attendance::Model { expected: Some(is_listed), ..before.clone() };
        book.note(Some(&before), after);
    }
    for registration in expected.iter().filter(|it| listed.contains(it)) {
        if let Some(row) = absent(&held, *registration) {
            book.note(None, row);
        }
    }
    book.close().await?;
    let expected = i32::try_from(expected.len()).map_err(Failure::internal)?;
    crate::session::keep_expected(tx, id, expected).await.map(Some)
}

/// The attendance of somebody who was expected, and of whom nothing is known.
fn absent(held: &Held, registration: RegistrationId) -> Option<attendance::Model> {
    let derived: Derived = Facts::default().derive(&held.session, Some(true))?;
    Some(book::row(AttendanceId::generate(), (held.session.id, registration), derived, None))
}
