//! `/api` and `/api/session`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

use crate::answer::{Answer, JSON, json as answer, value};
use crate::layers::COOKIE;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

/// `GET /api`
pub(crate) async fn about(State(app): State<Arc<App>>, query: Query, headers: HeaderMap) -> Answer {
    query.only(&[])?;
    let document = json!({
        "name": "minesegsat",
        "version": env!("CARGO_PKG_VERSION"),
        "workspace": app.workspace.name(),
        "jobs_enabled": app.jobs.is_some() && app.options.token.is_some(),
        "token_required_for_writing": true,
        "token_required_for_reading": !app.options.is_loopback(),
        "evidence_enabled": app.options.evidence_key.is_some(),
        "basemap": app.options.basemap,
    });
    answer(&headers, JSON, &document)
}

/// `POST /api/session`: a cookie to read with, for who has shown the token. Pictures and downloads of a page carry no headers.
pub(crate) async fn open_session(State(app): State<Arc<App>>, query: Query) -> Answer {
    query.only(&[])?;
    let session = app.access.session().ok_or_else(|| Problem::conflict("this server was started without a token"))?;
    let secure =
        if app.options.public_url.as_ref().is_some_and(|url| url.starts_with("https:")) { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict{secure}");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, value(&cookie))]).into_response())
}

/// `DELETE /api/session`: takes the cookie away.
pub(crate) async fn close_session(query: Query) -> Answer {
    query.only(&[])?;
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, value(&cookie))]).into_response())
}
