//! What a client may send over a WebSocket.

use futures_util::{SinkExt, StreamExt};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Bytes, ClientRequestBuilder, Message},
};

use super::{INSIDE, all, requests::texts, runtime, says_nothing_of};
use crate::{
    app::TestApp,
    socket::{PROTOCOL, serve},
};

/// The codes by which the service ends a socket; 1002 and 1007 are of frames that are none.
const ENDS: [u16; 10] = [1000, 1002, 1007, 1009, 4400, 4401, 4403, 4408, 4409, 4429];

#[derive(Clone, Debug)]
enum Frame {
    Init,
    Json(Value),
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
}

fn frames() -> impl Strategy<Value = Frame> {
    let ids = || select(vec!["1", "2", "", "é", "\0"]);
    let documents = || {
        prop_oneof![
            select(vec![
                "{ __typename }",
                "{",
                "subscription { a }",
                "{ viewer { account { id } } }",
                "subscription { sessionFigures(sessionId: \"session_00000000000000000000000000000000\") { present } }",
            ])
            .prop_map(str::to_owned),
            texts(),
        ]
    };
    let kinds = vec!["subscribe", "complete", "ping", "pong", "connection_init", "next", "x"];
    let payloads = prop_oneof![
        Just(json!(null)),
        Just(json!([])),
        Just(json!("x")),
        Just(json!({"query": 1})),
        documents().prop_map(
            |it| json!({"query": it, "variables": {"a": 1}, "extensions": {"cost": true}})
        ),
        documents().prop_map(|it| json!({"documentId": it})),
    ];
    prop_oneof![
        2 => Just(Frame::Init),
        3 => (ids(), documents())
            .prop_map(|(id, it)| Frame::Json(json!({"id": id, "type": "subscribe", "payload": {"query": it}}))),
        3 => (ids(), select(kinds), payloads)
            .prop_map(|(id, kind, it)| Frame::Json(json!({"id": id, "type": kind, "payload": it}))),
        1 => texts().prop_map(Frame::Text),
        1 => vec(any::<u8>(), 0..100).prop_map(Frame::Binary),
        1 => vec(any::<u8>(), 0..125).prop_map(Frame::Ping),
    ]
}

#[test]
fn any_frames_may_be_sent_to_a_socket() {
    runtime().block_on(async {
        let app = TestApp::sqlite().await;
        let server = serve(app.router.clone()).await;
        let authorization = format!("Bearer {}", app.organiser().token.as_deref().unwrap());
        let init = json!({"type": "connection_init", "payload": {"authorization": authorization}});
        let conversations = (any::<bool>(), vec(frames(), 1..12));
        all(300, &conversations, async |(begins, frames)| {
            let uri = format!("ws://{}/graphql/ws", server.address).parse().unwrap();
            let request = ClientRequestBuilder::new(uri).with_sub_protocol(PROTOCOL);
            let (mut wire, _) = connect_async(request).await.unwrap();
            let first = begins.then_some(Frame::Init);
            let mut sent = String::new();
            for frame in first.into_iter().chain(frames) {
                let message = match frame {
                    Frame::Init => Message::text(init.to_string()),
                    Frame::Json(it) => Message::text(it.to_string()),
                    Frame::Text(it) => Message::text(it),
                    Frame::Binary(it) => Message::binary(Bytes::from(it)),
                    Frame::Ping(it) => Message::Ping(it.into()),
                };
                sent += message.to_text().unwrap_or_default();
                // The service may have ended it already.
                if wire.send(message).await.is_err() {
                    break;
                }
            }
            let _ = wire.close(None).await;
            while let Some(Ok(message)) = wire.next().await {
                match message {
                    Message::Text(text) => says_nothing_of(&text, &INSIDE, &sent)?,
                    Message::Close(Some(frame)) => {
                        let code = u16::from(frame.code);
                        prop_assert!(ENDS.contains(&code), "{code} {}", frame.reason);
                    }
                    _ => {}
                }
            }
            let alive = app.organiser().ask("{ __typename }", json!({})).await;
            prop_assert_eq!(&alive["__typename"], "Query");
            Ok(())
        });
    });
}
