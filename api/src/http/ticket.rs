//! `GET /tickets/{registration}.svg|png|ics` by a signed address, and `GET /organisations/{id}/calendar.ics` for all.

use std::sync::Arc;

use axum::{
    extract::{
        Extension, Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use entity::id::{OrganisationId, RegistrationId};
use serde::Deserialize;

use super::Asked;
use crate::{
    app::App,
    authn::{self, TicketOpener},
    authz::{
        Gate,
        policy::{CancelRegistration, ViewRegistration},
    },
    error::Failure,
    graphql::Gid,
    qr, registration,
    ticket::{self, calendar},
};

const CALENDAR: &str = "text/calendar; charset=utf-8";

#[derive(Deserialize)]
pub(super) struct Opener {
    #[serde(default)]
    token: String,
    /// Whether the QR code holds the signed token.
    #[serde(default)]
    signed: bool,
}

/// The ticket of a registration, for whoever has its address, until that expires, and for as long as whoever got the
/// address may see the ticket.
pub(super) async fn ticket(
    State(app): State<Arc<App>>,
    Extension(asked): Extension<Asked>,
    file: Result<Path<String>, PathRejection>,
    opener: Result<Query<Opener>, QueryRejection>,
) -> Response {
    let named = file.ok().zip(opener.ok()).and_then(|(Path(file), Query(opener))| {
        let (id, kind) = file.rsplit_once('.')?;
        let id = Gid::<RegistrationId>::decode(id)?.0;
        let by = app.keys.opens_ticket(&opener.token, id, app.now())?;
        Some((id, kind.to_owned(), by, opener.signed))
    });
    let made = match named {
        Some((id, kind, by, signed)) => make(&app, id, &kind, by, signed).await,
        None => Err(Failure::NotFound),
    };
    made.unwrap_or_else(|failure| match failure {
        Failure::NotFound | Failure::Forbidden => {
            let message =
                asked.lang.pick("链接无效或已过期", "the address is not valid, or no longer");
            asked.problem(StatusCode::NOT_FOUND, "NOT_FOUND", message)
        }
        failure => asked.failed(&failure),
    })
}

async fn make(
    app: &App,
    id: RegistrationId,
    kind: &str,
    by: TicketOpener,
    signed: bool,
) -> Result<Response, Failure> {
    let db = app.db.read();
    let row = registration::by_id(db, id).await?;
    // What was granted when the address was given may have been taken back since.
    match by {
        TicketOpener::Account(account) => {
            let who = authn::signer(app, account, app.now()).await?.ok_or(Failure::NotFound)?;
            let gate = Gate::new(Some(who), app.db.clone());
            let permit = gate.permit_on::<ViewRegistration>(row.clone()).await?;
            if !permit.also::<CancelRegistration>() {
                return Err(Failure::NotFound);
            }
        }
        TicketOpener::Person(person) if person == row.person_id => {}
        TicketOpener::Person(_) => return Err(Failure::NotFound),
    }
    if kind == "ics" {
        let text = calendar::of_registration(db, &row).await?;
        return Ok(([(header::CONTENT_TYPE, CALENDAR)], text).into_response());
    }
    let text = if signed {
        ticket::token_of(db, &row).await?
    } else {
        ticket::shown_code(&row).map(str::to_owned)
    };
    let text = text.ok_or(Failure::NotFound)?;
    match kind {
        "svg" => {
            let svg = qr::svg(&text)?;
            Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
        }
        "png" => Ok(([(header::CONTENT_TYPE, "image/png")], qr::png(&text)?).into_response()),
        _ => Err(Failure::NotFound),
    }
}

/// The published activities of an organisation and of those below it, for everybody's calendars.
pub(super) async fn feed(
    State(app): State<Arc<App>>,
    Extension(asked): Extension<Asked>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let id = id.ok().and_then(|Path(id)| Gid::<OrganisationId>::decode(&id));
    let text = match id {
        Some(Gid(id)) => calendar::of_organisation(app.db.read(), id, app.now()).await,
        None => Err(Failure::NotFound),
    };
    let text = match text {
        Ok(text) => text,
        Err(failure) => return asked.failed(&failure),
    };
    // Weak: it is sent compressed or not.
    let digest = authn::fingerprint(&text);
    let tag = format!("W/\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&digest[..16]));
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(','))
        .any(|it| matches!(it.trim(), it if it == "*" || it.trim_start_matches("W/") == &tag[2..]));
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, CALENDAR)], text).into_response()
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    let cached = HeaderValue::from_static("public, max-age=900");
    headers.insert(header::CACHE_CONTROL, cached);
    response
}
