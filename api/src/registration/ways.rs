//! The ways in. All of them lead over [`Desk::enrol`].

use chrono::{DateTime, Utc};
use entity::{
    activity, category,
    id::{AllocationId, OrganisationId},
    organisation, person,
    registration::{self, Details, Status, Way},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseTransaction};

use super::{
    RegisterAttendeeErrorCode as Code, approval,
    change::{refuse_if_checked_in, refuse_unless_live},
    desk::{Desk, New, Start},
};
use crate::{
    authz::{
        Permit,
        policy::{InviteAttendee, RecommendAttendee, RegisterAttendee, ReplaceAttendee},
    },
    capacity::{Seat, allocation},
    db::is_duplicate,
    error::{Error, Failure, Refusal},
    person::{Entry, fill, name::Namer, recognise_or_make},
};

type Done = Result<registration::Model, Error<Code>>;

/// Who is to be registered: somebody typed in, or somebody on record.
#[derive(Clone)]
pub enum Whom {
    Entry(Entry),
    Person(person::Model),
}

/// What is said of somebody who is to be registered.
pub struct Form {
    pub whom: Whom,
    pub organisation_name: Option<String>,
    pub title: Option<String>,
    pub category: Option<category::Model>,
    /// The allocation out of which the seat is to be.
    pub allocation: Option<AllocationId>,
}

/// An organiser's single entry. Full means WAITLISTED, unless it may go `over`.
pub async fn register(
    tx: &DatabaseTransaction,
    permit: &Permit<RegisterAttendee>,
    namer: &Namer,
    form: Form,
    over: bool,
    now: DateTime<Utc>,
) -> Done {
    let mut desk = Desk::open(tx, permit.on().id, now).await?;
    let start = if over { Start::ComesOver } else { Start::Comes };
    let home = desk.activity.host_id;
    let row = enter(&mut desk, namer, form, home, start, Way::Organiser, None).await?;
    Ok(desk.close_with(row).await?)
}

