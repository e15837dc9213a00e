//! Setting up a second factor, and doing without it again.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::id::AccountId;

use super::{
    Account,
    mutation::is_outranked,
    sign_in::{attempts, seconds},
};
use crate::{
    account::{
        AccountErrorCode, AccountUserError,
        attempts::Attempts,
        second_factor::{self, SecondFactorErrorCode, SecondFactorUserError},
    },
    authz::policy::ResetSecondFactor,
    error::{Error, Failure, Refusal, Refused},
    graphql::{Gid, Viewer, settle},
    live::Notice,
    payloads, qr,
    write::Note,
};

/// What `enrolSecondFactor` gives.
#[derive(SimpleObject)]
pub struct EnrolSecondFactorPayload {
    /// For an app that makes codes, to be typed: base 32. Shown this once.
    secret: Option<String>,
    /// The same as apps read it: `otpauth://totp/…`.
    url: Option<String>,
    /// The QR code of that, as SVG.
    qr_svg: Option<String>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<SecondFactorUserError>,
}

/// What `confirmSecondFactor` takes.
#[derive(InputObject)]
pub struct ConfirmSecondFactorInput {
    /// Six digits, as the app shows them.
    code: String,
}

/// What `removeSecondFactor` takes.
#[derive(InputObject)]
pub struct RemoveSecondFactorInput {
    /// Six digits, as the app shows them, or a recovery code.
    code: String,
}

/// What `confirmSecondFactor` gives.
#[derive(SimpleObject)]
pub struct ConfirmSecondFactorPayload {
    /// Ten codes of 16 characters, each of which stands for one of the app's once. Shown this once, to be kept on paper.
    recovery_codes: Option<Vec<String>>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<SecondFactorUserError>,
}

/// What `removeSecondFactor` gives.
#[derive(SimpleObject)]
pub struct RemoveSecondFactorPayload {
    /// Whether there was one, and is not any more.
    removed: bool,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<SecondFactorUserError>,
}

/// What `resetSecondFactor` takes.
#[derive(InputObject)]
pub struct ResetSecondFactorInput {
    /// Whose; not one's own.
    account_id: Gid<AccountId>,
}

payloads! {
    /// What `resetSecondFactor` gives.
    ResetSecondFactorPayload { account: Account, AccountUserError }
}

#[derive(Default)]
pub struct SecondFactorMutation;

#[Object]
impl SecondFactorMutation {
    /// Begins to set up one's own second factor: a secret for an app that makes codes (TOTP: SHA-1, 6 digits, 30 seconds). It
    /// counts once `confirmSecondFactor` has taken a code; until then another begins anew. For everybody who is signed in.
    async fn enrol_second_factor(
        &self,
        ctx: &Context<'_>,
    ) -> async_graphql::Result<EnrolSecondFactorPayload> {
        let viewer = Viewer::of(ctx);
        let account = &viewer.gate.whoever()?.account;
        let done = viewer
            .write_unsigned("EnrolSecondFactor", async |tx| {
                let keys = &viewer.app.keys;
                let secret = second_factor::enrol(tx, keys, account.id, viewer.now).await?;
                Ok((secret, Some(account.id)))
            })
            .await;
        let (secret, user_errors) = settle(done, viewer.lang)?;
        let named = |secret: &String| {
            let name = &account.username;
            format!("otpauth://totp/Qinglan:{name}?secret={secret}&issuer=Qinglan")
        };
        let url = secret.as_ref().map(named);
        let qr_svg = url.as_deref().map(qr::svg).transpose()?;
        Ok(EnrolSecondFactorPayload { secret, url, qr_svg, user_errors })
    }

