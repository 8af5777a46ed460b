//! What all handlers share.

use std::sync::Arc;

use crate::blocking::Gate;
use crate::jobs::Jobs;
use crate::layers::Access;
use crate::metrics::Metrics;
use crate::options::ServerOptions;
use crate::problem::Problem;
use crate::tiles::Tiles;
use crate::workspace::Workspace;

/// What all handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) options: ServerOptions,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) tiles: Tiles,
    /// None where this server runs no jobs.
    pub(crate) jobs: Option<Arc<Jobs>>,
    pub(crate) access: Access,
    pub(crate) metrics: Metrics,
    pub(crate) gate: Gate,
}

impl App {
    /// Reads the workspace on a thread that may block.
    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&Workspace) -> Result<T, Problem> + Send + 'static,
    {
        let workspace = Arc::clone(&self.workspace);
        self.gate.run(move || read(&workspace)).await
    }

    /// The jobs, or why there are none.
    pub(crate) fn jobs(&self) -> Result<&Arc<Jobs>, Problem> {
        self.jobs.as_ref().ok_or_else(|| {
            Problem::conflict(
                "this server runs no jobs; start it with a model: `minesegsat serve --model DIR --token TOKEN`",
            )
        })
    }
}

impl Drop for App {
    /// A server that never ran lets go of the jobs too.
    fn drop(&mut self) {
        if let Some(jobs) = &self.jobs {
            jobs.stop();
        }
    }
}
