//! Boundaries of sites and permits from files and bounding boxes.

use std::path::Path;

use geo::{MultiPolygon, Rect, coord};

use super::import::ToDegrees;
use minesegsat_core::area_of_interest::cut_wide;
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
/// boundaries it then continues past 180 degrees. A box that is wider than half the Earth has two polygons.
pub fn boundary_of_bbox([west, south, east, north]: [f64; 4]) -> MultiPolygon<f64> {
    let east = if east < west { east + 360.0 } else { east };
    cut_wide(Rect::new(coord! {x: west, y: south}, coord! {x: east, y: north}).to_polygon().into())
}

#[cfg(test)]
mod tests {
    use geo::Area;
    use minesegsat_core::Crs;
    use minesegsat_scene::catalog::SearchArea;

    use super::*;

    #[test]
    fn a_box_is_searched_as_wide_as_it_is() {
        for (bbox, parts, area_deg2) in [
            ([-179.0, 40.0, 179.0, 60.0], 2, 358.0 * 20.0),
            ([-180.0, 40.0, 180.0, 60.0], 2, 360.0 * 20.0),
            ([-60.0, 40.0, 60.0, 60.0], 1, 120.0 * 20.0),
            ([170.0, 40.0, -170.0, 60.0], 1, 20.0 * 20.0),
        ] {
            let boundary = boundary_of_bbox(bbox);
            assert_eq!(boundary.0.len(), parts, "{bbox:?}");
            let searched = SearchArea::from_polygons(&boundary, &Crs::WGS84).unwrap();
            assert!((searched.polygons().unsigned_area() - area_deg2).abs() < 1e-6, "{bbox:?}: {searched:?}");
        }
    }
}
