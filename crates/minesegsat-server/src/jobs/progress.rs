//! Progress of a running job.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use minesegsat_core::job::Progress;

use super::Jobs;

/// Shortest interval between two updates of [`JobProgress::share`].
const INTERVAL: Duration = Duration::from_millis(200);

/// Stores the progress of a job for the clients that watch it.
#[derive(Debug)]
pub struct JobProgress {
    jobs: Arc<Jobs>,
    id: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Index of the site being checked, number of sites, and its id.
    site: Option<(usize, usize, String)>,
    updated: Instant,
}

impl JobProgress {
    pub(super) fn new(jobs: Arc<Jobs>, id: String) -> Self {
        Self { jobs, id, state: Mutex::new(State { site: None, updated: Instant::now() }) }
    }

    /// Sets the finished share (0 to 1) and the message.
    pub fn set(&self, share: Option<f64>, message: &str) {
        self.jobs.note(&self.id, share, Some(message));
    }

    /// Sets the finished share (0 to 1). Skips calls that follow within 200 ms, so callers may call it often.
    pub fn share(&self, share: f64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if share < 1.0 && state.updated.elapsed() < INTERVAL {
            return;
        }
        state.updated = Instant::now();
        drop(state);
        self.jobs.note(&self.id, Some(share), None);
    }

    fn site_text(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.site.as_ref().map(|(index, total, id)| format!("{}/{total} {id}", index + 1))
    }
}

impl Progress for JobProgress {
    fn item(&self, index: usize, total: usize, site: &str) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).site = Some((index, total, site.to_owned()));
        let text = self.site_text().unwrap_or_default();
        self.jobs.note(&self.id, Some(index as f64 / total.max(1) as f64), Some(&text));
    }

    fn advance(&self, done: usize, total: usize) {
        let part = done as f64 / total.max(1) as f64;
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // The patches belong to one site of many.
        let share =
            state.site.as_ref().map_or(part, |(index, total, _)| (*index as f64 + part) / (*total).max(1) as f64);
        drop(state);
        // 1.0 is reserved for finished jobs.
        self.share(share.min(0.999));
    }

    fn stage(&self, what: &str) {
        let text = self.site_text().map_or_else(|| what.to_owned(), |site| format!("{site}: {what}"));
        self.jobs.note(&self.id, None, Some(&text));
    }
}
