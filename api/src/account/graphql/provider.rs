//! Signing in by another system that says who somebody is, and the links of accounts with identities there.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use axum::http::HeaderValue;
use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, LinkedIdentityId},
    linked_identity, provider_trip,
};
use reqwest::Url;

use super::{
    Account, SignedIn,
    mutation::is_outranked,
    sign_in::{attempts, device_token, open, too_many},
};
use crate::{
    account::{
        identity::{self, IdentityErrorCode, IdentityUserError},
        proof::Proof,
        sign_in::{SignInErrorCode, SignInUserError},
        trip::{self, Told},
    },
    authn::Tokens,
    authz::{
        Who,
        policy::{LinkIdentity, UnlinkIdentity},
    },
    error::{Error, Failure, Refusal},
    graphql::{Gid, Viewer, settle},
    live::Notice,
    payloads, refusals,
    text::Check,
    write::Note,
};

refusals! {
    /// Why nobody was sent to another system.
    BeginProviderSignInErrorCode, BeginProviderSignInUserError {
        /// The service is told of no other system of this name.
        ProviderUnknown = "没有此登录方式", "there is no such way to sign in";
        /// The page is not at the service's own address, nor at one of the origins that it is told of.
        ReturnToRefused = "此返回地址未获准", "browsers are not sent back to this page";
        /// The other system does not answer, or not as it should. The log says more.
        ProviderUnreachable = "登录系统暂时无法访问，请稍后再试", "the other system does not answer; try again later";
    }
}

/// Another system by which people sign in.
#[derive(SimpleObject)]
pub struct SignInProvider {
    /// Names it in `beginProviderSignIn`.
    name: String,
    /// What people know it by.
    title: String,
}

/// Who an account is at another system.
pub struct LinkedIdentity(pub linked_identity::Model);

/// Who an account is at another system, by which it is signed in to.
#[Object]
impl LinkedIdentity {
    /// Opaque; unique among all things.
    async fn id(&self) -> Gid<LinkedIdentityId> {
        Gid(self.0.id)
    }

    /// The name of the other system, as in `signInProviders`.
    async fn provider(&self) -> &str {
        &self.0.provider
    }

    /// How the other system names them.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// When it was linked.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Who linked it, by what they sign in with; null where a verified phone did.
    async fn linked_by(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        super::username(ctx, self.0.created_by).await
    }
}

/// What `beginProviderSignIn` takes.
#[derive(InputObject)]
pub struct BeginProviderSignInInput {
    /// One of `signInProviders`.
    provider: String,
    /// The page that the browser comes back to, at the service's own address or one of QINGLAN_ORIGINS; at most 1,000
    /// characters. It is given `code`, for `signInByProvider`; or `error`: `access_denied` where the person would not, any other
    /// word where the other system would not, `provider_unreachable` or `provider_unfit`.
    return_to: String,
}

/// What `beginProviderSignIn` gives.
#[derive(SimpleObject)]
pub struct BeginProviderSignInPayload {
    /// Where to send the browser; null where it was refused.
    address: Option<String>,
    /// For the page to keep, as in `sessionStorage`, and to send with the code that comes back. Not for an address.
    secret: Option<String>,
    /// Until when the browser has to be back: 10 minutes.
    expires_at: Option<DateTime<Utc>>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<BeginProviderSignInUserError>,
}

/// What `signInByProvider` takes.
#[derive(InputObject)]
pub struct SignInByProviderInput {
    /// The `code` that the browser came back to the page with. Good for 5 minutes, for one sign-in.
    provider_code: String,
    /// What `beginProviderSignIn` gave.
    secret: String,
    /// As for `signIn`: the `deviceToken` of an earlier sign-in on this device.
    device_token: Option<String>,
    /// As for `signIn`: where the account has a second factor, six digits of its app or a recovery code.
    code: Option<String>,
}

