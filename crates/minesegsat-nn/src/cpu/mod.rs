//! The network unrolled for inference on the CPU.
//!
//! Burn's modules are the reference (and serve training and other devices); this gives their answer two to four times
//! sooner, in less memory, by what a general tensor library cannot know:
//!
//! - tokens and maps are both channels-last, so that nothing is transposed; convolutions are matrix products over rows
//!   gathered from whole runs of channels;
//! - heads are strided views of the projections, and queries go through attention in chunks whose scores stay in cache;
//! - biases move to where they are free: that of the queries becomes a constant per key, that of the keys cancels in the
//!   softmax, that of the values joins the output's, those of residual branches join the next normalisation;
//! - depthwise convolution and GELU are one pass, and so are upsampling, sum, ReLU and classifier of the decoder;
//! - buffers are kept from patch to patch.

pub(crate) mod kernels;
pub(crate) mod matmul;

use burn::{
    nn::{LayerNorm, Linear, conv::Conv2d},
    tensor::Tensor,
};
use rayon::prelude::*;

use self::{
    kernels::{Classifier, DepthwiseGelu, Norm},
    matmul::{MatMut, MatRef, Parallelism, matmul},
};
use crate::{EfficientSelfAttention, FoldedDecodeHead, OverlapPatchEmbed, SegFormer, TransformerBlock};

/// Elements of attention scores that a task holds: 256 KiB, a part of the second-level cache.
const SCORES: usize = 64 * 1024;

/// Rows that are gathered for a convolution at a time.
const GATHERED_ROWS: usize = 4096;

/// A SegFormer for inference on the CPU.
pub(crate) struct CpuSegFormer {
    /// Side of the squares of pixels that are averaged first.
    input_stride: usize,
    stages: Vec<Stage>,
    /// Projection of each stage to the decoder's width, `[embed_dim, D]`.
    projections: Vec<Vec<f32>>,
    classifier: Classifier,
}

/// Buffers kept from patch to patch.
#[derive(Default)]
pub(crate) struct Workspace {
    averaged: Vec<f32>,
    image: Vec<f32>,
    gathered: Vec<f32>,
    tokens: Vec<f32>,
    normed: Vec<f32>,
    queries: Vec<f32>,
    context: Vec<f32>,
    reduced: Vec<f32>,
    reduced_normed: Vec<f32>,
    keys_values: Vec<f32>,
    hidden: Vec<f32>,
    activated: Vec<f32>,
    stages: [Vec<f32>; 4],
    projected: [Vec<f32>; 4],
    logits: Vec<f32>,
}

struct Stage {
    embed: PatchConv,
    embed_norm: Norm,
    blocks: Vec<Block>,
    norm: Norm,
}

struct Block {
    norm1: Norm,
    attention: Attention,
    norm2: Norm,
    /// `[C, hidden]`.
    mlp_in: Vec<f32>,
    depthwise: DepthwiseGelu,
    /// `[hidden, C]`, and its bias.
    mlp_out: (Vec<f32>, Vec<f32>),
}

struct Attention {
    heads: usize,
    reduction: Option<(PatchConv, Norm)>,
    /// `[C, C]`, with the scale `1 / sqrt(C / heads)`, and the bias likewise.
    query: (Vec<f32>, Vec<f32>),
    /// Keys and values side by side, `[C, 2 C]`.
    key_value: Vec<f32>,
    /// `[C, C]`, and its bias with that of the values passed through it.
    dense: (Vec<f32>, Vec<f32>),
}

/// A convolution over a channels-last map, as a matrix product.
struct PatchConv {
    /// `[kernel * kernel * in_channels, out_channels]`, rows in the order (ky, kx, channel).
    weight: Vec<f32>,
    bias: Vec<f32>,
    in_channels: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec_as::<f32>().expect("weights are floats")
}

fn bias_of(linear: &Linear, len: usize) -> Vec<f32> {
    linear.bias.as_ref().map_or_else(|| vec![0.0; len], |bias| values(bias.val()))
}

impl Norm {
    fn of(layer: &LayerNorm, epsilon: f64) -> Self {
        let gamma = values(layer.gamma.val());
        let beta = layer.beta.as_ref().map_or_else(|| vec![0.0; gamma.len()], |beta| values(beta.val()));
        Self { gamma, beta, epsilon: epsilon as f32 }
    }
}

