//! Sentinel-2 scenes in, maps of mining-disturbed land out. No network lives here: everything that makes maps is
//! written against [`Segmenter`], which `minesegsat-nn` implements.
//!
//! # The map of this crate
//! - Where things are: [`Window`], [`GeoTransform`], [`Grid`], [`Crs`], [`Transformer`]
//! - Files in: [`raster`] ([`Location`], [`open_raster`], [`RasterSource`], [`Pixels`]), [`http`]
//! - Scenes: [`scene`] ([`Scene::open`], [`scene::Radiometry`], [`scene::summarize`]), [`Band`]
//! - Patches: [`patch`] ([`patch::PatchReader`]), [`patch_grid`] (places and blending weights), [`resample`] (OpenCV's
//!   cubic kernel, by map position)
//! - Maps: [`predict`] (the whole run), [`polygonize`], [`rasterize`], [`area`] (geodesic)
//! - Files out: [`cog`], [`vector`], [`quicklook`], [`manifest`], [`output`] (complete or absent)
//! - What goes wrong: [`Error`]
//!
//! Arrays are row-major `[C, H, W]`; positions in arrays are (row, col), on maps (x, y); bounding boxes are west, south,
//! east, north.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

pub mod area;
mod band;
pub mod cog;
mod crs;
mod error;
mod grid;
pub mod http;
pub mod manifest;
pub mod output;
pub mod patch;
pub mod patch_grid;
pub mod polygonize;
pub mod predict;
pub mod quicklook;
pub mod raster;
pub mod rasterize;
pub mod resample;
pub mod scene;
mod segmenter;
pub mod vector;

pub use band::Band;
pub use crs::{Crs, Transformer};
pub use error::{Error, Result};
pub use grid::{GeoTransform, Grid, Window};
pub use raster::{
    DataType, InputIdentity, Location, Pixels, RasterInfo, RasterSource, identity, open_jp2_with_grid, open_raster,
    read_bytes, read_json, read_text,
};
pub use scene::{OpenOptions, Scene, SceneBand};
pub use segmenter::Segmenter;
