//! Means of a raster's pixels on a coarser grid, row by row; see the [module above](super) for the rule.

use minesegsat_core::job::Job;
use std::ops::Range;
use std::sync::Arc;

use minesegsat_core::{Grid, Result, Window};
use minesegsat_io::{Pixels, RasterSource};

/// Rows read at once, in whole blocks. Limits memory.
const STRIP_ROWS: usize = 256;
/// Tolerance in pixels for positions on the edge of a pixel.
const ALIGNED: f64 = 1e-6;
/// Tolerance factor for the pixel size of overviews, whose sizes are rounded.
const SLACK: f64 = 1.01;

/// One axis: the part of the source, in its pixels, that each target pixel averages.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// Start and end, both increasing. Empty (end before start) if the target lies beyond the source.
    spans: Vec<(f64, f64)>,
}

impl Axis {
    /// `shift`: the target's first edge, in source pixels; `ratio`: source pixels per target pixel.
    pub(super) fn new(shift: f64, ratio: f64, source_len: usize, target_len: usize) -> Self {
        let half = ratio.max(1.0) / 2.0;
        let snap = |at: f64| if (at - at.round()).abs() < ALIGNED { at.round() } else { at };
        let span = |target: usize| {
            let centre = shift + (target as f64 + 0.5) * ratio;
            (snap(centre - half).max(0.0), snap(centre + half).min(source_len as f64))
        };
        Self { spans: (0..target_len).map(span).collect() }
    }

    /// Reduces `source_len` pixels to `target_len` pixels that cover the same extent.
    pub(super) fn reducing(source_len: usize, target_len: usize) -> Self {
        Self::new(0.0, source_len as f64 / target_len as f64, source_len, target_len)
    }

    /// Both axes, columns and rows, from one grid to another by map position.
    fn pair(source: &Grid, target: &Grid) -> (Self, Self) {
        let (s, t) = (&source.transform, &target.transform);
        let axis = |s0: f64, ds: f64, s_len, t0: f64, dt: f64, t_len| Self::new((t0 - s0) / ds, dt / ds, s_len, t_len);
        (
            axis(s.origin_x, s.pixel_width, source.width, t.origin_x, t.pixel_width, target.width),
            axis(s.origin_y, s.pixel_height, source.height, t.origin_y, t.pixel_height, target.height),
        )
    }

    /// Range of the required source pixels.
    fn support(&self) -> Range<usize> {
        let used = || self.spans.iter().filter(|(start, end)| start < end);
        let (Some(first), Some(last)) = (used().next(), used().next_back()) else { return 0..0 };
        first.0.floor() as usize..last.1.ceil() as usize
    }
}

/// Sums rows of a source into target pixels.
#[derive(Debug)]
pub(super) struct Averager {
    x: Axis,
    y: Axis,
    columns: Range<usize>,
    /// The first unfinished target row.
    first: usize,
    /// Weighted sum of the known source pixels, and their weight, `[rows, columns]`.
    sums: Vec<(f64, f64)>,
    line: Vec<(f64, f64)>,
}

impl Averager {
    pub(super) fn new(x: Axis, y: Axis) -> Self {
        let (width, height) = (x.spans.len(), y.spans.len());
        let columns = x.support();
        Self { x, y, columns, first: 0, sums: vec![(0.0, 0.0); width * height], line: vec![(0.0, 0.0); width] }
    }

    /// Adds source row `row`, with the values of the columns of [`Averager::columns`]; NaN if unknown. Rows arrive in
    /// order.
    pub(super) fn push_row(&mut self, row: usize, values: &[f32]) {
        while self.y.spans.get(self.first).is_some_and(|&(_, end)| end <= row as f64) {
            self.first += 1;
        }
        let reached = |&(start, _): &(f64, f64)| start < row as f64 + 1.0;
        let rows = self.y.spans[self.first..].iter().take_while(|span| reached(span)).count();
        if rows == 0 {
            return;
        }
        let offset = self.columns.start;
        for (sum, &(start, end)) in self.line.iter_mut().zip(&self.x.spans) {
            *sum = (0.0, 0.0);
            if start < end {
                let (first, last) = (start.floor() as usize, end.ceil() as usize);
                for (i, &value) in values[first - offset..last - offset].iter().enumerate() {
                    if !value.is_nan() {
                        let at = (first + i) as f64;
                        let weight = (at + 1.0).min(end) - at.max(start);
                        sum.0 += f64::from(value) * weight;
                        sum.1 += weight;
                    }
                }
            }
        }
        let width = self.line.len();
        for target in self.first..self.first + rows {
            let (start, end) = self.y.spans[target];
            let weight = (row as f64 + 1.0).min(end) - (row as f64).max(start);
            if weight > 0.0 {
                for (sum, line) in self.sums[target * width..][..width].iter_mut().zip(&self.line) {
                    sum.0 += line.0 * weight;
                    sum.1 += line.1 * weight;
                }
            }
        }
    }

