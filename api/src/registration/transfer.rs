//! Moving a registration to another activity: gone from the one and on the other, or neither.

use chrono::{DateTime, Utc};
use entity::{
    id::RegistrationId,
    registration::{self, Status, Way},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    DatabaseTransaction,
};

use super::{
    RegistrationErrorCode as Code,
    change::{refuse_if_checked_in, refuse_unless_live},
    desk::{Desk, New, Start},
};
use crate::{
    authz::{
        Permit,
        policy::{MoveRegistration, RegisterAttendee},
    },
    capacity::Seat,
    error::{Error, Failure, Refusal},
};

/// The desks of two activities, opened in one order whoever opens them, so that rivals never cross.
pub struct Desks<'a> {
    pub from: Desk<'a>,
    pub to: Desk<'a>,
}

impl<'a> Desks<'a> {
    pub async fn open(
        tx: &'a DatabaseTransaction,
        from: entity::id::ActivityId,
        to: entity::id::ActivityId,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        if from < to {
            let from = Desk::open(tx, from, now).await?;
            Ok(Self { from, to: Desk::open(tx, to, now).await? })
        } else {
            let to = Desk::open(tx, to, now).await?;
            Ok(Self { from: Desk::open(tx, from, now).await?, to })
        }
    }

    pub async fn close(self) -> Result<(), Failure> {
        self.from.close().await?;
        self.to.close().await?;
        Ok(())
    }
}

/// Moves a live registration to another activity: with a seat there if it holds one here, which is refused where there
/// is none. The registration made there is linked to the one cancelled here.
pub async fn transfer(
    tx: &DatabaseTransaction,
    permit: &Permit<MoveRegistration>,
    to: &Permit<RegisterAttendee>,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<Code>> {
    let mut desks = Desks::open(tx, permit.on().activity_id, to.on().id, now).await?;
    let it = desks.from.locked(permit.on().id).await?;
    let row = transfer_on(&mut desks, it).await?;
    desks.close().await?;
    Ok(row)
}

/// The same at open desks.
pub async fn transfer_on(
    desks: &mut Desks<'_>,
    mut it: registration::Model,
) -> Result<registration::Model, Error<Code>> {
    let Desks { from, to } = desks;
    refuse_unless_live(&it)?;
    refuse_if_checked_in(from, it.id).await?;
    if from.activity.id == to.activity.id {
        return Err(Code::WrongStatus.at(["toActivityId"]).into());
    }
    if !to.is_open() {
        return Err(Code::ActivityNotOpen.at(["toActivityId"]).into());
    }
    if super::live_of(to.tx, to.activity.id, it.person_id).await?.is_some() {
        return Err(Code::AlreadyRegistered.at(["toActivityId"]).into());
    }
    if it.status.holds_seat() && !to.pools.has_room(Seat::default()) {
        return Err(Code::Full.at(["toActivityId"]).into());
    }
    let new = New {
        person: it.person_id,
        // Categories and allocations are of one activity and do not go along.
        seat: Seat::default(),
        organisation_name: it.organisation_name.clone(),
        title: it.title.clone(),
        details: it.details.clone(),
        start: match it.status {
            Status::Invited => Start::Invited(it.reply_by),
            _ => Start::Comes,
        },
        way: Way::Organiser,
        recommender: it.recommender_id,
        listed: None,
    };
    let gone: RegistrationId = it.id;
    from.turn(&mut it, Status::Cancelled, Some("转至其他活动".to_owned()));
    from.save(&it).await?;
    let made = to.enrol(vec![new]).await?;
    let made = made.into_iter().next().ok_or_else(|| Failure::internal("nobody was enrolled"))?;
    let link = registration::ActiveModel {
        id: Unchanged(made.id),
        replaces_id: Set(Some(gone)),
        ..Default::default()
    };
    Ok(link.update(to.tx).await?)
}
