//! Buffers that start with a cache line.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::allocation::zeroed_vec;
use bytemuck::{Pod, Zeroable};

use crate::simd::advise_large_pages;

/// A cache line, and a row of a tile.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Numbers that start with a cache line.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    lines: Vec<Line>,
    len: usize,
    numbers: PhantomData<T>,
}

impl<T: Pod> Aligned<T> {
    /// So many times the same number.
    pub(crate) fn filled(len: usize, value: T) -> Self {
        let mut filled = Self::default();
        filled.reach(len);
        filled.fill(value);
        filled
    }

    /// Gives it room for at least so many numbers, which are zero then; nothing happens where there is enough room.
    pub(crate) fn reach(&mut self, len: usize) {
        if self.len < len {
            // Not written to before the advice, so that the system can still give large pages.
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
