//! Pixel evidence for the radiometric offset: the darkest percentiles of a few bands, from a bounded sample.
//!
//! # Undeclared nodata values
//! Missing pixels have the same value in every band, which lies apart from the values of the ground. A value is taken for them
//! if all sampled bands contain it, one of them in at least 0.5 % of the sample, and
//! - it is negative, and hardly any value lies between it and its half, or
//! - it is the smallest of integers, from 2 on, and hardly any value lies between it and its double, or
//! - it is above 20,000 or eight times the 99th percentile of the rest, and hardly any value lies between its half and it.
//!
//! So these are not taken: 1 (what ESA's processors write for darker pixels of baselines before 04.00), saturated clouds
//! (not saturated in SWIR, and with brightness up to the limit) and overshoot below 0 (it has no gap). No reflectance
//! is below -0.2 or above 10: single pixels beyond are missing too, sampled or not ([`minesegsat_io::MissingValues`]).
//!
//! # The rule
//! All values are first scaled to 10,000 per unit of reflectance. Fill values (0), stated nodata values, undeclared ones (see
//! below) and saturated pixels (65535, 32767) are ignored. The rule then uses at most 16 windows of 256 x 256 pixels per band:
//!
//! - **Absent** (proof). If 1000 had been added, a value below 700 would be a reflectance below -0.03. Atmospheric
//!   correction overshoots over water and shadow, but not that far over 1 % of all pixels of two bands, or 5 % of one.
//!   So the offset is absent if the 1st percentile is below `DARK` in two bands, or the 5th in one.
//!   Blue (B02) counts only in surface reflectance, coastal (B01) never. Rayleigh scattering makes them bright in
//!   top-of-atmosphere products, and in surface products they have the largest overshoot.
//! - **Present** (strong hint). Every sample of some size has dark targets: water, shadow, dense vegetation in the red.
//!   If no value lies below 850 in any band and the floor (0.1th percentile) is 850 to 1350 in two bands, one of
//!   them beyond 0.8 um, then the floor is the added 1000. At top of atmosphere the cirrus band alone is enough: its
//!   floor is 0 to 0.005 without the offset, so 850 to 1200 can only be the offset.
//! - **Unclear** otherwise: clouds, snow, bright desert, or a sample that is too small.
//!
//! Sources: the offset of -1000 for all bands and the clamping to 1 before it are ESA's (Sentinel-2 Products
//! Specification, and the announcement of processing baseline 04.00). The thresholds were set on measured floors of
//! scenes without offset: 1st percentiles at top of atmosphere of B12 29 to 323, B11 47 to 779, B04 307 to 657 (cloudy
//! and snowy dates apart), at the surface of B12 67 to 228, B04 86 to 272.

use std::sync::Arc;

use serde::Serialize;

use super::names::ProductLevel;
use minesegsat_core::{Band, Result, Window};
use minesegsat_io::{Pixels, RasterSource};

/// With 1000 added, a value below this (on the scale of 10,000) is a reflectance below -0.03.
pub(crate) const DARK: f32 = 700.0;
/// With 1000 added, no value lies below this (reflectance -0.015). Overshoot down to here is usual.
const FLOOR_LOW: f32 = 850.0;
/// With 1000 added, the darkest targets of a scene lie below this (reflectance 0.035).
const FLOOR_HIGH: f32 = 1350.0;
/// The same limit for the cirrus band at top of atmosphere, which hardly sees the ground.
const CIRRUS_FLOOR_HIGH: f32 = 1200.0;
/// Minimum number of pixels for a missing dark target to be significant: about the area of a village at 10 m.
const MIN_PIXELS_PRESENT: usize = 20_000;
/// Minimum number of pixels for the 1st percentile to be significant.
const MIN_PIXELS_ABSENT: usize = 200;
/// Maximum number of sampled bands.
const MAX_BANDS: usize = 4;
/// Maximum side of a sampled window, in pixels.
const WINDOW: usize = 256;
/// Columns and rows of the lattice at whose nodes the windows lie.
const LATTICE: usize = 4;
/// Windows read between two checks of whether the result is clear.
const ROUND: usize = 4;
/// Order of the nodes. Each round of four is spread over the raster.
const ORDER: [usize; LATTICE * LATTICE] = [5, 3, 12, 10, 0, 6, 9, 15, 2, 4, 11, 13, 1, 7, 8, 14];