impl PatchConv {
    fn of(conv: &Conv2d, padding: usize) -> Self {
        let [out_channels, in_channels, kernel, _] = conv.weight.dims();
        // [out, in, ky, kx] to [ky, kx, in, out].
        let weight = values(conv.weight.val().permute([2, 3, 1, 0]));
        let bias = conv.bias.as_ref().map_or_else(|| vec![0.0; out_channels], |bias| values(bias.val()));
        Self { weight, bias, in_channels, kernel, stride: conv.stride[0], padding }
    }

    fn output_size(&self, size: [usize; 2]) -> [usize; 2] {
        size.map(|len| (len + 2 * self.padding - self.kernel) / self.stride + 1)
    }

    /// Convolves without the bias.
    ///
    /// # Shapes
    /// - `x`: `[H * W, in_channels]`; `out`: `[H' * W', out_channels]`
    fn forward(&self, x: &[f32], size: [usize; 2], gathered: &mut Vec<f32>, out: &mut Vec<f32>) -> [usize; 2] {
        let [height, width] = self.output_size(size);
        let (channels, out_channels) = (self.in_channels, self.bias.len());
        let depth = self.kernel * self.kernel * channels;
        let weight = MatRef::new(&self.weight, depth, out_channels, out_channels);
        resize(out, height * width * out_channels);
        for (chunk, out) in out.chunks_mut(GATHERED_ROWS * out_channels).enumerate() {
            let rows = out.len() / out_channels;
            resize(gathered, rows * depth);
            gathered.par_chunks_mut(depth).with_min_len(16).enumerate().for_each(|(row, patch)| {
                let token = chunk * GATHERED_ROWS + row;
                self.gather(x, size, [token / width, token % width], patch);
            });
            matmul(
                MatMut::new(out, rows, out_channels, out_channels),
                false,
                MatRef::new(gathered, rows, depth, depth),
                weight,
                Parallelism::Rayon(0),
            );
        }
        [height, width]
    }

    /// Copies the pixels that one output sees, zero outside the map.
    fn gather(&self, x: &[f32], [height, width]: [usize; 2], [row, col]: [usize; 2], patch: &mut [f32]) {
        let line = self.kernel * self.channels();
        // Columns of the kernel that lie inside the map: from `left` to before `right`.
        let start = col * self.stride;
        let left = self.padding.saturating_sub(start).min(self.kernel);
        let right = (width + self.padding - start).min(self.kernel).max(left);
        for (ky, out) in patch.chunks_exact_mut(line).enumerate() {
            let y = (row * self.stride + ky).checked_sub(self.padding).filter(|&y| y < height);
            let Some(y) = y else {
                out.fill(0.0);
                continue;
            };
            let (from, to) = (left * self.channels(), right * self.channels());
            out[..from].fill(0.0);
            out[to..].fill(0.0);
            if from < to {
                let first = (y * width + start + left - self.padding) * self.channels();
                out[from..to].copy_from_slice(&x[first..][..to - from]);
            }
        }
    }

    const fn channels(&self) -> usize {
        self.in_channels
    }
}

impl Attention {
    fn of(layer: &EfficientSelfAttention) -> Self {
        let [channels, _] = layer.query.weight.dims();
        let scale = ((channels / layer.num_heads) as f64).sqrt().recip() as f32;
        let scaled = |values: Vec<f32>| values.into_iter().map(|v| v * scale).collect();
        let (key, value) = (values(layer.key.weight.val()), values(layer.value.weight.val()));
        let key_value = key.chunks(channels).zip(value.chunks(channels)).flat_map(|(k, v)| [k, v].concat()).collect();
        // Attention weights sum to 1, so the values' bias passes through them unchanged.
        let dense = values(layer.dense.weight.val());
        let mut dense_bias = bias_of(&layer.dense, channels);
        for (row, v) in dense.chunks(channels).zip(bias_of(&layer.value, channels)) {
            for (bias, w) in dense_bias.iter_mut().zip(row) {
                *bias += v * w;
            }
        }
        let reduction = layer.sr.as_ref().zip(layer.layer_norm.as_ref());
        Self {
            heads: layer.num_heads,
            reduction: reduction.map(|(sr, norm)| (PatchConv::of(sr, 0), Norm::of(norm, 1e-5))),
            query: (scaled(values(layer.query.weight.val())), scaled(bias_of(&layer.query, channels))),
            key_value,
            dense: (dense, dense_bias),
        }
    }

