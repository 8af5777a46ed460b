//! The caller's implementation of jobs. It has network access; the server has none.

use std::fmt;
use std::sync::atomic::AtomicBool;

use serde_json::Value;

use super::{JobProgress, MonitorRequest, PredictRequest};

/// Reason of a failed job.
pub type JobFailure = Box<dyn std::error::Error + Send + Sync>;

/// Runs jobs. The server runs one job at a time, on its own thread.
///
/// A job may be stopped at any moment (`cancel`), or the program may be killed. The next server then runs the job again with the
/// same request. So a job must write its output completely or not at all, and a second run must give the same output.
pub trait JobRunner: Send + Sync + fmt::Debug + 'static {
    /// Finds a scene of a box and maps it into the folder `predictions/NAME` of the workspace. Returns the name;
    /// [`PredictRequest::name`] suggests one.
    fn predict(
        &self,
        request: &PredictRequest,
        progress: &JobProgress,
        cancel: &AtomicBool,
    ) -> Result<String, JobFailure>;

    /// Checks sites of the register. Returns a summary: an object with at least `observations` (their number).
    fn monitor(
        &self,
        request: &MonitorRequest,
        progress: &JobProgress,
        cancel: &AtomicBool,
    ) -> Result<Value, JobFailure>;
}
