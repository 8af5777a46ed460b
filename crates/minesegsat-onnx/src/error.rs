//! The error type of this crate. A message names the problem, the value and the accepted values.

use std::path::PathBuf;

use crate::RuntimeKind;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of the export and of the runtimes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written. The message names the path (see `fs_err`).
    #[error(transparent)]
    Io(#[from] std::io::Error),

    /// The model folder cannot be used.
    #[error(transparent)]
    Model(#[from] minesegsat_model::Error),

    /// An error of `minesegsat-core`.
    #[error(transparent)]
    Core(#[from] minesegsat_core::Error),

    /// The weights contain tensors that the card's network does not have.
    #[error(
        "{path} holds the weights of another network: {network} has no tensor `{tensor}`",
        path = path.display()
    )]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// The network that the card describes, with its article: `a SegFormer`.
        network: String,
        /// A tensor that it does not have.
        tensor: String,
    },

    /// The library of a runtime was not found.
    #[error("{kind} is not found: {tried}", tried = tried.join("; "))]
    LibraryNotFound {
        /// The runtime.
        kind: RuntimeKind,
        /// The searched places, with the problem at each.
        tried: Vec<String>,
    },

    /// The library was found but cannot be used.
    #[error("{kind} cannot be used: {path}: {reason}; {accepted}", path = path.display(), accepted = kind.accepted())]
    Library {
        /// The runtime.
        kind: RuntimeKind,
        /// The file.
        path: PathBuf,
        /// The problem.
        reason: String,
    },

    /// The runtime rejected the model, or failed while running.
    #[error("{kind} {action}: {reason}")]
    Runtime {
        /// The runtime.
        kind: RuntimeKind,
        /// The failed action: `cannot read the model`.
        action: &'static str,
        /// The runtime's message.
        reason: String,
    },
}
