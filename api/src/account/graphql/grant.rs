//! What can be done to grants: inputs, payloads, mutations.

use async_graphql::{Context, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, ActivityId, GrantId, OrganisationId, ProgrammeId},
    role_grant,
};

use super::{Grant, Role};
use crate::{
    account::grant::{self, GrantErrorCode, GrantUserError, Over, Terms},
    authz::policy::{GrantOnActivity, GrantOnOrganisation, GrantOnProgramme, RevokeGrant},
    error::{Error, Failure},
    graphql::{Gid, Viewer, settle},
    live::Notice,
    payloads,
    text::Check,
    write::Note,
};

/// What `grantRole` takes.
#[derive(InputObject)]
pub struct GrantRoleInput {
    /// To whom; not oneself.
    account_id: Gid<AccountId>,
    /// What the account will be allowed over the scope.
    role: Role,
    /// Over an organisation and everything below it.
    organisation_id: Option<Gid<OrganisationId>>,
    /// Over a programme; for ORGANISER, DOOR_STAFF and VIEWER.
    programme_id: Option<Gid<ProgrammeId>>,
    /// Over an activity; for ORGANISER, DOOR_STAFF and VIEWER.
    activity_id: Option<Gid<ActivityId>>,
    /// Until when, in the future; until it is taken back if not given.
    expires_at: Option<DateTime<Utc>>,
    /// Why; at most 500 characters.
    reason: String,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `delegateGrant` takes.
#[derive(InputObject)]
pub struct DelegateGrantInput {
    /// Which of one's own grants, itself not delegated.
    grant_id: Gid<GrantId>,
    /// To whom; not oneself.
    account_id: Gid<AccountId>,
    /// From when; at once if not given.
    from: Option<DateTime<Utc>>,
    /// Until when: in the future, at most 92 days after `from`, and not beyond the grant itself.
    until: DateTime<Utc>,
    /// Why; at most 500 characters.
    reason: String,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `revokeGrant` takes.
#[derive(InputObject)]
pub struct RevokeGrantInput {
    /// Which one.
    grant_id: Gid<GrantId>,
    /// Why; at most 500 characters.
    reason: Option<String>,
}

payloads! {
    /// What `grantRole` gives.
    GrantRolePayload { grant: Grant, GrantUserError }
    /// What `delegateGrant` gives.
    DelegateGrantPayload { grant: Grant, GrantUserError }
    /// What `revokeGrant` gives.
    RevokeGrantPayload { grant: Grant, GrantUserError }
}

#[derive(Default)]
pub struct GrantMutation;

#[Object]
impl GrantMutation {
    /// Gives an account a role over a scope. For SECURITY_ADMIN; for ORG_ADMIN in its subtree, none above its own;
    /// for ORGANISER, door staff of its programmes and activities. Nobody grants to oneself. PLATFORM_ADMIN, SECURITY_ADMIN and
    /// AUDITOR are kept apart: no account holds two of them, or one and any other role but VIEWER. What is refused is on the
    /// audit log too.
    async fn grant_role(
        &self,
        ctx: &Context<'_>,
        input: GrantRoleInput,
    ) -> Result<GrantRolePayload> {
        let viewer = Viewer::of(ctx);
        let to = input.account_id.0;
        let done = give(viewer, input).await;
        viewer.leave_if_refused("GrantRole", ("account", Some(to.0)), &done).await?;
        let (grant, user_errors) = settle(done, viewer.lang)?;
        Ok(GrantRolePayload { grant: grant.map(Grant::from), user_errors })
    }

