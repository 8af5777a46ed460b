//! Mosaic of the scenes of one CRS by the reverse painter's algorithm: each pixel shows the most preferred scene that
//! has data there. Every band keeps its native grid and its digital numbers. The classification of a pixel is that of the
//! scene which the pixel comes from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::source::{SourceBand, SourceScene};
use minesegsat_core::{Band, Crs, Error, GeoTransform, Grid, Result, Window};
use minesegsat_io::{DataType, Pixels, RasterSource};
use minesegsat_scene::{BandRadiometry, MaskOptions, SclClass, is_assessable};

/// Maximum number of rasters kept open at once over all scenes. Each holds an open file.
const OPEN_RASTERS: usize = 128;
/// Maximum offset in pixels between two grids that count as aligned.
const ALIGNED_PX: f64 = 1e-3;
/// Nodata value of the scene classification.
const NO_CLASS: u8 = 0;
/// Class of the pixels of a scene without a classification: ground, as if the scene were mapped by itself.
const UNKNOWN_CLASS: u8 = SclClass::Unclassified.value();
/// In [`Merged::owners`]: no scene has data.
const NO_SCENE: u32 = u32::MAX;

/// A layer of a patch; each layer is one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    Band(Band),
    Classification,
}

impl Layer {
    /// `B02`, or `SCL` for the classification.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Band(band) => band.id(),
            Self::Classification => "SCL",
        }
    }
}

/// Pixel lattice of a layer, shared by all scenes of a CRS.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Lattice {
    /// x of a left pixel edge and y of an upper pixel edge, modulo the pixel size.
    phase: (f64, f64),
    /// Pixel size in metres.
    pixel: f64,
    data_type: DataType,
}

impl Lattice {
    fn from_grid(grid: &Grid, data_type: DataType) -> Self {
        let t = &grid.transform;
        let pixel = t.pixel_width;
        Self { phase: (t.origin_x.rem_euclid(pixel), t.origin_y.rem_euclid(pixel)), pixel, data_type }
    }

    /// Offset in pixels between two lattices of the same pixel size.
    fn distance(&self, other: &Self) -> f64 {
        let apart = |a: f64, b: f64| {
            let shift = (a - b).rem_euclid(self.pixel) / self.pixel;
            shift.min(1.0 - shift)
        };
        apart(self.phase.0, other.phase.0).max(apart(self.phase.1, other.phase.1))
    }

    /// The grid of the pixels in a square, rounded to whole pixels.
    fn grid(&self, crs: &Crs, left: f64, top: f64, side: f64) -> Grid {
        let snap = |at: f64, phase: f64| ((at - phase) / self.pixel).round() * self.pixel + phase;
        let pixels = (side / self.pixel).round() as usize;
        Grid {
            crs: crs.clone(),
            transform: GeoTransform::north_up(snap(left, self.phase.0), snap(top, self.phase.1), self.pixel),
            width: pixels,
            height: pixels,
        }
    }
}

/// A cell of the fixed patch grid of a CRS; coordinates in metres.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchCell {
    /// Id: EPSG code and upper left corner, `32610_545280_5498880`.
    pub id: String,
    /// x of the western edge in metres.
    pub left: f64,
    /// y of the northern edge in metres.
    pub top: f64,
    /// Width and height in metres.
    pub side: f64,
}

impl PatchCell {
    /// Bounds: min x, min y, max x, max y.
    pub fn bounds(&self) -> [f64; 4] {
        [self.left, self.top - self.side, self.left + self.side, self.top]
    }
}

/// One layer of a patch, merged.
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) grid: Grid,
    pub(crate) pixels: Pixels,
    /// Number of pixels from each scene, by the scene's index in the mosaic.
    pub(crate) from: BTreeMap<usize, usize>,
    /// The scene of each pixel, by its index in the mosaic, or [`NO_SCENE`]. Empty if all pixels are from one scene or none.
    owners: Vec<u32>,
    /// Number of digital numbers that were clamped when converted to another offset.
    pub(crate) clamped: usize,
}

