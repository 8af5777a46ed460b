//! Pixels of zones, counted tile by tile: every pixel once, by the tile that owns it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use geo::{BoundingRect, MultiPolygon};
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::area_of_interest::polygons_on_scene;
use minesegsat_core::job::Job;
use minesegsat_core::pixel_class::MASK_NODATA;
use minesegsat_core::rasterize::Rasterizer;
use minesegsat_core::uncertainty::{AreaMoments, MomentRows};
use minesegsat_core::{Crs, Error, Grid, Result, Window};
use minesegsat_io::{Location, Pixels, RasterSource, open_raster};
use minesegsat_map::change::shift;
use minesegsat_map::site::SitePixels;
use rayon::prelude::*;

use crate::merge::{codes, mask_name};
use crate::ownership::{Ownership, TilePlaces, lon_lat_bounds, overlap};
use crate::project::{Project, Unit};
use crate::unit_map::UnitMap;

/// Rows that are read at a time.
const ROWS: usize = 256;
const DISTURBED: u8 = 1;

/// Land of a zone in a period, in square metres on the ellipsoid.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ZoneLand {
    /// The part of the zone inside the project's area.
    pub(super) area_m2: f64,
    pub(super) seen_m2: f64,
    /// The part about which nothing is known or assumed.
    pub(super) missing_m2: f64,
    pub(super) mapped_m2: f64,
    /// The part that was seen in this period and in one before.
    pub(super) compared_m2: f64,
    pub(super) gain_m2: f64,
    pub(super) loss_m2: f64,
    pub(super) outside_permit_m2: f64,
    /// Moments of the seen land, and of all land that is not missing.
    pub(super) seen: AreaMoments,
    pub(super) all: AreaMoments,
}

impl ZoneLand {
    fn add(&mut self, other: &Self) {
        self.area_m2 += other.area_m2;
        self.seen_m2 += other.seen_m2;
        self.missing_m2 += other.missing_m2;
        self.mapped_m2 += other.mapped_m2;
        self.compared_m2 += other.compared_m2;
        self.gain_m2 += other.gain_m2;
        self.loss_m2 += other.loss_m2;
        self.outside_permit_m2 += other.outside_permit_m2;
        self.seen = self.seen.plus(&other.seen);
        self.all = self.all.plus(&other.all);
    }
}

/// Land of each zone in each period, `[zone][period]`. Outlines are in longitude and latitude. `permitted` has the permitted land of
/// each period, if there is a register.
///
/// # Errors
/// A mask or a map cannot be read, or they do not fit together.
pub(super) fn count(
    project: &Project,
    merged: &Path,
    outlines: &[&MultiPolygon<f64>],
    permitted: Option<&[MultiPolygon<f64>]>,
    job: Job<'_>,
) -> Result<Vec<Vec<ZoneLand>>> {
    let plan = &project.plan;
    let mut units = vec![vec![None; plan.periods.len()]; plan.tiles.len()];
    plan.units.iter().for_each(|unit| units[unit.tile][unit.period] = Some(unit));
    let mosaics = codes(&plan.tiles)
        .into_iter()
        .map(|epsg| Ok((epsg, Mosaic::open(project, merged, epsg)?)))
        .collect::<Result<BTreeMap<u16, Mosaic>>>()?;
    let counter = Counter { project, places: TilePlaces::new(&plan.tiles)?, units, mosaics, outlines, permitted };
    let done = AtomicUsize::new(0);
    let counted = (0..plan.tiles.len())
        .into_par_iter()
        .map(|tile| {
            let counted = counter.tile(tile, job)?;
            job.progress.advance(done.fetch_add(1, Ordering::Relaxed) + 1, plan.tiles.len());
            Ok(counted)
        })
        .collect::<Result<Vec<_>>>()?;
    let mut land = vec![vec![ZoneLand::default(); plan.periods.len()]; outlines.len()];
    for (zone, periods) in counted.into_iter().flatten() {
        land[zone].iter_mut().zip(&periods).for_each(|(land, part)| land.add(part));
    }
    Ok(land)
}

/// The masks of a CRS.
struct Mosaic {
    grid: Grid,
    /// Mask of each period.
    masks: Vec<Arc<dyn RasterSource>>,
    /// The project's area in the CRS.
    area: MultiPolygon<f64>,
}

impl Mosaic {
    fn open(project: &Project, merged: &Path, epsg: u16) -> Result<Self> {
        let plan = &project.plan;
        let masks = (0..plan.periods.len())
            .map(|period| open_raster(&Location::from(merged.join(mask_name(project, period, epsg)).as_path())))
            .collect::<Result<Vec<_>>>()?;
        let Some(grid) = masks.first().map(|mask| mask.info().grid.clone()) else {
            return Err(Error::input(project.store().to_string(), "its plan has no period"));
        };
        if let Some(other) = masks.iter().find(|mask| mask.info().grid != grid) {
            let reason = format!("its grid is not that of {}", masks[0].info().location);
            return Err(Error::raster(other.info().location.clone(), reason));
        }
        let area = polygons_on_scene(&grid, &plan.area, &Crs::WGS84)?;
        Ok(Self { grid, masks, area })
    }