    /// Means, `[rows, columns]`. NaN if less than half of a pixel's part of the source is known.
    pub(super) fn finish(self) -> Vec<f32> {
        let width = self.line.len();
        let length = |&(start, end): &(f64, f64)| (end - start).max(0.0);
        let mean = |(i, &(sum, weight)): (usize, &(f64, f64))| {
            let area = length(&self.x.spans[i % width]) * length(&self.y.spans[i / width]);
            if weight > 0.0 && weight >= area * (0.5 - ALIGNED) { (sum / weight) as f32 } else { f32::NAN }
        };
        self.sums.iter().enumerate().map(mean).collect()
    }
}

/// Means of one band on another grid of the same CRS, `[H, W]`. `value` converts a stored number; it returns NaN for
/// missing values.
pub(super) fn average(
    source: &dyn RasterSource,
    index: usize,
    target: &Grid,
    overviews: bool,
    value: impl Fn(f32) -> f32,
    job: Job<'_>,
) -> Result<Vec<f32>> {
    let overview = if overviews { overview(source, target)? } else { None };
    let source = overview.as_deref().unwrap_or(source);
    let (x, y) = Axis::pair(&source.info().grid, target);
    let rows = y.support();
    let mut averager = Averager::new(x, y);
    let columns = averager.columns.clone();
    let mut line = vec![0.0; columns.len()];
    for strip in strips(source, rows) {
        job.check()?;
        let window = Window::new(columns.start, strip.start, columns.len(), strip.len());
        let pixels = source.read(index, window)?;
        for (i, row) in strip.enumerate() {
            convert(&pixels, i * columns.len(), &value, &mut line);
            averager.push_row(row, &line);
        }
    }
    Ok(averager.finish())
}

/// The class of the source pixel at the centre of each target pixel, `[H, W]`; 0 beyond the source.
pub(super) fn nearest(source: &dyn RasterSource, index: usize, target: &Grid, job: Job<'_>) -> Result<Vec<u8>> {
    let overview = overview(source, target)?;
    let source = overview.as_deref().unwrap_or(source);
    let grid = &source.info().grid;
    let place = |col: f64, row: f64| {
        let (x, y) = target.transform.to_map(col + 0.5, row + 0.5);
        grid.transform.to_pixel(x, y)
    };
    let inside = |at: f64, len: usize| {
        let at = (at + ALIGNED).floor();
        (at >= 0.0 && at < len as f64).then_some(at as usize)
    };
    let columns: Vec<Option<usize>> = (0..target.width).map(|c| inside(place(c as f64, 0.0).0, grid.width)).collect();
    let rows: Vec<Option<usize>> = (0..target.height).map(|r| inside(place(0.0, r as f64).1, grid.height)).collect();
    let mut out = vec![0; target.width * target.height];
    let (Some(first), Some(last)) = (rows.iter().flatten().min(), rows.iter().flatten().max()) else { return Ok(out) };
    for strip in strips(source, *first..last + 1) {
        job.check()?;
        let wanted = |row: &Option<usize>| row.is_some_and(|row| strip.contains(&row));
        if !rows.iter().any(wanted) {
            continue;
        }
        let pixels = source.read(index, Window::new(0, strip.start, grid.width, strip.len()))?;
        for (line, row) in out.chunks_exact_mut(target.width).zip(&rows) {
            let Some(row) = row.filter(|row| strip.contains(row)) else { continue };
            for (class, column) in line.iter_mut().zip(&columns) {
                if let Some(column) = column {
                    *class = pixels.get((row - strip.start) * grid.width + column) as u8;
                }
            }
        }
    }
    Ok(out)
}

