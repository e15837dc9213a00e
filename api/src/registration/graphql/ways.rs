//! The ways in, as mutations.

use async_graphql::{Context, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use entity::id::{ActivityId, AllocationId, OrganisationId, PersonId, RegistrationId};

use super::Registration;
use crate::{
    authz::policy::{
        ExceedCapacity, InviteAttendee, RecommendAttendee, RegisterAttendee, ReplaceAttendee,
        ViewActivity, ViewPerson, ViewTicket,
    },
    error::{Error, Failure, Refusal},
    form::{
        self,
        graphql::{AnswerInput, first_answers},
    },
    graphql::{Gid, Viewer, settle},
    payloads,
    person::graphql::{CleanCodes, PersonInput, clean, email},
    registration::{
        RegisterAttendeeErrorCode as Code, RegisterAttendeeUserError,
        ways::{self, Form, Whom},
    },
    text::Check,
    write::Note,
};

/// What `registerAttendee` takes.
#[derive(InputObject)]
pub struct RegisterAttendeeInput {
    /// For which activity.
    activity_id: Gid<ActivityId>,
    /// The person as typed. Whoever has the same name and phone on record is the same person.
    person: Option<PersonInput>,
    /// Somebody on record, instead of `person`.
    person_id: Option<Gid<PersonId>>,
    /// The name of a category of the activity.
    category: Option<String>,
    /// To the form of the activity. What is given must be right; what is required and left out stays due, see
    /// `answerForm`.
    #[graphql(default)]
    answers: Vec<AnswerInput>,
    /// The allocation out of which the seat is to be.
    allocation_id: Option<Gid<AllocationId>>,
    /// Takes a seat though there is none left, for a reason. For ORG_ADMIN.
    #[graphql(default)]
    over_capacity: bool,
    /// Why, where it goes over; at most 500 characters.
    reason: Option<String>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `inviteAttendee` takes.
#[derive(InputObject)]
pub struct InviteAttendeeInput {
    /// To which activity.
    activity_id: Gid<ActivityId>,
    /// The person as typed. Whoever has the same name and phone on record is the same person.
    person: Option<PersonInput>,
    /// Somebody on record, instead of `person`.
    person_id: Option<Gid<PersonId>>,
    /// The name of a category of the activity.
    category: Option<String>,
    /// The allocation out of which the seat would be.
    allocation_id: Option<Gid<AllocationId>>,
    /// By when an answer is asked for.
    reply_by: Option<DateTime<Utc>>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `recommendAttendee` takes.
#[derive(InputObject)]
pub struct RecommendAttendeeInput {
    /// For which activity.
    activity_id: Gid<ActivityId>,
    /// The organisation that recommends the person (推荐单位).
    organisation_id: Gid<OrganisationId>,
    /// The person as typed. Whoever has the same name and phone on record is the same person.
    person: Option<PersonInput>,
    /// Somebody on record, instead of `person`.
    person_id: Option<Gid<PersonId>>,
    /// The name of a category of the activity.
    category: Option<String>,
    /// To the form of the activity. What is given must be right; what is required and left out stays due, see
    /// `answerForm`.
    #[graphql(default)]
    answers: Vec<AnswerInput>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `replaceAttendee` takes.
#[derive(InputObject)]
pub struct ReplaceAttendeeInput {
    /// Whose place is taken; live and not checked in.
    registration_id: Gid<RegistrationId>,
    /// The person as typed. Whoever has the same name and phone on record is the same person.
    person: Option<PersonInput>,
    /// Somebody on record, instead of `person`.
    person_id: Option<Gid<PersonId>>,
    /// Why; at most 500 characters.
    reason: Option<String>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

payloads! {
    /// What `registerAttendee` gives.
    RegisterAttendeePayload { registration: Registration, RegisterAttendeeUserError }
    /// What `inviteAttendee` gives.
    InviteAttendeePayload { registration: Registration, RegisterAttendeeUserError }
    /// What `recommendAttendee` gives.
    RecommendAttendeePayload { registration: Registration, RegisterAttendeeUserError }
    /// What `replaceAttendee` gives.
    ReplaceAttendeePayload { registration: Registration, RegisterAttendeeUserError }
}

const CODES: CleanCodes<Code> = CleanCodes {
    name_missing: Code::NameMissing,
    name_is_test: Code::NameIsTest,
    phone_missing: Code::PhoneMissing,
    phone_invalid: Code::PhoneInvalid,
    too_long: Code::TooLong,
};

/// The parts of an input that say who comes and as what.
pub(super) struct Entered {
    pub activity: ActivityId,
    pub person: Option<PersonInput>,
    pub person_id: Option<Gid<PersonId>>,
    pub category: Option<String>,
    pub allocation: Option<AllocationId>,
}

impl Entered {
    /// Reads them with all their faults at once.
    pub(super) async fn read(
        self,
        viewer: &Viewer,
        check: &mut Check<Code>,
    ) -> Result<Option<Form>, Failure> {
        let (mut organisation_name, mut title) = (None, None);
        let whom = match (self.person, self.person_id) {
            (Some(person), None) => {
                let mut entry =
                    clean(check, &["person"], &person.name, person.phone.as_deref(), &CODES);
                entry.gender = person.gender.map(Into::into).or(entry.gender);
                let typed = person.email.as_deref();
                entry.email = email(check, &["person", "email"], typed, Code::EmailInvalid);
                let organisation = person.organisation.as_deref();
                organisation_name = check.optional(organisation, 200, &["person", "organisation"]);
                title = check.optional(person.title.as_deref(), 100, &["person", "title"]);
                Some(Whom::Entry(entry))
            }
            (None, Some(id)) => {
                Some(Whom::Person(viewer.gate.permit::<ViewPerson>(id.0).await?.into_row()))
            }
            _ => {
                check.refuse(Code::PersonUnclear.at(["person"]));
                None
            }
        };
        let category = match check.optional(self.category.as_deref(), 50, &["category"]) {
            None => None,
            Some(name) => {
                let found =
                    crate::activity::category_named(viewer.db.read(), self.activity, &name).await?;
                if found.is_none() {
                    check.refuse(Code::CategoryUnknown.at(["category"]).about(&name));
                }
                found
            }
        };
        let allocation = self.allocation;
        Ok(whom.map(|whom| Form { whom, organisation_name, title, category, allocation }))
    }
}

/// What is answered with the registration, with its faults in `check`.
async fn answered(
    viewer: &Viewer,
    check: &mut Check<Code>,
    activity: ActivityId,
    answers: Vec<AnswerInput>,
) -> Result<Option<form::First>, Failure> {
    match first_answers(viewer, activity, answers).await? {
        Ok(first) => Ok(first),
        Err(faults) => {
            for (path, message) in faults {
                check.refuse(Code::AnswerInvalid.at(path).about(message));
            }
            Ok(None)
        }
    }
}

/// A form that was read without fault.
pub(super) fn whole(check: Check<Code>, form: Option<Form>) -> Result<Form, Error<Code>> {
    check.done()?;
    form.ok_or_else(|| Failure::internal("nobody to register").into())
}

/// Whoever goes over capacity needs the permission for it, and a reason.
pub(super) async fn over(
    viewer: &Viewer,
    check: &mut Check<Code>,
    activity: ActivityId,
    over: bool,
    reason: Option<&str>,
) -> Result<Option<String>, Failure> {
    let reason = check.optional(reason, 500, &["reason"]);
    if over {
        viewer.gate.permit::<ExceedCapacity>(activity).await?;
        if reason.is_none() {
            check.refuse(Code::ReasonMissing.at(["reason"]));
        }
    }
    Ok(reason)
}

#[derive(Default)]
pub struct WaysInMutation;

#[Object]
impl WaysInMutation {
    /// Registers one person for an activity that is a draft or published. A full activity, category or allocation means
    /// WAITLISTED, unless `overCapacity`. For ORG_ADMIN and ORGANISER.
    async fn register_attendee(
        &self,
        ctx: &Context<'_>,
        input: RegisterAttendeeInput,
    ) -> Result<RegisterAttendeePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RegisterAttendee>(input.activity_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(Code::TooLong);
        let (activity, goes_over) = (permit.on().id, input.over_capacity);
        let reason = over(viewer, &mut check, activity, goes_over, input.reason.as_deref()).await?;
        let entered = Entered {
            activity,
            person: input.person,
            person_id: input.person_id,
            category: input.category,
            allocation: input.allocation_id.map(|it| it.0),
        };
        let answers = answered(viewer, &mut check, permit.on().id, input.answers).await?;
        let form = entered.read(viewer, &mut check).await?;
        let note = note.because(reason.as_deref());
        let done = Box::pin(viewer.write(&permit, note, async |tx| {
            let form = whole(check, form)?;
            let row =
                ways::register(tx, &permit, &viewer.app.namer, form, goes_over, viewer.now).await?;
            form::keep_first(tx, &viewer.app.vault, &row, answers, viewer.now).await?;
            Ok(row)
        }))
        .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, permit.also::<ViewTicket>()));
        Ok(RegisterAttendeePayload { registration, user_errors })
    }

    /// Asks a guest to come and to answer (回执): INVITED, without a seat until the answer is yes.
    /// For ORG_ADMIN and ORGANISER.
    async fn invite_attendee(
        &self,
        ctx: &Context<'_>,
        input: InviteAttendeeInput,
    ) -> Result<InviteAttendeePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<InviteAttendee>(input.activity_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(Code::TooLong);
        let reply_by = input.reply_by;
        let entered = Entered {
            activity: permit.on().id,
            person: input.person,
            person_id: input.person_id,
            category: input.category,
            allocation: input.allocation_id.map(|it| it.0),
        };
        let form = entered.read(viewer, &mut check).await?;
        let done = Box::pin(viewer.write(&permit, note, async |tx| {
            let form = whole(check, form)?;
            ways::invite(tx, &permit, &viewer.app.namer, form, reply_by, viewer.now).await
        }))
        .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, permit.also::<ViewTicket>()));
        Ok(InviteAttendeePayload { registration, user_errors })
    }

    /// Registers a person of the viewer's own organisation for a published activity. Where the activity has steps of
    /// approval it is PENDING at the first of them; otherwise it takes a seat out of the nearest allocation of the
    /// organisation or one above it, or waits for one of its seats. Refused where nothing is set aside. For LIAISON and
    /// ORG_ADMIN of the organisation.
    async fn recommend_attendee(
        &self,
        ctx: &Context<'_>,
        input: RecommendAttendeeInput,
    ) -> Result<RecommendAttendeePayload> {
        let viewer = Viewer::of(ctx);
        let activity = viewer.gate.permit::<ViewActivity>(input.activity_id.0).await?.into_row();
        let permit = viewer.gate.permit::<RecommendAttendee>(input.organisation_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(Code::TooLong);
        let entered = Entered {
            activity: activity.id,
            person: input.person,
            person_id: input.person_id,
            category: input.category,
            allocation: None,
        };
        let answers = answered(viewer, &mut check, activity.id, input.answers).await?;
        let form = entered.read(viewer, &mut check).await?;
        let done = Box::pin(viewer.write(&permit, note, async |tx| {
            let form = whole(check, form)?;
            let row = ways::recommend(tx, &permit, &activity, &viewer.app.namer, form, viewer.now)
                .await?;
            form::keep_first(tx, &viewer.app.vault, &row, answers, viewer.now).await?;
            Ok(row)
        }))
        .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(RecommendAttendeePayload { registration, user_errors })
    }

    /// Puts somebody else in the place of who cannot come (替会): the same seat, category and allocation, the same
    /// place in whatever it waits for. The seat is never free in between; the old registration is CANCELLED and the
    /// new one `replaces` it, and answers the form anew. Refused after check-in. For ORG_ADMIN and ORGANISER, and for
    /// LIAISON and ORG_ADMIN of the organisation that recommends the person.
    async fn replace_attendee(
        &self,
        ctx: &Context<'_>,
        input: ReplaceAttendeeInput,
    ) -> Result<ReplaceAttendeePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ReplaceAttendee>(input.registration_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(Code::TooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let entered = Entered {
            activity: permit.on().activity_id,
            person: input.person,
            person_id: input.person_id,
            category: None,
            allocation: None,
        };
        let form = entered.read(viewer, &mut check).await?;
        let note = note.because(reason.as_deref());
        let done = viewer
            .write(&permit, note, async |tx| {
                let form = whole(check, form)?;
                let namer = &viewer.app.namer;
                // A walk through two registrations and a person: too long for the stack of a resolver.
                Box::pin(ways::replace(tx, &permit, namer, form, reason, viewer.now)).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(ReplaceAttendeePayload { registration, user_errors })
    }
}