    /// Adds the attention's answer to `ws.tokens`, without the bias of `dense`. Reads `ws.normed`.
    fn forward(&self, ws: &mut Workspace, size: [usize; 2]) {
        let channels = self.query.1.len();
        let tokens = size[0] * size[1];
        linear(&ws.normed, &self.query.0, channels, channels, &mut ws.queries);
        let source = match &self.reduction {
            None => &ws.normed,
            Some((conv, norm)) => {
                conv.forward(&ws.normed, size, &mut ws.gathered, &mut ws.reduced);
                resize(&mut ws.reduced_normed, ws.reduced.len());
                norm.add_and_normalise(&mut ws.reduced, &conv.bias, &mut ws.reduced_normed);
                &ws.reduced_normed
            }
        };
        linear(source, &self.key_value, channels, 2 * channels, &mut ws.keys_values);
        resize(&mut ws.context, tokens * channels);
        self.attend(&ws.queries, &ws.keys_values, &mut ws.context);
        matmul(
            MatMut::new(&mut ws.tokens, tokens, channels, channels),
            true,
            MatRef::new(&ws.context, tokens, channels, channels),
            MatRef::new(&self.dense.0, channels, channels, channels),
            Parallelism::Rayon(0),
        );
    }

    /// # Shapes
    /// - `queries`, `context`: `[tokens, C]`; `keys_values`: `[keys, 2 C]`
    fn attend(&self, queries: &[f32], keys_values: &[f32], context: &mut [f32]) {
        let channels = self.query.1.len();
        let width = channels / self.heads;
        let keys = keys_values.len() / (2 * channels);
        // (q + b) k = q k + b k: the bias of the queries adds a constant per head and key.
        let mut constants = vec![0.0_f32; self.heads * keys];
        for (head, constants) in constants.chunks_exact_mut(keys).enumerate() {
            let columns = head * width..(head + 1) * width;
            for (constant, key) in constants.iter_mut().zip(keys_values.chunks_exact(2 * channels)) {
                *constant = self.query.1[columns.clone()].iter().zip(&key[columns.clone()]).map(|(b, k)| b * k).sum();
            }
        }
        let rows = (SCORES / keys).clamp(16, 256);
        context.par_chunks_mut(rows * channels).zip(queries.par_chunks(rows * channels)).for_each_init(
            || (vec![0.0_f32; rows * keys], vec![0.0_f32; rows]),
            |(scores, inverse), (context, queries)| {
                let rows = queries.len() / channels;
                let scores = &mut scores[..rows * keys];
                for head in 0..self.heads {
                    let first = head * width;
                    let key = MatRef::new(&keys_values[first..], keys, width, 2 * channels);
                    let value = MatRef::new(&keys_values[channels + first..], keys, width, 2 * channels);
                    matmul(
                        MatMut::new(scores, rows, keys, keys),
                        false,
                        MatRef::new(&queries[first..], rows, width, channels),
                        key.transposed(),
                        Parallelism::None,
                    );
                    kernels::exponentials(scores, &constants[head * keys..][..keys], inverse);
                    matmul(
                        MatMut::new(&mut context[first..], rows, width, channels),
                        false,
                        MatRef::new(scores, rows, keys, keys),
                        value,
                        Parallelism::None,
                    );
                    kernels::scale_rows(context, channels, first, first + width, inverse);
                }
            },
        );
    }
}

impl Block {
    fn of(block: &TransformerBlock) -> Self {
        let ffn = &block.feed_forward;
        let [hidden, _, _, _] = ffn.conv.weight.dims();
        let [_, channels] = ffn.mlp_out.weight.dims();
        let conv_bias = ffn.conv.bias.as_ref().map_or_else(|| vec![0.0; hidden], |bias| values(bias.val()));
        Self {
            norm1: Norm::of(&block.norm1, crate::mix_transformer::LAYER_NORM_EPSILON),
            attention: Attention::of(&block.attention),
            norm2: Norm::of(&block.norm2, crate::mix_transformer::LAYER_NORM_EPSILON),
            mlp_in: values(ffn.mlp_in.weight.val()),
            depthwise: DepthwiseGelu::new(&values(ffn.conv.weight.val()), &conv_bias, &bias_of(&ffn.mlp_in, hidden)),
            mlp_out: (values(ffn.mlp_out.weight.val()), bias_of(&ffn.mlp_out, channels)),
        }
    }

