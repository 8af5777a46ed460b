//! Sentinel-2 scenes in, maps of mining-disturbed land out.

pub mod area;
mod band;
pub mod cog;
mod crs;
mod error;
mod grid;
pub mod patch_grid;
pub mod polygonize;
pub mod output;
pub mod quicklook;
pub mod raster;
pub mod resample;
pub mod http;
pub mod raster;
pub mod scene;
pub mod rasterize;
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