impl Merged {
    /// Share of pixels with data, 0 to 1.
    pub(crate) fn data_share(&self) -> f64 {
        self.from.values().sum::<usize>() as f64 / self.pixels.len().max(1) as f64
    }

    /// The scene of a pixel, by its index in the mosaic.
    fn owner(&self, at: usize) -> Option<usize> {
        match self.owners.get(at) {
            Some(&NO_SCENE) => None,
            Some(&owner) => Some(owner as usize),
            None => self.from.keys().next().copied(),
        }
    }
}

/// An open raster, by scene index and layer.
type OpenRaster = ((usize, Layer), Arc<dyn RasterSource>);

/// Scenes of one CRS in order of preference.
pub(crate) struct Mosaic {
    pub(crate) crs: Crs,
    pub(crate) scenes: Vec<Arc<SourceScene>>,
    lattices: BTreeMap<Layer, Lattice>,
    /// Origin of the fixed patch grid in metres.
    anchor: (f64, f64),
    patch_m: f64,
    /// Use cloudy pixels only where no scene is clear.
    fill_clouds: bool,
    /// Open rasters, least recently used first.
    open: Mutex<Vec<OpenRaster>>,
}

impl Mosaic {
    /// Creates a mosaic; returns an error if the scenes' grids do not fit together. `patch_size` is in pixels of the
    /// finest band.
    pub(crate) fn new(
        scenes: Vec<Arc<SourceScene>>,
        bands: &[Band],
        patch_size: usize,
        fill_clouds: bool,
    ) -> Result<Self> {
        let first = Arc::clone(scenes.first().expect("a mosaic has scenes"));
        let crs = first.crs.clone();
        crs.require_metres()?;
        let mut lattices: BTreeMap<Layer, Lattice> = BTreeMap::new();
        let layers = bands.iter().map(|&band| Layer::Band(band)).chain([Layer::Classification]);
        for layer in layers {
            for scene in &scenes {
                let Some(found) = scene.layer(layer) else { continue };
                let lattice = Lattice::from_grid(&found.grid, found.data_type);
                let expected = *lattices.entry(layer).or_insert(lattice);
                let name = layer.name();
                let against = || format!("{name} of {}", first.name);
                let refuse = |reason: String| Err(Error::scene(&scene.location, reason));
                if lattice.pixel != expected.pixel {
                    return refuse(format!(
                        "its {name} has pixels of {} m, but {} of {} m; build a data set of each",
                        lattice.pixel,
                        against(),
                        expected.pixel
                    ));
                }
                if lattice.distance(&expected) > ALIGNED_PX {
                    return refuse(format!(
                        "the grid of its {name} is shifted by {:.3} pixels against {}; build a data set of each",
                        lattice.distance(&expected),
                        against()
                    ));
                }
                if layer != Layer::Classification && lattice.data_type != expected.data_type {
                    return refuse(format!(
                        "its {name} is {:?}, but {} is {:?}; build a data set of each",
                        lattice.data_type,
                        against(),
                        expected.data_type
                    ));
                }
            }
        }
        let is_band = |layer: &Layer| matches!(layer, Layer::Band(_));
        let of_bands = || lattices.iter().filter(|(layer, _)| is_band(layer)).map(|(_, lattice)| *lattice);
        let finest = of_bands().map(|l| l.pixel).fold(f64::INFINITY, f64::min);
        let coarsest = of_bands().max_by(|a, b| a.pixel.total_cmp(&b.pixel)).expect("there are bands");
        let patch_m = finest * patch_size as f64;
        for lattice in of_bands() {
            let pixels = patch_m / lattice.pixel;
            if (pixels - pixels.round()).abs() > 1e-9 {
                return Err(Error::Argument {
                    name: "patch size",
                    value: patch_size.to_string(),
                    accepted: format!(
                        "a multiple of {}, so that bands of {} m have whole pixels too",
                        (coarsest.pixel / finest).round(),
                        coarsest.pixel
                    ),
                });
            }
        }
        Ok(Self { crs, scenes, lattices, anchor: coarsest.phase, patch_m, fill_clouds, open: Mutex::new(Vec::new()) })
    }

