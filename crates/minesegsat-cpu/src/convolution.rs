//! Convolutions as matrix products: input rows are gathered in the cache.

use std::ops::Range;

use crate::Result;
use crate::arena::{Pieces, Scratch, for_each};
use crate::layers::Source;
use crate::profile::{Clock, Operation};
use crate::simd::{Element, Ending, Isa, Norm, Operand, Panels, ROW_BLOCK, layer_norm, product};

/// Maximum number of rows that a task gathers.
const ROWS: usize = 64;

/// Pixels of a task at full resolution, and at half of it.
const PIXELS: usize = 1024;
/// Epsilon of batch norms.
const BATCH_NORM_EPSILON: f64 = 1e-5;

/// A convolution over a channels-last map.
#[derive(Debug)]
pub(crate) struct Convolution<T: Element> {
    /// `[kernel * kernel * pixel, out_channels]`, rows in the order (ky, kx, channel).
    pub(crate) weight: Panels<T>,
    pub(crate) bias: Vec<f32>,
    /// Numbers per input pixel, including padding.
    pixel: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
}

impl<T: Element> Convolution<T> {
    /// - `pixel`: numbers per input pixel; those beyond its channels are zero
    pub(crate) fn read(
        source: Source<'_>,
        name: &str,
        [channels, out_channels]: [usize; 2],
        pixel: usize,
        [kernel, stride, padding]: [usize; 3],
    ) -> Result<Self> {
        let weight = source.weights.get(&format!("{name}.weight"), &[out_channels, channels, kernel, kernel])?;
        let value = |row: usize, out: usize| {
            let (tap, channel) = (row / pixel, row % pixel);
            let (ky, kx) = (tap / kernel, tap % kernel);
            if channel < channels { weight[((out * channels + channel) * kernel + ky) * kernel + kx] } else { 0.0 }
        };
        Ok(Self {
            weight: Panels::new(source.isa, kernel * kernel * pixel, out_channels, value),
            bias: source.vector(&format!("{name}.bias"), out_channels)?,
            pixel,
            kernel,
            stride,
            padding,
        })
    }

    /// A convolution without bias and the batch norm behind it, `{name}.0` and `{name}.1`, as one.
    pub(crate) fn read_normed(
        source: Source<'_>,
        name: &str,
        [channels, out_channels]: [usize; 2],
        [kernel, stride, padding]: [usize; 3],
    ) -> Result<Self> {
        let weight = source.weights.get(&format!("{name}.0.weight"), &[out_channels, channels, kernel, kernel])?;
        let norm = |part: &str| source.vector(&format!("{name}.1.{part}"), out_channels);
        let (gamma, beta) = (norm("weight")?, norm("bias")?);
        let (mean, variance) = (norm("running_mean")?, norm("running_var")?);
        let scale: Vec<f64> = gamma
            .iter()
            .zip(&variance)
            .map(|(gamma, variance)| f64::from(*gamma) / (f64::from(*variance) + BATCH_NORM_EPSILON).sqrt())
            .collect();
        let bias = |out: usize| (f64::from(beta[out]) - f64::from(mean[out]) * scale[out]) as f32;
        let value = |row: usize, out: usize| {
            let (tap, channel) = (row / channels, row % channels);
            let (ky, kx) = (tap / kernel, tap % kernel);
            (f64::from(weight[((out * channels + channel) * kernel + ky) * kernel + kx]) * scale[out]) as f32
        };
        Ok(Self {
            weight: Panels::new(source.isa, kernel * kernel * channels, out_channels, value),
            bias: (0..out_channels).map(bias).collect(),
            pixel: channels,
            kernel,
            stride,
            padding,
        })
    }

    pub(crate) fn output_size(&self, size: [usize; 2]) -> [usize; 2] {
        size.map(|len| (len + 2 * self.padding - self.kernel) / self.stride + 1)
    }

    pub(crate) const fn stride(&self) -> usize {
        self.stride
    }

