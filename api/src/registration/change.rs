//! What becomes of a registration that is there: answered, offered a seat, moved, cancelled, taken up again.
//!
//! Each act has two halves: one that takes a permit and opens the desk, and one at an open desk, which refuses before
//! it changes anything and is shared with acts on many at once.

use chrono::{DateTime, Utc};
use entity::{
    category,
    id::{CategoryId, RegistrationId},
    registration::{self, Column, Status},
};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::{RegistrationErrorCode as Code, checked_in, desk::Desk};
use crate::{
    authz::{
        Action, Permit,
        policy::{
            AnswerRegistration, CancelRegistration, MoveRegistration, OfferSeat,
            ReviveRegistration, SetPriority, UpdateRegistration,
        },
    },
    capacity::Seat,
    error::{Error, Failure, Refusal, Refused},
};

type Done = Result<registration::Model, Error<Code>>;

fn on_it(code: Code) -> Refused<Code> {
    code.at(["registrationId"])
}

/// Opens the desk of a registration's activity, with the registration as it is now.
pub(super) async fn at_desk<'a, A: Action<On = registration::Model>>(
    tx: &'a DatabaseTransaction,
    permit: &Permit<A>,
    now: DateTime<Utc>,
) -> Result<(Desk<'a>, registration::Model), Failure> {
    let desk = Desk::open(tx, permit.on().activity_id, now).await?;
    let it = desk.locked(permit.on().id).await?;
    Ok((desk, it))
}

