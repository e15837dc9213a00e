//! `qinglan admin …`: makes accounts, and gives them passwords.

use std::io::Read;

use api::{
    account::{self, grant::Over},
    authn,
    config::Config,
    db::Db,
    graphql::Gid,
    live::Notice,
    organisation,
};
use clap::{Args, ValueEnum};
use entity::{id::OrganisationId, role_grant::Role};

use crate::{Outcome, connect, now, said};

#[derive(clap::Subcommand)]
pub(crate) enum Admin {
    /// Make an account with a role.
    Create(Create),
    /// Give an account a new password, which ends its sign-ins.
    ResetPassword(ResetPassword),
}

#[derive(Args)]
pub(crate) struct Create {
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
pub(crate) struct ResetPassword {
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

/// Does one of them.
pub(crate) async fn run(config: Config, admin: Admin) -> Outcome {
    match admin {
        Admin::Create(create) => create_admin(config, create).await,
        Admin::ResetPassword(reset) => reset_password(config, reset).await,
    }
}

/// The first start makes somebody who can sign in, with a password that nobody else has.
pub(crate) async fn first_administrator(db: &Db, config: &Config) -> Outcome {
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

/// A password that nobody else has.
pub(crate) fn made_password() -> Result<String, Box<dyn std::error::Error>> {
    Ok(authn::secret()?[..24].to_owned())
}