    /// Takes a code of the app, as proof that it has the secret. From now on `signIn` asks for one. Wrong codes are counted
    /// as wrong passwords are. For everybody who is signed in.
    async fn confirm_second_factor(
        &self,
        ctx: &Context<'_>,
        input: ConfirmSecondFactorInput,
    ) -> async_graphql::Result<ConfirmSecondFactorPayload> {
        let viewer = Viewer::of(ctx);
        let id = viewer.gate.whoever()?.account.id;
        let done = match tries(viewer).await? {
            Err(refused) => Err(refused.into()),
            Ok(tries) => {
                let done = viewer
                    .write_unsigned("ConfirmSecondFactor", async |tx| {
                        let (keys, now) = (&viewer.app.keys, viewer.now);
                        Ok((
                            second_factor::confirm(tx, keys, id, &input.code, now).await?,
                            Some(id),
                        ))
                    })
                    .await;
                counted(viewer, "ConfirmSecondFactor", &tries, done).await
            }
        };
        let (recovery_codes, user_errors) = settle(done, viewer.lang)?;
        viewer.app.live.tell(Notice::Access(Some(id)));
        Ok(ConfirmSecondFactorPayload { recovery_codes, user_errors })
    }

    /// Removes one's own second factor, by a code of it. Whose role asks for one has to set up another at once. For
    /// everybody who is signed in.
    async fn remove_second_factor(
        &self,
        ctx: &Context<'_>,
        input: RemoveSecondFactorInput,
    ) -> async_graphql::Result<RemoveSecondFactorPayload> {
        let viewer = Viewer::of(ctx);
        let id = viewer.gate.whoever()?.account.id;
        let done = match tries(viewer).await? {
            Err(refused) => Err(refused.into()),
            Ok(tries) => {
                let done = viewer
                    .write_unsigned("RemoveSecondFactor", async |tx| {
                        let (keys, now) = (&viewer.app.keys, viewer.now);
                        second_factor::give_up(tx, keys, id, &input.code, now).await?;
                        Ok(((), Some(id)))
                    })
                    .await;
                counted(viewer, "RemoveSecondFactor", &tries, done).await
            }
        };
        let (removed, user_errors) = settle(done, viewer.lang)?;
        viewer.app.live.tell(Notice::Access(Some(id)));
        Ok(RemoveSecondFactorPayload { removed: removed.is_some(), user_errors })
    }

    /// Removes the second factor of somebody who has lost it, and ends the account's sign-ins. For PLATFORM_ADMIN, and for
    /// ORG_ADMIN of the organisation that looks after it, unless it may do what they could not grant. Not for one's own.
    async fn reset_second_factor(
        &self,
        ctx: &Context<'_>,
        input: ResetSecondFactorInput,
    ) -> async_graphql::Result<ResetSecondFactorPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ResetSecondFactor>(input.account_id.0).await?;
        let outranked = is_outranked(viewer, &permit).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                if outranked {
                    return Err(AccountErrorCode::AboveOwn.at(["accountId"]).into());
                }
                second_factor::reset(tx, &permit, viewer.now).await
            })
            .await;
        let (account, user_errors) = settle(done, viewer.lang)?;
        Ok(ResetSecondFactorPayload { account: account.map(Account::from), user_errors })
    }
}

/// The buckets of one's own wrong codes; or that they are full.
async fn tries(
    viewer: &Viewer,
) -> Result<Result<Attempts, Refused<SecondFactorErrorCode>>, Failure> {
    let account = &viewer.gate.whoever()?.account;
    let attempts = attempts(viewer, &account.username, Some(account.id), None).await?;
    Ok(match attempts.full_until(viewer.db.read(), viewer.now).await? {
        None => Ok(attempts),
        Some(until) => Err(SecondFactorErrorCode::TooManyAttempts
            .at(["code"])
            .about(seconds(until, viewer.now))),
    })
}

/// What was done by a code of one's own. A wrong one is counted, and of it comes nothing else.
async fn counted<T>(
    viewer: &Viewer,
    action: &'static str,
    attempts: &Attempts,
    done: Result<T, Error<SecondFactorErrorCode>>,
) -> Result<T, Error<SecondFactorErrorCode>> {
    let is_wrong =
        |it: &Refused<SecondFactorErrorCode>| it.code == SecondFactorErrorCode::CodeWrong;
    if let Err(Error::Refused(all)) = &done
        && all.iter().any(is_wrong)
    {
        let account = viewer.gate.whoever()?.account.id;
        viewer
            .refuse_unsigned(action, Some(account), async |tx| {
                Ok((attempts.failed(tx, viewer.now).await?.why(), ()))
            })
            .await?;
    }
    done
}
