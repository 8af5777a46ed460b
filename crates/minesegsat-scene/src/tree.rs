//! The files of a product in a folder or in a zip archive.

use std::collections::{BTreeMap, BTreeSet};
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
    /// Paths of files whose names are not UTF-8, by the name in [`FileTree::files`].
    odd: BTreeMap<String, PathBuf>,
}

impl FileTree {
    /// Lists the files of a folder and of its product subfolders, sorted. Hidden files are skipped.
    pub(crate) fn folder(path: &Path) -> Result<Self> {
        let (mut files, mut odd) = (Vec::new(), BTreeMap::new());
        walk(path, "", path.file_name().is_some_and(is_granules), &mut BTreeSet::new(), &mut files, &mut odd)?;
        files.sort_unstable();
        Ok(Self { root: Location::from(path), files, odd })
    }

    /// Lists the files of a zip archive, sorted. Skips hidden files, the copies that macOS adds (`__MACOSX`), and names
    /// that lead out of the archive. `below` is a folder of the archive, or empty.
    pub(crate) fn zip(path: &Path, below: &str) -> Result<Self> {
        let fail =
            |e: zip::result::ZipError| Error::scene(path.display().to_string(), "not a zip archive").caused_by(e);
        let file = std::io::BufReader::new(fs_err::File::open(path)?);
        let archive = zip::ZipArchive::new(file).map_err(fail)?;
        let mut files = Vec::new();
        for name in archive.file_names() {
            let name = name.map_err(fail)?;
            let Some(plain) = Location::entry_name(&name).filter(|_| !name.ends_with(['/', '\\'])) else { continue };
            let is_below = below.is_empty() || plain.strip_prefix(below).is_some_and(|rest| rest.starts_with('/'));
            if is_below && !plain.split('/').any(|part| part.starts_with('.') || part == "__MACOSX") {
                files.push(plain);
            }
        }
        files.sort_unstable();
        if let Some(twice) = files.windows(2).find(|pair| pair[0] == pair[1]) {
            let [entry, ..] = twice else { unreachable!("windows of two have two") };
            let reason = format!("the archive has two entries `{entry}`");
            return Err(Error::scene(path.display().to_string(), reason));
        }
        Ok(Self { root: Location::from(path), files, odd: BTreeMap::new() })
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

    /// The folder that holds all files: `""` unless an archive has its files in a folder.
    pub(crate) fn common_folder(&self) -> &str {
        let Some(mut common) = self.files().next().map(folder_of) else { return "" };
        while !common.is_empty() && self.below(common).count() < self.files.len() {
            common = folder_of(common);
        }
        common
    }

    pub(crate) fn location(&self, name: &str) -> Location {
        self.odd.get(name).map_or_else(|| self.root.join(name), |path| Location::Path(path.clone()))
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
    odd: &mut BTreeMap<String, PathBuf>,
) -> Result<()> {
    if !seen.insert(fs_err::canonicalize(folder)?) {
        return Ok(());
    }
    let mut entries = fs_err::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs_err::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let is_text = name.to_str().is_some();
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{name}");
        let path = entry.path();
        if path.is_dir() {
            let lower = file_of(&name).to_ascii_lowercase();
            if in_granules || FOLDERS.contains(&lower.as_str()) || has_extension(&lower, &["safe"]) {
                walk(&path, &format!("{name}/"), lower == "granule", seen, files, odd)?;
            }
        } else {
            if !is_text || name.contains('\u{fffd}') {
                odd.insert(name.clone(), path);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        let files: Vec<_> = names.iter().map(|name| ((*name).to_owned(), b"x".to_vec())).collect();
        fs_err::write(&path, minesegsat_testing::scenes::zip(&files)).unwrap();
        (folder, path)
    }

    #[test]
    fn odd_entries_of_archives_are_found_or_skipped() {
        let (_folder, path) = archive(&[
            "d\\x\\B04.jp2",
            "d/x/B02.jp2",
            "d/",
            "__MACOSX/d/x/._B02.jp2",
            "d/x/._B04.jp2",
            "../B05.jp2",
            "/etc/B06.jp2",
        ]);
        let tree = FileTree::zip(&path, "").unwrap();
        assert_eq!(tree.files().collect::<Vec<_>>(), ["d/x/B02.jp2", "d/x/B04.jp2"]);
        assert_eq!(tree.common_folder(), "d/x");
        for name in ["d/x/B02.jp2", "d/x/B04.jp2"] {
            assert_eq!(&minesegsat_io::read_bytes(&tree.location(name), None).unwrap()[..], b"x", "{name}");
        }
        assert_eq!(FileTree::zip(&path, "e").unwrap().files().count(), 0);
        let (_folder, path) = archive(&["d/B02.jp2", "d\\B02.jp2"]);
        assert!(FileTree::zip(&path, "").unwrap_err().to_string().contains("two entries `d/B02.jp2`"));
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf_8_are_files_too() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(std::ffi::OsStr::from_bytes(b"B04_\xff.tif"));
        fs_err::write(&path, b"x").unwrap();
        let tree = FileTree::folder(folder.path()).unwrap();
        let names: Vec<&str> = tree.files().collect();
        assert_eq!(
            (names.len(), crate::names::layer_of(names[0])),
            (1, Some(crate::Layer::Band(minesegsat_core::Band::B04)))
        );
        assert_eq!(tree.location(names[0]), Location::Path(path));
    }

    #[cfg(unix)]
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
