//! Signing in, and what can be done to accounts: inputs, payloads, mutations.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use entity::{
    account as account_row,
    id::{AccountId, OrganisationId, PersonId},
};

use super::{Account, SignedIn};
use crate::{
    account::{
        self, AccountErrorCode, AccountUserError,
        sign_in::{
            self, RefreshTokensErrorCode, RefreshTokensUserError, Refreshed, SignInErrorCode,
            SignInUserError,
        },
    },
    authn::{self, Tokens},
    authz::{
        Action, Held, Permit,
        policy::{
            CreateAccount, DisableAccount, EnableAccount, ResetPassword, RevokeGrant, ViewPerson,
        },
    },
    error::{Error, Failure, Refusal},
    graphql::{Gid, Viewer, settle},
    live::Notice,
    payloads,
    text::Check,
    write::Note,
};

/// What `signIn` takes.
#[derive(InputObject)]
pub struct SignInInput {
    /// In any case.
    username: String,
    /// As it was set.
    password: String,
}

/// What `signIn` gives.
#[derive(SimpleObject)]
pub struct SignInPayload {
    /// What further requests are sent with; null where the sign-in was refused.
    tokens: Option<Tokens>,
    /// Who is signed in now.
    viewer: Option<SignedIn>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<SignInUserError>,
}

/// What `refreshTokens` takes.
#[derive(InputObject)]
pub struct RefreshTokensInput {
    /// The latest that was given for this sign-in.
    refresh_token: String,
}

/// What `refreshTokens` gives.
#[derive(SimpleObject)]
pub struct RefreshTokensPayload {
    /// The new ones; null where it was refused.
    tokens: Option<Tokens>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<RefreshTokensUserError>,
}

/// What `signOut` gives.
#[derive(SimpleObject)]
pub struct SignOutPayload {
    /// Whether somebody was signed in, and is not any more.
    signed_out: bool,
}

/// What `createAccount` takes.
#[derive(InputObject)]
pub struct CreateAccountInput {
    /// The organisation that looks after the account.
    organisation_id: Gid<OrganisationId>,
    /// 3 to 50 letters, digits, dots, dashes or underscores; kept in lower case, unique.
    username: String,
    /// 8 to 200 characters.
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

/// What `resetPassword` takes.
#[derive(InputObject)]
pub struct ResetPasswordInput {
    /// Which one.
    account_id: Gid<AccountId>,
    /// 8 to 200 characters.
    password: String,
}

/// What `changePassword` takes.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The one that is in use.
    old_password: String,
    /// 8 to 200 characters.
    new_password: String,
}

payloads! {
    /// What `createAccount` gives.
    CreateAccountPayload { account: Account, AccountUserError }
    /// What `disableAccount` gives.
    DisableAccountPayload { account: Account, AccountUserError }
    /// What `resetPassword` gives.
    ResetPasswordPayload { account: Account, AccountUserError }
    /// What `changePassword` gives.
    ChangePasswordPayload { account: Account, AccountUserError }
    /// What `enableAccount` gives.
    EnableAccountPayload { account: Account, AccountUserError }
}

