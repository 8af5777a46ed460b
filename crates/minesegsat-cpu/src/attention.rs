//! Efficient self-attention in two passes over the tokens. The first computes keys and values of the reduced map, the second
//! everything else, for a block of queries at a time.

use crate::Result;
use crate::arena::{Pieces, Scratch, for_each};
use crate::convolution::Convolution;
use crate::layers::{Linear, Source, padded};
use crate::profile::Operation;
use crate::simd::{
    Element, Ending, Isa, Norm, Operand, Panels, PanelsView, ROW_BLOCK, Sum, layer_norm, pack, pack_transposed,
    product, softmax,
};

/// Maximum number of queries per task.
const QUERIES: usize = 128;

/// Attention scores that a task holds at a time: 64 KiB.
const SCORES: usize = 16 * 1024;

/// Maximum number of reduced tokens per task.
const REDUCED: usize = 64;

/// Efficient self-attention with the norm before it.
#[derive(Debug)]
pub(crate) struct Attention<T: Element> {
    pub(crate) norm: Norm,
    heads: usize,
    reduction: Option<(Convolution<T>, Norm)>,
    /// Includes the scale `1 / sqrt(C / heads)`.
    query: Linear<T>,
    /// Keys and values side by side, `[C, 2 C]`, without biases. The keys' bias adds the same number to all scores of a query, which
    /// softmax ignores. The values' bias is part of `dense`.
    key_value: Panels<T>,
    /// The bias includes the projected bias of the values, since attention weights sum to 1.
    dense: Linear<T>,
}

impl<T: Element> Attention<T> {
    pub(crate) fn read(
        source: Source<'_>,
        name: &str,
        channels: usize,
        heads: usize,
        ratio: usize,
        norm: Norm,
    ) -> Result<Self> {
        let scale = ((channels / heads) as f64).sqrt().recip() as f32;
        let square = [channels, channels];
        let key = source.weights.get(&format!("{name}.key.weight"), &square)?;
        let value = source.weights.get(&format!("{name}.value.weight"), &square)?;
        let value_bias = source.vector(&format!("{name}.value.bias"), channels)?;
        let weight = source.weights.get(&format!("{name}.dense.weight"), &square)?;
        let mut dense = source.linear(&format!("{name}.dense"), square, 1.0)?;
        for (bias, row) in dense.bias.iter_mut().zip(weight.chunks_exact(channels)) {
            let passed: f64 = row.iter().zip(&value_bias).map(|(w, v)| f64::from(*w) * f64::from(*v)).sum();
            *bias += passed as f32;
        }
        let reduction = if ratio > 1 {
            let sr = [ratio, ratio, 0];
            let conv = Convolution::read(source, &format!("{name}.sr"), square, channels, sr)?;
            Some((conv, source.norm(&format!("{name}.layer_norm"), channels, 1e-5)?))
        } else {
            None
        };
        Ok(Self {
            norm,
            heads,
            reduction,
            query: source.linear(&format!("{name}.query"), square, scale)?,
            key_value: Panels::new(source.isa, channels, 2 * channels, |i, o| {
                if o < channels { key[o * channels + i] } else { value[(o - channels) * channels + i] }
            }),
            dense,
        })
    }

    pub(crate) fn panels(&mut self) -> impl Iterator<Item = &mut Panels<T>> {
        let reduction = self.reduction.as_mut().map(|(conv, _)| &mut conv.weight);
        reduction.into_iter().chain([&mut self.query.weight, &mut self.key_value, &mut self.dense.weight])
    }

    /// Tokens `[H * W, C]` become `x + attention(norm(x))`.
    pub(crate) fn forward(&self, isa: Isa, tokens: &mut [f32], size: [usize; 2], arena: &mut AttentionArena<'_, T>) {
        let keys = self.keys_and_values(isa, tokens, size, arena);
        self.pack(isa, keys, arena);
        self.attend(isa, tokens, keys, arena);
    }

