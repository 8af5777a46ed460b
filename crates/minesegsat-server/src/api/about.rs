//! `/api` and `/api/session`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

use crate::access::COOKIE;
use crate::params::NoQuery;
use crate::problem::Problem;
use crate::response::{HandlerResult, JSON, header_value, json_response};
use crate::state::App;

/// `GET /api`
pub(crate) async fn about(State(app): State<Arc<App>>, _: NoQuery, headers: HeaderMap) -> HandlerResult {
    let document = json!({
        "name": "minesegsat",
        "version": env!("CARGO_PKG_VERSION"),
        "workspace": app.workspace.name(),
        "jobs_enabled": app.jobs.is_some() && app.options.token.is_some(),
        "writing_enabled": app.options.token.is_some(),
        "token_required_for_writing": true,
        "token_required_for_reading": !app.options.is_loopback(),
        "evidence_enabled": app.options.evidence_key.is_some(),
        "basemap": app.options.basemap,
    });
    json_response(&headers, JSON, &document)
}

/// `POST /api/session`: sets the session cookie, which allows reading. Images and downloads of a page send no
/// `Authorization` header.
pub(crate) async fn open_session(State(app): State<Arc<App>>, _: NoQuery) -> HandlerResult {
    let session = app
        .access
        .session()
        .ok_or_else(|| Problem::conflict("this server has no access token; its operator can start it with one"))?;
    let secure =
        if app.options.public_url.as_ref().is_some_and(|url| url.starts_with("https:")) { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict{secure}");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, header_value(&cookie))]).into_response())
}

/// `DELETE /api/session`: removes the session cookie.
pub(crate) async fn close_session(_: NoQuery) -> HandlerResult {
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, header_value(&cookie))]).into_response())
}
