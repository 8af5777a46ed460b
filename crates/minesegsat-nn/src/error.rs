//! The one error type of this crate: what failed, with which value, and what is accepted.

use std::path::PathBuf;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between a checkpoint and a probability.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written. The message names the path (see `fs_err`).
    #[error(transparent)]
    Io(#[from] std::io::Error),

    /// An error of the crate below, such as an unknown band.
    #[error(transparent)]
    Core(#[from] minesegsat::Error),

    /// A model folder, its weights or a value given by the user are not accepted.
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
        /// The network that was expected, with its article: `a SegFormer`.
        network: String,
        /// A few tensors that it has and the file has not.
        missing: Vec<String>,
        /// How many there are in all.
        missing_count: usize,
        /// A few tensors that the file has and it has not.
        unexpected: Vec<String>,
        /// How many there are in all.
        unexpected_count: usize,
    },

    /// An output exists and may not be replaced.
    #[error("{path} exists already and is not overwritten", path = path.display())]
    OutputExists {
        /// The file or folder in the way.
        path: PathBuf,
    },

    /// A configuration of training cannot be used.
    #[error("configuration {path}: {reason}", path = path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong in it, and what is accepted.
        reason: String,
    },

    /// The folder of a training run cannot be used.
    #[error("run {path} cannot be used: {reason}", path = path.display())]
    Run {
        /// The folder.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },

    /// The loss is no number any more.
    #[error(
        "the loss is {loss} at step {step}: training stopped; the last good checkpoint and the best model are in {run}",
        run = run.display()
    )]
    Diverged {
        /// Step of the optimiser, from 1.
        step: u64,
        /// The loss.
        loss: f64,
        /// The run's folder.
        run: PathBuf,
    },

    /// The device failed while a network was trained.
    #[error("device `{name}`: {reason}")]
    DeviceFailed {
        /// As it was given.
        name: String,
        /// What happened, and what to do.
        reason: String,
    },

    /// The device is unknown or this build does not have it.
    #[error("device `{name}` is not available: {reason}")]
    Device {
        /// As it was given.
        name: String,
        /// Why, and what to do.
        reason: String,
    },
}

impl Error {
    /// A value given by the user is out of its range.
    pub(crate) fn argument(name: &'static str, value: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self::Model(minesegsat_model::Error::Argument { name, value: value.into(), accepted: accepted.into() })
    }
}

/// What is wrong with a model folder is wrong in the same way here.
impl From<minesegsat_model::Error> for Error {
    fn from(error: minesegsat_model::Error) -> Self {
        match error {
            minesegsat_model::Error::Io(error) => Self::Io(error),
            minesegsat_model::Error::Core(error) => Self::Core(error),
            other => Self::Model(other),
        }
    }
}

/// ` (such as a, b)`, or nothing.
fn examples(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(" (such as {})", names.join(", ")) }
}
