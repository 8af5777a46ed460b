//! Sentinel-2 scenes in, maps of mining-disturbed land out.

mod band;
pub mod cog;
mod crs;
mod error;
mod grid;
pub mod output;
pub mod quicklook;
pub mod raster;
mod segmenter;

pub use band::Band;
pub use crs::Crs;
pub use error::{Error, Result};
pub use grid::{GeoTransform, Grid, Window};
pub use raster::{DataType, Pixels, RasterInfo, RasterSource};
pub use segmenter::Segmenter;