    /// Updates `ws.tokens`, which still lack `pending`; returns what they lack afterwards.
    fn forward<'a>(&'a self, ws: &mut Workspace, size: [usize; 2], pending: &[f32]) -> &'a [f32] {
        let (tokens, channels) = (size[0] * size[1], self.mlp_out.1.len());
        let hidden = self.mlp_in.len() / channels;
        resize(&mut ws.normed, ws.tokens.len());
        self.norm1.add_and_normalise(&mut ws.tokens, pending, &mut ws.normed);
        self.attention.forward(ws, size);
        self.norm2.add_and_normalise(&mut ws.tokens, &self.attention.dense.1, &mut ws.normed);
        linear(&ws.normed, &self.mlp_in, channels, hidden, &mut ws.hidden);
        resize(&mut ws.activated, ws.hidden.len());
        self.depthwise.forward(&ws.hidden, size, &mut ws.activated);
        matmul(
            MatMut::new(&mut ws.tokens, tokens, channels, channels),
            true,
            MatRef::new(&ws.activated, tokens, hidden, hidden),
            MatRef::new(&self.mlp_out.0, hidden, channels, channels),
            Parallelism::Rayon(0),
        );
        &self.mlp_out.1
    }
}

impl Stage {
    fn of(embed: &OverlapPatchEmbed, blocks: &[TransformerBlock], norm: &LayerNorm) -> Self {
        let [_, _, kernel, _] = embed.proj.weight.dims();
        Self {
            embed: PatchConv::of(&embed.proj, kernel / 2),
            embed_norm: Norm::of(&embed.norm, 1e-5),
            blocks: blocks.iter().map(Block::of).collect(),
            norm: Norm::of(norm, crate::mix_transformer::LAYER_NORM_EPSILON),
        }
    }

    /// From the map before the stage to its output.
    fn forward(&self, x: &[f32], size: [usize; 2], ws: &mut Workspace, out: &mut Vec<f32>) -> [usize; 2] {
        let size = self.embed.forward(x, size, &mut ws.gathered, &mut ws.normed);
        resize(&mut ws.tokens, ws.normed.len());
        self.embed_norm.add_and_normalise(&mut ws.normed, &self.embed.bias, &mut ws.tokens);
        let zeros = vec![0.0; self.embed.bias.len()];
        let mut pending = zeros.as_slice();
        for block in &self.blocks {
            pending = block.forward(ws, size, pending);
        }
        resize(out, ws.tokens.len());
        self.norm.add_and_normalise(&mut ws.tokens, pending, out);
        size
    }
}

impl CpuSegFormer {
    /// The network with its folded decoder.
    pub(crate) fn new(network: &SegFormer, head: &FoldedDecodeHead) -> Self {
        let encoder = &network.encoder;
        let stages = encoder.embeddings.iter().zip(&encoder.transformers).zip(&encoder.layer_norm);
        let [classes, width, _, _] = head.classifier.weight.dims();
        Self {
            input_stride: network.input_stride,
            stages: stages.map(|((embed, blocks), norm)| Stage::of(embed, blocks, norm)).collect(),
            projections: head.layers.iter().map(|layer| values(layer.weight.val())).collect(),
            classifier: Classifier {
                constant: bias_of(&head.layers[0], width),
                weight: values(head.classifier.weight.val()),
                bias: head.classifier.bias.as_ref().map_or_else(|| vec![0.0; classes], |bias| values(bias.val())),
            },
        }
    }

    /// # Shapes
    /// - `patch`: `[in_channels, H, W]`, `size` = `[H, W]`
    /// - `logits`: `[num_classes, H, W]`
    pub(crate) fn forward(&self, patch: &[f32], size: [usize; 2], ws: &mut Workspace, logits: &mut [f32]) {
        let mut image = std::mem::take(&mut ws.image);
        let channels = self.stages[0].embed.in_channels;
        let full = size;
        let size = size.map(|len| len / self.input_stride);
        if self.input_stride > 1 {
            let mut averaged = std::mem::take(&mut ws.averaged);
            resize(&mut averaged, channels * size[0] * size[1]);
            average(patch, full, self.input_stride, &mut averaged);
            resize(&mut image, averaged.len());
            kernels::channels_last(&averaged, channels, &mut image);
            ws.averaged = averaged;
        } else {
            resize(&mut image, patch.len());
            kernels::channels_last(patch, channels, &mut image);
        }
        let mut outputs = std::mem::take(&mut ws.stages);
        let mut sizes = [size; 4];
        for i in 0..4 {
            let (before, from_here) = outputs.split_at_mut(i);
            let input = before.last().unwrap_or(&image);
            let input_size = if i == 0 { size } else { sizes[i - 1] };
            sizes[i] = self.stages[i].forward(input, input_size, ws, &mut from_here[0]);
        }
        let width = self.classifier.constant.len();
        for ((out, projection), projected) in outputs.iter().zip(&self.projections).zip(&mut ws.projected) {
            linear(out, projection, projection.len() / width, width, projected);
        }
        let [a, b, c, d] = &ws.projected;
        resize(&mut ws.logits, self.classifier.bias.len() * sizes[0][0] * sizes[0][1]);
        self.classifier.forward([(a, sizes[0]), (b, sizes[1]), (c, sizes[2]), (d, sizes[3])], &mut ws.logits);
        kernels::resize_planes(&ws.logits, sizes[0], logits, full);
        ws.image = image;
        ws.stages = outputs;
    }
}

