//! How far a job is, told by who does it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use minesegsat::monitor::MonitorProgress;
use minesegsat::predict::Progress;
use minesegsat::register::SiteId;

use super::Jobs;

/// Who watches is not told more often.
const PAUSE: Duration = Duration::from_millis(200);

/// Takes how far a job is. The core's own [`Progress`] and [`MonitorProgress`], too.
#[derive(Debug)]
pub struct JobProgress {
    jobs: Arc<Jobs>,
    id: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Site that is looked at, out of how many.
    site: Option<(usize, usize, String)>,
    told: Instant,
}

impl JobProgress {
    pub(super) fn new(jobs: Arc<Jobs>, id: String) -> Self {
        Self { jobs, id, state: Mutex::new(State { site: None, told: Instant::now() }) }
    }

    /// So much is done, 0 to 1, and this is being done.
    pub fn set(&self, share: Option<f64>, message: &str) {
        self.jobs.note(&self.id, share, Some(message));
    }

    /// So much is done, 0 to 1. Told now and then, however often it is called.
    pub fn share(&self, share: f64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if share < 1.0 && state.told.elapsed() < PAUSE {
            return;
        }
        state.told = Instant::now();
        drop(state);
        self.jobs.note(&self.id, Some(share), None);
    }

    fn site_text(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.site.as_ref().map(|(index, total, id)| format!("{}/{total} {id}", index + 1))
    }
}

impl Progress for JobProgress {
    fn patches(&self, done: usize, total: usize) {
        let part = done as f64 / total.max(1) as f64;
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Patches are of one of many sites.
        let share =
            state.site.as_ref().map_or(part, |(index, total, _)| (*index as f64 + part) / (*total).max(1) as f64);
        drop(state);
        // Never all of it before it is done.
        self.share(share.min(0.999));
    }

    fn finishing(&self, what: &str) {
        let text = self.site_text().map_or_else(|| what.to_owned(), |site| format!("{site}: {what}"));
        self.jobs.note(&self.id, None, Some(&text));
    }
}

impl MonitorProgress for JobProgress {
    fn site(&self, index: usize, total: usize, site: &SiteId) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).site = Some((index, total, site.to_string()));
        let text = self.site_text().unwrap_or_default();
        self.jobs.note(&self.id, Some(index as f64 / total.max(1) as f64), Some(&text));
    }

    fn doing(&self, what: &str) {
        self.finishing(what);
    }
}
