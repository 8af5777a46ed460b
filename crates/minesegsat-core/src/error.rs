//! The error type of this crate. An error states what failed, with which value, and what is accepted.

use std::path::PathBuf;

use crate::Setting;
use crate::band::{Band, UnknownBand};

/// Result with the [`Error`] of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error that caused another one.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

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
        /// Requested address, without its query.
        url: String,
        /// What happened on the last attempt.
        reason: String,
        /// Number of attempts made.
        attempts: u32,
    },

    /// A server answered with a status that is not a success.
    #[error("{url} answered {status}: {meaning}")]
    HttpStatus {
        /// Requested address, without its query.
        url: String,
        /// HTTP status code.
        status: u16,
        /// What the status usually means here, and what to try.
        meaning: String,
    },

    /// An object could not be read from an object store, or written to it, after all retries.
    #[error("cannot {action} {address}: {reason}")]
    ObjectStore {
        /// What was tried: `read` or `write`.
        action: &'static str,
        /// Address of the object, such as `s3://bucket/folder/file.json`.
        address: String,
        /// What the store answered, or why it did not answer.
        reason: String,
        /// Whether the same request may succeed later.
        may_pass: bool,
    },

    /// A raster file (TIFF or JPEG 2000) is damaged or of an unsupported kind.
    #[error("cannot read raster {location}: {reason}", reason = because(reason, source.as_ref()))]
    Raster {
        /// Path or URL.
        location: String,
        /// What is wrong with it.
        reason: String,
        /// The error that caused it.
        source: Option<Cause>,
        /// The option that avoids it.
        setting: Option<Setting>,
    },

    /// A text or JSON file has unusable content.
    #[error("cannot use {location}: {reason}", reason = because(reason, source.as_ref()))]
    Input {
        /// Path or URL.
        location: String,
        /// What is wrong with it.
        reason: String,
        /// The error that caused it.
        source: Option<Cause>,
        /// The option that avoids it.
        setting: Option<Setting>,
    },

    /// A raster could not be written.
    #[error("cannot write raster {path}: {reason}", path = path.display(), reason = because(reason, source.as_ref()))]
    RasterWrite {
        /// Output path.
        path: PathBuf,
        /// What went wrong.
        reason: String,
        /// The error that caused it.
        source: Option<Cause>,
    },

    /// A vector file could not be read or written.
    #[error("cannot use vector file {path}: {reason}", path = path.display(), reason = because(reason, source.as_ref()))]
    Vector {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
        /// The error that caused it.
        source: Option<Cause>,
        /// The option that avoids it.
        setting: Option<Setting>,
    },

    /// A database, such as a register of sites, could not be read or written.
    #[error("cannot use {path}: {reason}", path = path.display(), reason = because(reason, Some(source)))]
    Database {
        /// The file.
        path: PathBuf,
        /// What the error means and what to do, or empty.
        reason: String,
        /// The error of the database.
        source: Cause,
    },

    /// The scene as a whole cannot be used.
    #[error("cannot open scene {scene}: {reason}", reason = because(reason, source.as_ref()))]
    Scene {
        /// The location as the user gave it.
        scene: String,
        /// What is wrong with it, and what is accepted.
        reason: String,
        /// The error that caused it.
        source: Option<Cause>,
        /// The option that avoids it.
        setting: Option<Setting>,
    },

    /// The scene lacks some of the required bands.
    #[error(
        "{scene} lacks band{s} {missing}; it has {found}",
        s = if missing.len() == 1 { "" } else { "s" },
        missing = Band::list(missing),
        found = if found.is_empty() { "none".to_owned() } else { Band::list(found) }
    )]
    MissingBands {
        /// The location as the user gave it.
        scene: String,
        /// Required bands that the scene lacks.
        missing: Vec<Band>,
        /// Bands that the scene has.
        found: Vec<Band>,
    },

    /// A coordinate reference system that is unknown or cannot be transformed exactly.
    #[error("coordinate reference system {crs}: {reason}", reason = because(reason, source.as_ref()))]
    Crs {
        /// Code or definition, as the file or the user states it.
        crs: String,
        /// Why it is refused, and what is accepted.
        reason: String,
        /// The error that caused it.
        source: Option<Cause>,
    },

    /// A value given by the user is out of its range.
    #[error("{name} `{value}` is not accepted: {accepted}")]
    Argument {
        /// Name of the option or field.
        name: &'static str,
        /// The value as the user gave it.
        value: String,
        /// What is accepted.
        accepted: String,
    },

    /// A text is not the name of a band.
    #[error(transparent)]
    UnknownBand(#[from] UnknownBand),

    /// An output already exists and must not be replaced.
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
        /// Process id of that run, if its lock file states one.
        owner: Option<u32>,
    },

    /// Another monitor already runs on the register.
    #[error(
        "another monitor{owner} watches the sites of {path}; one register has one monitor at a time",
        path = path.display(),
        owner = owner.map_or_else(String::new, |id| format!(" (process {id})"))
    )]
    RegisterInUse {
        /// The register.
        path: PathBuf,
        /// Process id of that monitor, if its lock file states one.
        owner: Option<u32>,
    },

    /// Some scenes could not be downloaded; the others are complete.
    #[error("{failed} of {total} scenes failed; the others are complete, and the same command tries these again: {}", list_failures(failures), failed = failures.len())]
    Download {
        /// Number of requested scenes.
        total: usize,
        /// Id of each scene that failed, and why.
        failures: Vec<(String, Box<Error>)>,
    },

    /// A sample of a data set cannot be read.
    #[error("cannot read sample {id}")]
    Sample {
        /// Its id.
        id: String,
        /// Why its files cannot be read.
        source: Box<Error>,
    },

    /// The network failed on a patch.
    #[error("the model failed: {reason}", reason = because(reason, source.as_ref()))]
    Segmenter {
        /// What happened.
        reason: String,
        /// The error that caused it.
        source: Option<Cause>,
    },

    /// The user interrupted the run.
    #[error("interrupted; no output was left behind")]
    Interrupted,
}

