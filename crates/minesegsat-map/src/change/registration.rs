//! Registration of two dates: how far the ground of the later scene lies from that of the earlier one.
//!
//! # Method
//! Windows spread over the map are compared by phase correlation (C. D. Kuglin, D. C. Hines, "The phase correlation image
//! alignment method", Proc. IEEE Conf. Cybernetics and Society, 1975) of one band of both scenes. The spectrum is weighted with
//! a Gaussian, as the high frequencies of Sentinel-2 bands are aliased. The peak of a shift is then a Gaussian as well, and a
//! parabola through the logarithms of three values has its exact place. Cloud and missing pixels are left out: values are
//! logarithms of reflectance minus their mean over the seen pixels nearby, and 0 where a pixel was not seen.
//!
//! The shift is the median over the windows, so ground that changed does not count.

use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use serde::Serialize;

use super::DatedMap;
use super::shift;
use minesegsat_core::job::Job;
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::resample::SignedWindow;
use minesegsat_core::{Band, Error, Grid, Result};
use minesegsat_scene::patch::{PatchReader, Validity};

/// A shift above this is corrected, in pixels.
pub const CORRECTED_ABOVE_PX: f64 = 1.0 / 3.0;
/// A shift above this is refused, in pixels. Sentinel-2 dates were up to 38 m apart before they were refined with reference images (J. Storey
/// et al., "A note on the temporary misregistration of Landsat-8 OLI and Sentinel-2 MSI imagery", Remote Sensing of
/// Environment 186, 2016); more means that an image lies at a wrong place.
pub const LARGEST_PX: f64 = 5.0;
/// The first of these that both scenes have is compared. Green and red show most edges at 10 m in all seasons.
const BANDS: [Band; 4] = [Band::B03, Band::B04, Band::B02, Band::B08];
/// Side of a window, in pixels.
const SIDE: usize = 64;
/// Smallest distance between windows, in pixels, and their largest number along each axis.
const LEAST_STEP: usize = 16;
const MOST_PER_AXIS: usize = 12;
/// Standard deviation of the weights of the spectrum, in cycles per pixel. Of 0.15 and none, 0.15 had the smaller errors on
/// aliased copies of a real scene.
const BANDWIDTH: f64 = 0.15;
/// Side of the surroundings whose mean is subtracted, in pixels.
const SURROUNDINGS: usize = 9;
/// Smallest share of a window that was seen on both dates.
const LEAST_SEEN: f64 = 0.3;
/// Lowest accepted peak. A pure shift has 1, windows of different places have up to 0.17.
const LEAST_PEAK: f64 = 0.2;
/// Lowest texture of a window: root mean square of what is compared, in logarithms. Flat water and rounding lie below.
const LEAST_TEXTURE: f32 = 1e-3;
/// Windows agree if they lie this near to the median, in pixels. At least three must agree, and half of all.
const AGREEMENT_PX: f64 = 1.0;
const FEWEST: usize = 3;
/// Spread between windows above which a single shift does not describe the difference, in pixels.
const LARGE_SPREAD_PX: f64 = 0.5;
/// Added to reflectance before the logarithm, to limit noise in dark water.
const DARK: f32 = 0.02;

/// What happens with the shift between two dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationMode {
    /// Measured; corrected above [`CORRECTED_ABOVE_PX`], refused above [`LARGEST_PX`].
    #[default]
    Correct,
    /// Measured only.
    Measure,
    /// Not measured.
    Off,
}

/// The shift between two dates, and what was done about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Registration {
    /// The compared band.
    pub band: Option<Band>,
    /// Columns (to the right) and rows (downwards) from the ground of the earlier scene to the same ground of the later one, in
    /// pixels; `None` if not measured.
    pub shift_px: Option<[f64; 2]>,
    /// Spread of the windows around it, in pixels: the larger of both axes, as a robust standard deviation.
    pub spread_px: Option<f64>,
    /// Number of windows that agree.
    pub windows: usize,
    /// Whether the later map and its bands were moved back.
    pub is_corrected: bool,
    /// All of this in words.
    pub statement: String,
}

