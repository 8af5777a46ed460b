//! Cache of a build for the next one: hashes of unchanged files, and cells with too little data. Losing it only costs
//! time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use minesegsat_core::Result;
use minesegsat_core::output::atomic_write;
use minesegsat_io::Location;
use minesegsat_io::raster::{InputIdentity, StatedChecksum, checked_identity};

/// Folder of the cache within the data set's folder.
const FOLDER: &str = ".minesegsat";
const FILE: &str = "build.json";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    /// Hashes of files, by path.
    hashes: BTreeMap<String, Hash>,
    /// Fingerprints of cells with too little data, by cell id.
    rejected: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Hash {
    size: u64,
    /// Time of the last modification in nanoseconds since 1970.
    modified_ns: u64,
    sha256: String,
}

/// The cache of one data set.
#[derive(Debug)]
pub(super) struct Cache {
    path: PathBuf,
    content: Mutex<Content>,
}

impl Cache {
    pub(super) fn open(folder: &Path) -> Self {
        let path = folder.join(FOLDER).join(FILE);
        // A damaged file counts as missing.
        let content = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { path, content: Mutex::new(content.unwrap_or_default()) }
    }

    fn content(&self) -> std::sync::MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn save(&self) -> Result<()> {
        if let Some(folder) = self.path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        let json = serde_json::to_vec(&*self.content()).map_err(std::io::Error::from)?;
        atomic_write(&self.path, &json)
    }

    /// Size and hash of a file. The file is hashed again only if it has changed.
    pub(super) fn identity(&self, location: &Location, stated: Option<&StatedChecksum>) -> Result<InputIdentity> {
        let key = location.to_string();
        let now = match location {
            Location::Path(path) => modified(path),
            Location::Url(_) | Location::ZipEntry { .. } => None,
        };
        if let Some((size, modified_ns)) = now
            && let Some(known) = self.content().hashes.get(&key)
            && (known.size, known.modified_ns) == (size, modified_ns)
        {
            return Ok(InputIdentity {
                location: key,
                size: Some(size),
                sha256: Some(known.sha256.clone()),
                etag: None,
                last_modified: None,
            });
        }
        let identity = checked_identity(location, stated)?;
        if let (Some((size, modified_ns)), Some(sha256)) = (now, identity.sha256.clone()) {
            self.content().hashes.insert(key, Hash { size, modified_ns, sha256 });
        }
        Ok(identity)
    }

    pub(super) fn is_rejected(&self, id: &str, fingerprint: &str) -> bool {
        self.content().rejected.get(id).is_some_and(|known| known == fingerprint)
    }

    pub(super) fn reject(&self, id: &str, fingerprint: &str) {
        self.content().rejected.insert(id.to_owned(), fingerprint.to_owned());
    }
}

fn modified(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((metadata.len(), u64::try_from(since.as_nanos()).ok()?))
}
