//! Jobs: ordered by clients, done one after the other, kept in `jobs.sqlite` of the workspace.
//!
//! ```text
//! POST ── checked ── queued ── worker thread ── running ──┬─ done, failed
//!                      ^                                  ├─ cancelled        (DELETE)
//!                      └── killed or ended meanwhile ─────┘
//! ```
//! What a job does is safe to be done twice, so one that was running when the program ended is queued again.

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

use jiff::Timestamp;
use minesegsat::output::FolderLock;
use tokio::sync::watch;

pub use self::job::{Job, JobKind, JobState};
pub use self::progress::JobProgress;
pub(crate) use self::request::{MonitorOrder, PredictOrder};
pub use self::request::{MonitorRequest, PredictRequest};
pub use self::runner::{JobFailure, JobRunner};
use self::store::Store;
use crate::layers::new_id;
use crate::options::ServerError;
use crate::problem::Problem;

/// Name of the list of jobs in a workspace.
const FILE: &str = "jobs.sqlite";
/// Jobs that are remembered.
const KEPT: usize = 1000;

/// The jobs of a workspace. One server at a time has them.
#[derive(Debug)]
pub(crate) struct Jobs {
    inner: Mutex<Inner>,
    /// Told when there is something to do, or an end.
    wake: Condvar,
    /// Counts up at every change, for who watches.
    changes: watch::Sender<u64>,
    ending: AtomicBool,
    worker: Mutex<Option<JoinHandle<()>>>,
    most_queued: usize,
    /// Keeps other servers away as long as this one lives.
    _lock: FolderLock,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    /// By id.
    jobs: BTreeMap<String, Job>,
    /// Ids in the order in which they were ordered.
    queue: VecDeque<String>,
    /// The one that runs, and what stops it.
    running: Option<(String, Arc<AtomicBool>)>,
}

impl Jobs {
    /// Opens the list of a workspace and begins with what was left over.
    pub(crate) fn start(
        workspace: &Path,
        runner: Arc<dyn JobRunner>,
        most_queued: usize,
    ) -> Result<Arc<Self>, ServerError> {
        let path = workspace.join(FILE);
        let fail = |reason: String| ServerError::Jobs { path: path.clone(), reason };
        let lock = FolderLock::acquire(workspace).map_err(|error| match error {
            minesegsat::Error::FolderInUse { owner, .. } => {
                ServerError::WorkspaceInUse { path: workspace.to_owned(), owner }
            }
            other => fail(other.to_string()),
        })?;
        let store = Store::open(&path).map_err(|error| fail(error.to_string()))?;
        let mut jobs = BTreeMap::new();
        let mut queue = VecDeque::new();
        for mut job in store.read(KEPT).map_err(|error| fail(error.to_string()))? {
            if job.recover() {
                store.write(&job).map_err(|error| fail(error.to_string()))?;
            }
            if job.state == JobState::Queued {
                queue.push_back(job.id.clone());
            }
            jobs.insert(job.id.clone(), job);
        }
        if !queue.is_empty() {
            tracing::info!("{} jobs were left over and go on", queue.len());
        }
        let jobs = Arc::new(Self {
            inner: Mutex::new(Inner { store, jobs, queue, running: None }),
            wake: Condvar::new(),
            changes: watch::Sender::new(0),
            ending: AtomicBool::new(false),
            worker: Mutex::new(None),
            most_queued,
            _lock: lock,
        });
        let worker = Arc::clone(&jobs);
        let thread = std::thread::Builder::new().name("jobs".to_owned()).spawn(move || worker.work(runner.as_ref()));
        *jobs.worker.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(thread.map_err(|error| fail(error.to_string()))?);
        Ok(jobs)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job. It is on disk when this returns.
    pub(crate) fn order(&self, kind: JobKind, request: serde_json::Value) -> Result<Job, Problem> {
        let mut inner = self.inner();
        if inner.queue.len() >= self.most_queued {
            let detail = format!("{} jobs are waiting already; try again when some are done", inner.queue.len());
            return Err(Problem::unavailable(detail, 60));
        }
        let job = Job::new(new_id(), kind, request);
        inner.store.write(&job).map_err(|error| store_failed(&error))?;
        inner.queue.push_back(job.id.clone());
        inner.jobs.insert(job.id.clone(), job.clone());
        inner.forget_old();
        drop(inner);
        tracing::info!(job = %job.id, "{} ordered", job.kind.name());
        self.wake.notify_all();
        self.tell();
        Ok(job)
    }

    /// All jobs, the newest first.
    pub(crate) fn all(&self) -> Vec<Job> {
        let mut jobs: Vec<Job> = self.inner().jobs.values().cloned().collect();
        jobs.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| b.id.cmp(&a.id)));
        jobs
    }

    pub(crate) fn find(&self, id: &str) -> Result<Job, Problem> {
        self.inner().jobs.get(id).cloned().ok_or_else(|| unknown(id))
    }

    pub(crate) fn count(&self, state: JobState) -> usize {
        self.inner().jobs.values().filter(|job| job.state == state).count()
    }

    /// Cancels a job: at once where it waits, soon where it runs. One that is over stays as it is.
    pub(crate) fn cancel(&self, id: &str) -> Result<Job, Problem> {
        let mut inner = self.inner();
        let job = inner.jobs.get(id).cloned().ok_or_else(|| unknown(id))?;
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
                return Err(Problem::conflict(format!("job `{id}` is over: it is {}", job.state.name())));
            }
        };
        drop(inner);
        self.tell();
        Ok(job)
    }

    /// Told of changes of any job.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// Begins the end: the job that runs is stopped and queued again. Who watches is told.
    pub(crate) fn stop(&self) {
        self.ending.store(true, Ordering::SeqCst);
        if let Some((_, stop)) = &self.inner().running {
            stop.store(true, Ordering::SeqCst);
        }
        self.wake.notify_all();
        self.tell();
    }

    /// Waits for the worker.
    pub(crate) fn join(&self) {
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker
            && worker.join().is_err()
        {
            tracing::error!("the thread of the jobs panicked");
        }
    }

    fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

impl Inner {
    /// Drops the oldest that are over.
    fn forget_old(&mut self) {
        while self.jobs.len() > KEPT {
            let oldest = self.jobs.values().filter(|job| job.state.is_over()).min_by_key(|job| job.created);
            let Some(id) = oldest.map(|job| job.id.clone()) else { return };
            if let Err(error) = self.store.remove(&id) {
                tracing::warn!("an old job stays in the list: {error}");
            }
            self.jobs.remove(&id);
        }
    }
}

fn unknown(id: &str) -> Problem {
    let shown: String = id.chars().take(40).collect();
    Problem::not_found(format!("there is no job `{shown}`; `/api/jobs` lists them"))
}

fn store_failed(error: &rusqlite::Error) -> Problem {
    let full = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull);
    let status = if full { 507 } else { 500 };
    let status = axum::http::StatusCode::from_u16(status).unwrap_or(axum::http::StatusCode::INTERNAL_SERVER_ERROR);
    Problem::new(status, format!("the list of jobs cannot be written: {error}"))
}

/// Now, to the millisecond, as the list keeps it.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
