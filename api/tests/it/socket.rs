//! A server in this process, and clients of it that speak GraphQL over WebSockets.

use std::{net::SocketAddr, time::Duration};

use api::http;
use axum::Router;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, ClientRequestBuilder, Message},
};

use crate::app::{Client, document};

pub const PROTOCOL: &str = "graphql-transport-ws";

/// How long anything may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Served {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    done: JoinHandle<()>,
}

/// Serves on a free port of the loopback address.
pub async fn serve(router: Router) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        let _ = stopped.await;
    };
    let served = http::serve(listener, router, stopped, PATIENCE);
    Served { address, stop, done: tokio::spawn(async move { served.await.unwrap() }) }
}

impl Served {
    /// A socket on which nothing was said yet.
    pub async fn open(&self) -> Socket {
        self.connect(&[PROTOCOL], None).await.unwrap()
    }

    pub async fn connect(
        &self,
        protocols: &[&str],
        token: Option<&str>,
    ) -> Result<Socket, tungstenite::Error> {
        Socket::connect(&self.address.to_string(), protocols, token).await
    }

    /// A socket that was acknowledged as somebody's.
    pub async fn of(&self, client: &Client) -> Socket {
        let mut socket = self.open().await;
        socket.init(client.token.as_deref().unwrap()).await;
        assert_eq!(socket.next().await, json!({"type": "connection_ack"}));
        socket
    }

    /// Tells the server to stop, and waits until it has.
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.done).await.unwrap().unwrap();
    }
}

pub struct Socket {
    wire: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What came: a message, or the end of the socket with its code and its reason.
#[derive(Debug)]
pub enum Came {
    Message(Value),
    Close(u16, String),
}

impl Socket {
    pub async fn connect(
        address: &str,
        protocols: &[&str],
        token: Option<&str>,
    ) -> Result<Self, tungstenite::Error> {
        let uri = format!("ws://{address}/graphql/ws").parse().unwrap();
        let mut request = ClientRequestBuilder::new(uri).with_header("accept-language", "en");
        for protocol in protocols {
            request = request.with_sub_protocol(*protocol);
        }
        if let Some(token) = token {
            request = request.with_header("authorization", format!("Bearer {token}"));
        }
        Ok(Self { wire: connect_async(request).await?.0 })
    }

    pub async fn send(&mut self, message: Value) {
        self.send_raw(Message::text(message.to_string())).await;
    }

    pub async fn send_raw(&mut self, message: Message) {
        self.wire.send(message).await.unwrap();
    }

    pub async fn init(&mut self, token: &str) {
        let payload = json!({"authorization": format!("Bearer {token}")});
        self.send(json!({"type": "connection_init", "payload": payload})).await;
    }

    /// Begins an operation of `operations/`.
    pub async fn run(&mut self, id: &str, operation: &str, variables: Value) {
        self.ask(id, &document(operation), variables).await;
    }

    pub async fn ask(&mut self, id: &str, document: &str, variables: Value) {
        let payload = json!({"query": document, "variables": variables});
        self.send(json!({"id": id, "type": "subscribe", "payload": payload})).await;
    }

    pub async fn came(&mut self) -> Came {
        loop {
            let frame = timeout(PATIENCE, self.wire.next()).await.expect("something comes");
            match frame {
                Some(Ok(Message::Text(text))) => {
                    return Came::Message(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Came::Close(frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("neither a message nor a close with its code: {other:?}"),
            }
        }
    }

    /// The next message.
    pub async fn next(&mut self) -> Value {
        match self.came().await {
            Came::Message(message) => message,
            Came::Close(code, reason) => panic!("closed: {code} {reason}"),
        }
    }

    /// The data of the next result of an operation.
    pub async fn data(&mut self, id: &str) -> Value {
        let mut message = self.next().await;
        assert_eq!((&message["id"], &message["type"]), (&json!(id), &json!("next")), "{message}");
        assert!(message["payload"].get("errors").is_none(), "{message}");
        message["payload"]["data"].take()
    }

    /// What came, where nothing comes unless something happens: `stir` is done again and again until then.
    pub async fn stirred(&mut self, stir: impl Fn()) -> Came {
        let coming = self.came();
        tokio::pin!(coming);
        loop {
            tokio::select! {
                came = &mut coming => return came,
                () = tokio::time::sleep(Duration::from_millis(20)) => stir(),
            }
        }
    }

    /// The code of the error by which an operation ends.
    pub async fn error(&mut self, id: &str) -> String {
        let message = self.next().await;
        assert_eq!((&message["id"], &message["type"]), (&json!(id), &json!("error")), "{message}");
        let error = &message["payload"][0];
        assert!(!error["message"].as_str().unwrap().is_empty(), "{message}");
        assert!(error["extensions"]["requestId"].is_string(), "{message}");
        error["extensions"]["code"].as_str().unwrap().to_owned()
    }

    /// The code by which the socket ends, whatever comes before.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Came::Close(code, reason) = self.came().await {
                assert!(!reason.is_empty() && reason.len() <= 123, "{reason}");
                return code;
            }
        }
    }
}
