//! Long work on a thread of its own, without the GIL. The calling thread shows its progress and handles Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use minesegsat::{Job, Progress, http};
use pyo3::prelude::*;

use crate::failure::Failure;

/// Interval at which signals are handled and progress is shown.
const POLL: Duration = Duration::from_millis(50);

/// Stack of the thread, as large as that of a program's main thread.
const STACK_BYTES: usize = 8 << 20;

/// Runs `work` without the GIL. `progress` is called with (stage, done, total) on the calling thread. An exception of `progress` or
/// of a signal handler, such as `KeyboardInterrupt`, cancels the work and is returned when the work has ended.
pub(crate) fn run<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(Job<'_>) -> Result<T, Failure> + Send,
) -> PyResult<T> {
    let cancel = Arc::new(AtomicBool::new(false));
    let _requests = http::cancel_requests_if({
        let cancel = Arc::clone(&cancel);
        move || cancel.load(Ordering::Relaxed)
    });
    let latest = Latest::default();
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let end = End { ended: &ended, caller: thread::current() };
        let job = Job::new(&latest, &cancel);
        let thread = thread::Builder::new().name("minesegsat".to_owned()).stack_size(STACK_BYTES);
        let thread = thread.spawn_scoped(scope, move || {
            let _end = end;
            work(job)
        });
        let thread = thread.map_err(Failure::from)?;
        let mut exception = None;
        while !ended.load(Ordering::Acquire) {
            py.detach(|| thread::park_timeout(POLL));
            if exception.is_none() {
                exception = py.check_signals().and_then(|()| latest.show(progress)).err();
                cancel.store(exception.is_some(), Ordering::SeqCst);
            }
        }
        let result = py.detach(|| thread.join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match exception {
            Some(exception) => Err(exception),
            None => Ok(result?),
        }
    })
}

/// Wakes the calling thread when the work ends, also by a panic.
struct End<'a> {
    ended: &'a AtomicBool,
    caller: Thread,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        self.caller.unpark();
    }
}

/// The latest report of the work.
#[derive(Default)]
struct Latest(Mutex<Report>);

#[derive(Default)]
struct Report {
    is_new: bool,
    stage: String,
    done: usize,
    total: usize,
}

impl Latest {
    fn update(&self, change: impl FnOnce(&mut Report)) {
        let mut report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut report);
        report.is_new = true;
    }

    /// Calls `progress` if there is a report that it has not seen.
    fn show(&self, progress: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let Some(progress) = progress else { return Ok(()) };
        let arguments = {
            let mut report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !std::mem::take(&mut report.is_new) {
                return Ok(());
            }
            (report.stage.clone(), report.done, report.total)
        };
        progress.call1(arguments).map(drop)
    }
}

impl Progress for Latest {
    fn stage(&self, what: &str) {
        self.update(|report| *report = Report { stage: what.to_owned(), ..Report::default() });
    }

    fn advance(&self, done: usize, total: usize) {
        self.update(|report| (report.done, report.total) = (done, total));
    }
}
