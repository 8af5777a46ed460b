//! Sentinel-2 scenes in, maps of mining-disturbed land out. No network lives here: everything that makes maps is
//! written against [`Segmenter`], which `minesegsat-nn` implements.
//!
//! # The map of this crate
//! - Where things are: [`Window`], [`GeoTransform`], [`Grid`], [`Crs`], [`Transformer`]
//! - Files in: [`raster`] ([`Location`], [`open_raster`], [`RasterSource`], [`Pixels`]), [`http`]
//! - Finding scenes: [`catalog`] (STAC APIs, static catalogues, the choice of scenes), [`download`] (whole or clipped)
//! - Scenes: [`scene`] ([`Scene::open`], [`scene::Radiometry`], [`scene::summarize`]), [`Band`]
//! - Patches: [`patch`] ([`patch::PatchReader`]), [`patch_grid`] (places and blending weights), [`resample`] (OpenCV's
//!   cubic kernel, by map position)
//! - Labels: [`labels`] (polygons of mines read, filtered, repaired, reprojected and burned into masks)
//! - Training sets: [`labels`] (polygons in, masks out), [`dataset`] (build, split, measure, import, read)
//! - How good a map is: [`metrics`] (counts and ratios), [`evaluate`] (models on the samples of a data set),
//!   [`area_sample`] (areas and accuracies with intervals, from points of a map that people look at)
//! - Two dates and many: [`change`] (gain, loss, noise floors), [`timeline`], [`uncertainty`] (areas with intervals)
//! - Known mines, watched: [`register`] (sites, permits, observations, in a GeoPackage), [`monitor`] (search, map, compare,
//!   judge, store), [`alerts`] (webhooks, mail, files), [`report`] (pages), [`evidence`] (signed packs)
//! - How training goes: [`tensorboard`]
//! - Maps: [`predict`] (the whole run), [`polygonize`], [`rasterize`], [`area`] (geodesic)
//! - Scenes with known truth: [`simulate`]
//! - Files out: [`cog`], [`vector`], [`quicklook`], [`manifest`], [`output`] (complete or absent)
//! - Pictures to look at: [`preview`] (sheets of panels, a page to leaf through a data set)
//! - Maps on the web: [`tiles`] (pictures and vectors in the grid of web maps, drawn when they are asked for)
//! - What goes wrong: [`Error`], [`hint`] (what was meant)
//!
//! Arrays are row-major `[C, H, W]`; positions in arrays are (row, col), on maps (x, y); bounding boxes are west, south,
//! east, north.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

pub mod alerts;
pub mod area;
pub mod area_sample;
mod band;
pub mod catalog;
pub mod change;
pub mod cog;
mod crs;
pub mod dataset;
mod delimited;
pub mod download;
mod error;
pub mod evaluate;
pub mod evidence;
mod grid;
pub mod hint;
pub mod http;
pub mod labels;
pub mod manifest;
pub mod metrics;
pub mod monitor;
mod noise;
pub mod output;
pub mod patch;
pub mod patch_grid;
pub mod polygonize;
pub mod predict;
pub mod preview;
pub mod quicklook;
pub mod raster;
pub mod rasterize;
pub mod register;
pub mod report;
pub mod resample;
pub mod scene;
mod segmenter;
pub mod simulate;
pub mod tensorboard;
pub mod tiles;
pub mod timeline;
pub mod uncertainty;
pub mod vector;

pub use band::Band;
pub use crs::{Crs, Transformer};
pub use error::{Error, Result, with_causes};
pub use grid::{GeoTransform, Grid, Window};
pub use raster::{
    DataType, InputIdentity, Location, Pixels, RasterInfo, RasterSource, identity, open_jp2_with_grid, open_raster,
    read_bytes, read_json, read_text,
};
pub use scene::{OpenOptions, Scene, SceneBand};
pub use segmenter::Segmenter;
