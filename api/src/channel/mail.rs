//! Mail, by one server of configuration. Step by step, because it must be known how far a mail came when it fails.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lettre::{
    Address, Message,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::ClientId,
    },
};
use reqwest::Url;

use super::Handed;

/// How the line to the server is kept from being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS before anything is said, or nothing is said.
    StartTls,
    /// None, as to a server of one's own machine.
    Open,
}

/// A mail server, and whom mails are from.
pub struct Mailer {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    from: Mailbox,
    timeout: Duration,
}

impl Mailer {
    /// Reads `smtps://USER:PASSWORD@HOST:PORT` and the like.
    pub fn open(url: &str, from: &str, timeout: Duration) -> Result<Self, String> {
        // The address is not shown: it holds a password.
        let wrong =
            || "QINGLAN_SMTP_URL is no address such as smtps://USER:PASSWORD@HOST".to_owned();
        let url = Url::parse(url).map_err(|_| wrong())?;
        let open = url.query_pairs().any(|(key, value)| key == "tls" && value == "none");
        let (security, port) = match (url.scheme(), open) {
            ("smtps", false) => (Security::Tls, 465),
            ("smtp", false) => (Security::StartTls, 587),
            ("smtp", true) => (Security::Open, 25),
            _ => return Err(wrong()),
        };
        let host = url.host_str().filter(|it| !it.is_empty()).ok_or_else(wrong)?.to_owned();
        let credentials = match (percent_decoded(url.username()), url.password()) {
            (Some(user), Some(password)) if !user.is_empty() => {
                Some(Credentials::new(user, percent_decoded(password).ok_or_else(wrong)?))
            }
            _ => None,
        };
        let from = from.parse().map_err(|_| {
            "QINGLAN_MAIL_FROM is no address such as 温州市工商联 <noreply@example.org>".to_owned()
        })?;
        let port = url.port().unwrap_or(port);
        Ok(Self { host, port, security, credentials, from, timeout })
    }

    /// Hands a mail over, once. The same id is the same mail: its Message-ID and its date are the same each time.
    pub async fn send(
        &self,
        id: &str,
        to: &str,
        subject: &str,
        text: &str,
        at: DateTime<Utc>,
    ) -> Handed {
        let Ok(to) = to.parse::<Address>() else { return Handed::Refused("ADDRESS".to_owned()) };
        let message = Message::builder()
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .date(at.into())
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text.to_owned());
        let Ok(message) = message else { return Handed::Refused("CONTENT".to_owned()) };
        let mut connection = match tokio::time::timeout(self.timeout, self.ready(&to)).await {
            Err(_) => return Handed::NotTaken("TIMEOUT".to_owned()),
            Ok(Err(fault)) => return fault,
            Ok(Ok(connection)) => connection,
        };
        // From here on an answer that does not come says nothing.
        let content = message.formatted();
        let sent = connection.message(&content);
        let handed = match tokio::time::timeout(self.timeout, sent).await {
            Err(_) => Handed::Unknown("TIMEOUT".to_owned()),
            Ok(Ok(_)) => Handed::Taken,
            Ok(Err(error)) => match error.status() {
                Some(status) if error.is_permanent() => Handed::Refused(format!("SMTP_{status}")),
                Some(status) => Handed::NotTaken(format!("SMTP_{status}")),
                None => Handed::Unknown("NO_ANSWER".to_owned()),
            },
        };
        // A server that does not answer to this has the mail all the same.
        let _ = tokio::time::timeout(Duration::from_secs(1), connection.quit()).await;
        handed
    }

    /// A connection that is ready for the mail itself.
    async fn ready(&self, to: &Address) -> Result<AsyncSmtpConnection, Handed> {
        let not_taken = |error: lettre::transport::smtp::Error| {
            let code = error.status().map_or("CONNECT".to_owned(), |it| format!("SMTP_{it}"));
            Handed::NotTaken(code)
        };
        let hello = ClientId::default();
        let tls = || TlsParameters::new(self.host.clone()).map_err(not_taken);
        let at_once = if self.security == Security::Tls { Some(tls()?) } else { None };
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &hello, at_once, None)
                .await
                .map_err(not_taken)?;
        if self.security == Security::StartTls {
            connection.starttls(tls()?, &hello).await.map_err(not_taken)?;
        }
        if let Some(credentials) = &self.credentials {
            let known = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&known, credentials).await.map_err(not_taken)?;
        }
        let from = Some(self.from.email.clone());
        connection.command(Mail::new(from, Vec::new())).await.map_err(not_taken)?;
        let rcpt = connection.command(Rcpt::new(to.clone(), Vec::new())).await;
        rcpt.map_err(|error| match error.status() {
            // There is nobody of this name.
            Some(status) if error.is_permanent() => Handed::Refused(format!("SMTP_{status}")),
            _ => not_taken(error),
        })?;
        connection.command(Data).await.map_err(not_taken)?;
        Ok(connection)
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let hex = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}