/// What `signInByProvider` gives: the same as `signIn` does.
#[derive(SimpleObject)]
pub struct SignInByProviderPayload {
    /// What further requests are sent with; null where the sign-in was refused.
    tokens: Option<Tokens>,
    /// Who is signed in now. See `duty`: something may have to be done before anything else is allowed.
    viewer: Option<SignedIn>,
    /// For this device to keep for 180 days, and to send with the next sign-in. It lets nobody in.
    device_token: Option<String>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<SignInUserError>,
}

/// What `linkIdentity` takes.
#[derive(InputObject)]
pub struct LinkIdentityInput {
    /// Which account.
    account_id: Gid<AccountId>,
    /// One of `signInProviders`.
    provider: String,
    /// How the other system names whoever uses the account; at most 255 characters. Whoever tries to sign in and is not linked
    /// is told theirs.
    subject: String,
    /// Why; at most 500 characters.
    reason: String,
}

/// What `unlinkIdentity` takes.
#[derive(InputObject)]
pub struct UnlinkIdentityInput {
    /// Which one.
    identity_id: Gid<LinkedIdentityId>,
    /// Why; at most 500 characters. Not asked for with one's own.
    reason: Option<String>,
}

payloads! {
    /// What `linkIdentity` gives.
    LinkIdentityPayload { identity: LinkedIdentity, IdentityUserError }
    /// What `unlinkIdentity` gives.
    UnlinkIdentityPayload { account: Account, IdentityUserError }
}

#[derive(Default)]
pub struct ProviderQuery;

#[Object]
impl ProviderQuery {
    /// The other systems by which people sign in, besides usernames and passwords. For everybody.
    async fn sign_in_providers(&self, ctx: &Context<'_>) -> Vec<SignInProvider> {
        let all = Viewer::of(ctx).app.providers.iter();
        all.map(|it| SignInProvider { name: it.name.clone(), title: it.title.clone() }).collect()
    }
}

#[derive(Default)]
pub struct ProviderMutation;

#[Object]
impl ProviderMutation {
    /// Begins to sign in by another system: the page sends the browser to the address that comes of it. For everybody, 60 times
    /// a minute from one address.
    async fn begin_provider_sign_in(
        &self,
        ctx: &Context<'_>,
        input: BeginProviderSignInInput,
    ) -> Result<BeginProviderSignInPayload> {
        let viewer = Viewer::of(ctx);
        viewer.app.rates.count_trip(viewer.address.as_deref())?;
        let done = Box::pin(begun(viewer, &input)).await;
        let (done, user_errors) = settle(done, viewer.lang)?;
        let (address, begun) = done.unzip();
        let (secret, expires_at) = begun.map(|it| (it.secret, it.expires_at)).unzip();
        Ok(BeginProviderSignInPayload { address, secret, expires_at, user_errors })
    }

    /// Signs in whoever came back from another system, to the account that is linked with them; the same as `signIn` does. An
    /// identity whose phone the other system has verified is linked by itself, where the service is told so, with the
    /// account of the person who has that phone, unless it is an administrator's. For everybody.
    async fn sign_in_by_provider(
        &self,
        ctx: &Context<'_>,
        input: SignInByProviderInput,
    ) -> Result<SignInByProviderPayload> {
        let viewer = Viewer::of(ctx);
        let device = input.device_token.as_deref();
        let done = Box::pin(signed_in(viewer, &input)).await;
        let (done, user_errors) = settle(done, viewer.lang)?;
        let (tokens, who) = done.unzip();
        let device_token =
            who.as_ref().map(|it| device_token(viewer, device, it.account.id)).transpose()?;
        let viewer = who.map(SignedIn);
        Ok(SignInByProviderPayload { tokens, viewer, device_token, user_errors })
    }

