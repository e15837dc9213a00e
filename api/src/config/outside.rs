//! What the service is told of those who reach it from outside: who they may be, what they may send, and how often.

use std::{path::PathBuf, str::FromStr};

use axum::http::{HeaderValue, Uri};
use clap::Args;
use ipnet::IpNet;

#[derive(Args, Clone, Debug)]
pub struct Outside {
    /// Whether it is in use by others than its developers: without introspection and GraphiQL, unless those are turned on
    /// by name, and without pages at localhost.
    #[arg(long, env = "QINGLAN_PRODUCTION", default_value_t = false, action = clap::ArgAction::Set, global = true)]
    pub production: bool,

    /// Whether clients may ask for the schema (introspection). Default: not in production.
    #[arg(long, env = "QINGLAN_INTROSPECTION", action = clap::ArgAction::Set, global = true)]
    introspection: Option<bool>,

    /// Whether `GET /` serves the GraphiQL page. Default: not in production.
    #[arg(long, env = "QINGLAN_GRAPHIQL", action = clap::ArgAction::Set, global = true)]
    graphiql: Option<bool>,

    /// A JSON file with the documents of known clients by the hexadecimal SHA-256 of their text, which clients then send in
    /// their place: `{"<sha256>": "query …"}`.
    #[arg(long, env = "QINGLAN_TRUSTED_DOCUMENTS", global = true)]
    pub trusted_documents: Option<PathBuf>,

    /// Whether nothing but the trusted documents is executed.
    #[arg(long, env = "QINGLAN_TRUSTED_ONLY", default_value_t = false, action = clap::ArgAction::Set, global = true)]
    pub trusted_only: bool,

    /// The origins of pages that may use the service besides its own, with commas between: `https://desk.example.org`.
    #[arg(long, env = "QINGLAN_ORIGINS", value_delimiter = ',', global = true)]
    origins: Vec<Origin>,

    /// The proxies before the service, as addresses or networks with commas between. What these say in X-Forwarded-For is
    /// believed, and nobody else.
    #[arg(long, env = "QINGLAN_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network, global = true)]
    pub trusted_proxies: Vec<IpNet>,

    /// How many requests an account or an attendee may send in a minute, all at once if need be; 0 for any number.
    #[arg(long, env = "QINGLAN_REQUESTS_PER_ACCOUNT", default_value_t = 1_200, global = true)]
    pub requests_per_account: u32,

    /// The same of a device, and of an account whose requests do nothing but let people in.
    #[arg(long, env = "QINGLAN_REQUESTS_PER_DOOR", default_value_t = 12_000, global = true)]
    pub requests_per_door: u32,

    /// The same of an address, for requests of which it is not known from a moment ago whose they are. A hall is often
    /// behind one address. Behind a proxy that is not trusted all requests come from the proxy's: set it to 0.
    #[arg(long, env = "QINGLAN_REQUESTS_PER_ADDRESS", default_value_t = 12_000, global = true)]
    pub requests_per_address: u32,
}

impl Outside {
    #[must_use]
    pub fn introspection(&self) -> bool {
        self.introspection.unwrap_or(!self.production)
    }

    #[must_use]
    pub fn graphiql(&self) -> bool {
        self.graphiql.unwrap_or(!self.production)
    }

    /// Whether a page of this origin may use the service, which is at `public_url` itself.
    #[must_use]
    pub fn admits(&self, origin: &HeaderValue, public_url: &str) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        let is_named = || self.origins.iter().any(|it| it.0 == origin);
        let is_local = || {
            let uri = origin.parse::<Uri>().ok();
            let host = uri.as_ref().and_then(|it| it.host());
            host.is_some_and(|it| matches!(it, "localhost" | "127.0.0.1" | "[::1]"))
        };
        origin == public_url || is_named() || !self.production && is_local()
    }
}

/// A scheme, a host, and a port if it has one, as browsers send it.
#[derive(Clone, Debug)]
struct Origin(String);

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let origin = super::public_url(text.trim())
            .map_err(|_| "not an origin such as https://desk.example.org".to_owned())?;
        Ok(Self(origin.to_ascii_lowercase()))
    }
}

/// A network, or a single address.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| "neither an address nor a network such as 10.0.0.0/8".to_owned())
}