/// The pixel evidence for the offset of 1000; see the [rule](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PixelVerdict {
    /// The numbers contain no offset: many values lie where reflectance would be negative.
    Absent,
    /// The numbers very likely contain the offset: the darkest values are near 1000.
    Present,
    /// The pixels give no clear evidence.
    Unclear,
}

/// Darkest values of a band in the sample, on the scale of 10,000 per unit of reflectance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BandFloor {
    /// The band.
    pub band: Band,
    /// Valid pixels in the sample.
    pub pixels: usize,
    /// 0.1th percentile.
    pub p0_1: f32,
    /// 1st percentile.
    pub p1: f32,
    /// 5th percentile.
    pub p5: f32,
    /// Median.
    pub p50: f32,
    /// 99th percentile.
    pub p99: f32,
}

/// A candidate raster for the sample.
#[derive(Debug, Clone)]
pub(crate) struct Sampled {
    pub(crate) band: Band,
    pub(crate) source: Arc<dyn RasterSource>,
    pub(crate) index: usize,
    pub(crate) nodata: Option<f64>,
}

/// Bands with the strongest evidence, best first: SWIR (dark over water and shadow), red (dark over vegetation),
/// cirrus (nearly black).
fn preference(level: Option<ProductLevel>) -> &'static [Band] {
    use Band::{B02, B03, B04, B05, B08, B8A, B10, B11, B12};
    match level {
        Some(ProductLevel::L1C) => &[B10, B12, B11, B04, B8A, B05, B08, B03, Band::B09],
        Some(ProductLevel::L2A) => &[B12, B04, B11, B05, B8A, B08, B03, B02],
        None => &[B12, B04, B11, B05, B8A, B08, B03],
    }
}

/// Chooses the few rasters to sample, best first.
pub(crate) fn choose(mut rasters: Vec<Sampled>, level: Option<ProductLevel>) -> Vec<Sampled> {
    let rank = |band: Band| preference(level).iter().position(|&b| b == band);
    rasters.retain(|r| rank(r.band).is_some());
    rasters.sort_by_key(|r| rank(r.band));
    rasters.truncate(MAX_BANDS);
    rasters
}

/// Sampled values per raster, unscaled.
pub(crate) struct Sample {
    /// Finite values other than 0 and the stated nodata value.
    values: Vec<(Band, Vec<f32>)>,
    /// Values that stand for missing pixels although the files do not declare them.
    pub(crate) missing: Vec<f32>,
}

impl Sample {
    /// Reads up to `rounds` (at most 4) times 4 windows of each raster. Stops as soon as `done` returns true. Values that
    /// stand for missing pixels are `given`, or found in the sample.
    pub(crate) fn read(
        rasters: &[Sampled],
        rounds: usize,
        given: Option<&[f64]>,
        mut done: impl FnMut(&Self) -> bool,
    ) -> Result<Self> {
        let values = rasters.iter().map(|r| (r.band, Vec::new())).collect();
        let mut sample = Self { values, missing: Vec::new() };
        let plans: Vec<Vec<Window>> = rasters.iter().map(|r| windows(r.source.as_ref())).collect();
        for round in 0..rounds.min(ORDER.len() / ROUND) {
            let jobs: Vec<(usize, Window)> = plans
                .iter()
                .enumerate()
                .flat_map(|(i, plan)| plan.iter().skip(round * ROUND).take(ROUND).map(move |&w| (i, w)))
                .collect();
            if jobs.is_empty() {
                break;
            }
            // Reading may wait for a server: one thread per window of the round instead of the compute pool.
            let parts: Vec<Result<Pixels>> = std::thread::scope(|scope| {
                let threads: Vec<_> = jobs
                    .iter()
                    .map(|&(i, window)| scope.spawn(move || rasters[i].source.read(rasters[i].index, window)))
                    .collect();
                threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
            });
            for ((i, _), pixels) in jobs.into_iter().zip(parts) {
                let (pixels, nodata) = (pixels?, rasters[i].nodata);
                sample.values[i].1.extend((0..pixels.len()).filter_map(|at| valid(pixels.get(at), nodata)));
            }
            sample.missing = match given {
                Some(values) => values.iter().map(|&v| v as f32).collect(),
                None => undeclared(&sample.values),
            };
            if done(&sample) {
                break;
            }
        }
        Ok(sample)
    }

