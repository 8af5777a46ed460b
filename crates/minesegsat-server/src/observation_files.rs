//! Files of an observation: the record of its map, its polygons and its rasters.

use std::fs::File;
use std::path::PathBuf;
use std::str::FromStr;

use minesegsat_io::{Location, read_json};
use minesegsat_watch::monitor::SERIES;
use minesegsat_watch::register::{Observation, SiteId};
use serde_json::Value;

use crate::map_rasters::MapRasters;
use crate::problem::Problem;
use crate::shapes::{self, Shape, grid_bounds};
use crate::workspace::Workspace;

/// Folder of an observation with its map.
const MAP: &str = "map";
/// Folders of an observation with comparisons, the preferred one first.
const CHANGES: [&str; 2] = ["change", "change-since-baseline"];

/// Record (`manifest.json`) of an observation's map, if it still exists.
pub(crate) struct ObservationRecord {
    pub(crate) folder: PathBuf,
    manifest: Option<Value>,
}

impl ObservationRecord {
    /// `None` if the files of the observation are missing.
    pub(crate) fn read(workspace: &Workspace, site: &SiteId, name: &str) -> Result<Option<Self>, Problem> {
        let Some(folder) = workspace.observation_folder(site, name)? else { return Ok(None) };
        let path = folder.join(MAP).join("manifest.json");
        let manifest = if path.is_file() { read_json(&Location::from(path.as_path())).ok() } else { None };
        Ok(Some(Self { folder, manifest }))
    }

    /// The rasters of the map.
    pub(crate) fn rasters(&self) -> Option<MapRasters> {
        MapRasters::read(&self.folder.join(MAP), self.manifest.as_ref()?).ok()
    }

    /// West, south, east, north of the map.
    pub(crate) fn bounds(&self) -> Option<[f64; 4]> {
        grid_bounds(&self.manifest.as_ref()?["grid"]).ok()
    }

    pub(crate) fn cloud_cover_percent(&self) -> Option<f64> {
        self.manifest.as_ref()?["scene"]["cloud_cover_percent"].as_f64()
    }

    pub(crate) fn processing_baseline(&self) -> Option<&str> {
        self.manifest.as_ref()?["scene"]["processing_baseline"].as_str()
    }

    /// Acquisition time of the scene (RFC 3339).
    pub(crate) fn datetime(&self) -> Option<&str> {
        self.manifest.as_ref()?["scene"]["datetime"].as_str()
    }

    pub(crate) fn offset_decision(&self) -> Option<String> {
        let decision = &self.manifest.as_ref()?["radiometry"]["decision"];
        let decided = if decision["removes_offset"] == true { "offset subtracted" } else { "no offset" };
        Some(format!("{decided}: {}", decision["statement"].as_str().unwrap_or("not recorded")))
    }
}

/// Polygons of an observation: of its map, or of its comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PolygonKind {
    /// Disturbed land.
    Disturbed,
    /// Gain and loss since the observation before.
    Changes,
}

/// Polygons of an observation. Changes are empty if there is no earlier observation. An error if its files are missing.
pub(crate) fn read_polygons(
    workspace: &Workspace,
    observation: &Observation,
    kind: PolygonKind,
) -> Result<Vec<Shape>, Problem> {
    let name = observation.name();
    let missing = || missing_files(observation);
    let folder = workspace.observation_folder(&observation.site, &name)?.ok_or_else(missing)?;
    match kind {
        PolygonKind::Disturbed => shapes::read_disturbed(&folder.join(MAP))?.ok_or_else(missing),
        PolygonKind::Changes => {
            for change in CHANGES {
                let folder = folder.join(change);
                let since = baseline_date(&folder);
                if let Some(shapes) = shapes::read_changes(&folder, since)? {
                    return Ok(shapes);
                }
            }
            Ok(Vec::new())
        }
    }
}

fn missing_files(observation: &Observation) -> Problem {
    Problem::not_found(format!(
        "the files of observation `{}` of site `{}` are missing",
        observation.name(),
        observation.site
    ))
}

/// A raster of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObservationRaster {
    /// Mapped land.
    Mask,
    /// Probability of disturbed land.
    Probability,
    /// Change since the observation before.
    Change,
    /// Onsets of disturbance over all dates.
    Onset,
    /// What became of land over all dates.
    State,
}

impl ObservationRaster {
    const ALL: [Self; 5] = [Self::Mask, Self::Probability, Self::Change, Self::Onset, Self::State];

    /// Name of the file.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Mask => "mask.tif",
            Self::Probability => "probability.tif",
            Self::Change => "change.tif",
            Self::Onset => "onset.tif",
            Self::State => "state.tif",
        }
    }

    /// Folders of an observation that may hold it, the preferred one first.
    const fn folders(self) -> &'static [&'static str] {
        match self {
            Self::Mask | Self::Probability => &[MAP],
            Self::Change => &CHANGES,
            Self::Onset | Self::State => &[SERIES],
        }
    }
}

impl FromStr for ObservationRaster {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|raster| raster.name() == text).ok_or_else(|| {
            let names = "`mask.tif`, `probability.tif`, `change.tif`, `onset.tif` or `state.tif`";
            Problem::argument("file", text, names)
        })
    }
}

/// Opens a raster of an observation. The error says whether its files or its comparison are missing.
pub(crate) fn open_raster_file(
    workspace: &Workspace,
    observation: &Observation,
    raster: ObservationRaster,
) -> Result<File, Problem> {
    let folder = workspace
        .observation_folder(&observation.site, &observation.name())?
        .ok_or_else(|| missing_files(observation))?;
    for inner in raster.folders() {
        match File::open(folder.join(inner).join(raster.name())) {
            Ok(file) => return Ok(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(minesegsat_core::Error::Io(error).into()),
        }
    }
    if raster == ObservationRaster::Change && observation.compared_with.is_none() {
        let name = observation.name();
        return Err(Problem::not_found(format!(
            "observation `{name}` is compared with no other day: it has no change.tif"
        )));
    }
    // The first observation, and those of older versions.
    if raster.folders() == [SERIES] && observation.share_disagreeing.is_none() {
        return Err(Problem::not_found(format!(
            "observation `{}` was not followed over several dates: it has no {}",
            observation.name(),
            raster.name()
        )));
    }
    Err(missing_files(observation))
}

/// First date of a comparison, from its record.
fn baseline_date(folder: &std::path::Path) -> Option<String> {
    let path = folder.join("manifest.json");
    let manifest: Value = if path.is_file() { read_json(&Location::from(path.as_path())).ok()? } else { return None };
    manifest["dates"][0]["date"].as_str().map(str::to_owned)
}
