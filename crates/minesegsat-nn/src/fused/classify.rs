//! [`classify`]: batch normalisation, ReLU, channel dropout and the classifier, without intermediate tensors.

use std::sync::Arc;

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::{
    operation::{Gradient, Operation, apply},
    pool, sums,
};
use crate::fused::kernels::{LANES, vectorised};

/// Mean and variance (divided by the number of values) of each channel.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    pub(crate) mean: Vec<f32>,
    pub(crate) variance: Vec<f32>,
}

/// Settings of [`classify`].
#[derive(Debug)]
pub(crate) struct Classify {
    /// Moments to normalise with. `None`: those of the batch.
    pub(crate) moments: Option<Moments>,
    pub(crate) epsilon: f32,
    /// Factor of each sample and channel after the ReLU, `[N, D]`.
    pub(crate) keep: Option<Vec<f32>>,
    pub(crate) batch: usize,
}

/// `weight keep relu(gamma (x - mean) / sqrt(variance + epsilon) + beta) + bias` of each pixel, and the moments.
///
/// # Shapes
/// - `x`: `[N, L, D]`; `gamma`, `beta`: `[D]`; `weight`: `[classes, D]`; `bias`: `[classes]`
/// - output `[N, L, classes]`
pub(crate) fn classify(
    x: Tensor<3>,
    [gamma, beta]: [Tensor<1>; 2],
    weight: Tensor<2>,
    bias: Tensor<1>,
    operation: Classify,
) -> (Tensor<3>, Arc<Moments>) {
    let [batch, tokens, _] = x.dims();
    let shape = [batch, tokens, bias.dims()[0]];
    let [gamma, beta, bias] = [gamma, beta, bias].map(Tensor::into_dispatch);
    apply(operation, [x.into_dispatch(), gamma, beta, weight.into_dispatch(), bias], shape)
}

/// Parameters for the rows of one sample.
struct Layer<'a> {
    mean: &'a [f32],
    /// `1 / sqrt(variance + epsilon)`.
    inverse: &'a [f32],
    gamma: &'a [f32],
    beta: &'a [f32],
    /// The classifier's weight times the sample's dropout factors, `[classes, D]`.
    weight: &'a [f32],
}

impl Classify {
    fn inverse(&self, moments: &Moments) -> Vec<f32> {
        moments.variance.iter().map(|v| 1.0 / (v + self.epsilon).sqrt()).collect()
    }

    /// The classifier's weight times each sample's dropout factors, `[N, classes, D]`.
    fn weights(&self, weight: &[f32], channels: usize) -> Vec<f32> {
        let Some(keep) = &self.keep else { return weight.repeat(self.batch) };
        let sample = |keep: &[f32]| weight.iter().zip(keep.iter().cycle()).map(|(w, k)| w * k).collect::<Vec<_>>();
        keep.chunks_exact(channels).flat_map(sample).collect()
    }
}

impl Operation<5> for Classify {
    type Saved = Moments;
    const READS: [bool; 5] = [true, true, true, true, false];

    fn forward(&self, [x, gamma, beta, weight, bias]: [&[f32]; 5]) -> (Vec<f32>, Moments) {
        let (channels, classes) = (gamma.len(), bias.len());
        let moments = self.moments.clone().unwrap_or_else(|| moments(x, channels));
        let inverse = self.inverse(&moments);
        let weights = self.weights(weight, channels);
        let tokens = x.len() / channels / self.batch;
        let rows = sums::rows_of_task(channels);
        let mut out = vec![0.0; self.batch * tokens * classes];
        let samples = out.par_chunks_mut(tokens * classes).zip(x.par_chunks(tokens * channels));
        samples.zip(weights.par_chunks(classes * channels)).for_each(|((out, x), weight)| {
            let layer = Layer { mean: &moments.mean, inverse: &inverse, gamma, beta, weight };
            let tasks = out.par_chunks_mut(rows * classes).zip(x.par_chunks(rows * channels));
            tasks.for_each(|(out, x)| logits(out, x, &layer, bias));
        });
        (out, moments)
    }

