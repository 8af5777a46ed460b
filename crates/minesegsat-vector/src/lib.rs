//! Vector files and tables: polygons with their attributes, read with care and written.
//!
//! # The map of this crate
//! - Reading polygons: [`labels`] (formats, filter, repair, reprojection, masks)
//! - Reading tables: [`delimited`] (CSV and other delimited text); [`values`] (dates and numbers in texts)
//! - Writing polygons: [`vector`] (GeoPackage, GeoJSON, FlatGeobuf, GeoParquet, Shapefile, KML)
//! - Readers of other crates, which may panic: [`guard`](guard())
#![warn(clippy::unwrap_used, clippy::print_stdout)]

pub mod delimited;
mod guard;
pub mod labels;
pub mod values;
pub mod vector;

pub use guard::guard;