impl Registration {
    fn not_measured(why: &str) -> Self {
        let statement = format!("the shift between the dates was not measured: {why}");
        Self { band: None, shift_px: None, spread_px: None, windows: 0, is_corrected: false, statement }
    }

    /// The shift to correct: columns and rows.
    pub(super) fn correction(&self) -> Option<[f64; 2]> {
        self.shift_px.filter(|_| self.is_corrected)
    }

    /// A warning if the shift was corrected, or is large and was not, or differs from place to place.
    pub(super) fn warning(&self) -> Option<String> {
        let is_large = self.shift_px.is_some_and(|[x, y]| x.hypot(y) > CORRECTED_ABOVE_PX);
        let differs = self.spread_px.is_some_and(|spread| spread > LARGE_SPREAD_PX);
        (is_large || differs).then(|| self.statement.clone())
    }
}

/// Measures the shift between two dates on their common grid.
pub(super) fn register(
    before: &DatedMap,
    after: &DatedMap,
    grid: &Grid,
    mode: RegistrationMode,
    job: Job<'_>,
) -> Result<Registration> {
    let unknown = |why: &str| Ok(Registration::not_measured(why));
    if mode == RegistrationMode::Off {
        return unknown("it was switched off");
    }
    let (Some(first), Some(second)) = (&before.scene, &after.scene) else {
        return unknown(&DatedMap::without_scene([before, after]));
    };
    let Some(band) = BANDS.into_iter().find(|&band| first.band(band).is_some() && second.band(band).is_some()) else {
        return unknown("the scenes have no 10 m band in common");
    };
    let (Some(a), Some(b)) = (shift(first.grid(), grid), shift(second.grid(), grid)) else {
        return unknown("the scenes lie on different pixels");
    };
    let reader = |scene| PatchReader::new(scene, &[band], &[BandNormalisation::IDENTITY]);
    let (first, second) = (reader(first)?, reader(second)?);
    let read = |is_later: bool, col: i64, row: i64| {
        let (reader, corner) = if is_later { (&second, b) } else { (&first, a) };
        let patch =
            reader.read(SignedWindow { col: corner.0 + col, row: corner.1 + row, width: SIDE, height: SIDE })?;
        let seen = patch.validity.iter().map(|&state| state == Validity::Assessable as u8).collect();
        let mut values = patch.data;
        for value in &mut values {
            *value = (value.max(0.0) + DARK).ln();
        }
        Ok(Image { values, seen })
    };
    let found = match measure((grid.width, grid.height), read, job)? {
        Outcome::Measured(found) => found,
        Outcome::Unknown(why) => return unknown(&why),
    };
    let [col, row] = found.shift;
    let length = col.hypot(row);
    let metres = grid
        .ground_pixel_m()
        .map_or_else(String::new, |(width, height)| format!(" ({:.0} m)", (col * width).hypot(row * height)));
    let text = format!("{length:.2} pixels{metres}");
    if mode == RegistrationMode::Correct && length > LARGEST_PX {
        return Err(Error::Argument {
            name: "shift between the dates",
            value: text,
            accepted: format!(
                "up to {LARGEST_PX} pixels; the ground of {} lies {} from that of {}, so one of the scenes lies at a wrong place",
                after.name,
                directions(found.shift),
                before.name
            ),
        });
    }
    let is_corrected = mode == RegistrationMode::Correct && length > CORRECTED_ABOVE_PX;
    let done = if is_corrected {
        "the later map and its bands were moved back, by bilinear interpolation"
    } else if length > CORRECTED_ABOVE_PX {
        "not corrected, as only a measurement was asked for"
    } else {
        "not corrected, as it is below a third of a pixel"
    };
    let varies = if found.spread > LARGE_SPREAD_PX {
        format!("; it differs by {:.1} pixels from place to place, which one shift cannot correct", found.spread)
    } else {
        String::new()
    };
    Ok(Registration {
        band: Some(band),
        shift_px: Some(found.shift),
        spread_px: Some(found.spread),
        windows: found.windows,
        is_corrected,
        statement: format!(
            "the later scene lies {text} from the earlier one: {}, measured in {} windows of {band}; {done}{varies}",
            directions(found.shift),
            found.windows
        ),
    })
}

