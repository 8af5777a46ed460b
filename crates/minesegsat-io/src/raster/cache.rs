//! Cache of decoded blocks of all open rasters, shared by all threads, with a limit in bytes.
//!
//! If several threads request a block at once, the first decodes it and the others wait. A thread publishes all blocks that
//! it claimed before it waits for a block of another thread, so there is no deadlock.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::Pixels;

/// Default limit of the cache in bytes. A row of 1024-pixel blocks of all bands of a Sentinel-2 tile (170 MiB) fits in it, so
/// reading all bands row by row decodes each block once.
const LIMIT_BYTES: usize = 256 << 20;

/// The cache of this process.
pub(super) static BLOCKS: BlockCache = BlockCache::new(LIMIT_BYTES);

/// Sets the limit of the block cache of this process in bytes; default 256 MiB. A lower limit takes effect when further
/// blocks are added.
pub fn set_block_cache_limit(bytes: usize) {
    BLOCKS.limit.store(bytes, Ordering::Relaxed);
}

/// Key of a block: the number of its raster, assigned when it is opened, and its index in the raster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct BlockKey {
    pub(super) raster: u64,
    pub(super) block: usize,
}

pub(super) struct BlockCache {
    state: Mutex<Option<State>>,
    published: Condvar,
    limit: AtomicUsize,
}

#[derive(Default)]
struct State {
    entries: HashMap<BlockKey, Entry>,
    /// Ready blocks by the time of their last use.
    by_age: BTreeMap<u64, BlockKey>,
    clock: u64,
    bytes: usize,
}

enum Entry {
    Loading,
    Ready { block: Arc<Pixels>, used: u64 },
}

/// Result of [`BlockCache::get_or_claim`].
pub(super) enum CacheLookup<'a> {
    /// The block is in the cache.
    Ready(Arc<Pixels>),
    /// The block is not in the cache: decode it and [`BlockClaim::publish`] it.
    Claimed(BlockClaim<'a>),
    /// Another thread decodes it: [`BlockCache::wait`] for it.
    Busy,
}

/// The obligation to decode a block. If it is dropped without publishing (an error, a panic), other threads can claim the
/// block.
pub(super) struct BlockClaim<'a> {
    cache: &'a BlockCache,
    key: BlockKey,
}

impl BlockCache {
    const fn new(limit: usize) -> Self {
        Self { state: Mutex::new(None), published: Condvar::new(), limit: AtomicUsize::new(limit) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get_or_claim(&self, key: BlockKey) -> CacheLookup<'_> {
        let mut state = self.lock();
        let state = state.get_or_insert_default();
        match state.entries.get(&key) {
            Some(Entry::Loading) => CacheLookup::Busy,
            Some(Entry::Ready { .. }) => state.touch(key).map_or(CacheLookup::Busy, CacheLookup::Ready),
            None => {
                state.entries.insert(key, Entry::Loading);
                CacheLookup::Claimed(BlockClaim { cache: self, key })
            }
        }
    }

    /// Waits for a block that another thread decodes. `None`: that thread failed, or the block was evicted at once.
    pub(super) fn wait(&self, key: BlockKey) -> Option<Arc<Pixels>> {
        let state = self.lock();
        let mut state = self
            .published
            .wait_while(state, |s| matches!(s.as_ref().and_then(|s| s.entries.get(&key)), Some(Entry::Loading)))
            .unwrap_or_else(PoisonError::into_inner);
        state.as_mut()?.touch(key)
    }

    /// Removes all blocks of a closed raster.
    pub(super) fn forget(&self, raster: u64) {
        if let Some(state) = self.lock().as_mut() {
            let State { entries, by_age, bytes, .. } = state;
            entries.retain(|key, entry| match entry {
                Entry::Ready { block, used } if key.raster == raster => {
                    *bytes -= block.byte_len();
                    by_age.remove(used);
                    false
                }
                _ => true,
            });
        }
    }
}

impl State {
    fn touch(&mut self, key: BlockKey) -> Option<Arc<Pixels>> {
        self.clock += 1;
        match self.entries.get_mut(&key) {
            Some(Entry::Ready { block, used }) => {
                self.by_age.remove(used);
                *used = self.clock;
                self.by_age.insert(self.clock, key);
                Some(Arc::clone(block))
            }
            _ => None,
        }
    }
}

impl BlockClaim<'_> {
    /// Stores the block, evicts old blocks beyond the limit, and wakes the waiting threads. A block larger than the limit is kept
    /// alone.
    pub(super) fn publish(self, block: Arc<Pixels>) {
        {
            let mut state = self.cache.lock();
            let state = state.get_or_insert_default();
            state.bytes += block.byte_len();
            state.clock += 1;
            let used = state.clock;
            state.entries.insert(self.key, Entry::Ready { block, used });
            state.by_age.insert(used, self.key);
            while state.bytes > self.cache.limit.load(Ordering::Relaxed) && state.by_age.len() > 1 {
                let Some((_, oldest)) = state.by_age.pop_first() else { break };
                if let Some(Entry::Ready { block, .. }) = state.entries.remove(&oldest) {
                    state.bytes -= block.byte_len();
                }
            }
        }
        self.cache.published.notify_all();
        std::mem::forget(self);
    }
}

