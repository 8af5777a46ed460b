//! Hectares of disturbed land by zone: province, protected area, concession, watershed.
//!
//! Polygons of a merge are clipped to each zone. Zones may overlap: land in two zones counts in both rows. The totals over all zones
//! count it once.

use std::path::Path;

use geo::{BooleanOps, BoundingRect, MultiPolygon};
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::job::Job;
use minesegsat_core::{Crs, Error, Result};
use minesegsat_map::site::SiteArea;
use minesegsat_vector::labels::{LabelOptions, Labels};
use rayon::prelude::*;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use serde::Serialize;
use serde_json::Value;

use crate::merge::{LAND_PARQUET, PeriodTotals, TOTALS};

/// Hectares of a zone in a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ZoneRow {
    /// Id of the zone, or `all` for the union of all zones.
    pub zone: String,
    /// Name of the zone.
    pub name: String,
    /// Period.
    pub period: String,
    /// The whole zone in hectares.
    pub zone_ha: f64,
    /// Disturbed land of the map's polygons inside the zone.
    pub mapped_ha: f64,
    /// Number of polygons that reach into the zone.
    pub polygons: usize,
    /// Land that is disturbed in this period and was not in the period before. `None` in the first period,
    /// and if units are missing in one of both.
    pub gain_ha: Option<f64>,
    /// Land that was disturbed in the period before and is not in this one. `None` in the
    /// same cases.
    pub loss_ha: Option<f64>,
}

/// A polygon of a merge.
#[derive(Debug, Clone)]
struct Land {
    period: String,
    geometry: MultiPolygon<f64>,
}

/// Hectares of each zone in each period of a merge, in the order of time, and of the union of all zones as the zone `all`. `merged` is
/// the folder of the merge.
///
/// # Errors
/// The land is not a merge's, or a geometry cannot be measured.
pub fn summarize(merged: &Path, zones: &[SiteArea], job: Job<'_>) -> Result<Vec<ZoneRow>> {
    if zones.is_empty() {
        return Err(Error::Argument {
            name: "zones",
            value: String::new(),
            accepted: "at least one polygon".to_owned(),
        });
    }
    let path = merged.join(TOTALS);
    let periods: Vec<PeriodTotals> = serde_json::from_str(&fs_err::read_to_string(&path)?)
        .map_err(|error| Error::input(path.display().to_string(), error))?;
    // A file without any polygon cannot be read as polygons.
    let has_land = periods.iter().any(|period| period.polygons > 0);
    let land = if has_land { read_land(&merged.join(LAND_PARQUET))? } else { Vec::new() };
    // A period without any land has rows too.
    let trees: Vec<Tree<'_>> = periods.iter().map(|period| Tree::new(&land, &period.period)).collect();
    let meter = GeodesicMeter::new(&Crs::WGS84)?;
    let mut outlines = Vec::with_capacity(zones.len() + 1);
    for zone in zones {
        outlines.push((zone.id.clone(), zone.name.clone(), in_degrees(zone)?));
    }
    let union = geo::algorithm::bool_ops::unary_union(outlines.iter().flat_map(|(.., outline)| outline.0.iter()));
    outlines.push(("all".to_owned(), "all zones, each place once".to_owned(), union));
    let mut rows = Vec::new();
    for (at, (zone, name, outline)) in outlines.iter().enumerate() {
        job.check()?;
        job.progress.item(at, outlines.len(), name);
        let zone_ha = meter.measure(outline)?.area_m2 / 1e4;
        let parts: Vec<(usize, MultiPolygon<f64>)> = trees.par_iter().map(|tree| tree.inside(outline)).collect();
        let hectares = |shape: &MultiPolygon<f64>| meter.measure(shape).map(|size| size.area_m2 / 1e4);
        for (index, period) in periods.iter().enumerate() {
            let (polygons, inside) = &parts[index];
            // Land that is missing in one of two periods has not changed.
            let is_whole = |index: usize| periods[index].missing_ha == 0.0;
            let before = index.checked_sub(1).filter(|&before| is_whole(before) && is_whole(index));
            let before = before.map(|before| &parts[before].1);
            rows.push(ZoneRow {
                zone: zone.clone(),
                name: name.clone(),
                period: period.period.clone(),
                zone_ha,
                mapped_ha: hectares(inside)?,
                polygons: *polygons,
                gain_ha: before.map(|before| hectares(&inside.difference(before))).transpose()?,
                loss_ha: before.map(|before| hectares(&before.difference(inside))).transpose()?,
            });
        }
    }
    Ok(rows)
}

fn in_degrees(zone: &SiteArea) -> Result<MultiPolygon<f64>> {
    let area = minesegsat_scene::catalog::SearchArea::from_polygons(&zone.boundary, &zone.crs)?;
    Ok(area.polygons().clone())
}

fn read_land(path: &Path) -> Result<Vec<Land>> {
    let labels = Labels::read(path, &LabelOptions::default())?;
    let mut land = Vec::with_capacity(labels.features().len());
    for feature in labels.features() {
        let Some(period) = feature.attributes.get("period").and_then(Value::as_str) else {
            let reason = "its polygons have no period; give the land.parquet or land.gpkg of a merge";
            return Err(Error::vector(path, reason));
        };
        land.push(Land { period: period.to_owned(), geometry: feature.geometry.clone() });
    }
    Ok(land)
}

/// Polygons of a period by their boxes.
struct Tree<'a>(RTree<GeomWithData<Rectangle<[f64; 2]>, &'a MultiPolygon<f64>>>);

impl<'a> Tree<'a> {
    fn new(land: &'a [Land], period: &str) -> Self {
        let boxes = land.iter().filter(|one| one.period == period).filter_map(|one| {
            let rect = one.geometry.bounding_rect()?;
            let rect = Rectangle::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y]);
            Some(GeomWithData::new(rect, &one.geometry))
        });
        Self(RTree::bulk_load(boxes.collect()))
    }

    /// Number of polygons that reach into an outline, and their parts inside it.
    fn inside(&self, outline: &MultiPolygon<f64>) -> (usize, MultiPolygon<f64>) {
        let Some(rect) = outline.bounding_rect() else { return (0, MultiPolygon(Vec::new())) };
        let envelope = AABB::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y]);
        let parts: Vec<MultiPolygon<f64>> = self
            .0
            .locate_in_envelope_intersecting(&envelope)
            .map(|one| one.data.intersection(outline))
            .filter(|part| !part.0.is_empty())
            .collect();
        // Polygons of one period share no land.
        (parts.len(), parts.into_iter().flat_map(|part| part.0).collect())
    }
}
