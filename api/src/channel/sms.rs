//! Short messages, by a gateway whose requests are templates of configuration.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{Client, Method, Url};
use serde::Deserialize;

use super::{Handed, unanswered};

/// How a gateway is asked, as its file says. `{{phone}}`, `{{text}}` and `{{id}}` stand for the message's, escaped as
/// their place needs it: in an address and in a form by percent signs, in JSON by backslashes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Instructions {
    send: Asking,
    /// By what of the answer it is known that a message was taken over. Any answer of 2xx, if not given.
    accepted: Option<Sign>,
    /// How it is asked what became of a message, by the id that it was sent with.
    receipt: Option<Asking>,
    /// Where the answer to that says it, and in which words.
    status: Option<Status>,
}

#[derive(Clone, Debug, Deserialize)]
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

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sign {
    /// A JSON pointer.
    at: String,
    is: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    /// A JSON pointer.
    at: String,
    delivered: Vec<String>,
    failed: Vec<String>,
    /// The message never arrived at the gateway. An answer of 404 says the same.
    absent: Vec<String>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    Delivered,
    /// The gateway has it.
    Underway,
    Failed,
    /// The gateway never got it.
    Absent,
    /// The gateway did not say.
    NoAnswer,
}

/// A gateway for short messages.
pub struct Gateway {
    instructions: Instructions,
    client: Client,
}

impl Gateway {
    /// Reads the file that says how it is asked.
    pub fn read(text: &str, timeout: Duration) -> Result<Self, String> {
        let instructions: Instructions =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        if instructions.receipt.is_some() != instructions.status.is_some() {
            return Err("`receipt` and `status` go together".to_owned());
        }
        let filled = Values { id: "0", phone: "0", text: "0" };
        for asking in
            [Some(&instructions.send), instructions.receipt.as_ref()].into_iter().flatten()
        {
            let url = filled.into_url(&asking.url);
            Url::parse(&url).map_err(|error| format!("{}: {error}", asking.url))?;
            Method::from_bytes(asking.method.as_bytes()).map_err(|error| error.to_string())?;
        }
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { instructions, client })
    }

    /// Whether it can be asked what became of a message.
    #[must_use]
    pub fn gives_receipts(&self) -> bool {
        self.instructions.receipt.is_some()
    }

    /// Hands a message over, once. After `Unknown` it must not be sent again before its receipt was asked for.
    pub async fn send(&self, id: &str, phone: &str, text: &str) -> Handed {
        let answer = self.ask(&self.instructions.send, &Values { id, phone, text }).await;
        let (status, body) = match answer {
            Ok(answer) => answer,
            Err(error) => return unanswered(&error),
        };
        let code = format!("HTTP_{status}");
        match (status, &self.instructions.accepted) {
            (200..300, None) => Handed::Taken,
            (200..300, Some(sign)) => match value_at(&body, &sign.at) {
                Some(value) if sign.is.contains(&value) => Handed::Taken,
                Some(value) => Handed::Refused(format!("REFUSED {}", plain(&value))),
                None => Handed::Unknown("ANSWER_UNCLEAR".to_owned()),
            },
            // Too many at once: it says that it did not take this one.
            (429, _) => Handed::NotTaken(code),
            (300..500, _) => Handed::Refused(code),
            _ => Handed::Unknown(code),
        }
    }

    /// Asks what became of a message.
    pub async fn receipt(&self, id: &str, phone: &str) -> Receipt {
        let (Some(asking), Some(words)) = (&self.instructions.receipt, &self.instructions.status)
        else {
            return Receipt::NoAnswer;
        };
        match self.ask(asking, &Values { id, phone, text: "" }).await {
            Ok((404, _)) => Receipt::Absent,
            Ok((200..300, body)) => match value_at(&body, &words.at) {
                Some(it) if words.delivered.contains(&it) => Receipt::Delivered,
                Some(it) if words.failed.contains(&it) => Receipt::Failed,
                Some(it) if words.absent.contains(&it) => Receipt::Absent,
                Some(_) => Receipt::Underway,
                None => Receipt::NoAnswer,
            },
            Ok(_) | Err(_) => Receipt::NoAnswer,
        }
    }

    async fn ask(
        &self,
        asking: &Asking,
        values: &Values<'_>,
    ) -> Result<(u16, Vec<u8>), reqwest::Error> {
        let method = Method::from_bytes(asking.method.as_bytes()).unwrap_or(Method::POST);
        let mut request = self.client.request(method, values.into_url(&asking.url));
        let mut media = "";
        for (name, value) in &asking.headers {
            if name.eq_ignore_ascii_case("content-type") {
                media = value;
            }
            request = request.header(name, value);
        }
        if !asking.body.is_empty() {
            request = request.body(values.into_body(&asking.body, media));
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.bytes().await?.to_vec()))
    }
}

/// What is put in place of the variables.
struct Values<'a> {
    id: &'a str,
    phone: &'a str,
    text: &'a str,
}

#[expect(clippy::wrong_self_convention, reason = "puts values into a template")]
impl Values<'_> {
    fn into_url(&self, template: &str) -> String {
        self.fill(template, percent_encoded)
    }

    fn into_body(&self, template: &str, media: &str) -> String {
        if media.contains("json") {
            self.fill(template, in_json)
        } else if media.contains("form") {
            self.fill(template, percent_encoded)
        } else {
            self.fill(template, str::to_owned)
        }
    }

    /// In one pass: what a value holds is never taken for a variable.
    fn fill(&self, template: &str, escaped: impl Fn(&str) -> String) -> String {
        let mut filled = String::with_capacity(template.len() + self.text.len());
        let mut rest = template;
        while let Some(at) = rest.find("{{") {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            let known = [("{{id}}", self.id), ("{{phone}}", self.phone), ("{{text}}", self.text)];
            match known.iter().find(|(name, _)| rest.starts_with(name)) {
                Some((name, value)) => {
                    filled.push_str(&escaped(value));
                    rest = &rest[name.len()..];
                }
                None => {
                    filled.push_str("{{");
                    rest = &rest[2..];
                }
            }
        }
        filled.push_str(rest);
        filled
    }
}

fn percent_encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // A string takes whatever is written to it.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The text, number or truth at a place of a JSON answer.
fn value_at(body: &[u8], pointer: &str) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    match answer.pointer(pointer)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// A gateway's code, as far as it is one: it might repeat the message or the phone.
fn plain(code: &str) -> String {
    let is_code = code.len() <= 12
        && code.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        && code.chars().filter(char::is_ascii_digit).count() < 7;
    if is_code { code.to_owned() } else { "…".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_as_their_place_needs_it() {
        let it = Values { id: "1", phone: "+86 1", text: "“你好”\"{{id}}\n" };
        assert_eq!(it.into_url("https://x/?p={{phone}}&i={{id}}"), "https://x/?p=%2B86%201&i=1");
        assert_eq!(
            it.into_body("{\"t\":\"{{text}}\"}", "application/json"),
            "{\"t\":\"“你好”\\\"{{id}}\\n\"}"
        );
        assert_eq!(it.into_body("p={{phone}}", "application/x-www-form-urlencoded"), "p=%2B86%201");
        assert_eq!(it.into_body("{{nothing}} {{", "text/plain"), "{{nothing}} {{");
    }

    #[test]
    fn a_code_that_may_be_somebodys_is_not_kept() {
        assert_eq!(plain("E-1005"), "E-1005");
        assert_eq!(plain("13800000000"), "…");
        assert_eq!(plain("张三"), "…");
    }
}
