//! Spectral comparison of two dates, relative to the differences of unchanged mines.

use minesegsat_core::job::Job;

use super::registration::moved_back;
use super::shift;
use super::{ChangeRules, DatedMap};
use crate::preview::percentile;
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::resample::SignedWindow;
use minesegsat_core::{Band, Grid, Result, Window};
use minesegsat_scene::Scene;
use minesegsat_scene::patch::PatchReader;

/// Compared bands: the 10 m bands, and the shortwave infrared, which identifies bare ground.
const BANDS: [Band; 6] = [Band::B02, Band::B03, Band::B04, Band::B08, Band::B11, Band::B12];
/// Minimum number of bands for a comparison.
const FEWEST_BANDS: usize = 3;
/// Side of the blocks read at once, in pixels.
const BLOCK: usize = 256;
/// Maximum and minimum number of reference pixels: pixels that are mines on both dates.
const MOST_STABLE: usize = 100_000;
const FEWEST_STABLE: usize = 200;
/// Share of undisturbed ground that a candidate must exceed in difference, if there are no mines to compare with.
const FREE_SHARE: f32 = 0.95;
/// Added to reflectance before the logarithm, to limit noise in dark water.
const DARK: f32 = 0.02;
/// Added to the variances, in squared logarithms: 1 % of reflectance, the typical difference between sensors.
const LEAST_VARIANCE: f64 = 1e-4;

/// Result of the spectral comparison.
pub(super) enum Comparison {
    /// Whether each pixel looks different, `[H, W]`. Only candidates are compared; all others are `false`.
    Changed(Vec<bool>),
    /// No comparison was possible. Holds the reason as the end of a sentence.
    Unknown(String),
}

/// A scene read on the pixels of the common grid.
pub(super) struct Dated {
    reader: PatchReader,
    /// Corner of the common grid on the scene's grid: (col, row).
    corner: (i64, i64),
    /// Columns and rows from the common grid to the scene's ground, in pixels.
    shift: Option<[f64; 2]>,
}

impl Dated {
    /// `None` if the scene lies on other pixels.
    pub(super) fn new(scene: &Scene, bands: &[Band], grid: &Grid, moved: Option<[f64; 2]>) -> Result<Option<Self>> {
        let Some((col, row)) = shift(scene.grid(), grid) else { return Ok(None) };
        let reader = PatchReader::new(scene, bands, &vec![BandNormalisation::IDENTITY; bands.len()])?;
        Ok(Some(Self { reader, corner: (col, row), shift: moved }))
    }

    /// `ln(reflectance + 0.02)`, `[C, H, W]`, of a window of the common grid with a margin in pixels.
    pub(super) fn logs(&self, window: &Window, margin: usize) -> Result<Vec<f32>> {
        // Pixels around the window that a shift brings into it.
        let reach =
            self.shift.map_or(0, |shift| shift.map(|px| px.abs().ceil() as usize + 1).into_iter().max().unwrap_or(0));
        let (width, height) = (window.width + 2 * margin, window.height + 2 * margin);
        let (wide, high) = (width + 2 * reach, height + 2 * reach);
        let patch = self.reader.read(SignedWindow {
            col: self.corner.0 + window.col as i64 - (margin + reach) as i64,
            row: self.corner.1 + window.row as i64 - (margin + reach) as i64,
            width: wide,
            height: high,
        })?;
        let mut data = match self.shift {
            None => patch.data,
            Some(shift) => {
                let mut inner = Vec::with_capacity(patch.data.len());
                for band in patch.data.chunks_exact(wide * high) {
                    let moved = moved_back(band, wide, shift);
                    for row in moved.chunks_exact(wide).skip(reach).take(height) {
                        inner.extend_from_slice(&row[reach..reach + width]);
                    }
                }
                inner
            }
        };
        for value in &mut data {
            *value = (value.max(0.0) + DARK).ln();
        }
        Ok(data)
    }
}

