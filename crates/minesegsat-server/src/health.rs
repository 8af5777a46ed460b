//! `/health` and `/metrics`, for operators.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::json;

use crate::params::NoQuery;
use crate::problem::Problem;
use crate::response::{HandlerResult, NO_STORE};
use crate::state::App;

/// Text format of OpenMetrics, which Prometheus reads.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /health`: whether the workspace and its register can be read.
pub(crate) async fn health(State(app): State<Arc<App>>, _: NoQuery) -> HandlerResult {
    app.read(|workspace| {
        workspace.check()?;
        workspace.check_register()
    })
    .await?;
    let document = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "jobs": app.jobs.is_some() });
    Ok(([(header::CACHE_CONTROL, NO_STORE)], axum::Json(document)).into_response())
}

/// `GET /metrics`
pub(crate) async fn metrics(State(app): State<Arc<App>>, _: NoQuery) -> HandlerResult {
    let jobs = |state| app.jobs.as_ref().map_or(0, |jobs| jobs.count(state));
    let text = app.metrics.text(jobs, app.tiles.counts()).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, OPENMETRICS), (header::CACHE_CONTROL, NO_STORE)], text).into_response())
}
