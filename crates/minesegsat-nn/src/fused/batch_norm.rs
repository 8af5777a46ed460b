//! [`batch_norm`]: batch normalisation of maps, addition of a residual, and ReLU, in one pass.

use std::sync::Arc;

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::{
    Moments,
    operation::{Gradient, Operation, apply},
};
use crate::fused::kernels::{LANES, vectorised};

/// Settings of [`batch_norm`].
#[derive(Debug)]
pub(crate) struct BatchNormalisation {
    /// Moments to normalise with. `None`: those of the batch.
    pub(crate) moments: Option<Moments>,
    pub(crate) epsilon: f32,
    /// Whether to apply ReLU.
    pub(crate) relu: bool,
}

/// `relu(gamma (x - mean) / sqrt(variance + epsilon) + beta + residual)`, and the moments. ReLU and residual are optional.
///
/// # Shapes
/// - `x`, `residual` and output: `[N, C, H, W]`; `gamma`, `beta`: `[C]`
pub(crate) fn batch_norm(
    x: Tensor<4>,
    [gamma, beta]: [Tensor<1>; 2],
    residual: Option<Tensor<4>>,
    operation: BatchNormalisation,
) -> (Tensor<4>, Arc<Moments>) {
    let shape = x.dims();
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    let [batch, channels, height, width] = shape;
    let normalise = Normalise { batch, channels, plane: height * width, operation };
    match residual {
        None => apply(normalise, [x, gamma, beta], shape),
        Some(residual) => apply(WithResidual(normalise), [x, gamma, beta, residual.into_dispatch()], shape),
    }
}

#[derive(Debug)]
struct Normalise {
    batch: usize,
    channels: usize,
    /// Pixels per channel and sample.
    plane: usize,
    operation: BatchNormalisation,
}

#[derive(Debug)]
struct WithResidual(Normalise);

/// Minimum pixels per task, so that several small maps share a task.
const TASK: usize = 16 * 1024;

/// Factor and summand of a channel.
type Line = (f32, f32);

impl Normalise {
    /// Planes per task.
    fn planes(&self) -> usize {
        (TASK / self.plane).max(1)
    }

    fn inverse(&self, moments: &Moments) -> Vec<f32> {
        moments.variance.iter().map(|v| 1.0 / (v + self.operation.epsilon).sqrt()).collect()
    }

    /// Mean and variance of each channel over all samples.
    fn moments(&self, x: &[f32]) -> Moments {
        let mut planes = vec![(0.0, 0.0); self.batch * self.channels];
        let step = self.planes();
        planes
            .par_chunks_mut(step)
            .zip(x.par_chunks(step * self.plane))
            .for_each(|(moments, x)| plane_moments(moments, x, self.plane));
        let (mut mean, mut variance) = (Vec::with_capacity(self.channels), Vec::with_capacity(self.channels));
        for channel in 0..self.channels {
            let of_samples = || planes[channel..].iter().step_by(self.channels);
            let count = self.batch as f32;
            let middle = of_samples().map(|(mean, _)| mean).sum::<f32>() / count;
            let spread = of_samples().map(|(mean, variance)| variance + (mean - middle) * (mean - middle)).sum::<f32>();
            mean.push(middle);
            variance.push(spread / count);
        }
        Moments { mean, variance }
    }

    fn lines(&self, moments: &Moments, gamma: &[f32], beta: &[f32]) -> Vec<Line> {
        let inverse = self.inverse(moments);
        let line = |c: usize| (gamma[c] * inverse[c], beta[c] - gamma[c] * inverse[c] * moments.mean[c]);
        (0..self.channels).map(line).collect()
    }

