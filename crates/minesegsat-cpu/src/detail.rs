//! The path at full resolution.

use minesegsat_model::{DetailConfig, SegFormerConfig};

use crate::Result;
use crate::arena::{Arena, DetailArena, Scratch, for_each};
use crate::convolution::Convolution;
use crate::layers::{Linear, Source};
use crate::profile::Operation;
use crate::simd::{Element, Isa, Panels, lerp};
use crate::taps::RowsAndColumns;

/// Pixels per task of the 1 x 1 convolution.
const PIXELS: usize = 512;

/// Convolutions at the input's resolution and at half of it, with batch norms folded in. They join the decoder's features.
#[derive(Debug)]
pub(crate) struct DetailPath<T: Element> {
    pub(crate) stem: Convolution<T>,
    pub(crate) down: Convolution<T>,
    /// The decoder's features to the width at half resolution. The decoder computes it beside its logits.
    pub(crate) context: Linear<T>,
    pub(crate) half: Vec<Convolution<T>>,
    pub(crate) up: Convolution<T>,
    pub(crate) full: Convolution<T>,
    /// `[classes, full width]`.
    classifier: Vec<f32>,
    /// `[classes]`.
    bias: Vec<f32>,
}

impl<T: Element> DetailPath<T> {
    pub(crate) fn read(source: Source<'_>, config: &SegFormerConfig, detail: &DetailConfig) -> Result<Self> {
        let [full, half] = detail.widths;
        let (bands, classes) = (config.in_channels, config.num_classes);
        let convolution = |name: &str, [from, to]: [usize; 2], stride: usize| {
            Convolution::read_normed(source, &format!("detail.{name}"), [from, to], [3, stride, 1])
        };
        let classifier = source.weights.get("detail.classifier.weight", &[classes, full, 1, 1])?.to_vec();
        Ok(Self {
            stem: convolution("stem", [bands, full], 1)?,
            down: convolution("down", [full, half], 2)?,
            context: source.pointwise("detail.context", [config.decoder_dim, half])?,
            half: (0..detail.layers)
                .map(|i| convolution(&format!("coarse.{i}"), [half, half], 1))
                .collect::<Result<_>>()?,
            up: Convolution::read(source, "detail.up", [half, full], half, [1, 1, 0])?,
            full: convolution("full", [full, full], 1)?,
            classifier,
            bias: source.vector("detail.classifier.bias", classes)?,
        })
    }

    /// All matrices, in the order in which inference reads them.
    pub(crate) fn panels(&mut self) -> impl Iterator<Item = &mut Panels<T>> {
        let Self { stem, down, context, half, up, full, .. } = self;
        let half = half.iter_mut().map(|layer| &mut layer.weight);
        [&mut context.weight, &mut stem.weight, &mut down.weight]
            .into_iter()
            .chain(half)
            .chain([&mut up.weight, &mut full.weight])
    }

