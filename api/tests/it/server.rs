//! The real binary: started on a free port of the loopback address, with a data directory and a database of its own,
//! and driven over HTTP. It is ended by its own process id, also where a test panics.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{Festival, PASSWORD, document, postgres_database};

/// Runs a test with a home on SQLite and with one on PostgreSQL.
macro_rules! on_both_servers {
    ($($(#[$meta:meta])* async fn $name:ident($home:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn check($home: $crate::server::Home) $body

            mod sqlite {
                $(#[$meta])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn run() {
                    super::check($crate::server::Home::sqlite()).await;
                }
            }

            mod postgres {
                $(#[$meta])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn run() {
                    super::check($crate::server::Home::postgres().await).await;
                }
            }
        }
    )*};
}
pub(crate) use on_both_servers;

/// How long a server may take to start or to stop, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[expect(clippy::disallowed_methods, reason = "the server under test goes by the real clock")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// What outlives a server: its data directory and its database.
pub struct Home {
    folder: TempDir,
    pub url: String,
}

impl Home {
    pub fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("qinglan.db").display());
        Self { folder, url }
    }

    pub async fn postgres() -> Self {
        Self { folder: TempDir::new().unwrap(), url: postgres_database().await }
    }

    pub fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// `qinglan …` as configured here, and by nothing else of the environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qinglan"));
        command
            .env_clear()
            .env("NO_COLOR", "1")
            .env("DATABASE_URL", &self.url)
            .env("QINGLAN_DATA_DIR", self.folder.path())
            .env("QINGLAN_LISTEN", "127.0.0.1:0")
            // The tests' machine may be busy with other things.
            .env("QINGLAN_REQUEST_TIMEOUT", "120")
            // Tests ask as often as they like.
            .env("QINGLAN_REQUESTS_PER_ACCOUNT", "0")
            .env("QINGLAN_REQUESTS_PER_DOOR", "0")
            .env("QINGLAN_REQUESTS_PER_ADDRESS", "0")
            .current_dir(self.folder.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // A command that reads nothing may have closed its end.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Starts a server and waits until it serves.
    pub fn start(&self) -> Server {
        Server::start(self.command(&["serve"]))
    }

    /// Makes an administrator, starts a server and signs in.
    pub async fn open(&self) -> (Server, Remote) {
        let made =
            self.run(&["admin", "create", "--username", "organiser", "--password-stdin"], PASSWORD);
        assert!(made.status.success(), "{made:?}");
        let server = self.start();
        let organiser = server.client().sign_in("organiser", PASSWORD).await;
        (server, organiser)
    }

    /// A connection to the database beside the server's.
    pub async fn database(&self) -> DatabaseConnection {
        Database::connect(&self.url).await.unwrap()
    }

    /// One number of the database, by SQL.
    pub async fn count(&self, sql: &str) -> i64 {
        let connection = self.database().await;
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        let row = connection.query_one_raw(statement).await.unwrap().unwrap();
        let count = row.try_get_by_index::<i64>(0).unwrap();
        connection.close().await.unwrap();
        count
    }
}

/// A running server.
pub struct Server {
    process: Child,
    pub address: String,
    log: Arc<Mutex<String>>,
    printed: Arc<Mutex<String>>,
}

