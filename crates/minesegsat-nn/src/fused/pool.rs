//! Buffers that go from one training step to the next: [`buffer`], [`recycle`].
//!
//! Each step needs buffers of the same lengths as the one before it. Memory fresh from the system costs a page fault and a
//! pass of zeros for every page, which shows beside operations that are bound by memory themselves.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use burn::backend::{Flex, tensor::FloatTensor};

/// Shorter buffers are the allocator's business, which keeps them itself.
const LEAST: usize = 16 * 1024;

/// Values kept at most, 1 GiB: a batch's size changes, and then buffers of the old one wait in vain.
const MOST: usize = 256 * 1024 * 1024;

#[derive(Default)]
struct Pool {
    by_len: HashMap<usize, Vec<Vec<f32>>>,
    /// Values in all buffers.
    kept: usize,
}

impl Pool {
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        let buffer = self.by_len.get_mut(&len)?.pop()?;
        self.kept -= len;
        Some(buffer)
    }

    fn put(&mut self, buffer: Vec<f32>) {
        let len = buffer.len();
        if self.kept + len <= MOST {
            self.kept += len;
            self.by_len.entry(len).or_default().push(buffer);
        }
    }
}

fn pool() -> MutexGuard<'static, Pool> {
    static POOL: LazyLock<Mutex<Pool>> = LazyLock::new(Mutex::default);
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A buffer of so many values, whatever they are.
pub(super) fn buffer(len: usize) -> Vec<f32> {
    let kept = if len < LEAST { None } else { pool().take(len) };
    kept.unwrap_or_else(|| vec![0.0; len])
}

/// Takes back a buffer.
pub(super) fn recycle(buffer: Vec<f32>) {
    if buffer.len() >= LEAST {
        pool().put(buffer);
    }
}

/// Takes back the buffer of a tensor that nobody else holds.
pub(crate) fn recycle_primitive(primitive: FloatTensor<Flex>) {
    if primitive.is_unique()
        && primitive.is_contiguous()
        && primitive.layout().num_elements() >= LEAST
        && let Ok(buffer) = primitive.into_data().into_parts().0.try_into_vec::<f32>()
    {
        recycle(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_by_their_length_up_to_a_bound() {
        let mut pool = Pool::default();
        pool.put(vec![1.0; 5]);
        pool.put(vec![2.0; 7]);
        assert_eq!(pool.take(6), None);
        assert_eq!(pool.take(5), Some(vec![1.0; 5]));
        assert_eq!(pool.take(5), None);
        pool.kept = MOST - 2;
        pool.put(vec![3.0; 3]);
        assert_eq!((pool.take(3), pool.kept), (None, MOST - 2));
    }
}
