//! Hectares of disturbed land by zone: province, protected area, concession, watershed.
//!
//! The pixels of a merge are counted in each zone, each by the tile that owns it. Zones may overlap: land in two zones counts in both
//! rows. The rows of all zones together count it once.

mod page;
mod pixels;
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use geo::algorithm::bool_ops::unary_union;
use geo::{Area as _, BooleanOps, BoundingRect, Intersects, MultiPolygon, Rect, Translate};
use jiff::civil::Date;
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::area_of_interest::cut_wide;
use minesegsat_core::job::Job;
use minesegsat_core::uncertainty::{AreaErrorModel, DEFAULT_LEVEL_PERCENT};
use minesegsat_core::{Crs, Error, Result};
use minesegsat_map::site::SiteArea;
use minesegsat_scene::catalog::SearchArea;
use minesegsat_vector::labels::{LabelOptions, Labels};
use minesegsat_vector::vector::ToLonLat;
use rayon::prelude::*;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use serde::Serialize;
use serde_json::Value;

use self::pixels::ZoneLand;
pub use self::table::SummaryFormat;
use crate::merge::{LAND_PARQUET, PeriodTotals, TOTALS, codes, mask_name};
use crate::period::Period;
use crate::project::Project;
use crate::store::Store;

/// Land that counts as none, in square degrees: about 10 square metres. Outlines that share a border differ by rounding.
const SLIVER_DEG2: f64 = 1e-9;
/// Id of the rows of all zones together.
pub const ALL_ZONES: &str = "all";

/// A version of a permit: land that may be disturbed, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct PermittedArea {
    /// Identity of the permit, which its versions share.
    pub permit: String,
    /// First day of validity.
    pub valid_from: Date,
    /// Last day of validity; `None` for open-ended.
    pub valid_to: Option<Date>,
    /// Where land may be disturbed, in longitude and latitude.
    pub outline: MultiPolygon<f64>,
}

impl PermittedArea {
    /// Whether it is valid on a day of a period.
    fn holds_in(&self, period: &Period) -> bool {
        self.valid_from <= period.last && self.valid_to.is_none_or(|last| last >= period.first)
    }
}

/// Hectares of a zone in a period. All are on the ellipsoid.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ZoneRow {
    /// Id of the zone, or [`ALL_ZONES`] for the union of all zones.
    pub zone: String,
    /// Name of the zone.
    pub name: String,
    /// Period.
    pub period: String,
    /// The whole zone.
    pub zone_ha: f64,
    /// The part of the zone inside the project's area, on its tiles.
    pub area_ha: f64,
    /// The part that was seen.
    pub seen_ha: f64,
    /// The part of units that are missing, of tiles without a scene, and of units whose scenes show nothing.
    pub missing_ha: f64,
    /// Land that the masks show as disturbed. Pixels are counted, so there is no interval.
    pub mapped_ha: f64,
    /// Number of polygons that reach into the zone.
    pub polygons: usize,
    /// Estimated in the seen part: the sum of the probabilities.
    pub estimated_ha: f64,
    /// Lower end of the interval of the estimated land.
    pub estimated_lower_ha: f64,
    /// Upper end of the interval of the estimated land.
    pub estimated_upper_ha: f64,
    /// Assumed in the land that the units' scenes did not show.
    pub assumed_ha: f64,
    /// Estimated and assumed land together.
    pub disturbed_ha: f64,
    /// Lower end of the interval of the disturbed land.
    pub disturbed_lower_ha: f64,
    /// Upper end of the interval of the disturbed land.
    pub disturbed_upper_ha: f64,
    /// The part that was seen in this period and in one before. `None` in the first period.
    pub compared_ha: Option<f64>,
    /// Land that is mapped in this period, and was not in the last period that shows it. `None` if nothing can be compared.
    pub gain_ha: Option<f64>,
    /// Land that was mapped in the last period that shows it, and is seen and not mapped in this one. `None` if nothing can be compared.
    pub loss_ha: Option<f64>,
    /// Number of permits that hold on a day of the period and whose land lies in the zone. `None` without a register.
    pub permits: Option<usize>,
    /// The part of the zone that these permits cover.
    pub permitted_ha: Option<f64>,
    /// Land that the masks show as disturbed outside of all these permits.
    pub outside_permit_ha: Option<f64>,
}

