//! A cache of tiles in memory: [`TileCache`].

use std::hash::Hash;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use minesegsat_core::Result;

/// Bytes of an entry besides its tile: key, hash table, queue.
const ENTRY_BYTES: u64 = 160;
/// Typical size of a tile in bytes, for the estimated number of entries.
const USUAL_BYTES: u64 = 32 << 10;

#[derive(Debug, Clone, Copy)]
struct ByBytes;

impl<K> Weighter<K, Option<Bytes>> for ByBytes {
    fn weight(&self, _: &K, tile: &Option<Bytes>) -> u64 {
        ENTRY_BYTES + tile.as_ref().map_or(0, |bytes| bytes.len() as u64)
    }
}

/// A cache of encoded tiles with a limit in bytes. It stores empty tiles, but no errors.
///
/// If several threads request one tile at the same time, one thread draws it and the others wait.
///
/// ```
/// use minesegsat_tiles::TileCache;
///
/// let cache = TileCache::new(64 << 20);
/// let drawn = cache.get_or_draw(&"site/2022-07-12/mask/14/1/2".to_owned(), || Ok(Some(vec![1, 2, 3])))?;
/// let again = cache.get_or_draw(&"site/2022-07-12/mask/14/1/2".to_owned(), || unreachable!("it is there"))?;
/// assert_eq!(drawn, again);
/// # Ok::<(), minesegsat_core::Error>(())
/// ```
#[derive(Debug)]
pub struct TileCache<K = String> {
    tiles: Cache<K, Option<Bytes>, ByBytes>,
}

impl<K: Eq + Hash + Clone> TileCache<K> {
    /// A cache of at most `limit_bytes`, including keys and tables.
    pub fn new(limit_bytes: u64) -> Self {
        let entries = (limit_bytes / USUAL_BYTES).clamp(16, 1 << 20) as usize;
        Self { tiles: Cache::with_weighter(entries, limit_bytes, ByBytes) }
    }

    /// The tile of a key. Draws it if it is missing. `None` is an empty tile.
    pub fn get_or_draw(&self, key: &K, draw: impl FnOnce() -> Result<Option<Vec<u8>>>) -> Result<Option<Bytes>> {
        self.tiles.get_or_insert_with(key, || Ok(draw()?.map(Bytes::from)))
    }

    /// The cached tile of a key. The outer `None` is a missing entry, the inner one an empty tile.
    pub fn get(&self, key: &K) -> Option<Option<Bytes>> {
        self.tiles.get(key)
    }

    /// Removes the tiles whose keys do not satisfy `keep`.
    pub fn retain(&self, keep: impl Fn(&K) -> bool) {
        self.tiles.retain(|key, _| keep(key));
    }

    /// Approximate size in bytes.
    pub fn bytes(&self) -> u64 {
        self.tiles.weight()
    }

    /// Number of tiles, including empty ones.
    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// Whether the cache has no tile.
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use minesegsat_core::Error;

    #[test]
    fn bytes_are_bounded() {
        let cache = TileCache::new(1 << 20);
        for i in 0..1000_u32 {
            cache.get_or_draw(&i, || Ok(Some(vec![0; 10_000]))).unwrap();
            assert!(cache.bytes() <= 1 << 20, "{} at {i}", cache.bytes());
        }
        assert!(cache.len() > 50, "{}", cache.len());
        // A tile larger than the cache is returned, but not stored.
        assert_eq!(cache.get_or_draw(&5000, || Ok(Some(vec![1; 2 << 20]))).unwrap().unwrap().len(), 2 << 20);
        assert!(cache.bytes() <= 1 << 20);
        cache.retain(|_| false);
        assert!(cache.is_empty());
    }

    #[test]
    fn empty_tiles_are_remembered_and_errors_are_not() {
        let cache = TileCache::new(1 << 20);
        assert_eq!(cache.get_or_draw(&1, || Ok(None)).unwrap(), None);
        assert_eq!(cache.get(&1), Some(None));
        assert!(cache.get_or_draw(&2, || Err(Error::raster("a", "damaged"))).is_err());
        assert_eq!(cache.get(&2), None);
        assert!(cache.get_or_draw(&2, || Ok(Some(vec![7]))).unwrap().is_some());
    }

    #[test]
    fn a_tile_that_many_ask_for_is_drawn_once() {
        let cache = TileCache::new(1 << 20);
        let drawn = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let draw = || {
                        drawn.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(std::time::Duration::from_millis(20));
                        Ok(Some(vec![1]))
                    };
                    cache.get_or_draw(&1, draw).unwrap();
                });
            }
        });
        assert_eq!(drawn.load(Ordering::Relaxed), 1);
    }
}
