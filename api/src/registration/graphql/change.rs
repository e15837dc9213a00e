//! What can be done to a registration that is there, as mutations.

use async_graphql::{Context, InputObject, Object, Result};
use entity::id::{ActivityId, RegistrationId};

use super::Registration;
use crate::{
    authz::policy::{
        AnswerRegistration, CancelRegistration, ExceedCapacity, MoveRegistration, OfferSeat,
        RegisterAttendee, ReviveRegistration, SetPriority, UpdateRegistration, ViewTicket,
    },
    error::Refusal,
    graphql::{Gid, Viewer, settle},
    payloads,
    registration::{
        RegistrationErrorCode as Code, RegistrationUserError,
        change::{self, Source},
        transfer,
    },
    text::Check,
    write::Note,
};

/// What `cancelRegistration` takes.
#[derive(InputObject)]
pub struct CancelRegistrationInput {
    /// Which one.
    registration_id: Gid<RegistrationId>,
    /// Why; at most 500 characters.
    reason: Option<String>,
}

/// What `answerRegistration` takes.
#[derive(InputObject)]
pub struct AnswerRegistrationInput {
    /// Which one; INVITED or OFFERED.
    registration_id: Gid<RegistrationId>,
    /// Whether the person comes.
    attending: bool,
    /// Why not, if it was said; at most 500 characters.
    reason: Option<String>,
}

/// What `offerSeat` takes.
#[derive(InputObject)]
pub struct OfferSeatInput {
    /// To which one; WAITLISTED.
    registration_id: Gid<RegistrationId>,
    /// Takes back the offer to this one, which waits again at its old place.
    instead_of: Option<Gid<RegistrationId>>,
    /// Offers a seat though there is none left. For ORG_ADMIN.
    #[graphql(default)]
    over_capacity: bool,
    /// Why it goes out of order; at most 500 characters.
    reason: String,
}

/// What `setPriority` takes.
#[derive(InputObject)]
pub struct SetPriorityInput {
    /// Of which one; WAITLISTED.
    registration_id: Gid<RegistrationId>,
    /// The higher goes first; from -1000 to 1000.
    priority: i32,
    /// Why; at most 500 characters.
    reason: String,
}

/// What `updateRegistration` takes.
#[derive(InputObject)]
pub struct UpdateRegistrationInput {
    /// Which one; live.
    registration_id: Gid<RegistrationId>,
    /// The organisation as it is given for this activity; at most 200 characters. What is not given stays.
    organisation_name: Option<String>,
    /// The title as it is given for this activity; at most 100 characters. What is not given stays.
    title: Option<String>,
}

/// What `moveRegistration` takes.
#[derive(InputObject)]
pub struct MoveRegistrationInput {
    /// Which one; live.
    registration_id: Gid<RegistrationId>,
    /// The name of another category of the same activity.
    category: Option<String>,
    /// Another activity, instead of `category`.
    to_activity_id: Option<Gid<ActivityId>>,
    /// Why; at most 500 characters.
    reason: Option<String>,
}

/// What `reviveRegistration` takes.
#[derive(InputObject)]
pub struct ReviveRegistrationInput {
    /// Which one; CANCELLED, DECLINED or EXPIRED, or with a withdrawal that was announced.
    registration_id: Gid<RegistrationId>,
    /// Why; at most 500 characters.
    reason: Option<String>,
}

payloads! {
    /// What `cancelRegistration` gives.
    CancelRegistrationPayload { registration: Registration, RegistrationUserError }
    /// What `answerRegistration` gives.
    AnswerRegistrationPayload { registration: Registration, RegistrationUserError }
    /// What `offerSeat` gives.
    OfferSeatPayload { registration: Registration, RegistrationUserError }
    /// What `setPriority` gives.
    SetPriorityPayload { registration: Registration, RegistrationUserError }
    /// What `updateRegistration` gives.
    UpdateRegistrationPayload { registration: Registration, RegistrationUserError }
    /// What `moveRegistration` gives.
    MoveRegistrationPayload { registration: Registration, RegistrationUserError }
    /// What `reviveRegistration` gives.
    ReviveRegistrationPayload { registration: Registration, RegistrationUserError }
}

#[derive(Default)]
pub struct RegistrationMutation;

