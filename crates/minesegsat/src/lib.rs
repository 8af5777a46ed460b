//! Sentinel-2 scenes in, maps of mining-disturbed land out.

pub mod area;
mod band;
mod crs;
mod error;
mod grid;
pub mod polygonize;
pub mod raster;
pub mod rasterize;
mod segmenter;
pub mod vector;

pub use band::Band;
pub use crs::{Crs, Transformer};
pub use error::{Error, Result};
pub use grid::{GeoTransform, Grid, Window};
pub use raster::{DataType, Pixels, RasterInfo, RasterSource};
pub use segmenter::Segmenter;
