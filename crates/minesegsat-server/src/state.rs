//! State that all handlers share.

use std::sync::Arc;

use crate::access::Access;
use crate::blocking::Gate;
use crate::jobs::Jobs;
use crate::metrics::Metrics;
use crate::options::ServerOptions;
use crate::problem::Problem;
use crate::tile_store::TileStore;
use crate::workspace::Workspace;

/// State that all handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) options: ServerOptions,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) tiles: TileStore,
    /// `None` if this server runs no jobs.
    pub(crate) jobs: Option<Arc<Jobs>>,
    pub(crate) access: Access,
    pub(crate) metrics: Metrics,
    pub(crate) gate: Gate,
}

impl App {
    /// Reads the workspace on a blocking thread.
    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&Workspace) -> Result<T, Problem> + Send + 'static,
    {
        let workspace = Arc::clone(&self.workspace);
        self.gate.run(move || read(&workspace)).await
    }

    /// The jobs. An error if this server runs none.
    pub(crate) fn jobs(&self) -> Result<&Arc<Jobs>, Problem> {
        self.jobs.as_ref().ok_or_else(|| {
            Problem::conflict("this server runs no jobs; its operator can start it with a model and an access token")
        })
    }
}

impl Drop for App {
    /// Stops the jobs, also of a server that never ran.
    fn drop(&mut self) {
        if let Some(jobs) = &self.jobs {
            jobs.stop();
        }
    }
}
