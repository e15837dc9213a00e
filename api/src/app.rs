//! What lives as long as the server does, and is shared by all requests.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use tokio::sync::{Notify, Semaphore};

use crate::{
    attendance::door::Door,
    attendee::sender::CodeSender,
    authn::Keys,
    authz::recognised::Recognised,
    channel::Channels,
    config::Config,
    connector::Providers,
    db::Db,
    http::{Documents, Rates},
    live::Live,
    metrics::Metrics,
    person::name::{CollationMissing, Namer},
    schema::QinglanSchema,
    vault::Vault,
};

/// Tells the time. Tests bring their own.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What keeps a server from starting.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    #[error(transparent)]
    Collation(#[from] CollationMissing),
    #[error("{0}")]
    Channels(String),
    #[error("cannot read the data keys: {0}")]
    Vault(#[from] std::io::Error),
    #[error("{0}")]
    Documents(String),
    #[error("{0}")]
    Providers(String),
}

pub struct App {
    pub config: Config,
    pub db: Db,
    pub keys: Keys,
    /// What is kept sealed.
    pub vault: Arc<Vault>,
    pub namer: Namer,
    pub schema: QinglanSchema,
    /// What clients name instead of sending it.
    pub documents: Documents,
    /// How often who has asked lately.
    pub rates: Rates,
    pub metrics: Metrics,
    /// How one-time codes get to their phones.
    pub codes: Box<dyn CodeSender>,
    pub channels: Channels,
    /// The other systems by which people sign in.
    pub providers: Providers,
    /// What changes while the server runs, here and at others.
    pub live: Arc<Live>,
    /// Who was recognised a moment ago.
    pub recognised: Recognised,
    /// Where scans wait to be taken together.
    pub door: Arc<Door>,
    clock: Clock,
    /// Rung after every write, since it may have asked for a job.
    pub bell: Notify,
    /// Hashing a password takes 19 MiB and tens of milliseconds: two at a time.
    pub hashing: Semaphore,
    /// Reading a list takes memory: one at a time, the others wait.
    pub reading: Semaphore,
    /// An upload is held in memory until it is whole: four at a time, the others wait.
    pub uploading: Semaphore,
    /// A workbook takes a thread and a temporary file: two at a time, the others wait.
    pub writing: Semaphore,
    /// Verifying the audit log reads all of it: one at a time, the others wait.
    pub verifying: Semaphore,
    /// A document is set in memory, by a thread that it keeps busy: one at a time, the others wait.
    pub setting: Semaphore,
}

impl App {
    pub fn new(
        config: Config,
        db: Db,
        keys: Keys,
        clock: Clock,
        codes: Box<dyn CodeSender>,
    ) -> Result<Arc<Self>, Unready> {
        let channels = Channels::open(&config).map_err(Unready::Channels)?;
        let providers = Providers::open(
            config.accounts.sign_in_providers.as_deref(),
            !config.outside.production,
            config.send_timeout(),
        )
        .map_err(Unready::Providers)?;
        let vault = Vault::load(&config.data_key())?;
        let schema = crate::schema::build(&config);
        let documents = Documents::open(&config.outside).map_err(Unready::Documents)?;
        let rates = Rates::new(&config.outside);
        let live = Arc::new(Live::new(db.shared().is_some()));
        Ok(Arc::new(Self {
            config,
            db,
            keys,
            vault,
            namer: Namer::new()?,
            schema,
            documents,
            rates,
            metrics: Metrics::default(),
            codes,
            channels,
            providers,
            recognised: Recognised::default(),
            door: Arc::new(Door::new(live.clone())),
            live,
            clock,
            bell: Notify::new(),
            hashing: Semaphore::new(2),
            reading: Semaphore::new(1),
            uploading: Semaphore::new(4),
            writing: Semaphore::new(2),
            verifying: Semaphore::new(1),
            setting: Semaphore::new(1),
        }))
    }

    /// The time, in microseconds: what both databases keep.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.clock)().trunc_subsecs(6)
    }
}
