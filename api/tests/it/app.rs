//! The service as tests drive it: the real router in process, on a database of the test's own.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
};

use api::{
    account::{
        self,
        grant::Over,
        sign_in::{Origin, Times},
    },
    app::App,
    attendee::sender::CodeSender,
    audit::chain::{self, Seal},
    authn::{Keys, Tokens},
    config::Config,
    db::Db,
    error::{Error, Failure},
    graphql::Gid,
    http, organisation,
};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use clap::Parser;
use entity::{
    id::{AccountId, OrganisationId},
    role_grant::Role,
};
use sea_orm::{ConnectionTrait, Database, DatabaseTransaction, DbBackend, Statement};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

/// A password that all test accounts have.
pub const PASSWORD: &str = "correct horse battery";

/// Runs a test on SQLite and on PostgreSQL, each with a database of its own.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident) $body:block)*) => {$(
        async fn $name($app: $crate::app::TestApp) $body

        mod $name {
            mod sqlite {
                $(#[$meta])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn run() {
                    super::super::$name($crate::app::TestApp::sqlite().await).await;
                }
            }

            mod postgres {
                $(#[$meta])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn run() {
                    super::super::$name($crate::app::TestApp::postgres().await).await;
                }
            }
        }
    )*};
}
pub(crate) use on_both;

/// A service with one root organisation and one administrator of it.
pub struct TestApp {
    pub app: Arc<App>,
    pub router: Router,
    pub url: String,
    /// The root organisation.
    pub root: OrganisationId,
    admin: Client,
    clock: Arc<Mutex<DateTime<Utc>>>,
    codes: Codes,
    folder: Arc<TempDir>,
    next: AtomicU32,
}

/// Phones that get their codes at once.
#[derive(Clone, Default)]
pub struct Codes(Arc<Mutex<Vec<(String, String)>>>);

impl CodeSender for Codes {
    fn send<'a>(
        &'a self,
        phone: &'a str,
        code: &'a str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        self.0.lock().unwrap().push((phone.to_owned(), code.to_owned()));
        Box::pin(async { Ok(()) })
    }
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

/// As flags say. Tests ask as often as they like, unless it is that which they are about.
fn configured(url: &str, folder: &Path, flags: &[&str]) -> Config {
    let data_dir = folder.display().to_string();
    let fixed = ["test", "--database-url", url, "--data-dir", &data_dir];
    let mut config = Flags::parse_from(fixed.iter().chain(flags)).config;
    if !flags.iter().any(|it| it.starts_with("--requests-per-")) {
        let outside = &mut config.outside;
        for limit in [
            &mut outside.requests_per_account,
            &mut outside.requests_per_door,
            &mut outside.requests_per_address,
        ] {
            *limit = 0;
        }
    }
    config
}

