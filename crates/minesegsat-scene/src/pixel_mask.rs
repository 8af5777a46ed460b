//! A classification from the pixels, for scenes that bring none: cloud, cloud shadow, cirrus, snow and water.
//!
//! # Method
//! The spectral tests are those of Fmask for sensors without a thermal band, with fixed thresholds:
//! - Zhu & Woodcock (2012), "Object-based cloud and cloud shadow detection in Landsat imagery", Remote Sensing of
//!   Environment 118: equations 1 to 5, 15 and 20.
//! - Zhu, Wang & Woodcock (2015), "Improvement and expansion of the Fmask algorithm", Remote Sensing of
//!   Environment 159: Sentinel-2 without a thermal band, and cirrus by B10.
//!
//! Fmask adapts its last threshold to the scene. Here it is fixed, so that a pixel gets the same class in every window.
//!
//! Cloud is a pixel that passes the strict test with its neighbours, and what passes the weak test near it. One pixel
//! of margin is added. Cloud shadow follows the geometry of Fmask: clouds are moved away from the sun, by the height at
//! which they cover the largest share of dark land. Land is dark if B08 and B11 are below `SHADE` of the median of
//! the land around. If the date is unknown, dark land near a cloud is shadow. Water is never shadow.
//!
//! # What it needs
//! B02, B03, B04, B08 (or B8A) and B11. B12 and B10 are used if they are there. Without B11, cloud cannot be told from
//! bright ground. Then nothing is masked, and the scene says so in a warning.
//!
//! # Size and memory
//! The classes lie on a grid of twice the pixel size of the scene, normally 20 m. They are computed in blocks when they
//! are first read. Computed blocks are kept: three bytes per pixel of that grid, 90 MB for a whole tile.

mod geometry;
mod spectral;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

pub(crate) use self::geometry::SunDirection;
use self::spectral::{Reflectance, evidence};
use crate::{BandRadiometry, Radiometry, SceneBand, SceneMetadata, SclClass};
use minesegsat_core::{Band, Error, Grid, Result, Window};
use minesegsat_io::raster::RasterInfo;
use minesegsat_io::{DataType, Pixels, RasterSource};

/// What decides which pixels of a scene are cloud or cloud shadow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloudMask {
    /// The scene classification that came with the scene.
    Scl,
    /// The pixels; see the [module](self).
    Pixels,
    /// Nothing: cloud and shadow count as seen ground.
    None,
}

impl CloudMask {
    /// Names, as on the command line.
    pub const NAMES: [&str; 3] = ["scl", "pixels", "none"];
}

impl std::str::FromStr for CloudMask {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "scl" => Ok(Self::Scl),
            "pixels" => Ok(Self::Pixels),
            "none" => Ok(Self::None),
            _ => Err(Error::Argument { name: "cloud mask", value: name.to_owned(), accepted: Self::NAMES.join(", ") }),
        }
    }
}

impl fmt::Display for CloudMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Scl => "scl",
            Self::Pixels => "pixels",
            Self::None => "none",
        })
    }
}

/// The method and its source, for records.
pub const METHOD: &str =
    "spectral tests of Fmask with fixed thresholds (Zhu & Woodcock 2012; Zhu, Wang & Woodcock 2015)";

/// The bands that the tests need. B8A may replace B08.
pub(crate) const NEEDED: [Band; 5] = [Band::B02, Band::B03, Band::B04, Band::B08, Band::B11];
/// The bands that the tests use if they are there.
const USED: [Band; 7] = [Band::B02, Band::B03, Band::B04, Band::B08, Band::B11, Band::B12, Band::B10];

/// Side length of a block, in pixels of the mask.
const BLOCK: usize = 128;
/// A weak cloud pixel counts within this distance of a strict one, in pixels of the mask.
const NEAR: usize = 10;
/// Half the width of the square in which strict cloud pixels support each other.
const SUPPORT: usize = 2;
/// Share of that square that must be strict cloud. Single roofs have less.
const SUPPORTED: f32 = 0.3;
/// Land darker than this share of the median of the land around can be shadow.
pub(crate) const SHADE: f32 = 0.75;
/// Range of cloud heights for shadows, in metres above ground.
const HEIGHTS_M: (f64, f64) = (200.0, 3500.0);
/// Longest distance from a shadow to its cloud, in pixels of the mask (5 km). A low sun casts longer ones.
const FARTHEST: f64 = 250.0;
/// Without a date, dark land within this distance of a cloud is shadow, in pixels of the mask.
const SHADOW_NEAR: usize = 60;
/// Least share of the moved clouds on dark land that makes the match credible.
const MATCHED: f64 = 0.2;
/// Tolerance around the matched distance: clouds have several heights.
const TOLERANCE: f64 = 0.1;

