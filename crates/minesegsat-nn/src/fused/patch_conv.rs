//! [`patch_conv`], [`map_to_channels_last`]: convolutions without groups over channels-last maps.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::{
    operation::{Gradient, Operation, apply},
    pool,
    sums::{self, Start},
};
use crate::fused::{
    kernels,
    matmul::{MatMut, MatRef, Parallelism, matmul},
};

/// A convolution with a square kernel. Gathers the inputs of each output into a row, and multiplies.
///
/// # Shapes
/// - `x`: `[N, H * W, C]`, `size` = `[H, W]`; `weight`: `[O, C, k, k]`; `bias`: `[O]`
/// - output `[N, H' * W', O]` and `[H', W']`, with `H' = floor((H + 2 padding - k) / stride) + 1`
pub(crate) fn patch_conv(
    x: Tensor<3>,
    size: [usize; 2],
    weight: Tensor<4>,
    bias: Tensor<1>,
    stride: usize,
    padding: usize,
) -> (Tensor<3>, [usize; 2]) {
    let [batch, _, _] = x.dims();
    let [out_channels, channels, kernel, _] = weight.dims();
    let out_size = size.map(|len| (len + 2 * padding - kernel) / stride + 1);
    let operation = PatchConv { batch, size, out_size, channels, out_channels, kernel, stride, padding };
    let inputs = [x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()];
    (apply(operation, inputs, [batch, out_size[0] * out_size[1], out_channels]).0, out_size)
}

/// `[N, C, H, W]` to `[N, H * W, C]`.
pub(crate) fn map_to_channels_last(x: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = x.dims();
    apply(ChannelsLast { batch, channels }, [x.into_dispatch()], [batch, height * width, channels]).0
}

#[derive(Debug)]
struct PatchConv {
    batch: usize,
    size: [usize; 2],
    out_size: [usize; 2],
    channels: usize,
    out_channels: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
}

/// With more outputs than this, tasks share the outputs, and each gathers and multiplies. Otherwise threads share the product.
const MANY_OUTPUTS: usize = 1024;

/// Maximum tasks for the weight's gradient. Each task has its own sums.
const TASKS: usize = 16;

impl PatchConv {
    /// Input values per output.
    fn depth(&self) -> usize {
        self.kernel * self.kernel * self.channels
    }

    fn outputs(&self) -> usize {
        self.batch * self.out_size[0] * self.out_size[1]
    }

    /// `[O, C, k, k]` to `[O, k, k, C]`, the order of gathered rows.
    fn weight_rows(&self, weight: &[f32]) -> Vec<f32> {
        let mut rows = pool::buffer(weight.len());
        let depth = self.depth();
        rows.par_chunks_mut(depth).zip(weight.par_chunks(depth)).for_each(|(row, weight)| {
            let area = self.kernel * self.kernel;
            for (tap, out) in row.chunks_exact_mut(self.channels).enumerate() {
                for (o, w) in out.iter_mut().zip(weight[tap..].iter().step_by(area)) {
                    *o = *w;
                }
            }
        });
        rows
    }

    /// The reverse of [`weight_rows`](Self::weight_rows).
    fn weight_of_rows(&self, rows: &[f32]) -> Vec<f32> {
        let mut weight = pool::buffer(rows.len());
        let depth = self.depth();
        weight.par_chunks_mut(depth).zip(rows.par_chunks(depth)).for_each(|(weight, row)| {
            let area = self.kernel * self.kernel;
            for (tap, row) in row.chunks_exact(self.channels).enumerate() {
                for (w, v) in weight[tap..].iter_mut().step_by(area).zip(row) {
                    *w = *v;
                }
            }
        });
        weight
    }

    /// The kernel columns that lie inside the map for an output in this column.
    fn inside(&self, col: usize) -> (usize, usize) {
        let start = col * self.stride;
        let left = self.padding.saturating_sub(start).min(self.kernel);
        let right = (self.size[1] + self.padding).saturating_sub(start).min(self.kernel).max(left);
        (left, right)
    }

