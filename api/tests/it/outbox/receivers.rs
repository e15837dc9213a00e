//! What messages are sent to: a mail server, a gateway and a web-hook's receiver, real ones on the loopback address.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// A port of the loopback address that somebody listens at, or nobody for a while.
struct Door {
    port: u16,
    task: Option<JoinHandle<()>>,
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn listen(port: u16) -> TcpListener {
    TcpListener::bind(("127.0.0.1", port)).await.unwrap()
}

/// How a mail server behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    #[default]
    Takes,
    /// 451 in place of the last word: try again later.
    Busy,
    /// 550 to the recipient.
    KnowsNobody,
    /// Takes the mail and hangs up without a word.
    HangsUp,
}

/// A mail as it came in.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub content: String,
}

impl Mail {
    /// The value of a header, unfolded.
    pub fn header(&self, name: &str) -> String {
        let head = self.content.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let start = format!("{name}: ");
        head.lines().find_map(|it| it.strip_prefix(&start)).unwrap_or_default().to_owned()
    }

    /// The text, decoded.
    pub fn text(&self) -> String {
        use base64::Engine;
        let body = self.content.split_once("\r\n\r\n").unwrap().1.replace("\r\n", "");
        assert_eq!(self.header("Content-Transfer-Encoding"), "base64");
        let bytes = base64::prelude::BASE64_STANDARD.decode(body.trim_end_matches('.')).unwrap();
        String::from_utf8(bytes).unwrap()
    }
}

/// A mail server.
pub struct MailServer {
    door: Door,
    pub mails: Arc<Mutex<Vec<Mail>>>,
    manner: Arc<Mutex<Manner>>,
}

impl MailServer {
    pub async fn open() -> Self {
        let listener = listen(0).await;
        let port = listener.local_addr().unwrap().port();
        let mut it =
            Self { door: Door { port, task: None }, mails: Arc::default(), manner: Arc::default() };
        it.serve(listener);
        it
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}?tls=none", self.door.port)
    }

    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub async fn close(&mut self) {
        let task = self.door.task.take().unwrap();
        task.abort();
        let _ = task.await;
    }

    pub async fn reopen(&mut self) {
        let listener = listen(self.door.port).await;
        self.serve(listener);
    }

    pub fn received(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }

    fn serve(&mut self, listener: TcpListener) {
        let (mails, manner) = (self.mails.clone(), self.manner.clone());
        self.door.task = Some(tokio::spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let manner = *manner.lock().unwrap();
                talks.spawn(talk(stream, mails.clone(), manner));
            }
        }));
    }
}

/// One dialogue of SMTP.
async fn talk(stream: TcpStream, mails: Arc<Mutex<Vec<Mail>>>, manner: Manner) {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    let mut to = String::new();
    let mut say = async |text: &str| writing.write_all(format!("{text}\r\n").as_bytes()).await;
    if say("220 receiver").await.is_err() {
        return;
    }
    while let Ok(Some(line)) = lines.next_line().await {
        let command = line.to_ascii_uppercase();
        let answer = if command.starts_with("EHLO") {
            "250-receiver\r\n250 8BITMIME"
        } else if command.starts_with("RCPT") {
            to = line[line.find('<').unwrap() + 1..line.rfind('>').unwrap()].to_owned();
            if manner == Manner::KnowsNobody { "550 nobody" } else { "250 ok" }
        } else if command == "DATA" {
            if say("354 go on").await.is_err() {
                return;
            }
            let mut content = String::new();
            loop {
                let Ok(Some(line)) = lines.next_line().await else { return };
                if line == "." {
                    break;
                }
                content.push_str(&line);
                content.push_str("\r\n");
            }
            match manner {
                Manner::Busy => "451 later",
                manner => {
                    mails.lock().unwrap().push(Mail { to: to.clone(), content });
                    if manner == Manner::HangsUp {
                        return;
                    }
                    "250 taken"
                }
            }
        } else if command == "QUIT" {
            let _ = say("221 bye").await;
            return;
        } else {
            "250 ok"
        };
        if say(answer).await.is_err() {
            return;
        }
    }
}

/// What a gateway or a receiver of web-hooks does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Takes it, after a while.
    Take(Duration),
    /// Takes it, and never answers.
    TakeInSilence,
    /// Does not take it, and never answers.
    LoseInSilence,
    /// Answers so, and does not take it.
    Answer(u16),
}

/// One request to a receiver of web-hooks.
#[derive(Clone, Debug)]
pub struct Post {
    pub signature: String,
    pub event: String,
    pub body: String,
}

