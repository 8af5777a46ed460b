//! Resampling of 20 m and 60 m bands to the 10 m grid, by map position.
//!
//! For each axis, [`Resampler`] gives the source pixels and weights of every destination pixel. It works in the coordinates
//! of the whole raster, so the value of a pixel does not depend on the window.

use crate::{Error, GeoTransform, Result, Window};

/// Coefficient of the cubic convolution kernel of OpenCV's `INTER_CUBIC` (Keys 1981 uses -0.5).
const A: f32 = -0.75;

/// Largest offset, in source pixels, of two grids that count as aligned.
const ALIGNED: f64 = 1e-6;

/// The four weights of cubic convolution for a position `x` (0 to 1) between the second and the third source pixel.
///
/// In float32 and in the order of operations of OpenCV's `interpolateCubic`. The last weight is 1 minus the other three.
fn cubic_weights(x: f32) -> [f32; 4] {
    let c0 = ((A * (x + 1.0) - 5.0 * A) * (x + 1.0) + 8.0 * A) * (x + 1.0) - 4.0 * A;
    let c1 = ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let y = 1.0 - x;
    let c2 = ((A + 2.0) * y - (A + 3.0)) * y * y + 1.0;
    [c0, c1, c2, 1.0 - c0 - c1 - c2]
}

/// One axis of a resampling: destination index to source position.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    /// Source pixels per destination pixel: 0.5 from 20 m to 10 m.
    scale: f64,
    /// Source position of the destination's left edge, in source pixels: 0 if the grids share a corner.
    shift: f64,
    /// Source pixels on this axis; positions beyond them repeat the edge.
    source_len: usize,
    /// Destination pixels on this axis; positions beyond them repeat the edge.
    destination_len: usize,
}

impl Axis {
    fn identity(self) -> bool {
        self.scale == 1.0 && self.shift == 0.0
    }

    fn inside(self, destination: i64) -> f64 {
        destination.clamp(0, self.destination_len as i64 - 1) as f64
    }

    /// Source position of a destination pixel's centre, in source pixels counted from the first centre.
    fn position(self, destination: i64) -> f32 {
        ((self.inside(destination) + 0.5) * self.scale - 0.5 + self.shift) as f32
    }

    fn nearest(self, destination: i64) -> usize {
        // The slack keeps a centre that lies on the border of two source pixels from changing sides by rounding.
        let position = (self.inside(destination) + 0.5) * self.scale + self.shift + 1e-9;
        (position.floor().max(0.0) as usize).min(self.source_len - 1)
    }

    /// Source pixels (first, end) that `len` destination pixels from `start` need.
    fn support(self, start: i64, len: usize, margin: i64) -> (usize, usize) {
        let last = self.source_len as i64 - 1;
        let first = (self.position(start).floor() as i64 - margin).clamp(0, last);
        let end = (self.position(start + len as i64 - 1).floor() as i64 + 1 + margin).clamp(0, last);
        (first as usize, end as usize + 1)
    }

    /// For each destination pixel, the four source indices (relative to `first`) and their weights.
    fn taps(self, start: i64, len: usize, first: usize) -> Vec<([u32; 4], [f32; 4])> {
        let last = self.source_len as i64 - 1;
        (start..start + len as i64)
            .map(|destination| {
                let position = self.position(destination);
                let floor = position.floor();
                let index = |k: i64| ((floor as i64 + k).clamp(0, last) - first as i64) as u32;
                ([index(-1), index(0), index(1), index(2)], cubic_weights(position - floor))
            })
            .collect()
    }
}

/// Resamples windows of one raster onto another grid of the same CRS.
///
/// Destination windows may extend beyond the destination grid, as patches larger than a scene do. Pixels outside repeat the
/// nearest pixel inside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resampler {
    x: Axis,
    y: Axis,
}

/// A window on the destination grid. Its corner may lie outside the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedWindow {
    /// First column.
    pub col: i64,
    /// First row.
    pub row: i64,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl From<Window> for SignedWindow {
    fn from(w: Window) -> Self {
        Self { col: w.col as i64, row: w.row as i64, width: w.width, height: w.height }
    }
}

