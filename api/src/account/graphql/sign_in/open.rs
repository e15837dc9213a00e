//! What stands behind signing in: counting, opening, ending.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    account as account_row,
    id::{AccountId, SignInId},
    role_grant,
};

use super::ChangePasswordInput;
use crate::{
    account::{
        AccountErrorCode,
        attempts::{Attempts, Counted, Trier},
        password,
        proof::Proof,
        second_factor,
        sign_in::{
            self, Origin, RefreshTokensErrorCode, Refreshed, SignInErrorCode, SignInUserError,
            Times,
        },
    },
    authn::{self, Tokens},
    authz::{self, Who},
    error::{Error, Failure, Refusal, Refused},
    graphql::{Viewer, settle},
    live::Notice,
};

/// The buckets that a failure of this request would go into.
pub(in crate::account::graphql) async fn attempts(
    viewer: &Viewer,
    username: &str,
    account: Option<AccountId>,
    device: Option<&str>,
) -> Result<Attempts, Failure> {
    let keys = &viewer.app.keys;
    let config = &viewer.app.config;
    let known = account.zip(device);
    let trier = Trier {
        username,
        account,
        device: known.and_then(|(id, token)| keys.known_device_of(token, id, viewer.now)),
        // As for codes: behind a proxy all addresses are one.
        address: viewer.address.as_deref().filter(|_| config.codes_per_address > 0),
    };
    Attempts::of(viewer.db.read(), keys, trier, config.accounts.tries(), viewer.now).await
}

/// How long is still to be waited. A second begun is one to wait for.
pub(in crate::account::graphql) fn seconds(until: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
    (until - now + TimeDelta::milliseconds(999)).num_seconds()
}

pub(in crate::account::graphql) fn too_many(
    proof: Proof<'_>,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Refused<SignInErrorCode> {
    SignInErrorCode::TooManyAttempts.at([proof.field()]).about(seconds(until, now))
}

/// Counts an attempt that failed, and says so.
pub(super) async fn failed(
    viewer: &Viewer,
    proof: Proof<'_>,
    attempts: &Attempts,
    account: Option<AccountId>,
    why: Error<SignInErrorCode>,
) -> Error<SignInErrorCode> {
    let counted = viewer
        .refuse_unsigned(proof.action(), account, async |tx| {
            let counted = attempts.failed(tx, viewer.now).await?;
            Ok((counted.why(), counted))
        })
        .await;
    match counted {
        Ok(Counted::Refused(until)) => too_many(proof, until, viewer.now).into(),
        Ok(Counted::Taken { .. }) => why,
        Err(failure) => failure.into(),
    }
}

/// Opens a sign-in for an account of whoever is known to be who they say they are.
pub(in crate::account::graphql) async fn open(
    viewer: &Viewer,
    attempts: &Attempts,
    mut account: account_row::Model,
    proof: Proof<'_>,
    code: Option<&str>,
) -> Result<(Tokens, Who), Error<SignInErrorCode>> {
    let (app, now) = (&viewer.app, viewer.now);
    let is_asked = second_factor::has(viewer.db.read(), account.id).await?;
    if is_asked && code.is_none() {
        return Err(SignInErrorCode::SecondFactorNeeded.at(["code"]).into());
    }
    let grants = authz::grants_of(viewer.db.read(), account.id, now).await?;
    let roles: Vec<role_grant::Role> = grants.iter().map(|it| it.row.role).collect();
    let rules = &app.config.accounts;
    let is_unfit = match proof {
        Proof::Password(it) => {
            password::fault(rules, it, &account.username, &roles, "").is_some()
                || password::is_old(viewer.db.read(), &account, rules, now).await?
        }
        Proof::Provider(_) => false,
    };
    let provider = proof.provider();
    let demands = is_unfit && !account.must_change;
    let (address, agent) = (viewer.address.as_deref(), viewer.agent.as_deref());
    let from = Origin { address, agent, provider };
    let opened = viewer
        .write_unsigned(proof.action(), async |tx| {
            if let Some(until) = attempts.passed(tx, now).await? {
                return Err(too_many(proof, until, now).into());
            }
            proof.stands(tx, &account).await?;
            let code = code.unwrap_or_default();
            if is_asked && !second_factor::take(tx, &app.keys, account.id, code, now).await? {
                return Err(SignInErrorCode::SecondFactorWrong.at(["code"]).into());
            }
            if demands {
                password::demand_change(tx, account.id).await?;
            }
            let times = Times::from(rules);
            let opened = sign_in::public_open(tx, &app.keys, account.id, from, times, now).await?;
            Ok((opened, Some(account.id)))
        })
        .await;
    let is_wrong = |it: &Refused<SignInErrorCode>| it.code == SignInErrorCode::SecondFactorWrong;
    let (tokens, sign_in) = match opened {
        // Of what was rolled back the wrong code is counted.
        Err(Error::Refused(all)) if all.iter().any(is_wrong) => {
            let why = Error::Refused(all);
            return Err(failed(viewer, proof, attempts, Some(account.id), why).await);
        }
        opened => opened?,
    };
    if demands {
        account.must_change = true;
        app.live.tell(Notice::Access(Some(account.id)));
    }
    let duty = authn::duty(app, &account, &grants, provider.is_some()).await?;
    Ok((tokens, Who { account, sign_in: Some(sign_in), grants, duty, key: None }))
}

