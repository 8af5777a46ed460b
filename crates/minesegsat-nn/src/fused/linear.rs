//! [`linear`], [`linear_residual`]: a linear layer on tokens, alone and as the end of a residual branch.

use burn::tensor::Tensor;

use super::{
    operation::{Gradient, Operation, apply},
    pool,
    sums::{self, Start},
};
use crate::fused::matmul::MatRef;

/// `x weight + bias`, or `x weight`.
///
/// # Shapes
/// - `x`: `[N, L, d_in]`; `weight`: `[d_in, d_out]`; `bias`: `[d_out]`
/// - output `[N, L, d_out]`
pub(crate) fn linear(x: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<3> {
    let [batch, tokens, _] = x.dims();
    let [d_in, d_out] = weight.dims();
    let shape = [batch, tokens, d_out];
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    match bias {
        Some(bias) => apply(Linear { d_in, d_out }, [x, weight, bias.into_dispatch()], shape).0,
        None => apply(Linear { d_in, d_out }, [x, weight], shape).0,
    }
}

/// `residual + scales (x weight + bias)`, with a factor for each sample.
///
/// # Shapes
/// - `residual`, output: `[N, L, d_out]`; `x`: `[N, L, d_in]`; `weight`: `[d_in, d_out]`; `bias`: `[d_out]`
/// - `scales`: `[N]`
pub(crate) fn linear_residual(
    residual: Tensor<3>,
    x: Tensor<3>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    scales: Vec<f32>,
) -> Tensor<3> {
    let shape = residual.dims();
    let [d_in, d_out] = weight.dims();
    assert_eq!(scales.len(), shape[0], "one factor for each sample");
    let inputs = [residual.into_dispatch(), x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()];
    apply(LinearResidual { d_in, d_out, scales }, inputs, shape).0
}

#[derive(Debug)]
struct Linear {
    d_in: usize,
    d_out: usize,
}

impl Linear {
    fn multiply(&self, start: Start<'_>, x: &[f32], weight: &[f32]) -> Vec<f32> {
        let Self { d_in, d_out } = *self;
        let mut out = pool::buffer(x.len() / d_in * d_out);
        sums::product(&mut out, start, 1.0, x, MatRef::new(weight, d_in, d_out, d_out), [d_in, d_out]);
        out
    }

    /// Gradients of `x` and the weight.
    fn differentiate(&self, x: &[f32], weight: &[f32], gradient: &[f32], needed: [bool; 2]) -> [Gradient; 2] {
        let Self { d_in, d_out } = *self;
        [
            Gradient::when(needed[0], || {
                let mut out = pool::buffer(x.len());
                let weight = MatRef::new(weight, d_in, d_out, d_out).transposed();
                sums::product(&mut out, Start::Zero, 1.0, gradient, weight, [d_out, d_in]);
                out
            }),
            Gradient::when(needed[1], || sums::transposed_product(x, gradient, d_in, d_out, 1.0)),
        ]
    }
}

impl Operation<2> for Linear {
    type Saved = ();
    const READS: [bool; 2] = [true, true];

    fn forward(&self, [x, weight]: [&[f32]; 2]) -> (Vec<f32>, ()) {
        (self.multiply(Start::Zero, x, weight), ())
    }

    fn backward(&self, [x, weight]: [&[f32]; 2], (): &(), gradient: &[f32], needed: [bool; 2]) -> [Gradient; 2] {
        self.differentiate(x, weight, gradient, needed)
    }
}

impl Operation<3> for Linear {
    type Saved = ();
    const READS: [bool; 3] = [true, true, false];

    fn forward(&self, [x, weight, bias]: [&[f32]; 3]) -> (Vec<f32>, ()) {
        (self.multiply(Start::Row(bias), x, weight), ())
    }

    fn backward(&self, inputs: [&[f32]; 3], (): &(), gradient: &[f32], needed: [bool; 3]) -> [Gradient; 3] {
        let [x, weight, _] = inputs;
        let [of_x, of_weight] = self.differentiate(x, weight, gradient, [needed[0], needed[1]]);
        [of_x, of_weight, Gradient::when(needed[2], || sums::columns(gradient, self.d_out))]
    }
}

#[derive(Debug)]
struct LinearResidual {
    d_in: usize,
    d_out: usize,
    scales: Vec<f32>,
}

impl LinearResidual {
    /// Runs of consecutive samples with the same factor: the factor, the first sample, the one after the last.
    fn runs(&self) -> Vec<(f32, usize, usize)> {
        let mut runs: Vec<(f32, usize, usize)> = Vec::new();
        for (n, &scale) in self.scales.iter().enumerate() {
            match runs.last_mut() {
                Some((factor, _, end)) if *factor == scale => *end = n + 1,
                _ => runs.push((scale, n, n + 1)),
            }
        }
        runs
    }

    /// The values of a range of samples.
    fn samples<'a>(&self, x: &'a [f32], first: usize, end: usize) -> &'a [f32] {
        let sample = x.len() / self.scales.len();
        &x[first * sample..end * sample]
    }

    fn samples_mut<'a>(&self, x: &'a mut [f32], first: usize, end: usize) -> &'a mut [f32] {
        let sample = x.len() / self.scales.len();
        &mut x[first * sample..end * sample]
    }

    /// The sum over the samples that are not dropped.
    fn sum(&self, len: usize, part: impl Fn(f32, usize, usize) -> Vec<f32>) -> Vec<f32> {
        let kept = self.runs().into_iter().filter(|(scale, ..)| *scale != 0.0);
        sums::total_or_zero(kept.map(|(scale, first, end)| part(scale, first, end)).collect(), len)
    }
}

