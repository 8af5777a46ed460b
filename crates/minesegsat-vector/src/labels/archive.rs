//! Vector files in zip archives, also KMZ.

use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use fs_err::File;
use tempfile::NamedTempFile;
use zip::ZipArchive;

use minesegsat_core::{Error, Result};

/// Largest file in an archive that is read, in bytes. An archive of 1 MB can state files of 1 GB.
const MAX_BYTES: u64 = 2 << 30;

/// Greatest ratio of a file's size to that in the archive, for files above [`SMALL_BYTES`]. Coordinates in text and empty
/// pages of databases are compressed up to 50 times.
const MAX_RATIO: u64 = 200;
const SMALL_BYTES: u64 = 64 << 20;

/// Extensions of files with features, most likely meant first.
const EXTENSIONS: [&str; 8] = ["shp", "gpkg", "fgb", "geojson", "geojsonl", "parquet", "kml", "json"];

/// An archive with its list of files.
#[derive(Debug)]
pub(super) struct Archive {
    path: PathBuf,
    names: Vec<String>,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let fail = |reason: &str| Error::vector(path, reason);
        let archive = Self::zip(path)?;
        let names = archive
            .file_names()
            .map(|name| name.map(String::from))
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|error| fail("the names of its files cannot be read").caused_by(error))?;
        // Folders, and the metadata files that macOS adds.
        let is_other = |name: &String| {
            let base = name.rsplit('/').next().unwrap_or_default();
            name.ends_with('/') || name.starts_with("__MACOSX/") || base.starts_with("._")
        };
        Ok(Self { path: path.to_owned(), names: names.into_iter().filter(|name| !is_other(name)).collect() })
    }

    fn zip(path: &Path) -> Result<ZipArchive<BufReader<File>>> {
        ZipArchive::new(BufReader::new(File::open(path)?))
            .map_err(|error| Error::vector(path, "it is not a readable zip archive").caused_by(error))
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The file with the requested layer: the only one of the most likely format, or the one with this name. Also returns
    /// whether the name was used for the choice.
    pub(super) fn choose(&self, wanted: Option<&str>) -> Result<(&str, bool)> {
        let of_kind = |extension: &str| -> Vec<&String> {
            let is_it = |name: &&String| extension_of(name).eq_ignore_ascii_case(extension);
            self.names.iter().filter(is_it).collect()
        };
        let found = EXTENSIONS.iter().map(|extension| of_kind(extension)).find(|found| !found.is_empty());
        let Some(found) = found else {
            let reason = format!(
                "the archive holds no vector file ({}); it holds {}",
                EXTENSIONS.map(|extension| format!(".{extension}")).join(", "),
                super::listed(&self.names)
            );
            return Err(Error::vector(&self.path, reason));
        };
        let has_layers = extension_of(found[0]).eq_ignore_ascii_case("gpkg");
        if let ([only], true) = (&found[..], has_layers) {
            return Ok((only.as_str(), false));
        }
        let layers: Vec<&str> = found.iter().map(|name| stem_of(name)).collect();
        let is_shapefile = extension_of(found[0]).eq_ignore_ascii_case("shp");
        if found.len() == 1 && !is_shapefile && wanted.is_none_or(|wanted| wanted != layers[0]) {
            return Ok((found[0].as_str(), false));
        }
        let place = super::choose_layer(&self.path, wanted, layers.into_iter())?;
        Ok((found[place].as_str(), true))
    }

    /// Reads a file whole.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.copy(name, &mut bytes)?;
        Ok(bytes)
    }

    /// Unpacks a file beside the temporary files of the system.
    pub(super) fn unpack(&self, name: &str) -> Result<NamedTempFile> {
        let mut file = NamedTempFile::new()?;
        self.copy(name, &mut file)?;
        file.flush()?;
        Ok(file)
    }

    fn copy(&self, name: &str, into: &mut impl Write) -> Result<()> {
        let fail = |reason: String| Error::vector(&self.path, format!("{name}: {reason}"));
        let mut archive = Self::zip(&self.path)?;
        let entry = archive
            .by_name(name)
            .map_err(|error| fail("it cannot be read from the archive".to_owned()).caused_by(error))?;
        let packed = entry.compressed_size();
        let most = MAX_BYTES.min(SMALL_BYTES.max(packed.saturating_mul(MAX_RATIO)));
        // Sizes in the archive may be wrong, so what comes out is counted.
        let copied = std::io::copy(&mut entry.take(most + 1), into)
            .map_err(|error| fail("it cannot be unpacked".to_owned()).caused_by(error))?;
        if copied > most {
            return Err(fail(format!("it is larger than {most} bytes, of {packed} in the archive; unpack it first")));
        }
        Ok(())
    }
}

/// Extension of a name in an archive, without the dot.
fn extension_of(name: &str) -> &str {
    name.rsplit('/').next().and_then(|base| base.rsplit_once('.')).map_or("", |(_, extension)| extension)
}

/// A name in an archive without its extension.
pub(super) fn stem_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