/// Finds the candidates that differ by more than a given share of the pixels that are mines on both dates. `correction` is the shift
/// of the later scene that was taken out of its map.
pub(super) fn changed(
    before: &DatedMap,
    after: &DatedMap,
    grid: &Grid,
    (p_before, p_after): (&[f32], &[f32]),
    correction: Option<[f64; 2]>,
    rules: &ChangeRules,
    candidates: [&[bool]; 2],
    job: Job<'_>,
) -> Result<Comparison> {
    let unknown = |why: &str| Ok(Comparison::Unknown(why.to_owned()));
    let (Some(first), Some(second)) = (&before.scene, &after.scene) else {
        return unknown(&format!("because {}", DatedMap::without_scene([before, after])));
    };
    let bands: Vec<Band> =
        BANDS.into_iter().filter(|&band| first.band(band).is_some() && second.band(band).is_some()).collect();
    if bands.len() < FEWEST_BANDS {
        return unknown("because the scenes have too few bands in common");
    }
    let (Some(first), Some(second)) =
        (Dated::new(first, &bands, grid, None)?, Dated::new(second, &bands, grid, correction)?)
    else {
        return unknown("because the scenes lie on different pixels");
    };
    let seen: Vec<bool> = p_before.iter().zip(p_after).map(|(a, b)| !a.is_nan() && !b.is_nan()).collect();
    let stayed_mine = |i: usize| p_before[i] >= rules.high && p_after[i] >= rules.high;
    let stayed_free = |i: usize| seen[i] && p_before[i] < rules.low && p_after[i] < rules.low;
    let count = |is: &dyn Fn(usize) -> bool| (0..seen.len()).filter(|&i| is(i)).count();
    // If hardly any mine stayed a mine, other ground is the reference. It changes more with the seasons, so a
    // candidate must exceed nearly all of it.
    let mines = count(&stayed_mine);
    let by_mines = mines >= FEWEST_STABLE;
    let is_stable = |i: usize| if by_mines { stayed_mine(i) } else { stayed_free(i) };
    let stable = if by_mines { mines } else { count(&stayed_free) };
    if stable < FEWEST_STABLE {
        return unknown("because too little ground is unchanged");
    }
    let share = if by_mines { rules.spectral_share } else { rules.spectral_share.max(FREE_SHARE) };
    let pair = Pair { first, second, bands: bands.len(), grid, seen: &seen, job };

    // Distribution of differences of unchanged ground.
    let step = stable.div_ceil(MOST_STABLE);
    let mut sample: Vec<Vec<f32>> = vec![Vec::new(); bands.len()];
    let mut count = 0;
    pair.each(is_stable, |_, difference| {
        if count % step == 0 {
            for (values, value) in sample.iter_mut().zip(difference) {
                values.push(*value);
            }
        }
        count += 1;
    })?;
    let measure = Measure::fit(sample, share);
    let mut out = vec![false; seen.len()];
    let is_candidate = |i: usize| candidates.iter().any(|mask| mask[i]);
    pair.each(is_candidate, |i, difference| out[i] = measure.distance(difference) > measure.limit)?;
    Ok(Comparison::Changed(out))
}

struct Pair<'a> {
    first: Dated,
    second: Dated,
    bands: usize,
    grid: &'a Grid,
    seen: &'a [bool],
    job: Job<'a>,
}

impl Pair<'_> {
    /// Gives each pixel in `wanted` the mean difference of logarithms over the surrounding pixels assessed on both
    /// dates.
    fn each(&self, wanted: impl Fn(usize) -> bool, mut take: impl FnMut(usize, &[f32])) -> Result<()> {
        let (width, height) = (self.grid.width, self.grid.height);
        for row in (0..height).step_by(BLOCK) {
            for col in (0..width).step_by(BLOCK) {
                self.job.check()?;
                let window = Window::new(col, row, BLOCK.min(width - col), BLOCK.min(height - row));
                let pixels: Vec<usize> = (window.row..window.row_end())
                    .flat_map(|r| (window.col..window.col_end()).map(move |c| r * width + c))
                    .filter(|&i| wanted(i))
                    .collect();
                if pixels.is_empty() {
                    continue;
                }
                let (a, b) = (self.first.logs(&window, 1)?, self.second.logs(&window, 1)?);
                let (w, plane) = (window.width + 2, (window.width + 2) * (window.height + 2));
                let mut difference = vec![0.0; self.bands];
                for i in pixels {
                    let (r, c) = (i / width, i % width);
                    difference.fill(0.0);
                    let mut count = 0.0;
                    for rr in r.saturating_sub(1)..(r + 2).min(height) {
                        for cc in c.saturating_sub(1)..(c + 2).min(width) {
                            if !self.seen[rr * width + cc] {
                                continue;
                            }
                            let at = (rr + 1 - window.row) * w + (cc + 1 - window.col);
                            for (band, sum) in difference.iter_mut().enumerate() {
                                *sum += b[band * plane + at] - a[band * plane + at];
                            }
                            count += 1.0;
                        }
                    }
                    for sum in &mut difference {
                        *sum /= count;
                    }
                    take(i, &difference);
                }
            }
        }
        Ok(())
    }
}

