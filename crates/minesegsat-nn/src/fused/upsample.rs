//! [`upsample_sum`], [`resize_planes`]: bilinear upsampling with half-pixel centres.

use burn::tensor::Tensor;
use minesegsat_cpu::training::lerp;
use rayon::prelude::*;

use super::{
    operation::{Gradient, Operation, apply},
    pool,
};
use crate::fused::kernels::{self, Tap, bilinear_taps, vectorised};

/// Upsamples the projected stages to the resolution of the first and adds them.
///
/// # Shapes
/// - `stages`: `[N, H_i * W_i, D]`, `sizes`: `[H_i, W_i]`
/// - output `[N, H_1 * W_1, D]`
pub(crate) fn upsample_sum(stages: [Tensor<3>; 4], sizes: [[usize; 2]; 4]) -> Tensor<3> {
    let shape = stages[0].dims();
    let taps = sizes.map(|[h, w]| [bilinear_taps(h, sizes[0][0]), bilinear_taps(w, sizes[0][1])]);
    let operation = UpsampleSum { batch: shape[0], width: shape[2], sizes, taps };
    apply(operation, stages.map(Tensor::into_dispatch), shape).0
}

/// Bilinear resampling of a map.
///
/// # Shapes
/// - `x`: `[N, C, H, W]`; output `[N, C, size[0], size[1]]`
pub(crate) fn resize_planes(x: Tensor<4>, to: [usize; 2]) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let operation = ResizePlanes { from: [height, width], to };
    apply(operation, [x.into_dispatch()], [batch, channels, to[0], to[1]]).0
}

#[derive(Debug)]
struct UpsampleSum {
    batch: usize,
    /// Channels.
    width: usize,
    sizes: [[usize; 2]; 4],
    /// Positions of the output's rows and columns in each stage.
    taps: [[Vec<Tap>; 2]; 4],
}

impl UpsampleSum {
    /// Elements of one sample of a stage.
    fn sample(&self, stage: usize) -> usize {
        self.sizes[stage][0] * self.sizes[stage][1] * self.width
    }

    /// Elements of one row of pixels of a stage.
    fn line(&self, stage: usize) -> usize {
        self.sizes[stage][1] * self.width
    }
}

impl Operation<4> for UpsampleSum {
    type Saved = ();
    const READS: [bool; 4] = [false; 4];

    fn forward(&self, inputs: [&[f32]; 4]) -> (Vec<f32>, ()) {
        let [height, _] = self.sizes[0];
        let line = self.line(0);
        let mut out = pool::buffer(inputs[0].len());
        out.par_chunks_mut(line).enumerate().for_each_init(
            || [1, 2, 3].map(|stage| vec![0.0_f32; self.line(stage)]),
            |rows, (i, out)| {
                let (n, y) = (i / height, i % height);
                for (stage, row) in (1..).zip(rows.iter_mut()) {
                    let map = &inputs[stage][n * self.sample(stage)..];
                    let ((a, b, t), line) = (self.taps[stage][0][y], row.len());
                    lerp(row, &map[a * line..][..line], &map[b * line..][..line], t);
                }
                let taps = [1, 2, 3].map(|stage: usize| &self.taps[stage][1][..]);
                add_upsampled(out, &inputs[0][i * line..][..line], rows, taps, self.width);
            },
        );
        (out, ())
    }

    fn backward(&self, _inputs: [&[f32]; 4], (): &(), gradient: &[f32], _needed: [bool; 4]) -> [Gradient; 4] {
        let [height, _] = self.sizes[0];
        // Columns first, at full height: [N, H_1, W_i, D].
        let [mut b, mut c, mut d] = [1, 2, 3].map(|stage| pool::buffer(self.batch * height * self.line(stage)));
        gradient
            .par_chunks(self.line(0))
            .zip(b.par_chunks_mut(self.line(1)))
            .zip(c.par_chunks_mut(self.line(2)))
            .zip(d.par_chunks_mut(self.line(3)))
            .for_each(|(((gradient, b), c), d)| {
                let taps = [1, 2, 3].map(|stage: usize| &self.taps[stage][1][..]);
                gather_columns(gradient, [b, c, d], taps, self.width);
            });
        let [b, c, d] = [(1, b), (2, c), (3, d)].map(|(stage, columns)| {
            let [rows, _] = self.sizes[stage];
            let line = self.line(stage);
            let sources = sources(&self.taps[stage][0], rows);
            let mut out = pool::buffer(self.batch * self.sample(stage));
            out.par_chunks_mut(line).enumerate().for_each(|(i, out)| {
                let columns = &columns[i / rows * height * line..];
                out.fill(0.0);
                for &(y, weight) in &sources[i % rows] {
                    add_scaled(out, &columns[y * line..][..line], weight);
                }
            });
            pool::recycle(columns);
            Gradient::Values(out)
        });
        [Gradient::Unchanged, b, c, d]
    }
}

/// For each of `len` source indices, the samples that it contributes to, with their weights.
fn sources(taps: &[Tap], len: usize) -> Vec<Vec<(usize, f32)>> {
    let mut sources = vec![Vec::new(); len];
    for (i, &(a, b, t)) in taps.iter().enumerate() {
        sources[a].push((i, 1.0 - t));
        sources[b].push((i, t));
    }
    sources
}