/// Asks a guest to come and to answer (回执).
pub async fn invite(
    tx: &DatabaseTransaction,
    permit: &Permit<InviteAttendee>,
    namer: &Namer,
    form: Form,
    reply_by: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Done {
    let mut desk = Desk::open(tx, permit.on().id, now).await?;
    if reply_by.is_some_and(|it| it <= now) {
        return Err(Code::ReplyByPast.at(["replyBy"]).into());
    }
    let home = desk.activity.host_id;
    let start = Start::Invited(reply_by);
    let row = enter(&mut desk, namer, form, home, start, Way::Invitation, None).await?;
    Ok(desk.close_with(row).await?)
}

/// A liaison officer's entry for the own organisation: out of its allocation, or up the chain of approval.
pub async fn recommend(
    tx: &DatabaseTransaction,
    permit: &Permit<RecommendAttendee>,
    activity: &activity::Model,
    namer: &Namer,
    mut form: Form,
    now: DateTime<Utc>,
) -> Done {
    let by = permit.on();
    let mut desk = Desk::open(tx, activity.id, now).await?;
    if desk.activity.status != activity::Status::Published {
        return Err(Code::ActivityNotOpen.at(["activityId"]).into());
    }
    let category = form.category.as_ref().map(|it| it.id);
    form.allocation = allocation::nearest(&desk.pools, &by.path, category);
    let start = match approval::first(tx, &desk.activity, Some(by.id)).await? {
        Some(wait) => Start::Asks(wait),
        None if !desk.activity.approval.0.is_empty() || form.allocation.is_some() => Start::Comes,
        None => return Err(Code::NoAllocation.at(["organisationId"]).into()),
    };
    let row = enter(&mut desk, namer, form, by.id, start, Way::Liaison, Some(by)).await?;
    Ok(desk.close_with(row).await?)
}

/// Somebody at the door, at an open desk, and whether they are on the list only now. There is no waiting at a door: full
/// is refused, unless it may go `over`.
pub async fn walk_in(
    desk: &mut Desk<'_>,
    namer: &Namer,
    form: Form,
    over: bool,
) -> Result<(registration::Model, bool), Error<Code>> {
    let home = desk.activity.host_id;
    let person = recognised(desk, namer, home, form.whom).await?;
    if let Some(row) = super::live_of(desk.tx, desk.activity.id, person.id).await? {
        return Ok((row, false));
    }
    let seat = Seat { category: form.category.as_ref().map(|it| it.id), allocation: None };
    // That an activity takes nobody is said before that it is full.
    if desk.is_open() && !over && !desk.pools.has_room(seat) {
        return Err(Code::Full.at(["sessionId"]).into());
    }
    let start = if over { Start::ComesOver } else { Start::Comes };
    let form = Form { whom: Whom::Person(person), ..form };
    Ok((enter(desk, namer, form, home, start, Way::WalkIn, None).await?, true))
}

/// Somebody else takes the place of who cannot come (替会): the same seat and allocation, the same place in whatever
/// it waits for. The seat is never free in between, and the link is kept.
pub async fn replace(
    tx: &DatabaseTransaction,
    permit: &Permit<ReplaceAttendee>,
    namer: &Namer,
    form: Form,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Done {
    let mut desk = Desk::open(tx, permit.on().activity_id, now).await?;
    let before = desk.locked(permit.on().id).await?;
    refuse_unless_live(&before).map_err(|_| Code::NotLive.at(["registrationId"]))?;
    if refuse_if_checked_in(&desk, before.id).await.is_err() {
        return Err(Code::CheckedIn.at(["registrationId"]).into());
    }
    let home = before.recommender_id.unwrap_or(desk.activity.host_id);
    let mut gone = before.clone();
    desk.turn(&mut gone, Status::Cancelled, reason);
    desk.replaced.insert(gone.id);
    desk.save(&gone).await?;
    // On record without a seat first, then with the very seat that was freed.
    let form = Form { category: None, allocation: None, ..form };
    let row = enter(&mut desk, namer, form, home, Start::Declines, Way::Replacement, None).await?;
    let row = registration::Model {
        category_id: before.category_id,
        allocation_id: before.allocation_id,
        status: before.status,
        status_reason: None,
        priority: before.priority,
        queued_at: before.queued_at,
        reply_by: before.reply_by,
        reminded_at: before.reminded_at,
        recommender_id: before.recommender_id,
        step: before.step,
        waits_for_id: before.waits_for_id,
        replaces_id: Some(before.id),
        ..row
    };
    if row.status.holds_seat() {
        desk.pools.retake(Seat::from(&row));
    }
    desk.note(&row);
    desk.save(&row).await.map_err(already_registered)?;
    let link = registration::ActiveModel {
        id: sea_orm::ActiveValue::Unchanged(row.id),
        replaces_id: Set(row.replaces_id),
        recommender_id: Set(row.recommender_id),
        ..Default::default()
    };
    link.update(tx).await?;
    Ok(desk.close_with(row).await?)
}

/// Finds or makes the person, and enrols them.
async fn enter(
    desk: &mut Desk<'_>,
    namer: &Namer,
    form: Form,
    home: OrganisationId,
    start: Start,
    way: Way,
    recommender: Option<&organisation::Model>,
) -> Done {
    if !desk.is_open() {
        return Err(Code::ActivityNotOpen.at(["activityId"]).into());
    }
    let category = form.category.map(|it| it.id);
    if form.allocation.is_some_and(|it| !allocation::is_for(&desk.pools, it, category)) {
        return Err(Code::AllocationUnknown.at(["allocationId"]).into());
    }
    let person = recognised(desk, namer, home, form.whom).await?;
    let new = New {
        person: person.id,
        seat: Seat { category, allocation: form.allocation },
        organisation_name: form.organisation_name,
        title: form.title,
        details: Details::default(),
        start,
        way,
        recommender: recommender.map(|it| it.id),
        listed: None,
    };
    match desk.enrol(vec![new]).await {
        Err(failure) => Err(already_registered(failure)),
        Ok(rows) => {
            let first = rows.into_iter().next();
            first.ok_or_else(|| Failure::internal("nobody was enrolled").into())
        }
    }
}

/// The record of whoever is to be registered.
async fn recognised(
    desk: &Desk<'_>,
    namer: &Namer,
    home: OrganisationId,
    whom: Whom,
) -> Result<person::Model, Failure> {
    let entries = match whom {
        Whom::Person(person) => return Ok(person),
        Whom::Entry(entry) => [entry],
    };
    let found = recognise_or_make(desk.tx, namer, home, &entries, desk.now).await?;
    let first = found.into_iter().next().map(|(person, _)| person);
    let person = first.ok_or_else(|| Failure::internal("nobody was made"))?;
    // A mail address, say, that was not on record.
    fill(desk.tx, [(&person, &entries[0])]).await?;
    Ok(person)
}

/// What breaks the rule of one live registration per person is the user's affair.
fn already_registered(failure: Failure) -> Error<Code> {
    match failure {
        Failure::Db(error) if is_duplicate(&error) => Code::AlreadyRegistered.at(["person"]).into(),
        failure => failure.into(),
    }
}
