//! `GET /certificates/{token}`: whether a certificate is valid, for whoever scanned its QR code. A page, or JSON by Accept.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Extension, Path, State, rejection::PathRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use super::{Asked, accept};
use crate::{
    app::App,
    certificate::face::{self, Public, Validity},
    error::Lang,
};

/// Nothing is loaded, and what is shown holds names.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    ),
    (header::VARY, HeaderValue::from_static("Accept, Accept-Language")),
    (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow")),
];

pub(super) async fn verify(
    State(app): State<Arc<App>>,
    Extension(asked): Extension<Asked>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let found = match token {
        Ok(Path(token)) => face::public(app.db.read(), &app.namer, &token).await,
        Err(_) => Ok(None),
    };
    let found = match found {
        Ok(found) => found,
        Err(failure) => return asked.failed(&failure),
    };
    let is_json = wants_json(&headers);
    let mut response = match found {
        Some(it) if is_json => Json(it).into_response(),
        Some(it) => Html(page(asked.lang, Some(&it))).into_response(),
        None if is_json => {
            let message = asked.lang.pick("查无此证书", "there is no such certificate");
            asked.problem(StatusCode::NOT_FOUND, "NOT_FOUND", message)
        }
        None => (StatusCode::NOT_FOUND, Html(page(asked.lang, None))).into_response(),
    };
    response.headers_mut().extend(HEADERS);
    response
}

/// Whether JSON is asked for before a page.
fn wants_json(headers: &HeaderMap) -> bool {
    let accept: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok()).collect();
    let first = accept::by_preference(&accept.join(",")).into_iter().find_map(|media| match media
        .to_ascii_lowercase()
        .as_str()
    {
        "application/json" | "application/*" => Some(true),
        "text/html" | "text/*" | "*/*" => Some(false),
        _ => None,
    });
    first.unwrap_or(false)
}

const STYLE: &str = "body{margin:0;background:#f4f5f7;color:#1f2329;font:16px/1.6 system-ui,'PingFang SC','Microsoft YaHei',sans-serif}\
main{max-width:30rem;margin:8vh auto;padding:2rem;background:#fff;border-radius:.5rem;box-shadow:0 1px 4px #0002}\
h1{margin:0 0 1.5rem;font-size:1.1rem;font-weight:600;color:#646a73}p{margin:0 0 1.5rem;font-size:1.6rem;font-weight:600}\
.valid{color:#0a7d3c}.not{color:#c0281c}dl{display:grid;grid-template-columns:max-content 1fr;gap:.5rem 1.5rem;margin:0}\
dt{color:#646a73}dd{margin:0;overflow-wrap:anywhere}";

/// The page of a certificate, or of none.
fn page(lang: Lang, it: Option<&Public>) -> String {
    let title = lang.pick("结业证书查验", "Verification of a certificate");
    let (class, verdict) = match it.map(|it| it.status) {
        Some(Validity::Valid) => ("valid", lang.pick("证书有效", "The certificate is valid")),
        Some(Validity::Replaced) => {
            ("not", lang.pick("已换发新版，本证书失效", "Replaced by a newer version"))
        }
        Some(Validity::Revoked) => ("not", lang.pick("证书已作废", "The certificate was revoked")),
        None => ("not", lang.pick("查无此证书", "There is no such certificate")),
    };
    let mut list = String::new();
    if let Some(it) = it {
        let issued_on = match lang {
            Lang::Zh => it.issued_on.format("%Y年%-m月%-d日").to_string(),
            Lang::En => it.issued_on.to_string(),
        };
        list.push_str("<dl>");
        for (term, text) in [
            (lang.pick("编号", "Number"), it.number.as_str()),
            (lang.pick("姓名", "Name"), it.masked_name.as_str()),
            (lang.pick("班次", "Class"), it.class_title.as_str()),
            (lang.pick("发证日期", "Issued on"), issued_on.as_str()),
        ] {
            list.push_str(&["<dt>", term, "</dt><dd>", &escaped(text), "</dd>"].concat());
        }
        list.push_str("</dl>");
    }
    let tag = lang.pick("zh-CN", "en");
    format!(
        "<!doctype html><html lang=\"{tag}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><main><h1>{title}</h1><p class=\"{class}\">{verdict}</p>{list}</main></body></html>"
    )
}

/// A text between two tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
