//! HTTP reads: byte ranges with timeouts, retries and clear messages.

use std::time::Duration;

/// How patient HTTP reads are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HttpOptions {
    /// Longest time to wait for a connection, and for the next bytes of an answer.
    pub timeout: Duration,
    /// Attempts per request, the first one included.
    pub attempts: u32,
    /// Pause before the second attempt; it doubles with each further one.
    pub backoff: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), attempts: 6, backoff: Duration::from_millis(500) }
    }
}
