//! Pages of other origins, production, and what every answer says to browsers.

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::json;
use tokio_tungstenite::{connect_async, tungstenite::ClientRequestBuilder};

use super::{assert_is_error, code, send};
use crate::{
    app::{Answer, TestApp},
    socket::{PROTOCOL, serve},
};

const PRODUCTION: [&str; 6] = [
    "--production",
    "true",
    "--public-url",
    "https://qinglan.example.org",
    "--origins",
    "https://desk.example.org, https://Door.example.org:8443/",
];

async fn preflight(app: &TestApp, path: &str, origin: &str) -> Answer {
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri(path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    app.anonymous().request(request, Body::empty()).await
}

#[tokio::test]
async fn pages_of_named_origins_may_ask_and_no_others() {
    let app = TestApp::with_flags(&PRODUCTION).await;
    for (origin, admitted) in [
        ("https://desk.example.org", true),
        ("https://door.example.org:8443", true),
        ("https://qinglan.example.org", true),
        ("http://desk.example.org", false),
        ("https://desk.example.org:444", false),
        ("https://desk.example.org.evil.example", false),
        ("https://evil-desk.example.org", false),
        ("https://evil.example", false),
        ("http://localhost:5173", false),
        ("null", false),
    ] {
        for path in ["/graphql", "/uploads"] {
            let answer = preflight(&app, path, origin).await;
            let allowed = answer.headers.get("access-control-allow-origin");
            assert_eq!(
                allowed.map(|it| it.to_str().unwrap()),
                admitted.then_some(origin),
                "{path}"
            );
            assert!(!answer.headers.contains_key("access-control-allow-credentials"));
            assert!(
                answer.headers["vary"].to_str().unwrap().to_ascii_lowercase().contains("origin")
            );
        }
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("origin", origin);
        let body = json!({"query": "{ __typename }"}).to_string();
        let answer = app.anonymous().request(request, body.into()).await;
        assert_eq!(
            answer.headers.contains_key("access-control-allow-origin"),
            admitted,
            "{origin}"
        );
    }
    let answer = preflight(&app, "/graphql", "https://desk.example.org").await;
    let allowed = answer.headers["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("authorization") && allowed.contains("content-type"), "{allowed}");
    // While developing, pages at localhost may too.
    let app = TestApp::sqlite().await;
    for (origin, admitted) in [
        ("http://localhost:5173", true),
        ("http://127.0.0.1:3000", true),
        ("http://localhost.evil.example", false),
        ("https://evil.example", false),
    ] {
        let answer = preflight(&app, "/graphql", origin).await;
        assert_eq!(
            answer.headers.contains_key("access-control-allow-origin"),
            admitted,
            "{origin}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_origin_opens_no_socket() {
    let app = TestApp::with_flags(&PRODUCTION).await;
    let server = serve(app.router.clone()).await;
    let open = async |origin: Option<&str>| {
        let uri = format!("ws://{}/graphql/ws", server.address).parse().unwrap();
        let mut request = ClientRequestBuilder::new(uri).with_sub_protocol(PROTOCOL);
        if let Some(origin) = origin {
            request = request.with_header("origin", origin);
        }
        connect_async(request).await
    };
    for origin in [None, Some("https://desk.example.org"), Some("https://qinglan.example.org")] {
        assert!(open(origin).await.is_ok(), "{origin:?}");
    }
    for origin in ["https://evil.example", "null", "http://localhost:5173"] {
        let refused = open(Some(origin)).await.err().unwrap();
        assert!(refused.to_string().contains("403"), "{origin}: {refused}");
    }
    let request = Request::get("/graphql/ws").header("origin", "https://evil.example");
    let answer = app.anonymous().request(request, Body::empty()).await;
    assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (403, "FORBIDDEN"));
    assert_is_error(&answer);
}

#[tokio::test]
async fn in_production_nothing_is_shown_of_the_schema() {
    let app = TestApp::with_flags(&["--production", "true"]).await;
    let schema = "{ __schema { queryType { name } } }";
    let answer = send(app.organiser(), schema, json!({})).await;
    assert_eq!(code(&answer), "GRAPHQL_VALIDATION_FAILED");
    let page = app.anonymous().request(Request::get("/"), Body::empty()).await;
    assert_eq!(page.status.as_u16(), 404);
    for document in ["{ activitie { id } }", "{ activities { nodes { idd } } }"] {
        let answer = send(app.organiser(), document, json!({})).await;
        let message = answer.json()["errors"][0]["message"].to_string();
        assert!(!message.contains("ean") && !message.contains("activities"), "{message}");
    }
    // Unless somebody wants it so, by name.
    let flags = ["--production", "true", "--introspection", "true", "--graphiql", "true"];
    let app = TestApp::with_flags(&flags).await;
    let answer = send(app.organiser(), schema, json!({})).await;
    assert_eq!(answer.json()["data"]["__schema"]["queryType"]["name"], "Query");
    let page = app.anonymous().request(Request::get("/"), Body::empty()).await;
    assert_eq!(page.status.as_u16(), 200);
}

#[tokio::test]
async fn every_answer_says_what_browsers_may_do_with_it() {
    let secure = TestApp::with_flags(&PRODUCTION).await;
    let plain = TestApp::sqlite().await;
    for path in ["/graphql?query=%7B__typename%7D", "/healthz", "/nowhere", "/certificates/x"] {
        for (app, is_secure) in [(&secure, true), (&plain, false)] {
            let answer = app.anonymous().request(Request::get(path), Body::empty()).await;
            let policy = answer.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
            let strict = answer.headers.get("strict-transport-security");
            assert_eq!(strict.is_some_and(|it| it == "max-age=31536000"), is_secure, "{path}");
            assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        }
    }
    // The page of GraphiQL is let load itself, from where it is published.
    let page = plain.anonymous().request(Request::get("/"), Body::empty()).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("https://unpkg.com") && policy.contains("connect-src 'self'"));
}

#[tokio::test]
async fn what_is_neither_a_list_nor_a_picture_is_not_kept() {
    let app = TestApp::sqlite().await;
    let upload = async |name: &str, content: &[u8]| {
        let request = Request::post("/uploads")
            .header("content-type", "text/csv")
            .header("content-disposition", format!("attachment; filename={name}"));
        app.organiser().request(request, content.to_vec().into()).await
    };
    for (name, content) in [
        ("list.xlsx", b"MZ\x90\0\x03\0\0\0".as_slice()),
        ("list.csv", b"\x7fELF\x02\x01\x01\0"),
        ("list.csv", b"\x1f\x8b\x08\0\0\0\0\0"),
        ("photo.png", b"GIF89a\x01\0\x01\0"),
        ("list.csv", b"name\0phone\n"),
    ] {
        let answer = upload(name, content).await;
        assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (415, "BAD_USER_INPUT"));
        assert_is_error(&answer);
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM upload").await, 0);
    for content in [
        "姓名,手机\n张三,13800000001\n".as_bytes(),
        b"\xFF\xFEa\0,\0b\0",
        b"PK\x03\x04\x14\0\0\0",
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0",
        b"\x89PNG\r\n\x1a\n\0\0",
        b"\xff\xd8\xff\xe0\0",
        b"%PDF-1.7\n\0",
    ] {
        assert_eq!(upload("misnamed.exe", content).await.status.as_u16(), 201, "{content:?}");
    }
}
