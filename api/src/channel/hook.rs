//! Web-hooks: signed requests to addresses that others chose, and so to none inside one's own network.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

use super::{Handed, unanswered};

/// Calls web-hooks.
pub struct Hooks {
    /// Not there without the system's certificates, which is told where one is called.
    client: Option<Client>,
    private: bool,
}

impl Hooks {
    /// `private` lets them be at private addresses, and without TLS.
    #[must_use]
    pub fn new(timeout: Duration, private: bool) -> Self {
        let mut client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .user_agent("Qinglan");
        if !private {
            client = client.dns_resolver(Arc::new(PublicAlone)).https_only(true);
        }
        let client = client.build();
        if let Err(error) = &client {
            tracing::warn!("web-hooks cannot be called: {error}");
        }
        Self { client: client.ok(), private }
    }

    /// Whether this is an address that may be called. A name may still turn out to be of a private address later on.
    #[must_use]
    pub fn may_call(&self, url: &str) -> bool {
        let Ok(url) = Url::parse(url) else { return false };
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>();
        !host.is_empty()
            && url.username().is_empty()
            && url.password().is_none()
            && match url.scheme() {
                "https" => {
                    self.private
                        || literal.is_err() && host != "localhost"
                        || literal.is_ok_and(is_public)
                }
                "http" => self.private,
                _ => false,
            }
    }

    /// Posts an event. Its id is the same each time, so that the receiver knows it again.
    pub async fn post(
        &self,
        url: &str,
        secret: &str,
        event: &str,
        body: String,
        at: DateTime<Utc>,
    ) -> Handed {
        if !self.may_call(url) {
            return Handed::NotTaken("ADDRESS".to_owned());
        }
        let Some(client) = &self.client else {
            return Handed::NotTaken("NO_CERTIFICATES".to_owned());
        };
        let signature = signature(secret, at.timestamp(), &body);
        let request = client
            .post(url)
            .header("content-type", "application/json")
            .header("qinglan-event", event)
            .header("qinglan-signature", signature)
            .body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Handed::Taken,
            Ok(answer) => Handed::NotTaken(format!("HTTP_{}", answer.status().as_u16())),
            Err(error) => unanswered(&error),
        }
    }
}

/// `t=<seconds>,v1=<hex of HMAC-SHA256 over "seconds.body">`.
#[must_use]
pub fn signature(secret: &str, seconds: i64, body: &str) -> String {
    use std::fmt::Write;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    let mut text = format!("t={seconds},v1=");
    for byte in tag.as_ref() {
        // A string takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Finds the addresses of a name, and gives only public ones: at the moment of connecting, so that a name that changes
/// its address after it was looked at leads nowhere else.
struct PublicAlone;

impl Resolve for PublicAlone {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|it| is_public(it.ip())).collect();
            if public.is_empty() {
                return Err("not a public address".into());
            }
            let all: Addrs = Box::new(public.into_iter());
            Ok(all)
        })
    }
}

/// Whether an address is one of the internet's, and not of this machine, a private network or a special purpose.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => is_public_v4(it),
        IpAddr::V6(it) => is_public_v6(it),
    }
}

fn is_public_v4(it: Ipv4Addr) -> bool {
    let [a, b, c, _] = it.octets();
    let special = it.is_private()
        || it.is_loopback()
        || it.is_link_local()
        || it.is_documentation()
        || matches!(
            (a, b, c),
            (0 | 240.., ..) | (100, 64..128, _) | (192, 0, 0) | (198, 18 | 19, _)
        );
    !special && !it.is_multicast()
}

fn is_public_v6(it: Ipv6Addr) -> bool {
    if let Some(mapped) = it.to_ipv4() {
        // `::1` and `::` come out as addresses of 0.0.0.0/8.
        return is_public_v4(mapped);
    }
    let parts = it.segments();
    // The global unicast addresses, without documentation, tunnels of IPv4 (2002::/16) and Teredo (2001::/32).
    parts[0] & 0xe000 == 0x2000
        && parts[0] != 0x2002
        && !(parts[0] == 0x2001 && (parts[1] == 0 || parts[1] == 0x0db8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        let public = ["1.1.1.1", "223.5.5.5", "100.63.255.255", "2400:3200::1", "::ffff:1.1.1.1"];
        let others = [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
        ];
        for it in public {
            assert!(is_public(it.parse().unwrap()), "{it}");
        }
        for it in others {
            assert!(!is_public(it.parse().unwrap()), "{it}");
        }
    }

    #[test]
    fn web_hooks_are_outside_and_by_tls() {
        let strict = Hooks::new(Duration::from_secs(1), false);
        assert!(strict.may_call("https://example.org/hook?a=b"));
        assert!(strict.may_call("https://1.1.1.1/"));
        for url in [
            "http://example.org/",
            "https://user:password@example.org/",
            "https://user@example.org/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://localhost/",
            "https://2130706433/",
            "https://0x7f.1/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "https://",
            "example.org",
            "",
        ] {
            assert!(!strict.may_call(url), "{url}");
        }
        let own = Hooks::new(Duration::from_secs(1), true);
        assert!(own.may_call("http://127.0.0.1:8080/"));
        assert!(!own.may_call("ftp://127.0.0.1/"));
    }

    #[test]
    fn a_signature_is_what_the_manual_says() {
        // By `printf '1700000000.{}' | openssl dgst -sha256 -hmac secret`.
        let expected =
            "t=1700000000,v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163";
        assert_eq!(signature("secret", 1_700_000_000, "{}"), expected);
    }
}