    fn backward(
        &self,
        [x, gamma, beta, weight, _]: [&[f32]; 5],
        moments: &Moments,
        gradient: &[f32],
        _needed: [bool; 5],
    ) -> [Gradient; 5] {
        let channels = gamma.len();
        let classes = weight.len() / channels;
        let inverse = self.inverse(moments);
        let weights = self.weights(weight, channels);
        let tokens = x.len() / channels / self.batch;
        let rows = sums::rows_of_task(channels);
        let layer = |n: usize| {
            let weight = &weights[n * classes * channels..][..classes * channels];
            Layer { mean: &moments.mean, inverse: &inverse, gamma, beta, weight }
        };
        // For each sample the gradients of gamma, beta and the weight without dropout: [2 + classes, D].
        let samples: Vec<Vec<f32>> = x
            .par_chunks(tokens * channels)
            .zip(gradient.par_chunks(tokens * classes))
            .enumerate()
            .map(|(n, (x, gradient))| {
                let layer = layer(n);
                let tasks = x.par_chunks(rows * channels).zip(gradient.par_chunks(rows * classes));
                let parts = tasks.map(|(x, gradient)| {
                    let mut parameters = vec![0.0; (2 + classes) * channels];
                    let (normal, of_weight) = parameters.split_at_mut(2 * channels);
                    let (of_gamma, of_beta) = normal.split_at_mut(channels);
                    add_to_parameters(x, gradient, &layer, of_gamma, of_beta, of_weight);
                    parameters
                });
                let mut sums = sums::total(parts.collect());
                if let Some(keep) = &self.keep {
                    let keep = keep[n * channels..][..channels].iter().cycle();
                    for (v, k) in sums[2 * channels..].iter_mut().zip(keep) {
                        *v *= k;
                    }
                }
                sums
            })
            .collect();
        let mut of_gamma = sums::total(samples);
        let of_weight = of_gamma.split_off(2 * channels);
        let of_beta = of_gamma.split_off(channels);
        // The moments of the batch depend on x; given moments do not.
        let share = if self.moments.is_some() { 0.0 } else { 1.0 / (x.len() / channels) as f32 };
        let mut of_x = pool::buffer(x.len());
        let samples = of_x.par_chunks_mut(tokens * channels).zip(x.par_chunks(tokens * channels));
        samples.zip(gradient.par_chunks(tokens * classes)).enumerate().for_each(|(n, ((out, x), gradient))| {
            let layer = layer(n);
            let tasks = out.par_chunks_mut(rows * channels).zip(x.par_chunks(rows * channels));
            tasks.zip(gradient.par_chunks(rows * classes)).for_each(|((out, x), gradient)| {
                differentiate(out, x, gradient, &layer, &of_gamma, &of_beta, share);
            });
        });
        let of_bias = sums::columns(gradient, classes);
        [of_x, of_gamma, of_beta, of_weight, of_bias].map(Gradient::Values)
    }
}

/// Mean and variance of each column. Those of the tasks are merged as in Chan, Golub, LeVeque 1979.
fn moments(x: &[f32], channels: usize) -> Moments {
    let parts: Vec<(usize, Vec<f32>)> = x
        .par_chunks(sums::rows_of_task(channels) * channels)
        .map(|rows| {
            let mut part = vec![0.0; 2 * channels];
            let (mean, deviation) = part.split_at_mut(channels);
            sums::add_rows(mean, rows);
            let count = rows.len() / channels;
            for m in mean.iter_mut() {
                *m /= count as f32;
            }
            add_squares(deviation, rows, mean);
            (count, part)
        })
        .collect();
    let (mut mean, mut deviation, mut total) = (vec![0.0_f64; channels], vec![0.0_f64; channels], 0.0);
    for (count, part) in parts {
        let count = count as f64;
        for c in 0..channels {
            let difference = f64::from(part[c]) - mean[c];
            mean[c] += difference * count / (total + count);
            deviation[c] += f64::from(part[channels + c]) + difference * difference * total * count / (total + count);
        }
        total += count;
    }
    Moments {
        mean: mean.into_iter().map(|v| v as f32).collect(),
        variance: deviation.into_iter().map(|v| (v / total) as f32).collect(),
    }
}

