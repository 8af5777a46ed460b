//! Maps that are open for drawing: the ones asked for last.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use minesegsat::tiles::{Layer, LayerSet};

use super::Drawable;
use crate::problem::Problem;

/// Maps that stay open.
const KEPT: usize = 64;
/// Files whose change makes a set another one.
const FILES: [&str; 3] = ["manifest.json", "probability.tif", "mask.tif"];

/// Sizes and times of the files of a map.
type Stamp = Vec<Option<(u64, Option<SystemTime>)>>;

/// Maps that are open for drawing.
#[derive(Debug, Default)]
pub(super) struct Sets {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    sets: HashMap<PathBuf, Entry>,
    /// Counts up with every use.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    stamp: Stamp,
    used: u64,
    set: Arc<LayerSet>,
}

impl Sets {
    /// Of the folder of an observation.
    pub(super) fn observation(&self, folder: &Path) -> Result<Arc<LayerSet>, Problem> {
        let folders = ["map", "change-since-baseline", "change"].map(|name| folder.join(name));
        self.get(folder, &folders, LayerSet::open_observation)
    }

    /// Of a folder that `predict` wrote.
    pub(super) fn map(&self, folder: &Path) -> Result<Arc<LayerSet>, Problem> {
        self.get(folder, &[folder.to_owned()], LayerSet::open_map)
    }

    pub(super) fn len(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).sets.len()
    }

    fn get(
        &self,
        folder: &Path,
        watched: &[PathBuf],
        open: impl FnOnce(&Path) -> minesegsat::Result<LayerSet>,
    ) -> Result<Arc<LayerSet>, Problem> {
        let stamp: Stamp = watched
            .iter()
            .flat_map(|folder| FILES.iter().map(|file| folder.join(file)))
            .map(|file| std::fs::metadata(file).ok().map(|found| (found.len(), found.modified().ok())))
            .collect();
        let mut known = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        known.clock += 1;
        let now = known.clock;
        if let Some(entry) = known.sets.get_mut(folder).filter(|entry| entry.stamp == stamp) {
            entry.used = now;
            return Ok(Arc::clone(&entry.set));
        }
        drop(known);
        // Not under the lock: it reads the record. Two that come at once open it twice, and one of them is kept.
        let set = Arc::new(open(folder)?);
        let mut known = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        known.sets.insert(folder.to_owned(), Entry { stamp, used: now, set: Arc::clone(&set) });
        while known.sets.len() > KEPT {
            let oldest = known.sets.iter().min_by_key(|(_, entry)| entry.used).map(|(folder, _)| folder.clone());
            let Some(oldest) = oldest else { break };
            known.sets.remove(&oldest);
        }
        Ok(set)
    }
}

pub(super) fn drawable(set: &LayerSet) -> Drawable {
    Drawable {
        layers: set.layers().iter().map(|layer: &Layer| layer.name()).collect(),
        bounds: Some(set.bounds_wgs84()),
        zooms: Some(set.zooms()),
    }
}