impl TestApp {
    /// On an SQLite file of its own.
    pub async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        Self::on(url, folder, &[]).await
    }

    /// On a PostgreSQL database of its own.
    pub async fn postgres() -> Self {
        Self::on(postgres_database().await, TempDir::new().unwrap(), &[]).await
    }

    /// On SQLite, with flags of the command line.
    pub async fn with_flags(flags: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        Self::on(url, folder, flags).await
    }

    async fn on(url: String, folder: TempDir, flags: &[&str]) -> Self {
        let config = configured(&url, folder.path(), flags);
        let seal = Seal::load(config.audit_key.as_deref(), folder.path()).unwrap();
        let db = Db::connect(&url, seal).await.unwrap();
        db.migrate().await.unwrap();
        chain::begin(&db).await.unwrap();
        let keys = Keys::load(folder.path(), &config.public_url).unwrap();
        let clock = Arc::new(Mutex::new(Utc.with_ymd_and_hms(2026, 11, 1, 1, 0, 0).unwrap()));
        let told = clock.clone();
        let codes = Codes::default();
        let app = App::new(
            config,
            db,
            keys,
            Arc::new(move || *told.lock().unwrap()),
            Box::new(codes.clone()),
        )
        .unwrap();
        let router = http::router(app.clone());
        let admin = Client { router: router.clone(), token: None, account: AccountId::generate() };
        let mut it = Self {
            app,
            router,
            url,
            root: OrganisationId::generate(),
            admin,
            clock,
            codes,
            folder: Arc::new(folder),
            next: AtomicU32::new(0),
        };
        it.root = it.make_root().await;
        it.admin = it.account(Role::OrgAdmin, Over::Organisation(it.root)).await;
        it
    }

    async fn make_root(&self) -> OrganisationId {
        let mut made = None;
        let now = self.now();
        let done: Result<(), Error<account::AccountErrorCode>> = self
            .app
            .db
            .by_command("Test", now, async |tx| {
                made = Some(organisation::ensure_root(tx, "温州市工商业联合会", now).await?.id);
                Ok(AccountId::generate())
            })
            .await;
        done.unwrap();
        made.unwrap()
    }

    /// A new account with one role, signed in.
    pub async fn account(&self, role: Role, over: Over) -> Client {
        let client = self.bare_account().await;
        let now = self.now();
        let done: Result<(), Error<account::AccountErrorCode>> = self
            .app
            .db
            .by_command("Test", now, async |tx| {
                account::grant::insert(tx, client.account, role, over, None, None, now).await?;
                Ok(client.account)
            })
            .await;
        done.unwrap();
        client
    }

    /// A new account without any role, signed in.
    pub async fn bare_account(&self) -> Client {
        // The hash of PASSWORD with the least parameters: hashing is not what these tests are about.
        let hash = weak_hash();
        let mut made = None;
        let now = self.now();
        let name = format!("user{}", self.next.fetch_add(1, Ordering::Relaxed));
        let done: Result<(), Error<account::AccountErrorCode>> = self
            .app
            .db
            .by_command("Test", now, async |tx| {
                let row = account::insert(tx, name, hash, self.root, None, now).await?;
                let tokens = self.open(tx, row.id).await?;
                made = Some((row.id, tokens.access_token));
                Ok(row.id)
            })
            .await;
        done.unwrap();
        let (account, token) = made.unwrap();
        Client { router: self.router.clone(), token: Some(token), account }
    }

    /// An ORG_ADMIN of the root.
    pub fn organiser(&self) -> &Client {
        &self.admin
    }

    /// The same somebody, signed in anew: an access token is good for fifteen minutes.
    pub async fn anew(&self, client: &Client) -> Client {
        let tokens = self.by_hand(async |tx| self.open(tx, client.account).await).await;
        Client { token: Some(tokens.access_token), ..client.clone() }
    }

    /// Opens a sign-in without asking for a password.
    async fn open(&self, tx: &DatabaseTransaction, id: AccountId) -> Result<Tokens, Failure> {
        let (keys, times) = (&self.app.keys, Times::from(&self.app.config.accounts));
        let from = Origin::default();
        Ok(account::sign_in::public_open(tx, keys, id, from, times, self.now()).await?.0)
    }

    /// Nobody.
    pub fn anonymous(&self) -> Client {
        Client { router: self.router.clone(), token: None, account: AccountId::generate() }
    }

    pub fn now(&self) -> DateTime<Utc> {
        *self.clock.lock().unwrap()
    }

    /// The clock, to be set.
    pub fn clock(&self) -> MutexGuard<'_, DateTime<Utc>> {
        self.clock.lock().unwrap()
    }

    /// Runs every job that is due, until none is; how many those were.
    pub async fn work(&self) -> usize {
        api::job::run::work(&self.app).await.unwrap()
    }

    /// Another server on the same database.
    pub async fn second(&self) -> Arc<App> {
        let db = Db::connect(&self.url, self.app.db.seal().clone()).await.unwrap();
        let keys = Keys::load(self.folder.path(), &self.app.config.public_url).unwrap();
        let told = self.clock.clone();
        let clock = Arc::new(move || *told.lock().unwrap());
        App::new(self.app.config.clone(), db, keys, clock, Box::new(self.codes.clone())).unwrap()
    }

    /// The same service with flags of the command line: on the same database, by the same clock.
    pub async fn with(&self, flags: &[&str]) -> Self {
        let config = self.configured(flags);
        let db = Db::connect(&self.url, self.app.db.seal().clone()).await.unwrap();
        let keys = Keys::load(self.folder.path(), &config.public_url).unwrap();
        let told = self.clock.clone();
        let clock = Arc::new(move || *told.lock().unwrap());
        let app = App::new(config, db, keys, clock, Box::new(self.codes.clone())).unwrap();
        let router = http::router(app.clone());
        Self {
            codes: self.codes.clone(),
            admin: Client { router: router.clone(), ..self.admin.clone() },
            app,
            router,
            url: self.url.clone(),
            root: self.root,
            clock: self.clock.clone(),
            folder: self.folder.clone(),
            next: AtomicU32::new(self.next.load(Ordering::Relaxed) + 1000),
        }
    }

    /// What flags of the command line would configure here.
    pub fn configured(&self, flags: &[&str]) -> Config {
        configured(&self.url, self.folder.path(), flags)
    }

    /// Does something in a transaction, asking nobody.
    pub async fn by_hand<T>(
        &self,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, Failure>,
    ) -> T {
        let mut made = None;
        let done: Result<(), Error<account::AccountErrorCode>> = self
            .app
            .db
            .by_command("Test", self.now(), async |tx| {
                made = Some(work(tx).await?);
                Ok(AccountId::generate())
            })
            .await;
        done.unwrap();
        made.unwrap()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn root_id(&self) -> String {
        Gid(self.root).to_string()
    }

    /// The codes that were sent, each with its phone.
    pub fn codes(&self) -> Vec<(String, String)> {
        self.codes.0.lock().unwrap().clone()
    }

    #[expect(clippy::unused_self, reason = "reads as the app's")]
    pub fn uuid(&self) -> String {
        entity::id::ScanId::generate().0.to_string()
    }

    /// One number of the database, by SQL.
    pub async fn count(&self, sql: &str) -> i64 {
        let backend =
            if self.url.starts_with("sqlite") { DbBackend::Sqlite } else { DbBackend::Postgres };
        let row = self
            .app
            .db
            .read()
            .query_one_raw(Statement::from_string(backend, sql))
            .await
            .unwrap()
            .unwrap();
        row.try_get_by_index::<i64>(0).unwrap()
    }

    /// A published activity of a festival with one session that begins in half an hour.
    pub async fn festival(
        &self,
        capacity: Option<i32>,
        categories: &[(&str, Option<i32>)],
    ) -> Festival {
        let owner = self.root_id();
        let programme = self
            .organiser()
            .run("create_programme", json!({"input": {"kind": "FESTIVAL", "title": "民营企业家节", "year": 2026, "ownerId": owner}}))
            .await["createProgramme"]["programme"]["id"]
            .take();
        let at = |minutes| (self.now() + TimeDelta::minutes(minutes)).to_rfc3339();
        let categories: Vec<Value> = categories
            .iter()
            .map(|(name, capacity)| json!({"name": name, "capacity": capacity}))
            .collect();
        let input = json!({
            "programmeId": programme, "title": "开幕式", "venue": "温州大剧院", "capacity": capacity, "categories": categories,
            "sessions": [{"title": "开幕式", "startsAt": at(30), "endsAt": at(180)}],
        });
        let mut made = self.organiser().run("create_activity", json!({"input": input})).await;
        let activity = made["createActivity"]["activity"].take();
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        let festival = Festival {
            programme: text(&programme),
            activity: text(&activity["id"]),
            session: text(&activity["sessions"][0]["id"]),
        };
        self.organiser()
            .run("publish_activity", json!({"input": {"activityId": festival.activity}}))
            .await;
        festival
    }
}