    /// Whether no sampled pixel has data.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.iter().all(|(_, values)| !values.iter().any(|&v| self.has_data(v)))
    }

    /// Whether a value is not one of the missing ones.
    fn has_data(&self, value: f32) -> bool {
        is_possible(value) && !self.missing.contains(&value)
    }

    /// The largest share of a value in the sample of a band, in percent.
    pub(crate) fn percent(&self, value: f32) -> f64 {
        self.values.iter().map(|(_, values)| percent(values, |v| v == value)).fold(0.0, f64::max)
    }

    /// The most frequent of the values that no reflectance can have, and the largest share of such values in a band, in
    /// percent. `None` if there are none.
    pub(crate) fn impossible(&self) -> Option<(f32, f64)> {
        let (percent, values) = self
            .values
            .iter()
            .map(|(_, values)| (percent(values, |v| !is_possible(v)), values))
            .max_by(|(a, _), (b, _)| a.total_cmp(b))?;
        let mut counts: std::collections::BTreeMap<u32, usize> = std::collections::BTreeMap::new();
        for value in values.iter().filter(|v| !is_possible(**v) && !self.missing.contains(v)) {
            *counts.entry(value.to_bits()).or_default() += 1;
        }
        let (bits, _) = counts.into_iter().max_by_key(|&(_, count)| count)?;
        Some((f32::from_bits(bits), percent))
    }

    /// Floors of the bands after scaling to 10,000 per unit of reflectance; `factor` is the scale times 10,000.
    pub(crate) fn floors(&self, factor: impl Fn(Band) -> f64) -> Vec<BandFloor> {
        let is_evidence = |v: &f32| self.has_data(*v) && *v != 65_535.0 && *v != 32_767.0;
        let floor = |(band, values): &(Band, Vec<f32>)| {
            floor(*band, values.iter().copied().filter(is_evidence).collect(), factor(*band) as f32)
        };
        self.values.iter().filter_map(floor).collect()
    }
}

impl BandFloor {
    /// The same percentiles in other units.
    pub(crate) fn times(&self, factor: f32) -> Self {
        Self {
            p0_1: self.p0_1 * factor,
            p1: self.p1 * factor,
            p5: self.p5 * factor,
            p50: self.p50 * factor,
            p99: self.p99 * factor,
            ..*self
        }
    }
}

/// Smallest value that can be a digital number or reflectance: -0.2 times 10,000.
const LOWEST_POSSIBLE: f32 = -2000.0;
/// Largest value that can be a digital number: 10 times 65,535, rounded up.
const HIGHEST_POSSIBLE: f32 = 1e6;
/// Minimum share of a value in one band to be taken for missing pixels, in percent.
const MIN_FILL_PERCENT: f64 = 0.5;
/// Minimum share of it in every other band, in percent. Bands of other resolutions are sampled in other windows.
const MIN_FILL_PERCENT_EACH: f64 = 0.1;
/// Share of the pixels with a value up to which other values may lie in the gap beside it: resampled edges.
const GAP_SHARE: f64 = 0.05;

/// Whether any product has this value for a reflectance, at any of the known scales.
fn is_possible(value: f32) -> bool {
    (LOWEST_POSSIBLE..=HIGHEST_POSSIBLE).contains(&value)
}

fn percent(values: &[f32], is: impl Fn(f32) -> bool) -> f64 {
    values.iter().filter(|v| is(**v)).count() as f64 / values.len().max(1) as f64 * 100.0
}

/// Values that stand for missing pixels although nobody declared them: the rule of the [module](self).
fn undeclared(values: &[(Band, Vec<f32>)]) -> Vec<f32> {
    let mut found = Vec::new();
    // A mosaic of two sources may have two such values.
    for _ in 0..3 {
        let rest = |v: &f32| is_possible(*v) && !found.contains(v);
        let extremes = values.iter().filter_map(|(_, values)| {
            let rest = || values.iter().copied().filter(rest);
            Some([rest().reduce(f32::min)?, rest().reduce(f32::max)?])
        });
        let mut candidates: Vec<f32> = extremes.flatten().collect();
        candidates.sort_unstable_by(f32::total_cmp);
        candidates.dedup();
        let shares = |value: f32| values.iter().map(move |(_, all)| percent(all, |v| v == value));
        candidates.retain(|&value| {
            shares(value).all(|share| share >= MIN_FILL_PERCENT_EACH)
                && shares(value).any(|share| share >= MIN_FILL_PERCENT)
                && values.iter().all(|(_, all)| lies_apart(value, all.iter().copied().filter(rest)))
        });
        if candidates.is_empty() {
            break;
        }
        found.extend(candidates);
    }
    found
}