/// Hectares of all zones in all periods.
#[derive(Debug, Clone, Serialize)]
pub struct ZoneSummary {
    /// Title of the model.
    pub model: String,
    /// Level of the intervals in percent.
    pub level_percent: f64,
    /// Rows by zone, then by period in the order of time. The last zone is the union of all.
    pub rows: Vec<ZoneRow>,
    /// The periods.
    pub periods: Vec<Period>,
    /// Outline of each zone in longitude and latitude; the last one is that of all.
    #[serde(skip)]
    pub outlines: Vec<MultiPolygon<f64>>,
}

impl ZoneSummary {
    /// Whether a register of permits was given.
    pub fn has_permits(&self) -> bool {
        self.rows.iter().any(|row| row.permits.is_some())
    }
}

/// Hectares of each zone in each period of a merge, and of the union of all zones. `merged` is the place of the merge. `permits` are
/// those of a register, if there is one.
///
/// The interval of a zone on several tiles treats the error that all pixels of a scene share as shared by all tiles, as the totals of a
/// merge do.
///
/// # Errors
/// There is no zone, or one has the id [`ALL_ZONES`]; the merge is not that of the project's maps; a file cannot be read.
pub fn summarize(
    project: &Project,
    merged: impl Into<Store>,
    zones: &[SiteArea],
    permits: Option<&[PermittedArea]>,
    job: Job<'_>,
) -> Result<ZoneSummary> {
    let refuse = |value: &str, accepted: &str| {
        Err(Error::Argument { name: "zones", value: value.to_owned(), accepted: accepted.to_owned() })
    };
    if zones.is_empty() {
        return refuse("", "at least one polygon");
    }
    if zones.iter().any(|zone| zone.id == ALL_ZONES) {
        return refuse(ALL_ZONES, "another id: this one names the rows of all zones together");
    }
    let merged = merged.into();
    let totals = totals_of(project, &merged)?;
    let plan = &project.plan;
    let mut files = vec![LAND_PARQUET.to_owned()];
    for period in 0..plan.periods.len() {
        files.extend(codes(&plan.tiles).into_iter().map(|epsg| mask_name(project, period, epsg)));
    }
    let folder = merged.bring_all(&files)?;
    let merged = folder.path.as_path();
    let mut outlines = zones.iter().map(|zone| in_degrees(&zone.boundary, &zone.crs)).collect::<Result<Vec<_>>>()?;
    outlines.push(cut_wide(unary_union(outlines.iter().flat_map(|outline| outline.0.iter()))));
    let permits = permits.map(|permits| Permits::new(permits, &plan.periods)).transpose()?;
    job.progress.stage("counting pixels");
    let counted: Vec<&MultiPolygon<f64>> = outlines.iter().collect();
    let land = pixels::count(project, merged, &counted, permits.as_ref().map(|permits| &permits.land[..]), job)?;
    job.progress.stage("counting polygons");
    // A file without any polygon cannot be read as polygons.
    let has_land = totals.iter().any(|period| period.polygons > 0);
    let polygons = if has_land { read_polygons(&merged.join(LAND_PARQUET))? } else { Vec::new() };
    // A period without any land has rows too.
    let trees: Vec<Tree<'_>> = totals.iter().map(|period| Tree::new(&polygons, &period.period)).collect();
    let meter = GeodesicMeter::new(&Crs::WGS84)?;
    let error = &plan.model.area_error;
    let mut rows = Vec::new();
    let names = zones.iter().map(|zone| (zone.id.as_str(), zone.name.as_str()));
    let names = names.chain([(ALL_ZONES, "all zones (each place once)")]);
    for ((at, outline), (id, name)) in outlines.iter().enumerate().zip(names) {
        job.check()?;
        job.progress.item(at, outlines.len(), name);
        let zone_ha = meter.measure(outline)?.area_m2 / 1e4;
        let polygons: Vec<usize> = trees.par_iter().map(|tree| tree.count(outline)).collect();
        for (period, land) in land[at].iter().enumerate() {
            let mut row = row(land, error);
            (row.zone, row.name) = (id.to_owned(), name.to_owned());
            row.period.clone_from(&totals[period].period);
            (row.zone_ha, row.polygons) = (zone_ha, polygons[period]);
            if period > 0 {
                row.compared_ha = Some(land.compared_m2 / 1e4);
                let is_compared = land.compared_m2 > 0.0;
                row.gain_ha = is_compared.then_some(land.gain_m2 / 1e4);
                row.loss_ha = is_compared.then_some(land.loss_m2 / 1e4);
            }
            if let Some(permits) = &permits {
                row.permits = Some(permits.count(period, outline));
                row.permitted_ha = Some(meter.measure(&permits.inside(period, outline))?.area_m2 / 1e4);
                row.outside_permit_ha = Some(land.outside_permit_m2 / 1e4);
            }
            rows.push(row);
        }
    }
    Ok(ZoneSummary {
        model: plan.model.title.clone(),
        level_percent: DEFAULT_LEVEL_PERCENT,
        rows,
        periods: plan.periods.clone(),
        outlines,
    })
}