/// The ids of an activity that a test works on.
#[derive(Clone)]
pub struct Festival {
    pub programme: String,
    pub activity: String,
    pub session: String,
}

/// A registration that a test works on.
#[derive(Debug)]
pub struct Ticket {
    pub registration: String,
    pub code: String,
    pub status: String,
}

impl Festival {
    pub async fn register(&self, app: &TestApp, name: &str, phone: &str) -> Ticket {
        let input = json!({"activityId": self.activity, "person": {"name": name, "phone": phone}});
        let made = app.organiser().run("register_attendee", json!({"input": input})).await;
        let it = &made["registerAttendee"]["registration"];
        let text = |it: &Value| it.as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        Ticket {
            registration: text(&it["id"]),
            code: text(&it["ticketCode"]),
            status: text(&it["status"]),
        }
    }

    /// How many seats are held, by the API.
    pub async fn seats_taken(&self, app: &TestApp) -> i64 {
        let document = "query($id: ID!) { activity(id: $id) { seatsTaken } }";
        app.organiser().ask(document, json!({"id": self.activity})).await["activity"]["seatsTaken"]
            .as_i64()
            .unwrap()
    }
}

/// Somebody who sends requests.
#[derive(Clone)]
pub struct Client {
    pub router: Router,
    pub token: Option<String>,
    pub account: AccountId,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }
}