    /// Links an account with an identity at another system: whoever is that there signs in to it. The same again gives what is
    /// there. For PLATFORM_ADMIN, and for ORG_ADMIN of the organisation that looks after the account, unless it may do what
    /// they could not grant.
    async fn link_identity(
        &self,
        ctx: &Context<'_>,
        input: LinkIdentityInput,
    ) -> Result<LinkIdentityPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<LinkIdentity>(input.account_id.0).await?;
        let mut check = Check::new(IdentityErrorCode::TextTooLong);
        if viewer.app.providers.named(&input.provider).is_none() {
            check.refuse(IdentityErrorCode::ProviderUnknown.at(["provider"]));
        }
        let missing = IdentityErrorCode::SubjectMissing;
        let subject = check.required(&input.subject, 255, &["subject"], missing);
        let missing = IdentityErrorCode::ReasonMissing;
        let reason = check.required(&input.reason, 500, &["reason"], missing);
        let is_above = is_outranked(viewer, &permit).await?;
        if is_above {
            check.refuse(IdentityErrorCode::AboveOwn.at(["accountId"]));
        }
        let done = viewer
            .write(&permit, Note::default().because(Some(&reason)), async |tx| {
                check.done()?;
                identity::link(tx, &permit, input.provider, subject, viewer.now).await
            })
            .await;
        if is_above {
            let on = ("account", Some(permit.on().id.0));
            viewer.leave_if_refused("LinkIdentity", on, &done).await?;
        }
        let (made, user_errors) = settle(done, viewer.lang)?;
        Ok(LinkIdentityPayload { identity: made.map(LinkedIdentity), user_errors })
    }

    /// Takes a link back, and ends the sign-ins that came by it. For whoever's account it is, for PLATFORM_ADMIN, and for
    /// ORG_ADMIN of the organisation that looks after the account, unless it may do what they could not grant.
    async fn unlink_identity(
        &self,
        ctx: &Context<'_>,
        input: UnlinkIdentityInput,
    ) -> Result<UnlinkIdentityPayload> {
        let viewer = Viewer::of(ctx);
        let own = viewer.gate.who()?.account.clone();
        let id = input.identity_id.0;
        let found = identity::by_id(viewer.db.read(), id).await?;
        let done = if found.account_id == own.id {
            viewer
                .write_unsigned("UnlinkIdentity", async |tx| {
                    identity::unlink_own(tx, own.id, id, viewer.now).await?;
                    Ok((own.clone(), Some(own.id)))
                })
                .await
        } else {
            Box::pin(unlinked(viewer, &found, input.reason.as_deref())).await
        };
        viewer.app.live.tell(Notice::Access(Some(found.account_id)));
        let (account, user_errors) = settle(done, viewer.lang)?;
        Ok(UnlinkIdentityPayload { account: account.map(Account::from), user_errors })
    }
}

async fn begun(
    viewer: &Viewer,
    input: &BeginProviderSignInInput,
) -> std::result::Result<(String, trip::Begun), Error<BeginProviderSignInErrorCode>> {
    use BeginProviderSignInErrorCode as Code;
    let app = &viewer.app;
    let provider = app.providers.named(&input.provider);
    let provider = provider.ok_or_else(|| Code::ProviderUnknown.at(["provider"]))?;
    let page =
        page(viewer, &input.return_to).ok_or_else(|| Code::ReturnToRefused.at(["returnTo"]))?;
    let state = trip::state(&app.keys)?;
    let told = Told::of(app, provider, &state);
    let address = match provider.connector.address(&told.trip(&state)).await {
        Ok(address) => address,
        Err(fault) => {
            tracing::warn!(provider = provider.name, request_id = %viewer.request_id, "signing in: {fault}");
            return Err(Code::ProviderUnreachable.at(["provider"]).into());
        }
    };
    let begun = viewer
        .db
        .transaction(async |tx| trip::begin(tx, provider, state, page, viewer.now).await)
        .await?;
    Ok((address, begun))
}

