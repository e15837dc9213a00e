//! What can be done to accounts: inputs, payloads, mutations.

use async_graphql::{Context, InputObject, Object, Result};
use entity::{
    account as account_row,
    id::{AccountId, OrganisationId, PersonId},
};

use super::{Account, new_fault};
use crate::{
    account::{self, AccountErrorCode, AccountUserError, password},
    authn,
    authz::{
        Action, Held, Permit,
        policy::{
            CreateAccount, DisableAccount, EnableAccount, EndSignIns, ResetPassword, RevokeGrant,
            ViewPerson,
        },
    },
    error::{Failure, Refusal},
    graphql::{Gid, Viewer, settle},
    live::Notice,
    payloads,
    text::Check,
    write::Note,
};

/// What `createAccount` takes.
#[derive(InputObject)]
pub struct CreateAccountInput {
    /// The organisation that looks after the account.
    organisation_id: Gid<OrganisationId>,
    /// 3 to 50 letters, digits, dots, dashes or underscores; kept in lower case, unique.
    username: String,
    /// 8 to 200 characters, more for administrators; not a common one, without the username. Whoever signs in with it has to
    /// change it first.
    password: String,
    /// Who will use it, if that is on record and in the viewer's scope.
    person_id: Option<Gid<PersonId>>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `disableAccount` takes.
#[derive(InputObject)]
pub struct DisableAccountInput {
    /// Which one.
    account_id: Gid<AccountId>,
}

/// What `enableAccount` takes.
#[derive(InputObject)]
pub struct EnableAccountInput {
    /// Which one.
    account_id: Gid<AccountId>,
    /// Why; at most 500 characters.
    reason: String,
}

/// What `endAccountSignIns` takes.
#[derive(InputObject)]
pub struct EndAccountSignInsInput {
    /// Which one.
    account_id: Gid<AccountId>,
}

/// What `resetPassword` takes.
#[derive(InputObject)]
pub struct ResetPasswordInput {
    /// Which one.
    account_id: Gid<AccountId>,
    /// 8 to 200 characters, more for administrators; not a common one, without the username. Whoever signs in with it has to
    /// change it first.
    password: String,
}

payloads! {
    /// What `createAccount` gives.
    CreateAccountPayload { account: Account, AccountUserError }
    /// What `disableAccount` gives.
    DisableAccountPayload { account: Account, AccountUserError }
    /// What `endAccountSignIns` gives.
    EndAccountSignInsPayload { account: Account, AccountUserError }
    /// What `resetPassword` gives.
    ResetPasswordPayload { account: Account, AccountUserError }
    /// What `enableAccount` gives.
    EnableAccountPayload { account: Account, AccountUserError }
}

#[derive(Default)]
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Makes an account that an organisation looks after. It may do nothing until a role is granted to it.
    /// For PLATFORM_ADMIN and ORG_ADMIN.
    async fn create_account(
        &self,
        ctx: &Context<'_>,
        mut input: CreateAccountInput,
    ) -> Result<CreateAccountPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CreateAccount>(input.organisation_id.0).await?;
        let person = match input.person_id {
            Some(id) => Some(viewer.gate.permit::<ViewPerson>(id.0).await?.on().id),
            None => None,
        };
        // What is kept of the input is a quick hash, which no password may be part of: it is compared below.
        let password = std::mem::take(&mut input.password);
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(AccountErrorCode::PasswordLength);
        let username = account::clean_username(&input.username).unwrap_or_else(|| {
            check.refuse(AccountErrorCode::UsernameInvalid.at(["username"]));
            String::new()
        });
        let rules = &viewer.app.config.accounts;
        if let Some(fault) = password::fault(rules, &password, &username, &[], "password") {
            check.refuse(fault);
        }
        let done = match check.done() {
            Err(refused) => Err(refused),
            Ok(()) => {
                let hash = authn::hash_password(&viewer.app, password.clone()).await?;
                viewer
                    .write(&permit, note, async |tx| {
                        account::create(tx, &permit, username, hash, person, viewer.now).await
                    })
                    .await
            }
        };
        if let Ok(made) = &done
            && made.password_hash.is_empty()
        {
            // A first answer, which keeps no hash.
            let kept: account_row::Model = viewer.row(made.id).await?;
            if !authn::password_matches(&viewer.app, password, Some(kept.password_hash)).await? {
                return Err(Failure::Conflict(
                    "这个幂等键已用于不同的内容",
                    "this idempotency key was used with another input",
                )
                .into());
            }
        }
        let (account, user_errors) = settle(done, viewer.lang)?;
        Ok(CreateAccountPayload { account: account.map(Account::from), user_errors })
    }

    /// Takes an account out of use at once: its tokens are dead. For PLATFORM_ADMIN, and for ORG_ADMIN of the
    /// organisation that looks after it, unless it may do what they could not grant. Not for one's own.
    async fn disable_account(
        &self,
        ctx: &Context<'_>,
        input: DisableAccountInput,
    ) -> Result<DisableAccountPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<DisableAccount>(input.account_id.0).await?;
        let outranked = is_outranked(viewer, &permit).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                if outranked {
                    return Err(AccountErrorCode::AboveOwn.at(["accountId"]).into());
                }
                account::disable(tx, &permit, viewer.now).await
            })
            .await;
        let subject = ("account", Some(permit.on().id.0));
        viewer.leave_if_refused("DisableAccount", subject, &done).await?;
        // Whoever acts by what it delegated does so no more.
        viewer.app.live.tell(Notice::Access(None));
        let (account, user_errors) = settle(done, viewer.lang)?;
        Ok(DisableAccountPayload { account: account.map(Account::from), user_errors })
    }

    /// Takes an account into use again that was out of use, by somebody or because nobody used it for long. For PLATFORM_ADMIN,
    /// and for ORG_ADMIN of the organisation that looks after it, unless it may do what they could not grant.
    async fn enable_account(
        &self,
        ctx: &Context<'_>,
        input: EnableAccountInput,
    ) -> Result<EnableAccountPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<EnableAccount>(input.account_id.0).await?;
        let outranked = is_outranked(viewer, &permit).await?;
        let mut check = Check::new(AccountErrorCode::TextTooLong);
        let reason =
            check.required(&input.reason, 500, &["reason"], AccountErrorCode::ReasonMissing);
        let done = viewer
            .write(&permit, Note::default().because(Some(&reason)), async |tx| {
                check.done()?;
                if outranked {
                    return Err(AccountErrorCode::AboveOwn.at(["accountId"]).into());
                }
                account::enable(tx, &permit, viewer.now).await
            })
            .await;
        viewer.app.live.tell(Notice::Access(None));
        let (account, user_errors) = settle(done, viewer.lang)?;
        Ok(EnableAccountPayload { account: account.map(Account::from), user_errors })
    }

    /// Gives an account a new password, which ends its sign-ins; whoever signs in with it has to change it first. For PLATFORM_ADMIN, and for ORG_ADMIN of the
    /// organisation that looks after it, unless it may do what they could not grant.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        input: ResetPasswordInput,
    ) -> Result<ResetPasswordPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ResetPassword>(input.account_id.0).await?;
        let done = if is_outranked(viewer, &permit).await? {
            Err(AccountErrorCode::AboveOwn.at(["accountId"]).into())
        } else if let Some(fault) =
            new_fault(viewer, permit.on(), &input.password, "password").await?
        {
            Err(fault.into())
        } else {
            let hash = authn::hash_password(&viewer.app, input.password).await?;
            viewer
                .write(&permit, Note::default(), async |tx| {
                    password::reset(tx, &permit, hash, viewer.now).await
                })
                .await
        };
        let subject = ("account", Some(permit.on().id.0));
        viewer.leave_if_refused("ResetPassword", subject, &done).await?;
        let (account, user_errors) = settle(done, viewer.lang)?;
        Ok(ResetPasswordPayload { account: account.map(Account::from), user_errors })
    }

    /// Ends all sign-ins and API keys of an account at once. For PLATFORM_ADMIN, SECURITY_ADMIN, and ORG_ADMIN of the organisation that
    /// looks after it.
    async fn end_account_sign_ins(
        &self,
        ctx: &Context<'_>,
        input: EndAccountSignInsInput,
    ) -> Result<EndAccountSignInsPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<EndSignIns>(input.account_id.0).await?;
        let note = Note::default();
        let done = viewer
            .write(&permit, note, async |tx| account::end_all(tx, &permit, viewer.now).await)
            .await;
        let (account, user_errors) = settle(done, viewer.lang)?;
        Ok(EndAccountSignInsPayload { account: account.map(Account::from), user_errors })
    }
}

/// Whether an account may do what the viewer could not grant: whoever sets its password could act in its place.
pub(super) async fn is_outranked<A: Action<On = account_row::Model, By = AccountId>>(
    viewer: &Viewer,
    permit: &Permit<A>,
) -> Result<bool, Failure> {
    if permit.on().id == permit.actor()
        || permit.roles().contains(&entity::role_grant::Role::PlatformAdmin)
    {
        return Ok(false);
    }
    let held = crate::authz::grants_of(viewer.db.read(), permit.on().id, viewer.now).await?;
    for Held { row, .. } in held {
        let role = row.role;
        match viewer.gate.permit_on::<RevokeGrant>(row).await {
            Ok(own) if account::grant::may_give(own.roles(), role) => {}
            Ok(_) | Err(Failure::Forbidden | Failure::NotFound) => return Ok(true),
            Err(failure) => return Err(failure),
        }
    }
    Ok(false)
}
