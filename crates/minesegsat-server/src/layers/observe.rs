//! Request ids, the log, metrics, and the bodies of problem documents.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::access::{Caller, Peer};
use crate::ids::random_id;
use crate::problem::{PROBLEM_JSON, Problem};
use crate::response::header_value;
use crate::state::App;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Route in metrics for paths without a handler.
const UNKNOWN: &str = "unknown";

/// The outermost layer.
pub(crate) async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = given_id(request.headers()).unwrap_or_else(random_id);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or(UNKNOWN, MatchedPath::as_str).to_owned();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.to_string()).unwrap_or_default();
    let span = tracing::info_span!("request", id = %id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let detail = write_problem(&app, &mut response, &path, &id);
    response.headers_mut().insert(REQUEST_ID, header_value(&id));
    let user = response.extensions().get::<Caller>().and_then(|caller| caller.name.clone()).unwrap_or_default();
    let took = started.elapsed();
    app.metrics.request(&method, &route, response.status(), took);
    let status = response.status().as_u16();
    let ms = took.as_secs_f64() * 1e3;
    span.in_scope(|| match detail {
        Some(detail) if status >= 500 => tracing::error!(%peer, %user, %method, %path, status, ms, "{detail}"),
        Some(detail) => tracing::info!(%peer, %user, %method, %path, status, ms, "{detail}"),
        None => tracing::info!(%peer, %user, %method, %path, status, ms),
    });
    response
}

/// Writes the problem document of an error. Returns its detail for the log.
fn write_problem(app: &App, response: &mut Response, path: &str, id: &str) -> Option<String> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let mut problem =
        response.extensions_mut().remove::<Problem>().unwrap_or_else(|| Problem::from_status(status, path));
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        let most_kib = app.options.limits.body_bytes.div_ceil(1024);
        problem.detail = format!("the body is too large: this server accepts at most {most_kib} KiB");
    }
    let mut shown = problem.clone();
    // Clients must not see where the workspace is.
    let root = app.workspace.root().display().to_string();
    shown.detail = shown.detail.replace(&format!("{root}/"), "").replace(&root, "the workspace");
    *response.body_mut() = Body::from(shown.document(path, id).to_string());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header_value(PROBLEM_JSON));
    headers.insert(header::CACHE_CONTROL, header_value("no-store"));
    for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG] {
        headers.remove(name);
    }
    Some(problem.detail)
}

/// Request id that the client or a proxy sent, if it is safe in a log.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let fits = (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    fits.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_with_unsafe_characters_are_replaced() {
        let id_of_header = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, id.parse().unwrap());
            given_id(&headers)
        };
        assert_eq!(id_of_header("abc-1.2_3").as_deref(), Some("abc-1.2_3"));
        assert_eq!(id_of_header("a b"), None);
        assert_eq!(id_of_header(&"a".repeat(65)), None);
    }
}
