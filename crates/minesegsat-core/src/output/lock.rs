//! One run per folder: [`FolderLock`].

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::make_folders;
use crate::{Error, Result};

/// Name of the lock file in the folder.
const NAME: &str = ".minesegsat.lock";

/// Excludes other runs of this program from a folder until it is dropped. The system releases the lock when the process
/// ends, also after a crash.
///
/// On file systems without locks it excludes no run, and logs a warning.
///
/// ```
/// use minesegsat_core::{Error, output::FolderLock};
///
/// let folder = tempfile::tempdir()?;
/// let lock = FolderLock::acquire(folder.path())?;
/// assert!(matches!(FolderLock::acquire(folder.path()), Err(Error::FolderInUse { .. })));
/// drop(lock);
/// FolderLock::acquire(folder.path())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    /// The lock file, locked until it is closed.
    file: Option<File>,
}

impl FolderLock {
    /// Locks a folder. Creates it if it is missing. Fails with [`Error::FolderInUse`] if another run holds the lock.
    pub fn acquire(dir: &Path) -> Result<Self> {
        make_folders(dir)?;
        Self::acquire_file(dir.join(NAME), dir)?.map_err(|owner| Error::FolderInUse { path: dir.to_owned(), owner })
    }

    /// Locks `what` with a lock file of any name. If another process holds the lock, returns its process id, if the lock file
    /// states one.
    pub fn acquire_file(path: PathBuf, what: &Path) -> Result<std::result::Result<Self, Option<u32>>> {
        loop {
            let options = || {
                let mut options = fs::OpenOptions::new();
                options.read(true).write(true).create(true).truncate(false);
                options
            };
            let mut file = options().open(&path)?.into_file();
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut owner = String::new();
                    let _ = file.read_to_string(&mut owner);
                    return Ok(Err(owner.trim().parse().ok()));
                }
                Err(TryLockError::Error(error)) => {
                    tracing::warn!("`{}` cannot be locked ({error}): do not let two runs write to it", what.display());
                    return Ok(Ok(Self { path, file: Some(file) }));
                }
            }
            // The former owner may have removed the file between opening and locking. Then the lock protects nothing.
            if !is_at(&file, &path) {
                continue;
            }
            file.set_len(0)?;
            write!(file, "{}", std::process::id())?;
            return Ok(Ok(Self { path, file: Some(file) }));
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Removed while locked: a process that has opened it meanwhile finds that it is gone. Windows does not remove open
        // files; a lock file that stays behind does no harm.
        let _ = std::fs::remove_file(&self.path);
        drop(self.file.take());
    }
}

/// Whether an open file is still the file at a path.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |metadata: &std::fs::Metadata| (metadata.dev(), metadata.ino());
        matches!((file.metadata(), std::fs::metadata(path)), (Ok(a), Ok(b)) if identity(&a) == identity(&b))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_threads_has_the_folder_at_a_time() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let folder = tempfile::tempdir().unwrap();
        let (inside, entered) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let Ok(_lock) = FolderLock::acquire(folder.path()) else { continue };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "alone");
                        entered.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(entered.into_inner() > 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn the_owner_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let _lock = FolderLock::acquire(&folder.path().join("new")).unwrap();
        let error = FolderLock::acquire(&folder.path().join("new")).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())) && error.contains("new"), "{error}");
    }
}
