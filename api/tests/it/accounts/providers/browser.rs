//! As much of a browser as signing in takes: cookies, redirects, forms.

use std::collections::BTreeMap;

use reqwest::{Client, Response, Url, header, redirect::Policy};

use crate::server::percent_encoded;

#[derive(Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Goes to an address, fills in what it is asked, and agrees; where it is sent in the end, which begins with `until`.
    pub async fn signs_in(&mut self, address: &str, login: &str, until: &str) -> String {
        self.goes(address, until, |form| {
            let prompt = value(form, "name=\"prompt\" value=\"");
            format!("prompt={prompt}&login={}&password=x", percent_encoded(login))
        })
        .await
    }

    /// The same of somebody who would not.
    pub async fn gives_up(&mut self, address: &str, until: &str) -> String {
        let page = self.get(address.parse().unwrap(), None).await;
        let login = page.url().join(location(&page)).unwrap();
        let abort = login.join(&format!("{}/abort", login.path())).unwrap();
        self.goes(abort.as_str(), until, |_| unreachable!()).await
    }

    async fn goes(&mut self, address: &str, until: &str, fill: impl Fn(&str) -> String) -> String {
        let (mut url, mut sent) = (address.parse::<Url>().unwrap(), None);
        for _ in 0..20 {
            let page = self.get(url.clone(), sent.take()).await;
            if page.status().is_redirection() {
                url = url.join(location(&page)).unwrap();
                if url.as_str().starts_with(until) {
                    return url.into();
                }
                continue;
            }
            let text = page.text().await.unwrap();
            url = url.join(value(&text, "action=\"")).unwrap();
            sent = Some(fill(&text));
        }
        panic!("sent from one page to the next without an end: {url}");
    }

    async fn get(&mut self, url: Url, form: Option<String>) -> Response {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        let request = match form {
            Some(body) => client
                .post(url)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body),
            None => client.get(url),
        };
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header(header::COOKIE, cookies.join("; ")).send().await.unwrap();
        for line in answer.headers().get_all(header::SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

fn location(page: &Response) -> &str {
    page.headers()[header::LOCATION].to_str().unwrap()
}

/// What stands in a page after `before`, up to the next quotation mark.
fn value<'a>(page: &'a str, before: &str) -> &'a str {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("{before} is not in {page}"));
    rest.split('"').next().unwrap()
}
