//! Progress reports and cancellation of a long run.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

/// Receives the progress of a run, from several threads. A method that is not implemented ignores its report.
pub trait Progress: Sync {
    /// The run starts with the `index`th of `total` items, from 0, for example with a site.
    fn item(&self, index: usize, total: usize, name: &str) {
        let _ = (index, total, name);
    }

    /// The run starts with a stage, for example `writing polygons`.
    fn stage(&self, what: &str) {
        let _ = what;
    }

    /// `done` of `total` units are complete: patches, scenes, layers, rows.
    fn advance(&self, done: usize, total: usize) {
        let _ = (done, total);
    }

    /// `done` units are complete. Their total is unknown.
    fn count(&self, done: usize) {
        let _ = done;
    }

    /// `bytes` more bytes must be transferred than reported before.
    fn expect_bytes(&self, bytes: u64) {
        let _ = bytes;
    }

    /// `bytes` more bytes are transferred.
    fn bytes(&self, bytes: u64) {
        let _ = bytes;
    }
}

/// Ignores all reports.
impl Progress for () {}

/// Progress and cancellation of a long run. Functions that run long take it by value and pass it on.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// Receives the progress.
    pub progress: &'a dyn Progress,
    /// The run stops soon after this flag is set.
    pub cancel: &'a AtomicBool,
}

impl<'a> Job<'a> {
    /// A run with progress that a flag can stop.
    pub fn new(progress: &'a dyn Progress, cancel: &'a AtomicBool) -> Self {
        Self { progress, cancel }
    }

    /// A run without progress that a flag can stop.
    pub fn with_cancel(cancel: &'a AtomicBool) -> Self {
        Self { progress: &(), cancel }
    }

    /// The same run with another receiver of its progress.
    pub fn with_progress<'b>(self, progress: &'b dyn Progress) -> Job<'b>
    where
        'a: 'b,
    {
        Job { progress, cancel: self.cancel }
    }

    /// The same run without progress, for a step that reports in other units.
    pub fn without_progress(self) -> Self {
        Self::with_cancel(self.cancel)
    }

    /// Whether the run must stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::SeqCst)
    }

    /// [`Error::Interrupted`] if the run must stop.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// The result of the run. An error of a cancelled run becomes [`Error::Interrupted`], because the cancellation is its
    /// likely cause.
    pub fn finish<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| if self.is_cancelled() { Error::Interrupted } else { error })
    }
}

impl Job<'static> {
    /// A run without progress that nothing stops.
    pub fn silent() -> Self {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Self::with_cancel(&NEVER)
    }
}

impl std::fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("cancel", self.cancel).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_after_a_cancellation_is_an_interruption() {
        let cancel = AtomicBool::new(false);
        let job = Job::with_cancel(&cancel);
        let failed = || -> Result<()> { Err(Error::scene("S", "damaged")) };
        assert!(job.check().is_ok() && job.finish(Ok(1)).is_ok());
        assert!(matches!(job.finish(failed()), Err(Error::Scene { .. })));
        cancel.store(true, Ordering::SeqCst);
        assert!(matches!(job.check(), Err(Error::Interrupted)));
        assert!(matches!(job.finish(failed()), Err(Error::Interrupted)));
        assert!(job.finish(Ok(1)).is_ok(), "a run that completed before it saw the flag is complete");
    }

    #[test]
    fn a_step_can_report_to_another_receiver() {
        struct Last(std::sync::Mutex<(usize, usize)>);
        impl Progress for Last {
            fn advance(&self, done: usize, total: usize) {
                *self.0.lock().unwrap() = (done, total);
            }
        }
        let last = Last(std::sync::Mutex::default());
        let job = Job::silent().with_progress(&last);
        job.progress.advance(3, 4);
        job.progress.stage("not implemented");
        job.without_progress().progress.advance(9, 9);
        assert_eq!(*last.0.lock().unwrap(), (3, 4));
    }
}
