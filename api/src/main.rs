//! The command line: serve, migrate, demo, schema, admin, roster check.
#![forbid(unsafe_code)]

mod admin_command;
mod check_command;
mod key_command;

use std::{io::IsTerminal, path::PathBuf, process::ExitCode, sync::Arc};

use api::{
    account,
    app::App,
    attendee::sender::{self, CodeSender},
    audit::chain::{self, Seal},
    authn::{self, Keys},
    channel::sms::Gateway,
    config::Config,
    db::Db,
    demo, http, vault,
};
use chrono::{NaiveDate, Utc};
use clap::{Parser, Subcommand, ValueEnum};
use entity::role_grant::Role;
use indicatif::ProgressBar;
use sea_orm::ActiveEnum;
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 青蓝 Qinglan: the event and training service of a federation of industry and commerce.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(flatten)]
    config: Config,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API. Brings the tables up to date first; an empty database gets one administrator.
    Serve,
    /// Bring the tables up to date.
    Migrate,
    /// Fill an empty database with a year of a synthetic federation, the same each time.
    Demo,
    /// Count all seats anew from the registrations, and say which pools differ. Fails if any does.
    Recount,
    /// Work all attendance out anew from scans, leave and corrections, and say which stored rows and figures differ. Fails if
    /// any does.
    Recompute,
    /// Print the GraphQL schema.
    Schema,
    /// Look at the audit log.
    #[command(subcommand)]
    Audit(check_command::Audit),
    /// Look after accounts.
    #[command(subcommand)]
    Admin(admin_command::Admin),
    /// Look after keys; see docs/keys.md.
    #[command(subcommand)]
    Key(key_command::Key),
    /// Look at lists.
    #[command(subcommand)]
    Roster(Roster),
}

