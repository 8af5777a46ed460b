//! Errors as problem documents (RFC 9457): the value that failed, and the accepted values.

use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Media type of problem documents.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// An error response. `layers::observe` writes its body, because it knows the path and the request id.
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

    /// 400: the name of a value, the value, and the accepted values.
    pub(crate) fn argument(name: &str, value: &str, accepted: &str) -> Self {
        /// Longer values are cut.
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

    /// 503 with `Retry-After` in seconds.
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

    /// The problem document.
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

    /// The problem of a status, for responses of layers that have no detail.
    pub(crate) fn from_status(status: StatusCode, path: &str) -> Self {
        let detail = match status {
            StatusCode::NOT_FOUND => format!("no resource at `{path}`; `/openapi.json` lists all paths"),
            StatusCode::METHOD_NOT_ALLOWED => {
                format!("`{path}` does not support this method; the header `Allow` lists the supported ones")
            }
            StatusCode::PAYLOAD_TOO_LARGE => "the body is too large".to_owned(),
            StatusCode::REQUEST_TIMEOUT => "the request took too long".to_owned(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "the body must be `application/json`".to_owned(),
            _ => status.canonical_reason().unwrap_or("the request failed").to_owned(),
        };
        Self::new(status, detail)
    }
}

/// Errors of the core are faults of files on the server. Handlers use [`refused`] for values of clients.
impl From<minesegsat_core::Error> for Problem {
    fn from(error: minesegsat_core::Error) -> Self {
        let text = minesegsat_core::with_causes(&error);
        if error.is_lack_of_room() {
            return Self::new(StatusCode::INSUFFICIENT_STORAGE, text);
        }
        Self::internal(text)
    }
}

/// The problem of a client's value that the core refused.
pub(crate) fn refused(error: minesegsat_core::Error) -> Problem {
    match &error {
        minesegsat_core::Error::Argument { name, value, accepted } => Problem::argument(name, value, accepted),
        _ => error.into(),
    }
}

/// A body that is not the expected JSON.
impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            // axum answers 422. The server treats wrong values in a body like wrong parameters.
            JsonRejection::JsonDataError(error) => Self::new(StatusCode::BAD_REQUEST, error.body_text()),
            other => Self::new(other.status(), other.body_text()),
        }
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
    fn a_problem_names_the_value_and_the_accepted_values() {
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
