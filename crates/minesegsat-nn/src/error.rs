//! The error type of this crate. A message names the problem, the value and the accepted values.

use std::path::PathBuf;

use minesegsat_core::{Cause, because};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between a checkpoint and a probability.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written. The message names the path (see `fs_err`).
    #[error(transparent)]
    Io(#[from] std::io::Error),

    /// An error of `minesegsat-core`, such as an unknown band.
    #[error(transparent)]
    Core(#[from] minesegsat_core::Error),

    /// A model folder, its weights or a value from the user are invalid.
    #[error(transparent)]
    Model(minesegsat_model::Error),

    /// The checkpoint belongs to another network.
    #[error(
        "{path} holds the weights of another network: {missing_count} tensors of {network} are missing{missing}, \
         {unexpected_count} are not known{unexpected}",
        path = path.display(),
        missing = examples(missing),
        unexpected = examples(unexpected)
    )]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// The expected network, with its article: `a SegFormer`.
        network: String,
        /// Some of its tensors that the file lacks.
        missing: Vec<String>,
        /// Their total number.
        missing_count: usize,
        /// Some tensors of the file that it does not have.
        unexpected: Vec<String>,
        /// Their total number.
        unexpected_count: usize,
    },

    /// An output exists and must not be replaced.
    #[error("{path} exists already and is not overwritten", path = path.display())]
    OutputExists {
        /// The existing file or folder.
        path: PathBuf,
    },

    /// A training configuration is invalid.
    #[error("configuration {path}: {reason}", path = path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The problem, and the accepted values.
        reason: String,
        /// The error that caused it. `reason` tells it in one line.
        source: Option<Cause>,
    },

    /// The folder of a training run cannot be used.
    #[error("run {path} cannot be used: {reason}", path = path.display(), reason = because(reason, source.as_ref()))]
    Run {
        /// The folder.
        path: PathBuf,
        /// The problem, and the remedy.
        reason: String,
        /// The error that caused it.
        source: Option<Cause>,
    },

    /// The folder holds a run, and the options do not resume it.
    #[error("run {path} cannot be used: it holds a run already; resume it, or choose another folder", path = path.display())]
    RunExists {
        /// The folder.
        path: PathBuf,
    },

    /// The loss became NaN or infinite.
    #[error("the loss is {loss} at step {step}: training stopped; {kept} in {run}", run = run.display())]
    Diverged {
        /// Step of the optimiser, from 1.
        step: u64,
        /// The loss.
        loss: f64,
        /// The run's folder.
        run: PathBuf,
        /// What the folder still holds.
        kept: &'static str,
    },

    /// The data of a resumed run differ from those that it began with.
    #[error(
        "run {path} cannot be resumed: its data have changed: {changes}",
        path = path.display(),
        changes = changes.join("; ")
    )]
    DataChanged {
        /// The run's folder.
        path: PathBuf,
        /// What has changed.
        changes: Vec<String>,
    },

    /// The device failed during training.
    #[error("device `{name}`: {reason}")]
    DeviceFailed {
        /// The name from the user.
        name: String,
        /// The problem, and the remedy.
        reason: String,
    },

    /// This build does not support the device.
    #[error(
        "device `{name}` is not available: this program was built without the feature `{feature}`; every build has `cpu`"
    )]
    DeviceNotBuilt {
        /// The name from the user.
        name: String,
        /// The feature of the crate that supports the device.
        feature: String,
    },

    /// The device is unknown.
    #[error("device `{name}` is not available: {reason}")]
    Device {
        /// The name from the user.
        name: String,
        /// The problem, and the remedy.
        reason: String,
    },
}

impl Error {
    /// A value from the user is out of range.
    pub(crate) fn argument(name: &'static str, value: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self::Model(minesegsat_model::Error::Argument { name, value: value.into(), accepted: accepted.into() })
    }
}

/// Converts each case to the one of the same meaning.
impl From<minesegsat_model::Error> for Error {
    fn from(error: minesegsat_model::Error) -> Self {
        match error {
            minesegsat_model::Error::Io(error) => Self::Io(error),
            minesegsat_model::Error::Core(error) => Self::Core(error),
            other => Self::Model(other),
        }
    }
}

/// ` (such as a, b)`, or an empty text.
fn examples(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(" (such as {})", names.join(", ")) }
}
