//! The feed-forward network. Small layers keep a few hidden rows in an L2-sized sliding window. Wide layers, and maps too short to
//! split between threads, write the whole hidden layer to memory and read it back in a second pass.

use crate::arena::{Pieces, Scratch, for_each};
use crate::layers::{Linear, Source, padded};
use crate::profile::{Clock, Operation};
use crate::simd::{
    DepthwiseGelu, Element, Ending, Isa, Norm, Operand, Panels, ROW_BLOCK, Sum, depthwise_gelu, layer_norm, product,
};
use crate::{Aligned, Result};

/// Bytes of the window of hidden rows, a part of the L2 cache.
const WINDOW: usize = 384 * 1024;

/// Maximum number of tokens per product in a band.
const TOKENS: usize = 256;

/// Minimum and maximum tokens per task in the two-pass path. Every task re-reads all weights, so tasks must not be too small.
const TASK: [usize; 2] = [64, 512];

/// Minimum rows per band. Each band recomputes one hidden row of each neighbour, so bands must not be too short.
const BAND: usize = 16;

/// From this number of channels on, recomputing a hidden row costs more than writing it to memory and reading it back.
const WIDE: usize = 256;

/// Mix-FFN, including the norm before it.
#[derive(Debug)]
pub(crate) struct FeedForward<T: Element> {
    pub(crate) norm: Norm,
    mlp_in: Linear<T>,
    depthwise: DepthwiseGelu,
    mlp_out: Linear<T>,
}

impl<T: Element> FeedForward<T> {
    pub(crate) fn read(source: Source<'_>, name: &str, [channels, hidden]: [usize; 2], norm: Norm) -> Result<Self> {
        let conv = source.weights.get(&format!("{name}.conv.weight"), &[hidden, 1, 3, 3])?;
        let weight = (0..9).flat_map(|tap| (0..hidden).map(move |c| conv[c * 9 + tap])).collect();
        Ok(Self {
            norm,
            mlp_in: source.linear(&format!("{name}.mlp_in"), [channels, hidden], 1.0)?,
            depthwise: DepthwiseGelu { weight, bias: source.vector(&format!("{name}.conv.bias"), hidden)? },
            mlp_out: source.linear(&format!("{name}.mlp_out"), [hidden, channels], 1.0)?,
        })
    }

    pub(crate) fn panels(&mut self) -> [&mut Panels<T>; 2] {
        [&mut self.mlp_in.weight, &mut self.mlp_out.weight]
    }

    /// `out = x + ffn(norm(x))`.
    ///
    /// # Shapes
    /// - `x`, `out`: `[H * W, C]`, `size` = `[H, W]`
    pub(crate) fn forward(
        &self,
        isa: Isa,
        x: &[f32],
        out: &mut [f32],
        size: [usize; 2],
        (all_hidden, scratch): (&mut Aligned<T>, &mut [Scratch<T>]),
    ) {
        let [height, width] = size;
        let threads = scratch.len();
        let channels = self.mlp_out.bias.len();
        let row = width * channels;
        if threads > 1 && (height < BAND * threads || channels >= WIDE) {
            self.in_two_passes(isa, x, out, size, (all_hidden, scratch));
            return;
        }
        let bands = if threads == 1 { 1 } else { height / BAND };
        let rows = height.div_ceil(bands);
        for_each(scratch, out.chunks_mut(rows * row).enumerate(), |(band, out), scratch| {
            self.band(isa, x, out, size, band * rows, scratch);
        });
    }

    /// The two-pass path: first the whole hidden layer, then everything after it. Threads share each pass.
    fn in_two_passes(
        &self,
        isa: Isa,
        x: &[f32],
        out: &mut [f32],
        size: [usize; 2],
        (all_hidden, scratch): (&mut Aligned<T>, &mut [Scratch<T>]),
    ) {
        let [height, width] = size;
        let (channels, hidden) = (self.mlp_out.bias.len(), self.mlp_in.bias.len());
        let line = width * hidden;
        // One extra row of zeros stands for the rows above and below the map.
        all_hidden.ensure_len((height + 1) * line);
        let (all, zeros) = all_hidden.split_at_mut(height * line);
        zeros[..line].fill(T::from_f32(0.0));
        let rows = TASK.map(|tokens| tokens / width);
        let threads = scratch.len();
        for_each(scratch, Pieces::new(all, line, rows, threads), |(first, into), scratch| {
            self.hidden_rows(isa, &x[first * width * channels..], into, width, scratch);
        });
        let row = |y: usize| &all[y * line..][..line];
        for_each(scratch, Pieces::new(out, width * channels, rows, threads), |(first, out), scratch| {
            let around = |y: usize| {
                let above = if y > 0 { row(y - 1) } else { &zeros[..line] };
                let below = if y + 1 < height { row(y + 1) } else { &zeros[..line] };
                [above, row(y), below]
            };
            let x = &x[first * width * channels..][..out.len()];
            let Scratch { activated, clock, .. } = scratch;
            self.output_rows(
                isa,
                (first..first + out.len() / (width * channels)).map(around),
                x,
                out,
                width,
                (activated, clock),
            );
        });
    }

