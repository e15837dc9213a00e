//! OpenID Connect: the authorization code flow with PKCE, by what the system says of itself (OpenID Connect Discovery 1.0).

use std::{
    fmt::Display,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http;
use futures_util::future::BoxFuture;
use openidconnect::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    CsrfToken, DiscoveryError, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, TokenResponse,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdTokenClaims,
        CoreJwsSigningAlgorithm as Algorithm, CoreProviderMetadata, CoreTokenResponse,
        CoreUserInfoClaims,
    },
};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{Connector, Fault, Identity, Trip, may_ask};

/// How long what a system says of itself holds.
const HOLDS: Duration = Duration::from_hours(1);
/// How soon it may be asked again where its keys seem to have changed.
const ASKS_AGAIN: Duration = Duration::from_mins(1);
/// How long a system that does not answer is left alone.
const RESTS: Duration = Duration::from_secs(5);
/// How much a system may say at once.
const LONGEST: usize = 1 << 20;

/// Whose signatures count: of keys that only the system itself has, so by none that this service shares with it.
const SIGNED_BY: [Algorithm; 8] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Settings {
    /// Where it is, as it names itself: `/.well-known/openid-configuration` is below.
    issuer: String,
    client_id: String,
    client_secret: String,
    /// Asked for besides `openid`; `phone` where accounts are linked by it.
    #[serde(default)]
    scopes: Vec<String>,
}

pub(super) struct Oidc {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: ClientSecret,
    scopes: Vec<Scope>,
    plain: bool,
    http: Http,
    known: Mutex<Known>,
}

/// What a system said of itself, with its keys, and when; and when it last did not answer.
#[derive(Default)]
struct Known {
    said: Option<(Instant, Arc<CoreProviderMetadata>)>,
    failed: Option<Instant>,
}

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl Oidc {
    pub(super) fn new(it: Settings, plain: bool, timeout: Duration) -> Result<Self, String> {
        if !may_ask(&it.issuer, plain) {
            return Err("issuer is no address such as https://id.example.org".to_owned());
        }
        // Who follows where an answer points to asks whom it points to.
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            issuer: IssuerUrl::new(it.issuer).map_err(|error| error.to_string())?,
            client_id: ClientId::new(it.client_id),
            client_secret: ClientSecret::new(it.client_secret),
            scopes: it.scopes.into_iter().map(Scope::new).collect(),
            plain,
            http: Http(http),
            known: Mutex::default(),
        })
    }

    /// What the system says of itself; asked anew where that is older than `holds`. Where it does not answer, what it said
    /// before holds on, and those who ask in the next moments do not wait for it one after the other.
    async fn metadata(&self, holds: Duration) -> Result<Arc<CoreProviderMetadata>, Fault> {
        let mut known = self.known.lock().await;
        if let Some((at, said)) = &known.said
            && at.elapsed() < holds
        {
            return Ok(said.clone());
        }
        if known.failed.is_some_and(|it| it.elapsed() < RESTS) {
            let before = known.said.as_ref().map(|it| it.1.clone());
            return before.ok_or_else(|| Fault::Unreachable("as a moment ago".to_owned()));
        }
        match self.discover().await {
            Ok(said) => {
                *known = Known { said: Some((Instant::now(), said.clone())), failed: None };
                Ok(said)
            }
            Err(fault) => {
                known.failed = Some(Instant::now());
                known.said.as_ref().map(|it| it.1.clone()).ok_or(fault)
            }
        }
    }

    async fn discover(&self) -> Result<Arc<CoreProviderMetadata>, Fault> {
        let said = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http).await;
        let said = said.map_err(|error| match error {
            DiscoveryError::Request(error) => Fault::Unreachable(error.to_string()),
            error => Fault::Unfit(error.to_string()),
        })?;
        let asked = [
            Some(said.authorization_endpoint().as_str()),
            said.token_endpoint().map(|it| it.as_str()),
            said.userinfo_endpoint().map(|it| it.as_str()),
        ];
        if let Some(it) = asked.into_iter().flatten().find(|it| !may_ask(it, self.plain)) {
            return Err(Fault::Unfit(format!("{it} is not by TLS")));
        }
        Ok(Arc::new(said))
    }

    fn client(&self, said: &CoreProviderMetadata, trip: &Trip<'_>) -> Result<Client, Fault> {
        let callback = RedirectUrl::new(trip.callback.to_owned()).map_err(unfit)?;
        let secret = Some(self.client_secret.clone());
        // By the header unless it is said that only the body will do (RFC 8414, section 2).
        let ways = said.token_endpoint_auth_methods_supported();
        let by_header = ways.is_none_or(|it| it.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let by = if by_header { AuthType::BasicAuth } else { AuthType::RequestBody };
        Ok(CoreClient::from_provider_metadata(said.clone(), self.client_id.clone(), secret)
            .set_redirect_uri(callback)
            .set_auth_type(by))
    }

    async fn tokens(
        &self,
        client: &Client,
        trip: &Trip<'_>,
        code: &str,
    ) -> Result<CoreTokenResponse, Fault> {
        client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(unfit)?
            .set_pkce_verifier(PkceCodeVerifier::new(trip.verifier.to_owned()))
            .request_async(&self.http)
            .await
            .map_err(|error| match error {
                RequestTokenError::Request(error) => Fault::Unreachable(error.to_string()),
                RequestTokenError::ServerResponse(said) => Fault::Unfit(said.to_string()),
                // What came is not repeated: it may hold tokens.
                RequestTokenError::Parse(error, _) => Fault::Unfit(error.to_string()),
                RequestTokenError::Other(text) => Fault::Unfit(text),
            })
    }

    /// The phone, where the system has verified it: of the ID token, or of what it says when it is asked.
    async fn phone(
        &self,
        client: &Client,
        tokens: &CoreTokenResponse,
        claims: &CoreIdTokenClaims,
    ) -> Result<Option<String>, Fault> {
        if let Some(phone) = claims.phone_number() {
            let is_verified = claims.phone_number_verified() == Some(true);
            return Ok(is_verified.then(|| phone.to_string()));
        }
        let is_wanted = self.scopes.iter().any(|it| it.as_str() == "phone");
        if !is_wanted || client.user_info_url().is_none() {
            return Ok(None);
        }
        // Refused unless it is of the same subject.
        let said: CoreUserInfoClaims = client
            .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
            .map_err(unfit)?
            .request_async(&self.http)
            .await
            .map_err(unfit)?;
        let is_verified = said.phone_number_verified() == Some(true);
        Ok(said.phone_number().filter(|_| is_verified).map(|it| it.to_string()))
    }
}

