//! Files in and out: `POST /uploads` and `GET /exports/{id}`.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{
        Extension, Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use entity::{
    export::{Format, Model, State as Stage},
    id::ExportId,
};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

use super::{
    Asked, Peer,
    body::{self, Unread},
    disposition,
    range::{self, Span},
    viewer,
};
use crate::{
    app::App,
    audit::Origin,
    error::{Error, Failure},
    export::{self, approval, background, brief::Brief, make::make},
    form::file,
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
        // By its bytes, whatever its name and the headers say.
        Ok(content) if !roster::may_be_list(&content) && file::sniff(&content).is_none() => {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let (zh, en) = (
                "只接受表格、文本、PDF、PNG 与 JPEG 文件",
                "files are workbooks, texts, PDF, PNG or JPEG",
            );
            return refuse(status, zh, en);
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
            let kept = upload::keep(tx, &app.vault, who, name, content, viewer.now).await?;
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
    method: Method,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
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
    let address = peer.map(|Extension(it)| it.address().to_string());
    let origin = Origin { at: now, request_id: asked.id, address, key: None };
    send(app, id, &method, &headers, &origin).await.unwrap_or_else(|failure| asked.failed(&failure))
}

async fn send(
    app: Arc<App>,
    id: ExportId,
    method: &Method,
    headers: &HeaderMap,
    origin: &Origin,
) -> Result<Response, Failure> {
    let now = origin.at;
    let row = export::find(app.db.read(), id).await?;
    export::ask_again(&app, &row, now).await?;
    let media = match row.format {
        Format::Csv => "text/csv; charset=utf-8",
        Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Format::Pdf => "application/pdf",
    };
    let brief = Brief::new(app.db.read(), row.clone(), now).await?;
    let brief = brief.by(&app);
    if approval::is_wanting(app.db.read(), &brief, app.config.unmasked_rows).await? {
        return Err(Failure::Conflict(
            "名单的行数已超过无需审批的上限，请重新申请",
            "the list has grown beyond what needs no approval; ask for it again",
        ));
    }
    let is_there = match row.state {
        Stage::OnFetch => true,
        Stage::Ready => row.expires_at > now,
        _ => false,
    };
    // Each part, too: whoever takes all but the first byte has the file.
    if is_there && method != Method::HEAD {
        export::note_fetch(&app, id, origin).await?;
    }
    let disposition = disposition::attachment(&brief.file_name());
    let mut response = match row.state {
        Stage::OnFetch if method == Method::HEAD => StatusCode::OK.into_response(),
        Stage::OnFetch => {
            let made = make(&app, Arc::new(brief), watch::Sender::new(0)).await?;
            let mut response = Body::from_stream(made.pieces).into_response();
            if let Some(size) = made.size {
                response.headers_mut().insert(header::CONTENT_LENGTH, size.into());
            }
            response
        }
        Stage::Ready if row.expires_at > now => kept(&app, &row, headers)?,
        _ => return Err(Failure::NotFound),
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    if let Some(disposition) = disposition {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// A file that was made in the background, or the part of it that is asked for.
fn kept(app: &Arc<App>, row: &Model, headers: &HeaderMap) -> Result<Response, Failure> {
    let (Some(size), Some(sum)) = (row.size, &row.sha256) else {
        return Err(Failure::internal("a file without its size"));
    };
    let size = u64::try_from(size).map_err(Failure::internal)?;
    let tag = format!("\"{}\"", crate::digest::hex(sum));
    let (status, from, until) = match range::asked(headers, &tag, size) {
        Span::Whole => (StatusCode::OK, 0, size),
        Span::Part(from, until) => (StatusCode::PARTIAL_CONTENT, from, until),
        Span::Nowhere => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
    };
    let body = Body::from_stream(background::bytes(app.clone(), row.id, from, until));
    let mut response = (status, body).into_response();
    let answer = response.headers_mut();
    answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    answer.insert(header::ETAG, HeaderValue::try_from(tag).map_err(Failure::internal)?);
    answer.insert(header::CONTENT_LENGTH, (until - from).into());
    let range = match status {
        StatusCode::PARTIAL_CONTENT => Some(format!("bytes {from}-{}/{size}", until - 1)),
        StatusCode::RANGE_NOT_SATISFIABLE => Some(format!("bytes */{size}")),
        _ => None,
    };
    if let Some(range) = range {
        let range = HeaderValue::try_from(range).map_err(Failure::internal)?;
        answer.insert(header::CONTENT_RANGE, range);
    }
    Ok(response)
}
