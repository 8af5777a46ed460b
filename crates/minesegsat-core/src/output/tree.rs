//! A folder with subfolders that appears as a whole: [`OutputTree`].

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{Partial, make_folders, open_partial, parent_of, partials, remove_stale, sync_folder, unregister};
use crate::{Error, Result};

/// Names inside the partial folder: the new tree, and the tree that it replaces.
const NEW: &str = "new";
const OLD: &str = "old";

/// A folder that appears under its name when it is complete, or not at all. It is written to a hidden folder beside its
/// destination.
#[derive(Debug)]
pub struct OutputTree {
    dir: PathBuf,
    partial: PathBuf,
    overwrite: bool,
}

impl OutputTree {
    /// Checks that `dir` may be written. Call it before the work starts.
    ///
    /// `dir` must be absent or empty, or `overwrite` must be set and `dir` must contain the file `marker`, which shows that an
    /// earlier run of the same kind created it.
    pub fn create(dir: &Path, marker: &str, overwrite: bool) -> Result<Self> {
        // Replace the target of a link, not the link itself.
        let dir = if dir.exists() { fs::canonicalize(dir)? } else { dir.to_owned() };
        if dir.exists() && !dir.is_dir() {
            let reason = format!("cannot write to output folder `{}`: it is a file", dir.display());
            return Err(io::Error::new(io::ErrorKind::NotADirectory, reason).into());
        }
        if dir.exists() && fs::read_dir(&dir)?.next().is_some() && !(overwrite && dir.join(marker).is_file()) {
            return Err(Error::OutputExists { path: dir });
        }
        let parent = parent_of(&dir);
        let made = make_folders(parent)?;
        let opened = open_partial(parent);
        let (partial, lock) = opened.inspect_err(|_| {
            for folder in &made {
                let _ = std::fs::remove_dir(folder);
            }
        })?;
        partials().push(Partial { path: partial.clone(), made, lock });
        remove_stale(parent);
        let tree = Self { dir, partial, overwrite };
        fs::create_dir(tree.partial.join(NEW))?;
        Ok(tree)
    }

    /// Path of a file of the tree before [`OutputTree::commit`]; creates its folder. `/` separates the folders of the name.
    pub fn path(&self, relative: &str) -> Result<PathBuf> {
        let path = self.partial.join(NEW).join(relative);
        fs::create_dir_all(parent_of(&path))?;
        Ok(path)
    }

    /// Moves the folder to its destination, and replaces the folder that [`OutputTree::create`] allowed to replace.
    pub fn commit(self) -> Result<()> {
        // Held while folders move, so that a signal handler finds either the old or the new folder in place.
        let list = partials();
        if !list.iter().any(|partial| partial.path == self.partial) {
            return Err(Error::Interrupted);
        }
        let (new, old) = (self.partial.join(NEW), self.partial.join(OLD));
        let is_there = self.dir.symlink_metadata().is_ok();
        if is_there && fs::read_dir(&self.dir)?.next().is_none() {
            fs::remove_dir(&self.dir)?;
        } else if is_there && self.overwrite {
            fs::rename(&self.dir, &old)?;
        } else if is_there {
            return Err(Error::OutputExists { path: self.dir.clone() });
        }
        if let Err(error) = fs::rename(&new, &self.dir) {
            if old.exists() {
                fs::rename(&old, &self.dir)?;
            }
            return Err(error.into());
        }
        drop(list);
        sync_folder(parent_of(&self.dir));
        Ok(())
    }
}

impl Drop for OutputTree {
    fn drop(&mut self) {
        if let Some(partial) = unregister(&self.partial) {
            partial.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::turn;
    use super::*;

    #[test]
    fn a_tree_appears_whole_and_replaces_only_its_own_kind() {
        let _turn = turn();
        let parent = tempfile::tempdir().expect("folder");
        let dir = parent.path().join("deep/tree");
        let make = |overwrite: bool, text: &str| -> Result<()> {
            let tree = OutputTree::create(&dir, "marker.json", overwrite)?;
            std::fs::write(tree.path("marker.json")?, "{}")?;
            std::fs::write(tree.path("a/b/file")?, text)?;
            tree.commit()
        };
        make(false, "one").expect("made");
        assert_eq!(std::fs::read_to_string(dir.join("a/b/file")).expect("file"), "one");
        assert!(matches!(make(false, "two"), Err(Error::OutputExists { .. })));
        make(true, "two").expect("replaced");
        assert_eq!(std::fs::read_to_string(dir.join("a/b/file")).expect("file"), "two");
        std::fs::remove_file(dir.join("marker.json")).expect("removed");
        assert!(matches!(make(true, "three"), Err(Error::OutputExists { .. })), "not one of ours");
        let left: Vec<_> = std::fs::read_dir(parent.path().join("deep")).expect("folder").collect();
        assert_eq!(left.len(), 1, "no partial folder is left");
    }

    #[test]
    fn a_tree_that_is_dropped_leaves_nothing() {
        let _turn = turn();
        let parent = tempfile::tempdir().expect("folder");
        let tree = OutputTree::create(&parent.path().join("a/b"), "marker.json", false).expect("free");
        std::fs::write(tree.path("x/y").expect("folder"), "").expect("written");
        drop(tree);
        assert_eq!(std::fs::read_dir(parent.path()).expect("folder").count(), 0);
    }
}