impl Server {
    pub fn start(mut command: Command) -> Self {
        let mut process = command.spawn().unwrap();
        let (log, printed) = (Arc::<Mutex<String>>::default(), Arc::<Mutex<String>>::default());
        let (told, hears) = mpsc::channel();
        follow(process.stdout.take().unwrap(), printed.clone(), |_| {});
        follow(process.stderr.take().unwrap(), log.clone(), move |line| {
            if let Some((_, address)) = line.split_once("serving at http://") {
                let _ = told.send(address.trim().to_owned());
            }
        });
        // From here on the process is ended whatever happens.
        let mut server = Self { process, address: String::new(), log, printed };
        let Ok(address) = hears.recv_timeout(PATIENCE) else {
            panic!("the server did not start: {}", server.log());
        };
        server.address = address;
        server
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// What it printed so far.
    pub fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Nobody, with connections of its own.
    pub fn client(&self) -> Remote {
        let http = reqwest::Client::builder().no_proxy().timeout(5 * PATIENCE).build().unwrap();
        Remote { http, base: format!("http://{}", self.address), token: None }
    }

    /// Ends it as a power cut would, as far as the process goes: SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks it to stop: SIGTERM.
    pub fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.id());
        let done = Command::new("/bin/sh").args(["-c", &kill]).status().unwrap();
        assert!(done.success());
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the server does not stop: {}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until it has logged something.
    pub async fn logged(&self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.log().contains(text) {
            assert!(Instant::now() < until, "{text:?} is not in the log: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("the log of the server:\n{}", self.log.lock().unwrap());
        }
    }
}

fn follow(
    stream: impl std::io::Read + Send + 'static,
    into: Arc<Mutex<String>>,
    each: impl Fn(&str) + Send + 'static,
) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut kept = into.lock().unwrap();
            kept.push_str(&line);
            kept.push('\n');
            drop(kept);
            each(&line);
        }
    });
}

/// Somebody who sends requests to a running server.
#[derive(Clone)]
pub struct Remote {
    pub http: reqwest::Client,
    pub base: String,
    pub token: Option<String>,
}

impl Remote {
    /// Signs in; the same with a token.
    pub async fn sign_in(mut self, username: &str, password: &str) -> Self {
        let input = json!({"input": {"username": username, "password": password}});
        let done = self.run("sign_in", input).await;
        let token = done["signIn"]["tokens"]["accessToken"].as_str();
        self.token = Some(token.unwrap_or_else(|| panic!("{done}")).to_owned());
        self
    }

    /// The same person at another server, or by another device.
    pub fn at(&self, server: &Server) -> Self {
        Self { token: self.token.clone(), ..server.client() }
    }

    /// Runs one of the documents in `operations/`; the data, which must come without errors.
    pub async fn run(&self, operation: &str, variables: Value) -> Value {
        self.ask(&document(operation), variables).await
    }

    /// Runs a document; the data, which must come without errors.
    pub async fn ask(&self, document: &str, variables: Value) -> Value {
        let mut answer = self.send(document, variables).await.unwrap();
        assert!(answer.get("errors").is_none(), "{answer}\n{document}");
        answer["data"].take()
    }

    /// Runs a document; the whole answer, if one comes.
    pub async fn send(&self, document: &str, variables: Value) -> reqwest::Result<Value> {
        let request = self.http.post(format!("{}/graphql", self.base));
        let body = json!({"query": document, "variables": variables});
        self.signed(request).json(&body).send().await?.json().await
    }