/// Cancels a registration and frees its seat. Sent twice, the second is told that it is not live any more.
pub async fn cancel(
    tx: &DatabaseTransaction,
    permit: &Permit<CancelRegistration>,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Done {
    let (mut desk, it) = at_desk(tx, permit, now).await?;
    let row = cancel_on(&mut desk, it, reason).await?;
    Ok(desk.close_with(row).await?)
}

/// The same at an open desk.
pub async fn cancel_on(
    desk: &mut Desk<'_>,
    mut it: registration::Model,
    reason: Option<String>,
) -> Done {
    refuse_unless_live(&it)?;
    refuse_if_checked_in(desk, it.id).await?;
    desk.turn(&mut it, Status::Cancelled, reason);
    desk.save(&it).await?;
    Ok(it)
}

/// Answers an invitation or an offer (回执). Yes to an invitation takes a seat or a place on the waiting list, yes to
/// an offer keeps the seat; no is DECLINED. Only an organiser may answer an invitation after its time.
pub async fn answer(
    tx: &DatabaseTransaction,
    permit: &Permit<AnswerRegistration>,
    comes: bool,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Done {
    let (mut desk, it) = at_desk(tx, permit, now).await?;
    let row = answer_on(&mut desk, it, comes, reason, !permit.is_near()).await?;
    Ok(desk.close_with(row).await?)
}

/// The same at an open desk; `late` where an answer after the time is taken.
pub async fn answer_on(
    desk: &mut Desk<'_>,
    mut it: registration::Model,
    comes: bool,
    reason: Option<String>,
    late: bool,
) -> Done {
    if !matches!(it.status, Status::Invited | Status::Offered) {
        return Err(on_it(Code::WrongStatus).into());
    }
    if !desk.is_open() {
        return Err(on_it(Code::ActivityNotOpen).into());
    }
    let is_late = it.reply_by.is_some_and(|it| it <= desk.now);
    // A seat is not held beyond the time of the offer, whoever asks.
    if is_late && (it.status == Status::Offered || !late) {
        return Err(on_it(Code::ReplyTooLate).into());
    }
    match (comes, it.status) {
        (true, Status::Offered) => desk.mark(&mut it, Status::Confirmed, None),
        (true, _) => desk.seat(&mut it),
        (false, _) => desk.turn(&mut it, Status::Declined, reason),
    }
    desk.save(&it).await?;
    Ok(it)
}

/// Where the seat of an offer comes from.
pub enum Source {
    /// A seat that is free.
    Free,
    /// One more than there are. The caller holds a permit for that.
    Over,
    /// The offer made to somebody else, who goes back to the same place on the waiting list.
    Instead(RegistrationId),
}

/// Offers a seat out of the order of the waiting list.
pub async fn offer(
    tx: &DatabaseTransaction,
    permit: &Permit<OfferSeat>,
    source: Source,
    now: DateTime<Utc>,
) -> Done {
    let (mut desk, mut it) = at_desk(tx, permit, now).await?;
    if it.status != Status::Waitlisted {
        return Err(on_it(Code::WrongStatus).into());
    }
    if !desk.is_open() {
        return Err(on_it(Code::ActivityNotOpen).into());
    }
    if let Source::Instead(other) = source {
        let mut other = desk.locked(other).await?;
        if other.activity_id != it.activity_id || other.status != Status::Offered {
            return Err(Code::WrongStatus.at(["insteadOf"]).into());
        }
        desk.turn(&mut other, Status::Waitlisted, None);
        desk.save(&other).await?;
    }
    if !desk.try_offer(&mut it) {
        if !matches!(source, Source::Over) {
            return Err(on_it(Code::Full).into());
        }
        let seat = desk.pools.seat_of(&it);
        desk.pools.take_over(seat);
        it.allocation_id = seat.allocation;
        desk.mark(&mut it, Status::Offered, None);
        it.reply_by = Some(desk.offer_deadline());
        desk.note(&it);
    }
    desk.save(&it).await?;
    Ok(desk.close_with(it).await?)
}

/// Gives somebody who waits another place on the waiting list.
pub async fn set_priority(
    tx: &DatabaseTransaction,
    permit: &Permit<SetPriority>,
    priority: i32,
    now: DateTime<Utc>,
) -> Done {
    let (mut desk, mut it) = at_desk(tx, permit, now).await?;
    if it.status != Status::Waitlisted {
        return Err(on_it(Code::WrongStatus).into());
    }
    it.priority = priority;
    desk.save(&it).await?;
    Ok(desk.close_with(it).await?)
}

/// Changes what was given for this activity.
pub async fn update(
    tx: &DatabaseTransaction,
    permit: &Permit<UpdateRegistration>,
    organisation_name: Option<String>,
    title: Option<String>,
    now: DateTime<Utc>,
) -> Done {
    let (mut desk, mut it) = at_desk(tx, permit, now).await?;
    refuse_unless_live(&it)?;
    it.organisation_name = organisation_name.or(it.organisation_name);
    it.title = title.or(it.title);
    desk.save(&it).await?;
    Ok(desk.close_with(it).await?)
}

/// Puts a live registration into another category of its activity, with its seat. Refused where that is full.
pub async fn recategorise(
    tx: &DatabaseTransaction,
    permit: &Permit<MoveRegistration>,
    category: Option<&category::Model>,
    now: DateTime<Utc>,
) -> Done {
    let (mut desk, it) = at_desk(tx, permit, now).await?;
    let row = recategorise_on(&mut desk, it, category.map(|it| it.id)).await?;
    Ok(desk.close_with(row).await?)
}

/// The same at an open desk.
pub async fn recategorise_on(
    desk: &mut Desk<'_>,
    mut it: registration::Model,
    category: Option<CategoryId>,
) -> Done {
    refuse_unless_live(&it)?;
    if it.category_id == category {
        return Ok(it);
    }
    let before = Seat::from(&it);
    it.category_id = category;
    if it.status.holds_seat() {
        let after = Seat { category, ..desk.pools.seat_of(&it) };
        // An allocation of one category does not go along into another.
        let after = desk.pools.fitting(after);
        if !desk.pools.exchange(before, after) {
            return Err(Code::Full.at(["category"]).into());
        }
        it.allocation_id = after.allocation;
    }
    desk.save(&it).await?;
    Ok(it)
}

/// Takes up a registration again that was cancelled, declined or had lapsed: a seat, or a place on the waiting list. A
/// withdrawal that was announced is taken back.
pub async fn revive(
    tx: &DatabaseTransaction,
    permit: &Permit<ReviveRegistration>,
    now: DateTime<Utc>,
) -> Done {
    let (mut desk, mut it) = at_desk(tx, permit, now).await?;
    if it.status == Status::Confirmed && it.withdrawn_on.is_some() {
        (it.withdrawn_on, it.status_reason) = (None, None);
        desk.save(&it).await?;
        return Ok(desk.close_with(it).await?);
    }
    if it.status.is_live() {
        return Err(on_it(Code::WrongStatus).into());
    }
    if !desk.is_open() {
        return Err(on_it(Code::ActivityNotOpen).into());
    }
    refuse_if_registered(&desk, &it).await?;
    desk.seat(&mut it);
    desk.save(&it).await?;
    Ok(desk.close_with(it).await?)
}

/// Says no to somebody who waits for a seat or an answer, at an open desk.
pub(super) async fn decline_on(
    desk: &mut Desk<'_>,
    mut it: registration::Model,
    reason: String,
) -> Done {
    refuse_unless_live(&it)?;
    refuse_if_checked_in(desk, it.id).await?;
    desk.turn(&mut it, Status::Declined, Some(reason));
    desk.save(&it).await?;
    Ok(it)
}

/// Asks somebody on record, who holds no seat, to come and to answer, at an open desk. Who was asked is asked again.
pub(super) async fn invite_on(
    desk: &mut Desk<'_>,
    mut it: registration::Model,
    reply_by: Option<DateTime<Utc>>,
) -> Done {
    if it.status.holds_seat() {
        return Err(on_it(Code::WrongStatus).into());
    }
    if !desk.is_open() {
        return Err(on_it(Code::ActivityNotOpen).into());
    }
    if !it.status.is_live() {
        refuse_if_registered(desk, &it).await?;
    }
    desk.invite(&mut it, reply_by);
    desk.save(&it).await?;
    Ok(it)
}

/// Everything that makes a registration live does so under the lock of the pools, so that what is looked up stays so.
pub(super) async fn refuse_if_registered(
    desk: &Desk<'_>,
    it: &registration::Model,
) -> Result<(), Error<Code>> {
    let other = registration::Entity::find()
        .filter(Column::ActivityId.eq(desk.activity.id))
        .filter(Column::PersonId.eq(it.person_id))
        .filter(Column::Status.is_in(Status::LIVE))
        .one(desk.tx)
        .await?;
    match other {
        Some(_) => Err(on_it(Code::AlreadyRegistered).into()),
        None => Ok(()),
    }
}

pub(super) fn refuse_unless_live(it: &registration::Model) -> Result<(), Refused<Code>> {
    if it.status.is_live() { Ok(()) } else { Err(on_it(Code::NotLive)) }
}

pub(super) async fn refuse_if_checked_in(
    desk: &Desk<'_>,
    id: RegistrationId,
) -> Result<(), Error<Code>> {
    if checked_in(desk.tx, [id]).await?.is_empty() {
        Ok(())
    } else {
        Err(on_it(Code::CheckedIn).into())
    }
}
