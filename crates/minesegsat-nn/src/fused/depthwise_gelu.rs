//! [`depthwise_gelu`]

use burn::tensor::Tensor;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{
    operation::{Gradient, Operation, apply},
    pool, sums,
};
use crate::fused::kernels::{LANES, exp_nonpositive, normal_cdf, vectorised};

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

/// Channels that are taken together.
const GROUP: usize = 4 * LANES;

type Group = [f32; GROUP];

impl DepthwiseGelu {
    /// Rows of pixels that one task of the backward pass takes.
    fn band(&self) -> usize {
        (self.size[0] / 4).clamp(1, 8)
    }
}

impl Operation<3> for DepthwiseGelu {
    /// Slope of GELU at the convolution's output.
    type Saved = Vec<f32>;
    const READS: [bool; 3] = [true, true, false];

    fn forward(&self, [x, weight, bias]: [&[f32]; 3]) -> (Vec<f32>, Vec<f32>) {
        let taps = tap_rows(weight);
        let [height, width] = self.size;
        let line = width * self.channels;
        let (mut out, mut slopes) = (pool::buffer(x.len()), pool::buffer(x.len()));
        out.par_chunks_mut(line).zip(slopes.par_chunks_mut(line)).enumerate().for_each(|(i, (out, slopes))| {
            let x = &x[i / height * height * line..][..height * line];
            convolve_row(x, self.size, i % height, &taps, bias, out, slopes);
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
                        let place = &Place { size: [height, width], channels, row: task * band, first };
                        fill_padded(&mut padded, gradient, slopes, place);
                        let (padded, parameters) = (&padded, &mut parameters);
                        let of_x = &mut *of_x;
                        Arch::new().dispatch(Differentiate { padded, x, taps, place, of_x, parameters });
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
struct Place {
    size: [usize; 2],
    channels: usize,
    /// The first row.
    row: usize,
    /// The first channel.
    first: usize,
}

vectorised! {
    /// A row of the output, and the slopes there.
    fn convolve_row<'a>(
        x: &'a [f32],
        size: [usize; 2],
        row: usize,
        taps: &'a [f32],
        bias: &'a [f32],
        out: &'a mut [f32],
        slopes: &'a mut [f32],
    ) {
        let [height, width] = size;
        let channels = bias.len();
        let rows = row.saturating_sub(1)..(row + 2).min(height);
        for (col, (out, slopes)) in out.chunks_exact_mut(channels).zip(slopes.chunks_exact_mut(channels)).enumerate() {
            let cols = col.saturating_sub(1)..(col + 2).min(width);
            for first in (0..channels).step_by(GROUP) {
                let len = (channels - first).min(GROUP);
                let mut sums = [0.0_f32; GROUP];
                sums[..len].copy_from_slice(&bias[first..first + len]);
                for y in rows.clone() {
                    for x_col in cols.clone() {
                        let tap = (y + 1 - row) * 3 + x_col + 1 - col;
                        let x = &x[(y * width + x_col) * channels + first..][..len];
                        let weight = &taps[tap * channels + first..][..len];
                        // The common case has a length that the compiler knows.
                        if let (Ok(x), Ok(weight)) = (<&Group>::try_from(x), <&Group>::try_from(weight)) {
                            for ((s, x), w) in sums.iter_mut().zip(x).zip(weight) {
                                *s = x.mul_add(*w, *s);
                            }
                        } else {
                            for ((s, x), w) in sums.iter_mut().zip(x).zip(weight) {
                                *s = x.mul_add(*w, *s);
                            }
                        }
                    }
                }
                let (out, slopes) = (&mut out[first..first + len], &mut slopes[first..first + len]);
                for ((o, slope), s) in out.iter_mut().zip(slopes).zip(sums) {
                    // d/ds s Φ(s) = Φ(s) + s φ(s)
                    let below = normal_cdf(s);
                    *o = s * below;
                    *slope = (s * FRAC_1_SQRT_TAU).mul_add(exp_nonpositive(-0.5 * s * s), below);
                }
            }
        }
    }
}

/// `1 / sqrt(2 pi)`.
const FRAC_1_SQRT_TAU: f32 = 0.398_942_3;

vectorised! {
    /// The gradient at the convolution's output, with a border of one pixel that is zero outside the map.
    fn fill_padded<'a>(padded: &'a mut [Group], gradient: &'a [f32], slopes: &'a [f32], place: &'a Place) {
        let Place { size: [height, width], channels, row, first } = *place;
        let len = (channels - first).min(GROUP);
        for (y, line) in (row..).zip(padded.chunks_exact_mut(width + 2)) {
            // Lines of the padded band start one row above it.
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

/// From the gradient `d` at the convolution's output: that of `x` is `sum over taps t of w_t d(p - t)`, that of `w_t` the sum
/// over pixels of `x(p) d(p - t)`, that of the bias the sum of `d`.
struct Differentiate<'a> {
    padded: &'a [Group],
    x: &'a [f32],
    /// `[9, C]`.
    taps: &'a [f32],
    place: &'a Place,
    of_x: &'a mut [f32],
    /// Gradients of taps and bias, which are added to, `[10, C]`.
    parameters: &'a mut [f32],
}

impl WithSimd for Differentiate<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "compiled with the features of the caller")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { padded, x, taps, place, of_x, parameters } = self;
        let Place { size: [_, width], channels, row, first } = *place;
        let line = width * channels;
        let x = &x[row * line..][..of_x.len()];
        // With ten sums, a block of channels as wide as a register is what registers hold.
        for block in 0..GROUP / S::F32_LANES {
            let channel = first + block * S::F32_LANES;
            if channel >= channels {
                break;
            }
            let len = (channels - channel).min(S::F32_LANES);
            let weights: [S::f32s; 9] =
                std::array::from_fn(|tap| simd.partial_load_f32s(&taps[tap * channels + channel..][..len]));
            let mut sums = [simd.splat_f32s(0.0); 10];
            for (y, (x, of_x)) in x.chunks_exact(line).zip(of_x.chunks_exact_mut(line)).enumerate() {
                let lines: [&[Group]; 3] = std::array::from_fn(|i| &padded[(y + i) * (width + 2)..][..width + 2]);
                for col in 0..width {
                    let at = col * channels + channel;
                    let x = &x[at..][..len];
                    let pixel = S::as_simd_f32s(x).0.first().copied();
                    let pixel = pixel.unwrap_or_else(|| simd.partial_load_f32s(x));
                    let mut out = simd.splat_f32s(0.0);
                    for tap in 0..9 {
                        // p - t, in a map with a border of 1: down and right of p for the first tap.
                        let d = S::as_simd_f32s(&lines[2 - tap / 3][col + 2 - tap % 3]).0[block];
                        out = simd.mul_add_f32s(d, weights[tap], out);
                        sums[tap] = simd.mul_add_f32s(d, pixel, sums[tap]);
                    }
                    sums[9] = simd.add_f32s(sums[9], S::as_simd_f32s(&lines[1][col + 1]).0[block]);
                    let of_x = &mut of_x[at..][..len];
                    if len == S::F32_LANES {
                        S::as_mut_simd_f32s(of_x).0[0] = out;
                    } else {
                        simd.partial_store_f32s(of_x, out);
                    }
                }
            }
            for (tap, sum) in sums.into_iter().enumerate() {
                let parameters = &mut parameters[tap * channels + channel..][..len];
                let total = simd.add_f32s(simd.partial_load_f32s(parameters), sum);
                simd.partial_store_f32s(parameters, total);
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