/// Means of squares of `side` pixels, plane by plane.
///
/// # Shapes
/// - `x`: `[planes, size[0], size[1]]`; `out`: `[planes, size[0] / side, size[1] / side]`
fn average(x: &[f32], [height, width]: [usize; 2], side: usize, out: &mut [f32]) {
    let (rows, cols) = (height / side, width / side);
    let scale = 1.0 / (side * side) as f32;
    for (plane, out) in x.chunks_exact(height * width).zip(out.chunks_exact_mut(rows * cols)) {
        for (row, out) in out.chunks_exact_mut(cols).enumerate() {
            for (col, out) in out.iter_mut().enumerate() {
                let lines = (0..side).map(|y| &plane[(row * side + y) * width + col * side..][..side]);
                *out = lines.flatten().sum::<f32>() * scale;
            }
        }
    }
}

/// `out = x weight`, with `x` `[rows, d_in]` and `weight` `[d_in, d_out]`.
fn linear(x: &[f32], weight: &[f32], d_in: usize, d_out: usize, out: &mut Vec<f32>) {
    let rows = x.len() / d_in;
    resize(out, rows * d_out);
    matmul(
        MatMut::new(out, rows, d_out, d_out),
        false,
        MatRef::new(x, rows, d_in, d_in),
        MatRef::new(weight, d_in, d_out, d_out),
        Parallelism::Rayon(0),
    );
}

/// Gives a buffer its length. What it held before may stay in it.
fn resize(buffer: &mut Vec<f32>, len: usize) {
    buffer.resize(len, 0.0);
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::{Checkpoint, SegFormerConfig, Variant, init};

    /// Logits of Burn's modules with the plain decoder, and of this module.
    fn both(config: SegFormerConfig, [height, width]: [usize; 2]) -> (Vec<f32>, Vec<f32>) {
        let device = Device::flex();
        let in_channels = config.in_channels;
        let config = config.into();
        let network = Checkpoint::random(&config, 11).load(&config, &device).unwrap();
        let network = network.as_segformer().unwrap();
        let mut random = init::SplitMix64::new(3);
        let patch: Vec<f32> = (0..in_channels * height * width).map(|_| random.uniform()).collect();
        let input = Tensor::from_data(TensorData::new(patch.clone(), [1, in_channels, height, width]), &device);
        let expected = values(network.forward(input));
        let engine = CpuSegFormer::new(network, &FoldedDecodeHead::new(&network.decoder, &device));
        let mut found = vec![f32::NAN; expected.len()];
        let mut workspace = Workspace::default();
        // Twice, for what the first patch leaves in the buffers.
        for _ in 0..2 {
            engine.forward(&patch, [height, width], &mut workspace, &mut found);
        }
        (expected, found)
    }

    #[test]
    fn the_answer_is_that_of_the_modules() {
        let tiny = SegFormerConfig {
            embed_dims: [8, 24, 20, 72],
            depths: [1, 2, 1, 2],
            num_heads: [1, 2, 5, 8],
            decoder_dim: 40,
            ..Variant::B0.config(5, 3)
        };
        for (config, size) in [
            (tiny.clone(), [32, 32]),
            (SegFormerConfig { input_stride: 2, ..tiny.clone() }, [64, 192]),
            (tiny.clone(), [64, 160]),
            (tiny, [72, 40]),
            (SegFormerConfig::b0(), [96, 64]),
        ] {
            let (expected, found) = both(config, size);
            let scale = expected.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
            let difference = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
            assert!(scale > 0.1 && difference < 2e-5 * scale, "{size:?} differs by {difference} of {scale}");
        }
    }
}
