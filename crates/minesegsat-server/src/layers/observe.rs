//! Request ids, the log, the counts, and the bodies of problem documents.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::Next;
use axum::response::Response;
use ring::rand::{SecureRandom, SystemRandom};
use tracing::Instrument;

use super::Peer;
use crate::answer::value;
use crate::problem::{PROBLEM_JSON, Problem};
use crate::state::App;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Route of what there is nothing at, in counts.
const UNKNOWN: &str = "unknown";

/// The outermost layer.
pub(crate) async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = given_id(request.headers()).unwrap_or_else(new_id);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or(UNKNOWN, MatchedPath::as_str).to_owned();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.to_string()).unwrap_or_default();
    let span = tracing::info_span!("request", id = %id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let detail = write_problem(&app, &mut response, &path, &id);
    response.headers_mut().insert(REQUEST_ID, value(&id));
    let took = started.elapsed();
    app.metrics.request(&method, &route, response.status(), took);
    let status = response.status().as_u16();
    let ms = took.as_secs_f64() * 1e3;
    span.in_scope(|| match detail {
        Some(detail) if status >= 500 => tracing::error!(%peer, %method, %path, status, ms, "{detail}"),
        Some(detail) => tracing::info!(%peer, %method, %path, status, ms, "{detail}"),
        None => tracing::info!(%peer, %method, %path, status, ms),
    });
    response
}

/// Gives an error its document; what is said in it, as it goes to the log.
fn write_problem(app: &App, response: &mut Response, path: &str, id: &str) -> Option<String> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let problem = response.extensions_mut().remove::<Problem>().unwrap_or_else(|| Problem::of_status(status, path));
    let mut shown = problem.clone();
    // Where the workspace lies is nobody's business.
    let root = app.workspace.root().display().to_string();
    shown.detail = shown.detail.replace(&format!("{root}/"), "").replace(&root, "the workspace");
    *response.body_mut() = Body::from(shown.document(path, id).to_string());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, value(PROBLEM_JSON));
    headers.insert(header::CACHE_CONTROL, value("no-store"));
    for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG] {
        headers.remove(name);
    }
    Some(problem.detail)
}

/// The id that a client or proxy gave, if it is fit for a log.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let fits = (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    fits.then(|| id.to_owned())
}

/// 16 hexadecimal digits that nobody has had before.
pub(crate) fn new_id() -> String {
    let mut bytes = [0_u8; 8];
    // Random numbers of the system do not fail; if they did, two requests with one id are better than none.
    if SystemRandom::new().fill(&mut bytes).is_err() {
        tracing::warn!("the system gave no random numbers");
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_would_garble_the_log_are_not_taken() {
        let of = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, id.parse().unwrap());
            given_id(&headers)
        };
        assert_eq!(of("abc-1.2_3").as_deref(), Some("abc-1.2_3"));
        assert_eq!(of("a b"), None);
        assert_eq!(of(&"a".repeat(65)), None);
        assert_ne!(new_id(), new_id());
        assert_eq!(new_id().len(), 16);
    }
}
