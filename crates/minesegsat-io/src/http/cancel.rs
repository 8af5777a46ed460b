//! Cancellation of requests: reads of pixels and documents have no flag of their own, but must end soon after Ctrl-C and
//! after the end of a job, even if a server sends one byte at a time.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Interval at which a request checks for cancellation.
const POLL: Duration = Duration::from_millis(50);

type Check = Arc<dyn Fn() -> bool + Send + Sync>;

static CHECKS: RwLock<Vec<Check>> = RwLock::new(Vec::new());

/// Requests of this process end with [`Interrupted`](minesegsat_core::Error::Interrupted) while a check is true. The
/// check is removed when this guard is dropped.
#[must_use = "the check is removed when the guard is dropped"]
pub struct CancelGuard(Check);

impl std::fmt::Debug for CancelGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CancelGuard")
    }
}

/// Ends all requests of this process soon after `is_cancelled` becomes true, as long as the guard lives.
pub fn cancel_requests_if(is_cancelled: impl Fn() -> bool + Send + Sync + 'static) -> CancelGuard {
    let check: Check = Arc::new(is_cancelled);
    CHECKS.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&check));
    CancelGuard(check)
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        CHECKS.write().unwrap_or_else(PoisonError::into_inner).retain(|check| !Arc::ptr_eq(check, &self.0));
    }
}

/// Whether requests must end now.
pub(super) fn is_cancelled() -> bool {
    CHECKS.read().unwrap_or_else(PoisonError::into_inner).iter().any(|check| check())
}

/// Ends when requests must end.
pub(super) async fn cancelled() {
    while !is_cancelled() {
        tokio::time::sleep(POLL).await;
    }
}
