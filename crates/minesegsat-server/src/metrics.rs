//! `/metrics`: counts in the text format that Prometheus reads (OpenMetrics).

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::IntoResponse;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::answer::{Answer, NO_STORE};
use crate::jobs::JobState;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Upper ends of the classes of latencies, in seconds.
const CLASSES: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 5.0];

/// Names and values of labels, in their order.
type Labels = Vec<(&'static str, String)>;

/// All counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    started: Instant,
    requests: Family<Labels, Counter>,
    latency: Family<Labels, Histogram>,
    uptime: Gauge,
    memory: Gauge,
    jobs: Family<Labels, Gauge>,
    tiles: Family<Labels, Gauge>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("minesegsat");
        let requests = Family::<Labels, Counter>::default();
        let latency: Family<Labels, Histogram> = Family::new_with_constructor(|| Histogram::new(CLASSES));
        let (uptime, memory) = (Gauge::default(), Gauge::default());
        let (jobs, tiles) = (Family::<Labels, Gauge>::default(), Family::<Labels, Gauge>::default());
        registry.register("http_requests", "Answers by method, route and status", requests.clone());
        registry.register("http_request_seconds", "Time to the head of an answer, by route", latency.clone());
        registry.register("uptime_seconds", "Time since the start", uptime.clone());
        registry.register("memory_bytes", "Resident memory of the process", memory.clone());
        registry.register("jobs", "Jobs by state", jobs.clone());
        registry.register("tile_cache", "Cache of tiles: hits, misses, entries, bytes", tiles.clone());
        Self { registry, started: Instant::now(), requests, latency, uptime, memory, jobs, tiles }
    }

    /// Counts an answer. Routes are patterns of paths, so there are few of them.
    pub(crate) fn request(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        // Methods may be any word; only those that are routed are counted by name.
        let method = match *method {
            Method::GET | Method::HEAD | Method::POST | Method::DELETE | Method::OPTIONS => method.as_str(),
            _ => "other",
        };
        let labels =
            vec![("method", method.to_owned()), ("route", route.to_owned()), ("status", status.as_u16().to_string())];
        self.requests.get_or_create(&labels).inc();
        self.latency.get_or_create(&vec![("route", route.to_owned())]).observe(took.as_secs_f64());
    }

    fn text(&self, app: &App) -> Result<String, std::fmt::Error> {
        self.uptime.set(self.started.elapsed().as_secs() as i64);
        self.memory.set(resident_bytes().unwrap_or(0) as i64);
        for state in JobState::ALL {
            let count = app.jobs.as_ref().map_or(0, |jobs| jobs.count(state));
            self.jobs.get_or_create(&vec![("state", state.name().to_owned())]).set(count as i64);
        }
        for (what, count) in app.tiles.counts() {
            self.tiles.get_or_create(&vec![("what", what.to_owned())]).set(count as i64);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// `GET /metrics`
pub(crate) async fn metrics(State(app): State<Arc<App>>, query: Query) -> Answer {
    query.only(&[])?;
    let text = app.metrics.text(&app).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, NO_STORE)], text).into_response())
}

/// Memory of this process that is in use, where the system tells.
fn resident_bytes() -> Option<u64> {
    const KIB: u64 = 1 << 10;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * KIB)
}
