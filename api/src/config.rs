//! The environment and the flags, read once. Nothing else reads the environment.

mod accounts;
mod outside;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use axum::http::Uri;
use clap::Args;

pub use self::{accounts::Accounts, outside::Outside};
use crate::channel::Hours;

/// What the service is told at its start. Each is a flag and a variable of the environment.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Where the data are: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME`.
    /// Default: an SQLite file, qinglan.db, in the data directory.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,

    /// Where the embedded database and the keys are kept.
    #[arg(long, env = "QINGLAN_DATA_DIR", default_value = "./data", global = true)]
    pub data_dir: PathBuf,

    /// A file with the key of the audit log, of at least 32 bytes, which everybody who serves this database must use. Default:
    /// audit-key in the data directory, made at the first start. With another key the log does not verify.
    #[arg(long, env = "QINGLAN_AUDIT_KEY", global = true)]
    pub audit_key: Option<PathBuf>,

    /// For how many days audit events are kept, from 190 to 36,500.
    #[arg(long, env = "QINGLAN_AUDIT_DAYS", default_value_t = 1095, value_parser = clap::value_parser!(u32).range(190..=36_500), global = true)]
    pub audit_days: u32,

    /// After how many days without use an account goes out of use, from 1 to 3650; 0 for never.
    #[arg(long, env = "QINGLAN_STALE_DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(0..=3650), global = true)]
    pub stale_days: u32,

    /// The address and port to serve at.
    #[arg(long, env = "QINGLAN_LISTEN", default_value = "127.0.0.1:8000", global = true)]
    pub listen: SocketAddr,

    /// The address by which others reach this service; it is the issuer of its tokens.
    #[arg(long, env = "QINGLAN_PUBLIC_URL", default_value = "http://127.0.0.1:8000", value_parser = public_url, global = true)]
    pub public_url: String,

    /// What is logged, as in `info` or `warn,api=debug`.
    #[arg(long, env = "QINGLAN_LOG", default_value = "info,sqlx=warn,sea_orm_migration=warn", value_parser = log_filter, global = true)]
    pub log: String,

    /// The name of the root organisation, used when it is made.
    #[arg(long, env = "QINGLAN_ORGANISATION", default_value = "温州市工商业联合会", value_parser = clap::builder::NonEmptyStringValueParser::new(), global = true)]
    pub organisation: String,

    #[command(flatten)]
    pub outside: Outside,

    /// The longest a request may take, in seconds, from 1 to 600. Uploads have as long again to arrive.
    #[arg(long, env = "QINGLAN_REQUEST_TIMEOUT", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600), global = true)]
    pub request_timeout: u64,

    /// How often a WebSocket is asked for a sign of life, in seconds, from 1 to 60. Whoever gives none until the next time
    /// is let go.
    #[arg(long, env = "QINGLAN_SOCKET_PING", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=60), global = true)]
    pub socket_ping: u64,

    /// How many background jobs this server does at once, from 0 to 64; 0 leaves them to other servers.
    #[arg(long, env = "QINGLAN_JOB_WORKERS", default_value_t = 4, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(0..=64), global = true)]
    pub job_workers: usize,

    /// How often this server looks for jobs that are due, in milliseconds, from 10 to 60,000. What it asked for itself
    /// it begins at once.
    #[arg(long, env = "QINGLAN_JOB_POLL", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(10..=60_000), global = true)]
    pub job_poll: u64,

    /// After how many seconds without a sign of life another server takes over a job, from 1 to 3600. The clocks of all
    /// servers on one database must agree to within a fraction of it.
    #[arg(long, env = "QINGLAN_JOB_LEASE", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600), global = true)]
    pub job_lease: u64,

    /// A folder with the fonts of PDF documents, all of which are used: Noto Sans CJK and Noto Serif CJK, and others with
    /// the rare characters of names. Default: the known ones where a system keeps its fonts.
    #[arg(long, env = "QINGLAN_FONTS_DIR", global = true)]
    pub fonts_dir: Option<PathBuf>,

    /// A JSON file that says how the SMS gateway is asked; see docs/telling.md. Without it no short message is sent.
    #[arg(long, env = "QINGLAN_SMS_GATEWAY", global = true)]
    pub sms_gateway: Option<PathBuf>,

    /// The mail server: `smtps://USER:PASSWORD@HOST`, `smtp://…` with STARTTLS, or `smtp://HOST?tls=none`. Without it no
    /// mail is sent.
    #[arg(long, env = "QINGLAN_SMTP_URL", hide_env_values = true, global = true)]
    pub smtp_url: Option<String>,

    /// Whom mails are from, as in `温州市工商联 <noreply@example.org>`.
    #[arg(long, env = "QINGLAN_MAIL_FROM", global = true)]
    pub mail_from: Option<String>,

    /// When short messages and mails are sent, by the clock of the activity's own zone.
    #[arg(long, env = "QINGLAN_SENDING_HOURS", default_value = "08:00-22:00", value_parser = Hours::read, global = true)]
    pub sending_hours: Hours,

    /// How long a gateway, a mail server or a web-hook may take to answer, in seconds, from 1 to 120.
    #[arg(long, env = "QINGLAN_SEND_TIMEOUT", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=120), global = true)]
    pub send_timeout: u64,

    /// The file of the keys by which ID numbers and uploaded files are sealed; see docs/keys.md. All servers on one database
    /// have the same file. Default: data-keys in the data directory, made at the first start.
    #[arg(long, env = "QINGLAN_DATA_KEY", global = true)]
    pub data_key: Option<PathBuf>,

    /// How many rows one may take out with phones and ID numbers whole without somebody else's approval.
    #[arg(long, env = "QINGLAN_UNMASKED_ROWS", default_value_t = 200, global = true)]
    pub unmasked_rows: u64,

    /// Whether web-hooks may be at private addresses and without TLS, as within one's own network.
    #[arg(long, env = "QINGLAN_WEBHOOKS_PRIVATE", default_value_t = false, action = clap::ArgAction::Set, global = true)]
    pub webhooks_private: bool,

    /// The page that a person's own link opens (the variable 链接 of messages); `{code}` stands for the ticket code.
    /// Default: /r/{code} at the public address.
    #[arg(long, env = "QINGLAN_TICKET_LINK", global = true)]
    pub ticket_link: Option<String>,

    /// The page that shows a notice (the variable 告知书 of messages), which it gets by `publicNotice`; `{version}` stands
    /// for the notice's version. Default: /n/{version} at the public address.
    #[arg(long, env = "QINGLAN_NOTICE_LINK", global = true)]
    pub notice_link: Option<String>,

    /// The page that the code of a session's display opens, by which people check themselves in; `{session}` stands for
    /// the session's id and `{code}` for the code. Default: /s/{session}?c={code} at the public address.
    #[arg(long, env = "QINGLAN_SELF_CHECK_IN_LINK", global = true)]
    pub self_check_in_link: Option<String>,

    /// A JSON file that says how the gateway for one-time codes is asked, in the form of QINGLAN_SMS_GATEWAY's (see
    /// docs/telling.md): `{{text}}` stands for the code alone. Without it codes are only logged.
    #[arg(long, env = "QINGLAN_CODE_GATEWAY", global = true)]
    pub code_gateway: Option<PathBuf>,

    /// How many one-time codes may be asked for from one address in an hour; 0 for any number. Behind a proxy all
    /// requests come from the proxy's address: set it to 0, and limit there. With 0, wrong codes of those who check
    /// themselves in are not counted by address either.
    #[arg(long, env = "QINGLAN_CODES_PER_ADDRESS", default_value_t = 30, global = true)]
    pub codes_per_address: u64,

    #[command(flatten)]
    pub accounts: Accounts,
}

