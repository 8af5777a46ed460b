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

    /// A value given by the user is out of its range.
    #[error("{name} `{value}` is not accepted: {accepted}")]
    Argument {
        /// Name of the option or field.
        name: &'static str,
        /// The value as it was given.
        value: String,
        /// What is accepted.
        accepted: String,
    },

    /// The file holds no readable weights.
    #[error("{path} is not a readable checkpoint: {reason}", path = path.display())]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what is accepted.
        reason: String,
    },

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

    /// A tensor has the wrong shape.
    #[error("{path}: tensor `{tensor}` has shape {found:?}, expected {expected:?}", path = path.display())]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// The shape that the network needs.
        expected: Vec<usize>,
    },

    /// A model folder is incomplete or contradicts itself.
    #[error("model {path} cannot be used: {reason}", path = path.display())]
    Model {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
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

/// What is wrong with a model folder is wrong in the same way here.
impl From<minesegsat_model::Error> for Error {
    fn from(error: minesegsat_model::Error) -> Self {
        use minesegsat_model::Error as Below;

        match error {
            Below::Io(error) => Self::Io(error),
            Below::Core(error) => Self::Core(error),
            Below::Argument { name, value, accepted } => Self::Argument { name, value, accepted },
            Below::NotACheckpoint { path, reason } => Self::NotACheckpoint { path, reason },
            Below::TensorShape { path, tensor, found, expected } => Self::TensorShape { path, tensor, found, expected },
            Below::Model { path, reason } => Self::Model { path, reason },
        }
    }
}

/// So is what is wrong with what the engine is given.
impl From<minesegsat_cpu::Error> for Error {
    fn from(error: minesegsat_cpu::Error) -> Self {
        match error {
            minesegsat_cpu::Error::Model(error) => error.into(),
            minesegsat_cpu::Error::Argument { name, value, accepted } => Self::Argument { name, value, accepted },
            other => Self::Core(minesegsat::Error::Segmenter(other.to_string())),
        }
    }
}

/// ` (such as a, b)`, or nothing.
fn examples(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(" (such as {})", names.join(", ")) }
}
