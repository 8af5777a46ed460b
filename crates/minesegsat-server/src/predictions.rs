//! Maps that `predict` wrote to `predictions/NAME/`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use minesegsat_core::output::is_being_written;
use minesegsat_io::{Location, read_json};
use serde_json::Value;

use crate::ids::{PredictionName, random_id};
use crate::links::has_outward_link;
use crate::map_rasters::MapRasters;
use crate::problem::Problem;
use crate::shapes::grid_bounds;

/// A map that `predict` wrote.
#[derive(Debug, Clone)]
pub(crate) struct Prediction {
    pub(crate) name: PredictionName,
    pub(crate) folder: PathBuf,
    /// Acquisition time of the scene.
    pub(crate) datetime: Option<Timestamp>,
    pub(crate) date: Option<Date>,
    pub(crate) scene: String,
    pub(crate) cloud_cover_percent: Option<f64>,
    pub(crate) area_ha: Option<f64>,
    /// West, south, east, north.
    pub(crate) bounds: [f64; 4],
    pub(crate) created: Option<Timestamp>,
    pub(crate) rasters: MapRasters,
}

/// Size and modification time of a file. They show whether it changed.
type Stamp = (u64, Option<SystemTime>);

/// A manifest that was read, with the stamp of its file. `None` if it is not valid.
type CachedManifest = (Stamp, Option<Arc<Prediction>>);

/// The predictions of a workspace. Each manifest is read once.
#[derive(Debug)]
pub(crate) struct Predictions {
    root: PathBuf,
    folder: PathBuf,
    cache: Mutex<HashMap<PredictionName, CachedManifest>>,
}

impl Predictions {
    /// The predictions of the workspace `root`, a canonical path.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), folder: root.join("predictions"), cache: Mutex::default() }
    }

    /// All predictions, by name. Folders without a valid manifest are left out.
    pub(crate) fn all(&self) -> Vec<Arc<Prediction>> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            self.cache.lock().unwrap_or_else(PoisonError::into_inner).clear();
            return Vec::new();
        };
        let mut names: Vec<PredictionName> =
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        names.sort_unstable();
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| names.binary_search(name).is_ok());
        names.iter().filter_map(|name| self.get(name)).collect()
    }

    /// The prediction of this name.
    pub(crate) fn find(&self, name: &PredictionName) -> Result<Arc<Prediction>, Problem> {
        self.get(name).ok_or_else(|| {
            Problem::not_found(format!("no prediction `{name}`; `/api/predictions` lists the predictions"))
        })
    }

    /// Removes a prediction with its files.
    pub(crate) fn remove(&self, name: &PredictionName) -> Result<(), Problem> {
        self.find(name)?;
        let folder = self.folder.join(name.as_str());
        // What a link leads to may be the files of something else.
        if !std::fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir()) {
            return Err(Problem::conflict(format!("prediction `{name}` is a link; remove it in the workspace")));
        }
        let busy =
            || Problem::conflict(format!("prediction `{name}` is being written; remove it when that run has ended"));
        if is_being_written(&folder) {
            return Err(busy());
        }
        // Under a name that is no prediction, so that no half of it is ever listed.
        let removed = self.folder.join(format!(".removed-{}", random_id()));
        fs_err::rename(&folder, &removed).map_err(minesegsat_core::Error::Io)?;
        // A run that began meanwhile gets its folder back.
        if is_being_written(&removed) {
            fs_err::rename(&removed, &folder).map_err(minesegsat_core::Error::Io)?;
            return Err(busy());
        }
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        if let Err(error) = fs_err::remove_dir_all(&removed) {
            tracing::warn!("files of the removed prediction `{name}` are left: {error}");
        }
        Ok(())
    }

    fn get(&self, name: &PredictionName) -> Option<Arc<Prediction>> {
        let folder = std::fs::canonicalize(self.folder.join(name.as_str())).ok()?;
        if !folder.starts_with(&self.root) || has_outward_link(&folder, &self.root) {
            return None;
        }
        let path = folder.join("manifest.json");
        let found = std::fs::metadata(&path).ok()?;
        let stamp = (found.len(), found.modified().ok());
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, prediction)) = cache.get(name)
            && *at == stamp
        {
            return prediction.clone();
        }
        let prediction = match read(name, &folder, &path) {
            Ok(prediction) => Some(Arc::new(prediction)),
            Err(error) => {
                tracing::warn!("prediction `{name}` is left out: {}", error.detail);
                None
            }
        };
        cache.insert(name.clone(), (stamp, prediction.clone()));
        prediction
    }
}

fn read(name: &PredictionName, folder: &Path, path: &Path) -> Result<Prediction, Problem> {
    let manifest: Value = read_json(&Location::from(path))?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let datetime = time(&manifest["scene"]["datetime"]);
    let date = manifest["scene"]["date"].as_str().and_then(|text| text.parse().ok());
    Ok(Prediction {
        name: name.clone(),
        folder: folder.to_owned(),
        datetime,
        date: date.or_else(|| datetime.map(|at| at.to_zoned(TimeZone::UTC).date())),
        scene: text(&manifest["scene"]["name"]).unwrap_or_default(),
        cloud_cover_percent: manifest["scene"]["cloud_cover_percent"].as_f64(),
        area_ha: manifest["totals"]["area_ha"].as_f64(),
        bounds: grid_bounds(&manifest["grid"])?,
        created: time(&manifest["created"]),
        rasters: MapRasters::read(folder, &manifest)?,
    })
}