/// The first failures, joined by semicolons.
fn list_failures(failures: &[(String, Box<Error>)]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> =
        failures.iter().take(SHOWN).map(|(scene, error)| format!("{scene}: {}", with_causes(&**error))).collect();
    shown.join("; ") + if failures.len() > SHOWN { "; ..." } else { "" }
}

/// A reason and its cause on one line: `reason: cause`. The reason may be empty. For messages of error types with a `source`.
pub fn because(reason: &str, cause: Option<&Cause>) -> String {
    match cause {
        None => reason.to_owned(),
        Some(cause) if reason.is_empty() => cause.to_string(),
        Some(cause) => format!("{reason}: {cause}"),
    }
}

/// Constructors. The reason may be empty if [`Error::caused_by`] adds an error that explains the failure.
impl Error {
    /// An [`Error::Raster`].
    pub fn raster(location: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Raster { location: location.into(), reason: reason.to_string(), source: None, setting: None }
    }

    /// An [`Error::Input`].
    pub fn input(location: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Input { location: location.into(), reason: reason.to_string(), source: None, setting: None }
    }

    /// An [`Error::RasterWrite`].
    pub fn raster_write(path: impl Into<PathBuf>, reason: impl std::fmt::Display) -> Self {
        Self::RasterWrite { path: path.into(), reason: reason.to_string(), source: None }
    }

    /// An [`Error::Vector`].
    pub fn vector(path: impl Into<PathBuf>, reason: impl std::fmt::Display) -> Self {
        Self::Vector { path: path.into(), reason: reason.to_string(), source: None, setting: None }
    }

    /// An [`Error::Database`].
    pub fn database(path: impl Into<PathBuf>, reason: impl std::fmt::Display, cause: impl Into<Cause>) -> Self {
        Self::Database { path: path.into(), reason: reason.to_string(), source: cause.into() }
    }

    /// An [`Error::Scene`].
    pub fn scene(scene: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Scene { scene: scene.into(), reason: reason.to_string(), source: None, setting: None }
    }

    /// An [`Error::Crs`].
    pub fn crs(crs: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Crs { crs: crs.into(), reason: reason.to_string(), source: None }
    }

    /// An [`Error::Segmenter`].
    pub fn segmenter(reason: impl std::fmt::Display) -> Self {
        Self::Segmenter { reason: reason.to_string(), source: None }
    }

