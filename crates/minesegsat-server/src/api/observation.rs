//! An observation as JSON, with values from the record of its map.

use minesegsat_watch::register::Observation;
use serde_json::{Value, json};

use crate::observation_files::ObservationRecord;
use crate::problem::Problem;
use crate::tile_store::{Drawable, TileStore};
use crate::workspace::Workspace;

/// An observation as JSON.
pub(super) fn observation_json(
    workspace: &Workspace,
    tiles: &TileStore,
    observation: &Observation,
) -> Result<Value, Problem> {
    let name = observation.name();
    let record = ObservationRecord::read(workspace, &observation.site, &name)?;
    let drawable = match &record {
        Some(record) => tiles.drawable_observation(&record.folder),
        None => Drawable::default(),
    };
    let bounds = drawable.bounds.or_else(|| record.as_ref().and_then(ObservationRecord::bounds));
    Ok(json!({
        "id": name,
        "date": observation.date,
        "scenes": observation.scenes,
        "area": observation.area,
        "confidence_level_percent": observation.confidence_level_percent,
        "share_assessed": observation.share_assessed,
        "share_beyond_map": observation.share_beyond_map,
        "share_disagreeing": observation.share_disagreeing,
        "share_in_other_sites": observation.share_in_other_sites,
        "boundary_sha256": observation.boundary_sha256,
        "compared_with": observation.compared_with,
        "gain_ha": observation.gain_ha,
        "loss_ha": observation.loss_ha,
        "seen_change": observation.seen_change,
        "parts": observation.parts,
        "outside_permit_ha": observation.outside_permit_ha,
        "permit": observation.permit,
        "limit_ha": observation.limit_ha,
        "verdict": observation.verdict,
        "statement": observation.statement,
        "warnings": observation.warnings,
        "scene_records": scene_records(observation, record.as_ref()),
        "layers": drawable.layers,
        "bounds": bounds,
        "min_zoom": drawable.zooms.map(|zooms| zooms.0),
        "max_zoom": drawable.zooms.map(|zooms| zooms.1),
    }))
}

fn scene_records(observation: &Observation, record: Option<&ObservationRecord>) -> Value {
    // The record of a composite does not describe its single scenes.
    let record = record.filter(|_| observation.scenes.len() == 1);
    let records = observation.scenes.iter().map(|scene| {
        json!({
            "id": scene,
            "cloud_cover_percent": record.and_then(ObservationRecord::cloud_cover_percent),
            "processing_baseline": record.and_then(ObservationRecord::processing_baseline),
            "offset_decision": record.and_then(ObservationRecord::offset_decision),
        })
    });
    records.collect()
}
