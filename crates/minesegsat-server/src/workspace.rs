//! The folder that is served, and the ways into it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use minesegsat::monitor::files_folder;
use minesegsat::register::{Observation, Register, SiteId};

use crate::ids::ObservationName;
use crate::options::ServerError;
use crate::predictions::Predictions;
use crate::problem::Problem;
use crate::register_pool::RegisterPool;
use crate::snapshot::{Snapshot, Snapshots};

/// Name of the register in a workspace.
const REGISTER: &str = "sites.gpkg";
/// Seconds after which a workspace that is gone is asked for again.
const RETRY: u64 = 10;

/// The folder that is served.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    register: PathBuf,
    pool: RegisterPool,
    snapshots: Snapshots,
    predictions: Predictions,
}

impl Workspace {
    pub(crate) fn open(path: &Path) -> Result<Self, ServerError> {
        let fail = |source| ServerError::Workspace { path: path.to_owned(), source };
        let root = fs_err::canonicalize(path).map_err(fail)?;
        if !root.is_dir() {
            return Err(fail(std::io::Error::new(std::io::ErrorKind::NotADirectory, "it is no folder")));
        }
        let register = root.join(REGISTER);
        let workspace = Self {
            pool: RegisterPool::new(register.clone()),
            snapshots: Snapshots::new(register.clone()),
            predictions: Predictions::new(root.join("predictions")),
            register,
            root,
        };
        if workspace.register.exists() {
            // One of an older version is brought up to date here, before anybody waits for it.
            Register::open_read_only(&workspace.register).map_err(ServerError::Register)?;
        }
        Ok(workspace)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Name of the folder, for people.
    pub(crate) fn name(&self) -> String {
        self.root.file_name().map_or_else(|| "workspace".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    pub(crate) fn predictions(&self) -> &Predictions {
        &self.predictions
    }

    /// Fails where the folder is not there any more, or may not be read.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if std::fs::read_dir(&self.root).is_ok() {
            return Ok(());
        }
        Err(Problem::unavailable("the workspace cannot be read: its folder is gone, or may not be entered", RETRY))
    }

    /// Whether the register opens, where there is one.
    pub(crate) fn check_register(&self) -> Result<(), Problem> {
        if self.register.exists() { self.pool.with(Register::data_version).map(drop) } else { Ok(()) }
    }

    /// Everything small of the register, as it is now.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, Problem> {
        self.check()?;
        self.snapshots.current()
    }

    /// Reads from the register, which must be there.
    pub(crate) fn register<T>(&self, read: impl FnOnce(&Register) -> minesegsat::Result<T>) -> Result<T, Problem> {
        self.check()?;
        self.pool.with(read)
    }

    /// An observation of a site, or what is missing.
    pub(crate) fn observation(&self, site: &SiteId, name: &ObservationName) -> Result<Observation, Problem> {
        self.snapshot()?.site(site)?;
        let found = self.register(|register| register.observation(site, name.as_str()))?;
        found.ok_or_else(|| Problem::not_found(format!("site `{site}` has no observation `{name}`")))
    }

    /// Folder of the files of an observation, which may be gone.
    pub(crate) fn observation_folder(&self, site: &SiteId, name: &str) -> Result<Option<PathBuf>, Problem> {
        self.inside(&files_folder(&self.register).join(site.as_str()).join(name))
    }

    /// A path with its links followed, if it is there; fails where it leads out of the workspace.
    pub(crate) fn inside(&self, path: &Path) -> Result<Option<PathBuf>, Problem> {
        self.check()?;
        let Ok(real) = std::fs::canonicalize(path) else { return Ok(None) };
        if real.starts_with(&self.root) {
            return Ok(Some(real));
        }
        tracing::warn!("{} leads out of the workspace and is not served", path.display());
        Err(Problem::not_found("it lies outside of the workspace"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn links_that_lead_out_of_the_workspace_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("w"), folder.path().join("secret"));
        std::fs::create_dir_all(inside.join("predictions")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("predictions/x")).unwrap();
        let workspace = Workspace::open(&inside).unwrap();
        let leads_out = workspace.inside(&inside.join("predictions/x")).unwrap_err();
        assert_eq!(leads_out.status, 404);
        assert!(workspace.inside(&inside.join("predictions")).unwrap().is_some());
        assert!(workspace.inside(&inside.join("nothing")).unwrap().is_none());
        std::fs::remove_dir_all(&inside).unwrap();
        assert_eq!(workspace.check().unwrap_err().status, 503);
    }
}
