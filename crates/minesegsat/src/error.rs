//! The one error type of this crate: what failed, with which value, and what is accepted.

use std::path::PathBuf;

use crate::Band;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between a scene and a map.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written. The message names the path (see `fs_err`).
    #[error(transparent)]
    Io(#[from] std::io::Error),

    /// A server could not be reached, or the connection broke, after all retries.
    #[error("cannot read {url}: {reason} (tried {attempts} times)")]
    Http {
        /// Address asked for, without its query.
        url: String,
        /// What happened on the last attempt.
        reason: String,
        /// Number of attempts made.
        attempts: u32,
    },

    /// A server answered with a status that is not a success.
    #[error("{url} answered {status}: {meaning}")]
    HttpStatus {
        /// Address asked for, without its query.
        url: String,
        /// HTTP status code.
        status: u16,
        /// What the status usually means here, and what to try.
        meaning: String,
    },

    /// A raster file (TIFF or JPEG 2000) is damaged or of an unsupported kind.
    #[error("cannot read raster {location}: {reason}")]
    Raster {
        /// Path or URL.
        location: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A text or JSON file is not what it should be.
    #[error("cannot use {location}: {reason}")]
    Input {
        /// Path or URL.
        location: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A raster could not be written.
    #[error("cannot write raster {path}: {reason}", path = path.display())]
    RasterWrite {
        /// Output path.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },

    /// A vector file could not be read or written.
    #[error("cannot use vector file {path}: {reason}", path = path.display())]
    Vector {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },

    /// The scene as a whole cannot be used.
    #[error("cannot open scene {scene}: {reason}")]
    Scene {
        /// The location as the user gave it.
        scene: String,
        /// What is wrong with it, and what is accepted.
        reason: String,
    },

    /// The scene has not all the bands that are needed.
    #[error(
        "{scene} lacks band{s} {missing}; it has {found}",
        s = if missing.len() == 1 { "" } else { "s" },
        missing = Band::list(missing),
        found = if found.is_empty() { "none".to_owned() } else { Band::list(found) }
    )]
    MissingBands {
        /// The location as the user gave it.
        scene: String,
        /// Bands needed and not there.
        missing: Vec<Band>,
        /// Bands that are there.
        found: Vec<Band>,
    },

    /// A coordinate reference system that is unknown or cannot be transformed exactly.
    #[error("coordinate reference system {crs}: {reason}")]
    Crs {
        /// Code or definition, as it was found.
        crs: String,
        /// Why it is refused, and what is accepted.
        reason: String,
    },

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

    /// An output exists and may not be replaced.
    #[error("{path} exists already and is not overwritten", path = path.display())]
    OutputExists {
        /// The file or folder in the way.
        path: PathBuf,
    },

    /// Another run of this program writes to the folder.
    #[error(
        "{path} is in use by another run{owner}; wait for it to end, or write to another folder",
        path = path.display(),
        owner = owner.map_or_else(String::new, |id| format!(" (process {id})"))
    )]
    FolderInUse {
        /// The folder.
        path: PathBuf,
        /// Its process, where it tells.
        owner: Option<u32>,
    },

    /// Another monitor watches the sites of the register.
    #[error(
        "another monitor{owner} watches the sites of {path}; one register has one monitor at a time",
        path = path.display(),
        owner = owner.map_or_else(String::new, |id| format!(" (process {id})"))
    )]
    RegisterInUse {
        /// The register.
        path: PathBuf,
        /// The monitor's process, where it tells.
        owner: Option<u32>,
    },

    /// Some scenes could not be downloaded; the others are complete.
    #[error("{failed} of {total} scenes failed; the others are complete, and the same command tries these again: {}", list_failures(failures), failed = failures.len())]
    Download {
        /// Scenes asked for.
        total: usize,
        /// Id of each scene that failed, and why.
        failures: Vec<(String, Box<Error>)>,
    },

    /// A sample of a data set cannot be read.
    #[error("cannot read sample {id}")]
    Sample {
        /// Its id.
        id: String,
        /// What is wrong with its files.
        source: Box<Error>,
    },

    /// The network failed on a patch.
    #[error("the model failed: {0}")]
    Segmenter(String),

    /// The user asked to stop.
    #[error("interrupted; no output was left behind")]
    Interrupted,
}

/// The first failures, one after the other.
fn list_failures(failures: &[(String, Box<Error>)]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = failures.iter().take(SHOWN).map(|(scene, error)| format!("{scene}: {error}")).collect();
    shown.join("; ") + if failures.len() > SHOWN { "; ..." } else { "" }
}

impl Error {
    /// A [`Error::Raster`] from anything that prints.
    pub fn raster(location: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Raster { location: location.into(), reason: reason.to_string() }
    }

    /// A [`Error::Scene`] from anything that prints.
    pub fn scene(scene: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Scene { scene: scene.into(), reason: reason.to_string() }
    }
}

/// What an error says, and what its causes say beyond that, on one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot write")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_are_said_once() {
        let cause = std::io::Error::other("no space");
        let outer = Error::Io(std::io::Error::other(cause));
        // `Io` says what its cause says.
        assert_eq!(with_causes(&outer), "no space");
        assert_eq!(with_causes(&Outer(std::io::Error::other("no space"))), "cannot write: no space");
    }
}
