//! Buffers for the computation of one patch.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::Aligned;
use crate::profile::Clock;
use crate::simd::Element;
use crate::taps::{BilinearTaps, RowsAndColumns, taps_of_both_axes};

/// Buffers that all threads share. They grow with the first patch of a shape.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    pub(crate) averaged: Vec<f32>,
    /// `[H * W, in_channels]`.
    pub(crate) image: Aligned<T>,
    /// Input and output tokens of a feed-forward network, which reads neighbouring tokens and so cannot work in place.
    pub(crate) tokens: [Aligned<f32>; 2],
    /// Output of each stage, `[H_i * W_i, channels]`, with room for a multiple of 16 rows.
    pub(crate) outputs: [Aligned<T>; 4],
    /// `[keys, 2 C]`.
    pub(crate) keys_values: Aligned<T>,
    /// Keys and values of each head as panels.
    pub(crate) packed: Aligned<T>,
    /// The hidden layer of feed-forward networks that run in two passes.
    pub(crate) hidden: Aligned<T>,
    /// Outputs of stages 2 to 4, projected to the decoder's width.
    pub(crate) projected: [Aligned<f32>; 3],
    /// Sample positions of the decoder's upsampling.
    pub(crate) taps: BilinearTaps,
    pub(crate) detail: DetailArena<T>,
    pub(crate) logits: Vec<f32>,
    pub(crate) planes: Vec<f32>,
    pub(crate) scratch: Vec<Scratch<T>>,
}

/// Buffers of one thread.
#[derive(Debug)]
pub(crate) struct Scratch<T> {
    /// Normalised tokens, or gathered pixels.
    pub(crate) operand: Aligned<T>,
    pub(crate) query: Aligned<T>,
    pub(crate) weights: Aligned<T>,
    pub(crate) context: Aligned<T>,
    /// Rows of the hidden layer.
    pub(crate) hidden: Aligned<T>,
    pub(crate) activated: Aligned<T>,
    pub(crate) floats: Aligned<f32>,
    pub(crate) rows: [Aligned<f32>; 3],
    pub(crate) inverse: Aligned<f32>,
    pub(crate) clock: Clock,
}

/// Maps of the path, and sample positions of its upsampling. They grow with the first patch of a shape.
#[derive(Debug)]
pub(crate) struct DetailArena<T> {
    /// The input in channels-last order, if the encoder's input is another one.
    pub(crate) image: Aligned<T>,
    /// `[H * W, full width]`.
    pub(crate) fine: Aligned<T>,
    /// `[H / 2 * W / 2, half width]`.
    pub(crate) coarse: [Aligned<T>; 2],
    /// `[H_1 * W_1, half width]`.
    pub(crate) context: Aligned<f32>,
    /// `[H / 2 * W / 2, full width]`.
    pub(crate) up: Aligned<f32>,
    /// Sizes of the context, of the coarse and of the fine map that the taps belong to.
    sizes: [[usize; 2]; 3],
    /// From the context to the coarse map, and from the coarse to the fine one.
    pub(crate) taps: [RowsAndColumns; 2],
}

impl<T: Element> Arena<T> {
    pub(crate) fn new(threads: usize, profiles: bool) -> Self {
        Self {
            averaged: Vec::new(),
            image: Aligned::default(),
            tokens: Default::default(),
            outputs: Default::default(),
            keys_values: Aligned::default(),
            packed: Aligned::default(),
            hidden: Aligned::default(),
            projected: Default::default(),
            taps: BilinearTaps::default(),
            detail: DetailArena::default(),
            logits: Vec::new(),
            planes: Vec::new(),
            scratch: (0..threads.max(1)).map(|_| Scratch::new(profiles)).collect(),
        }
    }
}

impl<T> Default for DetailArena<T> {
    fn default() -> Self {
        Self {
            image: Aligned::default(),
            fine: Aligned::default(),
            coarse: Default::default(),
            context: Aligned::default(),
            up: Aligned::default(),
            sizes: Default::default(),
            taps: Default::default(),
        }
    }
}

