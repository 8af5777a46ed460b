//! The error type of this crate. A message names the problem, the value and the accepted values.

use std::path::PathBuf;

use minesegsat_core::{Cause, because};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of a model folder. Exhaustive, so that the crates above can convert each case to one of their own.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written. The message names the path (see `fs_err`).
    #[error(transparent)]
    Io(#[from] std::io::Error),

    /// An error of `minesegsat-core`, such as an unknown band.
    #[error(transparent)]
    Core(#[from] minesegsat_core::Error),

    /// A value from the user is out of range.
    #[error("{name} `{value}` is not accepted: {accepted}")]
    Argument {
        /// Name of the option or field.
        name: &'static str,
        /// The value from the user.
        value: String,
        /// The accepted values.
        accepted: String,
    },

    /// The file holds no readable tensors.
    #[error("{path} is not a readable checkpoint: {reason}", path = path.display(), reason = because(reason, source.as_ref()))]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
        /// The problem, and the accepted contents.
        reason: String,
        /// The error that caused it.
        source: Option<Cause>,
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

    /// A model folder is incomplete or inconsistent.
    #[error("model {path} cannot be used: {reason}", path = path.display(), reason = because(reason, source.as_ref()))]
    Model {
        /// The folder.
        path: PathBuf,
        /// The problem.
        reason: String,
        /// The error that caused it.
        source: Option<Cause>,
    },
}

/// Constructors. The reason may be empty if [`Error::caused_by`] adds an error that explains the failure.
impl Error {
    /// An [`Error::NotACheckpoint`].
    pub fn not_a_checkpoint(path: impl Into<PathBuf>, reason: impl std::fmt::Display) -> Self {
        Self::NotACheckpoint { path: path.into(), reason: reason.to_string(), source: None }
    }

    /// An [`Error::Model`].
    pub fn model(folder: impl Into<PathBuf>, reason: impl std::fmt::Display) -> Self {
        Self::Model { path: folder.into(), reason: reason.to_string(), source: None }
    }

    /// Adds a cause, which the message then ends with. Variants without a field for it stay the same.
    pub fn caused_by(mut self, cause: impl Into<Cause>) -> Self {
        if let Self::NotACheckpoint { source, .. } | Self::Model { source, .. } = &mut self {
            *source = Some(cause.into());
        }
        self
    }
}
