//! Problem documents (RFC 9457): what was given, and what is accepted.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Media type of problem documents.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// An answer that is an error. `layers::observe` writes its body, as it knows path and request.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), headers: Vec::new() }
    }

    /// 400: a value is not accepted, and this is what is.
    pub(crate) fn argument(name: &str, value: &str, accepted: &str) -> Self {
        /// Longer ones are cut: nobody needs a megabyte back.
        const SHOWN: usize = 200;
        let shown: String = value.chars().take(SHOWN).collect();
        let more = if shown.len() < value.len() { "..." } else { "" };
        Self::new(StatusCode::BAD_REQUEST, format!("{name} `{shown}{more}` is not accepted: {accepted}"))
    }

    /// 404.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 409.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 503, to be tried again after so many seconds.
    pub(crate) fn unavailable(detail: impl Into<String>, seconds: u64) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(seconds)
    }

    /// 500.
    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.with(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The document.
    pub(crate) fn document(&self, instance: &str, request_id: &str) -> serde_json::Value {
        json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id,
        })
    }

    /// What a status says by itself, where a layer answered without a document.
    pub(crate) fn of_status(status: StatusCode, path: &str) -> Self {
        let detail = match status {
            StatusCode::NOT_FOUND => format!("there is nothing at `{path}`; `/openapi.json` lists what there is"),
            StatusCode::METHOD_NOT_ALLOWED => {
                format!("`{path}` does not take this method; the header `Allow` lists those that it takes")
            }
            StatusCode::PAYLOAD_TOO_LARGE => "the body is larger than this server takes".to_owned(),
            StatusCode::REQUEST_TIMEOUT => "the request took too long".to_owned(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "the body must be `application/json`".to_owned(),
            _ => status.canonical_reason().unwrap_or("it could not be done").to_owned(),
        };
        Self::new(status, detail)
    }
}

/// Everything that the core complains of is a fault of files here, unless a handler knows better.
impl From<minesegsat::Error> for Problem {
    fn from(error: minesegsat::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            let said = error.to_string();
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            cause = error.source();
        }
        if let minesegsat::Error::Io(io) = &error
            && io.kind() == std::io::ErrorKind::StorageFull
        {
            return Self::new(StatusCode::INSUFFICIENT_STORAGE, text);
        }
        Self::internal(text)
    }
}

/// A value that the core does not accept, given by a client.
pub(crate) fn refused(error: minesegsat::Error) -> Problem {
    match &error {
        minesegsat::Error::Argument { name, value, accepted } => Problem::argument(name, value, accepted),
        _ => error.into(),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_was_given_and_what_is_accepted() {
        let problem = Problem::argument("limit", "-1", "1 to 1000");
        let document = problem.document("/ogc/collections/sites/items", "r1");
        assert_eq!(document["status"], 400);
        assert_eq!(document["title"], "Bad Request");
        assert_eq!(document["detail"], "limit `-1` is not accepted: 1 to 1000");
        assert_eq!(document["request_id"], "r1");
        let long = Problem::argument("bbox", &"1".repeat(5000), "four numbers").detail;
        assert!(long.len() < 300 && long.contains("..."), "{long}");
    }
}