    /// Adds the path's logits to those of the decoder. `arena.detail.context` holds the output of [`context`](Self::context).
    ///
    /// # Shapes
    /// - `size`: the input's, `[H, W]`; `stage`: the first stage's, `[H_1, W_1]`
    /// - `logits`: `[classes, H, W]`
    pub(crate) fn forward(
        &self,
        isa: Isa,
        size: [usize; 2],
        stage: [usize; 2],
        arena: &mut Arena<T>,
        logits: &mut [f32],
    ) {
        let Arena { image, detail, scratch, .. } = arena;
        let [height, width] = size;
        let coarse_size = self.down.output_size(size);
        detail.ensure_taps([stage, coarse_size, size]);
        let DetailArena { image: own_image, fine, coarse, context, up, taps, .. } = detail;
        let image = if own_image.is_empty() { &**image } else { &**own_image };
        let (full, half) = (self.full.bias.len(), self.down.bias.len());
        let (count, coarse_count) = (height * width, coarse_size[0] * coarse_size[1]);

        fine.ensure_len(count * full);
        let fine = &mut fine[..count * full];
        self.stem.normed_relu(isa, image, size, fine, scratch);
        let [first, second] = coarse;
        first.ensure_len(coarse_count * half);
        second.ensure_len(coarse_count * half);
        self.down.normed_relu(isa, fine, size, &mut first[..coarse_count * half], scratch);
        let line = coarse_size[1] * half;
        add_upsampled(isa, &mut first[..coarse_count * half], line, context, (stage, half), &taps[0], scratch);
        let (mut from, mut into) = (first, second);
        for layer in &self.half {
            layer.normed_relu(
                isa,
                &from[..coarse_count * half],
                coarse_size,
                &mut into[..coarse_count * half],
                scratch,
            );
            std::mem::swap(&mut from, &mut into);
        }
        up.ensure_len(coarse_count * full);
        let from = &from[..coarse_count * half];
        for_each(scratch, up[..coarse_count * full].chunks_mut(PIXELS * full).enumerate(), |(task, out), scratch| {
            let first = task * PIXELS;
            self.up.rows(
                isa,
                from,
                coarse_size,
                first..first + out.len() / full,
                (Operation::Detail, scratch),
                |pixel, sums, _| {
                    out[(pixel - first) * full..][..sums.len()].copy_from_slice(sums);
                },
            );
        });
        add_upsampled(isa, fine, width * full, up, (coarse_size, full), &taps[1], scratch);
        self.classify(isa, fine, size, logits, scratch);
    }

    /// The last convolution and the classifier, whose logits are added to those in `logits`.
    fn classify(&self, isa: Isa, fine: &[T], size: [usize; 2], logits: &mut [f32], scratch: &mut [Scratch<T>]) {
        let [height, width] = size;
        let full = self.full.bias.len();
        // One task is a row of all classes.
        let mut rows: Vec<Vec<&mut [f32]>> = (0..height).map(|_| Vec::with_capacity(self.bias.len())).collect();
        for plane in logits.chunks_exact_mut(height * width) {
            for (row, line) in rows.iter_mut().zip(plane.chunks_exact_mut(width)) {
                row.push(line);
            }
        }
        for_each(scratch, rows.into_iter().enumerate(), |(y, mut row), scratch| {
            self.full.rows(
                isa,
                fine,
                size,
                y * width..(y + 1) * width,
                (Operation::Detail, scratch),
                |first, features, _| {
                    for (class, line) in row.iter_mut().enumerate() {
                        let weight = &self.classifier[class * full..][..full];
                        let line = &mut line[first - y * width..];
                        for (logit, features) in line.iter_mut().zip(features.chunks_exact(full)) {
                            let sum: f32 = features.iter().zip(weight).map(|(f, w)| f.max(0.0) * w).sum();
                            *logit += sum + self.bias[class];
                        }
                    }
                },
            );
        });
    }
}

/// Adds a coarser map to a finer one, after bilinear upsampling with half-pixel centres.
///
/// # Shapes
/// - `fine`: `[H, line]`, where `line` is the width times `channels`
/// - `coarse`: `[from[0] * from[1], channels]`
fn add_upsampled<T: Element>(
    isa: Isa,
    fine: &mut [T],
    line: usize,
    coarse: &[f32],
    (from, channels): ([usize; 2], usize),
    [vertical, horizontal]: &RowsAndColumns,
    scratch: &mut [Scratch<T>],
) {
    for_each(scratch, fine.chunks_mut(line).enumerate(), |(y, fine), scratch| {
        let start = scratch.clock.start();
        let length = from[1] * channels;
        scratch.floats.ensure_len(length);
        let row = &mut scratch.floats[..length];
        let (a, b, t) = vertical[y];
        lerp(isa, row, &coarse[a * length..][..length], &coarse[b * length..][..length], t);
        for (fine, &(a, b, t)) in fine.chunks_exact_mut(channels).zip(horizontal) {
            let (a, b) = (&row[a * channels..][..channels], &row[b * channels..][..channels]);
            for ((fine, a), b) in fine.iter_mut().zip(a).zip(b) {
                *fine = T::from_f32(fine.to_f32() + a + (b - a) * t);
            }
        }
        scratch.clock.stop(start, Operation::Detail, 0);
    });
}
