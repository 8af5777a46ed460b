//! Draws tiles and caches them; keeps the maps open that tiles are drawn from.

mod map_sets;
mod vector;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use minesegsat_tiles::{LayerSet, TileCache, transparent_png};

use self::map_sets::MapSets;
pub(crate) use self::vector::VectorLayer;
use self::vector::VectorSources;
use crate::problem::Problem;

/// Size of the tile cache.
const CACHE_BYTES: u64 = 64 << 20;

/// Layers, bounds and zooms of a map.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drawable {
    /// Names of layers.
    pub(crate) layers: Vec<&'static str>,
    /// West, south, east, north.
    pub(crate) bounds: Option<[f64; 4]>,
    /// Lowest and highest useful zoom.
    pub(crate) zooms: Option<(u8, u8)>,
}

impl Drawable {
    fn from_set(set: &LayerSet) -> Self {
        Self {
            layers: set.layers().iter().map(|layer| layer.name()).collect(),
            bounds: Some(set.bounds_wgs84()),
            zooms: Some(set.zooms()),
        }
    }
}

/// Draws tiles and caches them.
#[derive(Debug, Clone)]
pub(crate) struct TileStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    cache: TileCache,
    hits: AtomicU64,
    misses: AtomicU64,
    sets: MapSets,
    vectors: VectorSources,
    /// Transparent tiles of 256 and of 512 pixels.
    empty: [Bytes; 2],
}

impl TileStore {
    pub(crate) fn new() -> Self {
        let empty = [256, 512].map(|size| transparent_png(size).map(Bytes::from).unwrap_or_default());
        let inner = Inner {
            cache: TileCache::new(CACHE_BYTES),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            sets: MapSets::default(),
            vectors: VectorSources::default(),
            empty,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The open map of an observation, from the folder of its files.
    pub(crate) fn observation_set(&self, folder: &Path) -> Result<Arc<LayerSet>, Problem> {
        self.inner.sets.observation(folder)
    }

    /// The open map of a prediction, from its folder.
    pub(crate) fn map_set(&self, folder: &Path) -> Result<Arc<LayerSet>, Problem> {
        self.inner.sets.map(folder)
    }

    /// What tiles can show of an observation. Empty if its files are damaged.
    pub(crate) fn drawable_observation(&self, folder: &Path) -> Drawable {
        self.observation_set(folder).map(|set| Drawable::from_set(&set)).unwrap_or_default()
    }

    /// What tiles can show of a prediction. Empty if its files are damaged.
    pub(crate) fn drawable_map(&self, folder: &Path) -> Drawable {
        self.map_set(folder).map(|set| Drawable::from_set(&set)).unwrap_or_default()
    }

    /// The tile of this key: from the cache, or drawn. `None` if it shows nothing.
    pub(crate) fn tile(
        &self,
        key: &String,
        draw: impl FnOnce() -> minesegsat_core::Result<Option<Vec<u8>>>,
    ) -> Result<Option<Bytes>, Problem> {
        let mut was_drawn = false;
        let tile = self.inner.cache.get_or_draw(key, || {
            was_drawn = true;
            draw()
        });
        let count = if was_drawn { &self.inner.misses } else { &self.inner.hits };
        count.fetch_add(1, Ordering::Relaxed);
        Ok(tile?)
    }

    /// A transparent PNG of 256 pixels, or of 512 at scale 2.
    pub(crate) fn empty_png(&self, scale: u32) -> Bytes {
        self.inner.empty[usize::from(scale == 2)].clone()
    }

    /// Counts for metrics: name and value.
    pub(crate) fn counts(&self) -> Vec<(&'static str, u64)> {
        let inner = &self.inner;
        vec![
            ("hits", inner.hits.load(Ordering::Relaxed)),
            ("misses", inner.misses.load(Ordering::Relaxed)),
            ("entries", inner.cache.len() as u64),
            ("bytes", inner.cache.bytes()),
            ("open_maps", inner.sets.len() as u64),
        ]
    }
}
