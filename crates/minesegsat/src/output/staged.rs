//! A whole folder that appears complete.

use std::fs::File;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{Partial, make_folders, open_partial, parent_of, partials, remove_stale, unregister};
use crate::{Error, Result};

/// The folder in the hidden one that holds the content.
const CONTENT: &str = "content";
/// The folder in the hidden one that holds what was replaced, until it is removed.
const REPLACED: &str = "replaced";

/// A folder that is made beside its destination, and gets its name when it is complete. Dropped before, it is removed with
/// all that is in it; so it is when the run is interrupted, or by the next run after this one was killed.
#[derive(Debug)]
pub struct StagedFolder {
    destination: PathBuf,
    partial: PathBuf,
}

impl StagedFolder {
    /// Makes an empty folder that will become `destination`, and the folders around it.
    pub fn create(destination: &Path) -> Result<Self> {
        let parent = parent_of(destination);
        let made = make_folders(parent)?;
        let opened = open_partial(parent);
        let (partial, lock): (PathBuf, Option<File>) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                for folder in &made {
                    let _ = std::fs::remove_dir(folder);
                }
                return Err(error);
            }
        };
        partials().push(Partial { path: partial.clone(), made, lock });
        remove_stale(parent);
        let staged = Self { destination: destination.to_owned(), partial };
        fs::create_dir(staged.path())?;
        Ok(staged)
    }

    /// Where to write until [`StagedFolder::commit`].
    pub fn path(&self) -> PathBuf {
        self.partial.join(CONTENT)
    }

    /// Gives the folder its name. What stands there already is replaced, if that is allowed.
    pub fn commit(self, overwrite: bool) -> Result<()> {
        // Held while folders move, so that a signal handler finds either the old one in place or the new one.
        let list = partials();
        if !list.iter().any(|partial| partial.path == self.partial) {
            return Err(Error::Interrupted);
        }
        let replaced = self.partial.join(REPLACED);
        let occupied = fs::symlink_metadata(&self.destination).is_ok();
        if occupied {
            if !overwrite {
                return Err(Error::OutputExists { path: self.destination.clone() });
            }
            fs::rename(&self.destination, &replaced)?;
        }
        if let Err(error) = fs::rename(self.path(), &self.destination) {
            if occupied {
                fs::rename(&replaced, &self.destination)?;
            }
            return Err(error.into());
        }
        Ok(())
    }
}

impl Drop for StagedFolder {
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

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_appears_when_it_is_complete_and_replaces_only_with_leave() {
        let _turn = turn();
        let parent = tempfile::tempdir().unwrap();
        let destination = parent.path().join("deep/model");
        let staged = StagedFolder::create(&destination).unwrap();
        std::fs::write(staged.path().join("a"), "1").unwrap();
        assert!(!destination.exists());
        staged.commit(false).unwrap();
        assert_eq!(names(&destination), ["a"]);

        let staged = StagedFolder::create(&destination).unwrap();
        std::fs::write(staged.path().join("b"), "2").unwrap();
        assert!(matches!(staged.commit(false), Err(Error::OutputExists { .. })));
        assert_eq!(names(&destination), ["a"]);

        let staged = StagedFolder::create(&destination).unwrap();
        std::fs::write(staged.path().join("b"), "2").unwrap();
        staged.commit(true).unwrap();
        assert_eq!(names(&destination), ["b"]);
        assert_eq!(names(&parent.path().join("deep")), ["model"]);
    }

    #[test]
    fn a_dropped_folder_leaves_nothing() {
        let _turn = turn();
        let parent = tempfile::tempdir().unwrap();
        let staged = StagedFolder::create(&parent.path().join("deep/er/model")).unwrap();
        std::fs::write(staged.path().join("a"), "1").unwrap();
        drop(staged);
        assert_eq!(names(parent.path()), [""; 0]);
    }
}
