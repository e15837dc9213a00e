//! Files in: who may, how large, under what name.

use axum::{
    body::{Body, Bytes},
    http::Request,
};
use futures_util::stream;
use serde_json::json;

use super::{assert_is_error, code};
use crate::app::{Answer, TestApp};

const MOST: usize = 20 * 1024 * 1024;

async fn upload(app: &TestApp, disposition: &str, body: Body) -> Answer {
    let request = Request::post("/uploads").header("content-disposition", disposition);
    app.organiser().request(request, body).await
}

/// A body in pieces, whose size is not said beforehand.
fn chunked(size: usize) -> Body {
    let piece = Bytes::from(vec![b'x'; 1 << 20]);
    let pieces = (0..size.div_ceil(1 << 20))
        .map(move |at| Ok::<_, std::io::Error>(piece.slice(..(size - (at << 20)).min(1 << 20))));
    Body::from_stream(stream::iter(pieces))
}

#[tokio::test]
async fn an_upload_is_kept_under_its_name() {
    let app = TestApp::sqlite().await;
    for (at, (disposition, name)) in [
        ("attachment; filename=\"a;b.xlsx\"", "a;b.xlsx"),
        ("attachment; filename*=UTF-8''%E5%90%8D%E5%8D%95.xlsx; filename=x", "名单.xlsx"),
        ("attachment; filename=\"../../etc/passwd\"", "passwd"),
        ("attachment", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = upload(&app, disposition, "内容".into()).await;
        assert_eq!(answer.status.as_u16(), 201, "{}", answer.json());
        let json = answer.json();
        assert_eq!(json.as_object().unwrap().len(), 2, "{json}");
        assert!(json["id"].as_str().unwrap().starts_with("upload_"), "{json}");
        assert_eq!(json["size"], "内容".len());
        let sql = format!("SELECT COUNT(*) FROM upload WHERE file_name = '{name}'");
        assert_eq!(app.count(&sql).await, 1, "{disposition}");
        assert_eq!(app.count("SELECT COUNT(*) FROM upload").await, i64::try_from(at).unwrap() + 1);
    }
    // And without the header.
    let answer = app.organiser().request(Request::post("/uploads"), "x".into()).await;
    assert_eq!(answer.status.as_u16(), 201);
}

#[tokio::test]
async fn an_upload_has_20_mb_and_not_a_byte_more() {
    let app = TestApp::sqlite().await;
    for (body, status) in [
        (Body::from(vec![b'x'; MOST]), 201),
        (chunked(MOST), 201),
        (Body::from(vec![b'x'; MOST + 1]), 413),
        (chunked(MOST + 1), 413),
        (Body::empty(), 400),
    ] {
        let answer = upload(&app, "attachment; filename=a.csv", body).await;
        assert_eq!(answer.status.as_u16(), status);
        if status == 201 {
            assert_eq!(answer.json()["size"], MOST);
        } else {
            assert_is_error(&answer);
            assert_eq!(code(&answer), "BAD_USER_INPUT");
        }
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM upload").await, 2);
}

#[tokio::test]
async fn an_upload_that_is_cut_off_or_compressed_is_not_kept() {
    let app = TestApp::sqlite().await;
    let pieces = [Ok(Bytes::from_static(b"a")), Err(std::io::Error::other("gone"))];
    let answer = upload(&app, "attachment", Body::from_stream(stream::iter(pieces))).await;
    assert_eq!(answer.status.as_u16(), 400);
    assert_is_error(&answer);
    let request = Request::post("/uploads").header("content-encoding", "gzip");
    let answer = app.organiser().request(request, "x".into()).await;
    assert_eq!(answer.status.as_u16(), 415);
    assert_eq!(app.count("SELECT COUNT(*) FROM upload").await, 0);
}

#[tokio::test]
async fn who_may_not_upload_is_told_before_the_body_is_read() {
    let app = TestApp::sqlite().await;
    let false_one = crate::app::Client { token: Some("x".into()), ..app.anonymous() };
    for client in [app.anonymous(), false_one] {
        // This body never comes.
        let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let answer = client.request(Request::post("/uploads"), body).await;
        assert_eq!(answer.status.as_u16(), 401);
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert_eq!(code(&answer), "UNAUTHENTICATED");
        assert_is_error(&answer);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_uploads_are_held_at_once_and_slow_ones_are_given_up() {
    let app = TestApp::with_flags(&["--request-timeout", "1"]).await;
    let never = || {
        let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"a"))]);
        Body::from_stream(futures_util::StreamExt::chain(first, stream::pending()))
    };
    let slow: Vec<_> = (0..4)
        .map(|_| {
            let (client, body) = (app.organiser().clone(), never());
            tokio::spawn(async move { client.request(Request::post("/uploads"), body).await })
        })
        .collect();
    while app.app.uploading.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    // The fifth waits until one of them is given up, and is then kept or, if that takes too long, sent away.
    let fifth = upload(&app, "attachment", "x".into()).await;
    assert!([201, 503].contains(&fifth.status.as_u16()), "{}", fifth.json());
    for slow in slow {
        let answer = slow.await.unwrap();
        assert_eq!(answer.status.as_u16(), 408);
        assert_is_error(&answer);
    }
    assert_eq!(app.app.uploading.available_permits(), 4);
    assert_eq!(upload(&app, "attachment", "x".into()).await.json()["size"], json!(1));
}