    /// Adds a cause, which the message then ends with. Variants without a field for it stay the same.
    pub fn caused_by(mut self, cause: impl Into<Cause>) -> Self {
        if let Self::Raster { source, .. }
        | Self::Input { source, .. }
        | Self::RasterWrite { source, .. }
        | Self::Vector { source, .. }
        | Self::Scene { source, .. }
        | Self::Crs { source, .. }
        | Self::Segmenter { source, .. } = &mut self
        {
            *source = Some(cause.into());
        }
        self
    }

    /// Adds the option that avoids the error. Variants without a field for it stay the same.
    pub fn avoided_by(mut self, option: Setting) -> Self {
        if let Self::Raster { setting, .. }
        | Self::Input { setting, .. }
        | Self::Vector { setting, .. }
        | Self::Scene { setting, .. } = &mut self
        {
            *setting = Some(option);
        }
        self
    }

    /// Whether there was no room for a file: the disk is full, or a quota or the largest size of a file is reached.
    pub fn is_lack_of_room(&self) -> bool {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let is_lack = |error: &std::io::Error| matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge);
        if let Self::Io(error) = self {
            return is_lack(error);
        }
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            if error.downcast_ref().is_some_and(is_lack) {
                return true;
            }
            cause = error.source();
        }
        false
    }

    /// The option that avoids this error, if there is one.
    pub fn setting(&self) -> Option<Setting> {
        match self {
            Self::Raster { setting, .. }
            | Self::Input { setting, .. }
            | Self::Vector { setting, .. }
            | Self::Scene { setting, .. } => *setting,
            _ => None,
        }
    }
}

/// Whether a message contains the words of its cause. SQLite puts a code before its words, TOML the text of the file above them.
pub fn tells(message: &str, cause: &str) -> bool {
    let line = cause.lines().rfind(|line| !line.trim().is_empty()).unwrap_or(cause);
    message.contains(line.rsplit_once(": ").map_or(line, |(_, words)| words))
}

/// The message of an error, followed by those messages of its causes that add something, on one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !tells(&text, &message) {
            text = format!("{text}: {message}");
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
    fn an_error_keeps_its_cause_and_says_it_once() {
        let cause = || std::io::Error::new(std::io::ErrorKind::StorageFull, "no space");
        let error = Error::input("a.json", "it cannot be written").caused_by(cause());
        assert_eq!(with_causes(&error), "cannot use a.json: it cannot be written: no space");
        let database = Error::database("sites.gpkg", "", cause());
        assert_eq!(with_causes(&database), "cannot use sites.gpkg: no space");
        for error in [error, database] {
            let source = std::error::Error::source(&error).unwrap().downcast_ref::<std::io::Error>().unwrap();
            assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
        }
    }

    #[test]
    fn a_lack_of_room_is_found_in_every_variant() {
        let full = || std::io::Error::new(std::io::ErrorKind::StorageFull, "no space");
        for error in [
            Error::Io(full()),
            Error::raster_write("a.tif", "").caused_by(full()),
            Error::vector("a.gpkg", "it cannot be written").caused_by(Outer(full())),
            Error::database("sites.gpkg", "", full()),
        ] {
            assert!(error.is_lack_of_room(), "{error:?}");
        }
        let damaged = std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "cut short");
        for error in [Error::raster("a.tif", "").caused_by(damaged), Error::raster_write("a.tif", "it is a folder")] {
            assert!(!error.is_lack_of_room(), "{error:?}");
        }
    }

    #[test]
    fn the_last_words_of_a_cause_count() {
        let toml = "TOML parse error at line 1, column 1\n  |\n1 | a = 1\n  | ^\nunknown field `a`\n";
        assert!(tells("configuration a.toml: at line 1, column 1: unknown field `a`", toml));
        assert!(tells("cannot use a.gpkg: file is not a database", "Error code 26: file is not a database"));
        assert!(!tells("cannot use a.gpkg", "Error code 26: file is not a database") && tells("", ""));
    }

    #[test]
    fn causes_are_said_once() {
        let cause = std::io::Error::other("no space");
        let outer = Error::Io(std::io::Error::other(cause));
        // The message of `Io` is the message of its cause.
        assert_eq!(with_causes(&outer), "no space");
        assert_eq!(with_causes(&Outer(std::io::Error::other("no space"))), "cannot write: no space");
    }
}
