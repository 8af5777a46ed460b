//! Starts, lists, follows and cancels jobs.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::json;

use crate::access::Peer;
use crate::jobs::{Job, JobKind, Jobs, MonitorBody, PredictBody};
use crate::params::NoQuery;
use crate::problem::Problem;
use crate::response::{HandlerResult, NO_STORE, header_value};
use crate::state::App;
use crate::workspace::Workspace;

/// Interval of keep-alive messages. Without them, proxies close idle connections.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// `POST /api/predict`
pub(crate) async fn start_predict(
    State(app): State<Arc<App>>,
    Extension(Peer(client)): Extension<Peer>,
    _: NoQuery,
    body: Result<Json<PredictBody>, JsonRejection>,
) -> HandlerResult {
    let Json(body) = body?;
    let jobs = Arc::clone(app.jobs()?);
    body.check(&app.options)?;
    app.access.count_job(client)?;
    let request = serde_json::to_value(&body).map_err(|error| Problem::internal(error.to_string()))?;
    let job = app.gate.run(move || jobs.submit(JobKind::Predict, request)).await?;
    Ok(accepted_response(&job))
}

/// `POST /api/monitor`
pub(crate) async fn start_monitor(
    State(app): State<Arc<App>>,
    Extension(Peer(client)): Extension<Peer>,
    _: NoQuery,
    body: Result<Json<MonitorBody>, JsonRejection>,
) -> HandlerResult {
    let Json(body) = body?;
    let jobs = Arc::clone(app.jobs()?);
    let snapshot = app.read(Workspace::snapshot).await?;
    body.check(&app.options, &snapshot)?;
    app.access.count_job(client)?;
    let request = serde_json::to_value(&body).map_err(|error| Problem::internal(error.to_string()))?;
    let job = app.gate.run(move || jobs.submit(JobKind::Monitor, request)).await?;
    Ok(accepted_response(&job))
}

fn accepted_response(job: &Job) -> Response {
    let location = header_value(&format!("/api/jobs/{}", job.id));
    (StatusCode::ACCEPTED, [(header::LOCATION, location), (header::CACHE_CONTROL, header_value(NO_STORE))], Json(job))
        .into_response()
}

/// `GET /api/jobs`
pub(crate) async fn jobs(State(app): State<Arc<App>>, _: NoQuery) -> HandlerResult {
    // An empty list without a runner, because the page always asks for jobs.
    let jobs = app.jobs.as_ref().map(|jobs| jobs.all()).unwrap_or_default();
    Ok(([(header::CACHE_CONTROL, NO_STORE)], Json(json!({ "jobs": jobs }))).into_response())
}

/// `GET /api/jobs/{job}`
pub(crate) async fn job(State(app): State<Arc<App>>, Path(id): Path<String>, _: NoQuery) -> HandlerResult {
    let job = find(&app, &id)?;
    Ok(([(header::CACHE_CONTROL, NO_STORE)], Json(job)).into_response())
}

fn find(app: &App, id: &str) -> Result<Job, Problem> {
    match &app.jobs {
        Some(jobs) => jobs.find(id),
        None => Err(Problem::not_found("this server runs no jobs")),
    }
}

/// `DELETE /api/jobs/{job}`
pub(crate) async fn cancel_job(State(app): State<Arc<App>>, Path(id): Path<String>, _: NoQuery) -> HandlerResult {
    find(&app, &id)?;
    let jobs = Arc::clone(app.jobs()?);
    let job = app.gate.run(move || jobs.cancel(&id)).await?;
    Ok(([(header::CACHE_CONTROL, NO_STORE)], Json(job)).into_response())
}

/// `GET /api/jobs/{job}/events`: the job now, and after every change until it ends.
pub(crate) async fn job_events(State(app): State<Arc<App>>, Path(id): Path<String>, _: NoQuery) -> HandlerResult {
    find(&app, &id)?;
    let jobs = Arc::clone(app.jobs()?);
    let events = Sse::new(events(jobs, id)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(([(header::HeaderName::from_static("x-accel-buffering"), "no")], events).into_response())
}

fn events(jobs: Arc<Jobs>, id: String) -> impl stream::Stream<Item = Result<Event, Infallible>> {
    let changes = jobs.watch();
    stream::unfold((jobs, id, changes, None::<Job>), |(jobs, id, mut changes, last)| async move {
        if last.as_ref().is_some_and(|job| job.state.is_over()) {
            return None;
        }
        loop {
            // Marks the change as seen before it reads the job, so that no change is missed.
            changes.borrow_and_update();
            let job = jobs.find(&id).ok()?;
            if last.as_ref() != Some(&job) {
                let event = Event::default().event("job").json_data(&job).ok()?;
                return Some((Ok(event), (jobs, id, changes, Some(job))));
            }
            if jobs.is_ending() {
                return None;
            }
            changes.changed().await.ok()?;
        }
    })
}
