//! The files of a product in a folder or in a zip archive.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use minesegsat_core::{Error, Result};
use minesegsat_io::Location;

/// Lower-case names of the folders that contain a product's images and metadata. Other folders are not searched,
/// because the user's folder may be a home directory.
const FOLDERS: [&str; 5] = ["granule", "img_data", "r10m", "r20m", "r60m"];

/// Names of files below a root, with `/` as separator.
#[derive(Debug)]
pub(crate) struct FileTree {
    root: Location,
    files: Vec<String>,
}

impl FileTree {
    /// Lists the files of a folder and of its product subfolders, sorted. Hidden files are skipped.
    pub(crate) fn folder(path: &Path) -> Result<Self> {
        let mut files = Vec::new();
        walk(path, "", path.file_name().is_some_and(is_granules), &mut BTreeSet::new(), &mut files)?;
        files.sort_unstable();
        Ok(Self { root: Location::from(path), files })
    }

    /// Lists all files of a zip archive, sorted.
    pub(crate) fn zip(path: &Path) -> Result<Self> {
        let fail =
            |e: zip::result::ZipError| Error::scene(path.display().to_string(), "not a zip archive").caused_by(e);
        let file = std::io::BufReader::new(fs_err::File::open(path)?);
        let archive = zip::ZipArchive::new(file).map_err(fail)?;
        let mut files = Vec::new();
        for name in archive.file_names() {
            let name = name.map_err(fail)?;
            if !name.ends_with('/') {
                files.push(name.into_owned());
            }
        }
        files.sort_unstable();
        Ok(Self { root: Location::from(path), files })
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// Files below a folder of the tree (`""` is the root). Names stay relative to the root.
    pub(crate) fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        self.files().filter(move |name| {
            folder.is_empty() || name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        })
    }

    pub(crate) fn location(&self, name: &str) -> Location {
        self.root.join(name)
    }
}

fn is_granules(name: &std::ffi::OsStr) -> bool {
    name.eq_ignore_ascii_case("granule")
}

/// Collects the files of a folder. Each folder is searched once, because links may lead in a circle: `seen` holds the folders
/// with their links resolved.
fn walk(
    folder: &Path,
    prefix: &str,
    in_granules: bool,
    seen: &mut BTreeSet<PathBuf>,
    files: &mut Vec<String>,
) -> Result<()> {
    if !seen.insert(fs_err::canonicalize(folder)?) {
        return Ok(());
    }
    let mut entries = fs_err::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs_err::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        // Products use only UTF-8 names, so other names are skipped.
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        let name = format!("{prefix}{name}");
        let path = entry.path();
        if path.is_dir() {
            let lower = file_of(&name).to_ascii_lowercase();
            if in_granules || FOLDERS.contains(&lower.as_str()) || has_extension(&lower, &["safe"]) {
                walk(&path, &format!("{name}/"), lower == "granule", seen, files)?;
            }
        } else {
            files.push(name);
        }
    }
    Ok(())
}

/// The folder part of a name; `""` for a name without one.
pub(crate) fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The last part of a name.
pub(crate) fn file_of(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// Whether the extension is that of a supported raster: GeoTIFF or JPEG 2000.
pub(crate) fn is_raster(name: &str) -> bool {
    is_tiff(name) || is_jp2(name)
}

pub(crate) fn is_tiff(name: &str) -> bool {
    has_extension(name, &["tif", "tiff"])
}

pub(crate) fn is_jp2(name: &str) -> bool {
    has_extension(name, &["jp2", "j2k"])
}

pub(crate) fn has_extension(name: &str, extensions: &[&str]) -> bool {
    name.rsplit_once('.').is_some_and(|(_, found)| extensions.iter().any(|e| found.eq_ignore_ascii_case(e)))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn links_in_a_circle_end() {
        let folder = tempfile::tempdir().unwrap();
        let granule = folder.path().join("GRANULE");
        fs_err::create_dir_all(granule.join("L2A_T10UGA")).unwrap();
        fs_err::write(granule.join("L2A_T10UGA/B04.jp2"), b"").unwrap();
        // Two circles: each level would double the number of files.
        for name in ["IMG_DATA", "R10m"] {
            std::os::unix::fs::symlink("../..", granule.join("L2A_T10UGA").join(name)).unwrap();
        }
        let tree = FileTree::folder(folder.path()).unwrap();
        assert_eq!(tree.files().collect::<Vec<_>>(), ["GRANULE/L2A_T10UGA/B04.jp2"]);
    }
}
