//! What jobs do, from outside: the network lives there.

use std::fmt;
use std::sync::atomic::AtomicBool;

use serde_json::Value;

use super::{JobProgress, MonitorRequest, PredictRequest};

/// Why a job could not be done.
pub type JobFailure = Box<dyn std::error::Error + Send + Sync>;

/// What jobs do. One is done at a time, on a thread of its own.
///
/// A job may be stopped at any moment (`cancel`), or the program be killed, and is done again then, with the same request: what
/// it leaves must be complete or absent, and done twice the same as done once.
pub trait JobRunner: Send + Sync + fmt::Debug + 'static {
    /// Finds a scene over a box, maps it into the folder `predictions/NAME` of the workspace, and gives that name, which
    /// [`PredictRequest::name`] suggests.
    fn predict(
        &self,
        request: &PredictRequest,
        progress: &JobProgress,
        cancel: &AtomicBool,
    ) -> Result<String, JobFailure>;

    /// Looks at sites of the register and gives what is to be told of it: an object with `observations` (their number) at least.
    fn monitor(
        &self,
        request: &MonitorRequest,
        progress: &JobProgress,
        cancel: &AtomicBool,
    ) -> Result<Value, JobFailure>;
}
