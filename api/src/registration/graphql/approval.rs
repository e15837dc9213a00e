//! Approval step by step, as mutations.

use async_graphql::{Context, InputObject, Object, Result};
use entity::{
    activity::Step,
    id::{ActivityId, RegistrationId},
};

use super::{ApprovalStep, Registration, Verdict};
use crate::{
    activity::{self, Rules, graphql::Activity},
    authz::policy::{DecideFor, DecideRegistration, ResubmitRegistration, SetRegistrationRules},
    error::{Failure, Refusal},
    graphql::{Gid, Viewer, settle},
    payloads, refusals,
    registration::{RegistrationErrorCode as Code, RegistrationUserError, approval},
    text::Check,
    write::Note,
};

refusals! {
    /// Why the rules of registration were not set.
    RegistrationRulesErrorCode, RegistrationRulesUserError {
        /// A step is there twice.
        StepTwice = "审核环节重复", "a step of approval is there twice";
        /// An offer stands from 10 minutes to 30 days.
        OfferOutOfRange = "候补确认时限须在10至43200分钟之间", "an offer stands from 10 to 43,200 minutes";
    }
}

/// What `setRegistrationRules` takes.
#[derive(InputObject)]
pub struct SetRegistrationRulesInput {
    /// Of which activity.
    activity_id: Gid<ActivityId>,
    /// The steps by which recommended registrations are approved, in their order, each once; none where none is needed.
    approval: Vec<ApprovalStep>,
    /// How long a seat that is offered to the waiting list is held, in minutes: from 10 to 43,200 (30 days), and never
    /// beyond the activity's start.
    #[graphql(default_with = "activity::OFFER_MINUTES")]
    offer_minutes: i32,
}

/// What `decideRegistration` takes.
#[derive(InputObject)]
pub struct DecideRegistrationInput {
    /// Which one; PENDING.
    registration_id: Gid<RegistrationId>,
    /// What is said of it.
    verdict: Verdict,
    /// Why; needed for RETURN and DECLINE, at most 500 characters.
    reason: Option<String>,
}

/// What `resubmitRegistration` takes.
#[derive(InputObject)]
pub struct ResubmitRegistrationInput {
    /// Which one; PENDING, and returned.
    registration_id: Gid<RegistrationId>,
}

payloads! {
    /// What `setRegistrationRules` gives.
    SetRegistrationRulesPayload { activity: Activity, RegistrationRulesUserError }
    /// What `decideRegistration` gives.
    DecideRegistrationPayload { registration: Registration, RegistrationUserError }
    /// What `resubmitRegistration` gives.
    ResubmitRegistrationPayload { registration: Registration, RegistrationUserError }
}

#[derive(Default)]
pub struct ApprovalMutation;

#[Object]
impl ApprovalMutation {
    /// Says how registrations of an activity are approved and how long offers stand. What waits already goes on by the
    /// new steps from the one it is at. For ORG_ADMIN and ORGANISER.
    async fn set_registration_rules(
        &self,
        ctx: &Context<'_>,
        input: SetRegistrationRulesInput,
    ) -> Result<SetRegistrationRulesPayload> {
        use RegistrationRulesErrorCode as Code;
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<SetRegistrationRules>(input.activity_id.0).await?;
        let mut refused = Vec::new();
        let steps: Vec<Step> = input.approval.into_iter().map(Into::into).collect();
        for (at, step) in steps.iter().enumerate() {
            if steps[..at].contains(step) {
                refused.push(Code::StepTwice.at(["approval", &at.to_string()]));
            }
        }
        if !(10..=43_200).contains(&input.offer_minutes) {
            refused.push(Code::OfferOutOfRange.at(["offerMinutes"]));
        }
        let rules = Rules { approval: steps, offer_minutes: input.offer_minutes };
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                crate::error::refuse_if_any(refused)?;
                Ok(activity::set_rules(tx, &permit, rules).await?)
            })
            .await;
        let (activity, user_errors) = settle(done, viewer.lang)?;
        Ok(SetRegistrationRulesPayload { activity: activity.map(Into::into), user_errors })
    }

    /// Says yes, no or back at the step of approval that a registration waits at. The last yes takes a seat or, where it
    /// is full, a place on the waiting list. Refused as WRONG_STATUS where it waits at another step by now. For ORG_ADMIN
    /// and LIAISON of the organisation that has the say, and for ORG_ADMIN and ORGANISER of the activity at any step.
    async fn decide_registration(
        &self,
        ctx: &Context<'_>,
        input: DecideRegistrationInput,
    ) -> Result<DecideRegistrationPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<DecideRegistration>(input.registration_id.0).await?;
        if permit.is_near() {
            // Whoever recommends it sees it as well, and has no say for others.
            let organisation = permit.on().waits_for_id.ok_or(Failure::Forbidden)?;
            let has_say = viewer.gate.permit::<DecideFor>(organisation).await;
            has_say.map_err(|failure| match failure {
                Failure::NotFound => Failure::Forbidden,
                other => other,
            })?;
        }
        let mut check = Check::new(Code::TooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let note = Note::default().because(reason.as_deref());
        let verdict = input.verdict.into();
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                approval::decide(tx, &permit, verdict, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(DecideRegistrationPayload { registration, user_errors })
    }

    /// Sends what was returned up the chain of approval again, from its first step. For LIAISON and ORG_ADMIN of the
    /// organisation that recommends the person, and for ORG_ADMIN and ORGANISER of the activity.
    async fn resubmit_registration(
        &self,
        ctx: &Context<'_>,
        input: ResubmitRegistrationInput,
    ) -> Result<ResubmitRegistrationPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ResubmitRegistration>(input.registration_id.0).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                approval::resubmit(tx, &permit, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(ResubmitRegistrationPayload { registration, user_errors })
    }
}
