//! Buffers that are aligned to cache lines.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::allocation::zeroed_vec;
use bytemuck::{Pod, Zeroable};

use super::advise_large_pages;

/// A cache line, which is also a row of an AMX tile.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// A buffer of numbers, aligned to a cache line.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    lines: Vec<Line>,
    len: usize,
    numbers: PhantomData<T>,
}

impl<T: Pod> Aligned<T> {
    /// A buffer of `len` copies of `value`.
    pub(crate) fn filled(len: usize, value: T) -> Self {
        let mut filled = Self::default();
        filled.ensure_len(len);
        filled.fill(value);
        filled
    }

    /// Makes room for at least `len` numbers. A buffer that grows is filled with zeros; a buffer that is long enough is left alone.
    pub(crate) fn ensure_len(&mut self, len: usize) {
        if self.len < len {
            // The memory is not written before the advice, so that the system can still use large pages.
            self.lines = Vec::new();
            self.lines = zeroed_vec((len * size_of::<T>()).div_ceil(size_of::<Line>()));
            self.len = len;
            advise_large_pages(bytemuck::cast_slice(&self.lines));
        }
    }
}

impl<T> Default for Aligned<T> {
    fn default() -> Self {
        Self { lines: Vec::new(), len: 0, numbers: PhantomData }
    }
}

impl<T: Pod> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }
}

impl<T: Pod> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }
}
