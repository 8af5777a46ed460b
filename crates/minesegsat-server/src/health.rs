//! `/health`: whether the workspace can be read.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::json;

use crate::answer::{Answer, NO_STORE};
use crate::query::Query;
use crate::state::App;

/// `GET /health`
pub(crate) async fn health(State(app): State<Arc<App>>, query: Query) -> Answer {
    query.only(&[])?;
    app.read(|workspace| {
        workspace.check()?;
        workspace.check_register()
    })
    .await?;
    let document = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "jobs": app.jobs.is_some() });
    Ok(([(header::CACHE_CONTROL, NO_STORE)], axum::Json(document)).into_response())
}
