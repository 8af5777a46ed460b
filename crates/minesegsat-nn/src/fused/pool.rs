//! Buffers that are reused from one training step to the next: [`buffer`], [`recycle`].
//!
//! Every step needs buffers of the same lengths as the previous one. New memory from the system costs a page fault and zeroing
//! for every page, which is a noticeable cost next to memory-bound operations.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use burn::backend::{Flex, tensor::FloatTensor};

/// Minimum length. The allocator itself reuses shorter buffers.
const LEAST: usize = 16 * 1024;

/// Maximum number of values in the pool, 1 GiB. It bounds the memory of unused buffers after a change of the batch size.
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

/// A buffer of `len` arbitrary values.
pub(super) fn buffer(len: usize) -> Vec<f32> {
    let kept = if len < LEAST { None } else { pool().take(len) };
    kept.unwrap_or_else(|| vec![0.0; len])
}

/// Returns a buffer to the pool.
pub(super) fn recycle(buffer: Vec<f32>) {
    if buffer.len() >= LEAST {
        pool().put(buffer);
    }
}

/// Returns the buffer of a tensor to the pool, if the tensor is its only owner.
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
