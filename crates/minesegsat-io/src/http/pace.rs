//! The minimum rate of a body. A timeout per piece alone lets a server send one byte at a time for ever.

use std::time::{Duration, Instant};

/// Minimum average rate of a body over one timeout, in bytes per second.
const MIN_BYTES_PER_SECOND: f64 = 1024.0;

/// Measures the rate of one body.
#[derive(Debug)]
pub(super) struct Pace {
    window: Duration,
    since: Instant,
    bytes: u64,
}

impl Pace {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { window: timeout, since: Instant::now(), bytes: 0 }
    }

    /// Notes a piece. The error says how slow the body is.
    pub(super) fn note(&mut self, bytes: usize) -> Result<(), String> {
        self.note_at(bytes, Instant::now())
    }

    fn note_at(&mut self, bytes: usize, now: Instant) -> Result<(), String> {
        self.bytes += bytes as u64;
        let took = now.saturating_duration_since(self.since);
        if took < self.window {
            return Ok(());
        }
        if (self.bytes as f64) < MIN_BYTES_PER_SECOND * took.as_secs_f64() {
            return Err(format!("the server sent only {} bytes in {:.1} s", self.bytes, took.as_secs_f64()));
        }
        (self.since, self.bytes) = (now, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dripping_bodies_end() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut pace = Pace { window: Duration::from_secs(10), since: start, bytes: 0 };
        for second in 1..10 {
            assert!(pace.note_at(1, at(second)).is_ok());
        }
        assert_eq!(pace.note_at(1, at(10)).unwrap_err(), "the server sent only 10 bytes in 10.0 s");
        let mut pace = Pace { window: Duration::from_secs(10), since: start, bytes: 0 };
        for second in 1..100 {
            assert!(pace.note_at(2048, at(second)).is_ok(), "{second}");
        }
    }
}
