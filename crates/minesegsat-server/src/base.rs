//! The base URL of links, and content negotiation.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::problem::Problem;
use crate::state::App;

/// Base URL of the server without a final slash, and the path of the request.
#[derive(Debug, Clone)]
pub(crate) struct BaseUrl {
    root: String,
    path: String,
}

impl BaseUrl {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    /// URL of the request with another query.
    pub(crate) fn request_url(&self, query: &str) -> String {
        if query.is_empty() { self.url(&self.path) } else { format!("{}{}?{query}", self.root, self.path) }
    }
}

impl FromRequestParts<Arc<App>> for BaseUrl {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let root = match &app.options.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            // `layers::host` has checked it.
            None => format!("http://{}", host_of(&parts.headers).unwrap_or("localhost")),
        };
        Ok(Self { root, path: parts.uri.path().to_owned() })
    }
}

/// The `Host` header, if it is a host with an optional port.
pub(crate) fn host_of(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
    (!host.is_empty() && host.len() <= 255 && host.chars().all(is_plain)).then_some(host)
}

/// Format of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Html,
}

impl Format {
    /// Chooses by `f`, otherwise by `Accept`. HTML only if `Accept` names it with a weight of at least that of JSON.
    pub(crate) fn negotiate(f: Option<&str>, headers: &HeaderMap) -> Result<Self, Problem> {
        match f {
            Some("json") => Ok(Self::Json),
            Some("html") => Ok(Self::Html),
            Some(other) => Err(Problem::argument("f", other, "`json` or `html`")),
            None => Ok(Self::accepted(headers)),
        }
    }

    fn accepted(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let weight = |wanted: fn(&str) -> bool| {
            accept
                .split(',')
                .map(|part| part.split(';').map(str::trim))
                .filter_map(|mut part| part.next().filter(|kind| wanted(kind)).map(|_| part))
                .map(|mut rest| rest.find_map(|p| p.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0)))
                .fold(0.0_f64, f64::max)
        };
        let html = weight(|kind| kind == "text/html");
        let json =
            weight(|kind| kind == "application/json" || kind == "application/geo+json" || kind.ends_with("+json"));
        if html > 0.0 && html >= json { Self::Html } else { Self::Json }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_pages_and_programs_get_json() {
        let format = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            Format::negotiate(None, &headers).unwrap()
        };
        assert_eq!(format("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Format::Html);
        assert_eq!(format("*/*"), Format::Json);
        assert_eq!(format("application/geo+json"), Format::Json);
        assert_eq!(format("text/html;q=0.5, application/json"), Format::Json);
        assert_eq!(Format::negotiate(Some("html"), &HeaderMap::new()).unwrap(), Format::Html);
        assert!(Format::negotiate(Some("xml"), &HeaderMap::new()).is_err());
    }

    #[test]
    fn hosts_with_other_characters_are_refused() {
        for (host, is_host) in
            [("localhost:8080", true), ("[::1]:80", true), ("a b", false), ("a/b", false), ("a\"", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            assert_eq!(host_of(&headers).is_some(), is_host, "{host}");
        }
    }
}