// Bits of what one pixel shows.
/// Passes the strict cloud test.
pub(crate) const STRICT: u8 = 1;
/// Passes the weak cloud test.
pub(crate) const WEAK: u8 = 2;
/// Darker than the land around.
pub(crate) const DARK: u8 = 4;
/// Water.
pub(crate) const WATER: u8 = 8;
/// Snow or ice.
pub(crate) const SNOW: u8 = 16;
/// Cirrus by B10.
pub(crate) const CIRRUS: u8 = 32;
/// A needed band has no value.
pub(crate) const UNKNOWN: u8 = 64;
/// No needed band has a value.
pub(crate) const EMPTY: u8 = 128;

/// One band that the tests read.
#[derive(Debug, Clone)]
pub struct MaskBand {
    /// The band.
    pub band: Band,
    /// The raster that holds it.
    pub source: Arc<dyn RasterSource>,
    /// Its index in the raster, from 0.
    pub index: usize,
    /// Conversion of its digital numbers to reflectance.
    pub radiometry: BandRadiometry,
}

/// The bands among `found` that the tests use, in a fixed order; the missing ones as an error.
pub fn bands_of_mask(has: impl Fn(Band) -> bool) -> std::result::Result<Vec<Band>, Vec<Band>> {
    let stands_for = |band: Band| if band == Band::B08 && !has(band) { Band::B8A } else { band };
    let missing: Vec<Band> = NEEDED.into_iter().filter(|&band| !has(stands_for(band))).collect();
    if missing.is_empty() {
        Ok(USED.map(stands_for).into_iter().filter(|&band| has(band)).collect())
    } else {
        Err(missing)
    }
}

/// What [`choose`] decides from.
pub(crate) struct Inputs<'a> {
    pub(crate) scene: &'a str,
    pub(crate) wanted: Option<CloudMask>,
    pub(crate) has_classification: bool,
    pub(crate) reference: &'a Grid,
    pub(crate) bands: &'a BTreeMap<Band, SceneBand>,
    pub(crate) radiometry: &'a Radiometry,
    pub(crate) metadata: &'a SceneMetadata,
}

/// Chooses the cloud mask of a scene. Returns a warning if nothing is masked.
pub(crate) fn choose(inputs: Inputs<'_>) -> Result<(CloudMask, Option<PixelMask>, Option<String>)> {
    let none = |reason: String| {
        let warning = format!("nothing was masked: {reason}; cloud and cloud shadow count as seen ground");
        Ok((CloudMask::None, None, Some(warning)))
    };
    match inputs.wanted {
        Some(CloudMask::None) => return none("the cloud mask is switched off".to_owned()),
        None | Some(CloudMask::Scl) if inputs.has_classification => return Ok((CloudMask::Scl, None, None)),
        Some(CloudMask::Scl) => {
            return Err(Error::scene(
                inputs.scene,
                "it has no scene classification (SCL) for the cloud mask `scl`; accepted are pixels and none",
            ));
        }
        None | Some(CloudMask::Pixels) => {}
    }
    // A substitute is another band's reflectance, and the tests would take it for this one's.
    let own = |band: Band| inputs.bands.get(&band).filter(|found| found.stand_in.is_none());
    let names = match bands_of_mask(|band| own(band).is_some()) {
        Ok(names) => names,
        Err(missing) => {
            let missing = Band::list(&missing);
            let what = "to tell cloud from ground";
            if inputs.wanted.is_some() {
                let reason = format!("it lacks {missing}, which the cloud mask `pixels` needs {what}");
                return Err(Error::scene(inputs.scene, reason));
            }
            return none(format!("the scene has no classification, and lacks {missing} {what}"));
        }
    };
    let bands = names.into_iter().filter_map(|band| {
        let found = own(band)?;
        let radiometry = inputs.radiometry.bands.get(&band).copied()?;
        Some(MaskBand { band, source: Arc::clone(&found.source), index: found.index, radiometry })
    });
    let (time, date) = (inputs.metadata.datetime, inputs.metadata.date);
    let sun = date.and_then(|date| SunDirection::new(inputs.reference, time, date).ok().flatten());
    let mask = PixelMask::new(inputs.scene, inputs.reference, bands.collect(), sun);
    Ok((CloudMask::Pixels, Some(mask), None))
}