    /// Side length of a patch in metres.
    pub(crate) fn patch_m(&self) -> f64 {
        self.patch_m
    }

    /// The layers of every patch.
    pub(crate) fn layers(&self) -> impl Iterator<Item = Layer> {
        self.lattices.keys().copied()
    }

    /// The cells of the fixed grid that overlap `bounds`, from north to south and from west to east.
    pub(crate) fn cells(&self, bounds: [f64; 4]) -> Vec<PatchCell> {
        let index = |v: f64, anchor: f64| (v - anchor) / self.patch_m;
        let (c0, c1) = (index(bounds[0], self.anchor.0).floor() as i64, index(bounds[2], self.anchor.0).ceil() as i64);
        let (r0, r1) = (index(bounds[3], self.anchor.1).ceil() as i64, index(bounds[1], self.anchor.1).floor() as i64);
        let mut cells = Vec::new();
        for row in (r1 + 1..=r0).rev() {
            cells.extend((c0..c1).map(|col| self.cell(col, row)));
        }
        cells
    }

    /// The cell whose upper left corner is `col` patches east and `row` patches north of the anchor.
    fn cell(&self, col: i64, row: i64) -> PatchCell {
        let (left, top) = (self.anchor.0 + col as f64 * self.patch_m, self.anchor.1 + row as f64 * self.patch_m);
        PatchCell { id: format!("{}_{left:.0}_{top:.0}", self.crs.epsg()), left, top, side: self.patch_m }
    }

    /// The grid of a layer of a patch.
    pub(crate) fn grid(&self, cell: &PatchCell, layer: Layer) -> Option<Grid> {
        Some(self.lattices.get(&layer)?.grid(&self.crs, cell.left, cell.top, cell.side))
    }

    /// The grid of the finest band and the mask.
    pub(crate) fn finest_grid(&self, cell: &PatchCell) -> Grid {
        let finest = self
            .lattices
            .iter()
            .filter(|(layer, _)| matches!(layer, Layer::Band(_)))
            .min_by(|a, b| a.1.pixel.total_cmp(&b.1.pixel))
            .map(|(_, lattice)| lattice.grid(&self.crs, cell.left, cell.top, cell.side));
        finest.expect("there are bands")
    }

    /// Indices of the scenes that may have pixels in a cell, in order of preference.
    pub(crate) fn scenes_of(&self, cell: &PatchCell) -> Vec<usize> {
        let [left, bottom, right, top] = cell.bounds();
        let overlaps = |b: [f64; 4]| b[0] < right && b[2] > left && b[1] < top && b[3] > bottom;
        (0..self.scenes.len()).filter(|&i| overlaps(self.scenes[i].bounds)).collect()
    }