impl Client {
    /// Runs one of the documents in `operations/`; the data, which must come without errors.
    pub async fn run(&self, operation: &str, variables: Value) -> Value {
        self.ask(&document(operation), variables).await
    }

    /// Runs a document; the data, which must come without errors.
    pub async fn ask(&self, document: &str, variables: Value) -> Value {
        let mut answer = self.send(document, variables).await;
        assert!(answer.get("errors").is_none(), "{answer}\n{document}");
        answer["data"].take()
    }

    /// Runs a document; the code of its first error, which must be there.
    pub async fn fail(&self, document: &str, variables: Value) -> String {
        let answer = self.send(document, variables).await;
        let code = answer["errors"][0]["extensions"]["code"].as_str();
        code.unwrap_or_else(|| panic!("no error: {answer}")).to_owned()
    }

    /// Runs a document; the whole answer.
    pub async fn send(&self, document: &str, variables: Value) -> Value {
        let body = json!({"query": document, "variables": variables}).to_string();
        let request = Request::post("/graphql").header("content-type", "application/json");
        self.request(request, body.into()).await.json()
    }

    /// Sends any request, with the client's token.
    pub async fn request(&self, mut request: axum::http::request::Builder, body: Body) -> Answer {
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Uploads a file; its id.
    pub async fn upload(&self, name: &str, content: &[u8]) -> String {
        let request = Request::post("/uploads")
            .header("content-disposition", format!("attachment; filename=\"{name}\""));
        let answer = self.request(request, content.to_vec().into()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
        answer.json()["id"].as_str().unwrap().to_owned()
    }
}

/// A document of `operations/` by its name.
pub fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/operations")
        .join(format!("{name}.graphql"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn weak_hash() -> String {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    let params = Params::new(8, 1, 1, None).unwrap();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(PASSWORD.as_bytes())
        .unwrap()
        .to_string()
}

/// A new database on the server of the tests, with all tables.
pub async fn postgres_database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    #[expect(clippy::disallowed_methods, reason = "the tests' own configuration")]
    let server = std::env::var("TEST_DATABASE_URL").expect(
        "TEST_DATABASE_URL is not set: run the tests by `make test`, or without PostgreSQL by `SKIP_POSTGRES=1 make test`",
    );
    let template = template_name();
    let name =
        format!("qinglan_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let connection = Database::connect(&server).await.unwrap();
    // One at a time: a template must not be in use while it is copied.
    let guard = sea_orm::TransactionTrait::begin(&connection).await.unwrap();
    guard.execute_unprepared("SELECT pg_advisory_xact_lock(7466322)").await.unwrap();
    let found = Statement::from_string(
        DbBackend::Postgres,
        format!("SELECT 1 FROM pg_database WHERE datname = '{template}'"),
    );
    if connection.query_one_raw(found).await.unwrap().is_none() {
        let draft = format!("{template}_draft");
        connection.execute_unprepared(&format!("DROP DATABASE IF EXISTS {draft}")).await.unwrap();
        connection.execute_unprepared(&format!("CREATE DATABASE {draft}")).await.unwrap();
        let seal = Seal::load(None, TempDir::new().unwrap().path()).unwrap();
        let db = Db::connect(&beside(&server, &draft), seal).await.unwrap();
        db.migrate().await.unwrap();
        db.close().await;
        connection
            .execute_unprepared(&format!("ALTER DATABASE {draft} RENAME TO {template}"))
            .await
            .unwrap();
    }
    connection.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
    connection
        .execute_unprepared(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
        .await
        .unwrap();
    guard.commit().await.unwrap();
    connection.close().await.unwrap();
    beside(&server, &name)
}

/// The address of another database on the same server.
fn beside(server: &str, name: &str) -> String {
    let (base, query) =
        server.split_once('?').map_or((server, None), |(base, query)| (base, Some(query)));
    let host_ends = base.find("://").map_or(0, |at| at + 3);
    let path = base[host_ends..].find('/').map_or(base.len(), |at| at + host_ends);
    format!("{}/{name}{}", &base[..path], query.map(|it| format!("?{it}")).unwrap_or_default())
}

/// A template is as good as the migrations it was made by.
fn template_name() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migration/src");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        std::fs::read(file).unwrap().hash(&mut hasher);
    }
    format!("qinglan_template_{:016x}", hasher.finish())
}
