//! An act on many, row by row, at an open desk.

use chrono::{DateTime, Utc};
use entity::{
    bulk_act,
    bulk_row::{self, Outcome},
    decision::Verdict,
    id::{AccountId, RegistrationId},
    registration::{self, Details, Status, Way},
};
use sea_orm::DatabaseTransaction;

use super::{Act, name_of};
use crate::{
    capacity::Seat,
    error::{Error, Failure, Refusal},
    registration::{
        RegistrationErrorCode as Code,
        approval::decide_on,
        change::{cancel_on, decline_on, invite_on, recategorise_on, refuse_if_registered},
        desk::{Desk, New, Start},
        transfer::{Desks, transfer_on},
    },
};

/// Does the rows at the desk of their activity, and at another's where the act has to do with that.
pub(super) async fn do_rows(
    tx: &DatabaseTransaction,
    it: &bulk_act::Model,
    act: &Act,
    rows: &mut [bulk_row::Model],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let Some(to) = act.target().filter(|to| *to != it.activity_id) else {
        let mut desk = Desk::open(tx, it.activity_id, now).await?;
        for row in rows {
            let done = match find(&desk, row.registration_id).await {
                Ok(found) => do_one(&mut desk, found, act, it.account_id).await,
                Err(why) => Err(why),
            };
            note(row, done)?;
        }
        desk.close().await?;
        return Ok(());
    };
    let mut desks = Desks::open(tx, it.activity_id, to, now).await?;
    for row in rows {
        let done = match find(&desks.from, row.registration_id).await {
            Ok(found) => match act {
                Act::Invite { reply_by, .. } => invite_to(&mut desks.to, &found, *reply_by).await,
                _ => transfer_on(&mut desks, found).await,
            },
            Err(why) => Err(why),
        };
        note(row, done)?;
    }
    desks.close().await
}

/// A registration of the desk's activity, locked.
async fn find(desk: &Desk<'_>, id: RegistrationId) -> Result<registration::Model, Error<Code>> {
    match desk.locked(id).await {
        Ok(it) if it.activity_id == desk.activity.id => Ok(it),
        Ok(_) | Err(Failure::NotFound) => Err(Code::NotThere.at::<String>([]).into()),
        Err(failure) => Err(failure.into()),
    }
}

async fn do_one(
    desk: &mut Desk<'_>,
    it: registration::Model,
    act: &Act,
    actor: AccountId,
) -> Result<registration::Model, Error<Code>> {
    match act.clone() {
        Act::Approve { reason } => decide_on(desk, it, actor, Verdict::Approve, reason).await,
        Act::Decline { reason } if it.status == Status::Pending && it.step.is_some() => {
            decide_on(desk, it, actor, Verdict::Decline, Some(reason)).await
        }
        Act::Decline { reason } => decline_on(desk, it, reason).await,
        Act::Invite { reply_by, .. } => invite_on(desk, it, reply_by).await,
        Act::Recategorise { category } => recategorise_on(desk, it, Some(category)).await,
        // To the activity where it is already.
        Act::Transfer { .. } => Err(Code::WrongStatus.at::<String>([]).into()),
        Act::Cancel { reason } => cancel_on(desk, it, reason).await,
    }
}

/// Puts on record what came of a row. What is no refusal ends the part.
fn note(
    row: &mut bulk_row::Model,
    done: Result<registration::Model, Error<Code>>,
) -> Result<(), Failure> {
    match done {
        Ok(it) => {
            row.outcome = Outcome::Done;
            row.result_id = Some(it.id).filter(|id| *id != row.registration_id);
        }
        Err(Error::Refused(why)) => {
            row.outcome = Outcome::Refused;
            row.code = why.first().map(|it| name_of(it.code));
        }
        Err(Error::Failed(failure)) => return Err(failure),
    }
    Ok(())
}

/// Invites somebody who is on one activity to another.
async fn invite_to(
    to: &mut Desk<'_>,
    it: &registration::Model,
    reply_by: Option<DateTime<Utc>>,
) -> Result<registration::Model, Error<Code>> {
    if !to.is_open() {
        return Err(Code::ActivityNotOpen.at::<String>([]).into());
    }
    refuse_if_registered(to, it).await?;
    let new = New {
        person: it.person_id,
        seat: Seat::default(),
        organisation_name: it.organisation_name.clone(),
        title: it.title.clone(),
        details: Details::default(),
        start: Start::Invited(reply_by),
        way: Way::Invitation,
        recommender: None,
        listed: None,
    };
    let made = to.enrol(vec![new]).await?.into_iter().next();
    Ok(made.ok_or_else(|| Failure::internal("nobody was enrolled"))?)
}
