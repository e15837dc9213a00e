//! What is asked of passwords and sign-ins.

use std::path::PathBuf;

use chrono::TimeDelta;
use clap::Args;
use entity::role_grant::Role;
use sea_orm::ActiveEnum;

/// What passwords may be, how often they may be wrong, and how long sign-ins last.
#[derive(Args, Clone, Debug)]
pub struct Accounts {
    /// How many characters a password has at least, from 8 to 64.
    #[arg(long, env = "QINGLAN_PASSWORD_LENGTH", default_value_t = 8, value_parser = clap::value_parser!(u64).range(8..=64), global = true)]
    pub password_length: u64,

    /// The same for accounts with one of the roles PLATFORM_ADMIN, SECURITY_ADMIN, AUDITOR and ORG_ADMIN.
    #[arg(long, env = "QINGLAN_ADMIN_PASSWORD_LENGTH", default_value_t = 12, value_parser = clap::value_parser!(u64).range(8..=64), global = true)]
    pub admin_password_length: u64,

    /// How many of these a password has at least: lower case, upper case, digits, others. Length is worth more; assessors
    /// may ask for 3.
    #[arg(long, env = "QINGLAN_PASSWORD_CLASSES", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=4), global = true)]
    pub password_classes: u64,

    /// After how many days a password has to be changed; 0 for never.
    #[arg(long, env = "QINGLAN_PASSWORD_DAYS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=3650), global = true)]
    pub password_days: u64,

    /// How many attempts to sign in to one account from one address may fail within 15 minutes, from 3 to 100. Ten times
    /// as many may for an account from all addresses that are new to it, and twenty times as many from an address.
    #[arg(long, env = "QINGLAN_SIGN_IN_TRIES", default_value_t = 5, value_parser = clap::value_parser!(u64).range(3..=100), global = true)]
    pub sign_in_tries: u64,

    /// How long a sign-in waits for its next refresh before it is over, in minutes, from 15 to 20160 (14 days).
    #[arg(long, env = "QINGLAN_SIGN_IN_IDLE", default_value_t = 30, value_parser = clap::value_parser!(u64).range(15..=20160), global = true)]
    pub sign_in_idle: u64,

    /// After how many hours a sign-in is over however it is used, from 1 to 336 (14 days).
    #[arg(long, env = "QINGLAN_SIGN_IN_HOURS", default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=336), global = true)]
    pub sign_in_hours: u64,

    /// The roles that ask for a second factor, with commas between them, as in `PLATFORM_ADMIN,SECURITY_ADMIN,AUDITOR`.
    #[arg(long, env = "QINGLAN_SECOND_FACTOR", value_delimiter = ',', value_parser = role, global = true)]
    pub second_factor: Vec<Role>,

    /// A JSON file that lists the other systems by which people sign in; see docs/sign-in.md.
    #[arg(long, env = "QINGLAN_SIGN_IN_PROVIDERS", global = true)]
    pub sign_in_providers: Option<PathBuf>,

    /// After how many days the key that signs tokens is followed by another; 0 for never by itself.
    #[arg(long, env = "QINGLAN_SIGNING_KEY_DAYS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(0..=3650), global = true)]
    pub signing_key_days: u64,
}

fn role(text: &str) -> Result<Role, String> {
    Role::try_from_value(&text.trim().to_owned()).map_err(|_| format!("{text} is no role"))
}

impl Accounts {
    /// After how long a password has to be changed, if ever.
    #[must_use]
    pub fn password_age(&self) -> Option<TimeDelta> {
        (self.password_days > 0).then(|| TimeDelta::days(self.password_days.cast_signed()))
    }

    /// After how long the signing key is followed by another, if ever.
    #[must_use]
    pub fn signing_key_age(&self) -> Option<TimeDelta> {
        (self.signing_key_days > 0).then(|| TimeDelta::days(self.signing_key_days.cast_signed()))
    }

    #[must_use]
    pub fn tries(&self) -> i32 {
        i32::try_from(self.sign_in_tries).unwrap_or(i32::MAX)
    }

    #[must_use]
    pub fn sign_in_idle(&self) -> TimeDelta {
        TimeDelta::minutes(self.sign_in_idle.cast_signed())
    }

    #[must_use]
    pub fn sign_in_lasts(&self) -> TimeDelta {
        TimeDelta::hours(self.sign_in_hours.cast_signed())
    }
}
