//! Enrolment and withdrawal by date, as mutations.

use async_graphql::{Context, InputObject, Object, Result};
use chrono::NaiveDate;
use entity::id::RegistrationId;

use super::Registration;
use crate::{
    authz::policy::{SetEnrolment, WithdrawTrainee},
    graphql::{Gid, Viewer, settle},
    payloads,
    registration::{RegistrationErrorCode as Code, RegistrationUserError, enrolment},
    text::Check,
    write::Note,
};

/// What `setEnrolment` takes.
#[derive(InputObject)]
pub struct SetEnrolmentInput {
    /// Of which trainee; live, of an academy's class.
    registration_id: Gid<RegistrationId>,
    /// The first day on which they belong to the class, not behind its last session; from its beginning if not given.
    enrolled_on: Option<NaiveDate>,
}

/// What `withdrawTrainee` takes.
#[derive(InputObject)]
pub struct WithdrawTraineeInput {
    /// Which trainee; CONFIRMED, of an academy's class.
    registration_id: Gid<RegistrationId>,
    /// The first day on which they do not belong to the class any more: past, today or to come, not behind its last
    /// session.
    on: NaiveDate,
    /// Why; at most 500 characters.
    reason: String,
}

payloads! {
    /// What `setEnrolment` gives.
    SetEnrolmentPayload { registration: Registration, RegistrationUserError }
    /// What `withdrawTrainee` gives.
    WithdrawTraineePayload { registration: Registration, RegistrationUserError }
}

#[derive(Default)]
pub struct EnrolmentMutation;

#[Object]
impl EnrolmentMutation {
    /// Says from which day on a trainee belongs to a class (入班): sessions before do not expect them. Sessions that are
    /// closed keep the list that they were closed with. For ORG_ADMIN and ORGANISER.
    async fn set_enrolment(
        &self,
        ctx: &Context<'_>,
        input: SetEnrolmentInput,
    ) -> Result<SetEnrolmentPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<SetEnrolment>(input.registration_id.0).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                enrolment::enrol(tx, &permit, input.enrolled_on, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(SetEnrolmentPayload { registration, user_errors })
    }

    /// Lets a trainee leave a class (退班), also one who has checked in. Sessions from that day on do not expect them;
    /// those before keep them, with their attendance. Once the day has come the registration is CANCELLED, and its seat
    /// is offered to the head of the waiting list; until then it stays CONFIRMED, and another day may be said. What was
    /// announced is taken back by `reviveRegistration`. For ORG_ADMIN and ORGANISER.
    async fn withdraw_trainee(
        &self,
        ctx: &Context<'_>,
        input: WithdrawTraineeInput,
    ) -> Result<WithdrawTraineePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<WithdrawTrainee>(input.registration_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let reason = check.required(&input.reason, 500, &["reason"], Code::ReasonMissing);
        let note = Note::default().because(Some(&reason));
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                enrolment::withdraw(tx, &permit, input.on, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(WithdrawTraineePayload { registration, user_errors })
    }
}
