//! The served folder, and access to its files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use minesegsat_watch::monitor::files_folder;
use minesegsat_watch::register::{Observation, Register, SiteId};

use crate::ids::ObservationName;
use crate::links::{has_outward_link, leads_out};
use crate::options::ServerError;
use crate::predictions::Predictions;
use crate::problem::Problem;
use crate::register_pool::RegisterPool;
use crate::snapshot::{Snapshot, Snapshots};

/// Name of the register in a workspace.
const REGISTER: &str = "sites.gpkg";
/// Seconds after which a client should retry if the workspace is missing.
const RETRY: u64 = 10;

/// The served folder.
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
            return Err(fail(std::io::Error::new(std::io::ErrorKind::NotADirectory, "not a folder")));
        }
        let register = root.join(REGISTER);
        let workspace = Self {
            pool: RegisterPool::new(register.clone()),
            snapshots: Snapshots::new(register.clone()),
            predictions: Predictions::new(&root),
            register,
            root,
        };
        if leads_out(&workspace.register, &workspace.root) {
            return Err(ServerError::LeadsOut { path: workspace.register });
        }
        if workspace.register.exists() {
            // Migrates a register of an older version now, so that no request waits for it.
            Register::open_read_only(&workspace.register).map_err(ServerError::Register)?;
        }
        Ok(workspace)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Name of the folder, for display.
    pub(crate) fn name(&self) -> String {
        self.root.file_name().map_or_else(|| "workspace".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    pub(crate) fn predictions(&self) -> &Predictions {
        &self.predictions
    }

    /// An error if the folder is missing or cannot be read.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if std::fs::read_dir(&self.root).is_ok() {
            return Ok(());
        }
        Err(Problem::unavailable("the workspace cannot be read: its folder is missing or not accessible", RETRY))
    }

    /// An error if the register exists and cannot be opened.
    pub(crate) fn check_register(&self) -> Result<(), Problem> {
        if self.register.exists() { self.pool.with(Register::data_version).map(drop) } else { Ok(()) }
    }

    /// The current snapshot of the register.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, Problem> {
        self.check()?;
        self.snapshots.current()
    }

    /// Reads from the register. An error if there is none.
    pub(crate) fn register<T>(&self, read: impl FnOnce(&Register) -> minesegsat_core::Result<T>) -> Result<T, Problem> {
        self.check()?;
        self.pool.with(read)
    }

    /// Changes the register, or creates it. Waits for other programs that write to it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&Register) -> Result<T, Problem>) -> Result<T, Problem> {
        self.check()?;
        if leads_out(&self.register, &self.root) {
            return Err(outside());
        }
        change(&Register::open_or_create(&self.register)?)
    }

    /// An observation of a site. The error says whether the site or the observation is missing.
    pub(crate) fn observation(&self, site: &SiteId, name: &ObservationName) -> Result<Observation, Problem> {
        self.snapshot()?.site(site)?;
        let found = self.register(|register| register.observation(site, name.as_str()))?;
        found.ok_or_else(|| Problem::not_found(format!("site `{site}` has no observation `{name}`")))
    }

    /// Folder with the files of an observation. `None` if it is missing.
    pub(crate) fn observation_folder(&self, site: &SiteId, name: &str) -> Result<Option<PathBuf>, Problem> {
        let folder = self.inside(&files_folder(&self.register).join(site.as_str()).join(name))?;
        if folder.as_ref().is_some_and(|folder| has_outward_link(folder, &self.root)) {
            return Err(outside());
        }
        Ok(folder)
    }

    /// A path with its links resolved. `None` if it is missing. An error if it leads out of the workspace.
    pub(crate) fn inside(&self, path: &Path) -> Result<Option<PathBuf>, Problem> {
        self.check()?;
        let Ok(real) = std::fs::canonicalize(path) else { return Ok(None) };
        if real.starts_with(&self.root) {
            return Ok(Some(real));
        }
        tracing::warn!("{} leads out of the workspace; not served", path.display());
        Err(outside())
    }

    /// An error if the files of a site lead out of the workspace.
    pub(crate) fn check_files(&self, site: &SiteId) -> Result<(), Problem> {
        let folder = files_folder(&self.register).join(site.as_str());
        match self.inside(&folder)? {
            Some(folder) if has_outward_link(&folder, &self.root) => Err(outside()),
            _ => Ok(()),
        }
    }
}

fn outside() -> Problem {
    Problem::not_found("the path is outside of the workspace")
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
        std::fs::write(outside.join("secret.tif"), "secret").unwrap();
        let folder = inside.join("predictions/y/sub");
        std::fs::create_dir_all(&folder).unwrap();
        let root = workspace.root().to_owned();
        std::fs::write(folder.join("own"), "").unwrap();
        std::os::unix::fs::symlink(folder.join("own"), folder.join("link-inside")).unwrap();
        assert!(!has_outward_link(&root.join("predictions/y"), &root));
        std::os::unix::fs::symlink(outside.join("secret.tif"), folder.join("probability.tif")).unwrap();
        assert!(has_outward_link(&root.join("predictions/y"), &root));
        std::os::unix::fs::symlink(outside.join("secret.tif"), inside.join("sites.gpkg")).unwrap();
        assert!(matches!(Workspace::open(&inside), Err(ServerError::LeadsOut { .. })));
        std::fs::remove_dir_all(&inside).unwrap();
        assert_eq!(workspace.check().unwrap_err().status, 503);
    }
}