/// Position of a block: row and column of blocks.
type Place = (usize, usize);
/// Computed blocks, each `[BLOCK, BLOCK]` or smaller at the edge.
type Blocks = Mutex<HashMap<Place, Arc<Vec<u8>>>>;

/// The grid of a mask and the direction to the sun: everything but the bands.
#[derive(Debug, Clone)]
pub struct MaskPlan {
    info: RasterInfo,
    sun: Option<SunDirection>,
}

/// The classes of a scene by its pixels, as a raster of [`SclClass`] values.
#[derive(Debug)]
pub struct PixelMask {
    plan: MaskPlan,
    bands: Vec<MaskBand>,
    /// Bits of each pixel by itself.
    evidence: Blocks,
    /// 1 where cloud is, after comparison with the neighbours.
    clouds: Blocks,
    /// The classes.
    classes: Blocks,
}

impl PixelMask {
    /// A mask for the scene grid `reference`, from bands in the order of [`bands_of_mask`]. `sun` is the direction to
    /// the sun if the date is known.
    pub(crate) fn new(location: &str, reference: &Grid, bands: Vec<MaskBand>, sun: Option<SunDirection>) -> Self {
        let mut grid = reference.clone();
        grid.transform.pixel_width *= 2.0;
        grid.transform.pixel_height *= 2.0;
        grid.width = reference.width.div_ceil(2);
        grid.height = reference.height.div_ceil(2);
        let info = RasterInfo {
            location: location.to_owned(),
            grid,
            data_type: DataType::U8,
            nodata: Some(0.0),
            band_names: vec![Some("SCL".to_owned())],
            scale_offset: vec![None],
            block_size: (BLOCK, BLOCK),
            mask: None,
        };
        Self::with_plan(&MaskPlan { info, sun }, bands)
    }

    /// A mask by the plan of another one, from bands that were opened again.
    pub fn with_plan(plan: &MaskPlan, bands: Vec<MaskBand>) -> Self {
        let empty = || Mutex::new(HashMap::new());
        Self { plan: plan.clone(), bands, evidence: empty(), clouds: empty(), classes: empty() }
    }

    /// Everything but the bands.
    pub fn plan(&self) -> MaskPlan {
        self.plan.clone()
    }

    /// The bands that the tests read.
    pub fn bands(&self) -> impl Iterator<Item = &MaskBand> {
        self.bands.iter()
    }

    fn size(&self) -> (usize, usize) {
        (self.plan.info.grid.width, self.plan.info.grid.height)
    }

    /// The window of a block.
    fn window_of(&self, (row, col): Place) -> Window {
        let (width, height) = self.size();
        let (x, y) = (col * BLOCK, row * BLOCK);
        Window::new(x, y, BLOCK.min(width - x), BLOCK.min(height - y))
    }

    /// A block from the store, or computed and stored. Two threads may compute the same block; both get equal bytes.
    fn cached(store: &Blocks, place: Place, compute: impl FnOnce() -> Result<Vec<u8>>) -> Result<Arc<Vec<u8>>> {
        let locked = || store.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = locked().get(&place) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(compute()?);
        locked().insert(place, Arc::clone(&made));
        Ok(made)
    }

    /// Pixels of any window of one stage, from its blocks.
    fn gather(&self, window: Window, block: impl Fn(Place) -> Result<Arc<Vec<u8>>>) -> Result<Vec<u8>> {
        let mut out = vec![0; window.len()];
        for row in window.row / BLOCK..window.row_end().div_ceil(BLOCK) {
            for col in window.col / BLOCK..window.col_end().div_ceil(BLOCK) {
                let from = self.window_of((row, col));
                let Some(part) = from.intersection(&window) else { continue };
                let values = block((row, col))?;
                for r in part.row..part.row_end() {
                    let source = (r - from.row) * from.width + part.col - from.col;
                    let target = (r - window.row) * window.width + part.col - window.col;
                    out[target..target + part.width].copy_from_slice(&values[source..source + part.width]);
                }
            }
        }
        Ok(out)
    }

