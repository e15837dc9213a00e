//! From which day to which a trainee belongs to a class (入班, 退班).
//!
//! A session expects whoever belongs to the class on its day: from `enrolled_on` on, and before `withdrawn_on`. Whoever
//! withdrew stays on the list of the sessions before, with all that is known of them there.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use entity::{
    activity, programme,
    registration::{self, Column, Status},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
};

use super::{
    RegistrationErrorCode as Code,
    change::{at_desk, refuse_unless_live},
    desk::Desk,
    lapse,
};
use crate::{
    authz::{
        Permit,
        policy::{SetEnrolment, WithdrawTrainee},
    },
    error::{Error, Failure, Refusal},
};

type Done = Result<registration::Model, Error<Code>>;

/// Says from which day on a trainee belongs to the class; none from its beginning. Sessions that are closed keep their
/// list.
pub async fn enrol(
    tx: &DatabaseTransaction,
    permit: &Permit<SetEnrolment>,
    on: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Done {
    let (mut desk, it) = at_desk(tx, permit, now).await?;
    let row = enrol_on(&mut desk, it, on).await?;
    Ok(desk.close_with(row).await?)
}

/// The same at an open desk.
pub async fn enrol_on(
    desk: &mut Desk<'_>,
    mut it: registration::Model,
    on: Option<NaiveDate>,
) -> Done {
    refuse_unless_live(&it)?;
    refuse_unless_class(desk, on, "enrolledOn")?;
    if on.zip(it.withdrawn_on).is_some_and(|(on, until)| until < on) {
        return Err(Code::DayInvalid.at(["enrolledOn"]).into());
    }
    it.enrolled_on = on;
    desk.save(&it).await?;
    Ok(it)
}

/// Lets a trainee leave the class: `on` is the first day on which they do not belong to it any more. When that day has
/// come the registration is CANCELLED and its seat passes on; until then it keeps both.
pub async fn withdraw(
    tx: &DatabaseTransaction,
    permit: &Permit<WithdrawTrainee>,
    on: NaiveDate,
    reason: String,
    now: DateTime<Utc>,
) -> Done {
    let (mut desk, it) = at_desk(tx, permit, now).await?;
    let row = withdraw_on(&mut desk, it, on, reason).await?;
    Ok(desk.close_with(row).await?)
}

/// The same at an open desk.
pub async fn withdraw_on(
    desk: &mut Desk<'_>,
    mut it: registration::Model,
    on: NaiveDate,
    reason: String,
) -> Done {
    if it.status != Status::Confirmed {
        return Err(Code::WrongStatus.at(["registrationId"]).into());
    }
    refuse_unless_class(desk, Some(on), "on")?;
    if it.enrolled_on.is_some_and(|from| on < from) {
        return Err(Code::DayInvalid.at(["on"]).into());
    }
    if on <= today(&desk.activity, desk.now)? {
        gone(desk, &mut it, on, Some(reason));
    } else {
        (it.withdrawn_on, it.status_reason) = (Some(on), Some(reason));
        lapse::look_again(desk.tx, it.activity_id, begins_at(&desk.activity, on)?, desk.now)
            .await?;
    }
    desk.save(&it).await?;
    Ok(it)
}

/// Lets those go whose day has come, at an open desk.
pub(super) async fn let_go(desk: &mut Desk<'_>) -> Result<(), Failure> {
    let today = today(&desk.activity, desk.now)?;
    let due = announced(desk.activity.id)
        .filter(Column::WithdrawnOn.lte(today))
        .order_by_asc(Column::Id)
        .all(desk.tx)
        .await?;
    for it in due {
        let mut it = desk.locked(it.id).await?;
        if let (Status::Confirmed, Some(on)) = (it.status, it.withdrawn_on) {
            let reason = it.status_reason.clone();
            gone(desk, &mut it, on, reason);
            desk.save(&it).await?;
        }
    }
    Ok(())
}

/// The day has come: the seat is free, and the day stays on record.
fn gone(desk: &mut Desk<'_>, it: &mut registration::Model, on: NaiveDate, why: Option<String>) {
    desk.turn(it, Status::Cancelled, why);
    it.withdrawn_on = Some(on);
    desk.note(it);
}

/// When the next one goes, later than now; none where nobody is to go.
pub(super) async fn next_to_go(
    db: &impl ConnectionTrait,
    of: &activity::Model,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Failure> {
    let next = announced(of.id)
        .filter(Column::WithdrawnOn.gt(today(of, now)?))
        .order_by_asc(Column::WithdrawnOn)
        .one(db)
        .await?;
    match next.and_then(|it| it.withdrawn_on) {
        Some(on) => Ok(Some(begins_at(of, on)?)),
        None => Ok(None),
    }
}

/// Those of an activity who have a seat until a day that was announced.
fn announced(of: entity::id::ActivityId) -> sea_orm::Select<registration::Entity> {
    registration::Entity::find()
        .filter(Column::ActivityId.eq(of))
        .filter(Column::Status.eq(Status::Confirmed))
        .filter(Column::WithdrawnOn.is_not_null())
}

fn refuse_unless_class(
    desk: &Desk<'_>,
    on: Option<NaiveDate>,
    field: &str,
) -> Result<(), Error<Code>> {
    if desk.activity.kind != programme::Kind::Academy {
        return Err(Code::NotAClass.at(["registrationId"]).into());
    }
    let last = match desk.activity.ends_at {
        Some(at) => Some(at.with_timezone(&zone_of(&desk.activity)?).date_naive()),
        None => None,
    };
    if on.zip(last).is_some_and(|(on, last)| last < on) {
        return Err(Code::DayInvalid.at([field]).into());
    }
    Ok(())
}

fn zone_of(of: &activity::Model) -> Result<Tz, Failure> {
    of.time_zone.parse().map_err(Failure::internal)
}

/// The day that it is in the activity's own zone.
fn today(of: &activity::Model, now: DateTime<Utc>) -> Result<NaiveDate, Failure> {
    Ok(now.with_timezone(&zone_of(of)?).date_naive())
}

/// The first instant of a day in the activity's own zone.
fn begins_at(of: &activity::Model, on: NaiveDate) -> Result<DateTime<Utc>, Failure> {
    let zone = zone_of(of)?;
    let midnight = on.and_time(NaiveTime::MIN);
    // Where the clock skips midnight, the day before tells how late it is.
    let shown = midnight.and_local_timezone(zone).earliest().or_else(|| {
        let before = midnight.checked_sub_days(Days::new(1))?;
        let before = before.and_local_timezone(zone).earliest()?;
        before.checked_add_days(Days::new(1))
    });
    let shown = shown.ok_or_else(|| Failure::internal("a day that does not begin"))?;
    Ok(shown.with_timezone(&Utc))
}
