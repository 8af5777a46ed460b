//! Where the files of a project are: a folder, or a folder in an object store. Only this module knows which.
//!
//! | | folder | object store |
//! |---|---|---|
//! | a file appears | by a rename | when its upload is complete |
//! | two workers | a lock per unit | the first record of a unit stays; work that is done twice has the same bytes |
//! | large files | are read where they are | are downloaded to a temporary file |

use std::ffi::OsStr;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use fs_err as fs;
use minesegsat_core::output::atomic_write;
use minesegsat_core::{Error, Result};
use minesegsat_io::http::objects::{ObjectFolder, is_object_address};
use tempfile::{TempDir, TempPath};

/// Where the files of a project or of a merge are.
#[derive(Debug, Clone)]
pub enum Store {
    /// A folder of this machine, or one that machines share.
    Folder(PathBuf),
    /// A folder in an object store.
    Objects(ObjectFolder),
}

impl<P: AsRef<Path> + ?Sized> From<&P> for Store {
    fn from(folder: &P) -> Self {
        Self::Folder(folder.as_ref().to_owned())
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Objects(objects) => write!(f, "{objects}"),
        }
    }
}

/// A file on this machine. If it was downloaded, it is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct LocalFile {
    pub(crate) path: PathBuf,
    _downloaded: Option<TempPath>,
}

/// A folder on this machine. If it was made for downloads or uploads, it is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct LocalFolder {
    pub(crate) path: PathBuf,
    _temporary: Option<TempDir>,
}

impl LocalFolder {
    /// A temporary folder.
    pub(crate) fn temporary() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("minesegsat-area-").tempdir()?;
        Ok(Self { path: folder.path().to_owned(), _temporary: Some(folder) })
    }
}

impl From<&Path> for LocalFolder {
    fn from(folder: &Path) -> Self {
        Self { path: folder.to_owned(), _temporary: None }
    }
}

impl Store {
    /// Parses the place of a project: an address such as `s3://bucket/folder`, `gs://bucket/folder` or `az://container/folder`,
    /// or the path of a folder.
    ///
    /// # Errors
    /// The address names no folder in a bucket, or a setting of the environment is wrong.
    pub fn parse(place: &OsStr) -> Result<Self> {
        match place.to_str() {
            Some(address) if is_object_address(address) => ObjectFolder::open(address).map(Self::Objects),
            _ => Ok(Self::Folder(place.into())),
        }
    }

    /// A folder in this one.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        match self {
            Self::Folder(folder) => Self::Folder(folder.join(name)),
            Self::Objects(objects) => Self::Objects(objects.join(name)),
        }
    }

    /// Path or address of a file, for messages.
    pub fn path_of(&self, name: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.join(name),
            Self::Objects(objects) => objects.address_of(name).into(),
        }
    }

    /// Whether a file exists.
    ///
    /// # Errors
    /// The store does not answer.
    pub fn exists(&self, name: &str) -> Result<bool> {
        Ok(self.exist(&[name.to_owned()])? == [true])
    }

    /// Which of these files exist.
    pub(crate) fn exist(&self, names: &[String]) -> Result<Vec<bool>> {
        match self {
            Self::Folder(folder) => Ok(names.iter().map(|name| folder.join(name).exists()).collect()),
            Self::Objects(objects) => objects.exist(names),
        }
    }

    /// Reads a file. `None` if it does not exist.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.read_all(&[name.to_owned()])?.pop().flatten())
    }

    /// Reads files, `None` for those that do not exist.
    pub(crate) fn read_all(&self, names: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
        let folder = match self {
            Self::Folder(folder) => folder,
            Self::Objects(objects) => return objects.read_all(names),
        };
        let read = |name: &String| match fs::read(folder.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error.into()),
        };
        names.iter().map(read).collect()
    }

    /// Writes files, each complete or not at all. Replaces existing ones.
    pub(crate) fn write_all(&self, files: Vec<(String, Vec<u8>)>) -> Result<()> {
        let folder = match self {
            Self::Folder(folder) => folder,
            Self::Objects(objects) => return objects.write_all(files),
        };
        for (name, bytes) in files {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            atomic_write(&path, &bytes)?;
        }
        Ok(())
    }

    /// Writes a file. Replaces an existing one.
    pub(crate) fn write(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        self.write_all(vec![(name.to_owned(), bytes)])
    }

    /// Writes a file that must not exist.
    pub(crate) fn create(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let is_new = match self {
            // The caller holds the lock of the folder.
            Self::Folder(folder) => !folder.join(name).exists() && self.write(name, bytes).map(|()| true)?,
            Self::Objects(objects) => objects.create(name, bytes)?,
        };
        if is_new { Ok(()) } else { Err(Error::OutputExists { path: self.path_of(name) }) }
    }

    /// Brings a file to this machine.
    pub(crate) fn bring(&self, name: &str) -> Result<LocalFile> {
        match self {
            Self::Folder(folder) => Ok(LocalFile { path: folder.join(name), _downloaded: None }),
            Self::Objects(objects) => {
                let suffix = Path::new(name).extension().map(|end| format!(".{}", end.display())).unwrap_or_default();
                let file = tempfile::Builder::new().prefix("minesegsat-area-").suffix(&suffix).tempfile()?;
                let kept = file.into_temp_path();
                objects.download(name, &kept)?;
                Ok(LocalFile { path: kept.to_path_buf(), _downloaded: Some(kept) })
            }
        }
    }

    /// Brings files to a folder on this machine.
    pub(crate) fn bring_all(&self, names: &[String]) -> Result<LocalFolder> {
        let objects = match self {
            Self::Folder(folder) => return Ok(LocalFolder::from(folder.as_path())),
            Self::Objects(objects) => objects,
        };
        let folder = LocalFolder::temporary()?;
        for name in names {
            objects.download(name, &folder.path.join(name))?;
        }
        Ok(folder)
    }

    /// Takes files from a folder on this machine, in this order. Files that are there already stay.
    pub(crate) fn take<'a>(&self, from: &LocalFolder, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
        if let Self::Objects(objects) = self {
            for name in names {
                objects.upload(name, &from.path.join(name))?;
            }
        }
        Ok(())
    }
}
