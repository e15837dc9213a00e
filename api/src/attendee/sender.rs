//! How a one-time code gets to its phone.

use std::{collections::BTreeMap, fmt, pin::Pin, time::Duration};

use reqwest::{Client, Method, Url};
use serde::Deserialize;

/// Sends a code to a phone. It says what went wrong without repeating either.
pub trait CodeSender: Send + Sync {
    fn send<'a>(
        &'a self,
        phone: &'a str,
        code: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;
}

/// Sends nothing: the code stands in the log. For trying things out.
pub struct Log;

impl CodeSender for Log {
    fn send<'a>(
        &'a self,
        phone: &'a str,
        code: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            tracing::warn!(
                phone,
                code,
                "NOT SENT: no gateway for codes is set (QINGLAN_CODE_GATEWAY), so the code is only here"
            );
            Ok(())
        })
    }
}

/// A gateway for short messages. How it is asked is a template: `{{phone}}` and `{{code}}` stand for the message's,
/// escaped as their place needs it. Any answer of 2xx means that it took the message over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asking {
    #[serde(default = "post")]
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

fn post() -> String {
    "POST".to_owned()
}

pub struct Gateway {
    asking: Asking,
    method: Method,
    client: Client,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The rest may hold a password.
        f.write_str("Gateway")
    }
}

impl Gateway {
    /// Reads the JSON that says how it is asked.
    pub fn read(text: &str, timeout: Duration) -> Result<Self, String> {
        let asking: Asking = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Url::parse(&fill(&asking.url, "0", "0")).map_err(|error| format!("url: {error}"))?;
        let method = Method::from_bytes(asking.method.as_bytes())
            .map_err(|error| format!("method: {error}"))?;
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { asking, method, client })
    }
}

impl CodeSender for Gateway {
    fn send<'a>(
        &'a self,
        phone: &'a str,
        code: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            let escaped = percent_encoded(phone);
            let url = fill(&self.asking.url, &escaped, code);
            let mut request = self.client.request(self.method.clone(), url);
            let mut is_form = false;
            for (name, value) in &self.asking.headers {
                is_form |= name.eq_ignore_ascii_case("content-type") && value.contains("form");
                request = request.header(name, value);
            }
            if !self.asking.body.is_empty() {
                let phone = if is_form { &escaped } else { phone };
                request = request.body(fill(&self.asking.body, phone, code));
            }
            match request.send().await {
                Ok(answer) if answer.status().is_success() => Ok(()),
                Ok(answer) => Err(format!("the gateway answered {}", answer.status())),
                Err(error) => Err(format!("the gateway did not answer: {}", error.without_url())),
            }
        })
    }
}

/// A phone is digits and at most a plus sign, a code is digits: neither needs more escaping than the plus sign.
fn fill(template: &str, phone: &str, code: &str) -> String {
    template.replace("{{phone}}", phone).replace("{{code}}", code)
}

fn percent_encoded(phone: &str) -> String {
    phone.replace('+', "%2B")
}
