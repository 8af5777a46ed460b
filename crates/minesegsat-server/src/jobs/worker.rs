//! The thread that runs jobs, one after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use minesegsat_core::with_causes;
use minesegsat_io::http::cancel_requests_if;
use serde_json::{Value, json};

use super::{Job, JobKind, JobProgress, JobRunner, JobState, Jobs, MonitorRequest, PredictRequest};

impl Jobs {
    /// Runs until the server ends.
    pub(super) fn work(self: &Arc<Self>, runner: &dyn JobRunner) {
        while let Some((job, stop)) = self.next() {
            let progress = JobProgress::new(Arc::clone(self), job.id.clone());
            // Requests have no flag of their own. With this guard they end soon after the job is stopped.
            let flag = Arc::clone(&stop);
            let _requests = cancel_requests_if(move || flag.load(Ordering::Relaxed));
            let deadline = Deadline::start(self.max_duration, Arc::clone(&stop));
            // A job that panics fails. The worker continues with the next job.
            let done = catch_unwind(AssertUnwindSafe(|| run(runner, &job, &progress, &stop)))
                .unwrap_or_else(|_| Err("the program failed; its log has the reason".to_owned()));
            let done = if deadline.has_passed() && done.is_err() {
                Err(format!("it did not end within {}, the limit of this server for a job", hours(self.max_duration)))
            } else {
                done
            };
            self.finish(&job.id, &stop, done);
        }
    }

    /// Waits for a job and marks it as running. `None` at the end of the server.
    fn next(&self) -> Option<(Job, Arc<AtomicBool>)> {
        let mut inner = self.inner();
        loop {
            if self.is_ending() {
                return None;
            }
            if let Some(id) = inner.queue.pop_front() {
                let Some(mut job) = inner.jobs.get(&id).cloned() else { continue };
                job.begin();
                if let Err(error) = inner.store.write(&job) {
                    // The job runs anyway. After a kill it would run once more.
                    tracing::warn!(job = %id, "the list of jobs cannot be written: {error}");
                }
                let stop = Arc::new(AtomicBool::new(false));
                inner.running = Some((id.clone(), Arc::clone(&stop)));
                inner.jobs.insert(id, job.clone());
                drop(inner);
                tracing::info!(job = %job.id, "{} started", job.kind.name());
                self.notify();
                return Some((job, stop));
            }
            inner = self.wake.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn finish(&self, id: &str, stop: &AtomicBool, done: Result<Value, String>) {
        let mut inner = self.inner();
        inner.running = None;
        let Some(mut job) = inner.jobs.get(id).cloned() else { return };
        match done {
            Ok(result) => job.end(JobState::Done, Some(result), None),
            Err(_) if job.is_cancelled => job.end(JobState::Cancelled, None, None),
            Err(_) if stop.load(Ordering::SeqCst) && self.is_ending() => job.put_back(),
            Err(error) => {
                tracing::error!(job = %id, "{} failed: {error}", job.kind.name());
                job.end(JobState::Failed, None, Some(error));
            }
        }
        tracing::info!(job = %id, "{} is {}", job.kind.name(), job.state.name());
        if let Err(error) = inner.store.write(&job) {
            tracing::error!(job = %id, "the list of jobs cannot be written: {error}");
        }
        inner.jobs.insert(id.to_owned(), job);
        drop(inner);
        self.notify();
    }

    /// Updates the progress of a running job.
    pub(super) fn note(&self, id: &str, share: Option<f64>, message: Option<&str>) {
        let mut inner = self.inner();
        let Some(job) = inner.jobs.get_mut(id).filter(|job| job.state == JobState::Running) else { return };
        if let Some(share) = share.filter(|share| share.is_finite()) {
            job.progress = Some(share.clamp(0.0, 1.0));
        }
        if let Some(message) = message.filter(|_| !job.is_cancelled) {
            message.clone_into(&mut job.message);
        }
        drop(inner);
        self.notify();
    }
}

fn hours(duration: Duration) -> String {
    let hours = duration.as_secs_f64() / 3600.0;
    if hours < 1.0 { format!("{:.0} s", duration.as_secs_f64()) } else { format!("{hours:.0} h") }
}

/// Stops a job that runs for too long, such as one whose catalogue sends slowly.
#[derive(Debug)]
struct Deadline {
    passed: Arc<AtomicBool>,
    /// Ends the thread when it is dropped.
    _done: mpsc::Sender<()>,
}

impl Deadline {
    fn start(duration: Duration, stop: Arc<AtomicBool>) -> Self {
        let (sender, receiver) = mpsc::channel::<()>();
        let passed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&passed);
        let watch = move || {
            if receiver.recv_timeout(duration) == Err(mpsc::RecvTimeoutError::Timeout) {
                flag.store(true, Ordering::SeqCst);
                stop.store(true, Ordering::SeqCst);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("job-deadline".to_owned()).spawn(watch) {
            tracing::warn!("a job runs without a deadline: {error}");
        }
        Self { passed, _done: sender }
    }

    fn has_passed(&self) -> bool {
        self.passed.load(Ordering::SeqCst)
    }
}

fn run(runner: &dyn JobRunner, job: &Job, progress: &JobProgress, stop: &AtomicBool) -> Result<Value, String> {
    let unreadable = |error: serde_json::Error| format!("cannot read the request of the job: {error}");
    let done = match job.kind {
        JobKind::Predict => {
            let request = PredictRequest::from_job(job).map_err(unreadable)?;
            runner.predict(&request, progress, stop).map(|name| json!({ "prediction": name }))
        }
        JobKind::Monitor => {
            let request = MonitorRequest::from_job(job).map_err(unreadable)?;
            runner.monitor(&request, progress, stop)
        }
    };
    done.map_err(|error| with_causes(error.as_ref()))
}
