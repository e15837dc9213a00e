//! The command line: serve, migrate, demo, schema, admin, roster check.
#![forbid(unsafe_code)]

mod key_command;

use std::{
    io::{IsTerminal, Read},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use api::{
    account::{self, grant::Over},
    app::App,
    attendance,
    attendee::sender::{self, CodeSender},
    audit::{
        self,
        chain::{self, Seal},
    },
    authn::{self, Keys},
    capacity::recount,
    channel::sms::Gateway,
    config::Config,
    db::Db,
    demo,
    graphql::Gid,
    http,
    live::Notice,
    organisation, vault,
};
use chrono::{NaiveDate, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use entity::{id::OrganisationId, role_grant::Role};
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
    Audit(Audit),
    /// Look after accounts.
    #[command(subcommand)]
    Admin(Admin),
    /// Look after keys; see docs/keys.md.
    #[command(subcommand)]
    Key(key_command::Key),
    /// Look at lists.
    #[command(subcommand)]
    Roster(Roster),
}

#[derive(Subcommand)]
enum Audit {
    /// Say whether every audit event is as it was written, and of each chain the first link that is not: changed, removed or
    /// inserted. Fails if any is.
    Verify,
}

#[derive(Subcommand)]
enum Admin {
    /// Make an account with a role.
    Create(Create),
    /// Give an account a new password, which ends its sign-ins.
    ResetPassword(ResetPassword),
}

#[derive(Args)]
struct Create {
    /// 3 to 50 letters, digits, dots, dashes or underscores.
    #[arg(long)]
    username: String,
    #[arg(long, value_enum, default_value = "ORG_ADMIN")]
    role: RoleName,
    /// The id of the organisation that the role is over: `organisation_…`. The root if not given, made if there is none.
    #[arg(long)]
    scope: Option<String>,
    #[command(flatten)]
    password: Password,
}

#[derive(Args)]
struct ResetPassword {
    #[arg(long)]
    username: String,
    #[command(flatten)]
    password: Password,
}

#[derive(Args)]
struct Password {
    /// Read the password from standard input, up to the end of its first line. Otherwise one is made and printed.
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
enum RoleName {
    PlatformAdmin,
    SecurityAdmin,
    Auditor,
    OrgAdmin,
    Organiser,
    Liaison,
    DoorStaff,
    Viewer,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::PlatformAdmin => Self::PlatformAdmin,
            RoleName::SecurityAdmin => Self::SecurityAdmin,
            RoleName::Auditor => Self::Auditor,
            RoleName::OrgAdmin => Self::OrgAdmin,
            RoleName::Organiser => Self::Organiser,
            RoleName::Liaison => Self::Liaison,
            RoleName::DoorStaff => Self::DoorStaff,
            RoleName::Viewer => Self::Viewer,
        }
    }
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
        Command::Recount => run(recount(cli.config)),
        Command::Recompute => run(recompute(cli.config)),
        Command::Audit(Audit::Verify) => run(verify(cli.config)),
        Command::Demo => run(fill(cli.config)),
        Command::Key(key) => run(look_after(cli.config, key)),
        Command::Admin(Admin::Create(create)) => run(create_admin(cli.config, create)),
        Command::Admin(Admin::ResetPassword(reset)) => run(reset_password(cli.config, reset)),
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
        first_administrator(&db, &config).await?;
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

/// The first start makes somebody who can sign in, with a password that nobody else has.
async fn first_administrator(db: &Db, config: &Config) -> Outcome {
    let password = made_password()?;
    let made = make(db, config, "admin", Role::OrgAdmin, None, &password).await;
    match made {
        Ok(()) => {
            println!("The database was empty. Sign in as administrator:");
            println!("  username: admin");
            println!("  password: {password}");
            println!(
                "It is shown this once. `qinglan admin reset-password --username admin` makes another."
            );
            Ok(())
        }
        // Another server on the same database was quicker.
        Err(_) if account::any(db.read()).await? => Ok(()),
        Err(error) => Err(error),
    }
}

async fn fill(config: Config) -> Outcome {
    log(&config)?;
    let db = connect(&config).await?;
    let password = made_password()?;
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

async fn recount(config: Config) -> Outcome {
    let db = connect(&config).await?;
    let differences = recount::recount_all(&db, None).await?;
    db.close().await;
    for recount::Difference { pool, taken, held } in &differences {
        println!(
            "{}: {} seats taken, {taken} counted; {} set aside, {held} counted",
            Gid(pool.id),
            pool.taken,
            pool.held
        );
    }
    match differences.len() {
        0 => {
            println!("all pools say what the registrations do");
            Ok(())
        }
        wrong => Err(format!("{wrong} pools do not say what the registrations do").into()),
    }
}

async fn recompute(config: Config) -> Outcome {
    let db = connect(&config).await?;
    let differences = attendance::recompute::recompute(&db).await?;
    db.close().await;
    for it in &differences {
        println!("{it:?}");
    }
    match differences.len() {
        0 => {
            println!("all attendance is what scans, leave and corrections say");
            Ok(())
        }
        wrong => Err(format!("{wrong} rows or figures are not what is on record").into()),
    }
}

async fn verify(config: Config) -> Outcome {
    let db = connect(&config).await?;
    let report = audit::verify::verify(&db).await?;
    db.close().await;
    for it in &report.broken {
        println!("{it}");
    }
    match report.broken.len() {
        0 => {
            println!("all {} events are as they were written", report.events);
            Ok(())
        }
        wrong => Err(format!("the audit log is broken in {wrong} chains").into()),
    }
}

fn signing_keys(config: &Config) -> Result<Keys, String> {
    Keys::load(&config.data_dir, &config.public_url)
        .map_err(|error| format!("cannot read the signing key: {error}"))
}

async fn create_admin(config: Config, create: Create) -> Outcome {
    let db = connect(&config).await?;
    let (password, made_here) = password(create.password)?;
    make(&db, &config, &create.username, create.role.into(), create.scope.as_deref(), &password)
        .await?;
    println!("account: {}", create.username);
    if made_here {
        println!("password: {password}");
    }
    db.close().await;
    Ok(())
}

async fn make(
    db: &Db,
    config: &Config,
    username: &str,
    role: Role,
    scope: Option<&str>,
    password: &str,
) -> Outcome {
    let username = account::clean_username(username)
        .ok_or("a username is 3 to 50 letters, digits, dots, dashes or underscores")?;
    refuse_password(config, password, &username, &[role])?;
    let scope = match scope {
        None => None,
        Some(text) => {
            let id = Gid::<OrganisationId>::decode(text).map(|it| it.0);
            Some(id.ok_or_else(|| format!("{text} is not the id of an organisation"))?)
        }
    };
    let hash = authn::hash_password_now(password)?;
    let done = db
        .by_command("AdminCreate", now(), async |tx| {
            let home = match scope {
                None => organisation::ensure_root(tx, &config.organisation, now()).await?,
                Some(id) => organisation::find(tx, id).await?,
            };
            let made = account::insert(tx, username, hash, home.id, None, now()).await?;
            account::grant::insert(
                tx,
                made.id,
                role,
                Over::Organisation(home.id),
                None,
                None,
                now(),
            )
            .await?;
            Ok(made.id)
        })
        .await;
    done.map_err(|error: api::error::Error<account::AccountErrorCode>| said(&error).into())
}

async fn reset_password(config: Config, reset: ResetPassword) -> Outcome {
    let db = connect(&config).await?;
    let username =
        account::clean_username(&reset.username).ok_or("no account has this username")?;
    let found =
        account::named(db.read(), &username).await?.ok_or("no account has this username")?;
    let (password, made_here) = password(reset.password)?;
    let held = api::authz::grants_of(db.read(), found.id, now()).await?;
    let roles: Vec<Role> = held.iter().map(|it| it.row.role).collect();
    refuse_password(&config, &password, &username, &roles)?;
    let hash = authn::hash_password_now(&password)?;
    db.by_command("AdminResetPassword", now(), async |tx| {
        account::password::set(tx, &found, hash, now()).await?;
        Ok(found.id)
    })
    .await
    .map_err(|error: api::error::Error<account::AccountErrorCode>| said(&error))?;
    api::live::tell_servers(&db, Notice::Access(Some(found.id))).await?;
    if made_here {
        println!("password: {password}");
    }
    db.close().await;
    Ok(())
}

fn refuse_password(config: &Config, password: &str, username: &str, roles: &[Role]) -> Outcome {
    match account::password::fault(&config.accounts, password, username, roles, "password") {
        Some(fault) => Err(said(&fault.into()).into()),
        None => Ok(()),
    }
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

/// The password from standard input, or one that is made; and whether it was made.
fn password(how: Password) -> Result<(String, bool), Box<dyn std::error::Error>> {
    if !how.password_stdin {
        return Ok((made_password()?, true));
    }
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text)?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    if line.is_empty() { Err("no password on standard input".into()) } else { Ok((line, false)) }
}

fn made_password() -> Result<String, Box<dyn std::error::Error>> {
    Ok(authn::secret()?[..24].to_owned())
}
