//! The protocol itself, as clients of all sorts keep it or not.

use std::fmt::Write;

use chrono::TimeDelta;
use entity::role_grant::Role;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Message;

use super::of;
use crate::{
    app::{TestApp, on_both},
    fixture::an_activity,
    socket::{PROTOCOL, Served, serve},
};

async fn served() -> (TestApp, Served) {
    let app = TestApp::sqlite().await;
    let server = serve(app.router.clone()).await;
    (app, server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_message_is_4400() {
    let (app, server) = served().await;
    for text in [
        "",
        "nothing",
        "[]",
        "{}",
        r#"{"type":"start","id":"1","payload":{"query":"{__typename}"}}"#,
        r#"{"type":"an unknown type with a name so long that a reason which repeats it would not fit into the frame that closes a socket at all"}"#,
        r#"{"type":"connection_init","payload":"a token"}"#,
        r#"{"type":"subscribe","payload":{"query":"{__typename}"}}"#,
        r#"{"type":"subscribe","id":"","payload":{"query":"{__typename}"}}"#,
        r#"{"type":"subscribe","id":"1"}"#,
        r#"{"type":"subscribe","id":"1","payload":{}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{__typename}","variables":[]}}"#,
        r#"{"type":"complete"}"#,
    ] {
        let mut socket = server.of(app.organiser()).await;
        socket.send_raw(Message::text(text)).await;
        assert_eq!(socket.closed().await, 4400, "{text}");
    }
    let mut socket = server.of(app.organiser()).await;
    socket.send_raw(Message::binary(b"{\"type\":\"ping\"}".to_vec())).await;
    assert_eq!(socket.closed().await, 4400);
    let mut socket = server.of(app.organiser()).await;
    socket.send_raw(Message::text(" ".repeat(256 * 1024 + 1))).await;
    assert_eq!(socket.closed().await, 1009);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_asked_before_the_acknowledgement() {
    let (_app, server) = served().await;
    let mut socket = server.open().await;
    socket.ask("1", "{ __typename }", json!({})).await;
    assert_eq!(socket.closed().await, 4401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_no_good_is_4403() {
    let (app, server) = served().await;
    for payload in [
        json!(null),
        json!({}),
        json!({"authorization": ""}),
        json!({"authorization": 7}),
        json!({"authorization": "Bearer nothing"}),
        json!({"authorization": app.organiser().token}),
    ] {
        let mut socket = server.open().await;
        socket.send(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(socket.closed().await, 4403, "{payload}");
    }
    let token = app.organiser().token.clone().unwrap();
    let then = app.now() + TimeDelta::minutes(16);
    *app.clock() = then;
    let mut socket = server.open().await;
    socket.init(&token).await;
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_may_stand_in_the_header() {
    let (app, server) = served().await;
    let token = app.organiser().token.as_deref();
    let mut socket = server.connect(&[PROTOCOL], token).await.unwrap();
    socket.send(json!({"type": "connection_init"})).await;
    assert_eq!(socket.next().await["type"], "connection_ack");
    socket.ask("1", "{ viewer { account { id } } }", json!({})).await;
    assert!(socket.data("1").await["viewer"]["account"]["id"].is_string());
    // What is said is more than what the header says.
    let mut socket = server.connect(&[PROTOCOL], token).await.unwrap();
    socket.init("nothing").await;
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_nothing_or_too_much_is_let_go() {
    let (app, server) = served().await;
    let mut silent = server.open().await;
    let mut twice = server.of(app.organiser()).await;
    twice.send(json!({"type": "connection_init"})).await;
    assert_eq!(twice.closed().await, 4429);
    let mut doubled = server.of(app.organiser()).await;
    let festival = app.festival(None, &[]).await;
    doubled.run("s", "session_figures", of(&festival)).await;
    doubled.data("s").await;
    doubled.run("s", "session_figures", of(&festival)).await;
    assert_eq!(doubled.closed().await, 4409);
    assert_eq!(silent.closed().await, 4408);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_protocols_are_not_spoken() {
    let (app, server) = served().await;
    let mut socket = server.connect(&[], app.organiser().token.as_deref()).await.unwrap();
    assert_eq!(socket.closed().await, 4406);
    // Clients see by themselves that none of theirs was chosen.
    assert!(server.connect(&["graphql-ws"], None).await.is_err());
    let mut socket = server.connect(&["graphql-ws", PROTOCOL], None).await.unwrap();
    socket.send(json!({"type": "ping", "payload": {"a": 1}})).await;
    assert_eq!(socket.next().await, json!({"type": "pong", "payload": {"a": 1}}));
    socket.send(json!({"type": "pong"})).await;
    socket.send(json!({"type": "ping"})).await;
    assert_eq!(socket.next().await, json!({"type": "pong"}));
    let request = axum::http::Request::get("/graphql/ws");
    let answer = app.organiser().request(request, axum::body::Body::empty()).await;
    assert_eq!(answer.status, 426);
    assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_gives_no_sign_of_life_is_let_go() {
    let app = TestApp::with_flags(&["--socket-ping", "1"]).await;
    let server = serve(app.router.clone()).await;
    // One that reads and never answers a ping.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let token = app.organiser().token.clone().unwrap();
    let head = format!(
        "GET /graphql/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {PROTOCOL}\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // connection_init, masked with zeros.
    let text = br#"{"type":"connection_init"}"#;
    let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
    frame.extend_from_slice(text);
    stream.write_all(&frame).await.unwrap();
    let mut bytes = Vec::new();
    let ended =
        tokio::time::timeout(std::time::Duration::from_secs(20), stream.read_to_end(&mut bytes));
    ended.await.expect("let go").unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.starts_with("HTTP/1.1 101 ") && text.contains("connection_ack"), "{text}");
    assert!(bytes.windows(2).any(|it| it == [0x89, 0]), "it was not asked: {text}");
    // One that answers stays; reading answers pings by itself.
    let mut socket = server.of(app.organiser()).await;
    let festival = app.festival(None, &[]).await;
    socket.run("s", "session_figures", of(&festival)).await;
    socket.data("s").await;
    // Longer than two pings: until another one was let go for its silence.
    let mut silent = server.open().await;
    let silence = silent.closed();
    tokio::select! {
        code = silence => assert_eq!(code, 4408),
        message = socket.next() => panic!("{message}"),
    }
    socket.send(json!({"type": "ping"})).await;
    assert_eq!(socket.next().await, json!({"type": "pong"}));
}

on_both! {
    async fn queries_and_mutations_go_by_a_socket_as_by_http(app) {
        let festival = app.festival(None, &[]).await;
        let server = serve(app.router.clone()).await;
        let mut socket = server.of(app.organiser()).await;
        let person = json!({"name": "张三丰", "phone": "13800000000"});
        let input = json!({"activityId": festival.activity, "person": person});
        socket.run("m", "register_attendee", json!({"input": input})).await;
        assert_eq!(socket.data("m").await["registerAttendee"]["registration"]["status"], "CONFIRMED");
        assert_eq!(socket.next().await, json!({"id": "m", "type": "complete"}));
        socket.run("q", "registrations", json!({"activityId": festival.activity})).await;
        assert_eq!(socket.data("q").await["activity"]["registrations"]["edges"].as_array().unwrap().len(), 1);
        assert_eq!(socket.next().await, json!({"id": "q", "type": "complete"}));
        // An error of a field is part of a result.
        socket.ask("e", "{ activity(id: \"activity_00000000000000000000000000000000\") { title } }", json!({})).await;
        let message = socket.next().await;
        assert_eq!((&message["type"], &message["payload"]["data"]), (&json!("next"), &json!(null)));
        assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], "NOT_FOUND");
        assert_eq!(socket.next().await["type"], "complete");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_keep_the_same_limits() {
    let (app, server) = served().await;
    let festival = app.festival(None, &[]).await;
    let mut socket = server.of(app.organiser()).await;
    let figures = format!("sessionFigures(sessionId: \"{}\") {{ present }}", festival.session);
    let mut fragments = String::from("query { ...F0 }");
    for nth in 0..30 {
        write!(fragments, " fragment F{nth} on Query {{ ...F{0} ...F{0} }}", nth + 1).unwrap();
    }
    fragments += " fragment F30 on Query { __typename }";
    for (document, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($id: ID!) { activity(id: $id) { id } }", "BAD_USER_INPUT"),
        (fragments.as_str(), "QUERY_TOO_COMPLEX"),
        (&format!("subscription {{ {figures} b: {figures} }}"), "GRAPHQL_VALIDATION_FAILED"),
        (
            &format!(
                "subscription {{ {figures} ...F }} fragment F on Subscription {{ b: {figures} }}"
            ),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("subscription { sessionFigures(sessionId: \"session_1\") { present } }", "BAD_USER_INPUT"),
        ("subscription { sessionFigures { present } }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        socket.ask("1", document, json!({})).await;
        assert_eq!(socket.error("1").await, code, "{document}");
    }
    for nth in 0..100 {
        socket.run(&nth.to_string(), "scan_feed", of(&festival)).await;
    }
    socket.ask("more", "{ __typename }", json!({})).await;
    assert_eq!(socket.error("more").await, "RATE_LIMITED");
    socket.send(json!({"id": "7", "type": "complete"})).await;
    socket.ask("more", "{ __typename }", json!({})).await;
    socket.data("more").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_are_ended_when_the_server_stops() {
    let (app, server) = served().await;
    let festival = app.festival(None, &[]).await;
    let (mut idle, mut new) = (server.of(app.organiser()).await, server.open().await);
    let mut busy = server.of(app.organiser()).await;
    busy.run("s", "session_figures", of(&festival)).await;
    busy.data("s").await;
    let ends = async { (idle.closed().await, new.closed().await, busy.closed().await) };
    let (codes, ()) = tokio::join!(ends, server.stop());
    assert_eq!(codes, (1001, 1001, 1001));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let (app, server) = served().await;
    let festival = app.festival(None, &[]).await;
    let viewer = app.account(Role::Viewer, an_activity(&festival.activity)).await;
    for _ in 0..5 {
        let mut socket = server.of(&viewer).await;
        socket.run("s", "session_figures", of(&festival)).await;
        socket.data("s").await;
        drop(socket);
    }
    while app.app.live.watchers() > 0 {
        tokio::task::yield_now().await;
    }
}
