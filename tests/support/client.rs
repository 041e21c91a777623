//! A GraphQL client over keep-alive connections, small enough not to hide anything.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

/// What came back, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The code of the answer, or of its first error.
    pub fn code(&self) -> Option<String> {
        let json = self.json();
        let code = json.pointer("/extensions/code").or_else(|| json.pointer("/errors/0/extensions/code"))?;
        code.as_str().map(str::to_owned)
    }

    /// The value at a JSON pointer below `data`.
    ///
    /// # Panics
    /// When it is absent: the message shows the whole answer.
    pub fn data(&self, pointer: &str) -> Value {
        let json = self.json();
        json["data"].pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in status {}: {json}", self.status)).clone()
    }
}

/// Sends requests and treats every status as an answer.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
}

impl Default for Client {
    fn default() -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .max_redirects(0)
            .build();
        Client { agent: agent.into() }
    }
}

impl Client {
    /// Sends one GraphQL operation by POST.
    pub fn graphql(&self, url: &str, token: Option<&str>, query: &str, variables: Value) -> anyhow::Result<Answer> {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let headers: Vec<_> = token.map(|token| ("Authorization", format!("Bearer {token}"))).into_iter().collect();
        self.post(url, &headers, body.as_bytes())
    }

    /// Sends a body as it is, as `application/json`.
    pub fn post(&self, url: &str, headers: &[(&str, String)], body: &[u8]) -> anyhow::Result<Answer> {
        let mut request = self.agent.post(url).header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        answer(request.send(body)?).with_context(|| format!("POST {url}"))
    }

    /// Uploads a body.
    pub fn put(&self, url: &str, headers: &[(String, String)], body: &[u8]) -> anyhow::Result<Answer> {
        let mut request = self.agent.put(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        answer(request.send(body)?).with_context(|| format!("PUT {url}"))
    }

    /// Asks as a browser does whether a page of `origin` may send such a request.
    pub fn preflight(&self, url: &str, origin: &str, method: &str, headers: &str) -> anyhow::Result<Answer> {
        let request = self.agent.options(url).header("Origin", origin);
        let request = request.header("Access-Control-Request-Method", method).header("Access-Control-Request-Headers", headers);
        answer(request.call()?).with_context(|| format!("OPTIONS {url}"))
    }

    /// Fetches a URL.
    pub fn get(&self, url: &str, headers: &[(&str, String)]) -> anyhow::Result<Answer> {
        let mut request = self.agent.get(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        answer(request.call()?).with_context(|| format!("GET {url}"))
    }
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> anyhow::Result<Answer> {
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(Answer {
        status: response.status().as_u16(),
        headers: response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body: response.body_mut().with_config().limit(64 << 20).read_to_vec()?,
    })
}