    /// Lets another account act by a grant of one's own while one is away (委托). It holds as long as the grant itself, ends
    /// at `until`, and can be taken back; it is not delegated on. For the holder of the grant.
    async fn delegate_grant(
        &self,
        ctx: &Context<'_>,
        input: DelegateGrantInput,
    ) -> Result<DelegateGrantPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.own_grant(input.grant_id.0)?;
        let (to, now) = (input.account_id.0, viewer.now);
        let (reason, note) = why(&input.reason, Note::keyed(input.idempotency_key.clone(), &input));
        let span = (input.from.unwrap_or(now), input.until);
        let done = viewer
            .write(&permit, note, async |tx| {
                grant::delegate(tx, &permit, to, span, reason?, now).await
            })
            .await;
        viewer.leave_if_refused("DelegateGrant", ("account", Some(to.0)), &done).await?;
        let (grant, user_errors) = settle(done, viewer.lang)?;
        Ok(DelegateGrantPayload { grant: grant.map(Grant::from), user_errors })
    }

    /// Takes a grant back, and with it what was delegated of it. For those who may give it, and for whoever delegated it.
    async fn revoke_grant(
        &self,
        ctx: &Context<'_>,
        input: RevokeGrantInput,
    ) -> Result<RevokeGrantPayload> {
        let viewer = Viewer::of(ctx);
        let id = input.grant_id.0;
        let permit = match viewer.gate.permit::<RevokeGrant>(id).await {
            // A grant of one's own that was lent may stand where one has no say.
            Err(denied @ (Failure::Forbidden | Failure::NotFound)) => {
                viewer.gate.own_delegation(id).await.map_err(|_| denied)?
            }
            other => other?,
        };
        let mut check = Check::new(GrantErrorCode::TextTooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let note = Note::default().because(reason.as_deref());
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                grant::revoke(tx, &permit, reason, viewer.now).await
            })
            .await;
        viewer.leave_if_refused("RevokeGrant", ("grant", Some(id.0)), &done).await?;
        // Whoever acts by what was delegated of it does so no more.
        viewer.app.live.tell(Notice::Access(None));
        let (grant, user_errors) = settle(done, viewer.lang)?;
        Ok(RevokeGrantPayload { grant: grant.map(Grant::from), user_errors })
    }
}

/// The reason as it is kept, or what is wrong with it; and the note that says it.
fn why(typed: &str, note: Note) -> (Result<String, Error<GrantErrorCode>>, Note) {
    let mut check = Check::new(GrantErrorCode::TextTooLong);
    let reason = check.required(typed, 500, &["reason"], GrantErrorCode::ReasonMissing);
    let note = note.because(Some(&reason));
    (check.done().map(|()| reason), note)
}

async fn give(
    viewer: &Viewer,
    input: GrantRoleInput,
) -> Result<role_grant::Model, Error<GrantErrorCode>> {
    let gate = &viewer.gate;
    gate.signed_in()?;
    let (reason, note) = why(&input.reason, Note::keyed(input.idempotency_key.clone(), &input));
    let (to, role, expires_at) = (input.account_id.0, input.role.into(), input.expires_at);
    let terms = |over| -> Result<Terms, Error<GrantErrorCode>> {
        Ok(Terms { role, over, expires_at, reason: reason? })
    };
    let now = viewer.now;
    match (input.organisation_id, input.programme_id, input.activity_id) {
        (Some(Gid(id)), None, None) => {
            let permit = gate.permit::<GrantOnOrganisation>(id).await?;
            let terms = terms(Over::Organisation(id));
            viewer
                .write(&permit, note, async |tx| grant::give(tx, &permit, to, terms?, now).await)
                .await
        }
        (None, Some(Gid(id)), None) => {
            let permit = gate.permit::<GrantOnProgramme>(id).await?;
            let terms = terms(Over::Programme(id));
            viewer
                .write(&permit, note, async |tx| grant::give(tx, &permit, to, terms?, now).await)
                .await
        }
        (None, None, Some(Gid(id))) => {
            let permit = gate.permit::<GrantOnActivity>(id).await?;
            let terms = terms(Over::Activity(id));
            viewer
                .write(&permit, note, async |tx| grant::give(tx, &permit, to, terms?, now).await)
                .await
        }
        _ => {
            gate.who()?;
            Err(GrantErrorCode::ScopeUnclear.into())
        }
    }
}
