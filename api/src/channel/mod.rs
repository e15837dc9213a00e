//! The ways out of the building: short messages by a gateway, mail by SMTP, web-hooks. Nothing of them knows what is
//! sent or why; whoever calls them keeps the record.

pub mod hook;
pub mod hours;
pub mod mail;
pub mod sms;

pub use self::hours::Hours;
use crate::config::Config;

/// What came of handing something over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handed {
    /// The other side took it over.
    Taken,
    /// It was certainly not taken over, and may be tried again.
    NotTaken(String),
    /// It was certainly not taken over, and never will be.
    Refused(String),
    /// Nobody can say: the answer did not come.
    Unknown(String),
}

/// The ways that are configured.
pub struct Channels {
    pub sms: Option<sms::Gateway>,
    pub mail: Option<mail::Mailer>,
    pub hooks: hook::Hooks,
}

impl Channels {
    /// Reads what is configured, and says what is wrong with it.
    pub fn open(config: &Config) -> Result<Self, String> {
        let timeout = config.send_timeout();
        let sms = match &config.sms_gateway {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| format!("QINGLAN_SMS_GATEWAY: {}: {error}", path.display()))?;
                let gateway = sms::Gateway::read(&text, timeout)
                    .map_err(|why| format!("QINGLAN_SMS_GATEWAY: {}: {why}", path.display()))?;
                Some(gateway)
            }
            None => None,
        };
        let mail = match (&config.smtp_url, &config.mail_from) {
            (Some(url), Some(from)) => Some(mail::Mailer::open(url, from, timeout)?),
            (Some(_), None) => return Err("QINGLAN_MAIL_FROM is missing".to_owned()),
            (None, _) => None,
        };
        Ok(Self { sms, mail, hooks: hook::Hooks::new(timeout, config.webhooks_private) })
    }
}

/// The code of a request that got no answer, and whether it certainly never left.
fn unanswered(error: &reqwest::Error) -> Handed {
    if error.is_connect() || error.is_builder() {
        Handed::NotTaken("CONNECT".to_owned())
    } else if error.is_timeout() {
        Handed::Unknown("TIMEOUT".to_owned())
    } else {
        Handed::Unknown("NO_ANSWER".to_owned())
    }
}