/// A shift in words. Rows grow downwards.
fn directions([col, row]: [f64; 2]) -> String {
    let x = if col < 0.0 { "left" } else { "right" };
    let y = if row < 0.0 { "up" } else { "down" };
    format!("{:.2} {x} and {:.2} {y}", col.abs(), row.abs())
}

/// Values moved back by a shift, bilinearly between pixel centres: the value at (col, row) comes from (col + shift, row + shift). If
/// one of the four pixels is NaN or beyond the edge, the nearest pixel is used.
///
/// # Shapes
/// - `values`: `[H, W]`, row-major, with `width` columns
pub(super) fn moved_back(values: &[f32], width: usize, [dx, dy]: [f64; 2]) -> Vec<f32> {
    let height = values.len().checked_div(width).unwrap_or(0);
    let at = |col: i64, row: i64| {
        let inside = (0..width as i64).contains(&col) && (0..height as i64).contains(&row);
        if inside { values[row as usize * width + col as usize] } else { f32::NAN }
    };
    let (x0, y0) = (dx.floor(), dy.floor());
    let (fx, fy) = ((dx - x0) as f32, (dy - y0) as f32);
    let mut out = Vec::with_capacity(values.len());
    for row in 0..height as i64 {
        for col in 0..width as i64 {
            let (c, r) = (col + x0 as i64, row + y0 as i64);
            let [p, q, s, t] = [at(c, r), at(c + 1, r), at(c, r + 1), at(c + 1, r + 1)];
            let blended = (p * (1.0 - fx) + q * fx) * (1.0 - fy) + (s * (1.0 - fx) + t * fx) * fy;
            let nearest = at(col + dx.round() as i64, row + dy.round() as i64);
            out.push(if nearest.is_nan() || blended.is_nan() { nearest } else { blended });
        }
    }
    out
}

/// A window of one date, `[SIDE, SIDE]`.
struct Image {
    /// Logarithms of reflectance.
    values: Vec<f32>,
    seen: Vec<bool>,
}

#[derive(Debug)]
struct Measured {
    /// Columns and rows.
    shift: [f64; 2],
    spread: f64,
    windows: usize,
}

enum Outcome {
    Measured(Measured),
    /// The reason, as the end of a sentence.
    Unknown(String),
}