#[Object]
impl RegistrationMutation {
    /// Cancels a live registration. The seat that it held is offered to the head of the waiting list in the same
    /// transaction. Refused once the person has checked in. For ORG_ADMIN and ORGANISER, and for LIAISON and ORG_ADMIN
    /// of the organisation that recommends the person.
    async fn cancel_registration(
        &self,
        ctx: &Context<'_>,
        input: CancelRegistrationInput,
    ) -> Result<CancelRegistrationPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CancelRegistration>(input.registration_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let note = Note::default().because(reason.as_deref());
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                change::cancel(tx, &permit, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(CancelRegistrationPayload { registration, user_errors })
    }

    /// Answers an invitation or an offer (回执). Yes to an invitation takes a seat or, where it is full, a place on the
    /// waiting list; yes to an offer keeps the seat; no is DECLINED and passes an offered seat on. An offer whose time is
    /// over is refused; an invitation whose time is over may be answered by an organiser only. For ORG_ADMIN and
    /// ORGANISER, and for LIAISON and ORG_ADMIN of the organisation that recommends the person.
    async fn answer_registration(
        &self,
        ctx: &Context<'_>,
        input: AnswerRegistrationInput,
    ) -> Result<AnswerRegistrationPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<AnswerRegistration>(input.registration_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let note = Note::default().because(reason.as_deref());
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                change::answer(tx, &permit, input.attending, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(AnswerRegistrationPayload { registration, user_errors })
    }

    /// Offers a seat to somebody who waits, out of order: one that is free, one that is offered to somebody else
    /// (`insteadOf`), or one more than there are (`overCapacity`, for ORG_ADMIN). Otherwise refused as FULL.
    /// For ORG_ADMIN and ORGANISER.
    async fn offer_seat(
        &self,
        ctx: &Context<'_>,
        input: OfferSeatInput,
    ) -> Result<OfferSeatPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<OfferSeat>(input.registration_id.0).await?;
        let source = match input.instead_of {
            Some(other) => Source::Instead(other.0),
            None if input.over_capacity => {
                viewer.gate.permit::<ExceedCapacity>(permit.on().activity_id).await?;
                Source::Over
            }
            None => Source::Free,
        };
        let mut check = Check::new(Code::TooLong);
        let reason = check.required(&input.reason, 500, &["reason"], Code::ReasonMissing);
        let note = Note::default().because(Some(&reason));
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                change::offer(tx, &permit, source, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(OfferSeatPayload { registration, user_errors })
    }

    /// Gives somebody who waits another place on the waiting list. For ORG_ADMIN and ORGANISER.
    async fn set_priority(
        &self,
        ctx: &Context<'_>,
        input: SetPriorityInput,
    ) -> Result<SetPriorityPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<SetPriority>(input.registration_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let reason = check.required(&input.reason, 500, &["reason"], Code::ReasonMissing);
        if !(-1000..=1000).contains(&input.priority) {
            check.refuse(Code::PriorityOutOfRange.at(["priority"]));
        }
        let note = Note::default().because(Some(&reason));
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                change::set_priority(tx, &permit, input.priority, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(SetPriorityPayload { registration, user_errors })
    }

    /// Changes what was given for this activity; the person's record stays as it is. For ORG_ADMIN and ORGANISER, and
    /// for LIAISON and ORG_ADMIN of the organisation that recommends the person.
    async fn update_registration(
        &self,
        ctx: &Context<'_>,
        input: UpdateRegistrationInput,
    ) -> Result<UpdateRegistrationPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<UpdateRegistration>(input.registration_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let organisation =
            check.optional(input.organisation_name.as_deref(), 200, &["organisationName"]);
        let title = check.optional(input.title.as_deref(), 100, &["title"]);
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                change::update(tx, &permit, organisation, title, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(UpdateRegistrationPayload { registration, user_errors })
    }

    /// Moves a live registration to another category, or to another activity: with its seat, if it holds one, and
    /// refused as FULL where there is none. In another activity it is a new registration, which `replaces` the one that
    /// is cancelled here; categories, allocations and answers to the form do not go along, as the other activity asks
    /// its own questions. For ORG_ADMIN and ORGANISER, of both activities.
    async fn move_registration(
        &self,
        ctx: &Context<'_>,
        input: MoveRegistrationInput,
    ) -> Result<MoveRegistrationPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<MoveRegistration>(input.registration_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let note = Note::default().because(reason.as_deref());
        let named = check.optional(input.category.as_deref(), 50, &["category"]);
        let to = match (&named, input.to_activity_id) {
            (None, Some(id)) => Some(viewer.gate.permit::<RegisterAttendee>(id.0).await?),
            (Some(_), None) => None,
            _ => {
                check.refuse(Code::TargetUnclear.at(["category"]));
                None
            }
        };
        let mut category = None;
        if let (Some(name), None) = (&named, &to) {
            let activity = permit.on().activity_id;
            category = crate::activity::category_named(viewer.db.read(), activity, name).await?;
            if category.is_none() {
                check.refuse(Code::CategoryUnknown.at(["category"]).about(name));
            }
        }
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                match &to {
                    Some(to) => transfer::transfer(tx, &permit, to, viewer.now).await,
                    None => change::recategorise(tx, &permit, category.as_ref(), viewer.now).await,
                }
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        // Whoever may register people for the other activity sees their codes there; here they did already.
        let is_open = to.is_none_or(|to| to.also::<ViewTicket>());
        let registration = row.map(|row| Registration::new(row, is_open));
        Ok(MoveRegistrationPayload { registration, user_errors })
    }

    /// Takes up a registration again that was cancelled, declined or had lapsed: a seat, or a place on the waiting
    /// list. Refused where the person is registered again already. A withdrawal (退班) that was announced is taken back.
    /// For ORG_ADMIN and ORGANISER.
    async fn revive_registration(
        &self,
        ctx: &Context<'_>,
        input: ReviveRegistrationInput,
    ) -> Result<ReviveRegistrationPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ReviveRegistration>(input.registration_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let note = Note::default().because(reason.as_deref());
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                change::revive(tx, &permit, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(ReviveRegistrationPayload { registration, user_errors })
    }
}
