//! Boundaries of sites and permits from files and bounding boxes.

use std::path::Path;

use geo::{MultiPolygon, Rect, coord};

use super::import::ToDegrees;
use minesegsat_core::{Error, Result};
use minesegsat_vector::labels::{DroppedKind, LabelOptions, Labels, Repair, valid_outline};

/// A boundary that was read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileBoundary {
    /// The boundary in longitude and latitude.
    pub outline: MultiPolygon<f64>,
    /// Repairs made to it.
    pub repairs: Vec<Repair>,
    /// Why the file is not the whole of its source, by its own words, if the options accept that.
    pub incomplete: Option<String>,
}

/// Reads all polygons of a file as one boundary. Fails if one of the polygons cannot be used.
pub fn boundary_of_file(path: &Path, options: &LabelOptions) -> Result<FileBoundary> {
    let fail = |reason: String| Error::vector(path, reason);
    let labels = Labels::read(path, options)?;
    let report = labels.report();
    for warning in &report.warnings {
        tracing::warn!("{}: {warning}", path.display());
    }
    // Without this part the boundary would be wrong.
    if let Some(dropped) = report.dropped.iter().find(|dropped| dropped.kind != DroppedKind::PointsOrLines) {
        return Err(fail(format!("feature {} cannot be used: {}", dropped.id, dropped.reason)));
    }
    let to_degrees = ToDegrees::new(labels.crs())?;
    let mut parts = Vec::new();
    for feature in labels.features() {
        parts.extend(to_degrees.run(&feature.geometry).map_err(&fail)?);
    }
    let (outline, repairs) = valid_outline(&MultiPolygon(parts)).map_err(fail)?;
    let mut repairs: Vec<Repair> =
        report.repaired.iter().flat_map(|repaired| repaired.repairs.iter().copied()).chain(repairs).collect();
    repairs.sort_unstable();
    repairs.dedup();
    Ok(FileBoundary { outline, repairs, incomplete: labels.source().incomplete.clone() })
}

/// Boundary of a bounding box: west, south, east, north in degrees. West > east crosses the antimeridian: like all
/// boundaries it then continues past 180 degrees.
pub fn boundary_of_bbox([west, south, east, north]: [f64; 4]) -> MultiPolygon<f64> {
    let east = if east < west { east + 360.0 } else { east };
    Rect::new(coord! {x: west, y: south}, coord! {x: east, y: north}).to_polygon().into()
}