    /// Writes keys and values. Returns the number of keys.
    fn keys_and_values(&self, isa: Isa, tokens: &[f32], size: [usize; 2], arena: &mut AttentionArena<'_, T>) -> usize {
        let channels = self.dense.bias.len();
        let stride = padded::<T>(channels);
        let [rows, cols] = self.reduction.as_ref().map_or(size, |(conv, _)| conv.output_size(size));
        let keys = rows * cols;
        arena.keys_values.ensure_len(keys * 2 * channels);
        let row = cols * 2 * channels;
        let together = (REDUCED / cols).max(1);
        let threads = arena.scratch.len();
        let tasks = Pieces::new(&mut arena.keys_values[..keys * 2 * channels], row, [1, together], threads);
        for_each(arena.scratch, tasks, |(first, out), scratch| {
            let rows = out.len() / row;
            let count = rows * cols;
            let Scratch { operand, context, floats, clock, .. } = scratch;
            context.ensure_len(count.next_multiple_of(ROW_BLOCK) * stride);
            if let Some((conv, norm)) = &self.reduction {
                let (ratio, depth) = (conv.stride(), conv.weight.depth());
                operand.ensure_len(count.next_multiple_of(ROW_BLOCK) * depth);
                floats.ensure_len(count * channels);
                let start = clock.start();
                for (i, patch) in operand.chunks_exact_mut(depth).take(count).enumerate() {
                    let (y, x) = ((first + i / cols) * ratio, i % cols * ratio);
                    for (ky, line) in patch.chunks_exact_mut(ratio * channels).take(ratio).enumerate() {
                        let from = ((y + ky) * size[1] + x) * channels;
                        layer_norm(isa, &self.norm, &tokens[from..][..ratio * channels], line, channels);
                    }
                    patch[ratio * ratio * channels..].fill(T::from_f32(0.0));
                }
                clock.stop(start, Operation::Norm, 0);
                let start = clock.start();
                let ending = Ending { bias: Some(&conv.bias), ..Ending::default() };
                product(
                    isa,
                    &Operand::new(operand, count, depth),
                    conv.weight.view(),
                    &ending,
                    &mut floats[..],
                    channels,
                );
                clock.stop(start, Operation::SpatialReduction, 2 * count * depth * channels);
                let start = clock.start();
                layer_norm(isa, norm, &floats[..count * channels], context, stride);
                clock.stop(start, Operation::Norm, 0);
            } else {
                let start = clock.start();
                let x = &tokens[first * cols * channels..][..count * channels];
                layer_norm(isa, &self.norm, x, context, stride);
                clock.stop(start, Operation::Norm, 0);
            }
            let start = clock.start();
            let operand = Operand::new(context, count, stride);
            product(isa, &operand, self.key_value.view(), &Ending::default(), out, 2 * channels);
            clock.stop(start, Operation::KeyValue, 4 * count * channels * channels);
        });
        keys
    }

    /// Number of elements of the packed keys and of the packed values of a head.
    fn packed(&self, isa: Isa, keys: usize) -> [usize; 2] {
        let width = self.dense.bias.len() / self.heads;
        [Panels::<T>::len(isa, width, keys), Panels::<T>::len(isa, keys, width)]
    }

    fn pack(&self, isa: Isa, keys: usize, arena: &mut AttentionArena<'_, T>) {
        let channels = self.dense.bias.len();
        let width = channels / self.heads;
        let [for_keys, for_values] = self.packed(isa, keys);
        arena.packed.ensure_len(self.heads * (for_keys + for_values));
        let keys_values = &arena.keys_values[..keys * 2 * channels];
        let heads = arena.packed.chunks_exact_mut(for_keys + for_values).take(self.heads).enumerate();
        // Two tasks per head, so that two threads are busy even with one head.
        let tasks = heads.flat_map(|(head, panels)| {
            let (k, v) = panels.split_at_mut(for_keys);
            [(head, true, k), (head, false, v)]
        });
        for_each(arena.scratch, tasks, |(head, is_key, panels), scratch| {
            let start = scratch.clock.start();
            let first = head * width;
            if is_key {
                pack_transposed(isa, &keys_values[first..], 2 * channels, [width, keys], panels);
            } else {
                pack(isa, &keys_values[channels + first..], 2 * channels, [keys, width], panels);
            }
            scratch.clock.stop(start, Operation::Pack, 0);
        });
    }