vectorised! {
    /// `sums += (row - mean)^2` for each row.
    fn add_squares<'a>(sums: &'a mut [f32], rows: &'a [f32], mean: &'a [f32]) {
        for row in rows.chunks_exact(mean.len()) {
            for ((s, v), m) in sums.iter_mut().zip(row).zip(mean) {
                *s = (v - m).mul_add(v - m, *s);
            }
        }
    }
}

vectorised! {
    fn logits<'a>(out: &'a mut [f32], x: &'a [f32], layer: &'a Layer<'a>, bias: &'a [f32]) {
        let (channels, classes) = (layer.gamma.len(), bias.len());
        let (mean, inverse) = (&layer.mean[..channels], &layer.inverse[..channels]);
        let (gamma, beta) = (&layer.gamma[..channels], &layer.beta[..channels]);
        let mut room = vec![0.0_f32; channels];
        let active = &mut room[..channels];
        for (out, x) in out.chunks_exact_mut(classes).zip(x.chunks_exact(channels)) {
            let x = &x[..channels];
            for c in 0..channels {
                let n = (x[c] - mean[c]) * inverse[c];
                active[c] = n.mul_add(gamma[c], beta[c]).max(0.0);
            }
            for ((o, weight), bias) in out.iter_mut().zip(layer.weight.chunks_exact(channels)).zip(bias) {
                let mut lanes = [0.0_f32; LANES];
                for (a, w) in active.chunks(LANES).zip(weight.chunks(LANES)) {
                    for ((lane, a), w) in lanes.iter_mut().zip(a).zip(w) {
                        *lane = a.mul_add(*w, *lane);
                    }
                }
                *o = bias + lanes.iter().sum::<f32>();
            }
        }
    }
}

vectorised! {
    /// Adds the rows' contribution to the gradients of gamma, beta and the classifier's weight.
    fn add_to_parameters<'a>(
        x: &'a [f32],
        gradient: &'a [f32],
        layer: &'a Layer<'a>,
        of_gamma: &'a mut [f32],
        of_beta: &'a mut [f32],
        of_weight: &'a mut [f32],
    ) {
        let channels = layer.gamma.len();
        let classes = layer.weight.len() / channels;
        // Slices of equal length, so that the compiler drops bounds checks.
        let (mean, inverse) = (&layer.mean[..channels], &layer.inverse[..channels]);
        let (gamma, beta) = (&layer.gamma[..channels], &layer.beta[..channels]);
        let (of_gamma, of_beta) = (&mut of_gamma[..channels], &mut of_beta[..channels]);
        let mut room = vec![0.0_f32; channels];
        let back = &mut room[..channels];
        for (x, gradient) in x.chunks_exact(channels).zip(gradient.chunks_exact(classes)) {
            back.fill(0.0);
            for (g, weight) in gradient.iter().zip(layer.weight.chunks_exact(channels)) {
                for (b, w) in back.iter_mut().zip(weight) {
                    *b = g.mul_add(*w, *b);
                }
            }
            let x = &x[..channels];
            for c in 0..channels {
                let n = (x[c] - mean[c]) * inverse[c];
                let active = n.mul_add(gamma[c], beta[c]);
                let d = if active > 0.0 { back[c] } else { 0.0 };
                of_beta[c] += d;
                of_gamma[c] = d.mul_add(n, of_gamma[c]);
                back[c] = active.max(0.0);
            }
            for (g, of_weight) in gradient.iter().zip(of_weight.chunks_exact_mut(channels)) {
                for (w, active) in of_weight.iter_mut().zip(&*back) {
                    *w = g.mul_add(*active, *w);
                }
            }
        }
    }
}

