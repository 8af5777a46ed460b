//! An observation with what its files say.

use std::path::PathBuf;

use minesegsat::register::{Observation, SiteId};
use minesegsat::{Location, read_json};
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::shapes::bounds_of_grid;
use crate::tiles::{Drawable, Tiles};
use crate::workspace::Workspace;

/// Names of the folders of an observation with a map and with comparisons, the preferred one first.
pub(crate) const OBSERVATION_FILES: (&str, [&str; 2]) = ("map", ["change", "change-since-baseline"]);

/// What the record of an observation's map says, where it is still there.
pub(crate) struct Record {
    pub(crate) folder: PathBuf,
    manifest: Option<Value>,
}

impl Record {
    /// None where the observation has no files any more.
    pub(crate) fn read(workspace: &Workspace, site: &SiteId, name: &str) -> Result<Option<Self>, Problem> {
        let Some(folder) = workspace.observation_folder(site, name)? else { return Ok(None) };
        let path = folder.join(OBSERVATION_FILES.0).join("manifest.json");
        let manifest = if path.is_file() { read_json(&Location::from(path.as_path())).ok() } else { None };
        Ok(Some(Self { folder, manifest }))
    }

    /// West, south, east, north of the map.
    pub(crate) fn bounds(&self) -> Option<[f64; 4]> {
        bounds_of_grid(&self.manifest.as_ref()?["grid"]).ok()
    }

    pub(crate) fn cloud_cover_percent(&self) -> Option<f64> {
        self.manifest.as_ref()?["scene"]["cloud_cover_percent"].as_f64()
    }

    pub(crate) fn processing_baseline(&self) -> Option<&str> {
        self.manifest.as_ref()?["scene"]["processing_baseline"].as_str()
    }

    /// When the scene was taken, as RFC 3339 has it.
    pub(crate) fn datetime(&self) -> Option<&str> {
        self.manifest.as_ref()?["scene"]["datetime"].as_str()
    }

    fn offset_decision(&self) -> Option<String> {
        let decision = &self.manifest.as_ref()?["radiometry"]["decision"];
        let did = if decision["removes_offset"] == true { "offset taken off" } else { "no offset" };
        Some(format!("{did}: {}", decision["statement"].as_str().unwrap_or("not recorded")))
    }
}

/// As the API has it.
pub(super) fn describe(workspace: &Workspace, tiles: &Tiles, one: &Observation) -> Result<Value, Problem> {
    let name = one.name();
    let record = Record::read(workspace, &one.site, &name)?;
    let drawable = match &record {
        Some(record) => tiles.drawable_observation(&record.folder),
        None => Drawable::default(),
    };
    let bounds = drawable.bounds.or_else(|| record.as_ref().and_then(Record::bounds));
    Ok(json!({
        "id": name,
        "date": one.date,
        "scenes": one.scenes,
        "area": one.area,
        "confidence_level_percent": one.confidence_level_percent,
        "share_assessed": one.share_assessed,
        "compared_with": one.compared_with,
        "gain_ha": one.gain_ha,
        "loss_ha": one.loss_ha,
        "outside_permit_ha": one.outside_permit_ha,
        "permit": one.permit,
        "limit_ha": one.limit_ha,
        "verdict": one.verdict,
        "statement": one.statement,
        "warnings": one.warnings,
        "scene_records": scene_records(one, record.as_ref()),
        "layers": drawable.layers,
        "bounds": bounds,
        "min_zoom": drawable.zooms.map(|zooms| zooms.0),
        "max_zoom": drawable.zooms.map(|zooms| zooms.1),
    }))
}

fn scene_records(one: &Observation, record: Option<&Record>) -> Value {
    // A composite is of several scenes, whose own records lie elsewhere.
    let record = record.filter(|_| one.scenes.len() == 1);
    let records = one.scenes.iter().map(|scene| {
        json!({
            "id": scene,
            "cloud_cover_percent": record.and_then(Record::cloud_cover_percent),
            "processing_baseline": record.and_then(Record::processing_baseline),
            "offset_decision": record.and_then(Record::offset_decision),
        })
    });
    records.collect()
}