    fn forward(&self, x: &[f32], gamma: &[f32], beta: &[f32], residual: Option<&[f32]>) -> (Vec<f32>, Moments) {
        let moments = self.operation.moments.clone().unwrap_or_else(|| self.moments(x));
        let lines = self.lines(&moments, gamma, beta);
        let mut out = vec![0.0; x.len()];
        let step = self.planes();
        out.par_chunks_mut(step * self.plane).zip(x.par_chunks(step * self.plane)).enumerate().for_each(
            |(i, (out, x))| {
                let residual = residual.map(|residual| &residual[i * step * self.plane..][..x.len()]);
                normalise(out, x, residual, &lines, i * step, self.plane, self.operation.relu);
            },
        );
        (out, moments)
    }

    /// Gradients of `x`, `gamma`, `beta` and the residual, the last one empty without a residual.
    fn backward(
        &self,
        x: &[f32],
        gamma: &[f32],
        beta: &[f32],
        residual: Option<&[f32]>,
        moments: &Moments,
        gradient: &[f32],
    ) -> [Vec<f32>; 4] {
        let (plane, step, relu) = (self.plane, self.planes(), self.operation.relu);
        let lines = self.lines(moments, gamma, beta);
        let inverse = self.inverse(moments);
        // The gradient that passes the ReLU; its sum over each plane, and the sum of its product with the normalised x.
        let mut passed = vec![0.0; x.len()];
        let mut sums = vec![(0.0, 0.0); self.batch * self.channels];
        let tasks = passed.par_chunks_mut(step * plane).zip(sums.par_chunks_mut(step)).enumerate();
        tasks.for_each(|(i, (passed, sums))| {
            let part = i * step * plane..i * step * plane + passed.len();
            let residual = residual.map(|residual| &residual[part.clone()]);
            let (x, gradient) = (&x[part.clone()], &gradient[part]);
            let of = Channels { lines: &lines, mean: &moments.mean, inverse: &inverse, first: i * step, plane };
            pass(passed, sums, x, residual, gradient, &of, relu);
        });
        let (mut of_beta, mut of_gamma) = (vec![0.0; self.channels], vec![0.0; self.channels]);
        for (i, (sum, times_x)) in sums.iter().enumerate() {
            of_beta[i % self.channels] += sum;
            of_gamma[i % self.channels] += times_x;
        }
        // The moments of the batch depend on x as well.
        let count = if self.operation.moments.is_none() { (self.batch * plane) as f32 } else { f32::INFINITY };
        let mut of_x = if residual.is_some() { passed.clone() } else { std::mem::take(&mut passed) };
        of_x.par_chunks_mut(plane).zip(x.par_chunks(plane)).enumerate().with_min_len(step).for_each(
            |(i, (of_x, x))| {
                let c = i % self.channels;
                // gamma inverse (g - mean of g - normalised x times the mean of g times it)
                let slope = -inverse[c] * of_gamma[c] / count;
                let shift = -of_beta[c] / count - slope * moments.mean[c];
                differentiate(of_x, x, lines[c].0, slope, shift);
            },
        );
        [of_x, of_gamma, of_beta, passed]
    }
}

impl Operation<3> for Normalise {
    type Saved = Moments;
    const READS: [bool; 3] = [true; 3];

    fn forward(&self, [x, gamma, beta]: [&[f32]; 3]) -> (Vec<f32>, Moments) {
        self.forward(x, gamma, beta, None)
    }

    fn backward(
        &self,
        [x, gamma, beta]: [&[f32]; 3],
        moments: &Moments,
        gradient: &[f32],
        _needed: [bool; 3],
    ) -> [Gradient; 3] {
        let [of_x, of_gamma, of_beta, _] = self.backward(x, gamma, beta, None, moments, gradient);
        [of_x, of_gamma, of_beta].map(Gradient::Values)
    }
}

impl Operation<4> for WithResidual {
    type Saved = Moments;
    const READS: [bool; 4] = [true; 4];

    fn forward(&self, [x, gamma, beta, residual]: [&[f32]; 4]) -> (Vec<f32>, Moments) {
        self.0.forward(x, gamma, beta, Some(residual))
    }

