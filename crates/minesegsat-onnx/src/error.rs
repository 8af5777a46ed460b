//! The error type of this crate. A message names the problem, the value and the accepted values.

use std::path::PathBuf;

use minesegsat_core::{Cause, because};

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
    #[error(
        "{kind} cannot be used: {path}: {reason}; {accepted}",
        path = path.display(),
        reason = because(reason, source.as_ref()),
        accepted = kind.accepted()
    )]
    Library {
        /// The runtime.
        kind: RuntimeKind,
        /// The file.
        path: PathBuf,
        /// The problem, or empty.
        reason: String,
        /// The error that caused it.
        source: Option<Cause>,
    },

    /// The runtime rejected the model, or failed while running.
    #[error("{kind} {action}: {reason}", reason = because(reason, source.as_ref()))]
    Runtime {
        /// The runtime.
        kind: RuntimeKind,
        /// The failed action: `cannot read the model`.
        action: &'static str,
        /// The problem, or empty.
        reason: String,
        /// The error of the runtime.
        source: Option<Cause>,
    },
}

impl Error {
    /// An [`Error::Library`].
    pub(crate) fn library(kind: RuntimeKind, path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self::Library { kind, path: path.into(), reason: reason.into(), source: None }
    }

    /// An [`Error::Runtime`].
    pub(crate) fn runtime(kind: RuntimeKind, action: &'static str, reason: impl Into<String>) -> Self {
        Self::Runtime { kind, action, reason: reason.into(), source: None }
    }

    /// Adds a cause, which the reason then ends with. Variants without a field for it stay the same.
    pub(crate) fn caused_by(mut self, cause: impl Into<Cause>) -> Self {
        if let Self::Library { source, .. } | Self::Runtime { source, .. } = &mut self {
            *source = Some(cause.into());
        }
        self
    }
}
