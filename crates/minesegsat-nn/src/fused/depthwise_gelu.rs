//! [`depthwise_gelu`]: a depthwise convolution and GELU.

use burn::tensor::Tensor;
use minesegsat_cpu::training::{self, GROUP, Group};
use rayon::prelude::*;

use super::{
    operation::{Gradient, Operation, apply},
    pool, sums,
};
use crate::fused::kernels::vectorised;

/// 3 x 3 depthwise convolution with zero padding, then GELU in its exact form.
///
/// # Shapes
/// - `x`, output: `[N, H * W, C]`, `size` = `[H, W]`; `weight`: `[C, 1, 3, 3]`; `bias`: `[C]`
pub(crate) fn depthwise_gelu(x: Tensor<3>, size: [usize; 2], weight: Tensor<4>, bias: Tensor<1>) -> Tensor<3> {
    let shape = x.dims();
    let operation = DepthwiseGelu { size, channels: shape[2] };
    apply(operation, [x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()], shape).0
}

#[derive(Debug)]
struct DepthwiseGelu {
    size: [usize; 2],
    channels: usize,
}

impl DepthwiseGelu {
    /// Rows of pixels per task in the backward pass.
    fn band(&self) -> usize {
        (self.size[0] / 4).clamp(1, 8)
    }
}

impl Operation<3> for DepthwiseGelu {
    /// Derivative of GELU at the convolution's output.
    type Saved = Vec<f32>;
    const READS: [bool; 3] = [true, true, false];

    fn forward(&self, [x, weight, bias]: [&[f32]; 3]) -> (Vec<f32>, Vec<f32>) {
        let taps = tap_rows(weight);
        let [height, width] = self.size;
        let line = width * self.channels;
        // Stands for the rows above and below the map.
        let zeros = vec![0.0; line];
        let (mut out, mut slopes) = (pool::buffer(x.len()), pool::buffer(x.len()));
        out.par_chunks_mut(line).zip(slopes.par_chunks_mut(line)).enumerate().for_each(|(i, (out, slopes))| {
            let row = |y: usize| &x[y * line..][..line];
            let above = if i % height > 0 { row(i - 1) } else { &zeros };
            let below = if i % height + 1 < height { row(i + 1) } else { &zeros };
            training::depthwise_gelu([above, row(i), below], &taps, bias, out, slopes);
        });
        (out, slopes)
    }

    fn buffers(slopes: Vec<f32>) -> Vec<Vec<f32>> {
        vec![slopes]
    }

    fn backward(
        &self,
        [x, weight, _]: [&[f32]; 3],
        slopes: &Vec<f32>,
        gradient: &[f32],
        _needed: [bool; 3],
    ) -> [Gradient; 3] {
        let channels = self.channels;
        let taps = tap_rows(weight);
        let [height, width] = self.size;
        let line = width * channels;
        let band = self.band();
        let mut of_x = pool::buffer(x.len());
        let parts: Vec<Vec<f32>> = of_x
            .par_chunks_mut(height * line)
            .enumerate()
            .flat_map(|(n, of_x)| {
                let [x, slopes, gradient] = [x, slopes, gradient].map(|v| &v[n * height * line..][..height * line]);
                let taps = &taps;
                of_x.par_chunks_mut(band * line).enumerate().map(move |(task, of_x)| {
                    let mut parameters = vec![0.0; 10 * channels];
                    let mut padded = vec![[0.0; GROUP]; (of_x.len() / line + 2) * (width + 2)];
                    for first in (0..channels).step_by(GROUP) {
                        let part = &Part { size: [height, width], channels, row: task * band, first };
                        fill_padded(&mut padded, gradient, slopes, part);
                        let x = &x[task * band * line..][..of_x.len()];
                        training::depthwise_gradients(&padded, x, taps, [width, first], of_x, &mut parameters);
                    }
                    parameters
                })
            })
            .collect();
        let parameters = sums::total(parts);
        let (of_taps, of_bias) = parameters.split_at(9 * channels);
        let of_weight = (0..channels).flat_map(|c| of_taps[c..].iter().step_by(channels).copied()).collect();
        [Gradient::Values(of_x), Gradient::Values(of_weight), Gradient::Values(of_bias.to_vec())]
    }
}

/// `[C, 9]` to `[9, C]`.
fn tap_rows(weight: &[f32]) -> Vec<f32> {
    (0..9).flat_map(|tap| weight.iter().skip(tap).step_by(9).copied()).collect()
}

/// A band of rows and a group of channels of a sample.
struct Part {
    size: [usize; 2],
    channels: usize,
    /// The first row.
    row: usize,
    /// The first channel.
    first: usize,
}

vectorised! {
    /// The gradient at the convolution's output, with a border of one pixel that is zero outside the map.
    fn fill_padded<'a>(padded: &'a mut [Group], gradient: &'a [f32], slopes: &'a [f32], part: &'a Part) {
        let Part { size: [height, width], channels, row, first } = *part;
        let len = (channels - first).min(GROUP);
        for (y, line) in (row..).zip(padded.chunks_exact_mut(width + 2)) {
            // The padded band starts one row above the band.
            let Some(y) = y.checked_sub(1).filter(|&y| y < height) else {
                line.fill([0.0; GROUP]);
                continue;
            };
            for (col, out) in line[1..=width].iter_mut().enumerate() {
                let at = (y * width + col) * channels + first;
                let (gradient, slopes) = (&gradient[at..][..len], &slopes[at..][..len]);
                for ((o, g), s) in out.iter_mut().zip(gradient).zip(slopes) {
                    *o = g * s;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{activation, module::conv2d, ops::ConvOptions};

    use super::*;
    use crate::{
        fused::check::{compare, random},
        init,
    };

    #[test]
    fn as_burn_computes_it() {
        for (n, size @ [h, w], c) in [(1, [1, 1], 3), (2, [5, 9], 20), (1, [33, 6], 64), (2, [8, 8], 150)] {
            let x: Vec<f32> = random(n * h * w * c).into_iter().map(|v| 2.0 * v).collect();
            compare(
                [x, random(c * 9), random(c)],
                |[x, weight, bias]| depthwise_gelu(x.reshape([n, h * w, c]), size, weight.reshape([c, 1, 3, 3]), bias),
                |[x, weight, bias]| {
                    let options = ConvOptions::new([1, 1], [1, 1], [1, 1], c);
                    let map = init::tokens_to_map(x.reshape([n, h * w, c]), size);
                    let map = conv2d(map, weight.reshape([c, 1, 3, 3]), Some(bias), options);
                    activation::gelu(init::map_to_tokens(map))
                },
            );
        }
    }
}
