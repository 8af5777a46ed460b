//! ONNX Runtime, through the `ort` crate.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use minesegsat_core::Cause;
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;

use super::{Library, Runtime};
use crate::{Error, OUTPUT, Result, RuntimeKind};

const KIND: RuntimeKind = RuntimeKind::OnnxRuntime;

/// The environment of the process, of which there can be only one, and its library.
static ENVIRONMENT: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// A session with a loaded model.
pub(super) struct OnnxRuntime {
    session: Mutex<Session>,
}

impl OnnxRuntime {
    /// Loads the library, unless it is loaded already, and the model.
    pub(super) fn new(library: &Library, model: &[u8], threads: usize) -> Result<Self> {
        let environment = environment(library)?;
        let session = session(&environment, model, threads)
            .map_err(|error| Error::runtime(KIND, "cannot read the model", "").caused_by(error))?;
        Ok(Self { session: Mutex::new(session) })
    }
}

fn session(environment: &Environment, model: &[u8], threads: usize) -> Result<Session, ort::Error> {
    let builder = Session::builder(environment)?.with_log_level(LogLevel::Error)?;
    let builder = builder.with_optimization_level(GraphOptimizationLevel::All)?;
    builder.with_intra_threads(threads)?.commit_from_memory(model)
}

fn environment(library: &Library) -> Result<Environment> {
    let mut current = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((path, environment)) = &*current {
        if *path != library.path {
            let reason = format!("this process has already loaded another one, {}", path.display());
            return Err(Error::library(KIND, &library.path, reason));
        }
        return Ok(environment.clone());
    }
    let refuse = |cause: Cause| Error::library(KIND, &library.path, "").caused_by(cause);
    let builder = ort::init_from(&library.path).map_err(|error| refuse(error.into()))?;
    let environment = builder.with_telemetry(false).build().map_err(|error| refuse(error.into()))?;
    *current = Some((library.path.clone(), environment.clone()));
    Ok(environment)
}

impl Runtime for OnnxRuntime {
    fn logits(&self, patches: &[f32], shape: [usize; 4]) -> Result<Vec<f32>> {
        let failed = |error: ort::Error| Error::runtime(KIND, "failed", "").caused_by(error);
        let input = TensorRef::from_array_view((shape, patches)).map_err(failed)?;
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(ort::inputs![input]).map_err(failed)?;
        let Some(logits) = outputs.get(OUTPUT) else {
            let reason = format!("it has no output `{OUTPUT}`");
            return Err(Error::runtime(KIND, "failed", reason));
        };
        let (_, logits) = logits.try_extract_tensor::<f32>().map_err(failed)?;
        Ok(logits.to_vec())
    }
}
