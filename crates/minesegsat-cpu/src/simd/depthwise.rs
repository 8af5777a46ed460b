//! The depthwise convolution of the feed-forward network, and its GELU.

use super::math::gelu;
use super::{Element, Isa, Kernel, Vector};

/// Columns that are worked on before the next channels, so that what they read stays in the nearest caches.
const COLUMNS: usize = 16;

/// A 3 x 3 depthwise convolution with zero padding.
#[derive(Debug)]
pub(crate) struct DepthwiseGelu {
    /// `[9, C]`.
    pub(crate) weight: Vec<f32>,
    /// `[C]`.
    pub(crate) bias: Vec<f32>,
}

/// One row of the convolution, then GELU. Zeros follow each pixel up to the stride of the output.
///
/// # Shapes
/// - `rows`: the row above, the row itself and the one below, each `[width, C]`; zeros where there is none
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
            pixel[channels..].fill(T::of(0.0));
        }
    }
    isa.run(Depthwise { layer, rows: rows.map(<[T]>::as_ptr), width, out: out.as_mut_ptr(), out_stride });
}

struct Depthwise<'a, T> {
    layer: &'a DepthwiseGelu,
    rows: [*const T; 3],
    width: usize,
    out: *mut T,
    out_stride: usize,
}

impl<T: Element> Kernel for Depthwise<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let channels = self.layer.bias.len();
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
                        self.one::<V>(x, c);
                    }
                }
            }
        }
    }
}

impl<T: Element> Depthwise<'_, T> {
    /// Columns from `first` to before `end`, of a vector of channels.
    ///
    /// # Safety
    /// As of the kernel; the columns and channels exist.
    #[inline(always)]
    unsafe fn columns<V: Vector>(&self, first: usize, end: usize, c: usize) {
        let channels = self.layer.bias.len();
        // SAFETY: as the caller promises; columns beyond the row are not read.
        unsafe {
            let mut weight = [V::splat(0.0); 9];
            for (tap, weight) in weight.iter_mut().enumerate() {
                *weight = V::load(self.layer.weight.as_ptr().add(tap * channels + c));
            }
            let bias = V::load(self.layer.bias.as_ptr().add(c));
            let zero = V::splat(0.0);
            // Before the first column lies usize::MAX, which is no column either.
            let mut left = self.column::<V>(first.wrapping_sub(1), c);
            let mut middle = self.column::<V>(first, c);
            for x in first..end {
                let right = self.column::<V>(x + 1, c);
                // Three sums, so that each waits for a third of the others.
                let mut sums = [bias, zero, zero];
                for row in 0..3 {
                    sums[0] = left[row].fma(weight[3 * row], sums[0]);
                    sums[1] = middle[row].fma(weight[3 * row + 1], sums[1]);
                    sums[2] = right[row].fma(weight[3 * row + 2], sums[2]);
                }
                T::store(gelu(sums[0].add(sums[1]).add(sums[2])), self.out.add(x * self.out_stride + c));
                (left, middle) = (middle, right);
            }
        }
    }

    /// A column of the three rows, of a vector of channels; zeros where there is none. No closure: those are compiled for other
    /// instructions.
    ///
    /// # Safety
    /// As of [`Self::columns`].
    #[inline(always)]
    unsafe fn column<V: Vector>(&self, x: usize, c: usize) -> [V; 3] {
        // SAFETY: columns beyond the row are not read.
        unsafe {
            if x >= self.width {
                return [V::splat(0.0); 3];
            }
            let at = x * self.layer.bias.len() + c;
            [T::load(self.rows[0].add(at)), T::load(self.rows[1].add(at)), T::load(self.rows[2].add(at))]
        }
    }

    /// One column of one channel.
    ///
    /// # Safety
    /// As of [`Self::columns`].
    #[inline(always)]
    unsafe fn one<V: Vector>(&self, x: usize, c: usize) {
        let channels = self.layer.bias.len();
        let mut sum = self.layer.bias[c];
        for (row, pixels) in self.rows.iter().enumerate() {
            for col in 0..3 {
                if (1..=self.width).contains(&(x + col)) {
                    // SAFETY: the column lies in the row.
                    let value = unsafe { (*pixels.add((x + col - 1) * channels + c)).to_f32() };
                    sum += value * self.layer.weight[(3 * row + col) * channels + c];
                }
            }
        }
        // SAFETY: a vector of the sum; the pixel lies in the output.
        unsafe {
            let mut lanes = [0.0_f32; 16];
            gelu(V::splat(sum)).store(lanes.as_mut_ptr());
            *self.out.add(x * self.out_stride + c) = T::of(lanes[0]);
        }
    }
}