/// Measures the shift over a map of `size` columns and rows. `read` gives the window of the earlier (false) or later (true) date whose
/// corner is at a column and row.
fn measure(
    (width, height): (usize, usize),
    read: impl Fn(bool, i64, i64) -> Result<Image>,
    job: Job<'_>,
) -> Result<Outcome> {
    let positions = |length: usize| -> Vec<i64> {
        let Some(room) = length.checked_sub(SIDE) else { return Vec::new() };
        let count = (room / LEAST_STEP + 1).min(MOST_PER_AXIS);
        (0..count).map(|i| (room * i / (count - 1).max(1)) as i64).collect()
    };
    let (columns, rows) = (positions(width), positions(height));
    if columns.len() * rows.len() < FEWEST {
        return Ok(Outcome::Unknown(format!(
            "the map has {width} x {height} pixels, and the measurement needs three windows of {SIDE} pixels that lie {LEAST_STEP} \
             pixels apart, such as in {SIDE} x {}",
            SIDE + (FEWEST - 1) * LEAST_STEP
        )));
    }
    let correlator = Correlator::new();
    // A shift of pixels is taken out by reading, as a window that moved far has lost what it is compared with.
    let pass = |[dx, dy]: [i64; 2]| -> Result<Option<Measured>> {
        let mut shifts = Vec::new();
        for &row in &rows {
            job.check()?;
            for &col in &columns {
                let (first, second) = (read(false, col, row)?, read(true, col + dx, row + dy)?);
                let both = first.seen.iter().zip(&second.seen).filter(|(a, b)| **a && **b).count();
                if (both as f64) < LEAST_SEEN * (SIDE * SIDE) as f64 {
                    continue;
                }
                if let Some((shift, peak)) = correlator.shift(&first, &second)
                    && peak >= LEAST_PEAK
                {
                    shifts.push(shift);
                }
            }
        }
        Ok(agreed(&shifts))
    };
    let unclear = "too little of the ground is seen and alike on both dates";
    let mut base = [0, 0];
    // The second pass measures what is left of a shift of more than a pixel.
    for is_last in [false, true] {
        let Some(found) = pass(base)? else { return Ok(Outcome::Unknown(unclear.to_owned())) };
        let whole = found.shift.map(|shift| shift.round() as i64);
        if is_last || whole == [0, 0] {
            let shift = [0, 1].map(|axis| base[axis] as f64 + found.shift[axis]);
            return Ok(Outcome::Measured(Measured { shift, ..found }));
        }
        base = whole;
    }
    unreachable!("the last pass returns")
}

/// The shift that most windows agree on, if at least three and half of them do.
fn agreed(shifts: &[[f64; 2]]) -> Option<Measured> {
    let medians = |shifts: &[[f64; 2]]| [0, 1].map(|axis| median(shifts.iter().map(|shift| shift[axis]).collect()));
    let middle = medians(shifts);
    let near: Vec<[f64; 2]> = shifts
        .iter()
        .copied()
        .filter(|shift| (shift[0] - middle[0]).hypot(shift[1] - middle[1]) <= AGREEMENT_PX)
        .collect();
    if near.len() < FEWEST || near.len() * 2 < shifts.len() {
        return None;
    }
    let shift = medians(&near);
    // 1.4826 is the ratio of the standard deviation to the median absolute deviation of a normal distribution.
    let spread = [0, 1].map(|axis| 1.4826 * median(near.iter().map(|s| (s[axis] - shift[axis]).abs()).collect()));
    Some(Measured { shift, spread: spread[0].max(spread[1]), windows: near.len() })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => 0.0,
        n if n % 2 == 0 => f64::midpoint(values[half - 1], values[half]),
        _ => values[half],
    }
}

/// Phase correlation of windows of one size.
struct Correlator {
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    /// Taper of a window along one axis (Hann).
    taper: Vec<f32>,
    /// Weights of the spectrum, `[SIDE, SIDE]`, of sum 1.
    weights: Vec<f32>,
}

impl Correlator {
    fn new() -> Self {
        let mut planner = FftPlanner::new();
        let frequency = |i: usize| {
            let i = if i < SIDE / 2 { i as f64 } else { i as f64 - SIDE as f64 };
            i / SIDE as f64
        };
        let gauss: Vec<f64> = (0..SIDE).map(|i| (-0.5 * (frequency(i) / BANDWIDTH).powi(2)).exp()).collect();
        let sum: f64 = gauss.iter().sum();
        Self {
            forward: planner.plan_fft_forward(SIDE),
            inverse: planner.plan_fft_inverse(SIDE),
            taper: (0..SIDE)
                .map(|i| 0.5 - 0.5 * (std::f64::consts::TAU * (i as f64 + 0.5) / SIDE as f64).cos() as f32)
                .collect(),
            weights: (0..SIDE * SIDE).map(|i| (gauss[i / SIDE] * gauss[i % SIDE] / (sum * sum)) as f32).collect(),
        }
    }

