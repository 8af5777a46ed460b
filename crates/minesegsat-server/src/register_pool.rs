//! Connections to the register, open for reading.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use minesegsat::register::Register;

use crate::problem::Problem;

/// Connections that are kept open.
const KEPT: usize = 8;

/// Connections to the register, open for reading.
#[derive(Debug)]
pub(crate) struct RegisterPool {
    path: PathBuf,
    idle: Mutex<Vec<(FileId, Register)>>,
}

impl RegisterPool {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
    }

    /// Runs something with a connection of its own.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&Register) -> minesegsat::Result<T>) -> Result<T, Problem> {
        let id = FileId::of(&self.path)?;
        let register = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            // Somebody may have put another file in its place.
            idle.retain(|(known, _)| *known == id);
            idle.pop().map(|(_, register)| register)
        };
        let register = match register {
            Some(register) => register,
            None => Register::open_read_only(&self.path)?,
        };
        let done = read(&register)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push((id, register));
        }
        Ok(done)
    }
}

/// Which file lies under a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId([u64; 2]);

impl FileId {
    pub(crate) fn of(path: &Path) -> Result<Self, Problem> {
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