    /// Merges a band over a cell. Digital numbers with a different offset or scale are converted to those of `target`.
    pub(crate) fn read(
        &self,
        cell: &PatchCell,
        layer: Layer,
        scenes: &[usize],
        target: Option<BandRadiometry>,
    ) -> Result<Option<Merged>> {
        let Some(grid) = self.grid(cell, layer) else { return Ok(None) };
        let data_type = self.lattices[&layer].data_type;
        let all = grid.width * grid.height;
        // Allocated only if a second scene or a nodata pixel makes it necessary.
        let (mut out, mut owners): (Vec<f32>, Vec<u32>) = (Vec::new(), Vec::new());
        let (mut from, mut clamped) = (BTreeMap::new(), 0);
        let mut missing = all;
        // With `fill_clouds`, the first pass takes clear pixels and the second takes all pixels.
        let passes: &[bool] = if self.fill_clouds { &[true, false] } else { &[false] };
        for &only_clear in passes {
            for &index in scenes {
                if missing == 0 {
                    break;
                }
                let Some(found) = self.scenes[index].layer(layer) else { continue };
                let Some((inside, window)) = overlap(&grid, &found.grid) else { continue };
                let source = self.raster(index, layer, found)?;
                let pixels = source.read(found.index, window)?;
                let is_whole = missing == all && inside == grid.full_window();
                if is_whole && has_radiometry(found, target) && !only_clear && !found.any_nodata(&pixels) {
                    from.insert(index, pixels.len());
                    return Ok(Some(Merged { grid, pixels, from, owners, clamped }));
                }
                let values = pixels.to_f32();
                out.resize(all, f32::NAN);
                owners.resize(all, NO_SCENE);
                let clear = if only_clear { self.clear(index, &grid, inside)? } else { None };
                let is_same = has_radiometry(found, target);
                let mut taken = 0;
                for row in 0..inside.height {
                    let start = (inside.row + row) * grid.width + inside.col;
                    let line = out[start..][..inside.width].iter_mut().zip(&mut owners[start..][..inside.width]);
                    for (col, (value, owner)) in line.enumerate() {
                        let at = row * inside.width + col;
                        if !value.is_nan() || clear.as_ref().is_some_and(|clear| !clear[at]) {
                            continue;
                        }
                        let dn = values[at];
                        if found.is_nodata(dn) {
                            continue;
                        }
                        *value = match (target, found.radiometry) {
                            (Some(target), Some(own)) if !is_same => {
                                let (dn, was_clamped) = convert(dn, &own, &target, data_type);
                                clamped += usize::from(was_clamped);
                                dn
                            }
                            _ => dn,
                        };
                        *owner = index as u32;
                        taken += 1;
                    }
                }
                missing -= taken;
                if taken > 0 {
                    *from.entry(index).or_insert(0) += taken;
                }
            }
        }
        out.resize(all, f32::NAN);
        Ok(Some(Merged { pixels: typed(&out, data_type), grid, from, owners, clamped }))
    }

    /// Merges the classification over a cell. Each pixel has the class that the scene of `band`'s pixels there gives it, so a scene's clouds
    /// never hide another one's ground. Of several scenes within a pixel, one that hides the ground counts.
    pub(crate) fn read_classes(&self, cell: &PatchCell, band: &Merged) -> Result<Option<Merged>> {
        let Some(grid) = self.grid(cell, Layer::Classification) else { return Ok(None) };
        let mut classes: BTreeMap<usize, Option<Vec<u8>>> = BTreeMap::new();
        for &index in band.from.keys() {
            classes.insert(index, self.classes(index, &grid)?);
        }
        // The band's pixels below each column and row of classes.
        let below = |edges: [f64; 2], len: usize| {
            let start = (edges[0] + ALIGNED_PX).floor().clamp(0.0, (len - 1) as f64) as usize;
            start..((edges[1] - ALIGNED_PX).ceil().max(0.0) as usize).clamp(start + 1, len)
        };
        let edge = |col: usize, row: usize| {
            let (x, y) = grid.transform.to_map(col as f64, row as f64);
            band.grid.transform.to_pixel(x, y)
        };
        let cols: Vec<_> = (0..grid.width).map(|c| below([edge(c, 0).0, edge(c + 1, 0).0], band.grid.width)).collect();
        let mut out = Vec::with_capacity(grid.width * grid.height);
        for row in 0..grid.height {
            let rows = below([edge(0, row).1, edge(0, row + 1).1], band.grid.height);
            for (col, cols) in cols.iter().enumerate() {
                let owners = rows.clone().flat_map(|r| cols.clone().map(move |c| r * band.grid.width + c));
                let (mut picked, mut last) = (NO_CLASS, None);
                for owner in owners.filter_map(|at| band.owner(at)) {
                    if last == Some(owner) {
                        continue;
                    }
                    last = Some(owner);
                    let class = match &classes[&owner] {
                        Some(classes) => classes[row * grid.width + col],
                        None => UNKNOWN_CLASS,
                    };
                    if picked == NO_CLASS || (class != NO_CLASS && !is_assessable(class, MaskOptions::default())) {
                        picked = class;
                    }
                }
                out.push(f32::from(picked));
            }
        }
        let pixels = typed(&out, self.lattices[&Layer::Classification].data_type);
        Ok(Some(Merged { grid, pixels, from: BTreeMap::new(), owners: Vec::new(), clamped: 0 }))
    }