    fn backward(
        &self,
        [x, gamma, beta, residual]: [&[f32]; 4],
        moments: &Moments,
        gradient: &[f32],
        _needed: [bool; 4],
    ) -> [Gradient; 4] {
        self.0.backward(x, gamma, beta, Some(residual), moments, gradient).map(Gradient::Values)
    }
}

/// Channels of successive planes, starting at plane number `first`.
struct Channels<'a> {
    lines: &'a [Line],
    mean: &'a [f32],
    inverse: &'a [f32],
    first: usize,
    plane: usize,
}

vectorised! {
    /// Mean and variance of each plane.
    fn plane_moments<'a>(moments: &'a mut [(f32, f32)], x: &'a [f32], plane: usize) {
        for (moments, x) in moments.iter_mut().zip(x.chunks_exact(plane)) {
            let (chunks, rest) = x.as_chunks::<LANES>();
            let mut lanes = [0.0_f32; LANES];
            for x in chunks {
                for (lane, x) in lanes.iter_mut().zip(x) {
                    *lane += x;
                }
            }
            let mean = (lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()) / plane as f32;
            let mut lanes = [0.0_f32; LANES];
            for x in chunks {
                for (lane, x) in lanes.iter_mut().zip(x) {
                    let d = x - mean;
                    *lane = d.mul_add(d, *lane);
                }
            }
            let rest: f32 = rest.iter().map(|x| (x - mean) * (x - mean)).sum();
            *moments = (mean, (lanes.iter().sum::<f32>() + rest) / plane as f32);
        }
    }
}

vectorised! {
    /// Applies to each plane its channel's factor and summand, then adds the residual.
    fn normalise<'a>(
        out: &'a mut [f32],
        x: &'a [f32],
        residual: Option<&'a [f32]>,
        lines: &'a [Line],
        first: usize,
        plane: usize,
        relu: bool,
    ) {
        let least = if relu { 0.0 } else { f32::NEG_INFINITY };
        for (i, (out, x)) in out.chunks_exact_mut(plane).zip(x.chunks_exact(plane)).enumerate() {
            let (factor, constant) = lines[(first + i) % lines.len()];
            if let Some(residual) = residual {
                for ((o, v), r) in out.iter_mut().zip(x).zip(&residual[i * plane..][..plane]) {
                    *o = at_least(v.mul_add(factor, constant) + r, least);
                }
            } else {
                for (o, v) in out.iter_mut().zip(x) {
                    *o = at_least(v.mul_add(factor, constant), least);
                }
            }
        }
    }
}

/// The larger number, or NaN if `v` is NaN, which `f32::max` would hide.
#[expect(clippy::inline_always, reason = "it must be compiled with the features of the kernel that calls it")]
#[inline(always)]
fn at_least(v: f32, least: f32) -> f32 {
    if v < least { least } else { v }
}

vectorised! {
    /// The gradient that passes the ReLU; for each plane its sum, and the sum of its product with the normalised `x`.
    fn pass<'a>(
        passed: &'a mut [f32],
        sums: &'a mut [(f32, f32)],
        x: &'a [f32],
        residual: Option<&'a [f32]>,
        gradient: &'a [f32],
        of: &'a Channels<'a>,
        relu: bool,
    ) {
        let Channels { lines, mean, inverse, first, plane } = *of;
        for (i, (passed, sums)) in passed.chunks_exact_mut(plane).zip(sums).enumerate() {
            let c = (first + i) % lines.len();
            let (factor, constant) = lines[c];
            let (x, gradient) = (&x[i * plane..][..plane], &gradient[i * plane..][..plane]);
            if !relu {
                passed.copy_from_slice(gradient);
            } else if let Some(residual) = residual {
                let residual = &residual[i * plane..][..plane];
                for (((p, v), r), g) in passed.iter_mut().zip(x).zip(residual).zip(gradient) {
                    *p = if v.mul_add(factor, constant) + r > 0.0 { *g } else { 0.0 };
                }
            } else {
                for ((p, v), g) in passed.iter_mut().zip(x).zip(gradient) {
                    *p = if v.mul_add(factor, constant) > 0.0 { *g } else { 0.0 };
                }
            }
            let (mut sum, mut times_x) = ([0.0_f32; LANES], [0.0_f32; LANES]);
            let (x, x_rest) = x.as_chunks::<LANES>();
            let (g, g_rest) = passed.as_chunks::<LANES>();
            for (x, g) in x.iter().zip(g) {
                for (((sum, times_x), x), g) in sum.iter_mut().zip(&mut times_x).zip(x).zip(g) {
                    *sum += g;
                    *times_x = g.mul_add(x - mean[c], *times_x);
                }
            }
            for (((sum, times_x), x), g) in sum.iter_mut().zip(&mut times_x).zip(x_rest).zip(g_rest) {
                *sum += g;
                *times_x = g.mul_add(x - mean[c], *times_x);
            }
            *sums = (sum.iter().sum(), times_x.iter().sum::<f32>() * inverse[c]);
        }
    }
}