    /// The window `margin` pixels around another one, inside the raster.
    fn around(&self, window: Window, margin: usize) -> Window {
        let (width, height) = self.size();
        let (col, row) = (window.col.saturating_sub(margin), window.row.saturating_sub(margin));
        let (right, bottom) = ((window.col_end() + margin).min(width), (window.row_end() + margin).min(height));
        Window::new(col, row, right - col, bottom - row)
    }

    fn evidence(&self, place: Place) -> Result<Arc<Vec<u8>>> {
        Self::cached(&self.evidence, place, || {
            let grid = self.plan.info.grid.window(&self.window_of(place));
            let mut bands = Vec::with_capacity(self.bands.len());
            for band in &self.bands {
                bands.push((band.band, means(band, &grid)?));
            }
            Ok(evidence(&Reflectance::new(&bands), grid.width * grid.height))
        })
    }

    fn clouds(&self, place: Place) -> Result<Arc<Vec<u8>>> {
        Self::cached(&self.clouds, place, || {
            let window = self.window_of(place);
            let wide = self.around(window, NEAR + SUPPORT);
            let bits = self.gather(wide, |place| self.evidence(place))?;
            if bits.iter().all(|bits| bits & STRICT == 0) {
                return Ok(vec![0; window.len()]);
            }
            let strict: Vec<u8> = bits.iter().map(|bits| bits & STRICT).collect();
            let support = box_sums(&strict, wide.width, SUPPORT);
            let full = (2 * SUPPORT + 1).pow(2) as f32;
            let cores: Vec<u8> =
                strict.iter().zip(&support).map(|(&s, &n)| u8::from(s > 0 && n as f32 >= SUPPORTED * full)).collect();
            let near = box_sums(&cores, wide.width, NEAR);
            let cloud: Vec<u8> = (0..bits.len())
                .map(|i| u8::from(cores[i] > 0 || (bits[i] & (WEAK | STRICT) != 0 && near[i] > 0)))
                .collect();
            Ok(cut(&cloud, wide, window))
        })
    }

    fn classes(&self, place: Place) -> Result<Arc<Vec<u8>>> {
        Self::cached(&self.classes, place, || {
            let window = self.window_of(place);
            let shadow = self.shadow(place)?;
            let wide = self.around(window, 1);
            let clouds = self.gather(wide, |place| self.clouds(place))?;
            let margin = cut(&grown(&clouds, wide), wide, window);
            let cores = cut(&clouds, wide, window);
            let bits = self.evidence(place)?;
            let class = |i: usize| {
                let bits = bits[i];
                match () {
                    () if bits & EMPTY != 0 => SclClass::NoData,
                    () if cores[i] > 0 && bits & STRICT != 0 => SclClass::CloudHighProbability,
                    () if margin[i] > 0 => SclClass::CloudMediumProbability,
                    () if bits & CIRRUS != 0 => SclClass::ThinCirrus,
                    () if bits & UNKNOWN != 0 => SclClass::Unclassified,
                    () if bits & SNOW != 0 => SclClass::SnowOrIce,
                    () if bits & WATER != 0 => SclClass::Water,
                    () if shadow[i] > 0 => SclClass::CloudShadow,
                    () => SclClass::Unclassified,
                }
            };
            Ok((0..window.len()).map(|i| class(i).value()).collect())
        })
    }

