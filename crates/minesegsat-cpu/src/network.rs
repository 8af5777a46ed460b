//! A SegFormer with weights packed in one precision.

use minesegsat_model::SegFormerConfig;

use crate::arena::{Arena, for_each};
use crate::attention::{Attention, AttentionArena};
use crate::convolution::Convolution;
use crate::decoder::Decoder;
use crate::detail::DetailPath;
use crate::feed_forward::FeedForward;
use crate::layers::{Source, padded};
use crate::profile::Operation;
use crate::simd::{Element, Ending, Isa, Norm, Operand, Panels, ROW_BLOCK, interleave, layer_norm, product};
use crate::{Aligned, Result};

/// Tokens per task in the last norm of a stage, a multiple of [`ROW_BLOCK`].
const TOKENS: usize = 128;

#[derive(Debug)]
pub(crate) struct Network<T: Element> {
    isa: Isa,
    in_channels: usize,
    /// Side of the squares of pixels whose mean is the network's input.
    input_stride: usize,
    stages: Vec<Stage<T>>,
    decoder: Decoder<T>,
    detail: Option<DetailPath<T>>,
}

#[derive(Debug)]
struct Stage<T: Element> {
    channels: usize,
    embed: Convolution<T>,
    embed_norm: Norm,
    blocks: Vec<(Attention<T>, FeedForward<T>)>,
    norm: Norm,
}

impl<T: Element> Network<T> {
    pub(crate) fn read(source: Source<'_>, config: &SegFormerConfig) -> Result<Self> {
        let epsilon = SegFormerConfig::LAYER_NORM_EPSILON;
        let mut stages = Vec::with_capacity(4);
        let (mut in_channels, mut pixel) = (config.in_channels, config.in_channels);
        for stage in 0..4 {
            let dim = config.embed_dims[stage];
            let kernel = SegFormerConfig::PATCH_SIZES[stage];
            let shape = [kernel, SegFormerConfig::STRIDES[stage], kernel / 2];
            let name = format!("encoder.embeddings.{stage}");
            let embed = Convolution::read(source, &format!("{name}.proj"), [in_channels, dim], pixel, shape)?;
            let embed_norm = source.norm(&format!("{name}.norm"), dim, 1e-5)?;
            let mut blocks = Vec::with_capacity(config.depths[stage]);
            for block in 0..config.depths[stage] {
                let name = format!("encoder.transformers.{stage}.{block}");
                let norm1 = source.norm(&format!("{name}.norm1"), dim, epsilon)?;
                let norm2 = source.norm(&format!("{name}.norm2"), dim, epsilon)?;
                let (heads, ratio) = (config.num_heads[stage], config.sr_ratios[stage]);
                let attention = Attention::read(source, &format!("{name}.attention"), dim, heads, ratio, norm1)?;
                let wide = [dim, dim * config.mlp_ratios[stage]];
                let feed_forward = FeedForward::read(source, &format!("{name}.feed_forward"), wide, norm2)?;
                blocks.push((attention, feed_forward));
            }
            let norm = source.norm(&format!("encoder.layer_norm.{stage}"), dim, epsilon)?;
            stages.push(Stage { channels: dim, embed, embed_norm, blocks, norm });
            (in_channels, pixel) = (dim, padded::<T>(dim));
        }
        let mut network = Self {
            isa: source.isa,
            in_channels: config.in_channels,
            input_stride: config.input_stride,
            stages,
            decoder: Decoder::read(source, config)?,
            detail: config.detail.map(|detail| DetailPath::read(source, config, &detail)).transpose()?,
        };
        // In the order in which inference reads them.
        let mut panels = Vec::new();
        for stage in &mut network.stages {
            panels.push(&mut stage.embed.weight);
            for (attention, feed_forward) in &mut stage.blocks {
                panels.extend(attention.panels());
                panels.extend(feed_forward.panels());
            }
        }
        panels.extend(&mut network.decoder.projections);
        if let Some(detail) = &mut network.detail {
            panels.extend(detail.panels());
        }
        Panels::gather(panels);
        Ok(network)
    }