vectorised! {
    /// The gradient of `x`: `gamma inverse (d - share sum(d) - n share sum(d n))` with the gradient `d` before the ReLU.
    fn differentiate<'a>(
        out: &'a mut [f32],
        x: &'a [f32],
        gradient: &'a [f32],
        layer: &'a Layer<'a>,
        of_gamma: &'a [f32],
        of_beta: &'a [f32],
        share: f32,
    ) {
        let channels = layer.gamma.len();
        let classes = layer.weight.len() / channels;
        let (mean, inverse) = (&layer.mean[..channels], &layer.inverse[..channels]);
        let (gamma, beta) = (&layer.gamma[..channels], &layer.beta[..channels]);
        let (of_gamma, of_beta) = (&of_gamma[..channels], &of_beta[..channels]);
        let rows = out.chunks_exact_mut(channels).zip(x.chunks_exact(channels)).zip(gradient.chunks_exact(classes));
        for ((out, x), gradient) in rows {
            let (out, x) = (&mut out[..channels], &x[..channels]);
            out.fill(0.0);
            for (g, weight) in gradient.iter().zip(layer.weight.chunks_exact(channels)) {
                for (o, w) in out.iter_mut().zip(weight) {
                    *o = g.mul_add(*w, *o);
                }
            }
            for c in 0..channels {
                let n = (x[c] - mean[c]) * inverse[c];
                let active = n.mul_add(gamma[c], beta[c]);
                let d = if active > 0.0 { out[c] } else { 0.0 };
                let shared = n.mul_add(of_gamma[c], of_beta[c]) * share;
                out[c] = gamma[c] * inverse[c] * (d - shared);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::activation::relu;

    use super::*;
    use crate::fused::check::{compare, random};

    #[test]
    fn as_burn_computes_it() {
        for ([n, l, d, k], given, dropout) in [
            ([1, 6, 5, 1], false, false),
            ([2, 301, 24, 1], false, true),
            ([3, 40, 37, 3], false, true),
            ([2, 31, 16, 2], true, true),
        ] {
            let keep = dropout.then(|| (0..n * d).map(|i| if i % 5 == 1 { 0.0 } else { 1.25 }).collect::<Vec<f32>>());
            let moments = given
                .then(|| Moments { mean: random(d), variance: random(d).into_iter().map(|v| v * v + 0.5).collect() });
            let x: Vec<f32> =
                random(n * l * d).into_iter().enumerate().map(|(i, v)| 2.0 * v + (i % d) as f32).collect();
            compare(
                [x, random(d), random(d), random(k * d), random(k)],
                |[x, gamma, beta, weight, bias]| {
                    let operation = Classify { moments: moments.clone(), epsilon: 1e-5, keep: keep.clone(), batch: n };
                    classify(x.reshape([n, l, d]), [gamma, beta], weight.reshape([k, d]), bias, operation).0
                },
                |[x, gamma, beta, weight, bias]| {
                    let device = x.device();
                    let row = |values: &[f32]| Tensor::<1>::from_floats(values, &device).reshape([1, d]);
                    let x = x.reshape([n * l, d]);
                    let (mean, variance) = if let Some(given) = &moments {
                        (row(&given.mean), row(&given.variance))
                    } else {
                        let mean = x.clone().mean_dim(0);
                        (mean.clone(), (x.clone() - mean).square().mean_dim(0))
                    };
                    let x = (x - mean) / (variance + 1e-5).sqrt() * gamma.reshape([1, d]) + beta.reshape([1, d]);
                    let x = relu(x).reshape([n, l, d]);
                    let x = match &keep {
                        Some(keep) => x * Tensor::<1>::from_floats(keep.as_slice(), &device).reshape([n, 1, d]),
                        None => x,
                    };
                    let x = x.reshape([n * l, d]).matmul(weight.reshape([k, d]).transpose());
                    (x + bias.reshape([1, k])).reshape([n, l, k])
                },
            );
        }
    }

    #[test]
    fn moments_of_many_rows_far_from_zero_are_exact() {
        let x: Vec<f32> = random(5000 * 3).into_iter().map(|v| v + 1000.0).collect();
        let found = moments(&x, 3);
        for c in 0..3 {
            let column: Vec<f64> = x.iter().skip(c).step_by(3).map(|&v| f64::from(v)).collect();
            let mean = column.iter().sum::<f64>() / 5000.0;
            let variance = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 5000.0;
            assert!((f64::from(found.mean[c]) - mean).abs() < 1e-3);
            assert!((f64::from(found.variance[c]) - variance).abs() < 1e-3 * variance);
        }
    }
}
