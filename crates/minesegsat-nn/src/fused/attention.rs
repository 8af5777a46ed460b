//! [`attention`]: multi-head attention.

use burn::tensor::Tensor;
use minesegsat_cpu::training::{attention_slopes, exponentials};
use rayon::prelude::*;

use super::{
    operation::{Gradient, Operation, apply},
    pool, sums,
};
use crate::fused::{
    kernels,
    matmul::{MatMut, MatRef, Parallelism, matmul},
};

/// Attention scores per task: 256 KiB, a part of the L2 cache.
const SCORES: usize = 64 * 1024;

/// Maximum tasks per sample in the backward pass. Each task has its own sums for keys and values.
const TASKS: usize = 16;

/// Multi-head attention: `softmax(q k^T / sqrt(C / heads)) v` for each head's channels.
///
/// Scores are not stored. The backward pass recomputes them and normalises them with the stored logarithm of the sum of their
/// exponentials, as in [FlashAttention](https://arxiv.org/abs/2205.14135).
///
/// # Shapes
/// - `query`, output: `[N, L, C]`; `key`, `value`: `[N, K, C]`
pub(crate) fn attention(query: Tensor<3>, key: Tensor<3>, value: Tensor<3>, heads: usize) -> Tensor<3> {
    let shape @ [batch, tokens, channels] = query.dims();
    let [_, keys, _] = key.dims();
    let operation = Attention { batch, tokens, keys, channels, heads };
    apply(operation, [query.into_dispatch(), key.into_dispatch(), value.into_dispatch()], shape).0
}

#[derive(Debug)]
struct Attention {
    batch: usize,
    tokens: usize,
    keys: usize,
    channels: usize,
    heads: usize,
}

impl Attention {
    fn head_width(&self) -> usize {
        self.channels / self.heads
    }

    fn scale(&self) -> f32 {
        (self.head_width() as f64).sqrt().recip() as f32
    }

    /// Queries per task.
    fn rows(&self) -> usize {
        (SCORES / self.keys).clamp(16, 256)
    }

    /// View of a head's channels in rows of all channels.
    fn head<'a>(&self, x: &'a [f32], head: usize) -> MatRef<'a> {
        MatRef::new(&x[head * self.head_width()..], x.len() / self.channels, self.head_width(), self.channels)
    }

    fn head_mut<'a>(&self, x: &'a mut [f32], head: usize) -> MatMut<'a> {
        let rows = x.len() / self.channels;
        MatMut::new(&mut x[head * self.head_width()..], rows, self.head_width(), self.channels)
    }

    /// `out = query key^T` for a head, `[rows, K]`.
    fn scores(&self, out: &mut [f32], query: &[f32], key: &[f32], head: usize) {
        let out = MatMut::new(out, query.len() / self.channels, self.keys, self.keys);
        matmul(out, false, self.head(query, head), self.head(key, head).transposed(), Parallelism::None);
    }

    fn attend(&self, query: &[f32], key: &[f32], value: &[f32], out: &mut [f32], log_sums: &mut [f32]) {
        let rows = query.len() / self.channels;
        let mut scores = vec![0.0; rows * self.keys];
        let (mut inverse, mut log_sum) = (vec![0.0; rows], vec![0.0; rows]);
        for head in 0..self.heads {
            self.scores(&mut scores, query, key, head);
            exponentials(&mut scores, self.scale(), &mut inverse, &mut log_sum);
            let weights = MatRef::new(&scores, rows, self.keys, self.keys);
            matmul(self.head_mut(out, head), false, weights, self.head(value, head), Parallelism::None);
            let first = head * self.head_width();
            kernels::scale_rows(out, self.channels, first, first + self.head_width(), &inverse);
            for (all, one) in log_sums[head..].iter_mut().step_by(self.heads).zip(&log_sum) {
                *all = *one;
            }
        }
    }

    /// Writes the gradient of the queries, and adds to those of keys and values.
    fn differentiate(
        &self,
        [query, key, value, gradient, log_sums]: [&[f32]; 5],
        [of_query, of_key, of_value]: [&mut [f32]; 3],
    ) {
        let rows = query.len() / self.channels;
        let mut weights = vec![0.0; rows * self.keys];
        let mut slopes = vec![0.0; rows * self.keys];
        let mut log_sum = vec![0.0; rows];
        for head in 0..self.heads {
            for (one, all) in log_sum.iter_mut().zip(log_sums[head..].iter().step_by(self.heads)) {
                *one = *all;
            }
            self.scores(&mut weights, query, key, head);
            self.scores(&mut slopes, gradient, value, head);
            attention_slopes(&mut weights, &mut slopes, self.scale(), &log_sum);
            let [weights, slopes] = [&weights, &slopes].map(|x| MatRef::new(x, rows, self.keys, self.keys));
            let products = [
                (&mut *of_query, false, slopes, key),
                (&mut *of_key, true, slopes.transposed(), query),
                (&mut *of_value, true, weights.transposed(), gradient),
            ];
            for (out, accumulate, a, b) in products {
                matmul(self.head_mut(out, head), accumulate, a, self.head(b, head), Parallelism::None);
            }
        }
    }
}

