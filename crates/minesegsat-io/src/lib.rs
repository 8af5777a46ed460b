//! Input and output of files: rasters on disk and over HTTP, Cloud Optimized GeoTIFFs.
//!
//! # The map of this crate
//! - Reading rasters: [`raster`] ([`Location`], [`open_raster`], [`RasterSource`], [`Pixels`]), [`http`] (ranges, retries,
//!   timeouts)
//! - Writing rasters: [`cog`]; names and colours of classes: [`class_file`]
#![warn(clippy::unwrap_used, clippy::print_stdout)]

pub mod class_file;
pub mod cog;
pub mod http;
pub mod raster;

pub use raster::{
    DataType, InputIdentity, Location, MissingValues, Pixels, RasterInfo, RasterMask, RasterSource, identity,
    open_jp2_with_grid, open_raster, read_bytes, read_json, read_json_with, read_text,
};
