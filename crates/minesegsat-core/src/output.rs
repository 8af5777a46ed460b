//! Outputs that appear under their names only when they are complete: [`OutputFolder`], [`OutputTree`] and
//! [`atomic_write`]. [`FolderLock`] admits one run per folder.
//!
//! Files are written to a hidden folder beside their destination, on the same file system, and renamed at the end.
//! - A run that fails removes the hidden folder as it unwinds.
//! - A run that is interrupted calls [`remove_partial_outputs`] from its signal handler.
//! - A killed run leaves its hidden folder behind. The next run that writes to the same destination removes it, because its
//!   lock file shows that no process owns it any more.

mod lock;
mod tree;

use std::{
    ffi::OsStr,
    fs::{File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use fs_err as fs;

pub use self::lock::FolderLock;
pub use self::tree::OutputTree;
use crate::{Error, Result};

const PREFIX: &str = ".minesegsat-";
const SUFFIX: &str = ".partial";
/// Lock file of a partial folder. The owning process keeps it locked; it contains the process id.
const LOCK_FILE: &str = ".lock";
/// Marks a set of outputs as complete, so it is moved last.
const MANIFEST: &str = "manifest.json";
/// A partial folder whose lock file says nothing is about to get its owner; older than this, its owner died meanwhile.
const UNOWNED_AFTER: Duration = Duration::from_hours(1);

/// An incomplete output on disk.
#[derive(Debug)]
struct Partial {
    path: PathBuf,
    /// Folders created for the outputs, deepest first. They are removed if they are empty.
    made: Vec<PathBuf>,
    /// Lock file, locked while the folder is in use.
    lock: Option<File>,
}

impl Partial {
    /// Removes the partial folder or file, and the folders that were created for it.
    fn remove(self) {
        // Windows does not remove files that are open.
        drop(self.lock);
        // Other threads may still be adding files while a signal handler removes them.
        for _ in 0..20 {
            let removed =
                if self.path.is_dir() { std::fs::remove_dir_all(&self.path) } else { std::fs::remove_file(&self.path) };
            match removed {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        for folder in &self.made {
            // Fails on purpose if the folder contains other files.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// All incomplete outputs of this process, for [`remove_partial_outputs`].
static PARTIALS: Mutex<Vec<Partial>> = Mutex::new(Vec::new());

fn partials() -> MutexGuard<'static, Vec<Partial>> {
    // The list is consistent after every statement, so a panic of another thread does no harm.
    PARTIALS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn unregister(path: &Path) -> Option<Partial> {
    let mut list = partials();
    let index = list.iter().position(|partial| partial.path == path)?;
    Some(list.swap_remove(index))
}

/// Removes all incomplete outputs of this process. For the thread of a signal handler that is about to end the process.
///
/// Waits for a commit that is renaming files. A later commit fails with [`Error::Interrupted`].
pub fn remove_partial_outputs() {
    for partial in std::mem::take(&mut *partials()) {
        partial.remove();
    }
}

/// A set of output files in one folder. They appear together when all are complete, or not at all.
///
/// ```
/// use minesegsat_core::output::OutputFolder;
///
/// let parent = tempfile::tempdir()?;
/// let folder = parent.path().join("out");
/// let outputs = OutputFolder::create(&folder, &["mask.tif", "manifest.json"], false)?;
/// std::fs::write(outputs.path("mask.tif"), "pixels")?;
/// std::fs::write(outputs.path("manifest.json"), "{}")?;
/// assert!(!folder.join("mask.tif").exists());
/// outputs.commit()?;
/// assert!(folder.join("mask.tif").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct OutputFolder {
    dir: PathBuf,
    partial: PathBuf,
    names: Vec<String>,
    overwrite: bool,
}

impl OutputFolder {
    /// Checks that the outputs `names` (plain file names) may be written to `dir`. Call it before the work starts.
    ///
    /// Creates `dir` if it is missing, and removes partial outputs of killed runs. Fails with [`Error::OutputExists`] if an
    /// output exists and `overwrite` is not set.
    pub fn create(dir: &Path, names: &[&str], overwrite: bool) -> Result<Self> {
        for name in names {
            if Path::new(name).file_name() != Some(OsStr::new(name)) || name.starts_with(PREFIX) {
                return Err(Error::Argument {
                    name: "output name",
                    value: (*name).to_owned(),
                    accepted: "a plain file name, without folders".to_owned(),
                });
            }
            let target = dir.join(name);
            // A dangling link also blocks the name, so links are not followed.
            if let Ok(found) = target.symlink_metadata()
                && (!overwrite || found.is_dir())
            {
                return Err(Error::OutputExists { path: target });
            }
        }
        let made = make_folders(dir)?;
        let opened = open_partial(dir);
        let (partial, lock) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                for folder in &made {
                    let _ = std::fs::remove_dir(folder);
                }
                return Err(error);
            }
        };
        partials().push(Partial { path: partial.clone(), made, lock });
        remove_stale(dir);
        Ok(Self { dir: dir.to_owned(), partial, names: names.iter().map(|&name| name.to_owned()).collect(), overwrite })
    }

    /// Path of an output before [`OutputFolder::commit`]. Files with other names are scratch files, which are removed.
    pub fn path(&self, name: &str) -> PathBuf {
        self.partial.join(name)
    }

    /// Path of an output after [`OutputFolder::commit`].
    pub fn final_path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Renames all outputs to their final names, `manifest.json` last: if the manifest exists, the set is complete.
    ///
    /// All outputs must have been written. If a commit that overwrites files fails half-way, files without a manifest remain.
    /// If a commit without overwriting fails, no output remains.
    pub fn commit(self) -> Result<()> {
        let is_registered = |list: &[Partial]| list.iter().any(|partial| partial.path == self.partial);
        if !is_registered(&partials()) {
            return Err(Error::Interrupted);
        }
        for name in &self.names {
            if !self.path(name).is_file() {
                let reason = format!("output `{name}` of `{}` was not written", self.dir.display());
                return Err(io::Error::new(io::ErrorKind::NotFound, reason).into());
            }
            // Synchronise the data first: after a power cut no file must have its final name but incomplete data.
            fs::OpenOptions::new().write(true).open(self.path(name))?.sync_all()?;
        }
        let mut order: Vec<&str> = self.names.iter().map(String::as_str).collect();
        order.sort_by_key(|&name| name == MANIFEST);

        // Held while files move, so that a signal handler finds all of them in place or none.
        let list = partials();
        if !is_registered(&list) {
            return Err(Error::Interrupted);
        }
        if self.overwrite && order.last() == Some(&MANIFEST) {
            remove_if_there(&self.final_path(MANIFEST))?;
        }
        let mut placed: Vec<PathBuf> = Vec::new();
        for name in order {
            let target = self.final_path(name);
            let moved = if self.overwrite {
                fs::rename(self.path(name), &target).map_err(Error::from)
            } else {
                rename_new(&self.path(name), &target)
            };
            if let Err(error) = moved {
                if !self.overwrite {
                    for path in &placed {
                        let _ = std::fs::remove_file(path);
                    }
                }
                return Err(error);
            }
            placed.push(target);
        }
        drop(list);
        sync_folder(&self.dir);
        Ok(())
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        // Also after a commit: the folder then has scratch files only, and `dir` stays because it is not empty.
        if let Some(partial) = unregister(&self.partial) {
            partial.remove();
        }
    }
}

/// Writes one file so that it appears under its name only when it is complete. Replaces an existing file.
pub fn atomic_write(path: &Path, bytes: &[u8]) -> Result<()> {
    atomic_write_with(path, |file| file.write_all(bytes))
}

/// Like [`atomic_write`], for content that is written piece by piece.
pub fn atomic_write_with(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let fail = |error: &io::Error| {
        Error::Io(io::Error::new(error.kind(), format!("failed to write `{}`: {error}", path.display())))
    };
    let folder = parent_of(path);
    let file = temporary_in(folder).map_err(|error| fail(&error))?;
    let partial = file.path().to_owned();
    partials().push(Partial { path: partial.clone(), made: Vec::new(), lock: None });
    let mut buffered = io::BufWriter::new(file.as_file());
    let written = write(&mut buffered).and_then(|()| buffered.flush()).and_then(|()| file.as_file().sync_all());
    drop(buffered);
    let placed = match written {
        // Registered until it has its final name. If a signal handler removes it first, the rename fails.
        Ok(()) => file.persist(path).map(drop).map_err(|error| fail(&error.error)),
        Err(error) => Err(fail(&error)),
    };
    unregister(&partial);
    placed?;
    sync_folder(folder);
    Ok(())
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn temporary_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The mode of any new file under the umask. A temporary file is private by default, and renaming does not change that.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Creates a folder and its missing parents. Returns the folders that it created, deepest first.
fn make_folders(dir: &Path) -> Result<Vec<PathBuf>> {
    if dir.exists() && !dir.is_dir() {
        let reason = format!("cannot write to output folder `{}`: it is a file", dir.display());
        return Err(io::Error::new(io::ErrorKind::NotADirectory, reason).into());
    }
    if dir.symlink_metadata().is_ok() && !dir.exists() {
        let reason = format!("cannot write to output folder `{}`: it is a dangling link", dir.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, reason).into());
    }
    let missing = dir.ancestors().take_while(|folder| *folder != Path::new("") && !folder.exists());
    let missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
    fs::create_dir_all(dir)?;
    Ok(missing)
}

/// Creates a hidden folder in `dir` and locks it. On a file system without locks the folder stays unlocked.
fn open_partial(dir: &Path) -> Result<(PathBuf, Option<File>)> {
    let folder = tempfile::Builder::new().prefix(PREFIX).suffix(SUFFIX).tempdir_in(dir).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot write to output folder `{}`: {error}", dir.display()))
    })?;
    let mut lock = File::create_new(folder.path().join(LOCK_FILE))?;
    let locked = lock.try_lock().is_ok();
    if locked {
        // After locking: an unlocked lock file with a process id means that its owner died.
        writeln!(lock, "{}", std::process::id())?;
    }
    Ok((folder.keep(), locked.then_some(lock)))
}

/// Removes partial outputs that no living process owns. Ignores errors.
fn remove_stale(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if is_partial(&name) && is_stale(&entry.path()) {
            tracing::info!("removing `{}`, left in `{}` by a run that was killed", name.display(), dir.display());
            Partial { path: entry.path(), made: Vec::new(), lock: None }.remove();
        }
    }
}

/// Removes partial files of killed runs from a folder. No other process may write to the folder: see [`FolderLock`].
pub fn remove_abandoned_files(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if is_partial(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Whether a living process writes an [`OutputFolder`] to a folder.
pub fn is_being_written(dir: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
    entries.flatten().any(|entry| {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        is_folder && is_partial(&entry.file_name()) && !is_stale(&entry.path())
    })
}

fn is_partial(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
}

fn is_stale(partial: &Path) -> bool {
    let is_old = || {
        let modified = partial.metadata().and_then(|found| found.modified());
        modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > UNOWNED_AFTER))
    };
    let lock_path = partial.join(LOCK_FILE);
    let Ok(lock) = File::open(&lock_path) else { return is_old() };
    match lock.try_lock() {
        Ok(()) if lock_path.metadata().is_ok_and(|found| found.len() > 0) => true,
        Ok(()) => is_old(),
        // The file is owned, or the file system cannot tell. Then it is safer to keep it.
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    }
}

fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Renames a file to a name that must be free. Check and rename are one atomic step if the system supports it.
fn rename_new(from: &Path, to: &Path) -> Result<()> {
    let source = tempfile::TempPath::try_from_path(from)?;
    source.persist_noclobber(to).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => Error::OutputExists { path: to.to_owned() },
        kind => Error::Io(io::Error::new(kind, format!("failed to rename to `{}`: {}", to.display(), error.error))),
    })
}