    /// The classes of a scene on a grid, `[H, W]`, [`NO_CLASS`] beyond the scene. `None` if the scene has no classification.
    fn classes(&self, index: usize, grid: &Grid) -> Result<Option<Vec<u8>>> {
        let Some(found) = self.scenes[index].layer(Layer::Classification) else { return Ok(None) };
        let mut classes = vec![NO_CLASS; grid.width * grid.height];
        let Some((inside, window)) = overlap(grid, &found.grid) else { return Ok(Some(classes)) };
        let pixels = self.raster(index, Layer::Classification, found)?.read(found.index, window)?;
        for row in 0..inside.height {
            let line = &mut classes[(inside.row + row) * grid.width + inside.col..][..inside.width];
            for (col, class) in line.iter_mut().enumerate() {
                *class = pixels.get(row * inside.width + col) as u8;
            }
        }
        Ok(Some(classes))
    }

    /// Clear pixels of a window of a grid by the scene classification; `None` if the scene has no classification.
    fn clear(&self, index: usize, grid: &Grid, inside: Window) -> Result<Option<Vec<bool>>> {
        let Some(found) = self.scenes[index].layer(Layer::Classification) else { return Ok(None) };
        let part = grid.window(&inside);
        let Some(window) = found.grid.window_of_bounds(part.bounds()) else { return Ok(None) };
        let classes = self.raster(index, Layer::Classification, found)?.read(found.index, window)?;
        let from = found.grid.window(&window);
        let mut clear = Vec::with_capacity(inside.len());
        for row in 0..inside.height {
            for col in 0..inside.width {
                let (x, y) = part.transform.to_map(col as f64 + 0.5, row as f64 + 0.5);
                let (c, r) = from.transform.to_pixel(x, y);
                let at = |v: f64, len: usize| (v.floor().max(0.0) as usize).min(len - 1);
                let class = classes.get(at(r, from.height) * from.width + at(c, from.width)) as u8;
                clear.push(class != NO_CLASS && is_assessable(class, MaskOptions::default()));
            }
        }
        Ok(Some(clear))
    }

    /// Opens a raster of a scene or takes it from the cache. Closes the least recently used rasters.
    fn raster(&self, index: usize, layer: Layer, found: &SourceBand) -> Result<Arc<dyn RasterSource>> {
        let key = (index, layer);
        {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = open.iter().position(|(k, _)| *k == key) {
                let entry = open.remove(at);
                let source = Arc::clone(&entry.1);
                open.push(entry);
                return Ok(source);
            }
        }
        let source = found.open()?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= OPEN_RASTERS {
            open.remove(0);
        }
        open.push((key, Arc::clone(&source)));
        Ok(source)
    }
}

/// The overlap of two grids as a window of each. Both must have the same lattice.
fn overlap(grid: &Grid, other: &Grid) -> Option<(Window, Window)> {
    let (col, row) = other.transform.to_pixel(grid.transform.origin_x, grid.transform.origin_y);
    let (col, row) = (col.round() as i64, row.round() as i64);
    let cut = |at: i64, len: usize, other_len: usize| {
        let (start, end) = (at.max(0), (at + len as i64).min(other_len as i64));
        (start < end).then(|| ((start - at) as usize, start as usize, (end - start) as usize))
    };
    let (inside_col, other_col, width) = cut(col, grid.width, other.width)?;
    let (inside_row, other_row, height) = cut(row, grid.height, other.height)?;
    Some((Window::new(inside_col, inside_row, width, height), Window::new(other_col, other_row, width, height)))
}

