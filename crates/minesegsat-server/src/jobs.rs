//! Jobs: clients request them, a worker thread runs one after the other. The list is in `jobs.sqlite` of the workspace.
//!
//! ```text
//! POST ── checked ── queued ── worker thread ── running ──┬─ done, failed
//!                      ^                                  ├─ cancelled        (DELETE)
//!                      └── killed or ended meanwhile ─────┘
//! ```
//! A job can safely run twice. So a job that was running when the program ended is queued again.

mod job;
mod progress;
mod request;
mod runner;
mod store;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use minesegsat_core::{Cause, output::FolderLock};
use tokio::sync::watch;

pub use self::job::{Job, JobKind, JobState};
pub use self::progress::JobProgress;
pub(crate) use self::request::{MonitorBody, PredictBody};
pub use self::request::{MonitorRequest, PredictRequest};
pub use self::runner::{JobFailure, JobRunner};
use self::store::Store;
use crate::ids::random_id;
use crate::links::leads_out;
use crate::options::ServerError;
use crate::problem::Problem;

/// Name of the list of jobs in a workspace.
const FILE: &str = "jobs.sqlite";
/// Maximum number of jobs in the list.
const MAX_JOBS: usize = 1000;

/// The jobs of a workspace. Only one server at a time runs them.
#[derive(Debug)]
pub(crate) struct Jobs {
    inner: Mutex<Inner>,
    /// Wakes the worker: a job was queued, or the server ends.
    wake: Condvar,
    /// Increases at every change of a job.
    changes: watch::Sender<u64>,
    ending: AtomicBool,
    worker: Mutex<Option<JoinHandle<()>>>,
    max_queued: usize,
    max_duration: Duration,
    /// Keeps other servers from running these jobs.
    _lock: FolderLock,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    /// Keyed by id.
    jobs: BTreeMap<String, Job>,
    /// Ids in the order of the requests.
    queue: VecDeque<String>,
    /// Id and stop flag of the running job.
    running: Option<(String, Arc<AtomicBool>)>,
}

impl Jobs {
    /// Opens the list of a workspace and starts the worker with the unfinished jobs.
    pub(crate) fn start(
        workspace: &Path,
        runner: Arc<dyn JobRunner>,
        max_queued: usize,
        max_duration: Duration,
    ) -> Result<Arc<Self>, ServerError> {
        let path = workspace.join(FILE);
        if leads_out(&path, workspace) {
            return Err(ServerError::LeadsOut { path });
        }
        let fail = |source: Cause| ServerError::Jobs { path: path.clone(), source };
        let lock = FolderLock::acquire(workspace).map_err(|error| match error {
            minesegsat_core::Error::FolderInUse { owner, .. } => {
                ServerError::WorkspaceInUse { path: workspace.to_owned(), owner }
            }
            other => fail(other.into()),
        })?;
        let store = Store::open(&path).map_err(|error| fail(error.into()))?;
        let mut jobs = BTreeMap::new();
        let mut queue = VecDeque::new();
        for mut job in store.read(MAX_JOBS).map_err(|error| fail(error.into()))? {
            if job.recover() {
                store.write(&job).map_err(|error| fail(error.into()))?;
            }
            if job.state == JobState::Queued {
                queue.push_back(job.id.clone());
            }
            jobs.insert(job.id.clone(), job);
        }
        if !queue.is_empty() {
            tracing::info!("resuming {} unfinished jobs", queue.len());
        }
        let jobs = Arc::new(Self {
            inner: Mutex::new(Inner { store, jobs, queue, running: None }),
            wake: Condvar::new(),
            changes: watch::Sender::new(0),
            ending: AtomicBool::new(false),
            worker: Mutex::new(None),
            max_queued,
            max_duration,
            _lock: lock,
        });
        let worker = Arc::clone(&jobs);
        let thread = std::thread::Builder::new().name("jobs".to_owned()).spawn(move || worker.work(runner.as_ref()));
        *jobs.worker.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread.map_err(|error| fail(error.into()))?);
        Ok(jobs)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job. It is on disk when this returns.
    pub(crate) fn submit(&self, kind: JobKind, request: serde_json::Value) -> Result<Job, Problem> {
        let mut inner = self.inner();
        if inner.queue.len() >= self.max_queued {
            let detail = format!("the queue is full: {} jobs are waiting; try again later", inner.queue.len());
            return Err(Problem::unavailable(detail, 60));
        }
        let job = Job::new(random_id(), kind, request);
        inner.store.write(&job).map_err(|error| store_failed(&error))?;
        inner.queue.push_back(job.id.clone());
        inner.jobs.insert(job.id.clone(), job.clone());
        inner.remove_old();
        drop(inner);
        tracing::info!(job = %job.id, "{} queued", job.kind.name());
        self.wake.notify_all();
        self.notify();
        Ok(job)
    }