    fn attend(&self, isa: Isa, tokens: &mut [f32], keys: usize, arena: &mut AttentionArena<'_, T>) {
        let channels = self.dense.bias.len();
        let width = channels / self.heads;
        let stride = padded::<T>(channels);
        let score_stride = keys.next_multiple_of(32);
        let at_once = (SCORES / score_stride / ROW_BLOCK * ROW_BLOCK).clamp(ROW_BLOCK, QUERIES);
        let [for_keys, for_values] = self.packed(isa, keys);
        let packed = &arena.packed[..self.heads * (for_keys + for_values)];
        let tasks = Pieces::new(tokens, channels, [2 * ROW_BLOCK, QUERIES], arena.scratch.len());
        for_each(arena.scratch, tasks, |(_, tokens), scratch| {
            let count = tokens.len() / channels;
            let room = count.next_multiple_of(ROW_BLOCK);
            let Scratch { operand, query, weights, context, floats, inverse, clock, .. } = scratch;
            operand.ensure_len(room * stride);
            // A product reads beyond a head whose width is not a multiple of the depth. It multiplies what it reads there by zero, so
            // these numbers must be finite.
            for buffer in [&mut *query, &mut *context] {
                buffer.ensure_len(room * stride + T::DEPTH);
                if !width.is_multiple_of(T::DEPTH) {
                    buffer.fill(T::from_f32(0.0));
                }
            }
            weights.ensure_len(at_once * score_stride);
            floats.ensure_len(at_once * score_stride);
            inverse.ensure_len(at_once);

            let start = clock.start();
            layer_norm(isa, &self.norm, tokens, operand, stride);
            clock.stop(start, Operation::Norm, 0);
            let start = clock.start();
            let ending = Ending { bias: Some(&self.query.bias), ..Ending::default() };
            product(isa, &Operand::new(operand, count, stride), self.query.weight.view(), &ending, query, stride);
            clock.stop(start, Operation::Query, 2 * count * channels * channels);
            for (head, panels) in packed.chunks_exact(for_keys + for_values).enumerate() {
                let (k, v) = panels.split_at(for_keys);
                let k = PanelsView::new(isa, k, width, keys);
                let v = PanelsView::new(isa, v, keys, width);
                for first in (0..count).step_by(at_once) {
                    let rows = at_once.min(count - first);
                    let at = first * stride + head * width;
                    let start = clock.start();
                    let queries = Operand::new(&query[at..], rows, stride);
                    product(isa, &queries, k, &Ending::default(), &mut floats[..], score_stride);
                    clock.stop(start, Operation::Scores, 2 * rows * width * keys);
                    let start = clock.start();
                    softmax(isa, floats, score_stride, keys, weights, &mut inverse[..rows]);
                    clock.stop(start, Operation::Softmax, 0);
                    let start = clock.start();
                    let ending = Ending { scale: Some(&inverse[..rows]), ..Ending::default() };
                    let weights = Operand::new(weights, rows, score_stride);
                    product(isa, &weights, v, &ending, &mut context[at..], stride);
                    clock.stop(start, Operation::Context, 2 * rows * width * keys);
                }
            }
            let start = clock.start();
            let ending = Ending { bias: Some(&self.dense.bias), sum: Sum::Output, ..Ending::default() };
            product(isa, &Operand::new(context, count, stride), self.dense.weight.view(), &ending, tokens, channels);
            clock.stop(start, Operation::Dense, 2 * count * channels * channels);
        });
    }
}

/// The buffers that attention needs.
pub(crate) struct AttentionArena<'a, T> {
    pub(crate) keys_values: &'a mut crate::Aligned<T>,
    pub(crate) packed: &'a mut crate::Aligned<T>,
    pub(crate) scratch: &'a mut [Scratch<T>],
}