    /// 1 where the shadow of a cloud lies, in the window of a block.
    fn shadow(&self, place: Place) -> Result<Vec<u8>> {
        let window = self.window_of(place);
        // Shadows are cleaned by their neighbours and get one pixel of margin.
        let wide = self.around(window, 2);
        let bits = self.gather(wide, |place| self.evidence(place))?;
        let none = || Ok(vec![0; window.len()]);
        if bits.iter().all(|bits| bits & DARK == 0) {
            return none();
        }
        let Some(sun) = &self.plan.sun else {
            let wider = self.around(wide, SHADOW_NEAR);
            let clouds = self.gather(wider, |place| self.clouds(place))?;
            let near = cut(&box_sums(&clouds, wider.width, SHADOW_NEAR), wider, wide);
            let dark = (0..wide.len()).map(|i| u8::from(bits[i] & DARK != 0 && near[i] > 0)).collect();
            return Ok(cut(&cleaned(dark, wide), wide, window));
        };
        let (lowest, highest) = sun.distances(HEIGHTS_M);
        let highest = highest.min(FARTHEST);
        let region = self.around(wide, highest.ceil() as usize + 2);
        let clouds = self.gather(region, |place| self.clouds(place))?;
        if clouds.iter().all(|&cloud| cloud == 0) || lowest >= highest {
            return none();
        }
        let around = self.gather(region, |place| self.evidence(place))?;
        let Some((distance, turn)) = matched(&clouds, &around, region, sun, (lowest, highest)) else { return none() };
        let toward = sun.toward(turn);
        let cloud_at = |x: f64, y: f64| {
            let (x, y) = (x.round(), y.round());
            let inside = x >= region.col as f64
                && y >= region.row as f64
                && x < region.col_end() as f64
                && y < region.row_end() as f64;
            inside && clouds[(y as usize - region.row) * region.width + x as usize - region.col] > 0
        };
        let first = (distance * (1.0 - TOLERANCE)).max(lowest).floor() as usize;
        let last = (distance * (1.0 + TOLERANCE)).ceil() as usize + 1;
        let shaded = |i: usize| {
            let (x, y) = ((wide.col + i % wide.width) as f64, (wide.row + i / wide.width) as f64);
            (first..=last).any(|d| {
                let (x, y) = (x + d as f64 * toward.0, y + d as f64 * toward.1);
                [(0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)]
                    .into_iter()
                    .any(|(dx, dy)| cloud_at(x + dx, y + dy))
            })
        };
        let dark = (0..wide.len()).map(|i| u8::from(bits[i] & DARK != 0 && shaded(i))).collect();
        Ok(cut(&cleaned(dark, wide), wide, window))
    }
}

impl RasterSource for PixelMask {
    fn info(&self) -> &RasterInfo {
        &self.plan.info
    }

    fn read(&self, _band: usize, window: Window) -> Result<Pixels> {
        Ok(Pixels::U8(self.gather(window, |place| self.classes(place))?))
    }
}

/// Distance in pixels and turn in degrees of the shadows that fit dark land best; `None` if none fits.
///
/// The turn allows for a time that is not known exactly: product names have the start of the pass, up to a quarter of
/// an hour before the tile.
fn matched(
    clouds: &[u8],
    bits: &[u8],
    region: Window,
    sun: &SunDirection,
    (lowest, highest): (f64, f64),
) -> Option<(f64, f64)> {
    const STEP: usize = 3;
    let mut places = Vec::new();
    for row in (0..region.height).step_by(STEP) {
        for col in (0..region.width).step_by(STEP) {
            if clouds[row * region.width + col] > 0 {
                places.push((col as f64, row as f64));
            }
        }
    }
    let mut best = None;
    let mut best_share = MATCHED;
    for turn in [0.0, 3.0, -3.0, 6.0, -6.0, 9.0] {
        let toward = sun.toward(turn);
        let mut distance = lowest;
        while distance <= highest {
            let (mut seen, mut dark) = (0_usize, 0_usize);
            for (x, y) in &places {
                let (x, y) = ((x - distance * toward.0).round(), (y - distance * toward.1).round());
                if x < 0.0 || y < 0.0 || x >= region.width as f64 || y >= region.height as f64 {
                    continue;
                }
                let at = y as usize * region.width + x as usize;
                if clouds[at] == 0 && bits[at] & (WATER | SNOW | EMPTY | UNKNOWN) == 0 {
                    seen += 1;
                    dark += usize::from(bits[at] & DARK != 0);
                }
            }
            let share = dark as f64 / seen.max(1) as f64;
            if seen >= 10 && share > best_share {
                best_share = share;
                best = Some((distance, turn));
            }
            distance += 2.0;
        }
    }
    best
}

