//! Land disturbed by mining, mapped from Sentinel-2 imagery: the front door for Rust programs.
//!
//! ```no_run
//! use minesegsat::{Job, Model, ModelOptions, OpenOptions, Scene};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = Model::open("models/b0", &ModelOptions::default())?;
//! let scene = Scene::open("S2B_MSIL2A_20210710T190919_N0301_R056_T10UFV_20210710T213102.SAFE", &OpenOptions::default())?;
//! let map = model.predict(&scene, "out", &model.predict_options(), Job::silent())?;
//! println!("{:.1} ha of mining-disturbed land", map.totals.area_ha);
//! # Ok(())
//! # }
//! ```
//!
//! # Where to go
//! | I want to | start at |
//! |---|---|
//! | open a model with any engine | [`Model`]; [`ModelFolder`] has the model in the program |
//! | open a scene | [`Scene`] |
//! | find and download scenes | [`catalog`], [`download`] |
//! | map a scene | [`Model::predict`], or [`predict`] with a [`Segmenter`] of my own |
//! | compare two dates | [`change`] |
//! | follow land over many dates | [`timeline`], [`series`] |
//! | map a large area with many workers | [`large_area`] |
//! | measure the accuracy of a map | [`area_sample`] |
//! | watch known mines | [`register`], [`monitor`], [`report`], [`evidence`] |
//! | make a training set, and train | [`simulate`], [`labels`], [`dataset`], [`nn`] |
//! | evaluate a model | [`evaluate`] |
//! | read or write rasters and polygons | [`raster`], [`cog`], [`vector`] |
//! | show progress, or cancel | [`Job`] |
//!
//! Three programs to start from: `examples/map_scene.rs`, `examples/compare_dates.rs`, `examples/custom_segmenter.rs`.
//!
//! This crate has no code of its own beyond [`Model`] and [`ModelFolder`]; each module is that of the crate which its name links to. Arrays are
//! `[C, H, W]`; positions in arrays are (row, col), on maps (x, y); bounding boxes are west, south, east, north.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod folder;
mod model;

pub use minesegsat_area as large_area;
pub use minesegsat_core::*;
pub use minesegsat_dataset::{self as dataset, evaluate};
pub use minesegsat_export as export;
pub use minesegsat_io::{
    DataType, InputIdentity, Location, Pixels, RasterInfo, RasterSource, cog, http, identity, open_jp2_with_grid,
    open_raster, raster, read_bytes, read_json, read_text,
};
pub use minesegsat_map::{area_sample, change, hectares, predict, preview, quicklook, series, site};
pub use minesegsat_model::{ModelCard, Precision};
pub use minesegsat_nn as nn;
pub use minesegsat_onnx as onnx;
pub use minesegsat_report as report;
pub use minesegsat_scene::{self as scene, OpenOptions, Scene, SceneBand, catalog, download, manifest, patch};
pub use minesegsat_simulate as simulate;
pub use minesegsat_vector::{delimited, labels, values, vector};
pub use minesegsat_watch::{alerts, evidence, monitor, register, timeline};

pub use self::folder::ModelFolder;
pub use self::model::{Engine, Model, ModelOptions, OpenModelError};

/// Compiles the Rust of the README and of the guide.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../README.md")]
    struct Readme;
    #[doc = include_str!("../../../docs/guide.md")]
    struct Guide;
}