    fn signed(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Uploads a file; its id.
    pub async fn upload(&self, name: &str, content: impl Into<Vec<u8>>) -> String {
        let request = self.http.post(format!("{}/uploads", self.base)).header(
            "content-disposition",
            format!("attachment; filename*=UTF-8''{}", percent_encoded(name)),
        );
        let answer = self.signed(request).body(content.into()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 201);
        answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// What an address gives to somebody without a header.
    pub async fn fetch(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("{}{path}", self.base)).send().await.unwrap()
    }

    /// How many statements the server has sent to its database.
    pub async fn statements(&self) -> u64 {
        let text = self.fetch("/metrics").await.text().await.unwrap();
        let line = text.lines().find(|it| !it.starts_with('#') && it.contains("statements"));
        let value = line.and_then(|it| it.rsplit(' ').next()).unwrap_or_else(|| panic!("{text}"));
        value.parse().unwrap()
    }

    /// A published activity of a festival with one session that begins in half an hour.
    pub async fn festival(&self, capacity: Option<i32>) -> Festival {
        let viewer = self.run("viewer", json!({})).await;
        let owner = &viewer["viewer"]["grants"][0]["scope"]["id"];
        let input =
            json!({"kind": "FESTIVAL", "title": "民营企业家节", "year": 2026, "ownerId": owner});
        let made = self.run("create_programme", json!({"input": input})).await;
        let programme = text(&made["createProgramme"]["programme"]["id"]);
        let at = |minutes| (now() + TimeDelta::minutes(minutes)).to_rfc3339();
        let input = json!({
            "programmeId": programme, "title": "开幕式", "venue": "温州大剧院", "capacity": capacity,
            "categories": [{"name": "企业家"}],
            "sessions": [{"title": "开幕式", "startsAt": at(30), "endsAt": at(180)}],
        });
        let made = self.run("create_activity", json!({"input": input})).await;
        let activity = &made["createActivity"]["activity"];
        let festival = Festival {
            programme,
            activity: text(&activity["id"]),
            session: text(&activity["sessions"][0]["id"]),
        };
        let input = json!({"activityId": festival.activity});
        let published = self.run("publish_activity", json!({"input": input})).await;
        assert_eq!(published["publishActivity"]["activity"]["status"], "PUBLISHED");
        festival
    }

    /// Uploads and stages a list; the batch.
    pub async fn stage(
        &self,
        festival: &Festival,
        name: &str,
        content: impl Into<Vec<u8>>,
    ) -> Value {
        let upload = self.upload(name, content).await;
        let input = json!({
            "activityId": festival.activity, "uploadId": upload, "profile": "EVENT",
            "eventDate": "2019-11-01",
        });
        let mut staged = self.run("stage_roster", json!({"input": input})).await;
        assert_eq!(staged["stageRoster"]["userErrors"], json!([]));
        staged["stageRoster"]["batch"].take()
    }

    /// Commits a staged list; the batch.
    pub async fn commit(&self, batch: &Value) -> Value {
        let input = json!({"batchId": batch["id"], "category": "企业家"});
        let mut done = self.run("commit_roster", json!({"input": input})).await;
        assert_eq!(done["commitRoster"]["userErrors"], json!([]));
        done["commitRoster"]["batch"].take()
    }

    /// All nodes of a connection, page by page. The document takes `$id` and `$after`; `at` leads to the connection.
    pub async fn all(&self, document: &str, id: &str, at: &str) -> Vec<Value> {
        let (mut nodes, mut after) = (Vec::new(), Value::Null);
        loop {
            let data = self.ask(document, json!({"id": id, "after": after})).await;
            let page = data.pointer(at).unwrap_or_else(|| panic!("{data}"));
            nodes.extend(page["nodes"].as_array().unwrap().iter().cloned());
            if page["pageInfo"]["hasNextPage"] == false {
                return nodes;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    }

    /// The registrations of an activity.
    pub async fn registrations(&self, festival: &Festival) -> Vec<Value> {
        let document = "query($id: ID!, $after: String) { activity(id: $id) { registrations(first: 100, after: $after) {
            nodes { id status ticketCode person { id name phone } attendances { status firstInAt } }
            pageInfo { hasNextPage endCursor } } } }";
        self.all(document, &festival.activity, "/activity/registrations").await
    }

    /// Every scan of a session.
    pub async fn scans(&self, festival: &Festival) -> Vec<Value> {
        let document = "query($id: ID!, $after: String) { session(id: $id) { scans(first: 100, after: $after) {
            nodes { id scanId outcome scannedAt gate } pageInfo { hasNextPage endCursor } } } }";
        self.all(document, &festival.session, "/session/scans").await
    }

    /// Every attendance of a session.
    pub async fn attendances(&self, festival: &Festival) -> Vec<Value> {
        let document = "query($id: ID!, $after: String) { session(id: $id) { attendances(first: 100, after: $after) {
            nodes { id status firstInAt firstGate registration { id } } pageInfo { hasNextPage endCursor } } } }";
        self.all(document, &festival.session, "/session/attendances").await
    }

    /// How a session stands.
    pub async fn summary(&self, festival: &Festival) -> Value {
        let input = json!({"sessionId": festival.session});
        self.run("attendance_summary", input).await["session"]["summary"].take()
    }
}

pub fn text(it: &Value) -> String {
    it.as_str().unwrap_or_else(|| panic!("not a text: {it}")).to_owned()
}

pub fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"))
}
