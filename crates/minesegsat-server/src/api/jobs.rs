//! Jobs: ordered, listed, watched, cancelled.

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

use crate::answer::{Answer, NO_STORE, value};
use crate::jobs::{Job, JobKind, Jobs, MonitorOrder, PredictOrder};
use crate::layers::Peer;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;
use crate::workspace::Workspace;

/// A sign of life this often keeps proxies from hanging up.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// `POST /api/predict`
pub(crate) async fn order_predict(
    State(app): State<Arc<App>>,
    Extension(Peer(client)): Extension<Peer>,
    query: Query,
    order: Result<Json<PredictOrder>, JsonRejection>,
) -> Answer {
    query.only(&[])?;
    let Json(order) = order.map_err(unreadable)?;
    let jobs = Arc::clone(app.jobs()?);
    order.check(&app.options)?;
    app.access.may_order(client)?;
    let request = serde_json::to_value(&order).map_err(|error| Problem::internal(error.to_string()))?;
    let job = app.gate.run(move || jobs.order(JobKind::Predict, request)).await?;
    Ok(accepted(&job))
}

/// `POST /api/monitor`
pub(crate) async fn order_monitor(
    State(app): State<Arc<App>>,
    Extension(Peer(client)): Extension<Peer>,
    query: Query,
    order: Result<Json<MonitorOrder>, JsonRejection>,
) -> Answer {
    query.only(&[])?;
    let Json(order) = order.map_err(unreadable)?;
    let jobs = Arc::clone(app.jobs()?);
    let snapshot = app.read(Workspace::snapshot).await?;
    order.check(&app.options, &snapshot)?;
    app.access.may_order(client)?;
    let request = serde_json::to_value(&order).map_err(|error| Problem::internal(error.to_string()))?;
    let job = app.gate.run(move || jobs.order(JobKind::Monitor, request)).await?;
    Ok(accepted(&job))
}

fn accepted(job: &Job) -> Response {
    let place = value(&format!("/api/jobs/{}", job.id));
    (StatusCode::ACCEPTED, [(header::LOCATION, place), (header::CACHE_CONTROL, value(NO_STORE))], Json(job))
        .into_response()
}

/// A body that is not what was asked for.
pub(crate) fn unreadable(rejection: JsonRejection) -> Problem {
    match rejection {
        // 422 would be usual, but the body is as wrong as a parameter.
        JsonRejection::JsonDataError(error) => Problem::new(StatusCode::BAD_REQUEST, error.body_text()),
        other => Problem::new(other.status(), other.body_text()),
    }
}

/// `GET /api/jobs`
pub(crate) async fn jobs(State(app): State<Arc<App>>, query: Query) -> Answer {
    query.only(&[])?;
    // No runner, no jobs: the page asks whatever the server can do.
    let jobs = app.jobs.as_ref().map(|jobs| jobs.all()).unwrap_or_default();
    Ok(([(header::CACHE_CONTROL, NO_STORE)], Json(json!({ "jobs": jobs }))).into_response())
}

/// `GET /api/jobs/{job}`
pub(crate) async fn job(State(app): State<Arc<App>>, Path(id): Path<String>, query: Query) -> Answer {
    query.only(&[])?;
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
pub(crate) async fn cancel_job(State(app): State<Arc<App>>, Path(id): Path<String>, query: Query) -> Answer {
    query.only(&[])?;
    find(&app, &id)?;
    let jobs = Arc::clone(app.jobs()?);
    let job = app.gate.run(move || jobs.cancel(&id)).await?;
    Ok(([(header::CACHE_CONTROL, NO_STORE)], Json(job)).into_response())
}

/// `GET /api/jobs/{job}/events`: the job now, and at every change until it is over.
pub(crate) async fn job_events(State(app): State<Arc<App>>, Path(id): Path<String>, query: Query) -> Answer {
    query.only(&[])?;
    find(&app, &id)?;
    let jobs = Arc::clone(app.jobs()?);
    let events = Sse::new(events(jobs, id)).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE));
    Ok(([(header::HeaderName::from_static("x-accel-buffering"), "no")], events).into_response())
}

fn events(jobs: Arc<Jobs>, id: String) -> impl stream::Stream<Item = Result<Event, Infallible>> {
    let changes = jobs.watch();
    stream::unfold((jobs, id, changes, None::<Job>), |(jobs, id, mut changes, last)| async move {
        if last.as_ref().is_some_and(|job| job.state.is_over()) {
            return None;
        }
        loop {
            // Marked as seen before it is read, so that no change is missed.
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