/// Mean reflectance of a band in each pixel of a coarser grid; NaN if it has no value.
fn means(band: &MaskBand, grid: &Grid) -> Result<Vec<f32>> {
    let native = &band.source.info().grid;
    let mut out = vec![f32::NAN; grid.width * grid.height];
    let Some(window) = native.window_of_bounds(grid.bounds()) else { return Ok(out) };
    let numbers = band.source.read(band.index, window)?.to_f32();
    let part = native.window(&window).transform;
    // Four points a pixel: each of the four finer pixels, or one coarser pixel four times.
    let axis = |len: usize, native_len: usize, at: &dyn Fn(f64) -> f64| -> Vec<Option<usize>> {
        let index = |k: usize| {
            let position = at(f64::midpoint(k as f64, 0.5));
            // Grids that are cut to whole pixels of each band may differ by up to one coarse pixel at the edge.
            (position > -1.0 && position < native_len as f64 + 1.0)
                .then(|| (position.max(0.0) as usize).min(native_len - 1))
        };
        (0..2 * len).map(index).collect()
    };
    let columns = axis(grid.width, window.width, &|at| part.to_pixel(grid.transform.to_map(at, 0.0).0, 0.0).0);
    let rows = axis(grid.height, window.height, &|at| part.to_pixel(0.0, grid.transform.to_map(0.0, at).1).1);
    for row in 0..grid.height {
        for col in 0..grid.width {
            let (mut sum, mut count) = (0.0, 0.0);
            for r in rows[2 * row..2 * row + 2].iter().flatten() {
                for c in columns[2 * col..2 * col + 2].iter().flatten() {
                    let number = numbers[r * window.width + c];
                    if !band.radiometry.is_nodata(number) {
                        sum += band.radiometry.reflectance(number);
                        count += 1.0;
                    }
                }
            }
            if count > 0.0 {
                out[row * grid.width + col] = sum / count;
            }
        }
    }
    Ok(out)
}

/// Sum of the values in the square of `2 reach + 1` pixels around each pixel.
fn box_sums(values: &[u8], width: usize, reach: usize) -> Vec<u32> {
    let height = values.len() / width;
    let mut across = vec![0_u32; values.len()];
    for row in 0..height {
        let line = &values[row * width..][..width];
        let mut sum: u32 = line[..reach.min(width)].iter().map(|&v| u32::from(v)).sum();
        for col in 0..width {
            if col + reach < width {
                sum += u32::from(line[col + reach]);
            }
            if col > reach {
                sum -= u32::from(line[col - reach - 1]);
            }
            across[row * width + col] = sum;
        }
    }
    let mut out = vec![0; values.len()];
    let mut sums = vec![0_u32; width];
    for row in 0..reach.min(height) {
        sums.iter_mut().zip(&across[row * width..]).for_each(|(sum, v)| *sum += v);
    }
    for row in 0..height {
        if row + reach < height {
            sums.iter_mut().zip(&across[(row + reach) * width..]).for_each(|(sum, v)| *sum += v);
        }
        if row > reach {
            sums.iter_mut().zip(&across[(row - reach - 1) * width..]).for_each(|(sum, v)| *sum -= v);
        }
        out[row * width..][..width].copy_from_slice(&sums);
    }
    out
}

/// The pixels and their four neighbours.
fn grown(values: &[u8], window: Window) -> Vec<u8> {
    let (width, height) = (window.width, window.height);
    let at = |r: usize, c: usize| values[r * width + c];
    (0..values.len())
        .map(|i| {
            let (r, c) = (i / width, i % width);
            at(r, c)
                | (if r > 0 { at(r - 1, c) } else { 0 })
                | (if r + 1 < height { at(r + 1, c) } else { 0 })
                | (if c > 0 { at(r, c - 1) } else { 0 })
                | (if c + 1 < width { at(r, c + 1) } else { 0 })
        })
        .collect()
}

/// Drops pixels with less than five of the nine pixels around them, and adds one pixel of margin.
fn cleaned(values: Vec<u8>, window: Window) -> Vec<u8> {
    let sums = box_sums(&values, window.width, 1);
    let kept: Vec<u8> = values.iter().zip(&sums).map(|(&v, &n)| u8::from(v > 0 && n >= 5)).collect();
    box_sums(&kept, window.width, 1).into_iter().map(|n| u8::from(n > 0)).collect()
}

/// The part of a window's values that lies in a smaller window.
fn cut<T: Copy>(values: &[T], from: Window, to: Window) -> Vec<T> {
    let rows = to.row - from.row..to.row_end() - from.row;
    rows.flat_map(|row| values[row * from.width + to.col - from.col..][..to.width].iter().copied()).collect()
}

#[cfg(test)]
mod tests;