impl<T> DetailArena<T> {
    pub(crate) fn ensure_taps(&mut self, sizes: [[usize; 2]; 3]) {
        if self.sizes != sizes {
            let [context, coarse, fine] = sizes;
            self.taps = [taps_of_both_axes(context, coarse), taps_of_both_axes(coarse, fine)];
            self.sizes = sizes;
        }
    }
}

impl<T: Element> Scratch<T> {
    pub(crate) fn new(profiles: bool) -> Self {
        Self {
            operand: Aligned::default(),
            query: Aligned::default(),
            weights: Aligned::default(),
            context: Aligned::default(),
            hidden: Aligned::default(),
            activated: Aligned::default(),
            floats: Aligned::default(),
            rows: Default::default(),
            inverse: Aligned::default(),
            clock: Clock::new(profiles),
        }
    }
}

/// Runs tasks on one thread per scratch buffer. Each thread takes the next task when it has finished one.
pub(crate) fn for_each<C: Send, T: Element>(
    scratch: &mut [Scratch<T>],
    mut tasks: impl Iterator<Item = C> + Send,
    work: impl Fn(C, &mut Scratch<T>) + Sync,
) {
    if let [scratch] = scratch {
        tasks.for_each(|task| work(task, scratch));
        return;
    }
    let tasks = Mutex::new(&mut tasks);
    scratch.par_iter_mut().for_each(|scratch| {
        loop {
            let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(task) = task else { break };
            work(task, scratch);
        }
    });
}

/// Parts of a buffer as tasks. The first parts are large, so that weights are re-read less often. The last parts are small, so
/// that threads finish at about the same time.
pub(crate) struct Pieces<'a, V> {
    rest: &'a mut [V],
    /// Numbers per unit.
    unit: usize,
    /// Minimum and maximum number of units per task.
    sizes: [usize; 2],
    threads: usize,
    first: usize,
}

impl<'a, V> Pieces<'a, V> {
    /// Cuts `buffer`, which consists of units of `unit` numbers, into parts of `least` to `most` units.
    pub(crate) fn new(buffer: &'a mut [V], unit: usize, [least, most]: [usize; 2], threads: usize) -> Self {
        let least = least.max(1);
        Self { rest: buffer, unit, sizes: [least, most.max(least)], threads, first: 0 }
    }
}

impl<'a, V> Iterator for Pieces<'a, V> {
    /// Index of the first unit, and the part.
    type Item = (usize, &'a mut [V]);

    fn next(&mut self) -> Option<Self::Item> {
        let left = self.rest.len() / self.unit;
        if left == 0 {
            return None;
        }
        let [least, most] = self.sizes;
        let fair = if self.threads == 1 { most } else { 2 * left / (3 * self.threads) / least * least };
        let units = fair.clamp(least, most).min(left);
        let (part, rest) = std::mem::take(&mut self.rest).split_at_mut(units * self.unit);
        self.rest = rest;
        self.first += units;
        Some((self.first - units, part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_a_buffer_once_and_get_smaller() {
        for (units, least, most, threads) in
            [(1024, 16, 128, 2), (7, 1, 2, 3), (100, 16, 64, 1), (5, 16, 128, 2), (0, 1, 1, 1)]
        {
            let mut buffer = vec![0_u8; units * 3];
            let mut first = 0;
            let mut sizes = Vec::new();
            for (at, part) in Pieces::new(&mut buffer, 3, [least, most], threads) {
                assert_eq!(at, first);
                for v in part.iter_mut() {
                    *v += 1;
                }
                first += part.len() / 3;
                sizes.push(part.len() / 3);
            }
            assert_eq!(first, units);
            assert!(sizes.is_sorted_by(|a, b| a >= b) && sizes.iter().all(|&size| size <= most), "{sizes:?}");
            assert!(buffer.iter().all(|&v| v == 1));
        }
    }
}
