//! The folded decoder.

use crate::Result;
use crate::arena::{Arena, Scratch, for_each};
use crate::layers::{Linear, Source, padded};
use crate::profile::Operation;
use crate::simd::{Classifier, Element, Ending, Isa, Operand, Panels, ROW_BLOCK, Tap, classify, lerp, product};
use crate::taps::{BilinearTaps, RowsAndColumns};
use minesegsat_model::SegFormerConfig;

/// The decoder in evaluation mode. The projection of a stage, its block of the fusion layer and the batch norm are linear and act on each
/// pixel alone. Bilinear upsampling commutes with such maps, so each stage needs one product at its own resolution.
#[derive(Debug)]
pub(crate) struct Decoder<T: Element> {
    /// Projections of stages 1 to 4, `[embed_dim, D]`.
    pub(crate) projections: Vec<Panels<T>>,
    /// `[D]`, added to the projection of the first stage.
    constant: Vec<f32>,
    classifier: Classifier,
}

impl<T: Element> Decoder<T> {
    pub(crate) fn read(source: Source<'_>, config: &SegFormerConfig) -> Result<Self> {
        let width = config.decoder_dim;
        let folded =
            minesegsat_model::fold_decoder(width, config.embed_dims, |name, shape| source.weights.get(name, shape))?;
        let projections = folded
            .weights
            .iter()
            .zip(config.embed_dims)
            .map(|(weight, dim)| Panels::new(source.isa, dim, width, |i, o| weight[o * dim + i]))
            .collect();
        let name = "decoder.classifier";
        Ok(Self {
            projections,
            constant: folded.constant,
            classifier: Classifier {
                weight: source.weights.get(&format!("{name}.weight"), &[config.num_classes, width, 1, 1])?.to_vec(),
                bias: source.vector(&format!("{name}.bias"), config.num_classes)?,
            },
        })
    }

    /// Computes logits, `[classes, size]`, from the first stage's output and the projections of the others. With `context`, also
    /// computes that layer over the features that the classifier sees, into `arena.detail.context`.
    pub(crate) fn forward(
        &self,
        isa: Isa,
        sizes: [[usize; 2]; 4],
        arena: &mut Arena<T>,
        size: [usize; 2],
        context: Option<&Linear<T>>,
        out: &mut [f32],
    ) {
        let (dim, classes) = (self.constant.len(), self.classifier.bias.len());
        let [height, width] = sizes[0];
        let stride = padded::<T>(self.projections[0].depth());
        let Arena { outputs, projected, taps, logits, planes, detail, scratch, .. } = arena;
        taps.ensure_for(sizes, size);
        let BilinearTaps { stages, resize, .. } = &*taps;
        logits.resize(height * width * classes, 0.0);
        let context_width = context.map_or(0, |layer| layer.bias.len());
        detail.context.ensure_len(height * width * context_width);
        let mut contexts = detail.context.chunks_mut((width * context_width).max(1));
        let tasks = logits.chunks_mut(width * classes).map(|logits| (logits, contexts.next().unwrap_or_default()));
        for_each(scratch, tasks.enumerate(), |(y, (logits, context_row)), scratch| {
            let Scratch { operand: features, floats, rows, clock, .. } = scratch;
            clock.set_stage(0);
            floats.ensure_len(width * dim);
            let start = clock.start();
            let operand = Operand::new(&outputs[0][y * width * stride..], width, stride);
            let ending = Ending { bias: Some(&self.constant), ..Ending::default() };
            product(isa, &operand, self.projections[0].view(), &ending, &mut floats[..], dim);
            clock.stop(start, Operation::Projection, 2 * width * self.projections[0].depth() * dim);
            let start = clock.start();
            for (((row, projected), [_, w]), [vertical, _]) in
                rows.iter_mut().zip(&*projected).zip(&sizes[1..]).zip(stages)
            {
                let (a, b, t) = vertical[y];
                let line = w * dim;
                row.ensure_len(line);
                lerp(isa, &mut row[..line], &projected[a * line..][..line], &projected[b * line..][..line], t);
            }
            let line = |i: usize| &rows[i][..sizes[i + 1][1] * dim];
            let horizontal = [&stages[0][1][..], &stages[1][1], &stages[2][1]];
            classify(isa, &self.classifier, floats, [line(0), line(1), line(2)], horizontal, logits);
            clock.stop(start, Operation::Classifier, 0);
            if let Some(layer) = context {
                let start = clock.start();
                let stride = layer.weight.depth();
                features.ensure_len(width.next_multiple_of(ROW_BLOCK) * stride);
                add_rows(floats, [line(0), line(1), line(2)], horizontal, dim, features, stride);
                let ending = Ending { bias: Some(&layer.bias), ..Ending::default() };
                let operand = Operand::new(features, width, stride);
                product(isa, &operand, layer.weight.view(), &ending, context_row, context_width);
                clock.stop(start, Operation::Detail, 2 * width * dim * context_width);
            }
        });
        planes.resize(logits.len(), 0.0);
        for (class, out) in planes.chunks_exact_mut(height * width).enumerate() {
            for (o, v) in out.iter_mut().zip(logits[class..].iter().step_by(classes)) {
                *o = *v;
            }
        }
        resize_planes(isa, planes, sizes[0], out, size, resize, scratch);
    }
}

