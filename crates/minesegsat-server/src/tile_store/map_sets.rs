//! Open maps: the most recently used ones.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use minesegsat_tiles::LayerSet;

use crate::problem::Problem;

/// Maximum number of open maps.
const KEPT: usize = 64;
/// Files of a map. If one of them changes, the map is opened again.
const FILES: [&str; 3] = ["manifest.json", "probability.tif", "mask.tif"];

/// Sizes and times of the files of a map.
type Stamp = Vec<Option<(u64, Option<SystemTime>)>>;

/// Open maps, by folder.
#[derive(Debug, Default)]
pub(super) struct MapSets {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    sets: HashMap<PathBuf, Entry>,
    /// Increases with every use.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    stamp: Stamp,
    used: u64,
    set: Arc<LayerSet>,
}

impl MapSets {
    /// The map, changes and series of an observation, from its folder.
    pub(super) fn observation(&self, folder: &Path) -> Result<Arc<LayerSet>, Problem> {
        let folders = ["map", "change-since-baseline", "change", "series"].map(|name| folder.join(name));
        self.get(folder, &folders, LayerSet::open_observation)
    }

    /// A map, from a folder that `predict` wrote.
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
        open: impl FnOnce(&Path) -> minesegsat_core::Result<LayerSet>,
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
        // Opened without the lock, because this reads files. Two concurrent requests may both open the map; one result is kept.
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