/// A row without names, polygons, comparison and permits.
fn row(land: &ZoneLand, error: &AreaErrorModel) -> ZoneRow {
    let estimated = error.area(&land.seen, DEFAULT_LEVEL_PERCENT, land.seen_m2);
    let disturbed = error.area(&land.all, DEFAULT_LEVEL_PERCENT, land.area_m2 - land.missing_m2);
    ZoneRow {
        zone: String::new(),
        name: String::new(),
        period: String::new(),
        zone_ha: 0.0,
        area_ha: land.area_m2 / 1e4,
        seen_ha: land.seen_m2 / 1e4,
        missing_ha: land.missing_m2 / 1e4,
        mapped_ha: land.mapped_m2 / 1e4,
        polygons: 0,
        estimated_ha: estimated.ha,
        estimated_lower_ha: estimated.lower_ha,
        estimated_upper_ha: estimated.upper_ha,
        assumed_ha: disturbed.ha - estimated.ha,
        disturbed_ha: disturbed.ha,
        disturbed_lower_ha: disturbed.lower_ha,
        disturbed_upper_ha: disturbed.upper_ha,
        compared_ha: None,
        gain_ha: None,
        loss_ha: None,
        permits: None,
        permitted_ha: None,
        outside_permit_ha: None,
    }
}

/// Totals of a merge, if it is that of the project's maps.
fn totals_of(project: &Project, merged: &Store) -> Result<Vec<PeriodTotals>> {
    let fail = |reason: String| Error::input(merged.path_of(TOTALS).display().to_string(), reason);
    let Some(text) = merged.read(TOTALS)? else {
        return Err(fail("there is no such file; merge the project first".to_owned()));
    };
    let totals: Vec<PeriodTotals> = serde_json::from_slice(&text).map_err(|error| fail(error.to_string()))?;
    let planned = project.plan.periods.iter().map(|period| period.name.as_str());
    if !totals.iter().map(|period| period.period.as_str()).eq(planned) {
        return Err(fail("its periods are not those of the project; merge the project again".to_owned()));
    }
    for (at, period) in totals.iter().enumerate() {
        if period.maps_sha256 != project.maps_sha256(at)? {
            let reason = format!("the maps of {} have changed since the merge; merge the project again", period.period);
            return Err(fail(reason));
        }
    }
    Ok(totals)
}

/// An outline in longitude and latitude, within -180 to 180 degrees.
fn in_degrees(outline: &MultiPolygon<f64>, crs: &Crs) -> Result<MultiPolygon<f64>> {
    let in_degrees = if crs.is_geographic() { outline.clone() } else { ToLonLat::new(crs)?.run(outline)? };
    Ok(SearchArea::from_polygons(&in_degrees, &Crs::WGS84)?.polygons().clone())
}

/// Permits of a register by period.
struct Permits {
    /// Permitted land of each period, each place once.
    land: Vec<MultiPolygon<f64>>,
    /// Permits of each period with the outlines of their versions.
    each: Vec<Vec<(String, MultiPolygon<f64>)>>,
}

