//! [`layer_norm`]: layer normalisation of tokens.

use burn::tensor::Tensor;
use minesegsat_cpu::training;
use rayon::prelude::*;

use super::{
    operation::{Gradient, Operation, apply},
    pool, sums,
};
use crate::fused::kernels::{LANES, vectorised};

/// Layer normalisation of each token: `(x - mean) / sqrt(variance + epsilon) gamma + beta`.
///
/// # Shapes
/// - `x`, output: `[N, L, C]`; `gamma`, `beta`: `[C]`
pub(crate) fn layer_norm(x: Tensor<3>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Tensor<3> {
    let shape = x.dims();
    let operation = LayerNorm { channels: shape[2], epsilon: epsilon as f32 };
    apply(operation, [x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch()], shape).0
}

#[derive(Debug)]
struct LayerNorm {
    channels: usize,
    epsilon: f32,
}

impl Operation<3> for LayerNorm {
    /// Mean and inverse standard deviation of each token.
    type Saved = Vec<[f32; 2]>;
    const READS: [bool; 3] = [true, true, false];

    fn forward(&self, [x, gamma, beta]: [&[f32]; 3]) -> (Vec<f32>, Self::Saved) {
        let (mut out, mut moments) = (pool::buffer(x.len()), vec![[0.0; 2]; x.len() / self.channels]);
        let rows = sums::rows_of_task(self.channels);
        out.par_chunks_mut(rows * self.channels)
            .zip(x.par_chunks(rows * self.channels))
            .zip(moments.par_chunks_mut(rows))
            .for_each(|((out, x), moments)| training::layer_norm(x, [gamma, beta], self.epsilon, out, moments));
        (out, moments)
    }

    fn backward(
        &self,
        [x, gamma, _]: [&[f32]; 3],
        moments: &Self::Saved,
        gradient: &[f32],
        _needed: [bool; 3],
    ) -> [Gradient; 3] {
        let channels = self.channels;
        let rows = sums::rows_of_task(channels);
        let mut of_x = pool::buffer(x.len());
        let parts = of_x
            .par_chunks_mut(rows * channels)
            .zip(x.par_chunks(rows * channels))
            .zip(gradient.par_chunks(rows * channels))
            .zip(moments.par_chunks(rows))
            .map(|(((out, x), gradient), moments)| {
                let mut of_parameters = vec![0.0; 2 * channels];
                differentiate(out, x, gradient, moments, gamma, &mut of_parameters);
                of_parameters
            });
        let mut of_gamma = sums::total(parts.collect());
        let of_beta = of_gamma.split_off(channels);
        [Gradient::Values(of_x), Gradient::Values(of_gamma), Gradient::Values(of_beta)]
    }
}

vectorised! {
    /// With `n = (x - mean) inverse` and the gradient `d` of the output, the gradient of `x` is
    /// `inverse (gamma d - mean(gamma d) - n mean(gamma d n))`. The gradient of gamma is the sum of `d n` over all rows, that of
    /// beta the sum of `d`. Both are added to `of_parameters`, `[2, C]`.
    fn differentiate<'a>(
        out: &'a mut [f32],
        x: &'a [f32],
        gradient: &'a [f32],
        moments: &'a [[f32; 2]],
        gamma: &'a [f32],
        of_parameters: &'a mut [f32],
    ) {
        let channels = gamma.len();
        let scale = 1.0 / channels as f32;
        let (of_gamma, of_beta) = of_parameters.split_at_mut(channels);
        let rows = out.chunks_exact_mut(channels).zip(x.chunks_exact(channels)).zip(gradient.chunks_exact(channels));
        for (((out, x), gradient), &[mean, inverse]) in rows.zip(moments) {
            let (mut plain, mut weighted) = ([0.0_f32; LANES], [0.0_f32; LANES]);
            let blocks = out.chunks_mut(LANES).zip(x.chunks(LANES)).zip(gradient.chunks(LANES));
            let parameters = gamma.chunks(LANES).zip(of_gamma.chunks_mut(LANES)).zip(of_beta.chunks_mut(LANES));
            for (((out, x), gradient), ((gamma, of_gamma), of_beta)) in blocks.zip(parameters) {
                let values = out.iter_mut().zip(x).zip(gradient.iter().zip(gamma));
                let sums = of_gamma.iter_mut().zip(of_beta).zip(plain.iter_mut().zip(&mut weighted));
                for (((o, x), (d, g)), ((of_gamma, of_beta), (plain, weighted))) in values.zip(sums) {
                    let n = (x - mean) * inverse;
                    *of_beta += d;
                    *of_gamma = d.mul_add(n, *of_gamma);
                    *o = d * g;
                    *plain += *o;
                    *weighted = o.mul_add(n, *weighted);
                }
            }
            let (plain, weighted) = (plain.iter().sum::<f32>() * scale, weighted.iter().sum::<f32>() * scale);
            for (o, x) in out.iter_mut().zip(x) {
                let n = (x - mean) * inverse;
                *o = inverse * (*o - n.mul_add(weighted, plain));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fused::check::{compare, random};

    #[test]
    fn as_burn_computes_it() {
        for [n, l, c] in [[1, 5, 7], [2, 300, 32], [3, 41, 100], [1, 2, 1]] {
            let x: Vec<f32> = random(n * l * c).into_iter().map(|v| 3.0 * v + 1.0).collect();
            compare(
                [x, random(c), random(c)],
                |[x, gamma, beta]| layer_norm(x.reshape([n, l, c]), gamma, beta, 1e-3),
                |[x, gamma, beta]| {
                    let x = x.reshape([n, l, c]);
                    let x = x.clone() - x.mean_dim(2);
                    let variance = x.clone().square().mean_dim(2);
                    x / (variance + 1e-3).sqrt() * gamma.reshape([1, 1, c]) + beta.reshape([1, 1, c])
                },
            );
        }
    }
}