    /// Copies the inputs of consecutive outputs, starting at `first`. Zero outside the map.
    fn gather(&self, x: &[f32], first: usize, rows: &mut [f32]) {
        let [height, width] = self.size;
        let [out_height, out_width] = self.out_size;
        let line = self.kernel * self.channels;
        for (output, patch) in (first..).zip(rows.chunks_exact_mut(self.depth())) {
            let (n, row, col) =
                (output / (out_height * out_width), output / out_width % out_height, output % out_width);
            let (left, right) = self.inside(col);
            let (from, to) = (left * self.channels, right * self.channels);
            for (ky, out) in patch.chunks_exact_mut(line).enumerate() {
                let y = (row * self.stride + ky).checked_sub(self.padding).filter(|&y| y < height);
                let Some(y) = y.filter(|_| left < right) else {
                    out.fill(0.0);
                    continue;
                };
                out[..from].fill(0.0);
                out[to..].fill(0.0);
                let start = ((n * height + y) * width + col * self.stride + left - self.padding) * self.channels;
                out[from..to].copy_from_slice(&x[start..][..to - from]);
            }
        }
    }

    /// Inputs of all outputs, `[outputs, depth]`.
    fn gather_all(&self, x: &[f32]) -> Vec<f32> {
        let depth = self.depth();
        let mut rows = pool::buffer(self.outputs() * depth);
        let step = sums::rows_of_task(depth);
        let tasks = rows.par_chunks_mut(step * depth).enumerate();
        tasks.for_each(|(task, rows)| self.gather(x, task * step, rows));
        rows
    }

    /// The transpose of gathering: adds the gradients of gathered rows to their pixels.
    fn scatter(&self, rows: &[f32]) -> Vec<f32> {
        let [height, width] = self.size;
        let [out_height, out_width] = self.out_size;
        let (line, channels) = (self.kernel * self.channels, self.channels);
        let mut out = pool::buffer(self.batch * height * width * channels);
        out.par_chunks_mut(width * channels).enumerate().for_each(|(i, out)| {
            let (n, y) = (i / height, i % height + self.padding);
            out.fill(0.0);
            // Outputs whose kernel covers this row.
            for row in (y + 1).saturating_sub(self.kernel).div_ceil(self.stride)..=y / self.stride {
                if row >= out_height {
                    break;
                }
                let ky = y - row * self.stride;
                for col in 0..out_width {
                    let (left, right) = self.inside(col);
                    if left == right {
                        continue;
                    }
                    let output = (n * out_height + row) * out_width + col;
                    let gradient = &rows[output * self.depth() + ky * line + left * channels..];
                    let start = (col * self.stride + left - self.padding) * channels;
                    let len = (right - left) * channels;
                    sums::add(&mut out[start..][..len], &gradient[..len]);
                }
            }
        });
        out
    }
}

impl Operation<3> for PatchConv {
    type Saved = ();
    const READS: [bool; 3] = [true, true, false];

    fn forward(&self, [x, weight, bias]: [&[f32]; 3]) -> (Vec<f32>, ()) {
        let (depth, outputs, out_channels) = (self.depth(), self.outputs(), self.out_channels);
        let weight_rows = self.weight_rows(weight);
        let weight = MatRef::new(&weight_rows, out_channels, depth, depth).transposed();
        let mut out = pool::buffer(outputs * out_channels);
        if outputs < MANY_OUTPUTS {
            let rows = self.gather_all(x);
            sums::product(&mut out, Start::Row(bias), 1.0, &rows, weight, [depth, out_channels]);
            pool::recycle(rows);
            pool::recycle(weight_rows);
            return (out, ());
        }
        let step = sums::rows_of_task(depth);
        out.par_chunks_mut(step * out_channels).enumerate().for_each_init(
            || vec![0.0; step * depth],
            |gathered, (task, out)| {
                let rows = out.len() / out_channels;
                let gathered = &mut gathered[..rows * depth];
                self.gather(x, task * step, gathered);
                for out in out.chunks_exact_mut(out_channels) {
                    out.copy_from_slice(bias);
                }
                let out = MatMut::new(out, rows, out_channels, out_channels);
                matmul(out, true, MatRef::new(gathered, rows, depth, depth), weight, Parallelism::None);
            },
        );
        pool::recycle(weight_rows);
        (out, ())
    }