impl Operation<4> for LinearResidual {
    type Saved = ();
    const READS: [bool; 4] = [false, true, true, false];

    fn forward(&self, [residual, x, weight, bias]: [&[f32]; 4]) -> (Vec<f32>, ()) {
        let Self { d_in, d_out, .. } = *self;
        let weight = MatRef::new(weight, d_in, d_out, d_out);
        let mut out = pool::buffer(residual.len());
        for (scale, first, end) in self.runs() {
            let residual = self.samples(residual, first, end);
            let (out, x) = (self.samples_mut(&mut out, first, end), self.samples(x, first, end));
            if scale == 0.0 {
                out.copy_from_slice(residual);
            } else {
                sums::product(out, Start::Rows(residual, bias), scale, x, weight, [d_in, d_out]);
            }
        }
        (out, ())
    }

    fn backward(
        &self,
        [_, x, weight, _]: [&[f32]; 4],
        (): &(),
        gradient: &[f32],
        [_, needs_x, needs_weight, needs_bias]: [bool; 4],
    ) -> [Gradient; 4] {
        let Self { d_in, d_out, .. } = *self;
        [
            Gradient::Unchanged,
            Gradient::when(needs_x, || {
                let mut out = pool::buffer(x.len());
                let weight = MatRef::new(weight, d_in, d_out, d_out).transposed();
                for (scale, first, end) in self.runs() {
                    let out = self.samples_mut(&mut out, first, end);
                    if scale == 0.0 {
                        out.fill(0.0);
                    } else {
                        let gradient = self.samples(gradient, first, end);
                        sums::product(out, Start::Zero, scale, gradient, weight, [d_out, d_in]);
                    }
                }
                out
            }),
            Gradient::when(needs_weight, || {
                self.sum(d_in * d_out, |scale, first, end| {
                    let (x, gradient) = (self.samples(x, first, end), self.samples(gradient, first, end));
                    sums::transposed_product(x, gradient, d_in, d_out, scale)
                })
            }),
            Gradient::when(needs_bias, || {
                self.sum(d_out, |scale, first, end| {
                    let sums = sums::columns(self.samples(gradient, first, end), d_out);
                    sums.into_iter().map(|v| scale * v).collect()
                })
            }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fused::check::{compare, random};

    fn plain(x: Tensor<1>, weight: Tensor<1>, bias: Tensor<1>, [n, l, d_in, d_out]: [usize; 4]) -> Tensor<3> {
        let x = x.reshape([n * l, d_in]).matmul(weight.reshape([d_in, d_out])) + bias.reshape([1, d_out]);
        x.reshape([n, l, d_out])
    }

    const SIZES: [[usize; 4]; 5] =
        [[1, 3, 5, 7], [2, 700, 13, 3], [3, 129, 36, 144], [2, 40, 300, 200], [1, 1500, 33, 40]];

    #[test]
    fn linear_layers_are_as_burn_computes_them() {
        for [n, l, d_in, d_out] in SIZES {
            compare(
                [random(n * l * d_in), random(d_in * d_out), random(d_out)],
                |[x, weight, bias]| linear(x.reshape([n, l, d_in]), weight.reshape([d_in, d_out]), Some(bias)),
                |[x, weight, bias]| plain(x, weight, bias, [n, l, d_in, d_out]),
            );
            compare(
                [random(n * l * d_in), random(d_in * d_out)],
                |[x, weight]| linear(x.reshape([n, l, d_in]), weight.reshape([d_in, d_out]), None),
                |[x, weight]| {
                    let zeros = Tensor::zeros([d_out], &x.device());
                    plain(x, weight, zeros, [n, l, d_in, d_out])
                },
            );
        }
    }

    #[test]
    fn residual_branches_are_as_burn_computes_them() {
        for [n, l, d_in, d_out] in SIZES {
            let scales: Vec<f32> = (0..n).map(|i| [1.25, 0.0, 2.0][i % 3]).collect();
            compare(
                [random(n * l * d_out), random(n * l * d_in), random(d_in * d_out), random(d_out)],
                |[residual, x, weight, bias]| {
                    let (residual, x) = (residual.reshape([n, l, d_out]), x.reshape([n, l, d_in]));
                    linear_residual(residual, x, weight.reshape([d_in, d_out]), bias, scales.clone())
                },
                |[residual, x, weight, bias]| {
                    let device = x.device();
                    let scales = Tensor::<1>::from_floats(scales.as_slice(), &device).reshape([n, 1, 1]);
                    residual.reshape([n, l, d_out]) + plain(x, weight, bias, [n, l, d_in, d_out]) * scales
                },
            );
        }
    }

    #[test]
    fn a_branch_that_every_sample_skips_has_gradients_of_zero() {
        compare(
            [random(12), random(8), random(6), random(3)],
            |[residual, x, weight, bias]| {
                let (residual, x) = (residual.reshape([2, 2, 3]), x.reshape([2, 2, 2]));
                linear_residual(residual, x, weight.reshape([2, 3]), bias, vec![0.0; 2])
            },
            |[residual, x, weight, bias]| {
                residual.reshape([2, 2, 3]) + plain(x, weight, bias, [2, 2, 2, 3]).mul_scalar(0.0)
            },
        );
    }
}