    fn read(&self, period: usize, window: Window) -> Result<Vec<u8>> {
        let mask = &self.masks[period];
        match mask.read(0, window)? {
            Pixels::U8(values) => Ok(values),
            _ => Err(Error::raster(mask.info().location.clone(), "it does not hold classes of type U8")),
        }
    }
}

struct Counter<'a> {
    project: &'a Project,
    places: TilePlaces,
    /// Unit of each tile in each period.
    units: Vec<Vec<Option<&'a Unit>>>,
    mosaics: BTreeMap<u16, Mosaic>,
    outlines: &'a [&'a MultiPolygon<f64>],
    permitted: Option<&'a [MultiPolygon<f64>]>,
}

/// A zone on a tile.
struct ZoneOnTile {
    zone: usize,
    window: Window,
    outline: Rasterizer,
    /// Each period's pixels.
    periods: Vec<(PixelCounts, MomentRows)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct PixelCounts {
    area: u64,
    seen: u64,
    missing: u64,
    mapped: u64,
    compared: u64,
    gain: u64,
    loss: u64,
    outside_permit: u64,
}

/// Rows of a tile in a period, `[rows, W]` of the columns that are read.
struct Strip<'a> {
    window: Window,
    /// Whether the tile owns a pixel inside the project's area.
    wanted: &'a [bool],
    probability: &'a [f32],
    assumed: f32,
    mask: &'a [u8],
    /// What the last period that shows a pixel says.
    before: Option<&'a [u8]>,
    /// 1 on permitted land.
    permitted: Option<&'a [u8]>,
}

/// The polygons whose boxes overlap a box in degrees.
fn near(polygons: &MultiPolygon<f64>, around: [f64; 4]) -> MultiPolygon<f64> {
    let is_near = |rect: geo::Rect<f64>| overlap([rect.min().x, rect.min().y, rect.max().x, rect.max().y], around);
    let polygons = polygons.iter().filter(|polygon| polygon.bounding_rect().is_some_and(is_near));
    MultiPolygon(polygons.cloned().collect())
}

/// Burns rows of a tile, and takes the columns of a window.
fn burn(rasterizer: &Rasterizer, tile: &Grid, window: Window) -> Vec<u8> {
    let mut rows = vec![0; window.height * tile.width];
    rasterizer.burn_rows(window.row, 1, &mut rows);
    rows.chunks_exact(tile.width).flat_map(|row| row[window.col..window.col_end()].iter().copied()).collect()
}

