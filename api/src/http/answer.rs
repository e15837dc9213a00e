//! The files that answer a form's questions: `GET /answers/{registration}/{question}`.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path, State, rejection::PathRejection},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use entity::id::{QuestionId, RegistrationId};

use super::{Asked, Peer, disposition, viewer};
use crate::{
    app::App,
    authz::policy::TakeAnswerFile,
    error::{Error, Failure},
    form::{AnswerErrorCode, file},
    graphql::Gid,
    write::Note,
};

/// The file that somebody answered a question with, for ORG_ADMIN and ORGANISER of the activity by their token. That it
/// was taken leaves an audit event.
pub(super) async fn download(
    State(app): State<Arc<App>>,
    Extension(asked): Extension<Asked>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    ids: Result<Path<(String, String)>, PathRejection>,
) -> Response {
    let sent = send(&app, asked, peer.map(|it| it.0), &headers, ids.ok()).await;
    sent.unwrap_or_else(|failure| asked.failed(&failure))
}

async fn send(
    app: &Arc<App>,
    asked: Asked,
    peer: Option<Peer>,
    headers: &HeaderMap,
    ids: Option<Path<(String, String)>>,
) -> Result<Response, Failure> {
    let viewer = viewer(app, asked, headers, peer).await?;
    viewer.gate.who()?;
    let ids = ids.and_then(|Path((registration, question))| {
        Gid::<RegistrationId>::decode(&registration).zip(Gid::<QuestionId>::decode(&question))
    });
    let (Gid(registration), Gid(question)) = ids.ok_or(Failure::NotFound)?;
    let permit = viewer.gate.permit::<TakeAnswerFile>(registration).await?;
    let (about, content) =
        file::take(viewer.db.read(), &viewer.app.vault, &permit, question).await?;
    let left = viewer
        .write(&permit, Note::default(), async |_tx| Ok(permit.on().clone()))
        .await
        .map_err(|error: Error<AnswerErrorCode>| match error {
            Error::Failed(failure) => failure,
            Error::Refused(_) => Failure::internal("a file was refused"),
        });
    left?;
    let mut response = ([(header::CONTENT_TYPE, file::media(about.kind))], content).into_response();
    if let Some(disposition) = disposition::attachment(&about.name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}
