//! Signing in and staying signed in, one's own password, and from where one is signed in.

mod open;

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{id::SignInId, sign_in as sign_in_row};

pub(super) use self::open::{attempts, device_token, new_fault, open, seconds, too_many};
use self::open::{changed, end, failed, refreshed};

use super::{Account, ApiKey, Grant};
use crate::{
    account::{
        self, AccountErrorCode, AccountUserError, api_key,
        proof::Proof,
        second_factor,
        sign_in::{self, RefreshTokensUserError, SignInErrorCode, SignInUserError, Times},
    },
    authn::{self, Tokens},
    authz::{Duty, Who},
    error::{Error, Refusal},
    graphql::{Gid, Viewer, settle},
    live::Notice,
    payloads,
};

/// What `signIn` takes.
#[derive(InputObject)]
pub struct SignInInput {
    /// In any case.
    username: String,
    /// As it was set.
    password: String,
    /// The `deviceToken` that an earlier sign-in to this account gave on this device, if it kept one. With it nobody
    /// else's wrong passwords are held against this device.
    device_token: Option<String>,
    /// Where the account has a second factor: six digits of its app, each taken once, or a recovery code. Not looked at where
    /// it has none.
    code: Option<String>,
}

/// What `signIn` gives.
#[derive(SimpleObject)]
pub struct SignInPayload {
    /// What further requests are sent with; null where the sign-in was refused.
    tokens: Option<Tokens>,
    /// Who is signed in now. See `duty`: something may have to be done before anything else is allowed.
    viewer: Option<SignedIn>,
    /// For this device to keep for 180 days, and to send with the next `signIn`. It lets nobody in.
    device_token: Option<String>,
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

/// What `endSignIn` takes.
#[derive(InputObject)]
pub struct EndSignInInput {
    /// One of one's own.
    sign_in_id: Gid<SignInId>,
}

/// What `endSignIn` gives.
#[derive(SimpleObject)]
pub struct EndSignInPayload {
    /// Whether it was open, and is not any more.
    ended: bool,
}

/// What `endOtherSignIns` gives.
#[derive(SimpleObject)]
pub struct EndOtherSignInsPayload {
    /// How many sign-ins were open, and are not any more.
    ended: Option<u64>,
}

/// What `changePassword` takes.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The one that is in use.
    old_password: String,
    /// 8 to 200 characters, 12 at least for administrators; not a common one, without the username, none of the last five.
    new_password: String,
}

payloads! {
    /// What `changePassword` gives.
    ChangePasswordPayload { account: Account, AccountUserError }
}

/// Who is signed in.
pub struct SignedIn(pub(super) Who);

/// Who is signed in.
#[Object(name = "Viewer")]
impl SignedIn {
    /// What they signed in with.
    async fn account(&self) -> Account {
        Account { is_own: true, ..self.0.account.clone().into() }
    }

    /// What is granted to them and in force now.
    async fn grants(&self) -> Vec<Grant> {
        self.0.grants.iter().map(|it| Grant { row: it.row.clone(), is_own: true }).collect()
    }

    /// Whether signing in asks for a code of theirs.
    async fn has_second_factor(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(second_factor::has(Viewer::of(ctx).db.read(), self.0.account.id).await?)
    }

    /// What they have to do before they may do anything else; null where nothing.
    async fn duty(&self) -> Option<Duty> {
        self.0.duty
    }

    /// The keys by which other systems act for the account, the newest first.
    #[graphql(complexity = "10 * child_complexity")]
    async fn api_keys(&self, ctx: &Context<'_>) -> Result<Vec<ApiKey>> {
        let viewer = Viewer::of(ctx);
        let rows = api_key::list(viewer.db.read(), self.0.account.id, viewer.now).await?;
        Ok(rows.into_iter().map(ApiKey).collect())
    }

    /// From where the account is signed in to, the newest first; a hundred at most. End those that are not one's own by
    /// `endSignIn`, and change the password.
    #[graphql(complexity = "10 * child_complexity")]
    async fn sign_ins(&self, ctx: &Context<'_>) -> Result<Vec<SignIn>> {
        let viewer = Viewer::of(ctx);
        let times = Times::from(&viewer.app.config.accounts);
        let rows = sign_in::list(viewer.db.read(), self.0.account.id, times, viewer.now).await?;
        let current = self.0.sign_in;
        Ok(rows
            .into_iter()
            .map(|row| SignIn { is_current: current == Some(row.id), row })
            .collect())
    }
}

/// One signing in, and all that was done by the tokens that came of it.
pub struct SignIn {
    row: sign_in_row::Model,
    is_current: bool,
}

/// One signing in, which lasts until it is ended, nobody refreshes its tokens in time, or its time is over.
#[Object]
impl SignIn {
    /// Opaque; unique among all things.
    async fn id(&self) -> Gid<SignInId> {
        Gid(self.row.id)
    }

    /// Whether this request came by it.
    async fn is_current(&self) -> bool {
        self.is_current
    }

    /// When.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When it last got tokens, which are used for 15 minutes at most.
    async fn last_used_at(&self) -> DateTime<Utc> {
        self.row.last_used_at
    }