impl Drop for BlockClaim<'_> {
    fn drop(&mut self) {
        if let Some(state) = self.cache.lock().as_mut() {
            state.entries.remove(&self.key);
        }
        self.cache.published.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(block: usize) -> BlockKey {
        BlockKey { raster: 1, block }
    }

    fn put(cache: &BlockCache, block: usize, bytes: usize) {
        match cache.get_or_claim(key(block)) {
            CacheLookup::Claimed(claim) => claim.publish(Arc::new(Pixels::U8(vec![block as u8; bytes]))),
            _ => panic!("block {block} is there already"),
        }
    }

    fn holds(cache: &BlockCache, block: usize) -> bool {
        cache.lock().as_ref().is_some_and(|s| s.entries.contains_key(&key(block)))
    }

    #[test]
    fn the_block_unused_for_longest_goes_first() {
        let cache = BlockCache::new(100);
        put(&cache, 1, 40);
        put(&cache, 2, 40);
        assert!(matches!(cache.get_or_claim(key(1)), CacheLookup::Ready(_)));
        put(&cache, 3, 40);
        assert_eq!([holds(&cache, 1), holds(&cache, 2), holds(&cache, 3)], [true, false, true]);
        put(&cache, 4, 500);
        assert_eq!([holds(&cache, 1), holds(&cache, 3), holds(&cache, 4)], [false, false, true], "kept alone");
        put(&cache, 5, 10);
        assert!(!holds(&cache, 4));
        assert_eq!(cache.lock().as_ref().unwrap().bytes, 10);
        cache.forget(1);
        assert_eq!(cache.lock().as_ref().unwrap().bytes, 0);
        assert!(!holds(&cache, 5));
        // A lower limit takes effect with the next block.
        put(&cache, 6, 40);
        put(&cache, 7, 40);
        cache.limit.store(50, Ordering::Relaxed);
        put(&cache, 8, 40);
        assert_eq!([holds(&cache, 6), holds(&cache, 7), holds(&cache, 8)], [false, false, true]);
    }

    #[test]
    fn a_failed_claim_sets_waiters_free() {
        let cache = BlockCache::new(100);
        let CacheLookup::Claimed(claim) = cache.get_or_claim(key(7)) else { panic!("claimed by nobody") };
        assert!(matches!(cache.get_or_claim(key(7)), CacheLookup::Busy));
        std::thread::scope(|s| {
            let waiter = s.spawn(|| cache.wait(key(7)));
            drop(claim);
            assert!(waiter.join().unwrap().is_none());
        });
        put(&cache, 7, 1);
        assert!(cache.wait(key(7)).is_some());
    }
}
