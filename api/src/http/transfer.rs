//! Files in and out: `POST /uploads` and `GET /exports/{id}`.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{
        Extension, Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use entity::{export::Format, id::ExportId};
use serde::Deserialize;
use serde_json::json;
use tokio_util::io::ReaderStream;

use super::{
    Asked, Peer,
    body::{self, Unread},
    disposition, viewer,
};
use crate::{
    app::App,
    authn,
    authz::{Gate, policy::CreateExport},
    error::{Error, Failure},
    export::{self, file},
    graphql::Gid,
    roster::upload,
};

/// Keeps a file for its sender, who then names it in `stageRoster`. Whoever is signed in may send one; nobody else may
/// read it. The rights are asked before the body is read.
pub(super) async fn upload(
    State(app): State<Arc<App>>,
    Extension(asked): Extension<Asked>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let viewer = match viewer(&app, asked, &headers, peer.map(|it| it.0)).await {
        Ok(viewer) => viewer,
        Err(failure) => {
            body::let_in(&headers, body);
            return asked.failed(&failure);
        }
    };
    let who = match viewer.gate.who() {
        Ok(who) => who,
        Err(failure) => {
            body::let_in(&headers, body);
            return asked.failed(&failure);
        }
    };
    let refuse = |status, zh, en| asked.problem(status, "BAD_USER_INPUT", asked.lang.pick(zh, en));
    if !body::is_plain(&headers) {
        body::let_in(&headers, body);
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return refuse(status, "请不要压缩传输", "send the file without Content-Encoding");
    }
    let time = app.config.request_timeout();
    let Ok(Ok(_turn)) = tokio::time::timeout(time, app.uploading.acquire()).await else {
        body::let_in(&headers, body);
        let message =
            asked.lang.pick("上传的人太多，请稍后再试", "too many are uploading; try again");
        return asked.problem(StatusCode::SERVICE_UNAVAILABLE, "RATE_LIMITED", message);
    };
    let content = match body::whole(&headers, body, roster::MAX_BYTES, time).await {
        Ok(content) if content.is_empty() => {
            return refuse(StatusCode::BAD_REQUEST, "文件是空的", "the file is empty");
        }
        Ok(content) => content,
        Err(Unread::TooLarge) => {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return refuse(status, "文件超过 20 MB", "the file is over 20 MB");
        }
        Err(Unread::CutOff) => {
            return refuse(StatusCode::BAD_REQUEST, "文件没有传完", "the file was cut off");
        }
        Err(Unread::TooLate) => {
            let status = StatusCode::REQUEST_TIMEOUT;
            return refuse(status, "文件没有及时传完", "the file did not arrive in time");
        }
    };
    let name =
        headers.get(header::CONTENT_DISPOSITION).map_or_else(String::new, disposition::file_name);
    let kept = viewer
        .write_unsigned("Upload", async |tx| {
            let kept = upload::keep(tx, who, name, content, viewer.now).await?;
            Ok::<_, Error<crate::roster::StageRosterErrorCode>>((kept, Some(who.account.id)))
        })
        .await;
    match kept {
        Ok((id, size)) => {
            (StatusCode::CREATED, Json(json!({ "id": Gid(id).to_string(), "size": size })))
                .into_response()
        }
        Err(Error::Failed(failure)) => asked.failed(&failure),
        Err(Error::Refused(_)) => asked.failed(&Failure::internal("an upload was refused")),
    }
}

#[derive(Deserialize)]
pub(super) struct Opener {
    #[serde(default)]
    token: String,
}

/// The file of an export, for whoever has its address, until that expires, and for as long as its maker may export.
pub(super) async fn download(
    State(app): State<Arc<App>>,
    Extension(asked): Extension<Asked>,
    id: Result<Path<String>, PathRejection>,
    opener: Result<Query<Opener>, QueryRejection>,
) -> Response {
    let now = app.now();
    let export = id.ok().zip(opener.ok()).and_then(|(Path(id), Query(opener))| {
        Gid::<ExportId>::decode(&id)
            .filter(|id| app.keys.opens_export(&opener.token, now) == Some(id.0))
    });
    let Some(Gid(id)) = export else {
        let message = asked.lang.pick("链接无效或已过期", "the address is not valid, or no longer");
        return asked.problem(StatusCode::NOT_FOUND, "NOT_FOUND", message);
    };
    send(app, id, now).await.unwrap_or_else(|failure| asked.failed(&failure))
}

async fn send(
    app: Arc<App>,
    id: ExportId,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Response, Failure> {
    let row = export::find(app.db.read(), id).await?;
    // What was granted when the address was given may have been taken back since.
    let maker = authn::signer(&app, row.account_id, now).await?.ok_or(Failure::NotFound)?;
    let gate = Gate::new(Some(maker), app.db.clone());
    gate.permit::<CreateExport>(row.activity_id).await?;

    let format = row.format;
    let job = file::Job::new(&app, row, now).await?;
    let disposition = disposition::attachment(&job.file_name());
    let (media, body, size) = match format {
        Format::Csv => {
            ("text/csv; charset=utf-8", Body::from_stream(file::csv(app.clone(), job)), None)
        }
        Format::Xlsx => {
            let _turn = app.writing.acquire().await.map_err(Failure::internal)?;
            let (made, size) = file::xlsx(&app, job).await?;
            let stream = ReaderStream::new(tokio::fs::File::from_std(made));
            let media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
            (media, Body::from_stream(stream), Some(size))
        }
    };
    let mut response = ([(header::CONTENT_TYPE, media)], body).into_response();
    if let Some(size) = size {
        response.headers_mut().insert(header::CONTENT_LENGTH, size.into());
    }
    if let Some(disposition) = disposition {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}
