//! The one error type of this crate: what failed, with which value, and what is accepted.

use std::path::PathBuf;

use crate::RuntimeKind;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between a model folder and the answer of a runtime.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written. The message names the path (see `fs_err`).
    #[error(transparent)]
    Io(#[from] std::io::Error),

    /// The model folder cannot be used.
    #[error(transparent)]
    Model(#[from] minesegsat_model::Error),

    /// An error of the crate below.
    #[error(transparent)]
    Core(#[from] minesegsat::Error),

    /// The weights hold tensors that the network of the card has not.
    #[error(
        "{path} holds the weights of another network: {network} has no tensor `{tensor}`",
        path = path.display()
    )]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// The network that the card describes, with its article: `a SegFormer`.
        network: String,
        /// A tensor that it has not.
        tensor: String,
    },

    /// No library of a runtime was found.
    #[error("{kind} is not found: {tried}", tried = tried.join("; "))]
    LibraryNotFound {
        /// The runtime.
        kind: RuntimeKind,
        /// Where it was looked for, and what was wrong there.
        tried: Vec<String>,
    },

    /// The library is there and cannot be used.
    #[error("{kind} cannot be used: {path}: {reason}; {accepted}", path = path.display(), accepted = kind.accepted())]
    Library {
        /// The runtime.
        kind: RuntimeKind,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The runtime refused the model, or failed while it ran.
    #[error("{kind} {action}: {reason}")]
    Runtime {
        /// The runtime.
        kind: RuntimeKind,
        /// What it was to do: `cannot read the model`.
        action: &'static str,
        /// In its own words.
        reason: String,
    },
}
