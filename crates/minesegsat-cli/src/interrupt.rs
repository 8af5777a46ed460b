//! Ctrl-C: the first asks the run to stop and clean up, the second stops at once.

use std::{
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// What shells expect after SIGINT.
pub(crate) const EXIT_CODE: u8 = 130;

/// A run that has not stopped by itself after this is stopped from outside: it may wait for a server.
const GRACE: Duration = Duration::from_secs(3);

/// What is said of a run that keeps what it has.
pub(crate) const RESUMABLE_MESSAGE: &str =
    "interrupted; what is complete stays, and the same command goes on from here";

static CANCELLED: AtomicBool = AtomicBool::new(false);
static RESUMABLE: AtomicBool = AtomicBool::new(false);
static ENDS_BY_ITSELF: AtomicBool = AtomicBool::new(false);
static INSTALLED: Once = Once::new();

/// Like [`cancel_flag`], for a run that goes on later where it was interrupted.
pub(crate) fn cancel_flag_of_resumable() -> &'static AtomicBool {
    RESUMABLE.store(true, Ordering::SeqCst);
    cancel_flag()
}

/// Like [`cancel_flag`], for what ends by itself, however long that takes: a server answers what it was asked. From then on, also
/// where a run came before.
pub(crate) fn stop_flag() -> &'static AtomicBool {
    ENDS_BY_ITSELF.store(true, Ordering::SeqCst);
    cancel_flag()
}

/// Installs the handler and gives the flag that a run looks at.
pub(crate) fn cancel_flag() -> &'static AtomicBool {
    INSTALLED.call_once(|| {
        let installed = ctrlc::set_handler(|| {
            if CANCELLED.swap(true, Ordering::SeqCst) {
                stop_at_once();
            }
            crate::say(format_args!("stopping; press Ctrl-C again to stop at once"));
            if !ENDS_BY_ITSELF.load(Ordering::SeqCst) {
                std::thread::spawn(|| {
                    std::thread::sleep(GRACE);
                    stop_at_once();
                });
            }
        });
        if let Err(error) = installed {
            tracing::warn!("Ctrl-C will not clean up: {error}");
        }
    });
    &CANCELLED
}

/// Installs a handler that stops at once, for work that looks at no flag.
pub(crate) fn stop_on_ctrl_c() {
    if let Err(error) = ctrlc::set_handler(|| stop_at_once()) {
        tracing::warn!("Ctrl-C will not clean up: {error}");
    }
}

fn stop_at_once() -> ! {
    minesegsat::output::remove_partial_outputs();
    if RESUMABLE.load(Ordering::SeqCst) {
        crate::say(format_args!("error: {RESUMABLE_MESSAGE}"));
    } else {
        crate::say(format_args!("error: {}", minesegsat::Error::Interrupted));
    }
    std::process::exit(i32::from(EXIT_CODE));
}