/// Scores how unusual a difference is among those of unchanged mines: Mahalanobis's distance from their median (1936,
/// "On the generalised distance in statistics").
struct Measure {
    middle: Vec<f32>,
    /// Lower triangle of the Cholesky factor of the covariance.
    factor: Vec<Vec<f64>>,
    limit: f32,
}

impl Measure {
    /// # Shapes
    /// - `sample`: `[C, N]`
    fn fit(mut sample: Vec<Vec<f32>>, share: f32) -> Self {
        let bands = sample.len();
        let middle: Vec<f32> =
            sample.iter().map(|values| percentile(&mut values.clone(), 50.0).unwrap_or_default()).collect();
        for (values, middle) in sample.iter_mut().zip(&middle) {
            for value in values.iter_mut() {
                *value -= middle;
            }
        }
        let count = sample.first().map_or(0, Vec::len);
        let covariance = |a: usize, b: usize| -> f64 {
            let sum: f64 = sample[a].iter().zip(&sample[b]).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
            sum / count.max(1) as f64 + if a == b { LEAST_VARIANCE } else { 0.0 }
        };
        let mut factor = vec![vec![0.0; bands]; bands];
        for a in 0..bands {
            for b in 0..=a {
                let done: f64 = (0..b).map(|k| factor[a][k] * factor[b][k]).sum();
                let left = covariance(a, b) - done;
                factor[a][b] = if a == b { left.max(LEAST_VARIANCE * 1e-3).sqrt() } else { left / factor[b][b] };
            }
        }
        let mut measure = Self { middle: vec![0.0; bands], factor, limit: 0.0 };
        let mut distances: Vec<f32> =
            (0..count).map(|n| measure.distance(&sample.iter().map(|values| values[n]).collect::<Vec<_>>())).collect();
        measure.limit = percentile(&mut distances, f64::from(share) * 100.0).unwrap_or_default();
        measure.middle = middle;
        measure
    }

    fn distance(&self, difference: &[f32]) -> f32 {
        let mut solved: Vec<f64> = Vec::with_capacity(difference.len());
        for (row, (value, middle)) in self.factor.iter().zip(difference.iter().zip(&self.middle)) {
            let done: f64 = row.iter().zip(&solved).map(|(factor, solved)| factor * solved).sum();
            solved.push((f64::from(value - middle) - done) / row[solved.len()]);
        }
        solved.iter().map(|x| x * x).sum::<f64>().sqrt() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minesegsat_core::noise::Dice;

    #[test]
    fn distances_follow_the_spread_of_what_is_unchanged() {
        let mut dice = Dice::new(3, "spectra");
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..20_000 {
            let (x, y) = (dice.normal(), dice.normal());
            // Two bands that go together, brighter on the second date.
            a.push(0.3 + 0.2 * x);
            b.push(0.1 + 0.2 * x + 0.05 * y);
        }
        let measure = Measure::fit(vec![a, b], 0.9);
        assert!(measure.distance(&[0.3, 0.1]) < 0.05);
        // Along the common direction a large step is usual, across it a small one is not.
        let (along, across) = (measure.distance(&[0.5, 0.3]), measure.distance(&[0.4, 0.0]));
        assert!((along - 1.0).abs() < 0.1, "{along}");
        assert!(across > 3.0, "{across}");
        // Nine tenths of a normal in two dimensions lie within sqrt(-2 ln 0.1).
        assert!((measure.limit - 2.146).abs() < 0.05, "{}", measure.limit);
    }
}