impl Operation<3> for Attention {
    /// Logarithm of the sum of the exponentials of each query's scores, `[N, L, heads]`.
    type Saved = Vec<f32>;
    const READS: [bool; 3] = [true; 3];

    fn forward(&self, [query, key, value]: [&[f32]; 3]) -> (Vec<f32>, Vec<f32>) {
        let (channels, heads, rows) = (self.channels, self.heads, self.rows());
        let mut out = pool::buffer(query.len());
        let mut log_sums = pool::buffer(self.batch * self.tokens * heads);
        out.par_chunks_mut(self.tokens * channels)
            .zip(log_sums.par_chunks_mut(self.tokens * heads))
            .enumerate()
            .for_each(|(n, (out, log_sums))| {
                let [query, key, value] = [(query, self.tokens), (key, self.keys), (value, self.keys)]
                    .map(|(x, len)| &x[n * len * channels..][..len * channels]);
                out.par_chunks_mut(rows * channels)
                    .zip(query.par_chunks(rows * channels))
                    .zip(log_sums.par_chunks_mut(rows * heads))
                    .for_each(|((out, query), log_sums)| self.attend(query, key, value, out, log_sums));
            });
        (out, log_sums)
    }

    fn buffers(log_sums: Vec<f32>) -> Vec<Vec<f32>> {
        vec![log_sums]
    }

    fn backward(
        &self,
        [query, key, value]: [&[f32]; 3],
        log_sums: &Vec<f32>,
        gradient: &[f32],
        _needed: [bool; 3],
    ) -> [Gradient; 3] {
        let (channels, heads, rows) = (self.channels, self.heads, self.rows());
        let task = self.tokens.div_ceil(TASKS).next_multiple_of(rows);
        let mut of_query = pool::buffer(query.len());
        let samples: Vec<(Vec<f32>, Vec<f32>)> = of_query
            .par_chunks_mut(self.tokens * channels)
            .enumerate()
            .map(|(n, of_query)| {
                let [key, value] = [key, value].map(|x| &x[n * self.keys * channels..][..self.keys * channels]);
                let [query, gradient] =
                    [query, gradient].map(|x| &x[n * self.tokens * channels..][..self.tokens * channels]);
                let log_sums = &log_sums[n * self.tokens * heads..][..self.tokens * heads];
                let parts: Vec<(Vec<f32>, Vec<f32>)> = of_query
                    .par_chunks_mut(task * channels)
                    .zip(query.par_chunks(task * channels))
                    .zip(gradient.par_chunks(task * channels))
                    .zip(log_sums.par_chunks(task * heads))
                    .map(|(((of_query, query), gradient), log_sums)| {
                        let (mut of_key, mut of_value) = (vec![0.0; key.len()], vec![0.0; value.len()]);
                        let chunks = of_query
                            .chunks_mut(rows * channels)
                            .zip(query.chunks(rows * channels))
                            .zip(gradient.chunks(rows * channels))
                            .zip(log_sums.chunks(rows * heads));
                        for (((of_query, query), gradient), log_sums) in chunks {
                            self.differentiate(
                                [query, key, value, gradient, log_sums],
                                [of_query, &mut of_key, &mut of_value],
                            );
                        }
                        (of_key, of_value)
                    })
                    .collect();
                let (of_key, of_value): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
                (sums::total(of_key), sums::total(of_value))
            })
            .collect();
        let (of_key, of_value): (Vec<_>, Vec<_>) = samples.into_iter().unzip();
        [of_query, of_key.concat(), of_value.concat()].map(Gradient::Values)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::activation::softmax;

    use super::*;
    use crate::fused::check::{compare, random};

    #[test]
    fn as_burn_computes_it() {
        for [n, l, k, c, heads] in [[1, 5, 3, 4, 1], [2, 70, 9, 15, 5], [2, 600, 150, 24, 2], [3, 37, 37, 40, 8]] {
            let width = c / heads;
            let split = |x: Tensor<1>, len: usize| x.reshape([n, len, heads, width]).swap_dims(1, 2);
            let query: Vec<f32> = random(n * l * c).into_iter().map(|v| 2.0 * v).collect();
            compare(
                [query, random(n * k * c), random(n * k * c + 1)[1..].to_vec()],
                |[query, key, value]| {
                    let [key, value] = [key, value].map(|x| x.reshape([n, k, c]));
                    attention(query.reshape([n, l, c]), key, value, heads)
                },
                |[query, key, value]| {
                    let scores = split(query, l).matmul(split(key, k).transpose()) / (width as f32).sqrt();
                    softmax(scores, 3).matmul(split(value, k)).swap_dims(1, 2).reshape([n, l, c])
                },
            );
        }
    }
}
