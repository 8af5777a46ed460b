//! Metrics: counters and gauges in the text format of OpenMetrics.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::jobs::JobState;

/// Upper bounds of the latency histogram, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 5.0];

/// Names and values of labels.
type Labels = Vec<(&'static str, String)>;

/// All metrics of the server.
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
        let latency: Family<Labels, Histogram> = Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let (uptime, memory) = (Gauge::default(), Gauge::default());
        let (jobs, tiles) = (Family::<Labels, Gauge>::default(), Family::<Labels, Gauge>::default());
        registry.register("http_requests", "Responses by method, route and status", requests.clone());
        registry.register("http_request_seconds", "Time until the response head, by route", latency.clone());
        registry.register("uptime_seconds", "Time since the start", uptime.clone());
        registry.register("memory_bytes", "Resident memory of the process", memory.clone());
        registry.register("jobs", "Jobs by state", jobs.clone());
        registry.register("tile_cache", "Cache of tiles: hits, misses, entries, bytes", tiles.clone());
        Self { registry, started: Instant::now(), requests, latency, uptime, memory, jobs, tiles }
    }

    /// Counts a response. `route` is the pattern of the path, so the number of routes is small.
    pub(crate) fn request(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        // A client may send any word as a method. Only known methods get a label.
        let method = match *method {
            Method::GET | Method::HEAD | Method::POST | Method::PATCH | Method::DELETE | Method::OPTIONS => {
                method.as_str()
            }
            _ => "other",
        };
        let labels =
            vec![("method", method.to_owned()), ("route", route.to_owned()), ("status", status.as_u16().to_string())];
        self.requests.get_or_create(&labels).inc();
        self.latency.get_or_create(&vec![("route", route.to_owned())]).observe(took.as_secs_f64());
    }

    /// All metrics as text.
    ///
    /// `jobs` is the number of jobs in a state, `tiles` the counts of the tile cache.
    pub(crate) fn text(
        &self,
        jobs: impl Fn(JobState) -> usize,
        tiles: Vec<(&'static str, u64)>,
    ) -> Result<String, std::fmt::Error> {
        self.uptime.set(self.started.elapsed().as_secs() as i64);
        self.memory.set(resident_bytes().unwrap_or(0) as i64);
        for state in JobState::ALL {
            self.jobs.get_or_create(&vec![("state", state.name().to_owned())]).set(jobs(state) as i64);
        }
        for (what, count) in tiles {
            self.tiles.get_or_create(&vec![("what", what.to_owned())]).set(count as i64);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Resident memory of this process. `None` if the system does not report it.
fn resident_bytes() -> Option<u64> {
    const KIB: u64 = 1 << 10;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * KIB)
}