impl Permits {
    fn new(permits: &[PermittedArea], periods: &[Period]) -> Result<Self> {
        let mut outlines = Vec::with_capacity(permits.len());
        for permit in permits {
            outlines.push(in_degrees(&permit.outline, &Crs::WGS84)?);
        }
        let each: Vec<Vec<(String, MultiPolygon<f64>)>> = periods
            .iter()
            .map(|period| {
                let permits = permits.iter().zip(&outlines).filter(|(permit, _)| permit.holds_in(period));
                permits.map(|(permit, outline)| (permit.permit.clone(), outline.clone())).collect()
            })
            .collect();
        let union = |permits: &Vec<(String, MultiPolygon<f64>)>| {
            cut_wide(unary_union(permits.iter().flat_map(|(_, outline)| &outline.0)))
        };
        let land = each.iter().map(union).collect();
        Ok(Self { land, each })
    }

    /// Permitted land of a period inside an outline.
    fn inside(&self, period: usize, outline: &MultiPolygon<f64>) -> MultiPolygon<f64> {
        let Some(around) = outline.bounding_rect() else { return MultiPolygon(Vec::new()) };
        let is_near = |rect: Rect<f64>| rect.intersects(&around);
        let near = self.land[period].iter().filter(|polygon| polygon.bounding_rect().is_some_and(is_near));
        MultiPolygon(near.cloned().collect()).intersection(outline)
    }

    /// Number of permits of a period whose land lies in an outline.
    fn count(&self, period: usize, outline: &MultiPolygon<f64>) -> usize {
        let Some(around) = outline.bounding_rect() else { return 0 };
        let reaches = |permit: &MultiPolygon<f64>| {
            permit.bounding_rect().is_some_and(|rect| rect.intersects(&around))
                && permit.intersection(outline).unsigned_area() > SLIVER_DEG2
        };
        let permits = self.each[period].iter().filter(|(_, permit)| reaches(permit));
        permits.map(|(name, _)| name.as_str()).collect::<BTreeSet<&str>>().len()
    }
}

/// A polygon of a merge.
struct LandPolygon {
    period: String,
    geometry: MultiPolygon<f64>,
}

fn read_polygons(path: &Path) -> Result<Vec<LandPolygon>> {
    let labels = Labels::read(path, &LabelOptions::default())?;
    let mut land = Vec::with_capacity(labels.features().len());
    for feature in labels.features() {
        let Some(period) = feature.attributes.get("period").and_then(Value::as_str) else {
            let reason = "its polygons have no period; give the folder of a merge";
            return Err(Error::vector(path, reason));
        };
        land.push(LandPolygon { period: period.to_owned(), geometry: feature.geometry.clone() });
    }
    Ok(land)
}

/// A polygon in the box around it, with its number.
type Boxed<'a> = GeomWithData<Rectangle<[f64; 2]>, (usize, &'a MultiPolygon<f64>)>;

/// Polygons of a period by the boxes of their parts, with their numbers.
struct Tree<'a>(RTree<Boxed<'a>>);

impl<'a> Tree<'a> {
    fn new(land: &'a [LandPolygon], period: &str) -> Self {
        let of_period = land.iter().enumerate().filter(|(_, one)| one.period == period);
        let boxes = of_period.flat_map(|(number, one)| {
            let rects = one.geometry.iter().filter_map(BoundingRect::bounding_rect);
            rects.map(move |rect| {
                let corners = Rectangle::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y]);
                GeomWithData::new(corners, (number, &one.geometry))
            })
        });
        Self(RTree::bulk_load(boxes.collect()))
    }

    /// Number of polygons that reach into an outline. Both may lie on either side of the antimeridian.
    fn count(&self, outline: &MultiPolygon<f64>) -> usize {
        let mut found = BTreeSet::new();
        for part in outline {
            for turn in [-360.0, 0.0, 360.0] {
                let Some(rect) = part.bounding_rect() else { continue };
                let rect: Rect<f64> = rect.translate(turn, 0.0);
                let around = AABB::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y]);
                let mut turned = None;
                for candidate in self.0.locate_in_envelope_intersecting(&around) {
                    let (number, geometry) = candidate.data;
                    let part = turned.get_or_insert_with(|| part.translate(turn, 0.0));
                    if !found.contains(&number) && geometry.intersects(&*part) {
                        found.insert(number);
                    }
                }
            }
        }
        found.len()
    }
}