    /// Convolves, then normalises.
    ///
    /// # Shapes
    /// - `x`: `[H * W, pixel]`; `out`: `[H' * W', out_channels]`
    pub(crate) fn embed(
        &self,
        isa: Isa,
        norm: &Norm,
        x: &[T],
        size: [usize; 2],
        out: &mut [f32],
        scratch: &mut [Scratch<T>],
    ) {
        let channels = self.bias.len();
        let tasks = Pieces::new(out, channels, [2 * ROW_BLOCK, ROWS], scratch.len());
        for_each(scratch, tasks, |(first, out), scratch| {
            let tokens = first..first + out.len() / channels;
            self.rows(isa, x, size, tokens, (Operation::PatchEmbedding, scratch), |_, sums, clock| {
                let start = clock.start();
                layer_norm(isa, norm, sums, out, channels);
                clock.stop(start, Operation::Norm, 0);
            });
        });
    }

    /// Convolves, then applies ReLU.
    ///
    /// # Shapes
    /// - `x`: `[H * W, pixel]`; `out`: `[H' * W', out_channels]`
    pub(crate) fn normed_relu(&self, isa: Isa, x: &[T], size: [usize; 2], out: &mut [T], scratch: &mut [Scratch<T>]) {
        let channels = self.bias.len();
        for_each(scratch, Pieces::new(out, channels, [PIXELS, PIXELS], scratch.len()), |(first, out), scratch| {
            let pixels = first..first + out.len() / channels;
            self.rows(isa, x, size, pixels, (Operation::Detail, scratch), |pixel, sums, clock| {
                let start = clock.start();
                let out = &mut out[(pixel - first) * channels..][..sums.len()];
                for (out, sum) in out.iter_mut().zip(sums) {
                    *out = T::from_f32(sum.max(0.0));
                }
                clock.stop(start, Operation::Detail, 0);
            });
        });
    }

    /// Convolves some pixels of the output, [`ROWS`] at a time. `take` gets the first pixel and its sums, `[pixels, out_channels]`.
    /// The profile counts the products as `operation`.
    pub(crate) fn rows(
        &self,
        isa: Isa,
        x: &[T],
        size: [usize; 2],
        pixels: Range<usize>,
        (operation, scratch): (Operation, &mut Scratch<T>),
        mut take: impl FnMut(usize, &[f32], &mut Clock),
    ) {
        let [_, width] = self.output_size(size);
        let (channels, depth) = (self.bias.len(), self.weight.depth());
        let Scratch { operand, floats, clock, .. } = scratch;
        operand.ensure_len(ROWS.next_multiple_of(ROW_BLOCK) * depth);
        floats.ensure_len(ROWS * channels);
        for first in pixels.clone().step_by(ROWS) {
            let rows = ROWS.min(pixels.end - first);
            let start = clock.start();
            for (row, gathered) in operand.chunks_exact_mut(depth).take(rows).enumerate() {
                let token = first + row;
                self.gather(x, size, [token / width, token % width], gathered);
            }
            clock.stop(start, Operation::Gather, 0);
            let start = clock.start();
            let ending = Ending { bias: Some(&self.bias), ..Ending::default() };
            product(isa, &Operand::new(operand, rows, depth), self.weight.view(), &ending, &mut floats[..], channels);
            clock.stop(start, operation, 2 * rows * depth * channels);
            take(first, &floats[..rows * channels], clock);
        }
    }

    /// Copies the input pixels of one output. Pixels outside the map and numbers beyond the last pixel become zero.
    fn gather(&self, x: &[T], [height, width]: [usize; 2], [row, col]: [usize; 2], patch: &mut [T]) {
        let line = self.kernel * self.pixel;
        // The kernel's columns `left..right` lie inside the map.
        let start = col * self.stride;
        let left = self.padding.saturating_sub(start).min(self.kernel);
        let right = (width + self.padding - start).min(self.kernel).max(left);
        for (ky, out) in patch.chunks_exact_mut(line).take(self.kernel).enumerate() {
            let y = (row * self.stride + ky).checked_sub(self.padding).filter(|&y| y < height);
            let Some(y) = y else {
                out.fill(T::from_f32(0.0));
                continue;
            };
            let (from, to) = (left * self.pixel, right * self.pixel);
            out[..from].fill(T::from_f32(0.0));
            out[to..].fill(T::from_f32(0.0));
            if from < to {
                let first = (y * width + start + left - self.padding) * self.pixel;
                out[from..to].copy_from_slice(&x[first..][..to - from]);
            }
        }
        patch[self.kernel * line..].fill(T::from_f32(0.0));
    }
}
