//! HTTP requests: an address, headers, and a body for a POST.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, Response};

use crate::http::public_url;
use minesegsat_core::{Error, Result};

/// Maximum length of a server's explanation in a message, in characters.
const LONGEST_EXPLANATION: usize = 300;

/// A repeatable request. `Debug` shows neither headers nor body, because they may contain tokens.
#[derive(Clone)]
pub struct Request {
    url: String,
    headers: HeaderMap,
    /// Body of a POST; `None` for a GET.
    body: Option<Bytes>,
    basic: Option<(String, String)>,
    range: Option<Range<u64>>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = if self.body.is_some() { "POST" } else { "GET" };
        write!(f, "Request({method} {}, {:?})", public_url(&self.url), self.range)
    }
}

impl Request {
    /// A GET of the whole file.
    pub fn get(url: &str) -> Self {
        Self { url: url.to_owned(), headers: HeaderMap::new(), body: None, basic: None, range: None }
    }

    /// A POST. It may be sent more than once, so it must be idempotent.
    pub fn post(url: &str, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut request = Self { body: Some(body.into()), ..Self::get(url) };
        request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        request
    }

    /// Sets a header, replacing one with the same name. Messages never show the value.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        let refuse = || Error::Argument {
            name: "HTTP header",
            value: name.to_owned(),
            accepted: "a header name, and a value of one line of text".to_owned(),
        };
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| refuse())?;
        value.set_sensitive(true);
        self.headers.insert(key, value);
        Ok(self)
    }

    /// Adds a user name and a password (HTTP Basic).
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        self.basic = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Requests only a part of the file.
    pub(crate) fn range(mut self, range: Range<u64>) -> Self {
        self.range = Some(range);
        self
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The same request with the address that is sent: an `s3://` address becomes that of its server, signed if
    /// necessary.
    pub(super) fn resolved(&self) -> Result<Self> {
        match super::s3::server_url(&self.url)? {
            Some(url) => Ok(self.clone().at(url)),
            None => Ok(self.clone()),
        }
    }

    /// The same request to another address.
    pub(super) fn at(mut self, url: String) -> Self {
        self.url = url;
        self
    }

    pub(super) fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// Makes a GET of a POST.
    pub(super) fn drop_body(&mut self) {
        if self.body.take().is_some() {
            self.headers.remove(header::CONTENT_TYPE);
        }
    }

    /// Removes the login and all headers but those that only describe the wanted content.
    pub(super) fn drop_credentials(&mut self) {
        self.basic = None;
        let mut kept = HeaderMap::new();
        for name in [header::ACCEPT, header::CONTENT_TYPE, header::IF_RANGE] {
            if let Some(value) = self.headers.get(&name) {
                kept.insert(name, value.clone());
            }
        }
        self.headers = kept;
    }

    #[cfg(test)]
    pub(super) fn has_credentials(&self) -> bool {
        self.basic.is_some() || self.headers.keys().any(|name| *name != header::ACCEPT)
    }

    pub(super) fn wanted_range(&self) -> Option<Range<u64>> {
        self.range.clone()
    }

    pub(super) fn build(&self, client: &Client) -> RequestBuilder {
        let mut request = match &self.body {
            Some(body) => client.post(&self.url).body(body.clone()),
            None => client.get(&self.url),
        };
        request = request.header(header::ACCEPT_ENCODING, "identity").headers(self.headers.clone());
        if let Some((user, password)) = &self.basic {
            request = request.basic_auth(user, Some(password));
        }
        if let Some(range) = &self.range {
            // The last byte of an HTTP range is included.
            request = request.header(header::RANGE, format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
        }
        request
    }
}

/// The explanation of an API for a refused request: a sentence in its JSON response.
pub(super) async fn explanation(response: Response, timeout: Duration) -> Option<String> {
    const LONGEST_ANSWER: u64 = 64 << 10;
    let body = super::body(response, LONGEST_ANSWER, timeout).await.ok()?;
    explanation_of(&body)
}

/// The message in a JSON document that an API sends for an error, on one line, at most 300 characters.
///
/// STAC APIs use `description`, FastAPI `detail`, OAuth `error_description`, others `message` or `error`.
pub fn explanation_of(body: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let keys = ["description", "detail", "error_description", "message", "error"];
    let text = keys.iter().find_map(|key| match &json[key] {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Null => None,
        other => Some(other.to_string()),
    })?;
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_EXPLANATION).collect();
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_show_no_secrets() {
        let request =
            Request::get("https://user:pw@host/a?sig=SECRET").header("Authorization", "Bearer SECRET").unwrap();
        let request = request.basic_auth("me", "SECRET").range(3..7);
        assert_eq!(format!("{request:?}"), "Request(GET https://host/a, Some(3..7))");
        let error = request.header("X-Key", "SECRET\nX-Other: 1").unwrap_err().to_string();
        assert!(error.contains("X-Key") && !error.contains("SECRET"), "{error}");
    }

    #[test]
    fn explanations_are_one_short_line() {
        assert_eq!(explanation_of(br#"{"code": "Bad", "description": "no\nbbox "}"#).as_deref(), Some("no bbox"));
        assert_eq!(explanation_of(br#"{"detail": [{"loc": 1}]}"#).as_deref(), Some(r#"[{"loc":1}]"#));
        assert_eq!(explanation_of(b"<html>"), None);
        let long = format!(r#"{{"message": "{}"}}"#, "x".repeat(1000));
        assert_eq!(explanation_of(long.as_bytes()).unwrap().len(), LONGEST_EXPLANATION);
    }
}
