//! API keys of one's own account.

use async_graphql::{Context, Enum, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, SubsecRound, Utc};
use entity::{api_key, id::ApiKeyId};

use crate::{
    account::{
        api_key::{CreateApiKeyErrorCode, CreateApiKeyUserError, Draft, LONGEST, create, revoke},
        sign_in::{SignInErrorCode, SignInUserError},
    },
    error::{Error, Refusal},
    graphql::{Gid, Viewer, settle},
    live::Notice,
    text::Check,
};

/// What an API key may be used for, of what its account may do.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "api_key::Scope")]
pub enum ApiKeyScope {
    /// Read activities, registrations, attendance, figures; no account, no phone whole.
    Read,
    /// Register, invite and recommend people, and change their registrations.
    RegistrationWrite,
    /// Let people in at sessions.
    CheckIn,
}

/// A key by which another system acts for an account.
pub struct ApiKey(pub api_key::Model);

/// A key by which another system acts for an account: it goes into `Authorization: Bearer …`.
#[Object]
impl ApiKey {
    /// Opaque; unique among all things.
    async fn id(&self) -> Gid<ApiKeyId> {
        Gid(self.0.id)
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// How the key begins; the rest is kept nowhere.
    async fn begins(&self) -> &str {
        &self.0.begins
    }

    /// What it may be used for.
    async fn scopes(&self) -> Vec<ApiKeyScope> {
        self.0.scopes.0.iter().map(|it| (*it).into()).collect()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Until when it is good.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// When it was last used, to within ten minutes.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }
}

/// What `createApiKey` takes.
#[derive(InputObject)]
pub struct CreateApiKeyInput {
    /// What it is called; at most 100 characters.
    name: String,
    /// What it may be used for; at least one.
    scopes: Vec<ApiKeyScope>,
    /// Until when it is good, within the next 366 days.
    expires_at: DateTime<Utc>,
}

/// What `createApiKey` gives.
#[derive(SimpleObject)]
pub struct CreateApiKeyPayload {
    /// What was made; null where it was refused.
    api_key: Option<ApiKey>,
    /// The key itself: `qlk_…`. Shown this once.
    key: Option<String>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<CreateApiKeyUserError>,
}

/// What `revokeApiKey` takes.
#[derive(InputObject)]
pub struct RevokeApiKeyInput {
    /// One of one's own.
    api_key_id: Gid<ApiKeyId>,
}

/// What `revokeApiKey` gives.
#[derive(SimpleObject)]
pub struct RevokeApiKeyPayload {
    /// Whether it was in use, and is not any more.
    revoked: bool,
}

#[derive(Default)]
pub struct ApiKeyMutation;

#[Object]
impl ApiKeyMutation {
    /// Makes a key by which another system acts for one's own account, within its grants and the scopes of the key; at most
    /// 20 at a time. Disabling the account, resetting its password or ending its sign-ins by an administrator ends its keys
    /// too. For everybody who is signed in, and not by a key.
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        input: CreateApiKeyInput,
    ) -> Result<CreateApiKeyPayload> {
        let viewer = Viewer::of(ctx);
        let id = viewer.gate.who()?.account.id;
        let mut check = Check::new(CreateApiKeyErrorCode::TooLong);
        let missing = CreateApiKeyErrorCode::NameMissing;
        let name = check.required(&input.name, 100, &["name"], missing);
        let expires_at = input.expires_at.trunc_subsecs(6);
        if expires_at <= viewer.now || viewer.now + LONGEST < expires_at {
            check.refuse(CreateApiKeyErrorCode::ExpiresAtUnfit.at(["expiresAt"]));
        }
        let mut scopes: Vec<api_key::Scope> = Vec::new();
        for scope in input.scopes.into_iter().map(Into::into) {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        if scopes.is_empty() {
            check.refuse(CreateApiKeyErrorCode::ScopeMissing.at(["scopes"]));
        }
        let done = match check.done() {
            Err(refused) => Err(refused),
            Ok(()) => {
                viewer
                    .write_unsigned("CreateApiKey", async |tx| {
                        let draft = Draft { name, scopes, expires_at };
                        Ok((create(tx, id, draft, viewer.now).await?, Some(id)))
                    })
                    .await
            }
        };
        let (made, user_errors) = settle(done, viewer.lang)?;
        let (row, key) = made.unzip();
        Ok(CreateApiKeyPayload { api_key: row.map(ApiKey), key, user_errors })
    }

    /// Takes one of one's own keys out of use at once and for good. One that is already is left as it is. For everybody who
    /// is signed in.
    async fn revoke_api_key(
        &self,
        ctx: &Context<'_>,
        input: RevokeApiKeyInput,
    ) -> Result<RevokeApiKeyPayload> {
        let viewer = Viewer::of(ctx);
        let account = viewer.gate.whoever()?.account.id;
        let done: std::result::Result<bool, Error<SignInErrorCode>> = viewer
            .write_unsigned("RevokeApiKey", async |tx| {
                let id = input.api_key_id.0;
                Ok((revoke(tx, account, id, viewer.now).await?, Some(account)))
            })
            .await;
        let (revoked, _) = settle::<_, SignInUserError>(done, viewer.lang)?;
        viewer.app.live.tell(Notice::Access(Some(account)));
        Ok(RevokeApiKeyPayload { revoked: revoked.unwrap_or_default() })
    }
}