impl Config {
    /// The database to use: the one named, or the embedded one in the data directory.
    #[must_use]
    pub fn database_url(&self) -> String {
        match &self.database_url {
            Some(url) => url.clone(),
            None => format!("sqlite://{}", self.data_dir.join("qinglan.db").display()),
        }
    }

    /// The file of the keys by which data are sealed.
    #[must_use]
    pub fn data_key(&self) -> PathBuf {
        self.data_key.clone().unwrap_or_else(|| self.data_dir.join("data-keys"))
    }

    /// Whether the database is one that can be used. The value is not repeated, since it may hold a password.
    pub fn check_database_url(&self) -> Result<(), &'static str> {
        let known = ["sqlite://", "postgres://", "postgresql://"];
        match &self.database_url {
            Some(url) if !known.iter().any(|it| url.starts_with(it)) => {
                Err("DATABASE_URL is neither sqlite://PATH nor postgres://USER:PASSWORD@HOST/NAME")
            }
            _ => Ok(()),
        }
    }

    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout)
    }

    #[must_use]
    pub fn socket_ping(&self) -> Duration {
        Duration::from_secs(self.socket_ping)
    }

    #[must_use]
    pub fn send_timeout(&self) -> Duration {
        Duration::from_secs(self.send_timeout)
    }

    /// The page of the registration that has this ticket code; nothing where the code was revoked.
    #[must_use]
    pub fn ticket_link(&self, code: Option<&str>) -> String {
        let Some(code) = code else { return String::new() };
        match &self.ticket_link {
            Some(link) => link.replace("{code}", code),
            None => format!("{}/r/{code}", self.public_url),
        }
    }

    /// The page that shows this version of a notice.
    #[must_use]
    pub fn notice_link(&self, version: &str) -> String {
        match &self.notice_link {
            Some(link) => link.replace("{version}", version),
            None => format!("{}/n/{version}", self.public_url),
        }
    }

    /// The page by which people check themselves in at a session while this code is shown.
    #[must_use]
    pub fn self_check_in_link(&self, session: &str, code: &str) -> String {
        match &self.self_check_in_link {
            Some(link) => link.replace("{session}", session).replace("{code}", code),
            None => format!("{}/s/{session}?c={code}", self.public_url),
        }
    }

    #[must_use]
    pub fn job_poll(&self) -> Duration {
        Duration::from_millis(self.job_poll)
    }

    #[must_use]
    pub fn job_lease(&self) -> Duration {
        Duration::from_secs(self.job_lease)
    }
}

fn public_url(text: &str) -> Result<String, String> {
    let wrong = || "not an address such as https://qinglan.example.org, without a path".to_owned();
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    match (uri.scheme_str(), uri.host(), uri.path()) {
        (Some("http" | "https"), Some(host), "" | "/") if !host.is_empty() => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(wrong()),
    }
}

fn log_filter(text: &str) -> Result<String, String> {
    text.parse::<tracing_subscriber::filter::Targets>()
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}