impl Resampler {
    /// A resampler from the transforms and sizes (width, height) of both grids. Both must have the same CRS. The grids need not
    /// share a corner, because positions are compared on the map.
    pub fn new(
        source: &GeoTransform,
        source_size: (usize, usize),
        destination: &GeoTransform,
        destination_size: (usize, usize),
    ) -> Result<Self> {
        let axis = |s0: f64, ds: f64, s_len: usize, d0: f64, dd: f64, d_len: usize| {
            let scale = snap(dd / ds);
            let shift = (d0 - s0) / ds;
            // A shared corner gives an exact zero, so that results on aligned grids equal OpenCV bit for bit.
            let shift = if (shift - shift.round()).abs() < ALIGNED { shift.round() } else { shift };
            Axis { scale, shift, source_len: s_len, destination_len: d_len }
        };
        let x = axis(
            source.origin_x,
            source.pixel_width,
            source_size.0,
            destination.origin_x,
            destination.pixel_width,
            destination_size.0,
        );
        let y = axis(
            source.origin_y,
            source.pixel_height,
            source_size.1,
            destination.origin_y,
            destination.pixel_height,
            destination_size.1,
        );
        for axis in [x, y] {
            if !(axis.scale.is_finite() && axis.shift.is_finite() && axis.scale > 0.0 && axis.source_len > 0) {
                return Err(Error::Argument {
                    name: "grid",
                    value: format!("scale {}, shift {}, {} pixels", axis.scale, axis.shift, axis.source_len),
                    accepted: "two north-up grids with positive pixel sizes".to_owned(),
                });
            }
        }
        Ok(Self { x, y })
    }

    /// A resampler that enlarges a whole image of the given size by an integer factor, as `cv2.resize` does.
    pub fn upsampling(factor: usize, source_size: (usize, usize)) -> Self {
        let axis = |len: usize| Axis {
            scale: 1.0 / factor as f64,
            shift: 0.0,
            source_len: len,
            destination_len: len * factor,
        };
        Self { x: axis(source_size.0), y: axis(source_size.1) }
    }

    /// Whether source and destination are the same grid.
    pub fn is_identity(&self) -> bool {
        self.x.identity() && self.y.identity()
    }

    /// The source window that [`Resampler::cubic`] and [`Resampler::nearest`] need for a destination window.
    pub fn source_window(&self, destination: SignedWindow) -> Window {
        let (col, col_end) = self.x.support(destination.col, destination.width, 2);
        let (row, row_end) = self.y.support(destination.row, destination.height, 2);
        Window::new(col, row, col_end - col, row_end - row)
    }

    /// Nearest source pixel, for classes.
    ///
    /// # Shapes
    /// - `source`: `[h, w]`, the pixels of [`Resampler::source_window`]
    /// - result: `[H, W]` of `destination`
    pub fn nearest<T: Copy>(&self, source: &[T], destination: SignedWindow) -> Vec<T> {
        let window = self.source_window(destination);
        assert_eq!(source.len(), window.len(), "source pixels of the window {window:?}");
        let cols: Vec<usize> = (0..destination.width as i64)
            .map(|c| self.x.nearest(destination.col + c).clamp(window.col, window.col_end() - 1) - window.col)
            .collect();
        let mut out = Vec::with_capacity(destination.width * destination.height);
        for r in 0..destination.height as i64 {
            let row = self.y.nearest(destination.row + r).clamp(window.row, window.row_end() - 1) - window.row;
            let line = &source[row * window.width..][..window.width];
            out.extend(cols.iter().map(|&c| line[c]));
        }
        out
    }

    /// Cubic convolution in float32, not rounded.
    ///
    /// Equal to OpenCV's `INTER_CUBIC` if the grids share a corner: coefficient -0.75, edges repeated, no fused multiply-add,
    /// sums from left to right, then `s0 b0 + (s1 b1 + (s2 b2 + s3 b3))` from top to bottom.
    ///
    /// # Shapes
    /// - `source`: `[h, w]`, the pixels of [`Resampler::source_window`]
    /// - `out`: `[H, W]` of `destination`, overwritten
    pub fn cubic(&self, source: &[f32], destination: SignedWindow, out: &mut [f32]) {
        let window = self.source_window(destination);
        assert_eq!(source.len(), window.len(), "source pixels of the window {window:?}");
        assert_eq!(out.len(), destination.width * destination.height, "output of {destination:?}");
        let taps_x = self.x.taps(destination.col, destination.width, window.col);
        let taps_y = self.y.taps(destination.row, destination.height, window.row);
        let width = destination.width;

        let mut horizontal = vec![0.0_f32; width * window.height];
        for (line, target) in source.chunks_exact(window.width).zip(horizontal.chunks_exact_mut(width)) {
            for ((index, weight), value) in taps_x.iter().zip(target) {
                *value = line[index[0] as usize] * weight[0]
                    + line[index[1] as usize] * weight[1]
                    + line[index[2] as usize] * weight[2]
                    + line[index[3] as usize] * weight[3];
            }
        }
        for ((index, b), target) in taps_y.iter().zip(out.chunks_exact_mut(width)) {
            let [s0, s1, s2, s3] = index.map(|i| &horizontal[i as usize * width..][..width]);
            for (i, value) in target.iter_mut().enumerate() {
                *value = s0[i] * b[0] + (s1[i] * b[1] + (s2[i] * b[2] + s3[i] * b[3]));
            }
        }
    }
}

/// OpenCV's `saturate_cast<ushort>(float)`: rounds half to even and clips to 0 to 65535.
pub fn round_to_u16(value: f32) -> u16 {
    value.round_ties_even() as u16
}