/// Makes renames in a folder survive a power cut, on systems that can synchronise folders.
fn sync_folder(dir: &Path) {
    #[cfg(unix)]
    if let Ok(folder) = File::open(dir) {
        let _ = folder.sync_all();
    }
    #[cfg(not(unix))]
    let _ = dir;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [`remove_partial_outputs`] affects the whole process, so tests with partial outputs run one at a time.
    static TURN: Mutex<()> = Mutex::new(());

    pub(super) fn turn() -> MutexGuard<'static, ()> {
        TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).expect("folder").flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().expect("a name")).collect();
        names.sort();
        names
    }

    fn put(outputs: &OutputFolder, name: &str, text: &str) {
        std::fs::write(outputs.path(name), text).expect("written");
    }

    #[test]
    fn outputs_appear_together_and_nothing_else_stays() {
        let _turn = turn();
        let parent = tempfile::tempdir().expect("folder");
        let dir = parent.path().join("a/b");
        let outputs = OutputFolder::create(&dir, &["manifest.json", "mask.tif"], false).expect("free");
        put(&outputs, "manifest.json", "{}");
        put(&outputs, "scratch", "");
        assert!(names(&dir).iter().all(|name| name.starts_with(".minesegsat-")));
        put(&outputs, "mask.tif", "pixels");
        assert!(is_being_written(&dir));
        outputs.commit().expect("complete");
        assert!(!is_being_written(&dir) && !is_being_written(&parent.path().join("none")));
        assert_eq!(names(&dir), ["manifest.json", "mask.tif"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let plain = parent.path().join("plain");
            std::fs::write(&plain, "").expect("written");
            let mode = |path: &Path| path.metadata().expect("file").permissions().mode();
            assert_eq!(mode(&dir.join("mask.tif")), mode(&plain), "as readable as any file");
        }
    }

    #[test]
    fn dropped_outputs_leave_no_trace() {
        let _turn = turn();
        let parent = tempfile::tempdir().expect("folder");
        let outputs = OutputFolder::create(&parent.path().join("a/b"), &["mask.tif"], false).expect("free");
        put(&outputs, "mask.tif", "pixels");
        drop(outputs);
        assert!(names(parent.path()).is_empty());
    }

    #[test]
    fn an_output_that_is_missing_fails_the_commit_and_leaves_none() {
        let _turn = turn();
        let parent = tempfile::tempdir().expect("folder");
        let outputs = OutputFolder::create(parent.path(), &["a", "b"], false).expect("free");
        put(&outputs, "a", "");
        let message = outputs.commit().expect_err("b was not written").to_string();
        assert!(message.contains("output `b`"), "{message}");
        assert!(names(parent.path()).is_empty());
    }

    #[test]
    fn existing_outputs_are_kept_unless_they_may_be_replaced() {
        let _turn = turn();
        let parent = tempfile::tempdir().expect("folder");
        let dir = parent.path();
        std::fs::write(dir.join("mask.tif"), "old").expect("written");
        std::fs::write(dir.join("other"), "kept").expect("written");
        let error = OutputFolder::create(dir, &["manifest.json", "mask.tif"], false).expect_err("in the way");
        assert!(matches!(error, Error::OutputExists { path } if path == dir.join("mask.tif")));

        let outputs = OutputFolder::create(dir, &["mask.tif"], true).expect("may be replaced");
        put(&outputs, "mask.tif", "new");
        outputs.commit().expect("complete");
        assert_eq!(std::fs::read_to_string(dir.join("mask.tif")).expect("file"), "new");
        assert_eq!(names(dir), ["mask.tif", "other"]);

        // A file that appears during the run is not replaced, and the other outputs are removed again.
        let outputs = OutputFolder::create(dir, &["a", "z"], false).expect("free");
        put(&outputs, "a", "");
        put(&outputs, "z", "");
        std::fs::write(dir.join("z"), "someone else's").expect("written");
        assert!(matches!(outputs.commit(), Err(Error::OutputExists { .. })));
        assert_eq!(names(dir), ["mask.tif", "other", "z"]);
        assert!(OutputFolder::create(dir, &["sub/mask.tif"], true).is_err());
        assert!(OutputFolder::create(&dir.join("other"), &["mask.tif"], true).is_err(), "a file is no folder");
    }

    #[test]
    fn folders_of_killed_runs_are_removed_and_those_of_living_ones_kept() {
        let _turn = turn();
        let parent = tempfile::tempdir().expect("folder");
        let dir = parent.path();
        let living = OutputFolder::create(dir, &["a"], false).expect("free");
        put(&living, "a", "");
        let killed = dir.join(".minesegsat-killed.partial");
        std::fs::create_dir(&killed).expect("made");
        std::fs::write(killed.join(LOCK_FILE), "1\n").expect("written");
        std::fs::write(killed.join("mask.tif"), "half").expect("written");
        let starting = dir.join(".minesegsat-starting.partial");
        std::fs::create_dir(&starting).expect("made");

        let next = OutputFolder::create(dir, &["b"], false).expect("free");
        assert!(!killed.exists());
        assert!(starting.exists(), "its owner may be about to lock it");
        assert!(living.path("a").exists());
        drop(next);
        living.commit().expect("complete");
        std::fs::remove_dir(&starting).expect("empty");
        assert_eq!(names(dir), ["a"]);
    }

    #[test]
    fn an_interrupt_removes_all_partial_outputs_and_fails_later_commits() {
        let _turn = turn();
        let parent = tempfile::tempdir().expect("folder");
        let dir = parent.path().join("out");
        let outputs = OutputFolder::create(&dir, &["a"], false).expect("free");
        put(&outputs, "a", "");
        let open = File::open(outputs.path("a")).expect("file");
        remove_partial_outputs();
        assert!(!dir.exists());
        drop(open);
        assert!(matches!(outputs.commit(), Err(Error::Interrupted)));
        assert!(names(parent.path()).is_empty());
    }

    #[test]
    fn single_files_are_written_whole() {
        let _turn = turn();
        let parent = tempfile::tempdir().expect("folder");
        let path = parent.path().join("report.json");
        atomic_write(&path, b"one").expect("written");
        atomic_write(&path, b"two").expect("replaced");
        assert_eq!(std::fs::read(&path).expect("file"), b"two");
        assert_eq!(names(parent.path()), ["report.json"]);
        let nowhere = parent.path().join("missing/report.json");
        let message = atomic_write(&nowhere, b"").expect_err("no folder").to_string();
        assert!(message.contains("report.json"), "{message}");
    }
}
