//! The server's own loop, on a loopback port: clients that are slow, endless, in a hurry, or gone.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use api::http;
use axum::{
    Router,
    body::{Body, Bytes},
    routing::get,
};
use futures_util::stream;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::app::TestApp;

/// A service that gives its clients a second.
struct Server {
    app: TestApp,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    done: JoinHandle<()>,
}

async fn listen(
    router: Router,
    patience: Duration,
) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        let _ = stopped.await;
    };
    let served = http::serve(listener, router, stopped, patience);
    (address, stop, tokio::spawn(async move { served.await.unwrap() }))
}

impl Server {
    async fn start() -> Self {
        let app = TestApp::with_flags(&["--request-timeout", "1"]).await;
        let (address, stop, done) = listen(app.router.clone(), Duration::from_secs(1)).await;
        Self { app, address, stop, done }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

fn head(path: &str, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{more}\r\n\r\n")
}

/// What comes until the server closes the connection, which it must do soon.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset ends it too.
    let _ = timeout(Duration::from_secs(8), stream.read_to_end(&mut bytes)).await.expect("closed");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What comes up to the end of one answer's first line.
async fn first_line(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4096];
    let read = timeout(Duration::from_secs(8), stream.read(&mut bytes)).await.expect("an answer");
    let text = String::from_utf8_lossy(&bytes[..read.unwrap()]).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}

/// Sends a piece again and again until the server does not take it any more.
async fn drip(stream: &mut TcpStream, piece: &[u8]) {
    for _ in 0..100 {
        if stream.write_all(piece).await.is_err() {
            return;
        }
        let mut byte = [0];
        // Something to read: an answer, or the end.
        if timeout(Duration::from_millis(50), stream.peek(&mut byte)).await.is_ok() {
            return;
        }
    }
    panic!("the server waits for ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_headers_and_idle_connections_are_given_up() {
    let server = Server::start().await;
    let mut idle = server.connect().await;
    let mut slow = server.connect().await;
    slow.write_all(b"POST /graphql HTTP/1.1\r\nHost: x\r\nX-A: ").await.unwrap();
    drip(&mut slow, b"a").await;
    assert!(!rest(&mut slow).await.contains(" 200 "));
    assert_eq!(rest(&mut idle).await, "");
    // One that was of use before.
    let mut used = server.connect().await;
    used.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(rest(&mut used).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_stall_or_drip_are_408() {
    let server = Server::start().await;
    let token = server.app.organiser().token.clone().unwrap();
    for path in ["/graphql", "/uploads"] {
        let head = head(path, &format!("Authorization: Bearer {token}\r\nContent-Length: 1000"));
        let mut stalled = server.connect().await;
        stalled.write_all(head.as_bytes()).await.unwrap();
        stalled.write_all(b"{\"query\":").await.unwrap();
        let mut slow = server.connect().await;
        slow.write_all(head.as_bytes()).await.unwrap();
        drip(&mut slow, b" ").await;
        for stream in [&mut stalled, &mut slow] {
            let answer = rest(stream).await;
            assert!(answer.starts_with("HTTP/1.1 408 "), "{path}: {answer}");
            assert!(answer.contains("BAD_USER_INPUT"), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_refused_in_a_way_that_clients_can_read() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let header =
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n\r\n", "a".repeat(200_000));
    // The server need not take all of it.
    let _ = stream.write_all(header.as_bytes()).await;
    assert!(first_line(&mut stream).await.starts_with("HTTP/1.1 431 "));

    let token = server.app.organiser().token.clone().unwrap();
    for (path, size) in [("/graphql", 20 << 20), ("/uploads", (20 << 20) + 1)] {
        let mut stream = server.connect().await;
        let head = head(path, &format!("Authorization: Bearer {token}\r\nContent-Length: {size}"));
        stream.write_all(head.as_bytes()).await.unwrap();
        // As simple clients do: first all is sent, then the answer is read.
        stream.write_all(&vec![b' '; size]).await.unwrap();
        let line = first_line(&mut stream).await;
        assert!(line.starts_with("HTTP/1.1 413 "), "{path}: {line}");
    }

    let mut endless = server.connect().await;
    endless.write_all(head("/graphql", "Transfer-Encoding: chunked").as_bytes()).await.unwrap();
    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend(vec![b' '; 0x10000]);
    chunk.extend(b"\r\n");
    let started = Instant::now();
    while endless.write_all(&chunk).await.is_ok() {
        assert!(started.elapsed().as_secs() < 8, "an endless body is read for ever");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_a_row_are_answered_in_a_row() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let mut all = String::new();
    for name in ["a", "b", "c"] {
        let body = json!({"query": format!("{{ {name}: __typename }}")}).to_string();
        all += &head("/graphql", &format!("Content-Length: {}", body.len()));
        all += &body;
    }
    stream.write_all(all.as_bytes()).await.unwrap();
    let answers = rest(&mut stream).await;
    let places: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|it| answers.find(&format!("{{\"{it}\":\"Query\"}}")).unwrap())
        .collect();
    assert!(places.is_sorted(), "{answers}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_go_away_leave_nothing_behind() {
    let server = Server::start().await;
    let token = server.app.organiser().token.clone().unwrap();
    for _ in 0..8 {
        let mut stream = server.connect().await;
        let head =
            head("/uploads", &format!("Authorization: Bearer {token}\r\nContent-Length: 1000"));
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(b"half").await.unwrap();
    }
    let all_back = async {
        while server.app.app.uploading.available_permits() < 4 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(5), all_back).await.unwrap();
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(server.app.count("SELECT COUNT(*) FROM upload").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
    struct Held(Arc<AtomicBool>);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let released = Arc::new(AtomicBool::new(false));
    let told = released.clone();
    let endless = get(move || {
        let held = Held(told.clone());
        let piece = Bytes::from(vec![b'x'; 1 << 16]);
        let pieces = stream::unfold(held, move |held| {
            let piece = piece.clone();
            async move { Some((Ok::<_, std::io::Error>(piece), held)) }
        });
        async { Body::from_stream(pieces) }
    });
    let router = Router::new().route("/", endless);
    let (address, _stop, _done) = listen(router, Duration::from_millis(300)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(first_line(&mut stream).await.starts_with("HTTP/1.1 200 "));
    let started = Instant::now();
    while !released.load(Ordering::SeqCst) {
        assert!(started.elapsed().as_secs() < 8, "what the answer holds is never let go");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_lets_what_is_under_way_finish() {
    let server = Server::start().await;
    let body = json!({"query": "{ __typename }"}).to_string();
    let mut stream = server.connect().await;
    let head = head("/graphql", &format!("Content-Length: {}", body.len()));
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body.as_bytes()[..5]).await.unwrap();
    // Until the server has the head: there is nothing to see of that from outside.
    sleep(Duration::from_millis(100)).await;
    server.stop.send(()).unwrap();
    let refused = async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(3), refused).await.unwrap();
    stream.write_all(&body.as_bytes()[5..]).await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.contains("{\"__typename\":\"Query\"}"), "{answer}");
    timeout(Duration::from_secs(3), server.done).await.unwrap().unwrap();
}