/// Ratios of pixel sizes are simple fractions (1, 1/2, 1/6). This removes the rounding error of stored sizes.
fn snap(scale: f64) -> f64 {
    let inverse = 1.0 / scale;
    if (inverse - inverse.round()).abs() < 1e-6 && inverse >= 0.5 { 1.0 / inverse.round() } else { scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upsample(factor: usize, width: usize, height: usize, source: &[f32]) -> Vec<u16> {
        let resampler = Resampler::upsampling(factor, (width, height));
        let all = SignedWindow { col: 0, row: 0, width: width * factor, height: height * factor };
        assert_eq!(resampler.source_window(all).len(), width * height);
        let mut out = vec![0.0; width * height * factor * factor];
        resampler.cubic(source, all, &mut out);
        out.into_iter().map(round_to_u16).collect()
    }

    #[test]
    fn equals_opencv_on_a_small_image() {
        // cv2.resize(np.array([[0, 1000, 65535], [7, 3, 10001]], np.uint16), None, fx=2, fy=2,
        //            interpolation=cv2.INTER_CUBIC) with opencv-python-headless 5.0.0
        let expected: [u16; 24] = [
            0, 0, 0, 17146, 55507, 65535, 0, 0, 0, 12677, 41158, 58456, //
            0, 0, 0, 5317, 17526, 24941, 19, 0, 0, 848, 3178, 4592,
        ];
        assert_eq!(upsample(2, 3, 2, &[0.0, 1000.0, 65535.0, 7.0, 3.0, 10001.0]), expected);
    }

    #[test]
    fn a_window_equals_the_same_part_of_the_whole() {
        let (w, h, factor) = (37, 23, 6);
        let source: Vec<f32> = (0..w * h).map(|i| ((i * 7919) % 10_007) as f32).collect();
        let whole = upsample(factor, w, h, &source);
        let resampler = Resampler::upsampling(factor, (w, h));
        let part = SignedWindow { col: 41, row: 17, width: 90, height: 80 };
        let from = resampler.source_window(part);
        let cut: Vec<f32> = (from.row..from.row_end())
            .flat_map(|r| source[r * w + from.col..r * w + from.col_end()].iter().copied())
            .collect();
        let mut out = vec![0.0; 90 * 80];
        resampler.cubic(&cut, part, &mut out);
        for (i, value) in out.into_iter().enumerate() {
            let (r, c) = (i / 90 + 17, i % 90 + 41);
            assert_eq!(round_to_u16(value), whole[r * w * factor + c], "row {r}, col {c}");
        }
    }

    #[test]
    fn grids_with_another_corner_are_matched_by_map_position() {
        // The 60 m grid of the scene starts 10 m further west and 20 m further north than its 10 m grid.
        let coarse = GeoTransform::north_up(435_720.0, 4_179_480.0, 60.0);
        let fine = GeoTransform::north_up(435_730.0, 4_179_460.0, 10.0);
        let resampler = Resampler::new(&coarse, (10, 10), &fine, (50, 50)).unwrap();
        // A plane through the map, sampled at the pixel centres, must come back at the other grid's centres.
        let plane = |x: f64, y: f64| ((x - 435_720.0) * 3.0 + (4_179_480.0 - y) * 2.0) as f32;
        let window = SignedWindow { col: 12, row: 12, width: 8, height: 8 };
        let from = resampler.source_window(window);
        let source: Vec<f32> = (0..from.len())
            .map(|i| {
                let (c, r) = (from.col + i % from.width, from.row + i / from.width);
                let (x, y) = coarse.to_map(c as f64 + 0.5, r as f64 + 0.5);
                plane(x, y)
            })
            .collect();
        let mut out = vec![0.0; 64];
        resampler.cubic(&source, window, &mut out);
        for (i, value) in out.into_iter().enumerate() {
            let (x, y) = fine.to_map(12.5 + (i % 8) as f64, 12.5 + (i / 8) as f64);
            // The kernel with -0.75 does not reproduce a slope exactly; 10 m of misregistration would show as 20 or 30.
            assert!((value - plane(x, y)).abs() < 18.0, "{value} against {}", plane(x, y));
        }
        // Pixel (0, 0) of the fine grid lies in pixel (0, 0) of the coarse one, pixel (5, 4) in (1, 1).
        let classes = resampler
            .nearest(&(0..100_u32).collect::<Vec<_>>(), SignedWindow { col: 0, row: 0, width: 50, height: 50 });
        assert_eq!((classes[0], classes[4 * 50 + 5], classes[3 * 50 + 4]), (0, 11, 0));
    }

    #[test]
    fn pixels_outside_repeat_the_edge() {
        let resampler = Resampler::upsampling(1, (3, 1));
        let beyond = SignedWindow { col: -2, row: -1, width: 7, height: 3 };
        assert_eq!(resampler.nearest(&[5, 6, 7], beyond)[7..14], [5, 5, 5, 6, 7, 7, 7]);
    }
}