/// Whether a value lies apart from the others as those of missing pixels do.
fn lies_apart(value: f32, values: impl Iterator<Item = f32>) -> bool {
    let (mut same, mut others) = (0_usize, Vec::new());
    for v in values {
        if v == value { same += 1 } else { others.push(v) }
    }
    let count = |is: &dyn Fn(f32) -> bool| others.iter().filter(|v| is(**v)).count();
    let few = |is: &dyn Fn(f32) -> bool| count(is) as f64 <= same as f64 * GAP_SHARE;
    if others.is_empty() {
        return false;
    }
    if value < 0.0 {
        return few(&|v| v < value / 2.0);
    }
    if count(&|v| v > value) > 0 {
        let is_integer = value.fract() == 0.0 && others.iter().take(1000).all(|v| v.fract() == 0.0);
        return is_integer && value >= 2.0 && few(&|v| v < value * 2.0);
    }
    let rank = (others.len() * 99 / 100).min(others.len() - 1);
    few(&|v| v > value / 2.0)
        && (value > 20_000.0 || value > 8.0 * *others.select_nth_unstable_by(rank, f32::total_cmp).1)
}

/// Whether the rasters have any valid pixel. Reads until it finds one; in the worst case it reads all of them. `missing` are
/// values of missing pixels that the files do not declare.
pub(crate) fn any_data(rasters: &[Sampled], missing: &[f32]) -> Result<bool> {
    const ROWS: usize = 512;
    for raster in rasters {
        let grid = &raster.source.info().grid;
        for row in (0..grid.height).step_by(ROWS) {
            let strip = Window::new(0, row, grid.width, ROWS.min(grid.height - row));
            let pixels = raster.source.read(raster.index, strip)?;
            let has_data = |v: f32| is_possible(v) && v != 65_535.0 && !missing.contains(&v);
            if (0..pixels.len()).any(|at| valid(pixels.get(at), raster.nodata).is_some_and(has_data)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn valid(value: f64, nodata: Option<f64>) -> Option<f32> {
    (value.is_finite() && value != 0.0 && Some(value) != nodata).then_some(value as f32)
}

fn floor(band: Band, mut sorted: Vec<f32>, factor: f32) -> Option<BandFloor> {
    if sorted.is_empty() {
        return None;
    }
    sorted.sort_unstable_by(f32::total_cmp);
    // Nearest rank: the value that at least q of the sample does not exceed.
    let at = |q: f64| sorted[((q * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len()) - 1] * factor;
    Some(BandFloor {
        band,
        pixels: sorted.len(),
        p0_1: at(0.001),
        p1: at(0.01),
        p5: at(0.05),
        p50: at(0.5),
        p99: at(0.99),
    })
}

/// Windows in reading order. If blocks are large enough, each window lies inside one block and costs one request.
/// Small rasters are read whole.
fn windows(source: &dyn RasterSource) -> Vec<Window> {
    let info = source.info();
    let (width, height) = (info.grid.width, info.grid.height);
    if width.max(height) <= LATTICE * WINDOW {
        return vec![info.grid.full_window()];
    }
    let mut out: Vec<Window> = Vec::with_capacity(ORDER.len());
    for node in ORDER {
        let span = |node: usize, size: usize, block: usize| {
            let centre = (2 * node + 1) * size / (2 * LATTICE);
            let (start, end) = if block >= WINDOW / 2 {
                (centre / block * block, ((centre / block + 1) * block).min(size))
            } else {
                (0, size)
            };
            let length = WINDOW.min(end - start);
            let from = centre.saturating_sub(length / 2).clamp(start, end - length);
            (from, length)
        };
        let (col, w) = span(node % LATTICE, width, info.block_size.0);
        let (row, h) = span(node / LATTICE, height, info.block_size.1);
        let window = Window::new(col, row, w, h);
        if !out.contains(&window) {
            out.push(window);
        }
    }
    out
}

/// The evidence of the floors; see the [rule](self).
pub(crate) fn verdict(floors: &[BandFloor], level: Option<ProductLevel>) -> PixelVerdict {
    let counts: Vec<&BandFloor> = floors
        .iter()
        .filter(|f| f.pixels >= MIN_PIXELS_ABSENT)
        .filter(|f| f.band != Band::B01 && (f.band != Band::B02 || level == Some(ProductLevel::L2A)))
        .collect();
    if counts.iter().filter(|f| f.p1 < DARK).count() >= 2 || counts.iter().any(|f| f.p5 < DARK) {
        return PixelVerdict::Absent;
    }
    if counts.iter().any(|f| f.p1 < FLOOR_LOW) {
        return PixelVerdict::Unclear;
    }
    let at = |f: &&&BandFloor, high: f32| {
        f.pixels >= MIN_PIXELS_PRESENT && (FLOOR_LOW..=high).contains(&if f.pixels < 100_000 { f.p1 } else { f.p0_1 })
    };
    let cirrus = level == Some(ProductLevel::L1C)
        && counts.iter().any(|f| f.band == Band::B10 && f.pixels >= MIN_PIXELS_ABSENT && f.p1 <= CIRRUS_FLOOR_HIGH);
    let standing: Vec<_> = counts.iter().filter(|f| at(f, FLOOR_HIGH)).collect();
    let beyond_red = standing.iter().any(|f| matches!(f.band, Band::B08 | Band::B8A | Band::B11 | Band::B12));
    if cirrus || (standing.len() >= 2 && beyond_red) { PixelVerdict::Present } else { PixelVerdict::Unclear }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band_floor(band: Band, p: [f32; 3], pixels: usize) -> BandFloor {
        BandFloor { band, pixels, p0_1: p[0], p1: p[1], p5: p[2], p50: p[2] * 2.0, p99: 5000.0 }
    }

    // 0.1th, 1st and 5th percentiles of the whole bands of the L1C scene 18SVG of 2016-01-12 (baseline 02.0x), by
    // numpy.percentile(band[band > 0], (0.1, 1, 5)).
    const WITHOUT: [(Band, [f32; 3]); 3] =
        [(Band::B12, [21.0, 29.0, 37.0]), (Band::B11, [39.0, 47.0, 56.0]), (Band::B04, [366.0, 407.0, 443.0])];

    fn shifted(by: f32, pixels: usize) -> Vec<BandFloor> {
        WITHOUT.iter().map(|&(band, p)| band_floor(band, p.map(|v| v + by), pixels)).collect()
    }

    #[test]
    fn a_winter_coast_is_told_with_and_without_the_offset() {
        assert_eq!(verdict(&shifted(0.0, 900_000), None), PixelVerdict::Absent);
        assert_eq!(verdict(&shifted(1000.0, 900_000), None), PixelVerdict::Present);
        assert_eq!(verdict(&shifted(1000.0, 900), None), PixelVerdict::Unclear, "too few pixels to miss dark targets");
        assert_eq!(verdict(&shifted(0.0, 900), None), PixelVerdict::Absent, "dark pixels are proof in small crops too");
    }

    #[test]
    fn bright_scenes_and_overshooting_corrections_are_unclear() {
        // Snow over fields (Slovenia, REFERENCE_SCENES.npy, date 0), no offset: 1st percentiles 1573, 2172, 1576.
        let snow = [(Band::B04, 1573.0), (Band::B11, 2172.0), (Band::B12, 1576.0)]
            .map(|(b, v)| band_floor(b, [v; 3], 900_000));
        assert_eq!(verdict(&snow, None), PixelVerdict::Unclear);
        // With the offset, shadows corrected down to reflectance -0.025 in one band.
        let overshoot = [band_floor(Band::B04, [690.0, 760.0, 1010.0], 900_000), shifted(1000.0, 900_000)[0]];
        assert_eq!(verdict(&overshoot, Some(ProductLevel::L2A)), PixelVerdict::Unclear);
        assert_eq!(verdict(&[], None), PixelVerdict::Unclear);
    }

    #[test]
    fn the_cirrus_band_alone_tells_at_top_of_atmosphere() {
        let clear = band_floor(Band::B10, [2.0, 3.0, 5.0], 100_000);
        assert_eq!(verdict(&[clear], Some(ProductLevel::L1C)), PixelVerdict::Absent);
        let shifted = band_floor(Band::B10, [1002.0, 1003.0, 1005.0], 100_000);
        assert_eq!(verdict(&[shifted], Some(ProductLevel::L1C)), PixelVerdict::Present);
    }

    #[test]
    fn percentiles_are_nearest_rank() {
        let values: Vec<f32> = (1..=1000).map(|v| v as f32).collect();
        let f = floor(Band::B04, values, 2.0).unwrap();
        assert_eq!((f.p0_1, f.p1, f.p50, f.p99), (2.0, 20.0, 1000.0, 1980.0));
    }

    /// A third of every band has `fill`, the rest the values of `ground`.
    fn filled(fill: f32, ground: &[std::ops::Range<u16>]) -> Vec<(Band, Vec<f32>)> {
        let bands = [Band::B12, Band::B04, Band::B11];
        let values = |range: &std::ops::Range<u16>| {
            let ground = range.clone().cycle().step_by(7).take(2000).map(f32::from);
            ground.chain([fill; 1000]).collect()
        };
        bands.into_iter().zip(ground.iter().map(values)).collect()
    }

    #[test]
    fn a_pile_of_one_value_apart_from_the_ground_is_undeclared_nodata() {
        let ground = [80..3000, 200..4000, 120..3500];
        for fill in [-1.0, -100.0, -1000.0, -1999.0, 32_767.0, 64_537.0, 65_535.0] {
            assert_eq!(undeclared(&filled(fill, &ground)), [fill]);
        }
        assert_eq!(undeclared(&filled(255.0, &[1100..3000, 1200..4000, 1150..3500])), [255.0]);
        let mut two = filled(-1000.0, &ground);
        for (_, values) in &mut two {
            values.extend([65_535.0; 500]);
        }
        assert_eq!(undeclared(&two), [-1000.0, 65_535.0]);
        // Reflectance in floating point.
        let mut reflectance = filled(9999.0 * 1e4, &ground);
        for (_, values) in &mut reflectance {
            for v in values.iter_mut() {
                *v *= 1e-4;
            }
        }
        assert_eq!(undeclared(&reflectance), [9999.0]);
    }

    #[test]
    fn values_of_the_ground_are_no_nodata() {
        let ground = [80..3000, 200..4000, 120..3500];
        // Water whose values were clamped to 1; clouds that are cut off at 10,000 and 16,000; values in the midst.
        for value in [1.0, 500.0] {
            assert_eq!(undeclared(&filled(value, &ground)), [0.0; 0], "{value}");
        }
        for limit in [10_000.0, 16_000.0] {
            assert_eq!(undeclared(&filled(limit, &[80..9990, 200..9990, 120..9990])), [0.0; 0], "{limit}");
        }
        // Saturated in the visible only: a cloud.
        let mut cloud = filled(65_535.0, &ground);
        cloud[0].1.retain(|v| *v != 65_535.0);
        assert_eq!(undeclared(&cloud), [0.0; 0]);
        // Overshoot of the atmospheric correction reaches down to the smallest value.
        let mut overshoot = filled(-300.0, &ground);
        for (_, values) in &mut overshoot {
            values.extend((0..300).map(|v| -(v as f32)));
        }
        assert_eq!(undeclared(&overshoot), [0.0; 0]);
        // A raster of one value.
        assert_eq!(undeclared(&[(Band::B04, vec![5000.0; 100])]), [0.0; 0]);
    }

    #[test]
    fn impossible_values_are_no_evidence() {
        let values = filled(-9999.0, &[1080..3000, 1200..4000, 1120..3500]);
        let sample = Sample { missing: undeclared(&values), values };
        assert_eq!(sample.missing, [0.0; 0]);
        let (value, percent) = sample.impossible().unwrap();
        assert_eq!((value, percent.round()), (-9999.0, 33.0));
        assert_eq!(sample.floors(|_| 1.0)[0].p1, 1096.0);
        assert_eq!(verdict(&sample.floors(|_| 1.0), None), PixelVerdict::Unclear, "2000 pixels are too few");
    }
}
