//! `/api`, `/api/me` and `/api/session`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

use crate::access::{COOKIE, Caller, Peer};
use crate::params::NoQuery;
use crate::problem::Problem;
use crate::response::{HandlerResult, JSON, NO_STORE, header_value, json_response};
use crate::state::App;

/// `GET /api`
pub(crate) async fn about(
    State(app): State<Arc<App>>,
    Extension(Peer(client)): Extension<Peer>,
    _: NoQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let document = json!({
        "name": "minesegsat",
        "version": env!("CARGO_PKG_VERSION"),
        "workspace": app.workspace.name(),
        "jobs_enabled": app.jobs.is_some() && app.options.is_writable(),
        "writing_enabled": app.options.is_writable(),
        "users_enabled": app.options.users.is_some(),
        "token_required_for_writing": true,
        "token_required_for_reading": app.access.reading_needs_token(client, &headers),
        "evidence_enabled": app.options.evidence_key.is_some(),
        "basemap": app.options.basemap,
    });
    json_response(&headers, JSON, &document)
}

/// `GET /api/me`: name and role of the caller. Both are `null` for a client without a token that may read.
pub(crate) async fn me(caller: Option<Extension<Caller>>, _: NoQuery) -> HandlerResult {
    let caller = caller.map(|Extension(caller)| caller);
    let (role, name) =
        (caller.as_ref().map(|caller| caller.role), caller.as_ref().and_then(|caller| caller.name.as_deref()));
    Ok(([(header::CACHE_CONTROL, NO_STORE)], Json(json!({ "name": name, "role": role }))).into_response())
}

/// `POST /api/session`: sets the session cookie, which allows reading. Images and downloads of a page send no
/// `Authorization` header.
pub(crate) async fn open_session(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    _: NoQuery,
) -> HandlerResult {
    let session = app
        .access
        .session(&caller)?
        .ok_or_else(|| Problem::conflict(format!("{caller} was removed meanwhile, so there is no session")))?;
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