/// Whether a band already has the requested radiometry.
fn has_radiometry(found: &SourceBand, target: Option<BandRadiometry>) -> bool {
    match (target, found.radiometry) {
        (Some(target), Some(own)) => (target.scale, target.offset_dn) == (own.scale, own.offset_dn),
        _ => true,
    }
}

/// Converts a digital number to another radiometry and tells whether it was clamped. Integers stay above 0, which is
/// nodata.
fn convert(dn: f32, own: &BandRadiometry, target: &BandRadiometry, data_type: DataType) -> (f32, bool) {
    let value = (f64::from(dn) + own.offset_dn) * own.scale / target.scale - target.offset_dn;
    let limits = match data_type {
        DataType::U8 => (1.0, 255.0),
        DataType::U16 => (1.0, 65_535.0),
        DataType::I16 => (1.0, 32_767.0),
        DataType::F32 => return (value as f32, false),
    };
    let rounded = value.round_ties_even();
    let kept = rounded.clamp(limits.0, limits.1);
    (kept as f32, kept != rounded)
}

/// Pixels of a data type. Missing pixels are 0, or NaN in floating point.
fn typed(values: &[f32], data_type: DataType) -> Pixels {
    let or_zero = |v: f32| if v.is_nan() { 0.0 } else { v };
    match data_type {
        DataType::U8 => Pixels::U8(values.iter().map(|&v| or_zero(v) as u8).collect()),
        DataType::U16 => Pixels::U16(values.iter().map(|&v| or_zero(v) as u16).collect()),
        DataType::I16 => Pixels::I16(values.iter().map(|&v| or_zero(v) as i16).collect()),
        DataType::F32 => Pixels::F32(values.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lattices_are_told_apart_by_their_phase() {
        let crs = Crs::from_epsg(32610).unwrap();
        let grid = |x: f64| Grid {
            crs: crs.clone(),
            transform: GeoTransform::north_up(x, 5_500_020.0, 20.0),
            width: 4,
            height: 4,
        };
        let lattice = |x: f64| Lattice::from_grid(&grid(x), DataType::U16);
        assert_eq!(lattice(600_000.0).distance(&lattice(-40.0)), 0.0);
        assert!((lattice(600_000.0).distance(&lattice(600_015.0)) - 0.25).abs() < 1e-9);
        // The nearest pixels of a lattice that does not share the corner.
        let shifted = lattice(600_004.0).grid(&crs, 599_880.0, 5_500_080.0, 120.0);
        assert_eq!((shifted.transform.origin_x, shifted.width), (599_884.0, 6));
    }

    #[test]
    fn overlaps_are_windows_of_both() {
        let crs = Crs::from_epsg(32610).unwrap();
        let grid = |x: f64, y: f64, side: usize| Grid {
            crs: crs.clone(),
            transform: GeoTransform::north_up(x, y, 10.0),
            width: side,
            height: side,
        };
        let patch = grid(0.0, 100.0, 10);
        let found = overlap(&patch, &grid(50.0, 200.0, 12)).unwrap();
        assert_eq!(found, (Window::new(5, 0, 5, 2), Window::new(0, 10, 5, 2)));
        assert_eq!(overlap(&patch, &grid(100.0, 100.0, 10)), None);
    }

    #[test]
    fn offsets_are_exchanged_exactly_and_clamping_is_told() {
        let of = |offset_dn: f64| BandRadiometry { scale: 1e-4, offset_dn, nodata: None, zero_is_nodata: true };
        let convert = |dn, from, to| convert(dn, &of(from), &of(to), DataType::U16);
        assert_eq!(convert(1500.0, -1000.0, 0.0), (500.0, false));
        assert_eq!(convert(500.0, 0.0, -1000.0), (1500.0, false));
        assert_eq!(convert(900.0, -1000.0, 0.0), (1.0, true));
    }
}