impl Post {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Kept {
    turn: Option<Turn>,
    /// Of the gateway: the ids that it took, in their order, with phones and texts.
    taken: Vec<(String, String, String)>,
    /// What it says of a message that it took.
    status: String,
    posts: Vec<Post>,
    receipts: usize,
}

/// A gateway for short messages, and a receiver of web-hooks, in one.
pub struct Receiver {
    door: Door,
    kept: Arc<Mutex<Kept>>,
}

type Shared = State<Arc<Mutex<Kept>>>;

impl Receiver {
    pub async fn open() -> Self {
        let listener = listen(0).await;
        let port = listener.local_addr().unwrap().port();
        let kept = Kept { status: "DELIVRD".to_owned(), ..Kept::default() };
        let mut it = Self { door: Door { port, task: None }, kept: Arc::new(Mutex::new(kept)) };
        it.serve(listener);
        it
    }

    pub fn hook(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.door.port)
    }

    /// The file that says how this gateway is asked.
    pub fn instructions(&self, receipts: bool) -> String {
        let at = |path: &str| format!("http://127.0.0.1:{}{path}", self.door.port);
        let mut file = json!({
            "send": {
                "url": at("/send"),
                "headers": {"Content-Type": "application/json"},
                "body": r#"{"id":"{{id}}","to":"{{phone}}","content":"【温州市工商联】{{text}}"}"#,
            },
            "accepted": {"at": "/code", "is": ["0"]},
        });
        if receipts {
            file["receipt"] = json!({"method": "GET", "url": at("/receipt/{{id}}")});
            file["status"] = json!({"at": "/status", "delivered": ["DELIVRD"], "failed": ["UNDELIV"], "absent": ["ABSENT"]});
        }
        file.to_string()
    }

    pub fn behave(&self, turn: Turn) {
        self.kept.lock().unwrap().turn = Some(turn);
    }

    /// What the gateway says of messages that it took.
    pub fn say(&self, status: &str) {
        status.clone_into(&mut self.kept.lock().unwrap().status);
    }

    pub fn taken(&self) -> Vec<(String, String, String)> {
        self.kept.lock().unwrap().taken.clone()
    }

    pub fn posts(&self) -> Vec<Post> {
        self.kept.lock().unwrap().posts.clone()
    }

    /// How often it was asked for receipts.
    pub fn receipts(&self) -> usize {
        self.kept.lock().unwrap().receipts
    }

    /// Nothing came twice.
    pub fn took_each_once(&self) -> usize {
        let taken = self.taken();
        let mut times: HashMap<&str, usize> = HashMap::new();
        for (id, ..) in &taken {
            *times.entry(id).or_default() += 1;
        }
        let twice: HashSet<_> = times.iter().filter(|(_, n)| **n > 1).collect();
        assert!(twice.is_empty(), "sent more than once: {twice:?}");
        taken.len()
    }

    pub async fn close(&mut self) {
        let task = self.door.task.take().unwrap();
        task.abort();
        let _ = task.await;
    }

    pub async fn reopen(&mut self) {
        let listener = listen(self.door.port).await;
        self.serve(listener);
    }

    fn serve(&mut self, listener: TcpListener) {
        let router = Router::new()
            .route("/send", post(send))
            .route("/receipt/{id}", get(receipt))
            .route("/hook", post(hook))
            .with_state(self.kept.clone());
        self.door.task = Some(tokio::spawn(async move {
            // Without a word between requests, so that a closed door is closed for connections that were open, too.
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let router = router.clone();
                talks.spawn(async move {
                    let talk = hyper::server::conn::http1::Builder::new()
                        .keep_alive(false)
                        .serve_connection(
                            hyper_util::rt::TokioIo::new(stream),
                            hyper_util::service::TowerToHyperService::new(router),
                        )
                        .await;
                    drop(talk);
                });
            }
        }));
    }
}

/// Takes its turn: whether the request is taken, and what is answered, if anything.
async fn turn(kept: &Mutex<Kept>, take: impl FnOnce(&mut Kept)) -> StatusCode {
    let turn = kept.lock().unwrap().turn.unwrap_or(Turn::Take(Duration::ZERO));
    match turn {
        Turn::Take(after) => {
            take(&mut kept.lock().unwrap());
            tokio::time::sleep(after).await;
            StatusCode::OK
        }
        Turn::TakeInSilence => {
            take(&mut kept.lock().unwrap());
            std::future::pending().await
        }
        Turn::LoseInSilence => std::future::pending().await,
        Turn::Answer(status) => StatusCode::from_u16(status).unwrap(),
    }
}

async fn send(State(kept): Shared, body: Bytes) -> (StatusCode, String) {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let text = |name: &str| asked[name].as_str().unwrap().to_owned();
    let message = (text("id"), text("to"), text("content"));
    let status = turn(&kept, |it| it.taken.push(message)).await;
    (status, json!({"code": 0}).to_string())
}

async fn receipt(State(kept): Shared, Path(id): Path<String>) -> String {
    let mut kept = kept.lock().unwrap();
    kept.receipts += 1;
    let there = kept.taken.iter().any(|it| it.0 == id);
    json!({"status": if there { kept.status.as_str() } else { "ABSENT" }}).to_string()
}

async fn hook(State(kept): Shared, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let post = Post {
        signature: header("qinglan-signature"),
        event: header("qinglan-event"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    turn(&kept, |it| it.posts.push(post)).await
}
