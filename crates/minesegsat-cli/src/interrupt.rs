//! Ctrl-C: the first one asks the run to stop and clean up, the second one stops it at once.

use std::{
    sync::{
        Once, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Exit code after SIGINT, as shells expect it.
pub(crate) const EXIT_CODE: u8 = 130;

/// Time for a run to stop by itself after Ctrl-C. After this time it is stopped, since it may be waiting for a server.
const GRACE: Duration = Duration::from_secs(3);

/// What is kept of an interrupted run that can be continued.
const RESUMABLE_MESSAGE: &str = "finished work is kept";

/// Hint for runs that the same command continues.
pub(crate) const SAME_COMMAND_HINT: &str = "run the same command again to continue";

static CANCELLED: AtomicBool = AtomicBool::new(false);
/// How to continue the run, if it can be continued.
static RESUME_HINT: OnceLock<String> = OnceLock::new();
static ENDS_BY_ITSELF: AtomicBool = AtomicBool::new(false);
static INSTALLED: Once = Once::new();
/// Ends requests after Ctrl-C: a read of pixels has no flag of its own.
static REQUESTS: OnceLock<minesegsat::http::CancelGuard> = OnceLock::new();

/// Like [`cancel_flag`], for a run that can be continued after an interruption. `hint` says how.
pub(crate) fn resumable_cancel_flag(hint: &str) -> &'static AtomicBool {
    RESUME_HINT.get_or_init(|| hint.to_owned());
    cancel_flag()
}

/// Like [`resumable_cancel_flag`], but Ctrl-C sets no time limit: the run first saves its state.
pub(crate) fn resumable_stop_flag(hint: &str) -> &'static AtomicBool {
    RESUME_HINT.get_or_init(|| hint.to_owned());
    stop_flag()
}

/// Prints that a run was interrupted, and how to continue it.
pub(crate) fn print_interrupted() {
    match RESUME_HINT.get() {
        Some(_) => print_interrupted_after(RESUMABLE_MESSAGE),
        None => crate::print_message(format_args!("error: {}", minesegsat::Error::Interrupted)),
    }
}

/// Prints that a run was interrupted, what is kept of it, and how to continue it.
pub(crate) fn print_interrupted_after(kept: &str) {
    crate::print_message(format_args!("error: interrupted; {kept}"));
    if let Some(hint) = RESUME_HINT.get() {
        crate::print_message(format_args!("hint: {hint}"));
    }
}

/// Like [`cancel_flag`], but Ctrl-C sets no time limit: a server first answers its open requests. Also applies if a run
/// in this process already installed the handler.
pub(crate) fn stop_flag() -> &'static AtomicBool {
    ENDS_BY_ITSELF.store(true, Ordering::SeqCst);
    cancel_flag()
}

/// Installs the Ctrl-C handler and returns the flag that a run must check.
pub(crate) fn cancel_flag() -> &'static AtomicBool {
    INSTALLED.call_once(|| {
        // A server first stops its job, which then ends its own requests.
        REQUESTS.get_or_init(|| {
            minesegsat::http::cancel_requests_if(|| {
                CANCELLED.load(Ordering::Relaxed) && !ENDS_BY_ITSELF.load(Ordering::Relaxed)
            })
        });
        let installed = ctrlc::set_handler(|| {
            if CANCELLED.swap(true, Ordering::SeqCst) {
                stop_at_once();
            }
            crate::print_message(format_args!("stopping; press Ctrl-C again to stop at once"));
            if !ENDS_BY_ITSELF.load(Ordering::SeqCst) {
                std::thread::spawn(|| {
                    std::thread::sleep(GRACE);
                    stop_at_once();
                });
            }
        });
        if let Err(error) = installed {
            tracing::warn!("Ctrl-C will not clean up, because its handler cannot be installed: {error}");
        }
    });
    &CANCELLED
}

/// Installs a handler that stops at once, for work that does not check a flag.
pub(crate) fn stop_on_ctrl_c() {
    if let Err(error) = ctrlc::set_handler(|| stop_at_once()) {
        tracing::warn!("Ctrl-C will not clean up, because its handler cannot be installed: {error}");
    }
}

fn stop_at_once() -> ! {
    minesegsat::output::remove_partial_outputs();
    print_interrupted();
    std::process::exit(i32::from(EXIT_CODE));
}