vectorised! {
    /// `of_x = factor (of_x + slope x + shift)`; `of_x` holds the gradient.
    fn differentiate<'a>(of_x: &'a mut [f32], x: &'a [f32], factor: f32, slope: f32, shift: f32) {
        for (o, v) in of_x.iter_mut().zip(x) {
            *o = factor * (v.mul_add(slope, shift) + *o);
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{activation::relu, module::batch_norm_train};

    use super::*;
    use crate::fused::check::{compare, random};

    const EPSILON: f32 = 1e-5;

    #[test]
    fn as_burn_computes_it() {
        for (shape @ [n, c, h, w], with_relu) in
            [([2, 3, 7, 9], true), ([1, 40, 4, 4], false), ([3, 20, 33, 40], true), ([4, 5, 1, 1], true)]
        {
            let len = n * c * h * w;
            // Other numbers than the gradient that `compare` uses, since they would cancel.
            let x = || random(len + 1)[1..].to_vec();
            let end = |x: Tensor<4>| if with_relu { relu(x) } else { x };
            let operation = |moments| BatchNormalisation { moments, epsilon: EPSILON, relu: with_relu };
            compare(
                [x(), random(c), random(c + 1)[..c].to_vec(), random(len + 2)[..len].to_vec()],
                |[x, gamma, beta, residual]| {
                    batch_norm(x.reshape(shape), [gamma, beta], Some(residual.reshape(shape)), operation(None)).0
                },
                |[x, gamma, beta, residual]| {
                    let out = batch_norm_train(x.reshape(shape), gamma, beta, f64::from(EPSILON)).output;
                    end(out + residual.reshape(shape))
                },
            );
            compare(
                [x(), random(c), random(c + 1)[..c].to_vec()],
                |[x, gamma, beta]| batch_norm(x.reshape(shape), [gamma, beta], None, operation(None)).0,
                |[x, gamma, beta]| end(batch_norm_train(x.reshape(shape), gamma, beta, f64::from(EPSILON)).output),
            );
            let moments = Moments { mean: random(c), variance: random(c).iter().map(|v| v * v + 0.1).collect() };
            compare(
                [x(), random(c + 2)[..c].to_vec(), random(c + 1)[..c].to_vec()],
                |[x, gamma, beta]| {
                    batch_norm(x.reshape(shape), [gamma, beta], None, operation(Some(moments.clone()))).0
                },
                |[x, gamma, beta]| {
                    let x = x.reshape(shape);
                    let row = |values: &[f32]| Tensor::<1>::from_floats(values, &x.device()).reshape([1, c, 1, 1]);
                    let deviation = (row(&moments.variance) + EPSILON).sqrt();
                    let gamma = gamma.reshape([1, c, 1, 1]);
                    end((x.clone() - row(&moments.mean)) / deviation * gamma + beta.reshape([1, c, 1, 1]))
                },
            );
        }
    }
}
