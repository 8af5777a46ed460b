//! Runs blocking work (register, files, rasters) with limited concurrency.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::problem::Problem;

/// Longest time that a request waits for a permit.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Limits the number of concurrent blocking tasks.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    turns: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new(most: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(most.max(1))) }
    }

    /// Runs work on a blocking thread. A client that disconnects does not stop it. Its permit is returned when the work ends, so
    /// the limit always holds.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Problem> + Send + 'static,
    {
        let turn = tokio::time::timeout(TIMEOUT, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Problem::unavailable("the server is overloaded", 5));
        };
        let span = tracing::Span::current();
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            span.in_scope(work)
        });
        done.await.unwrap_or_else(|error| {
            tracing::error!("a request panicked: {error}");
            Err(Problem::internal("the server failed on this request; its log has the reason"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_and_returns_its_permit() {
        let gate = Gate::new(1);
        for _ in 0..3 {
            let answer: Result<(), Problem> = gate.run(|| panic!("no")).await;
            assert_eq!(answer.unwrap_err().status, 500);
        }
        assert_eq!(gate.run(|| Ok(7)).await.unwrap(), 7);
    }
}
