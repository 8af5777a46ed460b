//! The buffers of one patch on its way through the network.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::Aligned;
use crate::profile::Clock;
use crate::simd::Element;

/// Buffers that all threads share. They reach their lengths with the first patch of a shape.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    pub(crate) averaged: Vec<f32>,
    /// `[H * W, in_channels]`.
    pub(crate) image: Aligned<T>,
    /// Tokens of a stage, and those that a feed-forward network writes while it reads its neighbours' in the other.
    pub(crate) tokens: [Aligned<f32>; 2],
    /// Of each stage `[H_i * W_i, channels]`, up to a multiple of 16 rows.
    pub(crate) outputs: [Aligned<T>; 4],
    /// `[keys, 2 C]`.
    pub(crate) keys_values: Aligned<T>,
    /// Of each head, the keys and the values as panels.
    pub(crate) packed: Aligned<T>,
    /// The hidden layer of low maps.
    pub(crate) hidden: Aligned<T>,
    /// Stages 2 to 4, projected to the decoder's width.
    pub(crate) projected: [Aligned<f32>; 3],
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
            logits: Vec::new(),
            planes: Vec::new(),
            scratch: (0..threads.max(1)).map(|_| Scratch::new(profiles)).collect(),
        }
    }
}

impl<T: Element> Scratch<T> {
    fn new(profiles: bool) -> Self {
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

/// Does tasks on as many threads as there are scratch buffers; each takes the next task when it is done with one.
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
