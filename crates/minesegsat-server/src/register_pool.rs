//! Read-only connections to the register.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use minesegsat_watch::register::Register;

use crate::problem::Problem;

/// Maximum number of idle connections.
const MAX_IDLE: usize = 8;

/// Read-only connections to the register.
#[derive(Debug)]
pub(crate) struct RegisterPool {
    path: PathBuf,
    idle: Mutex<Vec<(FileId, Register)>>,
}

impl RegisterPool {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
    }

    /// Runs a read with a connection that no other thread uses.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&Register) -> minesegsat_core::Result<T>) -> Result<T, Problem> {
        let id = FileId::read(&self.path)?;
        let register = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            // The file may have been replaced.
            idle.retain(|(known, register)| *known == id && !register.is_outdated_copy());
            idle.pop().map(|(_, register)| register)
        };
        let register = match register {
            Some(register) => register,
            None => Register::open_read_only(&self.path)?,
        };
        let done = read(&register)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push((id, register));
        }
        Ok(done)
    }
}

/// Identity of the file at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId([u64; 2]);

impl FileId {
    pub(crate) fn read(path: &Path) -> Result<Self, Problem> {
        // A link may have taken the place of the file since the server started.
        let is_link = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
        if is_link && path.parent().is_none_or(|root| crate::links::leads_out(path, root)) {
            return Err(Problem::unavailable("the register is a link that leads out of the workspace", 10));
        }
        let found = std::fs::metadata(path)
            .map_err(|error| Problem::unavailable(format!("the register cannot be read: {error}"), 10))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Ok(Self([found.dev(), found.ino()]))
        }
        #[cfg(not(unix))]
        {
            let made = found.created().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
            Ok(Self([0, made.map_or(0, |at| at.as_nanos() as u64)]))
        }
    }
}
