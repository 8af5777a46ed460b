//! Buffers that start with a cache line.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};

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

    /// Gives it room for at least so many numbers. New ones are zero; nothing happens where there is enough room.
    pub(crate) fn reach(&mut self, len: usize) {
        if self.len < len {
            self.lines.resize((len * size_of::<T>()).div_ceil(size_of::<Line>()), Line::zeroed());
            self.len = len;
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