/// What a device keeps to be known by later: what it has, if that is good still.
pub(in crate::account::graphql) fn device_token(
    viewer: &Viewer,
    kept: Option<&str>,
    account: AccountId,
) -> Result<String, Failure> {
    let keys = &viewer.app.keys;
    match kept.filter(|it| keys.known_device_of(it, account, viewer.now).is_some()) {
        Some(token) => Ok(token.to_owned()),
        None => keys.known_device(account, viewer.now),
    }
}

/// New tokens for a refresh token. One that was used before ends its sign-in, and that is kept though it is refused.
pub(super) async fn refreshed(
    viewer: &Viewer,
    token: &str,
) -> Result<Tokens, Error<RefreshTokensErrorCode>> {
    let times = Times::from(&viewer.app.config.accounts);
    let refused = || RefreshTokensErrorCode::InvalidToken.at(["refreshToken"]);
    if sign_in::used_by(viewer.db.read(), token).await?.is_none() {
        let done = viewer
            .write_unsigned("RefreshTokens", async |tx| {
                let keys = &viewer.app.keys;
                match sign_in::public_refresh(tx, keys, token, times, viewer.now).await? {
                    Refreshed::Tokens(tokens, account) => Ok((Ok(tokens), Some(account))),
                    Refreshed::Reused => Err(Error::Failed(Failure::NotFound)),
                    Refreshed::Unknown => Err(refused().into()),
                }
            })
            .await;
        match done {
            // A rival was quicker with the same token.
            Err(Error::Failed(Failure::NotFound)) => {}
            done => return done?,
        }
    }
    if let Some(account) = sign_in::used_by(viewer.db.read(), token).await? {
        viewer
            .refuse_unsigned("RefreshTokens", Some(account), async |tx| {
                sign_in::public_end_reused(tx, token, viewer.now).await?;
                Ok(("the token had been used before, and its sign-in is ended", ()))
            })
            .await?;
        viewer.app.live.tell(Notice::Access(Some(account)));
    }
    Err(refused().into())
}

/// Ends a sign-in of one's own; whether it was open.
pub(super) async fn end(
    viewer: &Viewer,
    action: &'static str,
    who: &Who,
    sign_in: Option<SignInId>,
) -> Result<bool, Failure> {
    let account = who.account.id;
    let done: Result<bool, Error<SignInErrorCode>> = viewer
        .write_unsigned(action, async |tx| {
            let ended = match sign_in {
                Some(id) => sign_in::end(tx, account, id, viewer.now).await?,
                None => false,
            };
            Ok((ended, Some(account)))
        })
        .await;
    let (ended, _) = settle::<_, SignInUserError>(done, viewer.lang)?;
    viewer.app.live.tell(Notice::Access(Some(account)));
    Ok(ended.unwrap_or_default())
}

pub(super) async fn changed(
    viewer: &Viewer,
    attempts: &Attempts,
    account: &account_row::Model,
    input: ChangePasswordInput,
) -> Result<account_row::Model, Error<AccountErrorCode>> {
    let hash = Some(account.password_hash.clone());
    if !authn::password_matches(&viewer.app, input.old_password, hash).await? {
        viewer
            .refuse_unsigned("ChangePassword", Some(account.id), async |tx| {
                Ok((attempts.failed(tx, viewer.now).await?.why(), ()))
            })
            .await?;
        return Err(AccountErrorCode::PasswordWrong.at(["oldPassword"]).into());
    }
    if let Some(fault) = new_fault(viewer, account, &input.new_password, "newPassword").await? {
        return Err(fault.into());
    }
    // Whoever sets a password for somebody else need not know what that one had before.
    for old in password::remembered(viewer.db.read(), account.id).await? {
        let new = input.new_password.clone();
        if authn::password_matches(&viewer.app, new, Some(old.hash)).await? {
            return Err(AccountErrorCode::PasswordUsedBefore.at(["newPassword"]).into());
        }
    }
    let hash = authn::hash_password(&viewer.app, input.new_password).await?;
    viewer
        .write_unsigned("ChangePassword", async |tx| {
            Ok((password::set(tx, account, hash, viewer.now).await?, Some(account.id)))
        })
        .await
}

/// What is wrong with a new password for an account.
pub(in crate::account::graphql) async fn new_fault(
    viewer: &Viewer,
    account: &account_row::Model,
    new: &str,
    field: &str,
) -> Result<Option<Refused<AccountErrorCode>>, Failure> {
    let db = viewer.db.read();
    let grants = authz::grants_of(db, account.id, viewer.now).await?;
    let roles: Vec<role_grant::Role> = grants.iter().map(|it| it.row.role).collect();
    let rules = &viewer.app.config.accounts;
    Ok(password::fault(rules, new, &account.username, &roles, field))
}
