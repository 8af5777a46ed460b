//! Input and output of files: rasters on disk and over HTTP, Cloud Optimized GeoTIFFs, vector files, label polygons.
//!
//! # The map of this crate
//! - Reading rasters: [`raster`] ([`Location`], [`open_raster`], [`RasterSource`], [`Pixels`]), [`http`] (ranges, retries,
//!   timeouts)
//! - Writing rasters: [`cog`]
//! - Reading polygons: [`labels`] (filter, repair, reprojection, masks)
//! - Reading tables: [`delimited`] (CSV and other delimited text); [`values`] (dates and numbers in texts)
//! - Readers of other crates, which may panic: [`guard`](guard())
//! - Writing polygons: [`vector`] (GeoPackage, GeoJSON, FlatGeobuf, GeoParquet)
#![warn(clippy::unwrap_used, clippy::print_stdout)]

pub mod cog;
pub mod delimited;
mod guard;
pub mod http;
pub mod labels;
pub mod raster;
pub mod values;
pub mod vector;

pub use guard::guard;
pub use raster::{
    DataType, InputIdentity, Location, MissingValues, Pixels, RasterInfo, RasterMask, RasterSource, identity,
    open_jp2_with_grid, open_raster, read_bytes, read_json, read_text,
};
