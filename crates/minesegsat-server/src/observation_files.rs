//! Files of an observation: the record of its map, and its polygons.

use std::path::PathBuf;

use minesegsat_io::{Location, read_json};
use minesegsat_watch::register::{Observation, SiteId};
use serde_json::Value;

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
    let missing =
        || Problem::not_found(format!("the files of observation `{name}` of site `{}` are missing", observation.site));
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

/// First date of a comparison, from its record.
fn baseline_date(folder: &std::path::Path) -> Option<String> {
    let path = folder.join("manifest.json");
    let manifest: Value = if path.is_file() { read_json(&Location::from(path.as_path())).ok()? } else { return None };
    manifest["dates"][0]["date"].as_str().map(str::to_owned)
}