    /// Shift from the first to the second window in columns and rows, and the height of the peak: 1 for a pure shift.
    fn shift(&self, first: &Image, second: &Image) -> Option<([f64; 2], f64)> {
        let mut product = self.spectrum(first)?;
        for ((a, b), weight) in product.iter_mut().zip(self.spectrum(second)?).zip(&self.weights) {
            let cross = a.conj() * b;
            let size = cross.norm();
            *a = if size > f32::MIN_POSITIVE { cross * (weight / size) } else { Complex::default() };
        }
        transform(self.inverse.as_ref(), &mut product);
        let (at, peak) = product.iter().enumerate().max_by(|a, b| a.1.re.total_cmp(&b.1.re))?;
        if peak.re <= 0.0 {
            return None;
        }
        let value = |row: usize, col: usize| product[row % SIDE * SIDE + col % SIDE].re;
        let (row, col) = (at / SIDE, at % SIDE);
        let whole = |i: usize| if i < SIDE / 2 { i as f64 } else { i as f64 - SIDE as f64 };
        let x = whole(col) + vertex([value(row, col + SIDE - 1), peak.re, value(row, col + 1)]);
        let y = whole(row) + vertex([value(row + SIDE - 1, col), peak.re, value(row + 1, col)]);
        Some(([x, y], f64::from(peak.re)))
    }

    /// Spectrum of the texture of a window, transposed; `None` if the window is flat.
    fn spectrum(&self, image: &Image) -> Option<Vec<Complex<f32>>> {
        let weights: Vec<f32> = image.seen.iter().map(|&seen| f32::from(u8::from(seen))).collect();
        let values: Vec<f32> =
            image.values.iter().zip(&weights).map(|(v, w)| if *w > 0.0 { *v } else { 0.0 }).collect();
        let (sums, counts) = (box_sums(&values), box_sums(&weights));
        let texture = |i: usize| {
            let taper = self.taper[i / SIDE] * self.taper[i % SIDE];
            if weights[i] > 0.0 { (values[i] - sums[i] / counts[i]) * taper } else { 0.0 }
        };
        let mut out: Vec<Complex<f32>> = (0..SIDE * SIDE).map(|i| Complex::new(texture(i), 0.0)).collect();
        let energy = out.iter().map(Complex::norm_sqr).sum::<f32>() / (SIDE * SIDE) as f32;
        if energy < LEAST_TEXTURE * LEAST_TEXTURE {
            return None;
        }
        transform(self.forward.as_ref(), &mut out);
        Some(out)
    }
}

/// Transforms both axes, and exchanges them.
fn transform(fft: &dyn Fft<f32>, values: &mut Vec<Complex<f32>>) {
    fft.process(values);
    *values = transposed(values);
    fft.process(values);
}

fn transposed<T: Copy>(values: &[T]) -> Vec<T> {
    (0..SIDE * SIDE).map(|i| values[i % SIDE * SIDE + i / SIDE]).collect()
}

/// Sum over the surroundings of each pixel, within the window.
fn box_sums(values: &[f32]) -> Vec<f32> {
    let along_rows = |values: &[f32]| -> Vec<f32> {
        let line = |row: &[f32]| -> Vec<f32> {
            let reach = SURROUNDINGS / 2;
            (0..SIDE).map(|i| row[i.saturating_sub(reach)..(i + reach + 1).min(SIDE)].iter().sum()).collect()
        };
        values.chunks_exact(SIDE).flat_map(line).collect()
    };
    transposed(&along_rows(&transposed(&along_rows(values))))
}

/// Place of the vertex of a parabola through the logarithms of three values at -1, 0 and 1, of which the middle is the largest: within a
/// half of 0. Exact for samples of a Gaussian.
fn vertex(values: [f32; 3]) -> f64 {
    let floor = values[1] * 1e-3;
    let [a, b, c] = values.map(|value| f64::from(value.max(floor)).ln());
    let bend = a - 2.0 * b + c;
    if bend < 0.0 { ((a - c) / (2.0 * bend)).clamp(-0.5, 0.5) } else { 0.0 }
}

#[cfg(test)]
mod tests;
