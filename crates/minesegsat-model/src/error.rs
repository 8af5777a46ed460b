//! The one error type of this crate: what failed, with which value, and what is accepted.

use std::path::PathBuf;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can be wrong with a model folder. Exhaustive, so that the crates above can turn each case into one of
/// their own.
#[derive(Debug, thiserror::Error)]
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

    /// The file holds no readable tensors.
    #[error("{path} is not a readable checkpoint: {reason}", path = path.display())]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what is accepted.
        reason: String,
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
}