impl Counter<'_> {
    /// Land of the zones on a tile.
    fn tile(&self, index: usize, job: Job<'_>) -> Result<Vec<(usize, Vec<ZoneLand>)>> {
        let plan = &self.project.plan;
        let tile = plan.tiles[index].grid()?;
        let around = lon_lat_bounds(&tile)?;
        let pixel_m2 = SitePixels::all_area_m2(&tile, &GeodesicMeter::new(&tile.crs)?)?;
        let mut zones = Vec::new();
        for (zone, outline) in self.outlines.iter().enumerate() {
            let outline = polygons_on_scene(&tile, &near(outline, around), &Crs::WGS84)?;
            let Some(rect) = outline.bounding_rect() else { continue };
            let bounds = [rect.min().x, rect.min().y, rect.max().x, rect.max().y];
            let Some(window) = tile.window_of_bounds(bounds) else { continue };
            let moments = MomentRows::new(&plan.model.area_error, window.width, pixel_m2.sqrt(), pixel_m2);
            let periods = vec![(PixelCounts::default(), moments); plan.periods.len()];
            zones.push(ZoneOnTile { zone, window, outline: Rasterizer::new(&tile, [&outline]), periods });
        }
        self.count(index, &tile, &mut zones, job)?;
        let land = |(counts, moments): &(PixelCounts, MomentRows)| {
            let m2 = |pixels: u64| pixels as f64 * pixel_m2;
            ZoneLand {
                area_m2: m2(counts.area),
                seen_m2: m2(counts.seen),
                missing_m2: m2(counts.missing),
                mapped_m2: m2(counts.mapped),
                compared_m2: m2(counts.compared),
                gain_m2: m2(counts.gain),
                loss_m2: m2(counts.loss),
                outside_permit_m2: m2(counts.outside_permit),
                seen: moments.seen(),
                all: moments.all(),
            }
        };
        Ok(zones.iter().map(|zone| (zone.zone, zone.periods.iter().map(land).collect())).collect())
    }

    fn count(&self, index: usize, tile: &Grid, zones: &mut [ZoneOnTile], job: Job<'_>) -> Result<()> {
        let plan = &self.project.plan;
        // The smallest window around all zones.
        let cols = zones.iter().map(|zone| zone.window.col).min().zip(zones.iter().map(|z| z.window.col_end()).max());
        let rows = zones.iter().map(|zone| zone.window.row).min().zip(zones.iter().map(|z| z.window.row_end()).max());
        let (Some((first_col, end_col)), Some((first_row, end_row))) = (cols, rows) else { return Ok(()) };
        let mosaic = &self.mosaics[&plan.tiles[index].epsg];
        let Some((mask_col, mask_row)) = shift(&mosaic.grid, tile) else {
            let reason = format!("its pixels are not those of tile {}", plan.tiles[index].name);
            return Err(Error::raster(mosaic.masks[0].info().location.clone(), reason));
        };
        let ownership = Ownership::new(&self.places, index)?;
        let area = Rasterizer::new(tile, [&mosaic.area]);
        let around = lon_lat_bounds(tile)?;
        let on_tile = |land: &MultiPolygon<f64>| -> Result<Rasterizer> {
            let land = polygons_on_scene(tile, &near(land, around), &Crs::WGS84)?;
            Ok(Rasterizer::new(tile, [&land]))
        };
        let permitted = self.permitted.unwrap_or_default().iter().map(on_tile).collect::<Result<Vec<Rasterizer>>>()?;
        let maps = self.units[index]
            .iter()
            .map(|unit| unit.map(|unit| UnitMap::open(self.project, unit, tile)).transpose().map(Option::flatten))
            .collect::<Result<Vec<Option<UnitMap>>>>()?;
        let width = end_col - first_col;
        for row in (first_row..end_row).step_by(ROWS) {
            job.check()?;
            let window = Window::new(first_col, row, width, ROWS.min(end_row - row));
            let mut wanted = vec![false; window.len()];
            let inside = burn(&area, tile, window);
            for (i, (wanted, inside)) in wanted.chunks_exact_mut(width).zip(inside.chunks_exact(width)).enumerate() {
                if inside.contains(&1) {
                    ownership.columns(row + i, first_col, wanted)?;
                    wanted.iter_mut().zip(inside).for_each(|(wanted, &inside)| *wanted &= inside == 1);
                }
            }
            // Outlines of the zones, for all periods.
            let insides: Vec<Option<(Window, Vec<u8>)>> = zones
                .iter()
                .map(|zone| {
                    let part = zone.window.intersection(&window)?;
                    Some((part, burn(&zone.outline, tile, part)))
                })
                .collect();
            let mut before: Option<Vec<u8>> = None;
            for (period, map) in maps.iter().enumerate() {
                let mut probability = vec![f32::NAN; window.len()];
                if let Some(map) = map {
                    map.read(window, &mut probability)?;
                }
                let col = (mask_col + window.col as i64) as usize;
                let row = (mask_row + window.row as i64) as usize;
                let mask = mosaic.read(period, Window::new(col, row, window.width, window.height))?;
                let permitted = permitted.get(period).map(|land| burn(land, tile, window));
                let strip = Strip {
                    window,
                    wanted: &wanted,
                    probability: &probability,
                    assumed: map.as_ref().map_or(f32::NAN, |map| map.assumed),
                    mask: &mask,
                    before: before.as_deref(),
                    permitted: permitted.as_deref(),
                };
                for (zone, inside) in zones.iter_mut().zip(&insides) {
                    if let Some((part, inside)) = inside {
                        let (counts, moments) = &mut zone.periods[period];
                        strip.count(*part, inside, counts, moments);
                    }
                }
                // Each pixel keeps what the last period that shows it says.
                match &mut before {
                    None => before = Some(mask),
                    Some(before) => {
                        let seen = before.iter_mut().zip(&mask).filter(|(_, now)| **now != MASK_NODATA);
                        seen.for_each(|(before, &now)| *before = now);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Strip<'_> {
    /// Counts the pixels of a zone. `inside` is 1 inside its outline, `[H, W]` of `part`.
    fn count(&self, part: Window, inside: &[u8], counts: &mut PixelCounts, moments: &mut MomentRows) {
        let (mut seen, mut hidden) = (vec![f32::NAN; part.width], vec![f32::NAN; part.width]);
        for (i, inside) in inside.chunks_exact(part.width).enumerate() {
            seen.fill(f32::NAN);
            hidden.fill(f32::NAN);
            let first = (part.row + i - self.window.row) * self.window.width + part.col - self.window.col;
            for (offset, &is_inside) in inside.iter().enumerate() {
                let at = first + offset;
                if is_inside == 0 || !self.wanted[at] {
                    continue;
                }
                counts.area += 1;
                let now = self.mask[at];
                if now == MASK_NODATA {
                    if self.assumed.is_nan() {
                        counts.missing += 1;
                    } else {
                        hidden[offset] = self.assumed;
                    }
                    continue;
                }
                counts.seen += 1;
                seen[offset] = self.probability[at];
                let is_disturbed = now == DISTURBED;
                counts.mapped += u64::from(is_disturbed);
                if self.permitted.is_some_and(|permitted| permitted[at] == 0) {
                    counts.outside_permit += u64::from(is_disturbed);
                }
                if let Some(before) = self.before.map(|before| before[at]).filter(|&before| before != MASK_NODATA) {
                    let was_disturbed = before == DISTURBED;
                    counts.compared += 1;
                    counts.gain += u64::from(is_disturbed && !was_disturbed);
                    counts.loss += u64::from(was_disturbed && !is_disturbed);
                }
            }
            moments.push_seen(&seen);
            moments.push_hidden(&hidden);
        }
    }
}