    /// # Shapes
    /// - `patch`: `[in_channels, H, W]`, `size` = `[H, W]`
    /// - `logits`: `[num_classes, H, W]`
    pub(crate) fn forward(&self, patch: &[f32], size: [usize; 2], arena: &mut Arena<T>, logits: &mut [f32]) {
        let full = size;
        let size = size.map(|len| len / self.input_stride);
        self.channels_last(patch, full, arena);
        let mut sizes = [size; 4];
        for i in 0..4 {
            let before = if i == 0 { size } else { sizes[i - 1] };
            arena.scratch.iter_mut().for_each(|scratch| scratch.clock.set_stage(i + 1));
            sizes[i] = self.stages[i].embed.output_size(before);
            self.stage(i, before, sizes[i], arena);
        }
        arena.scratch.iter_mut().for_each(|scratch| scratch.clock.set_stage(0));
        let context = self.detail.as_ref().map(|detail| &detail.context);
        self.decoder.forward(self.isa, sizes, arena, full, context, logits);
        if let Some(detail) = &self.detail {
            detail.forward(self.isa, full, sizes[0], arena, logits);
        }
    }

    fn channels_last(&self, patch: &[f32], size: [usize; 2], arena: &mut Arena<T>) {
        const PIXELS: usize = 2048;
        let (isa, channels) = (self.isa, self.in_channels);
        let Arena { averaged, image, detail, scratch, .. } = arena;
        let mut reorder = |x: &[f32], image: &mut Aligned<T>| {
            let pixels = x.len() / channels;
            image.ensure_len(x.len());
            for_each(scratch, image[..x.len()].chunks_mut(PIXELS * channels).enumerate(), |(task, out), scratch| {
                scratch.clock.set_stage(0);
                let start = scratch.clock.start();
                interleave(isa, &x[task * PIXELS..], pixels, channels, out);
                scratch.clock.stop(start, Operation::ChannelsLast, 0);
            });
        };
        let side = self.input_stride;
        if side == 1 {
            reorder(patch, image);
            return;
        }
        averaged.resize(patch.len() / (side * side), 0.0);
        average(patch, size, side, averaged);
        reorder(averaged, image);
        if self.detail.is_some() {
            reorder(patch, &mut detail.image);
        }
    }

    fn stage(&self, i: usize, before: [usize; 2], size: [usize; 2], arena: &mut Arena<T>) {
        let (isa, stage) = (self.isa, &self.stages[i]);
        let (count, channels) = (size[0] * size[1], stage.channels);
        let len = count * channels;
        arena.tokens.iter_mut().for_each(|tokens| tokens.ensure_len(len));
        {
            let Arena { image, outputs, tokens, scratch, .. } = &mut *arena;
            let x = if i == 0 { &**image } else { &*outputs[i - 1] };
            stage.embed.embed(isa, &stage.embed_norm, x, before, &mut tokens[0][..len], scratch);
        }
        for (attention, feed_forward) in &stage.blocks {
            let Arena { keys_values, packed, hidden, scratch, tokens: [x, out], .. } = &mut *arena;
            let mut buffers = AttentionArena { keys_values, packed, scratch };
            attention.forward(isa, &mut x[..len], size, &mut buffers);
            feed_forward.forward(isa, &x[..len], &mut out[..len], size, (hidden, scratch));
            std::mem::swap(x, out);
        }
        let Arena { outputs, tokens, projected, scratch, .. } = arena;
        let tokens = &tokens[0][..len];
        let stride = padded::<T>(channels);
        let padded_len = count.next_multiple_of(ROW_BLOCK) * stride;
        // The decoder uses the last row of the map as an operand of its own, which needs room for a whole block.
        outputs[i].ensure_len(padded_len + ROW_BLOCK * stride);
        let chunks = outputs[i][..padded_len].chunks_mut(TOKENS * stride).zip(tokens.chunks(TOKENS * channels));
        if i == 0 {
            for_each(scratch, chunks, |(out, x), scratch| {
                let start = scratch.clock.start();
                layer_norm(isa, &stage.norm, x, out, stride);
                scratch.clock.stop(start, Operation::Norm, 0);
            });
            return;
        }
        let projection = &self.decoder.projections[i];
        let dim = projection.columns();
        let projected = &mut projected[i - 1];
        projected.ensure_len(count * dim);
        let chunks = chunks.zip(projected[..count * dim].chunks_mut(TOKENS * dim));
        for_each(scratch, chunks, |((out, x), projected), scratch| {
            let start = scratch.clock.start();
            layer_norm(isa, &stage.norm, x, out, stride);
            scratch.clock.stop(start, Operation::Norm, 0);
            let start = scratch.clock.start();
            let rows = x.len() / channels;
            product(isa, &Operand::new(out, rows, stride), projection.view(), &Ending::default(), projected, dim);
            scratch.clock.stop(start, Operation::Projection, 2 * rows * channels * dim);
        });
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