/// The features of a row: the sum of the projections of all stages, upsampled along the row, after ReLU. Numbers between `dim`
/// and `stride` become zero. See [`classify`].
///
/// # Shapes
/// - `first`: `[W, dim]`; `rows`: `[W_i, dim]`; `out`: `[W, stride]`
fn add_rows<T: Element>(first: &[f32], rows: [&[f32]; 3], taps: [&[Tap]; 3], dim: usize, out: &mut [T], stride: usize) {
    for (x, (first, out)) in first.chunks_exact(dim).zip(out.chunks_exact_mut(stride)).enumerate().take(taps[0].len()) {
        let at = |i: usize| {
            let (a, b, t) = taps[i][x];
            (&rows[i][a * dim..][..dim], &rows[i][b * dim..][..dim], t)
        };
        let [(a0, b0, t0), (a1, b1, t1), (a2, b2, t2)] = [at(0), at(1), at(2)];
        let (features, rest) = out.split_at_mut(dim);
        for (c, out) in features.iter_mut().enumerate() {
            let upsampled =
                (a0[c] + (b0[c] - a0[c]) * t0) + (a1[c] + (b1[c] - a1[c]) * t1) + (a2[c] + (b2[c] - a2[c]) * t2);
            *out = T::from_f32((first[c] + upsampled).max(0.0));
        }
        rest.fill(T::from_f32(0.0));
    }
}

/// Bilinear resampling of planes with half-pixel centres.
///
/// # Shapes
/// - `x`: `[planes, from[0], from[1]]`; `out`: `[planes, to[0], to[1]]`
fn resize_planes<T: Element>(
    isa: Isa,
    x: &[f32],
    from: [usize; 2],
    out: &mut [f32],
    to: [usize; 2],
    [vertical, horizontal]: &RowsAndColumns,
    scratch: &mut [Scratch<T>],
) {
    const ROWS: usize = 32;
    for_each(scratch, out.chunks_mut(ROWS * to[1]).enumerate(), |(task, out), scratch| {
        let start = scratch.clock.start();
        scratch.floats.ensure_len(from[1]);
        let row = &mut scratch.floats[..from[1]];
        for (i, out) in out.chunks_exact_mut(to[1]).enumerate() {
            let i = task * ROWS + i;
            let plane = &x[i / to[0] * from[0] * from[1]..];
            let (a, b, t) = vertical[i % to[0]];
            lerp(isa, row, &plane[a * from[1]..][..from[1]], &plane[b * from[1]..][..from[1]], t);
            for (o, &(a, b, t)) in out.iter_mut().zip(horizontal) {
                *o = row[a] + (row[b] - row[a]) * t;
            }
        }
        scratch.clock.stop(start, Operation::Resize, 0);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taps::taps_of_both_axes;

    #[test]
    fn planes_are_resampled_as_pytorch_does() {
        // torch.nn.functional.interpolate(torch.tensor([[[[0., 1.], [2., 3.]]]]), size=(2, 4), mode="bilinear",
        //                                 align_corners=False)
        let mut out = [0.0; 8];
        let mut arena = Arena::<f32>::new(1, false);
        resize_planes(
            Isa::Portable,
            &[0.0, 1.0, 2.0, 3.0],
            [2, 2],
            &mut out,
            [2, 4],
            &taps_of_both_axes([2, 2], [2, 4]),
            &mut arena.scratch,
        );
        assert_eq!(out, [0.0, 0.25, 0.75, 1.0, 2.0, 2.25, 2.75, 3.0]);
    }
}
