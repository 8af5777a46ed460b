//! The owned pixels of all units of one CRS, as one mask that is read row by row.

use std::path::Path;

use geo::MultiPolygon;
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::area_of_interest::polygons_on_scene;
use minesegsat_core::job::Job;
use minesegsat_core::pixel_class::{CLASSES_ITEM, MASK_CLASSES, MASK_NODATA, classes_text};
use minesegsat_core::polygonize::{Connectivity, ELSEWHERE, Polygonizer, Regions};
use minesegsat_core::rasterize::Rasterizer;
use minesegsat_core::uncertainty::MomentRows;
use minesegsat_core::{Crs, Error, GeoTransform, Grid, Result, Window};
use minesegsat_io::Pixels;
use minesegsat_io::cog::{CogOptions, CogWriter};
use minesegsat_map::change::shift;
use minesegsat_map::site::SitePixels;
use rayon::prelude::*;

use super::features::Piece;
use crate::ownership::{Ownership, TilePlaces};
use crate::project::{Project, Tile, Unit};
use crate::unit_map::UnitMap;

/// Value of a pixel in [`Strip::mask`] about which the tile says nothing.
const NOTHING: u8 = 253;
/// Rows that are read at a time: half a block of the maps, so that few rows of many tiles are in memory.
const ROWS: usize = 256;

/// All tiles of a CRS in a period.
pub(super) struct Mosaic<'a> {
    pub(super) grid: Grid,
    pub(super) parts: Vec<Part>,
    area: MultiPolygon<f64>,
    project: &'a Project,
}

/// A tile in a mosaic.
pub(super) struct Part {
    /// Place of its upper left pixel in the mosaic.
    col: usize,
    row: usize,
    width: usize,
    height: usize,
    ownership: Ownership,
    /// Whether all overlapping tiles of other zones are mapped.
    is_continued: bool,
    /// The map of its unit. `None` if the unit is missing or has no scene.
    map: Option<UnitMap>,
    pub(super) moments: MomentRows,
    /// Area of a pixel in square metres.
    pub(super) pixel_m2: f64,
    pub(super) counts: Counts,
}

/// Pixels that a tile owns inside the area.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) area: u64,
    pub(super) seen: u64,
    pub(super) missing: u64,
}

/// A mosaic whose pixels were read.
pub(super) struct Merged<'a> {
    pub(super) mosaic: Mosaic<'a>,
    regions: Regions,
}

