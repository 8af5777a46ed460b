//! The depthwise convolution of the feed-forward network and its GELU.

use super::math::{gelu, gelu_and_slope};
use super::{Element, Isa, Kernel, Vector};

/// Columns per group of channels: their inputs stay in the L1 cache until the next channels are processed.
const COLUMNS: usize = 16;

/// A 3 x 3 depthwise convolution with zero padding.
#[derive(Debug)]
pub(crate) struct DepthwiseGelu {
    /// `[9, C]`.
    pub(crate) weight: Vec<f32>,
    /// `[C]`.
    pub(crate) bias: Vec<f32>,
}

/// Computes one row of the convolution, then GELU. Fills each pixel up to the stride of the output with zeros.
///
/// # Shapes
/// - `rows`: the row above, the row itself and the row below, each `[width, C]`; zeros outside the map
/// - `out`: `[width, out_stride]`
pub(crate) fn depthwise_gelu<T: Element>(
    isa: Isa,
    layer: &DepthwiseGelu,
    rows: [&[T]; 3],
    width: usize,
    out: &mut [T],
    out_stride: usize,
) {
    let channels = layer.bias.len();
    assert!(layer.weight.len() == 9 * channels && channels <= out_stride, "{channels} channels");
    assert!(rows.iter().all(|row| row.len() >= width * channels), "a row ends early");
    assert!(width * out_stride <= out.len(), "the output is too short");
    if channels < out_stride {
        for pixel in out.chunks_exact_mut(out_stride).take(width) {
            pixel[channels..].fill(T::from_f32(0.0));
        }
    }
    let DepthwiseGelu { weight, bias } = layer;
    let (rows, out) = (rows.map(<[T]>::as_ptr), out.as_mut_ptr());
    isa.run(Depthwise::<T, false> { weight, bias, rows, width, out, out_stride, slopes: std::ptr::null_mut() });
}

/// See [`training::depthwise_gelu`](crate::training::depthwise_gelu).
pub(crate) fn depthwise_gelu_with_slopes(
    isa: Isa,
    rows: [&[f32]; 3],
    [weight, bias]: [&[f32]; 2],
    out: &mut [f32],
    slopes: &mut [f32],
) {
    let channels = bias.len();
    assert!(channels > 0 && weight.len() == 9 * channels, "{channels} channels");
    assert!(out.len().is_multiple_of(channels), "{} values are not a multiple of {channels} channels", out.len());
    assert!(rows.iter().all(|row| row.len() >= out.len()) && slopes.len() == out.len(), "a row ends early");
    let (rows, width, slopes) = (rows.map(<[f32]>::as_ptr), out.len() / channels, slopes.as_mut_ptr());
    isa.run(Depthwise::<f32, true> { weight, bias, rows, width, out: out.as_mut_ptr(), out_stride: channels, slopes });
}

/// With `SLOPES`, the derivatives of GELU are written too.
struct Depthwise<'a, T, const SLOPES: bool> {
    weight: &'a [f32],
    bias: &'a [f32],
    rows: [*const T; 3],
    width: usize,
    out: *mut T,
    out_stride: usize,
    /// `[width, C]`.
    slopes: *mut f32,
}

impl<T: Element, const SLOPES: bool> Kernel for Depthwise<'_, T, SLOPES> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let channels = self.bias.len();
        let whole = channels / V::LANES * V::LANES;
        for first in (0..self.width).step_by(COLUMNS) {
            let end = self.width.min(first + COLUMNS);
            // SAFETY: `depthwise_gelu` has checked that all pixels of the rows and of the output lie in their slices.
            unsafe {
                for c in (0..whole).step_by(V::LANES) {
                    self.columns::<V>(first, end, c);
                }
                for c in whole..channels {
                    for x in first..end {
                        self.single_channel::<V>(x, c);
                    }
                }
            }
        }
    }
}

impl<T: Element, const SLOPES: bool> Depthwise<'_, T, SLOPES> {
    /// Computes the columns `first..end` of a register of channels.
    ///
    /// # Safety
    /// As for the kernel; the columns and channels exist.
    #[inline(always)]
    unsafe fn columns<V: Vector>(&self, first: usize, end: usize, c: usize) {
        let channels = self.bias.len();
        // SAFETY: as the caller guarantees; columns beyond the row are not read.
        unsafe {
            let mut weight = [V::splat(0.0); 9];
            for (tap, weight) in weight.iter_mut().enumerate() {
                *weight = V::load(self.weight.as_ptr().add(tap * channels + c));
            }
            let bias = V::load(self.bias.as_ptr().add(c));
            let zero = V::splat(0.0);
            // The column before the first one wraps to usize::MAX, which counts as outside.
            let mut left = self.column::<V>(first.wrapping_sub(1), c);
            let mut middle = self.column::<V>(first, c);
            for x in first..end {
                let right = self.column::<V>(x + 1, c);
                // Three independent sums, so that additions overlap.
                let mut sums = [bias, zero, zero];
                for row in 0..3 {
                    sums[0] = left[row].fma(weight[3 * row], sums[0]);
                    sums[1] = middle[row].fma(weight[3 * row + 1], sums[1]);
                    sums[2] = right[row].fma(weight[3 * row + 2], sums[2]);
                }
                let sum = sums[0].add(sums[1]).add(sums[2]);
                let out = self.out.add(x * self.out_stride + c);
                if SLOPES {
                    let (value, slope) = gelu_and_slope(sum);
                    T::store(value, out);
                    slope.store(self.slopes.add(x * channels + c));
                } else {
                    T::store(gelu(sum), out);
                }
                (left, middle) = (middle, right);
            }
        }
    }

    /// A column of the three rows, for a register of channels; zeros outside the map. A function, not a closure: rustc may
    /// outline a closure, and the outlined copy is compiled without the kernel's target features.
    ///
    /// # Safety
    /// As for [`Self::columns`].
    #[inline(always)]
    unsafe fn column<V: Vector>(&self, x: usize, c: usize) -> [V; 3] {
        // SAFETY: columns beyond the row are not read.
        unsafe {
            if x >= self.width {
                return [V::splat(0.0); 3];
            }
            let at = x * self.bias.len() + c;
            [T::load(self.rows[0].add(at)), T::load(self.rows[1].add(at)), T::load(self.rows[2].add(at))]
        }
    }

    /// Computes one column of one channel.
    ///
    /// # Safety
    /// As for [`Self::columns`].
    #[inline(always)]
    unsafe fn single_channel<V: Vector>(&self, x: usize, c: usize) {
        let channels = self.bias.len();
        let mut sum = self.bias[c];
        for (row, pixels) in self.rows.iter().enumerate() {
            for col in 0..3 {
                if (1..=self.width).contains(&(x + col)) {
                    // SAFETY: the column lies in the row.
                    let value = unsafe { (*pixels.add((x + col - 1) * channels + c)).to_f32() };
                    sum += value * self.weight[(3 * row + col) * channels + c];
                }
            }
        }
        // SAFETY: `lanes` has room for a register; the pixel lies in the output.
        unsafe {
            let mut lanes = [0.0_f32; 16];
            let (value, slope) = gelu_and_slope(V::splat(sum));
            if SLOPES {
                slope.store(lanes.as_mut_ptr());
                *self.slopes.add(x * channels + c) = lanes[0];
            }
            value.store(lanes.as_mut_ptr());
            *self.out.add(x * self.out_stride + c) = T::from_f32(lanes[0]);
        }
    }
}
