//! Other systems that say who somebody is: one file for each kind of them.
//!
//! A [`Connector`] knows two things: where a browser is sent, and who it is that comes back with a code. All else is the same
//! for all of them, and not theirs: the way there and back, to which account an identity is linked, the sign-in
//! (`account::identity`, `account::trip`). So a system that is not OpenID Connect — 企业微信, 钉钉, 浙政钉 — is one more file
//! here and one more variant of [`Kind`].

mod oidc;

use std::{collections::HashSet, fs, path::Path, time::Duration};

use axum::http::Uri;
use futures_util::future::BoxFuture;
use serde::Deserialize;

/// What a connector is given of a browser's way there and back.
pub struct Trip<'a> {
    /// Where the browser comes back to.
    pub callback: &'a str,
    /// Comes back with it: letters and digits, 64 of them.
    pub state: &'a str,
    /// Known to this service alone, of each trip another: the verifier of PKCE (RFC 7636).
    pub verifier: &'a str,
    /// Stands in what the other system signs.
    pub nonce: &'a str,
}

/// Who somebody is at another system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Unique there, and never given to somebody else.
    pub subject: String,
    /// As it came, where the other system has verified it.
    pub phone: Option<String>,
}

/// Why it is not known who somebody is. The texts are for the log.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It may be tried again.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// What came is not what this service asked for, or not from whom it asked.
    #[error("an unfit answer: {0}")]
    Unfit(String),
}

/// A way to ask one kind of system who somebody is.
pub trait Connector: Send + Sync {
    /// Where the browser is sent.
    fn address<'a>(&'a self, trip: &'a Trip<'a>) -> BoxFuture<'a, Result<String, Fault>>;

    /// Who it is that came back with `code`.
    fn identity<'a>(
        &'a self,
        trip: &'a Trip<'a>,
        code: &'a str,
    ) -> BoxFuture<'a, Result<Identity, Fault>>;
}

/// A system by which people sign in.
pub struct Provider {
    /// Stands in addresses and in what is kept of identities.
    pub name: String,
    /// What people know it by.
    pub title: String,
    /// Whether an identity with a verified phone is linked to the account of whoever has that phone.
    pub link_by_phone: bool,
    pub connector: Box<dyn Connector>,
}

/// The systems by which people sign in, as the file of the configuration lists them.
#[derive(Default)]
pub struct Providers(Vec<Provider>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: String,
    title: String,
    #[serde(default)]
    link_by_phone: bool,
    #[serde(flatten)]
    kind: Kind,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "UPPERCASE")]
enum Kind {
    Oidc(oidc::Settings),
}

impl Providers {
    /// Reads the file, if there is one. `plain` lets addresses be without TLS; `timeout` is how long each request may take.
    pub fn open(path: Option<&Path>, plain: bool, timeout: Duration) -> Result<Self, String> {
        let Some(path) = path else { return Ok(Self::default()) };
        let wrong = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
        let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
        Self::read(&text, plain, timeout).map_err(|error| wrong(&error))
    }

    fn read(text: &str, plain: bool, timeout: Duration) -> Result<Self, String> {
        let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut names = HashSet::new();
        let mut all = Vec::with_capacity(entries.len());
        for Entry { name, title, link_by_phone, kind } in entries {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || name.len() > 40 || !name.chars().all(is_plain) {
                return Err(format!("a name is 1 to 40 of a-z, 0-9 and -, and `{name}` is not"));
            }
            if !names.insert(name.clone()) {
                return Err(format!("there are two of the name `{name}`"));
            }
            let connector: Box<dyn Connector> = match kind {
                Kind::Oidc(settings) => Box::new(oidc::Oidc::new(settings, plain, timeout)?),
            };
            all.push(Provider { name, title, link_by_phone, connector });
        }
        Ok(Self(all))
    }

    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Provider> {
        self.0.iter().find(|it| it.name == name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }
}

/// Whether an address of a system may be asked: by TLS, unless `plain`.
fn may_ask(address: &str, plain: bool) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let by = uri.scheme_str();
    uri.host().is_some_and(|it| !it.is_empty())
        && (by == Some("https") || plain && by == Some("http"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"name": "sso", "title": "统一身份认证", "kind": "OIDC", "issuer": "https://id.example.org", "clientId": "qinglan", "clientSecret": "s"}"#;

    fn read(entries: &str) -> Result<Providers, String> {
        Providers::read(&format!("[{entries}]"), false, Duration::from_secs(1))
    }

    #[test]
    fn a_file_lists_systems() {
        let second = GOOD.replace("\"sso\"", "\"other-1\"");
        let all = read(&format!("{GOOD}, {second}")).unwrap();
        assert_eq!(all.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["sso", "other-1"]);
        assert_eq!(all.named("sso").unwrap().title, "统一身份认证");
        assert!(!all.named("sso").unwrap().link_by_phone);
        assert!(all.named("SSO").is_none());
    }

    #[test]
    fn a_file_with_a_fault_is_refused() {
        let faults = [
            (GOOD.replace("sso", "S S O"), "a name is"),
            (format!("{GOOD}, {GOOD}"), "two of the name"),
            (GOOD.replace("OIDC", "SAML"), "unknown variant"),
            (GOOD.replace("https:", "http:"), "issuer"),
            (GOOD.replace("clientId", "client_id"), "client_id"),
            (GOOD.replace("\"kind\": \"OIDC\", ", ""), "kind"),
        ];
        for (entries, why) in faults {
            let said = read(&entries).err().unwrap();
            assert!(said.contains(why), "{said}");
        }
    }
}