    fn backward(
        &self,
        [x, weight, _]: [&[f32]; 3],
        (): &(),
        gradient: &[f32],
        [needs_x, needs_weight, needs_bias]: [bool; 3],
    ) -> [Gradient; 3] {
        let (depth, outputs, out_channels) = (self.depth(), self.outputs(), self.out_channels);
        [
            Gradient::when(needs_x, || {
                let weight_rows = self.weight_rows(weight);
                let weight = MatRef::new(&weight_rows, out_channels, depth, depth);
                let mut rows = pool::buffer(outputs * depth);
                sums::product(&mut rows, Start::Zero, 1.0, gradient, weight, [out_channels, depth]);
                let of_x = self.scatter(&rows);
                pool::recycle(rows);
                pool::recycle(weight_rows);
                of_x
            }),
            Gradient::when(needs_weight, || {
                if outputs < MANY_OUTPUTS {
                    let rows = self.gather_all(x);
                    let product = sums::transposed_product(gradient, &rows, out_channels, depth, 1.0);
                    let of_weight = self.weight_of_rows(&product);
                    pool::recycle(rows);
                    pool::recycle(product);
                    return of_weight;
                }
                let step = sums::rows_of_task(depth);
                let task_rows = outputs.div_ceil(TASKS).next_multiple_of(step);
                let parts = gradient.par_chunks(task_rows * out_channels).enumerate().map(|(task, gradient)| {
                    let mut product = vec![0.0; out_channels * depth];
                    let mut gathered = vec![0.0; step * depth];
                    for (i, gradient) in gradient.chunks(step * out_channels).enumerate() {
                        let rows = gradient.len() / out_channels;
                        let gathered = &mut gathered[..rows * depth];
                        self.gather(x, task * task_rows + i * step, gathered);
                        matmul(
                            MatMut::new(&mut product, out_channels, depth, depth),
                            true,
                            MatRef::new(gradient, rows, out_channels, out_channels).transposed(),
                            MatRef::new(gathered, rows, depth, depth),
                            Parallelism::None,
                        );
                    }
                    product
                });
                let product = sums::total(parts.collect());
                let of_weight = self.weight_of_rows(&product);
                pool::recycle(product);
                of_weight
            }),
            Gradient::when(needs_bias, || sums::columns(gradient, out_channels)),
        ]
    }
}

#[derive(Debug)]
struct ChannelsLast {
    batch: usize,
    channels: usize,
}

impl Operation<1> for ChannelsLast {
    type Saved = ();
    const READS: [bool; 1] = [false];

    fn forward(&self, [x]: [&[f32]; 1]) -> (Vec<f32>, ()) {
        let mut out = pool::buffer(x.len());
        let sample = x.len() / self.batch;
        for (x, out) in x.chunks_exact(sample).zip(out.chunks_exact_mut(sample)) {
            kernels::channels_last(x, self.channels, out);
        }
        (out, ())
    }

    fn backward(&self, _inputs: [&[f32]; 1], (): &(), gradient: &[f32], _needed: [bool; 1]) -> [Gradient; 1] {
        let mut out = pool::buffer(gradient.len());
        let sample = gradient.len() / self.batch;
        let plane = sample / self.channels;
        out.par_chunks_mut(plane).enumerate().for_each(|(i, out)| {
            let pixels = &gradient[i / self.channels * sample + i % self.channels..];
            for (o, v) in out.iter_mut().zip(pixels.iter().step_by(self.channels)) {
                *o = *v;
            }
        });
        [Gradient::Values(out)]
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{module::conv2d, ops::ConvOptions};

    use super::*;
    use crate::{
        fused::check::{compare, random},
        init,
    };

    #[test]
    fn as_burn_computes_it() {
        for (n, size @ [h, w], [c, o], k, stride, padding) in [
            (1, [1, 1], [2, 3], 3, 2, 1),
            (2, [13, 10], [3, 5], 7, 4, 3),
            (2, [64, 96], [12, 20], 7, 4, 3),
            (3, [40, 64], [6, 9], 3, 2, 1),
            (2, [17, 19], [10, 10], 4, 4, 0),
            (1, [70, 66], [3, 6], 2, 2, 0),
        ] {
            compare(
                [random(n * h * w * c), random(o * c * k * k), random(o)],
                |[x, weight, bias]| {
                    patch_conv(x.reshape([n, h * w, c]), size, weight.reshape([o, c, k, k]), bias, stride, padding).0
                },
                |[x, weight, bias]| {
                    let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
                    let map = init::tokens_to_map(x.reshape([n, h * w, c]), size);
                    init::map_to_tokens(conv2d(map, weight.reshape([o, c, k, k]), Some(bias), options))
                },
            );
        }
    }

    #[test]
    fn maps_become_channels_last() {
        let shape = [2, 5, 6, 7];
        compare(
            [random(shape.iter().product())],
            |[x]| map_to_channels_last(x.reshape(shape)),
            |[x]| init::map_to_tokens(x.reshape(shape)),
        );
    }
}