    /// All jobs, newest first.
    pub(crate) fn all(&self) -> Vec<Job> {
        let mut jobs: Vec<Job> = self.inner().jobs.values().cloned().collect();
        jobs.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| b.id.cmp(&a.id)));
        jobs
    }

    pub(crate) fn find(&self, id: &str) -> Result<Job, Problem> {
        self.inner().jobs.get(id).cloned().ok_or_else(|| unknown_job(id))
    }

    pub(crate) fn count(&self, state: JobState) -> usize {
        self.inner().jobs.values().filter(|job| job.state == state).count()
    }

    /// Cancels a job: a queued one at once, a running one at its next check of the stop flag. An ended job is an error.
    pub(crate) fn cancel(&self, id: &str) -> Result<Job, Problem> {
        let mut inner = self.inner();
        let job = inner.jobs.get(id).cloned().ok_or_else(|| unknown_job(id))?;
        let job = match job.state {
            JobState::Queued => {
                let mut job = job;
                job.end(JobState::Cancelled, None, None);
                inner.store.write(&job).map_err(|error| store_failed(&error))?;
                inner.queue.retain(|queued| queued != id);
                inner.jobs.insert(id.to_owned(), job.clone());
                job
            }
            JobState::Running => {
                let mut job = job;
                "cancelling".clone_into(&mut job.message);
                job.is_cancelled = true;
                inner.store.write(&job).map_err(|error| store_failed(&error))?;
                if let Some((_, stop)) = inner.running.as_ref().filter(|(running, _)| running == id) {
                    stop.store(true, Ordering::SeqCst);
                }
                inner.jobs.insert(id.to_owned(), job.clone());
                job
            }
            JobState::Done | JobState::Failed | JobState::Cancelled => {
                return Err(Problem::conflict(format!("job `{id}` has already ended: {}", job.state.name())));
            }
        };
        drop(inner);
        self.notify();
        Ok(job)
    }

    /// Notifies of changes of any job.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// Starts the shutdown: stops the running job, which is queued again, and notifies all watchers.
    pub(crate) fn stop(&self) {
        self.ending.store(true, Ordering::SeqCst);
        if let Some((_, stop)) = &self.inner().running {
            stop.store(true, Ordering::SeqCst);
        }
        self.wake.notify_all();
        self.notify();
    }

    /// Waits for the end of the worker.
    pub(crate) fn join(&self) {
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker
            && worker.join().is_err()
        {
            tracing::error!("the thread of the jobs panicked");
        }
    }

    fn notify(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

impl Inner {
    /// Removes the oldest ended jobs while the list is too long.
    fn remove_old(&mut self) {
        while self.jobs.len() > MAX_JOBS {
            let oldest = self.jobs.values().filter(|job| job.state.is_over()).min_by_key(|job| job.created);
            let Some(id) = oldest.map(|job| job.id.clone()) else { return };
            if let Err(error) = self.store.remove(&id) {
                tracing::warn!("cannot remove an old job from the list: {error}");
            }
            self.jobs.remove(&id);
        }
    }
}

fn unknown_job(id: &str) -> Problem {
    let shown: String = id.chars().take(40).collect();
    Problem::not_found(format!("no job `{shown}`; `/api/jobs` lists the jobs"))
}

fn store_failed(error: &rusqlite::Error) -> Problem {
    let full = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull);
    let status = if full { 507 } else { 500 };
    let status = axum::http::StatusCode::from_u16(status).unwrap_or(axum::http::StatusCode::INTERNAL_SERVER_ERROR);
    Problem::new(status, format!("the list of jobs cannot be written: {error}"))
}

/// The current time, truncated to the milliseconds that the list stores.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
