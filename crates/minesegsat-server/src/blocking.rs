//! Work that blocks (the register, files, rasters), so much of it at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::problem::Problem;

/// Longest time that a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lets so many through at a time.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    turns: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new(most: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(most.max(1))) }
    }

    /// Runs something on a thread that may block. A client that hangs up does not stop it, but it gives its turn back only when
    /// it is done, so no more than so many ever run.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Problem> + Send + 'static,
    {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Problem::unavailable("too many requests are being answered", 5));
        };
        let span = tracing::Span::current();
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            span.in_scope(work)
        });
        done.await.unwrap_or_else(|error| {
            tracing::error!("a request panicked: {error}");
            Err(Problem::internal("this request met a fault of the program, which is in its log"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer_and_gives_its_turn_back() {
        let gate = Gate::new(1);
        for _ in 0..3 {
            let answer: Result<(), Problem> = gate.run(|| panic!("no")).await;
            assert_eq!(answer.unwrap_err().status, 500);
        }
        assert_eq!(gate.run(|| Ok(7)).await.unwrap(), 7);
    }
}
