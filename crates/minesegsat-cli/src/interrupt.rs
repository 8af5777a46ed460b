//! Ctrl-C: the first asks the run to stop and clean up, the second stops at once.

use std::sync::atomic::{AtomicBool, Ordering};

/// What shells expect after SIGINT.
pub(crate) const EXIT_CODE: u8 = 130;

static CANCELLED: AtomicBool = AtomicBool::new(false);

/// Installs the handler and gives the flag that a run looks at.
pub(crate) fn cancel_flag() -> &'static AtomicBool {
    let installed = ctrlc::set_handler(|| {
        if CANCELLED.swap(true, Ordering::SeqCst) {
            minesegsat::output::remove_partial_outputs();
            std::process::exit(i32::from(EXIT_CODE));
        }
        eprintln!("stopping; press Ctrl-C again to stop at once");
    });
    if let Err(error) = installed {
        tracing::warn!("Ctrl-C will not clean up: {error}");
    }
    &CANCELLED
}