/// EPSG codes of tiles, in ascending order.
pub(crate) fn codes(tiles: &[Tile]) -> Vec<u16> {
    let mut codes: Vec<u16> = tiles.iter().map(|tile| tile.epsg).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// Checks that the pixels of all tiles of a CRS coincide, so that they can be merged.
pub(crate) fn check_grids(tiles: &[Tile], epsg: u16) -> Result<()> {
    let of_crs: Vec<&Tile> = tiles.iter().filter(|tile| tile.epsg == epsg).collect();
    let grids = of_crs.iter().map(|tile| tile.grid()).collect::<Result<Vec<Grid>>>()?;
    common_grid(&grids, |at| of_crs[at].name.as_str()).map(drop)
}

impl<'a> Mosaic<'a> {
    /// Opens the maps of the units of a period and a CRS. `units` has the unit of each tile in the period, if it is mapped.
    pub(super) fn new(project: &'a Project, places: &TilePlaces, units: &[Option<&Unit>], epsg: u16) -> Result<Self> {
        let plan = &project.plan;
        let of_crs: Vec<usize> = (0..plan.tiles.len()).filter(|&tile| plan.tiles[tile].epsg == epsg).collect();
        let grids = of_crs.iter().map(|&tile| plan.tiles[tile].grid()).collect::<Result<Vec<Grid>>>()?;
        let grid = common_grid(&grids, |at| plan.tiles[of_crs[at]].name.as_str())?;
        let meter = GeodesicMeter::new(&grid.crs)?;
        let error = &plan.model.area_error;
        let mut parts = Vec::new();
        for (&tile, own) in of_crs.iter().zip(&grids) {
            let (col, row) = shift(&grid, own).unwrap_or_default();
            let map = units[tile].map(|unit| UnitMap::open(project, unit, own)).transpose()?.flatten();
            let ownership = Ownership::new(places, tile)?;
            let is_continued = ownership.across().all(|other| units[other].is_some());
            let pixel_m2 = SitePixels::all_area_m2(own, &meter)?;
            parts.push(Part {
                col: col as usize,
                row: row as usize,
                width: own.width,
                height: own.height,
                is_continued,
                ownership,
                map,
                moments: MomentRows::new(error, own.width, pixel_m2.sqrt(), pixel_m2),
                pixel_m2,
                counts: Counts::default(),
            });
        }
        let area = polygons_on_scene(&grid, &plan.area, &Crs::WGS84)?;
        Ok(Self { grid, parts, area, project })
    }

    pub(super) fn epsg(&self) -> u16 {
        self.grid.crs.epsg()
    }

    /// Reads all pixels.
    pub(super) fn run(mut self, job: Job<'_>) -> Result<Merged<'a>> {
        let (width, height) = (self.grid.width, self.grid.height);
        let threshold = self.project.plan.model.threshold;
        let area = Rasterizer::new(&self.grid, [&self.area]);
        let mut polygonizer = Polygonizer::new(width, Connectivity::Four);
        let mut inside = vec![0_u8; ROWS * width];
        let mut mask = vec![MASK_NODATA; ROWS * width];
        let mut probability = vec![f32::NAN; ROWS * width];
        for first in (0..height).step_by(ROWS) {
            job.check()?;
            job.progress.advance(first, height);
            let rows = ROWS.min(height - first);
            let pixels = rows * width;
            inside[..pixels].fill(0);
            area.burn_rows(first, 1, &mut inside[..pixels]);
            mask[..pixels].fill(MASK_NODATA);
            probability[..pixels].fill(f32::NAN);
            let strips = self
                .parts
                .par_iter_mut()
                .map(|part| part.strip(first, rows, threshold, &inside[..pixels], width))
                .collect::<Result<Vec<_>>>()?;
            // What lies beyond a border between zones comes first, and what the tiles own replaces it.
            for is_own in [false, true] {
                for (part, strip) in self.parts.iter().zip(&strips) {
                    let rows = strip.mask.chunks_exact(part.width).zip(strip.values.chunks_exact(part.width));
                    for (i, (values, probabilities)) in rows.enumerate() {
                        let at = (strip.first - first + i) * width + part.col;
                        let pixels = values.iter().zip(probabilities).enumerate();
                        let is_wanted = |value: u8| value != NOTHING && (value != ELSEWHERE) == is_own;
                        for (offset, (&value, &p)) in pixels.filter(|(_, (value, _))| is_wanted(**value)) {
                            (mask[at + offset], probability[at + offset]) = (value, p);
                        }
                    }
                }
            }
            for (mask, probability) in mask[..pixels].chunks_exact(width).zip(probability[..pixels].chunks_exact(width))
            {
                polygonizer.push_row(mask, probability);
            }
        }
        job.progress.advance(height, height);
        // Their files are read; a project has more of them than a process may hold open.
        self.parts.iter_mut().for_each(|part| part.map = None);
        Ok(Merged { mosaic: self, regions: polygonizer.finish() })
    }
}

/// Some rows of a tile.
struct Strip {
    /// First row in the mosaic.
    first: usize,
    /// Probabilities, NaN where the tile owns nothing or nothing was seen.
    values: Vec<f32>,
    /// 1 disturbed, 0 not, 255 not seen; [`ELSEWHERE`] where another tile owns the pixel and this one shows it; else [`NOTHING`].
    mask: Vec<u8>,
}

impl Part {
    /// The pixels inside the area, of those rows of the mosaic that lie on the tile. `inside` is 1 inside the area, `[rows, W]` of
    /// the mosaic.
    fn strip(
        &mut self,
        first: usize,
        rows: usize,
        threshold: f32,
        inside: &[u8],
        mosaic_width: usize,
    ) -> Result<Strip> {
        let from = first.max(self.row);
        let end = (first + rows).min(self.row + self.height);
        if from >= end {
            return Ok(Strip { first: from, values: Vec::new(), mask: Vec::new() });
        }
        let lines = end - from;
        let mut values = vec![f32::NAN; lines * self.width];
        let mut mask = vec![NOTHING; lines * self.width];
        if let Some(map) = &self.map {
            map.read(Window::new(0, from - self.row, self.width, lines), &mut values)?;
        }
        let assumed = self.map.as_ref().map_or(f32::NAN, |map| map.assumed);
        let mut own = vec![false; self.width];
        let mut hidden = vec![f32::NAN; self.width];
        let lines = values.chunks_exact_mut(self.width).zip(mask.chunks_exact_mut(self.width));
        for (i, (line, mask)) in lines.enumerate() {
            let row = from + i;
            let inside = &inside[(row - first) * mosaic_width + self.col..][..self.width];
            hidden.fill(f32::NAN);
            if inside.contains(&1) {
                self.ownership.row(row - self.row, &mut own)?;
            } else {
                own.fill(false);
            }
            for (at, p) in line.iter_mut().enumerate() {
                if !own[at] || inside[at] == 0 {
                    // Land goes on beyond a border between zones. The edge of the area remains an edge.
                    if inside[at] == 1 && !p.is_nan() && self.is_continued {
                        mask[at] = ELSEWHERE;
                    }
                    *p = f32::NAN;
                    continue;
                }
                self.counts.area += 1;
                if !p.is_nan() {
                    self.counts.seen += 1;
                    mask[at] = u8::from(*p >= threshold);
                    continue;
                }
                mask[at] = MASK_NODATA;
                if assumed.is_nan() {
                    self.counts.missing += 1;
                } else {
                    hidden[at] = assumed;
                }
            }
            self.moments.push_seen(line);
            self.moments.push_hidden(&hidden);
        }
        Ok(Strip { first: from, values, mask })
    }
}

/// The smallest grid that covers the grids of a CRS. Their pixels must coincide.
fn common_grid<'a>(grids: &[Grid], name: impl Fn(usize) -> &'a str) -> Result<Grid> {
    let first = &grids[0];
    let mut corner = [0_i64, 0, first.width as i64, first.height as i64];
    for (at, grid) in grids.iter().enumerate() {
        let Some((col, row)) = shift(first, grid) else {
            return Err(Error::Argument {
                name: "tile",
                value: name(at).to_owned(),
                accepted: format!("tiles of {} whose pixels coincide with those of {}", first.crs, name(0)),
            });
        };
        corner = [
            corner[0].min(col),
            corner[1].min(row),
            corner[2].max(col + grid.width as i64),
            corner[3].max(row + grid.height as i64),
        ];
    }
    let (origin_x, origin_y) = first.transform.to_map(corner[0] as f64, corner[1] as f64);
    Ok(Grid {
        crs: first.crs.clone(),
        transform: GeoTransform { origin_x, origin_y, ..first.transform },
        width: (corner[2] - corner[0]) as usize,
        height: (corner[3] - corner[1]) as usize,
    })
}

impl Merged<'_> {
    /// The regions as pieces, in the order of their first pixels.
    pub(super) fn pieces(&self) -> Result<Vec<Piece>> {
        let grid = &self.mosaic.grid;
        let meter = GeodesicMeter::new(&grid.crs)?;
        let to_lon_lat = minesegsat_vector::vector::ToLonLat::new(&grid.crs)?;
        let regions: Vec<_> = self.regions.iter().collect();
        regions
            .into_par_iter()
            .map(|region| {
                let geometry = region.to_map(&grid.transform);
                Ok(Piece {
                    epsg: grid.crs.epsg(),
                    area_m2: meter.measure(&geometry)?.area_m2,
                    lon_lat: to_lon_lat.run(&geometry)?,
                    geometry,
                    pixels: region.pixel_count,
                    pixel_size: grid.transform.pixel_width.abs(),
                    mean_probability: region.mean_probability,
                    max_probability: f64::from(region.max_probability),
                    touches_unseen: region.touches_edge || region.touches_nodata,
                })
            })
            .collect()
    }

    /// Writes the mask of the regions that are kept.
    pub(super) fn write_mask(&mut self, path: &Path, keep: &[bool]) -> Result<()> {
        let mut keep = keep.iter().copied();
        self.regions.retain(|_| keep.next().unwrap_or(false));
        let grid = &self.mosaic.grid;
        let classes = (CLASSES_ITEM.to_owned(), classes_text(MASK_CLASSES));
        let options = CogOptions { metadata: vec![classes], ..CogOptions::mask("mining") };
        let mut cog = CogWriter::create(path, grid, options)?;
        for first in (0..grid.height).step_by(ROWS) {
            let mut rows = vec![0; ROWS.min(grid.height - first) * grid.width];
            self.regions.mask_rows(first, &mut rows);
            cog.write_rows(&[Pixels::U8(rows)])?;
        }
        cog.finish()
    }
}
