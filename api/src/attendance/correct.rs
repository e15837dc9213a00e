//! What an organiser says of somebody's attendance, over what the scans say. Both are kept.

use chrono::{DateTime, Utc};
use entity::{
    attendance::Status,
    correction,
    id::{CorrectionId, RegistrationId, SessionId},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder,
};

use super::book::{self, Book};
use crate::{
    authz::{Permit, policy::CorrectAttendance},
    error::{Error, Failure, Refusal},
    refusals,
};

refusals! {
    /// Why an attendance was not corrected.
    CorrectAttendanceErrorCode, CorrectAttendanceUserError {
        /// The reason is missing.
        ReasonMissing = "请填写原因", "say why";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// The registration is of another activity.
        RegistrationUnknown = "此活动没有这条报名", "the activity has no such registration";
        /// The registration holds no seat, or its enrolment leaves the day out.
        NotExpected = "此人不在该场次应到之列", "the person is not expected at the session";
        /// There is no correction that could be taken back.
        NothingToTakeBack = "没有可撤回的更正", "there is no correction to take back";
    }
}

/// Says how somebody attended, or takes the corrections back (`status` none), so that the scans count again.
pub async fn correct(
    tx: &DatabaseTransaction,
    permit: &Permit<CorrectAttendance>,
    registration: RegistrationId,
    status: Option<Status>,
    reason: String,
    now: DateTime<Utc>,
) -> Result<correction::Model, Error<CorrectAttendanceErrorCode>> {
    use CorrectAttendanceErrorCode as Code;
    let session = permit.on();
    let found = crate::registration::lock_all(tx, vec![registration]).await?.remove(&registration);
    let here = found
        .filter(|it| it.activity_id == session.activity_id)
        .ok_or_else(|| Code::RegistrationUnknown.at(["registrationId"]))?;
    let held = book::held(tx, [session.id]).await?.remove(&session.id).ok_or(Failure::NotFound)?;
    let last = last_of(tx, session.id, registration).await?.and_then(|it| it.status);
    if status.is_none() && last.is_none() {
        return Err(Code::NothingToTakeBack.at(["status"]).into());
    }
    if status.is_some() && !held.has(&here) {
        return Err(Code::NotExpected.at(["registrationId"]).into());
    }
    let row = correction::Model {
        id: CorrectionId::generate(),
        session_id: session.id,
        registration_id: registration,
        status,
        reason,
        account_id: permit.actor(),
        at: now,
    };
    correction::Entity::insert(correction::ActiveModel::from(row.clone()).reset_all())
        .exec_without_returning(tx)
        .await?;
    let mut book = Book::open(tx, now);
    book.settle_all(&[(session.id, registration)].into()).await?;
    book.close().await?;
    Ok(row)
}

/// The correction of an attendance that was said last.
pub async fn last_of(
    db: &impl ConnectionTrait,
    session: SessionId,
    registration: RegistrationId,
) -> Result<Option<correction::Model>, Failure> {
    Ok(correction::Entity::find()
        .filter(correction::Column::RegistrationId.eq(registration))
        .filter(correction::Column::SessionId.eq(session))
        .order_by_desc(correction::Column::Id)
        .one(db)
        .await?)
}