/// The coarsest overview with pixels not larger than the target's.
fn overview(source: &dyn RasterSource, target: &Grid) -> Result<Option<Arc<dyn RasterSource>>> {
    let is_finer = |grid: &Grid| {
        grid.transform.pixel_width <= target.transform.pixel_width * SLACK
            && -grid.transform.pixel_height <= -target.transform.pixel_height * SLACK
    };
    // A search for overviews costs a request. It is skipped if a target pixel has fewer than two source pixels.
    let full = &source.info().grid.transform;
    if target.transform.pixel_width * SLACK < 2.0 * full.pixel_width {
        return Ok(None);
    }
    Ok(source.overviews()?.into_iter().rfind(|overview| is_finer(&overview.info().grid)))
}

/// Rows in strips of whole blocks.
fn strips(source: &dyn RasterSource, rows: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
    let block = source.info().block_size.1.max(1);
    let step = block * STRIP_ROWS.div_ceil(block);
    let first = rows.start / step;
    (first..rows.end.div_ceil(step))
        .map(move |strip| (strip * step).max(rows.start)..((strip + 1) * step).min(rows.end))
        .filter(|strip| !strip.is_empty())
}

fn convert(pixels: &Pixels, start: usize, value: impl Fn(f32) -> f32, out: &mut [f32]) {
    fn each<T: Copy>(from: &[T], start: usize, value: impl Fn(T) -> f32, out: &mut [f32]) {
        for (to, &from) in out.iter_mut().zip(&from[start..]) {
            *to = value(from);
        }
    }
    match pixels {
        Pixels::U8(from) => each(from, start, |v| value(f32::from(v)), out),
        Pixels::U16(from) => each(from, start, |v| value(f32::from(v)), out),
        Pixels::I16(from) => each(from, start, |v| value(f32::from(v)), out),
        Pixels::F32(from) => each(from, start, value, out),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reduce(source: &[f32], size: (usize, usize), target: (usize, usize)) -> Vec<f32> {
        let mut averager = Averager::new(Axis::reducing(size.0, target.0), Axis::reducing(size.1, target.1));
        for (row, line) in source.chunks_exact(size.0).enumerate() {
            averager.push_row(row, line);
        }
        averager.finish()
    }

    #[test]
    fn means_equal_gdals_average_of_a_raster_that_does_not_divide_evenly() {
        // rasterio 1.4: MemoryFile of np.arange(35).reshape(5, 7) ** 2 as float32, read(1, out_shape=(2, 3),
        // resampling=Resampling.average)
        let source: Vec<f32> = (0..35).map(|i| (i * i) as f32).collect();
        let found = reduce(&source, (7, 5), (3, 2));
        let expected = [67.8, 101.97143, 146.42857, 562.2, 673.17145, 794.4286];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{found:?}");
    }

    #[test]
    fn unknown_pixels_are_left_out_and_half_of_a_pixel_is_needed() {
        let nan = f32::NAN;
        let found = reduce(&[1.0, nan, nan, nan, 3.0, nan, nan, 8.0], (4, 2), (2, 1));
        assert_eq!(found[0], 2.0, "two of four are known");
        assert!(found[1].is_nan(), "one of four is known");
    }

    #[test]
    fn finer_grids_are_interpolated_linearly_and_edges_repeated() {
        let found = reduce(&[0.0, 4.0], (2, 1), (8, 1));
        // numpy: np.interp((np.arange(8) + 0.5) / 4 - 0.5, [0, 1], [0, 4])
        let expected = [0.0, 0.0, 0.5, 1.5, 2.5, 3.5, 4.0, 4.0];
        assert!(found.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6), "{found:?}");
    }

    proptest! {
        #[test]
        fn means_keep_the_sum_and_stay_between_the_extremes(
            (size, target, source) in (1..30_usize, 1..30_usize).prop_flat_map(|size| {
                let values = prop::collection::vec(-10.0..10.0_f32, size.0 * size.1);
                (Just(size), (1..=size.0, 1..=size.1), values)
            })
        ) {
            let found = reduce(&source, size, target);
            let sum = |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
            prop_assert!((sum(&found) - sum(&source)).abs() < 1e-4);
            let low = source.iter().copied().fold(f32::INFINITY, f32::min);
            let high = source.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            prop_assert!(found.iter().all(|v| (low - 1e-4..=high + 1e-4).contains(v)));
        }
    }
}
