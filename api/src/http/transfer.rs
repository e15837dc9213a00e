//! Files in and out: `POST /uploads` and `GET /exports/{id}`.

use std::sync::Arc;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Extension, Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use entity::{export::Format, id::ExportId};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;
use tokio_util::io::ReaderStream;

use super::{Peer, RequestId, problem, viewer};
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
    Extension(RequestId(id)): Extension<RequestId>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let viewer = match viewer(&app, &headers, id, peer.map(|it| it.0.0)).await {
        Ok(viewer) => viewer,
        Err(failure) => return failed(&failure),
    };
    let Ok(who) = viewer.gate.who() else {
        return problem(
            StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED",
            viewer.lang.pick("请先登录", "sign in first"),
        );
    };
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse::<usize>().ok());
    let too_large = || {
        let message = viewer.lang.pick("文件超过 20 MB", "the file is over 20 MB");
        problem(StatusCode::PAYLOAD_TOO_LARGE, "BAD_USER_INPUT", message)
    };
    if declared.is_some_and(|size| size > roster::MAX_BYTES) {
        return too_large();
    }
    let Ok(_turn) = app.uploading.acquire().await else {
        return failed(&Failure::internal("uploads are closed"));
    };
    let read = tokio::time::timeout(app.config.request_timeout(), bounded(body, roster::MAX_BYTES));
    let content = match read.await {
        Ok(Ok(Some(content))) => content,
        Ok(Ok(None)) => return too_large(),
        Ok(Err(())) => {
            let message = viewer.lang.pick("文件没有传完", "the file was cut off");
            return problem(StatusCode::BAD_REQUEST, "BAD_USER_INPUT", message);
        }
        Err(_) => {
            let message = viewer.lang.pick("文件没有及时传完", "the file did not arrive in time");
            return problem(StatusCode::REQUEST_TIMEOUT, "BAD_USER_INPUT", message);
        }
    };
    if content.is_empty() {
        let message = viewer.lang.pick("文件是空的", "the file is empty");
        return problem(StatusCode::BAD_REQUEST, "BAD_USER_INPUT", message);
    }
    let name = headers.get(header::CONTENT_DISPOSITION).map_or_else(String::new, file_name);
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
        Err(Error::Failed(failure)) => failed(&failure),
        Err(Error::Refused(_)) => failed(&Failure::internal("an upload was refused")),
    }
}

/// The whole body, or nothing where it is longer than `most`, or an error where it was cut off.
async fn bounded(body: Body, most: usize) -> Result<Option<Vec<u8>>, ()> {
    let mut stream = body.into_data_stream();
    let mut content = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece: Bytes = piece.map_err(drop)?;
        if content.len() + piece.len() > most {
            return Ok(None);
        }
        content.extend_from_slice(&piece);
    }
    Ok(Some(content))
}

/// The name in a `Content-Disposition`, by RFC 6266: `filename*` before `filename`, and never more than a name.
fn file_name(header: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(header.as_bytes());
    let (mut plain, mut extended) = (None, None);
    for part in text.split(';').skip(1) {
        let Some((key, value)) = part.split_once('=') else { continue };
        match key.trim().to_ascii_lowercase().as_str() {
            "filename" => plain = Some(value.trim().trim_matches('"').to_owned()),
            "filename*" => {
                let encoded = value.trim().splitn(3, '\'').nth(2).unwrap_or_default();
                extended = Some(percent_decoded(encoded));
            }
            _ => {}
        }
    }
    let name = extended.or(plain).unwrap_or_default();
    let name = crate::text::line(name.rsplit(['/', '\\']).next().unwrap_or_default());
    name.chars().take(200).collect()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                bytes.push(hex(*high).unwrap_or(0) * 16 + hex(*low).unwrap_or(0));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[derive(Deserialize)]
pub(super) struct Opener {
    #[serde(default)]
    token: String,
}

/// The file of an export, for whoever has its address, until that expires, and for as long as its maker may export.
pub(super) async fn download(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(opener): Query<Opener>,
) -> Response {
    let now = app.now();
    let opened = Gid::<ExportId>::decode(&id)
        .filter(|id| app.keys.opens_export(&opener.token, now) == Some(id.0));
    let Some(Gid(id)) = opened else {
        return problem(
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
            "链接无效或已过期 / the address is not valid, or no longer",
        );
    };
    match send(app, id, now).await {
        Ok(response) => response,
        Err(failure) => failed(&failure),
    }
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
    let disposition = format!("attachment; filename*=UTF-8''{}", percent_encoded(&job.file_name()));
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
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn failed(failure: &Failure) -> Response {
    match failure {
        Failure::Unauthenticated => {
            problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "请先登录 / sign in first")
        }
        Failure::Forbidden | Failure::NotFound => {
            problem(StatusCode::NOT_FOUND, "NOT_FOUND", "不存在 / not found")
        }
        Failure::BadInput(zh, en) => {
            problem(StatusCode::BAD_REQUEST, "BAD_USER_INPUT", &format!("{zh} / {en}"))
        }
        Failure::Conflict(zh, en) => {
            problem(StatusCode::CONFLICT, "CONFLICT", &format!("{zh} / {en}"))
        }
        Failure::Db(_) | Failure::Internal(_) => {
            tracing::error!("{failure:?}");
            let message = "服务器内部错误 / internal error";
            problem(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR", message)
        }
    }
}
