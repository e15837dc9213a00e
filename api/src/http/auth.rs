//! `GET /auth/{provider}`: a browser comes back from another system that says who somebody is, and is sent on to the page that
//! it began at.

use std::sync::Arc;

use axum::{
    extract::{
        Extension, Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use entity::provider_trip;
use reqwest::Url;
use serde::Deserialize;

use super::Asked;
use crate::{
    account::trip::{self, Told},
    app::App,
    connector::{Fault, Provider},
    error::Failure,
};

/// What other systems send browsers back with (RFC 6749, sections 4.1.2 and 4.1.2.1).
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
}

/// Asks the other system who it was. Where that is not known, the page is told by `error`. A way that is nobody's, is over or
/// was gone before leads to no page.
pub(super) async fn back(
    State(app): State<Arc<App>>,
    Extension(asked): Extension<Asked>,
    name: Result<Path<String>, PathRejection>,
    back: Result<Query<Back>, QueryRejection>,
) -> Response {
    let named = name.ok().and_then(|Path(name)| app.providers.named(&name));
    let (Some(provider), Ok(Query(back))) = (named, back) else {
        return asked.failed(&Failure::NotFound);
    };
    let now = app.now();
    let came = app.db.transaction(async |tx| trip::came_back(tx, provider, &back.state, now).await);
    let way = match came.await {
        Ok(Some(way)) => way,
        Ok(None) => {
            let message = asked.lang.pick(
                "登录已超时或已完成，请重新登录",
                "signing in took too long, or was done; begin anew",
            );
            return asked.problem(StatusCode::BAD_REQUEST, "BAD_USER_INPUT", message);
        }
        Err(failure) => return asked.failed(&failure),
    };
    match told(&app, provider, &way, &back, asked).await {
        Ok((key, value)) => sent_on(&way, key, &value).unwrap_or_else(|it| asked.failed(&it)),
        Err(failure) => asked.failed(&failure),
    }
}

/// What the page is told: a code, or why there is none.
async fn told(
    app: &App,
    provider: &Provider,
    way: &provider_trip::Model,
    back: &Back,
    asked: Asked,
) -> Result<(&'static str, String), Failure> {
    let code = match (&back.code, &back.error) {
        (Some(code), None) => code,
        (_, Some(error)) if is_word(error) => return Ok(("error", error.clone())),
        _ => return Ok(("error", "provider_unfit".to_owned())),
    };
    let told = Told::of(app, provider, &back.state);
    match provider.connector.identity(&told.trip(&back.state), code).await {
        Ok(identity) => {
            let now = app.now();
            let known = app.db.transaction(async |tx| trip::known(tx, way, identity, now).await);
            Ok(("code", known.await?))
        }
        Err(fault) => {
            tracing::warn!(provider = provider.name, request_id = %asked.id, "signing in: {fault}");
            let word = match fault {
                Fault::Unreachable(_) => "provider_unreachable",
                Fault::Unfit(_) => "provider_unfit",
            };
            Ok(("error", word.to_owned()))
        }
    }
}

/// Whether this is an error's word, and not a text that somebody would have the page show.
fn is_word(error: &str) -> bool {
    error.len() <= 50 && error.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

fn sent_on(way: &provider_trip::Model, key: &str, value: &str) -> Result<Response, Failure> {
    let mut page = Url::parse(&way.return_to).map_err(Failure::internal)?;
    page.query_pairs_mut().append_pair(key, value);
    let location = HeaderValue::from_str(page.as_str()).map_err(Failure::internal)?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}