vectorised! {
    /// A row of the sum: the row of the first stage plus each coarser row, interpolated at its taps.
    fn add_upsampled<'a>(
        out: &'a mut [f32],
        first: &'a [f32],
        rows: &'a [Vec<f32>; 3],
        taps: [&'a [Tap]; 3],
        width: usize,
    ) {
        for (x, (out, first)) in out.chunks_exact_mut(width).zip(first.chunks_exact(width)).enumerate() {
            out.copy_from_slice(first);
            for (row, taps) in rows.iter().zip(taps) {
                let (a, b, t) = taps[x];
                for ((o, a), b) in out.iter_mut().zip(&row[a * width..][..width]).zip(&row[b * width..][..width]) {
                    *o += (b - a).mul_add(t, *a);
                }
            }
        }
    }
}

vectorised! {
    /// The transpose of [`add_upsampled`] on the coarser rows.
    fn gather_columns<'a>(gradient: &'a [f32], rows: [&'a mut [f32]; 3], taps: [&'a [Tap]; 3], width: usize) {
        for (row, taps) in rows.into_iter().zip(taps) {
            row.fill(0.0);
            for (gradient, &(a, b, t)) in gradient.chunks_exact(width).zip(taps) {
                for (o, g) in row[a * width..][..width].iter_mut().zip(gradient) {
                    *o = g.mul_add(1.0 - t, *o);
                }
                for (o, g) in row[b * width..][..width].iter_mut().zip(gradient) {
                    *o = g.mul_add(t, *o);
                }
            }
        }
    }
}

vectorised! {
    fn add_scaled<'a>(out: &'a mut [f32], x: &'a [f32], scale: f32) {
        for (o, v) in out.iter_mut().zip(x) {
            *o = v.mul_add(scale, *o);
        }
    }
}

#[derive(Debug)]
struct ResizePlanes {
    from: [usize; 2],
    to: [usize; 2],
}

impl Operation<1> for ResizePlanes {
    type Saved = ();
    const READS: [bool; 1] = [false];

    fn forward(&self, [x]: [&[f32]; 1]) -> (Vec<f32>, ()) {
        let planes = x.len() / (self.from[0] * self.from[1]);
        let mut out = vec![0.0; planes * self.to[0] * self.to[1]];
        kernels::resize_planes(x, self.from, &mut out, self.to);
        (out, ())
    }

    fn backward(&self, _inputs: [&[f32]; 1], (): &(), gradient: &[f32], _needed: [bool; 1]) -> [Gradient; 1] {
        let [vertical, horizontal] = [0, 1].map(|axis| bilinear_taps(self.from[axis], self.to[axis]));
        let rows = sources(&vertical, self.from[0]);
        let plane = self.to[0] * self.to[1];
        let mut out = vec![0.0; gradient.len() / plane * self.from[0] * self.from[1]];
        out.par_chunks_mut(self.from[1]).enumerate().for_each_init(
            || vec![0.0_f32; self.to[1]],
            |line, (i, out)| {
                let gradient = &gradient[i / self.from[0] * plane..];
                line.fill(0.0);
                for &(y, weight) in &rows[i % self.from[0]] {
                    add_scaled(line, &gradient[y * self.to[1]..][..self.to[1]], weight);
                }
                for (v, &(a, b, t)) in line.iter().zip(&horizontal) {
                    out[a] = v.mul_add(1.0 - t, out[a]);
                    out[b] = v.mul_add(t, out[b]);
                }
            },
        );
        [Gradient::Values(out)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fused::check::{compare, random},
        init,
    };

    #[test]
    fn stages_are_upsampled_and_added_as_burn_does() {
        for (n, width, sizes) in [
            (1, 3, [[8, 8], [4, 4], [2, 2], [1, 1]]),
            (2, 20, [[9, 5], [5, 3], [3, 2], [2, 1]]),
            (2, 8, [[3, 7], [3, 7], [1, 2], [1, 1]]),
        ] {
            let len = |stage: usize| n * sizes[stage][0] * sizes[stage][1] * width;
            let tokens = |x: Tensor<1>, stage: usize| x.reshape([n, sizes[stage][0] * sizes[stage][1], width]);
            compare(
                [random(len(0)), random(len(1)), random(len(2)), random(len(3))],
                |[a, b, c, d]| upsample_sum([tokens(a, 0), tokens(b, 1), tokens(c, 2), tokens(d, 3)], sizes),
                |[a, b, c, d]| {
                    let up = |x: Tensor<1>, stage: usize| {
                        let map = init::tokens_to_map(tokens(x, stage), sizes[stage]);
                        init::map_to_tokens(init::resize_bilinear(map, sizes[0]))
                    };
                    crate::with_plain_operations(|| up(a, 0) + up(b, 1) + up(c, 2) + up(d, 3))
                },
            );
        }
    }

    #[test]
    fn planes_are_resampled_as_burn_does() {
        for (from, to) in [([3, 5], [12, 20]), ([7, 4], [10, 13]), ([1, 1], [4, 3]), ([6, 8], [6, 32])] {
            let shape = [2, 3, from[0], from[1]];
            compare(
                [random(shape.iter().product())],
                |[x]| resize_planes(x.reshape(shape), to),
                |[x]| crate::with_plain_operations(|| init::resize_bilinear(x.reshape(shape), to)),
            );
        }
    }
}
