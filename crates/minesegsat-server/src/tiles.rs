//! Raster and vector tiles.

mod raster;
mod sets;
mod vector;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use minesegsat::tiles::{Tile, TileCache, transparent_png};

pub(crate) use self::raster::{prediction_tile, prediction_tilejson, site_tile, site_tilejson};
use self::sets::Sets;
use self::vector::Vectors;
pub(crate) use self::vector::vector_tile;
use crate::problem::{Problem, refused};

/// Bytes of tiles that are kept.
const CACHE_BYTES: u64 = 64 << 20;

/// What can be drawn of a map.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drawable {
    /// Names of layers.
    pub(crate) layers: Vec<&'static str>,
    /// West, south, east, north.
    pub(crate) bounds: Option<[f64; 4]>,
    /// Coarsest and finest zoom that make sense.
    pub(crate) zooms: Option<(u8, u8)>,
}

/// Draws tiles, and keeps what was drawn.
#[derive(Debug, Clone)]
pub(crate) struct Tiles {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    cache: TileCache,
    hits: AtomicU64,
    misses: AtomicU64,
    sets: Sets,
    vectors: Vectors,
    /// Of 256 and of 512 pixels.
    empty: [Bytes; 2],
}

impl Tiles {
    pub(crate) fn new() -> Self {
        let empty = [256, 512].map(|size| transparent_png(size).map(Bytes::from).unwrap_or_default());
        let inner = Inner {
            cache: TileCache::new(CACHE_BYTES),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            sets: Sets::default(),
            vectors: Vectors::default(),
            empty,
        };
        Self { inner: Arc::new(inner) }
    }

    /// What can be drawn of an observation; nothing where its files are damaged.
    pub(crate) fn drawable_observation(&self, folder: &Path) -> Drawable {
        self.inner.sets.observation(folder).map(|set| sets::drawable(&set)).unwrap_or_default()
    }

    /// What can be drawn of a map that `predict` wrote.
    pub(crate) fn drawable_map(&self, folder: &Path) -> Drawable {
        self.inner.sets.map(folder).map(|set| sets::drawable(&set)).unwrap_or_default()
    }

    /// A tile by its key, drawn where it is not kept.
    fn tile(
        &self,
        key: &String,
        draw: impl FnOnce() -> minesegsat::Result<Option<Vec<u8>>>,
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

/// A tile of an address: `z`, `x`, and `y` with its ending.
fn tile_of(z: &str, x: &str, y: &str, ending: &str) -> Result<Tile, Problem> {
    let given = || format!("{z}/{x}/{y}");
    let refuse = |accepted: String| Problem::argument("tile", &given(), &accepted);
    let y = y.strip_suffix(ending).ok_or_else(|| {
        Problem::not_found(format!("there is no tile `{}`; addresses of tiles here end in `{ending}`", given()))
    })?;
    let number = |text: &str| -> Option<u32> {
        let fits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if fits { text.parse().ok() } else { None }
    };
    let (Some(z), Some(x), Some(y)) = (number(z).and_then(|z| u8::try_from(z).ok()), number(x), number(y)) else {
        return Err(refuse(format!("zoom, column and row, as in `12/654/1390{ending}`")));
    };
    Tile::new(z, x, y).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_out_of_range_are_told_the_range() {
        assert!(tile_of("0", "0", "0.png", ".png").is_ok());
        for (z, x, y) in [
            ("0", "1", "0.png"),
            ("25", "0", "0.png"),
            ("-1", "0", "0.png"),
            ("3", "8", "0.png"),
            ("a", "0", "0.png"),
            ("1", "1e0", "0.png"),
            ("300", "0", "0.png"),
        ] {
            let error = tile_of(z, x, y, ".png").unwrap_err();
            assert_eq!(error.status, 400, "{z}/{x}/{y}");
        }
        assert_eq!(tile_of("0", "0", "0.jpg", ".png").unwrap_err().status, 404);
    }
}
