//! Web map tiles of maps and scenes: raster tiles ([`LayerSet`]) and vector tiles ([`VectorSource`]).
//!
//! - [`Tile`] is a tile of the Web Mercator grid (EPSG:3857): zoom, and column and row from the north-west
//! - [`Layer`] is the content of a tile, [`Style`] its value range and [`ColourMap`]
//! - [`LayerSet`] is a map folder of `predict` with its scene and its change. It is opened once; many threads draw from it
//! - [`VectorSource`] holds polygons and cuts them into Mapbox Vector Tiles 2.1
//! - [`TileCache`] caches tiles up to a size in bytes
//!
//! ```text
//! tile ── pixels that intersect the raster ── lattice: exact inverse projection at few points, bilinear between them
//!                                                   │
//! band ── overview not coarser than the tile ── window ── nodata-aware bilinear, or nearest for classes
//!                                                   │
//! digital number -> reflectance (scale and offset of the map's record) ── range ── colours ── PNG
//! ```
//! # Accuracy
//! Positions have an error below an eighth of a pixel of the tile and of the raster, which is the tolerance of GDAL's warper. Raster
//! pixels smaller than a tile's pixel are averaged: by the raster's overviews, or in this crate if no overview is coarse enough.
//! Every zoom from 0 to [`MAX_ZOOM`] is drawn, also those at which a raster covers only a few pixels.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

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
pub use grid::{MAX_ZOOM, Tile, lon_lat, world_position};
pub use layer::{Layer, Style};
pub use layer_set::LayerSet;
pub use legend::{Legend, LegendClass};
pub use vector::{VectorFeature, VectorSource, VectorValue, encode_tile};