    /// When it is over, however it is used.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.row.expires_at
    }

    /// From which address, as far as that is known.
    async fn address(&self) -> Option<&str> {
        self.row.address.as_deref()
    }

    /// The other system that said who it was, as in `signInProviders`; null where a password did.
    async fn provider(&self) -> Option<&str> {
        self.row.provider.as_deref()
    }

    /// What the client called itself (`User-Agent`).
    async fn agent(&self) -> Option<&str> {
        self.row.agent.as_deref()
    }
}

#[derive(Default)]
pub struct SignInMutation;

#[Object]
impl SignInMutation {
    /// Signs in with a username and a password. Of one account, 5 attempts from one address may fail within 15 minutes; then
    /// one more is let in every 3 minutes. For everybody.
    async fn sign_in(&self, ctx: &Context<'_>, input: SignInInput) -> Result<SignInPayload> {
        let viewer = Viewer::of(ctx);
        let found = account::in_use(viewer.db.read(), &input.username).await?;
        let id = found.as_ref().map(|it| it.id);
        let device = input.device_token.as_deref();
        let attempts = attempts(viewer, &input.username, id, device).await?;
        let proof = Proof::Password(&input.password);
        let done = if let Some(until) = attempts.full_until(viewer.db.read(), viewer.now).await? {
            Err(too_many(proof, until, viewer.now).into())
        } else {
            // As long is spent on an account that there is not as on one that there is.
            let hash = found.as_ref().map(|it| it.password_hash.clone());
            let right = authn::password_matches(&viewer.app, input.password.clone(), hash).await?;
            match found.filter(|_| right) {
                Some(account) => {
                    let code = input.code.as_deref();
                    open(viewer, &attempts, account, proof, code).await
                }
                None => {
                    let why = SignInErrorCode::InvalidCredentials.into();
                    Err(failed(viewer, proof, &attempts, id, why).await)
                }
            }
        };
        let (done, user_errors) = settle(done, viewer.lang)?;
        let (tokens, who) = done.unzip();
        let device_token =
            who.as_ref().map(|it| device_token(viewer, device, it.account.id)).transpose()?;
        Ok(SignInPayload { tokens, viewer: who.map(SignedIn), device_token, user_errors })
    }

    /// Changes a refresh token for new tokens. Each token works once; a second use ends the sign-in. For everybody.
    async fn refresh_tokens(
        &self,
        ctx: &Context<'_>,
        input: RefreshTokensInput,
    ) -> Result<RefreshTokensPayload> {
        let viewer = Viewer::of(ctx);
        let done = refreshed(viewer, &input.refresh_token).await;
        let (tokens, user_errors) = settle(done, viewer.lang)?;
        Ok(RefreshTokensPayload { tokens, user_errors })
    }

    /// Ends the sign-in that the request speaks for. For everybody who is signed in.
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<SignOutPayload> {
        let viewer = Viewer::of(ctx);
        let who = viewer.gate.whoever()?;
        let ended = end(viewer, "SignOut", who, who.sign_in).await?;
        Ok(SignOutPayload { signed_out: ended })
    }

    /// Ends one of one's own sign-ins at once. One that is over already is left as it is. For everybody who is signed in.
    async fn end_sign_in(
        &self,
        ctx: &Context<'_>,
        input: EndSignInInput,
    ) -> Result<EndSignInPayload> {
        let viewer = Viewer::of(ctx);
        let who = viewer.gate.whoever()?;
        let ended = end(viewer, "EndSignIn", who, Some(input.sign_in_id.0)).await?;
        Ok(EndSignInPayload { ended })
    }

    /// Ends all of one's own sign-ins but the one that the request speaks for. For everybody who is signed in.
    async fn end_other_sign_ins(&self, ctx: &Context<'_>) -> Result<EndOtherSignInsPayload> {
        let viewer = Viewer::of(ctx);
        let who = viewer.gate.whoever()?;
        let id = who.account.id;
        let done: Result<u64, Error<SignInErrorCode>> = viewer
            .write_unsigned("EndOtherSignIns", async |tx| {
                Ok((account::end_sign_ins(tx, id, who.sign_in, viewer.now).await?, Some(id)))
            })
            .await;
        let (ended, _) = settle::<_, SignInUserError>(done, viewer.lang)?;
        viewer.app.live.tell(Notice::Access(Some(id)));
        Ok(EndOtherSignInsPayload { ended })
    }

    /// Changes one's own password, which ends all of one's sign-ins, this one too. Wrong old passwords are counted as those
    /// of `signIn` are. For everybody who is signed in.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordInput,
    ) -> Result<ChangePasswordPayload> {
        let viewer = Viewer::of(ctx);
        let account = &viewer.gate.whoever()?.account;
        let attempts = attempts(viewer, &account.username, Some(account.id), None).await?;
        let done = match attempts.full_until(viewer.db.read(), viewer.now).await? {
            Some(until) => Err(AccountErrorCode::TooManyAttempts
                .at(["oldPassword"])
                .about(seconds(until, viewer.now))
                .into()),
            None => changed(viewer, &attempts, account, input).await,
        };
        if let Ok(account) = &done {
            viewer.app.live.tell(Notice::Access(Some(account.id)));
        }
        let (account, user_errors) = settle(done, viewer.lang)?;
        Ok(ChangePasswordPayload { account: account.map(Account::from), user_errors })
    }
}
