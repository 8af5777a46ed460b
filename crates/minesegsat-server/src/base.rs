//! Where the server is reached, as the client names it: links lead there.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::problem::Problem;
use crate::state::App;

/// Address of the server without a slash at the end, and the path that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    root: String,
    path: String,
}

impl Base {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    /// The address that was asked for, with this query.
    pub(crate) fn this(&self, query: &str) -> String {
        if query.is_empty() { self.url(&self.path) } else { format!("{}{}?{query}", self.root, self.path) }
    }
}

impl FromRequestParts<Arc<App>> for Base {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let root = match &app.options.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            // `layers::host` has looked at it.
            None => format!("http://{}", host_of(&parts.headers).unwrap_or("localhost")),
        };
        Ok(Self { root, path: parts.uri.path().to_owned() })
    }
}

/// What a client calls the server, where that is a host and perhaps a port.
pub(crate) fn host_of(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
    (!host.is_empty() && host.len() <= 255 && host.chars().all(is_plain)).then_some(host)
}

/// What a client wants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Html,
}

impl Format {
    /// By `f`, or else by `Accept`: HTML only where it is named, and before JSON.
    pub(crate) fn of(f: Option<&str>, headers: &HeaderMap) -> Result<Self, Problem> {
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
        let of = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            Format::of(None, &headers).unwrap()
        };
        assert_eq!(of("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Format::Html);
        assert_eq!(of("*/*"), Format::Json);
        assert_eq!(of("application/geo+json"), Format::Json);
        assert_eq!(of("text/html;q=0.5, application/json"), Format::Json);
        assert_eq!(Format::of(Some("html"), &HeaderMap::new()).unwrap(), Format::Html);
        assert!(Format::of(Some("xml"), &HeaderMap::new()).is_err());
    }

    #[test]
    fn hosts_with_anything_else_in_them_are_none() {
        for (host, is_host) in
            [("localhost:8080", true), ("[::1]:80", true), ("a b", false), ("a/b", false), ("a\"", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            assert_eq!(host_of(&headers).is_some(), is_host, "{host}");
        }
    }
}