#[derive(Subcommand)]
enum Roster {
    /// Read a list and print what an import would say of it, as JSON. Needs no database.
    Check {
        file: PathBuf,
        #[arg(long, value_enum)]
        profile: Profile,
        /// The day that dates without a year are near to, as in 2019-11-01.
        #[arg(long)]
        event_date: NaiveDate,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Profile {
    Event,
    Class,
    Form,
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Schema => print(&api::schema::sdl()),
        Command::Roster(Roster::Check { file, profile, event_date }) => {
            check(&file, profile, event_date)
        }
        Command::Serve => run(serve(cli.config)),
        Command::Migrate => run(async move { connect(&cli.config).await.map(drop) }),
        Command::Recount => run(check_command::recount(cli.config)),
        Command::Recompute => run(check_command::recompute(cli.config)),
        Command::Audit(check_command::Audit::Verify) => run(check_command::verify(cli.config)),
        Command::Demo => run(fill(cli.config)),
        Command::Key(key) => run(look_after(cli.config, key)),
        Command::Admin(admin) => run(admin_command::run(cli.config, admin)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("qinglan: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // A resolver's futures are nested as deep as the merged roots; memory is only taken as far as it is used.
        .thread_stack_size(8 * 1024 * 1024)
        .build()?;
    runtime.block_on(task)
}

#[expect(clippy::unnecessary_wraps, reason = "the other commands can fail")]
fn print(text: &str) -> Outcome {
    print!("{text}");
    Ok(())
}

fn check(file: &std::path::Path, profile: Profile, event_date: NaiveDate) -> Outcome {
    let named = |error| format!("{}: {error}", file.display());
    let size = std::fs::metadata(file).map_err(named)?.len();
    if size > roster::MAX_BYTES as u64 {
        return Err(named(std::io::Error::other(both(roster::Unreadable::TooLarge))).into());
    }
    let bytes = std::fs::read(file).map_err(named)?;
    let profile = match profile {
        Profile::Event => roster::Profile::Event,
        Profile::Class => roster::Profile::Class,
        Profile::Form => roster::Profile::Form,
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let report = roster::read(&bytes, &name, &roster::Options::new(profile, event_date))
        .map_err(|why| format!("{}: {}", file.display(), both(why)))?;
    print(&(serde_json::to_string_pretty(&report)? + "\n"))
}

async fn look_after(config: Config, key: key_command::Key) -> Outcome {
    let path = config.data_key();
    if matches!(key, key_command::Key::Rotate) {
        return key_command::rotate(&path);
    }
    if matches!(key, key_command::Key::RotateSigning) {
        let keys = signing_keys(&config)?;
        return key_command::rotate_signing(&keys, connect(&config).await?, now()).await;
    }
    key_command::run(key, &path, connect(&config).await?, now()).await
}

fn both(why: roster::Unreadable) -> String {
    format!("[{}] {} {}", why.code(), why.message(roster::Lang::Zh), why.message(roster::Lang::En))
}

/// The database, with its tables brought up to date.
async fn connect(config: &Config) -> Result<Db, Box<dyn std::error::Error>> {
    config.check_database_url()?;
    let url = config.database_url();
    let seal = Seal::load(config.audit_key.as_deref(), &config.data_dir)
        .map_err(|error| format!("QINGLAN_AUDIT_KEY: cannot read the key: {error}"))?;
    let db = Db::connect(&url, seal)
        .await
        .map_err(|error| format!("DATABASE_URL: cannot open the database: {}", plain(&error)))?;
    db.migrate()
        .await
        .map_err(|error| format!("cannot bring the tables up to date: {}", plain(&error)))?;
    chain::begin(&db).await?;
    Ok(db)
}

/// What went wrong, without the names of error types.
fn plain(error: &sea_orm::DbErr) -> String {
    match error {
        sea_orm::DbErr::Custom(why) => why.clone(),
        other => other.to_string(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock that everything else is given")]
fn now() -> chrono::DateTime<Utc> {
    chrono::SubsecRound::trunc_subsecs(Utc::now(), 6)
}

fn log(config: &Config) -> Outcome {
    use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};
    let filter: tracing_subscriber::filter::Targets = config.log.parse()?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(api::log::Masked(std::io::stderr))
        .with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(lines).with(filter).init();
    Ok(())
}

/// The gateway for one-time codes, or the log where there is none.
fn code_sender(config: &Config) -> Result<Box<dyn CodeSender>, String> {
    let Some(path) = &config.code_gateway else {
        tracing::warn!(
            "no gateway for codes is set: they are written into the log and sent to nobody"
        );
        return Ok(Box::new(sender::Log));
    };
    let wrong = |why: String| format!("QINGLAN_CODE_GATEWAY: {}: {why}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Ok(Box::new(Gateway::read(&text, config.send_timeout()).map_err(wrong)?))
}

async fn serve(config: Config) -> Outcome {
    log(&config)?;
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|error| format!("{}: {error}", config.data_dir.display()))?;
    let db = connect(&config).await?;
    let keys = signing_keys(&config)?;
    keys.refresh(&db, now()).await.map_err(|_| {
        "the signing keys in the database were sealed by another token-key.der: all servers on one database have the same"
    })?;
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .map_err(|error| format!("cannot listen at {}: {error}", config.listen))?;
    let address = listener.local_addr()?;
    if !account::any(db.read()).await? {
        admin_command::first_administrator(&db, &config).await?;
    }
    let patience = config.request_timeout();
    let codes = code_sender(&config)?;
    let app = App::new(config, db.clone(), keys, Arc::new(now), codes)?;
    vault::check_keys(&app.db, &app.vault, now()).await?;
    let sealed = vault::seal_once(&app.db, &app.vault, now()).await?;
    if sealed > 0 {
        tracing::info!("{sealed} ID numbers and files were sealed that were kept plain");
    }
    let stop = stop_signal()?;
    tracing::info!("serving at http://{address}");
    api::housekeeping::begin(&app).await?;
    api::privacy::purge::begin(&app).await?;
    let stopping = CancellationToken::new();
    let jobs = tokio::spawn(api::job::run::run(app.clone(), stopping.clone(), patience));
    let keys = tokio::spawn(authn::keep_up(app.clone(), stopping.clone()));
    let silence = CancellationToken::new();
    let live = tokio::spawn(api::live::run(app.clone(), silence.clone()));
    let stop = async {
        stop.await;
        stopping.cancel();
    };
    http::serve(listener, http::router(app), stop, patience).await?;
    jobs.await?;
    keys.await?;
    // Last, since all that is done before is told.
    silence.cancel();
    live.await?;
    db.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Resolves when the process is asked to stop. Signals are listened to from the call on, not from the first poll, so
/// that whoever was told that it serves can stop it in order.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {},
                _ = interrupt.recv() => {},
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

async fn fill(config: Config) -> Outcome {
    log(&config)?;
    let db = connect(&config).await?;
    let password = admin_command::made_password()?;
    // Says nothing where standard error is no terminal.
    let progress = ProgressBar::new(0);
    let done = demo::fill(&db, &config.organisation, &password, now(), &progress).await;
    progress.finish_and_clear();
    let made = done.map_err(|error| said(&error))?;
    db.close().await;
    println!("The database holds a year of a synthetic federation. Sign in with one of these:");
    for it in &made {
        println!("  {:<10} {:<10} {}", it.username, it.role.to_value(), it.about);
    }
    println!("  password: {password}");
    println!("They all have this password, which is shown this once.");
    if !made.iter().any(|it| it.role == Role::OrgAdmin) {
        println!("The accounts that were there are as they were.");
    }
    println!("`qinglan serve` serves it at http://{}", config.listen);
    Ok(())
}

fn signing_keys(config: &Config) -> Result<Keys, String> {
    Keys::load(&config.data_dir, &config.public_url)
        .map_err(|error| format!("cannot read the signing key: {error}"))
}

fn said<C: api::error::Refusal>(error: &api::error::Error<C>) -> String {
    use api::error::{Error, Lang};
    match error {
        Error::Refused(all) => {
            let said = all.iter().map(|it| it.code.message(Lang::En).replace("{}", &it.about));
            said.collect::<Vec<_>>().join("; ")
        }
        Error::Failed(failure) => format!("{failure:?}"),
    }
}
