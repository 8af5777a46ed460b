//! Web map tiles of maps and scenes: pictures ([`LayerSet`]) and vectors ([`VectorSource`]), in the grid of tiles of all web maps.
//!
//! - [`Tile`] is a place in that grid: Web Mercator (EPSG:3857), zoom, column, row from the north-west
//! - [`Layer`] is what can be drawn, [`Style`] how: value range and [`ColourMap`]
//! - [`LayerSet`] is one map folder of `predict` with its scene and its change, opened once and drawn from by many threads
//! - [`VectorSource`] holds polygons and cuts them into Mapbox Vector Tiles 2.1
//! - [`TileCache`] keeps finished tiles, bounded by their bytes
//!
//! ```text
//! tile ── pixels it shares with the raster ── lattice: exact inverse projection at few points, bilinear between them
//!                                                   │
//! band ── overview not coarser than the tile ── window ── nodata-aware bilinear, or nearest for classes
//!                                                   │
//! digital number -> reflectance (as the map's record says) ── range ── colours ── PNG
//! ```
//! # How exact
//! Positions are off by less than an eighth of a pixel of the tile, and of the raster (the tolerance of GDAL's warper). Pixels that
//! are smaller than a pixel of the tile are averaged in the raster's overviews, or here where it has none that is coarse enough.
//! Of tiles at zooms that show a raster in a few pixels nothing is missing: they are as any other.

mod cache;
mod colour;
mod draw;
mod encode;
mod grid;
mod lattice;
mod layer;
mod layer_set;
mod legend;
mod pyramid;
mod sample;
#[cfg(test)]
mod tests;
mod vector;

pub use cache::TileCache;
pub use colour::ColourMap;
pub use encode::transparent_png;
pub use grid::{MAX_ZOOM, Tile, lon_lat_of, world_of};
pub use layer::{Layer, Style};
pub use layer_set::LayerSet;
pub use legend::{Legend, LegendClass};
pub use vector::{VectorFeature, VectorSource, VectorValue, encode_tile};
