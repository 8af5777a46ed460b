use thiserror::Error;

/// What can go wrong.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Something of a model folder.
    #[error(transparent)]
    Model(#[from] minesegsat_model::Error),

    /// An argument that is not accepted.
    #[error("{name} `{value}` is not accepted: {accepted}")]
    Argument {
        /// Name of the argument.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is accepted.
        accepted: String,
    },
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