    /// Computes rows of the hidden layer, before its convolution, from the same number of rows of tokens.
    fn hidden_rows(&self, isa: Isa, x: &[f32], into: &mut [T], width: usize, scratch: &mut Scratch<T>) {
        let (channels, hidden) = (self.mlp_out.bias.len(), self.mlp_in.bias.len());
        let stride = padded::<T>(channels);
        let count = into.len() / hidden;
        debug_assert!(count.is_multiple_of(width), "{count} tokens are not a multiple of {width}");
        let Scratch { operand, clock, .. } = scratch;
        operand.ensure_len(count.next_multiple_of(ROW_BLOCK) * stride);
        let start = clock.start();
        layer_norm(isa, &self.norm, &x[..count * channels], operand, stride);
        clock.stop(start, Operation::Norm, 0);
        let start = clock.start();
        let ending = Ending { bias: Some(&self.mlp_in.bias), ..Ending::default() };
        product(isa, &Operand::new(operand, count, stride), self.mlp_in.weight.view(), &ending, into, hidden);
        clock.stop(start, Operation::MlpIn, 2 * count * channels * hidden);
    }

    /// Computes rows of the output. `rows` gives each hidden row with the rows above and below it.
    fn output_rows<'a>(
        &self,
        isa: Isa,
        rows: impl Iterator<Item = [&'a [T]; 3]>,
        x: &[f32],
        out: &mut [f32],
        width: usize,
        (activated, clock): (&mut Aligned<T>, &mut Clock),
    ) {
        let (channels, hidden) = (self.mlp_out.bias.len(), self.mlp_in.bias.len());
        let stride = padded::<T>(hidden);
        let count = out.len() / channels;
        activated.ensure_len(count.next_multiple_of(ROW_BLOCK) * stride);
        let start = clock.start();
        for (rows, activated) in rows.zip(activated.chunks_exact_mut(width * stride)) {
            depthwise_gelu(isa, &self.depthwise, rows, width, activated, stride);
        }
        clock.stop(start, Operation::DepthwiseGelu, 18 * count * hidden);
        let start = clock.start();
        let ending = Ending { bias: Some(&self.mlp_out.bias), sum: Sum::Rows(x), ..Ending::default() };
        let operand = Operand::new(activated, count, stride);
        product(isa, &operand, self.mlp_out.weight.view(), &ending, out, channels);
        clock.stop(start, Operation::MlpOut, 2 * count * channels * hidden);
    }

    /// Computes the rows of `out`, which start at row `first` of the map.
    fn band(&self, isa: Isa, x: &[f32], out: &mut [f32], size: [usize; 2], first: usize, scratch: &mut Scratch<T>) {
        let [height, width] = size;
        let (channels, hidden) = (self.mlp_out.bias.len(), self.mlp_in.bias.len());
        let end = first + out.len() / (width * channels);
        let line = width * hidden;
        let at_once = (WINDOW / (line * size_of::<T>())).saturating_sub(2).clamp(1, end - first);
        let slots = at_once + 2;
        let together = (TOKENS / width).max(1);

        // One extra row of zeros stands for the rows above and below the map.
        let mut window = std::mem::take(&mut scratch.hidden);
        window.ensure_len((slots + 1) * line);
        window[slots * line..][..line].fill(T::from_f32(0.0));

        let mut done = first.saturating_sub(1);
        let mut from = first;
        while from < end {
            let to = (from + at_once).min(end);
            let needed = (to + 1).min(height);
            while done < needed {
                // Rows that are consecutive in the window.
                let rows = (needed - done).min(slots - done % slots).min(together);
                let into = &mut window[done % slots * line..][..rows * line];
                self.hidden_rows(isa, &x[done * width * channels..], into, width, scratch);
                done += rows;
            }
            let row = |slot: usize| &window[slot * line..][..line];
            let around = |y: usize| {
                let above = if y > 0 { (y - 1) % slots } else { slots };
                let below = if y + 1 < height { (y + 1) % slots } else { slots };
                [row(above), row(y % slots), row(below)]
            };
            for from in (from..to).step_by(together) {
                let rows = from..to.min(from + together);
                let len = rows.len() * width * channels;
                let x = &x[from * width * channels..][..len];
                let into = &mut out[(from - first) * width * channels..][..len];
                let Scratch { activated, clock, .. } = &mut *scratch;
                self.output_rows(isa, rows.map(around), x, into, width, (activated, clock));
            }
            from = to;
        }
        scratch.hidden = window;
    }
}
