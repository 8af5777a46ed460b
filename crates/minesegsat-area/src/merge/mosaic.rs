//! The owned pixels of all units of one CRS, as one mask that is read row by row.

use std::path::Path;
use std::sync::Arc;

use geo::MultiPolygon;
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::area_of_interest::polygons_on_scene;
use minesegsat_core::job::Job;
use minesegsat_core::pixel_class::{CLASSES_ITEM, MASK_CLASSES, MASK_NODATA, classes_text};
use minesegsat_core::polygonize::{Connectivity, Polygonizer, Regions};
use minesegsat_core::rasterize::Rasterizer;
use minesegsat_core::uncertainty::MomentRows;
use minesegsat_core::{Crs, Error, GeoTransform, Grid, Result, Window};
use minesegsat_io::cog::{CogOptions, CogWriter};
use minesegsat_io::{Pixels, RasterSource, open_raster};
use minesegsat_map::change::shift;
use minesegsat_map::site::SitePixels;
use minesegsat_scene::manifest::OutputRecord;
use rayon::prelude::*;

use super::features::Piece;
use crate::ownership::{Ownership, TilePlaces};
use crate::project::{PROBABILITY, Project, Tile, Unit, UnitState};

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
    /// The map of its unit and its place in the tile (column, row). `None` if the unit is missing or has no scene.
    map: Option<(Arc<dyn RasterSource>, i64, i64)>,
    /// Probability that is assumed where the unit's scenes show nothing.
    assumed: f32,
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
    /// Opens the maps of the units of a period and a CRS. `units` has the unit of each tile in the period, if there is one.
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
            let unit = units[tile];
            let record = unit.map(|unit| project.record(unit)).transpose()?;
            let done = unit.zip(record).filter(|(_, record)| record.state == UnitState::Done);
            let mut map = None;
            let mut assumed = f32::NAN;
            if let Some((unit, record)) = done {
                let raster = open_raster(&project.location(unit, PROBABILITY))?;
                let Some((col, row)) = shift(own, &raster.info().grid) else {
                    let reason = format!("its pixels are not those of tile {}", plan.tiles[tile].name);
                    return Err(Error::raster(raster.info().location.clone(), reason));
                };
                let hash = OutputRecord::from_file(PROBABILITY, &project.unit_folder(unit).join(PROBABILITY))?;
                if hash.sha256 != record.sha256 {
                    let reason = format!("it is not the map that the record of unit {} is about", unit.id);
                    return Err(Error::raster(raster.info().location.clone(), reason));
                }
                // Without a seen pixel nothing can be assumed for the others.
                assumed = record.mean_probability.map_or(f32::NAN, |mean| mean as f32);
                map = Some((raster, col, row));
            }
            let pixel_m2 = SitePixels::all_area_m2(own, &meter)?;
            parts.push(Part {
                col: col as usize,
                row: row as usize,
                width: own.width,
                height: own.height,
                ownership: Ownership::new(places, tile)?,
                map,
                assumed,
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
                .map(|part| part.strip(first, rows, &inside[..pixels], width))
                .collect::<Result<Vec<_>>>()?;
            for (part, strip) in self.parts.iter().zip(&strips) {
                for (i, values) in strip.values.chunks_exact(part.width).enumerate() {
                    let at = (strip.first - first + i) * width + part.col;
                    for (offset, &p) in values.iter().enumerate().filter(|(_, p)| !p.is_nan()) {
                        probability[at + offset] = p;
                        mask[at + offset] = u8::from(p >= threshold);
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

/// Probabilities of some rows of a tile, NaN where it owns nothing or nothing was seen.
struct Strip {
    /// First row in the mosaic.
    first: usize,
    values: Vec<f32>,
}

impl Part {
    /// The owned pixels inside the area, of those rows of the mosaic that lie on the tile. `inside` is 1 inside the area, `[rows, W]` of
    /// the mosaic.
    fn strip(&mut self, first: usize, rows: usize, inside: &[u8], mosaic_width: usize) -> Result<Strip> {
        let from = first.max(self.row);
        let end = (first + rows).min(self.row + self.height);
        if from >= end {
            return Ok(Strip { first: from, values: Vec::new() });
        }
        let lines = end - from;
        let mut values = vec![f32::NAN; lines * self.width];
        self.read(from - self.row, &mut values)?;
        let mut own = vec![false; self.width];
        let mut hidden = vec![f32::NAN; self.width];
        for (i, line) in values.chunks_exact_mut(self.width).enumerate() {
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
                    *p = f32::NAN;
                    continue;
                }
                self.counts.area += 1;
                if !p.is_nan() {
                    self.counts.seen += 1;
                } else if self.assumed.is_nan() {
                    self.counts.missing += 1;
                } else {
                    hidden[at] = self.assumed;
                }
            }
            self.moments.push_seen(line);
            self.moments.push_hidden(&hidden);
        }
        Ok(Strip { first: from, values })
    }

    /// Reads rows of the tile from its map.
    fn read(&self, row: usize, out: &mut [f32]) -> Result<()> {
        let Some((map, map_col, map_row)) = &self.map else { return Ok(()) };
        let grid = &map.info().grid;
        let rows = out.len() / self.width;
        let overlap = |start: i64, len: usize, from: usize, count: usize| {
            let first = start.max(from as i64);
            let end = (start + len as i64).min((from + count) as i64);
            (first < end).then(|| (first as usize, (end - first) as usize))
        };
        let (Some((first_row, rows)), Some((first_col, cols))) =
            (overlap(*map_row, grid.height, row, rows), overlap(*map_col, grid.width, 0, self.width))
        else {
            return Ok(());
        };
        let col = (first_col as i64 - map_col) as usize;
        let window = Window::new(col, (first_row as i64 - map_row) as usize, cols, rows);
        let Pixels::F32(values) = map.read(0, window)? else {
            return Err(Error::raster(map.info().location.clone(), "it does not hold probabilities of type F32"));
        };
        if let Some(wrong) = values.iter().find(|p| !p.is_nan() && !(0.0..=1.0).contains(*p)) {
            return Err(Error::raster(map.info().location.clone(), format!("{wrong} is not a probability, 0 to 1")));
        }
        for (i, values) in values.chunks_exact(cols).enumerate() {
            out[(first_row - row + i) * self.width + first_col..][..cols].copy_from_slice(values);
        }
        Ok(())
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