/// A page that browsers are sent back to, if it is one.
fn page(viewer: &Viewer, typed: &str) -> Option<String> {
    const LONGEST: usize = 1_000;
    let url = Url::parse(typed).ok().filter(|it| it.as_str().len() <= LONGEST)?;
    let origin = HeaderValue::from_str(&url.origin().ascii_serialization()).ok()?;
    let config = &viewer.app.config;
    let is_plain =
        url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (is_plain && config.outside.admits(&origin, &config.public_url)).then(|| url.into())
}

async fn signed_in(
    viewer: &Viewer,
    input: &SignInByProviderInput,
) -> std::result::Result<(Tokens, Who), Error<SignInErrorCode>> {
    let db = viewer.db.read();
    let ended = trip::ended(db, &input.provider_code, &input.secret, viewer.now).await?;
    let invalid = || SignInErrorCode::ProviderCodeInvalid.at(["providerCode"]);
    let way = ended.ok_or_else(invalid)?;
    let subject = way.subject.as_deref().ok_or_else(invalid)?;
    let mut account = identity::account_of(db, &way.provider, subject).await?;
    if account.is_none() && link(viewer, &way).await? {
        account = identity::account_of(db, &way.provider, subject).await?;
    }
    let Some(account) = account.filter(|it| it.disabled_at.is_none()) else {
        viewer
            .refuse_unsigned("SignInByProvider", None, async |_| {
                Ok(("no account in use is linked with the identity", ()))
            })
            .await?;
        return Err(SignInErrorCode::NotLinked.at(["providerCode"]).about(subject).into());
    };
    let device = input.device_token.as_deref();
    let attempts = attempts(viewer, &account.username, Some(account.id), device).await?;
    let proof = Proof::Provider(&way);
    if let Some(until) = attempts.full_until(db, viewer.now).await? {
        return Err(too_many(proof, until, viewer.now).into());
    }
    open(viewer, &attempts, account, proof, input.code.as_deref()).await
}

/// Links an identity with the account of whoever has its verified phone, where that is wanted; whether it was.
async fn link(viewer: &Viewer, way: &provider_trip::Model) -> Result<bool, Failure> {
    let provider = viewer.app.providers.named(&way.provider);
    let Some(phone) = way.phone.as_deref().filter(|_| provider.is_some_and(|it| it.link_by_phone))
    else {
        return Ok(false);
    };
    let Some(account) = identity::of_phone(viewer.db.read(), phone, viewer.now).await? else {
        return Ok(false);
    };
    let done = viewer
        .write_unsigned("LinkIdentityByPhone", async |tx| {
            identity::link_by_phone(tx, account, way, viewer.now).await?;
            Ok(((), Some(account)))
        })
        .await;
    // Somebody else was quicker with the same identity: to whichever account, it is linked.
    let (linked, _) = settle::<_, IdentityUserError>(done, viewer.lang)?;
    Ok(linked.is_some())
}

async fn unlinked(
    viewer: &Viewer,
    found: &linked_identity::Model,
    reason: Option<&str>,
) -> std::result::Result<entity::account::Model, Error<IdentityErrorCode>> {
    let permit = viewer.gate.permit::<UnlinkIdentity>(found.account_id).await?;
    let mut check = Check::new(IdentityErrorCode::TextTooLong);
    let missing = IdentityErrorCode::ReasonMissing;
    let reason = check.required(reason.unwrap_or_default(), 500, &["reason"], missing);
    let is_above = is_outranked(viewer, &permit).await?;
    if is_above {
        check.refuse(IdentityErrorCode::AboveOwn.at(["identityId"]));
    }
    let note = Note::default().because(Some(&reason)).of([found.id]);
    let done = viewer
        .write(&permit, note, async |tx| {
            check.done()?;
            identity::unlink(tx, &permit, found.id, viewer.now).await
        })
        .await;
    if is_above {
        let on = ("account", Some(permit.on().id.0));
        viewer.leave_if_refused("UnlinkIdentity", on, &done).await?;
    }
    done
}