#[derive(Default)]
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Signs in with a username and a password. For everybody.
    async fn sign_in(&self, ctx: &Context<'_>, input: SignInInput) -> Result<SignInPayload> {
        let viewer = Viewer::of(ctx);
        let found = match account::clean_username(&input.username) {
            Some(name) => {
                account::named(viewer.db.read(), &name).await?.filter(|it| it.disabled_at.is_none())
            }
            None => None,
        };
        // As long is spent on an account that there is not as on one that there is.
        let hash = found.as_ref().map(|it| it.password_hash.clone());
        let right = authn::password_matches(&viewer.app, input.password, hash).await?;
        let done = match found.filter(|_| right) {
            None => Err(SignInErrorCode::InvalidCredentials.into()),
            Some(account) => viewer
                .write_unsigned("SignIn", async |tx| {
                    let opened =
                        sign_in::public_open(tx, &viewer.app.keys, account.id, viewer.now).await?;
                    Ok((opened, Some(account.id)))
                })
                .await
                .map(|(tokens, _)| (tokens, account)),
        };
        let (done, user_errors) = settle(done, viewer.lang)?;
        let Some((tokens, account)) = done else {
            return Ok(SignInPayload { tokens: None, viewer: None, user_errors });
        };
        let grants = crate::authz::grants_of(viewer.db.read(), account.id, viewer.now).await?;
        let viewer = Some(SignedIn::new(account, grants));
        Ok(SignInPayload { tokens: Some(tokens), viewer, user_errors })
    }

    /// Changes a refresh token for new tokens. Each token works once; a second use ends the sign-in. For everybody.
    async fn refresh_tokens(
        &self,
        ctx: &Context<'_>,
        input: RefreshTokensInput,
    ) -> Result<RefreshTokensPayload> {
        let viewer = Viewer::of(ctx);
        let done = viewer
            .write_unsigned("RefreshTokens", async |tx| {
                let it =
                    sign_in::public_refresh(tx, &viewer.app.keys, &input.refresh_token, viewer.now)
                        .await?;
                let account = match &it {
                    Refreshed::Tokens(_, account) | Refreshed::Reused(account) => Some(*account),
                    Refreshed::Unknown => None,
                };
                Ok((it, account))
            })
            .await;
        if let Ok(Refreshed::Reused(account)) = &done {
            viewer.app.live.tell(Notice::Access(Some(*account)));
        }
        // The end of a sign-in is kept, so that it is refused only after the commit.
        let done = done.and_then(|it| match it {
            Refreshed::Tokens(tokens, _) => Ok(tokens),
            Refreshed::Reused(_) | Refreshed::Unknown => {
                Err(RefreshTokensErrorCode::InvalidToken.at(["refreshToken"]).into())
            }
        });
        let (tokens, user_errors) = settle(done, viewer.lang)?;
        Ok(RefreshTokensPayload { tokens, user_errors })
    }

    /// Ends the sign-in that the request speaks for. For everybody who is signed in.
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<SignOutPayload> {
        let viewer = Viewer::of(ctx);
        let who = viewer.gate.who()?;
        let done: Result<(), Error<SignInErrorCode>> = viewer
            .write_unsigned("SignOut", async |tx| {
                if let Some(id) = who.sign_in {
                    sign_in::end(tx, id, viewer.now).await?;
                }
                Ok(((), Some(who.account.id)))
            })
            .await;
        let (done, _) = settle::<(), SignInUserError>(done, viewer.lang)?;
        viewer.app.live.tell(Notice::Access(Some(who.account.id)));
        Ok(SignOutPayload { signed_out: done.is_some() })
    }

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
        if let Some(fault) = account::password_fault(&password) {
            check.refuse(fault.at(["password"]));
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

    /// Gives an account a new password, which ends its sign-ins. For PLATFORM_ADMIN, and for ORG_ADMIN of the
    /// organisation that looks after it, unless it may do what they could not grant.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        input: ResetPasswordInput,
    ) -> Result<ResetPasswordPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ResetPassword>(input.account_id.0).await?;
        let done = match account::password_fault(&input.password) {
            _ if is_outranked(viewer, &permit).await? => {
                Err(AccountErrorCode::AboveOwn.at(["accountId"]).into())
            }
            Some(fault) => Err(fault.at(["password"]).into()),
            None => {
                let hash = authn::hash_password(&viewer.app, input.password).await?;
                viewer
                    .write(&permit, Note::default(), async |tx| {
                        account::reset_password(tx, &permit, hash, viewer.now).await
                    })
                    .await
            }
        };
        let subject = ("account", Some(permit.on().id.0));
        viewer.leave_if_refused("ResetPassword", subject, &done).await?;
        let (account, user_errors) = settle(done, viewer.lang)?;
        Ok(ResetPasswordPayload { account: account.map(Account::from), user_errors })
    }

    /// Changes one's own password, which ends all of one's sign-ins, this one too. For everybody who is signed in.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordInput,
    ) -> Result<ChangePasswordPayload> {
        let viewer = Viewer::of(ctx);
        let account = &viewer.gate.who()?.account;
        let right = authn::password_matches(
            &viewer.app,
            input.old_password,
            Some(account.password_hash.clone()),
        )
        .await?;
        let done = if !right {
            Err(AccountErrorCode::PasswordWrong.at(["oldPassword"]).into())
        } else if let Some(fault) = account::password_fault(&input.new_password) {
            Err(fault.at(["newPassword"]).into())
        } else {
            let hash = authn::hash_password(&viewer.app, input.new_password).await?;
            viewer
                .write_unsigned("ChangePassword", async |tx| {
                    Ok((
                        account::set_password(tx, account, hash, viewer.now).await?,
                        Some(account.id),
                    ))
                })
                .await
        };
        if let Ok(account) = &done {
            viewer.app.live.tell(Notice::Access(Some(account.id)));
        }
        let (account, user_errors) = settle(done, viewer.lang)?;
        Ok(ChangePasswordPayload { account: account.map(Account::from), user_errors })
    }
}

/// Whether an account may do what the viewer could not grant: whoever sets its password could act in its place.
async fn is_outranked<A: Action<On = account_row::Model, By = AccountId>>(
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