/// What an ID token says, where it was signed by the system, for this service, for this trip, and holds now.
fn claims<'a>(
    client: &Client,
    tokens: &'a CoreTokenResponse,
    trip: &Trip<'_>,
) -> Result<&'a CoreIdTokenClaims, ClaimsVerificationError> {
    let missing = || ClaimsVerificationError::Other("there is no ID token".to_owned());
    let token = tokens.id_token().ok_or_else(missing)?;
    let verifier = client.id_token_verifier().set_allowed_algs(SIGNED_BY);
    token.claims(&verifier, &Nonce::new(trip.nonce.to_owned()))
}

impl Connector for Oidc {
    fn address<'a>(&'a self, trip: &'a Trip<'a>) -> BoxFuture<'a, Result<String, Fault>> {
        Box::pin(async move {
            let said = self.metadata(HOLDS).await?;
            let client = self.client(&said, trip)?;
            let verifier = PkceCodeVerifier::new(trip.verifier.to_owned());
            let state = CsrfToken::new(trip.state.to_owned());
            let nonce = Nonce::new(trip.nonce.to_owned());
            let (address, _, _) = client
                .authorize_url(
                    CoreAuthenticationFlow::AuthorizationCode,
                    move || state,
                    move || nonce,
                )
                .add_scopes(self.scopes.iter().cloned())
                .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
                .url();
            Ok(address.to_string())
        })
    }

    fn identity<'a>(
        &'a self,
        trip: &'a Trip<'a>,
        code: &'a str,
    ) -> BoxFuture<'a, Result<Identity, Fault>> {
        Box::pin(async move {
            let said = self.metadata(HOLDS).await?;
            let mut client = self.client(&said, trip)?;
            let tokens = self.tokens(&client, trip, code).await?;
            let mut found = claims(&client, &tokens, trip);
            // A key that is not known may be a new one.
            if let Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) = found
            {
                let said = self.metadata(ASKS_AGAIN).await?;
                client = self.client(&said, trip)?;
                found = claims(&client, &tokens, trip);
            }
            let claims = found.map_err(unfit)?;
            let phone = self.phone(&client, &tokens, claims).await?;
            Ok(Identity { subject: claims.subject().to_string(), phone })
        })
    }
}

fn unfit(error: impl Display) -> Fault {
    Fault::Unfit(error.to_string())
}

/// Why a system did not answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the answer is longer than {LONGEST} bytes")]
    Long,
    #[error(transparent)]
    Shape(#[from] http::Error),
}

/// Asks by a client that follows no redirects, and reads no more than it should.
struct Http(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Unanswered;
    type Future = BoxFuture<'c, Result<HttpResponse, Unanswered>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let mut answer = self.0.execute(request.try_into()?).await?;
            let mut shaped = http::Response::builder().status(answer.status());
            if let Some(headers) = shaped.headers_mut() {
                *headers = answer.headers().clone();
            }
            let mut body = Vec::new();
            while let Some(piece) = answer.chunk().await? {
                if body.len() + piece.len() > LONGEST {
                    return Err(Unanswered::Long);
                }
                body.extend_from_slice(&piece);
            }
            Ok(shaped.body(body)?)
        })
    }
}
